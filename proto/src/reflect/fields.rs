//! A resource as a flat map of the fields that can have an owner, and back.
//!
//! A field is a scalar, a free JSON value, an entry of a map, an element of a set, or a list that is one value.
//! Lists whose elements have a key are walked: `spec.sensors[name=power].unit` is a field of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};
use serde_json::{Map, Value as Json};

use super::{rules, spec_descriptor, spec_to_json};
use crate::kinds::Kind;
use crate::pb;
use crate::pb::resource::Spec;

/// The one field of the metadata, besides labels and annotations, that manifests set.
pub const PROTECT: &str = "metadata.protect";

/// A step from a message or list to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Of a message.
    Field(String),
    /// Of a map.
    Entry(String),
    /// Of a list: the name of its key field, and the key.
    Element(String, String),
    /// Of a set.
    Member(String),
}

/// The fields of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    values: BTreeMap<String, Json>,
    steps: HashMap<String, Vec<Step>>,
    /// Keys of each walked list, in its order.
    orders: BTreeMap<String, Vec<String>>,
}

impl Fields {
    /// The fields of a spec with its labels, annotations and protection.
    pub fn of<'a>(
        spec: &Spec,
        labels: impl IntoIterator<Item = (&'a String, &'a String)>,
        annotations: impl IntoIterator<Item = (&'a String, &'a String)>,
        protect: bool,
    ) -> Self {
        let mut fields = Self::default();
        let root = vec![Step::Field("spec".to_owned())];
        if let Json::Object(json) = spec_to_json(spec) {
            fields.message(&spec_descriptor(Kind::of(spec)), &json, &root);
        }
        for (name, entries) in [
            ("labels", labels.into_iter().collect::<Vec<_>>()),
            ("annotations", annotations.into_iter().collect()),
        ] {
            for (key, value) in entries {
                let steps = vec![
                    Step::Field("metadata".to_owned()),
                    Step::Field(name.to_owned()),
                    Step::Entry(key.clone()),
                ];
                fields.put(steps, Json::String(value.clone()));
            }
        }
        if protect {
            fields.set_protect(true);
        }
        fields
    }

    /// The fields that a submission wants. What its manifest holds only to say that there is nothing
    /// (`projects: []`, `protect: false`) is a field, too.
    pub fn wanted(submission: &pb::Submission) -> Self {
        let Some(resource) = &submission.resource else {
            return Self::default();
        };
        let Some(spec) = &resource.spec else {
            return Self::default();
        };
        let metadata = resource.metadata.clone().unwrap_or_default();
        let mut fields = Self::of(spec, &metadata.labels, &metadata.annotations, metadata.protect);
        let descriptor = spec_descriptor(Kind::of(spec));
        for path in &submission.paths {
            if path == PROTECT {
                fields.set_protect(metadata.protect);
            } else if !fields.values.contains_key(path)
                && let Some(steps) = empty_list(&descriptor, path)
                && !fields.values.keys().any(|known| is_below(known, path))
            {
                fields.put(steps, Json::Array(Vec::new()));
            }
        }
        fields
    }

    fn set_protect(&mut self, value: bool) {
        let steps = vec![Step::Field("metadata".to_owned()), Step::Field("protect".to_owned())];
        self.put(steps, Json::Bool(value));
    }

    /// A field's value.
    pub fn get(&self, path: &str) -> Option<&Json> {
        self.values.get(path)
    }

    /// Every field, in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.values.iter()
    }

    /// Does anything stand below the path?
    pub fn has_below(&self, path: &str) -> bool {
        self.values
            .range(path.to_owned()..)
            .skip_while(|(known, _)| known.as_str() == path)
            .take_while(|(known, _)| known.starts_with(path))
            .any(|(known, _)| is_below(known, path))
    }

    /// Takes a field from another map.
    pub fn copy(&mut self, from: &Self, path: &str) {
        if let (Some(value), Some(steps)) = (from.values.get(path), from.steps.get(path)) {
            self.values.insert(path.to_owned(), value.clone());
            self.steps.insert(path.to_owned(), steps.clone());
        }
    }

    /// Gives a field that is there another value.
    pub fn set(&mut self, path: &str, value: Json) {
        if let Some(known) = self.values.get_mut(path) {
            *known = value;
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, path: &str) {
        self.values.remove(path);
        self.steps.remove(path);
    }

    /// Orders the elements of lists: as `wanted` has them where it names them all, else as they are, with new ones behind.
    pub fn order_by(&mut self, wanted: &Self) {
        let mut present: HashMap<String, HashSet<String>> = HashMap::new();
        for steps in self.steps.values() {
            for (at, step) in steps.iter().enumerate() {
                if let Step::Element(_, key) | Step::Member(key) = step {
                    present.entry(text(&steps[..at])).or_default().insert(key.clone());
                }
            }
        }
        for (list, keys) in present {
            let ordered = wanted.orders.get(&list);
            let known = self.orders.remove(&list).unwrap_or_default();
            let all_named = ordered.is_some_and(|ordered| {
                let ordered: HashSet<&String> = ordered.iter().collect();
                keys.iter().all(|key| ordered.contains(key))
            });
            let (first, then) = if all_named {
                (ordered, Some(&known))
            } else {
                (Some(&known), ordered)
            };
            let mut seen = HashSet::new();
            let order = first
                .into_iter()
                .chain(then)
                .flatten()
                .filter(|key| keys.contains(*key) && seen.insert((*key).clone()))
                .cloned()
                .collect();
            self.orders.insert(list, order);
        }
    }

    /// The spec that the fields make up, in manifest form, with labels, annotations and protection.
    pub fn build(&self) -> (Json, Map<String, Json>, Map<String, Json>, bool) {
        let mut root = Node::default();
        for (path, value) in &self.values {
            let Some(steps) = self.steps.get(path) else { continue };
            let mut node = &mut root;
            for step in steps {
                let key = match step {
                    Step::Field(name) | Step::Entry(name) => name,
                    Step::Element(field, key) => {
                        node.key_field = Some(field.clone());
                        key
                    }
                    Step::Member(key) => {
                        node.is_set = true;
                        key
                    }
                };
                node = node.inner.entry(key.clone()).or_default();
            }
            node.value = Some(value.clone());
        }
        let mut metadata = root.inner.remove("metadata").unwrap_or_default();
        let mut entries = |name: &str| match metadata
            .inner
            .remove(name)
            .unwrap_or_default()
            .json("metadata", &self.orders)
        {
            Json::Object(entries) => entries,
            _ => Map::new(),
        };
        let (labels, annotations) = (entries("labels"), entries("annotations"));
        let protect = metadata.inner.remove("protect").and_then(|node| node.value) == Some(Json::Bool(true));
        let spec = root.inner.remove("spec").unwrap_or_default().json("spec", &self.orders);
        (spec, labels, annotations, protect)
    }

    fn put(&mut self, steps: Vec<Step>, value: Json) {
        let path = text(&steps);
        self.values.insert(path.clone(), value);
        self.steps.insert(path, steps);
    }

    fn message(&mut self, descriptor: &MessageDescriptor, json: &Map<String, Json>, at: &[Step]) {
        let with = |step: Step| [at, &[step]].concat();
        if json.is_empty() && at.len() > 1 {
            self.put(at.to_vec(), Json::Object(Map::new()));
        }
        for (name, value) in json {
            let Some(field) = descriptor.get_field_by_json_name(name) else {
                continue;
            };
            let here = with(Step::Field(name.clone()));
            let plain = rules(&field).is_some_and(|rules| rules.json || rules.atomic);
            match (value, field.kind()) {
                (Json::Object(entries), _) if field.is_map() && !plain => {
                    for (key, value) in entries {
                        self.put([&here[..], &[Step::Entry(key.clone())]].concat(), value.clone());
                    }
                }
                (Json::Object(inner), Type::Message(message)) if !plain => self.message(&message, inner, &here),
                (Json::Array(items), _) if field.is_list() && !plain => self.list(&field, items, value, here),
                _ => self.put(here, value.clone()),
            }
        }
    }

    fn list(&mut self, field: &FieldDescriptor, items: &[Json], whole: &Json, here: Vec<Step>) {
        let Some(keys) = keys(field, items) else {
            self.put(here, whole.clone());
            return;
        };
        let key_field = rules(field).map(|rules| rules.list_key.clone()).unwrap_or_default();
        for (key, item) in keys.iter().zip(items) {
            if let (Json::Object(inner), Type::Message(message)) = (item, field.kind()) {
                let step = Step::Element(key_field.clone(), key.clone());
                self.message(&message, inner, &[&here[..], &[step]].concat());
            } else {
                let step = Step::Member(key.clone());
                self.put([&here[..], &[step]].concat(), item.clone());
            }
        }
        self.orders.insert(text(&here), keys);
    }
}

/// The keys of a list whose elements are told apart; none: it is one value.
fn keys(field: &FieldDescriptor, items: &[Json]) -> Option<Vec<String>> {
    let rules = rules(field)?;
    if rules.list_key.is_empty() && !rules.list_set {
        return None;
    }
    let key = |item: &Json| {
        let key = if rules.list_set {
            item
        } else {
            item.get(&rules.list_key)?
        };
        key.as_str().map(str::to_owned)
    };
    let keys: Vec<String> = items.iter().map(key).collect::<Option<_>>()?;
    let mut seen = HashSet::new();
    keys.iter().all(|key| seen.insert(key)).then_some(keys)
}

/// Paths as manifests count (`spec.sensors[0].unit`) in the form of fields (`spec.sensors[name=power].unit`).
pub fn keyed_paths(spec: &Spec, paths: Vec<String>) -> Vec<String> {
    if !paths.iter().any(|path| path.contains('[')) {
        return paths;
    }
    let (json, descriptor) = (spec_to_json(spec), spec_descriptor(Kind::of(spec)));
    let mut known = HashMap::new();
    let mut keyed = |path: String| keyed_path(&descriptor, &json, &path, &mut known).unwrap_or(path);
    paths.into_iter().map(&mut keyed).collect()
}

/// None: the path leads into no list whose elements are told apart.
fn keyed_path(
    descriptor: &MessageDescriptor,
    json: &Json,
    path: &str,
    known: &mut HashMap<String, Option<Vec<String>>>,
) -> Option<String> {
    let mut steps = vec![Step::Field("spec".to_owned())];
    let (mut message, mut at) = (Some(descriptor.clone()), json);
    for part in path.strip_prefix("spec.")?.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, Some(index.strip_suffix(']')?.parse::<usize>().ok()?)),
            None => (part, None),
        };
        let field = message?.get_field_by_json_name(name)?;
        at = at.get(name)?;
        steps.push(Step::Field(name.to_owned()));
        if let Some(index) = index {
            let items = at.as_array()?;
            let of_list = known.entry(text(&steps)).or_insert_with(|| keys(&field, items));
            let key = of_list.as_ref()?.get(index)?.clone();
            let rules = rules(&field)?;
            steps.push(if rules.list_set {
                Step::Member(key)
            } else {
                Step::Element(rules.list_key.clone(), key)
            });
            at = items.get(index)?;
        }
        message = match field.kind() {
            Type::Message(message) if !field.is_map() => Some(message),
            _ => None,
        };
    }
    Some(text(&steps))
}

/// A node of the tree while it is put together.
#[derive(Default)]
struct Node {
    value: Option<Json>,
    inner: BTreeMap<String, Node>,
    key_field: Option<String>,
    is_set: bool,
}

impl Node {
    fn json(self, path: &str, orders: &BTreeMap<String, Vec<String>>) -> Json {
        if self.inner.is_empty() {
            return self.value.unwrap_or_else(|| Json::Object(Map::new()));
        }
        let mut inner = self.inner;
        if self.key_field.is_none() && !self.is_set {
            let entries = inner.into_iter().map(|(name, node)| {
                let path = format!("{path}.{name}");
                (name, node.json(&path, orders))
            });
            return Json::Object(entries.collect());
        }
        let mut items = Vec::with_capacity(inner.len());
        let known = orders.get(path).cloned().unwrap_or_default();
        let rest: Vec<String> = inner.keys().filter(|key| !known.contains(key)).cloned().collect();
        for key in known.into_iter().chain(rest) {
            let Some(node) = inner.remove(&key) else { continue };
            let Some(field) = &self.key_field else {
                items.push(Json::String(key));
                continue;
            };
            let step = text_of(&Step::Element(field.clone(), key.clone()));
            let mut json = node.json(&format!("{path}{step}"), orders);
            if let Json::Object(entries) = &mut json {
                entries.insert(field.clone(), Json::String(key));
            }
            items.push(json);
        }
        Json::Array(items)
    }
}

/// The steps to a list that is one value, from its path, if the path leads to one.
fn empty_list(descriptor: &MessageDescriptor, path: &str) -> Option<Vec<Step>> {
    let mut steps = vec![Step::Field("spec".to_owned())];
    let mut at = descriptor.clone();
    let mut parts = path.strip_prefix("spec.")?.split('.').peekable();
    while let Some(name) = parts.next() {
        let field = at.get_field_by_json_name(name)?;
        steps.push(Step::Field(name.to_owned()));
        if parts.peek().is_none() {
            return keys(&field, &[]).is_none().then_some(steps).filter(|_| field.is_list());
        }
        match field.kind() {
            Type::Message(message) if !field.is_list() && !field.is_map() => at = message,
            _ => return None,
        }
    }
    None
}

fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn text(steps: &[Step]) -> String {
    let mut path: String = steps.iter().map(text_of).collect();
    if path.starts_with('.') {
        path.remove(0);
    }
    path
}

fn text_of(step: &Step) -> String {
    let escaped = |key: &str| key.replace('\\', "\\\\").replace(']', "\\]");
    match step {
        Step::Field(name) | Step::Entry(name) => format!(".{name}"),
        Step::Element(field, key) => format!("[{field}={}]", escaped(key)),
        Step::Member(key) => format!("[={}]", escaped(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::spec_from_json;
    use serde_json::json;

    fn device(json: &Json) -> Fields {
        let spec = spec_from_json(Kind::Device, json).unwrap();
        let labels = HashMap::from([("app/x.y".to_owned(), "1".to_owned())]);
        Fields::of(&spec, &labels, &HashMap::new(), true)
    }

    #[test]
    fn fields_and_back() {
        let json = json!({
            "serial": "A", "projects": ["q", "p"], "endpoint": {"host": "h", "port": 502},
            "sensors": [{"name": "b]\\", "unit": "V"}, {"name": "a", "max": 3.5}], "configuration": {"x": {}, "y": [1]},
        });
        let fields = device(&json);
        let paths: Vec<_> = fields.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "metadata.labels.app/x.y",
                "metadata.protect",
                "spec.configuration",
                "spec.endpoint",
                "spec.projects[=p]",
                "spec.projects[=q]",
                "spec.sensors[name=a].max",
                "spec.sensors[name=a].name",
                "spec.sensors[name=b\\]\\\\].name",
                "spec.sensors[name=b\\]\\\\].unit",
                "spec.serial",
            ]
        );
        let (spec, labels, _, protect) = fields.build();
        assert_eq!(
            spec_from_json(Kind::Device, &spec).unwrap(),
            spec_from_json(Kind::Device, &json).unwrap()
        );
        assert_eq!((labels.len(), protect), (1, true));
    }

    #[test]
    fn a_manifests_paths_lead_to_fields() {
        let json =
            json!({"projects": ["p", "q"], "sensors": [{"name": "b]", "unit": "V"}], "configuration": {"a": [1]}});
        let spec = spec_from_json(Kind::Device, &json).unwrap();
        for (path, field) in [
            ("spec.sensors[0].unit", "spec.sensors[name=b\\]].unit"),
            ("spec.projects[1]", "spec.projects[=q]"),
            ("spec.projects[2]", "spec.projects[2]"),
            ("spec.configuration.a[0]", "spec.configuration.a[0]"),
            ("spec.sensors[0][1]", "spec.sensors[0][1]"),
            ("metadata.labels.x[0]", "metadata.labels.x[0]"),
        ] {
            assert_eq!(keyed_paths(&spec, vec![path.to_owned()]), [field]);
        }
    }

    #[test]
    fn elements_keep_their_order_beside_those_of_others() {
        let live = device(&json!({"sensors": [{"name": "a"}, {"name": "z"}]}));
        let wanted = device(&json!({"sensors": [{"name": "b"}, {"name": "a"}]}));
        let mut merged = live.clone();
        for (path, _) in wanted.iter() {
            merged.copy(&wanted, path);
        }
        merged.order_by(&wanted);
        let names = |fields: &Fields| -> Vec<String> {
            let (spec, ..) = fields.build();
            let items = spec["sensors"].as_array().unwrap();
            items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(&merged), ["a", "z", "b"], "z is somebody else's: nothing moves");
        merged.remove("spec.sensors[name=z].name");
        merged.order_by(&wanted);
        assert_eq!(names(&merged), ["b", "a"], "all are named: as wanted");
    }

    #[test]
    fn a_manifest_may_hold_that_there_is_nothing() {
        let submission = pb::Submission {
            resource: Some(pb::Resource {
                spec: Some(Spec::GatewayConfig(pb::GatewayConfigSpec::default())),
                ..Default::default()
            }),
            paths: ["spec.slaves", "spec.buses", "metadata.protect", "metadata.name"]
                .map(str::to_owned)
                .to_vec(),
            ..Default::default()
        };
        let fields = Fields::wanted(&submission);
        let found: Vec<_> = fields
            .iter()
            .map(|(path, value)| (path.as_str(), value.clone()))
            .collect();
        assert_eq!(found, [(PROTECT, json!(false)), ("spec.slaves", json!([]))]);
    }
}
