//! Maps within a free JSON value that stand for something else: a template with values, or a secret.

use serde_json::{Map, Value as Json};

use crate::codes;
use crate::kinds::Kind;
use crate::names;
use crate::pb;
use crate::reflect::MARK;
use crate::suggest::distance;

const TEMPLATE: &str = "fromTemplate";
const VALUES: &str = "values";
const SECRET: &str = "secretRef";

/// What a map stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part<'a> {
    /// The defaults of a template with values over them.
    Template(&'a str, Option<&'a Json>),
    /// The text of a secret.
    Secret(&'a str),
}

impl<'a> Part<'a> {
    fn of(map: &'a Map<String, Json>) -> Option<Self> {
        if let Some(name) = map.get(SECRET) {
            return Some(Self::Secret(name.as_str().unwrap_or_default()));
        }
        let name = map.get(TEMPLATE)?;
        Some(Self::Template(name.as_str().unwrap_or_default(), map.get(VALUES)))
    }

    /// The resource that it names: kind, name, and the key that holds the name.
    pub(super) fn target(self) -> (Kind, &'a str, &'static str) {
        match self {
            Self::Template(name, _) => (Kind::Template, name, TEMPLATE),
            Self::Secret(name) => (Kind::Secret, name, SECRET),
        }
    }
}

/// The key of a part that a key was probably meant to be.
fn meant(key: &str) -> Option<&'static str> {
    let fold = |key: &str| -> String {
        let letters = key.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_ascii_lowercase()
    };
    let folded = fold(key);
    [TEMPLATE, SECRET].into_iter().find(|known| {
        let near = folded.len().abs_diff(known.len()) <= 1;
        key != *known && near && distance(&folded, &fold(known)) <= 1
    })
}

/// Is there anything to look for? Most values stand for themselves.
pub(super) fn is_composed(text: &str) -> bool {
    // An escape may stand for any letter.
    text.contains("\"fromTemplate\"") || text.contains("\"secretRef\"") || text.contains('\\')
}

/// Paths of the parts of a JSON text.
pub fn composed_text(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(json) = Some(text)
        .filter(|text| is_composed(text))
        .and_then(|text| serde_json::from_str(text).ok())
    {
        parts(&json, "", &mut |path, _| found.push(path.to_owned()));
    }
    found
}

/// Visits what stands for something else, each with its path.
pub fn parts(json: &Json, path: &str, visit: &mut dyn FnMut(&str, Part<'_>)) {
    match json {
        Json::Object(map) => {
            if let Some(part) = Part::of(map) {
                visit(path, part);
            }
            for (key, inner) in map {
                parts(inner, &format!("{path}.{key}"), visit);
            }
        }
        Json::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                parts(inner, &format!("{path}[{at}]"), visit);
            }
        }
        _ => {}
    }
}

/// The value with everything filled in: inner parts first. `fill` is told the path of each part.
pub fn filled(json: Json, path: &str, fill: &mut dyn FnMut(&str, Part<'_>) -> Json) -> Json {
    match json {
        Json::Object(map) => {
            let whole: Map<String, Json> = map
                .into_iter()
                .map(|(key, inner)| {
                    let inner = filled(inner, &format!("{path}.{key}"), fill);
                    (key, inner)
                })
                .collect();
            match Part::of(&whole) {
                Some(part) => fill(path, part),
                None => Json::Object(whole),
            }
        }
        Json::Array(items) => {
            let items = items.into_iter().enumerate();
            Json::Array(
                items
                    .map(|(at, inner)| filled(inner, &format!("{path}[{at}]"), fill))
                    .collect(),
            )
        }
        scalar => scalar,
    }
}

/// Makes every part that names the resource name it anew.
pub(super) fn rename(json: &mut Json, kind: Kind, name: &str, new: &str) -> bool {
    match json {
        Json::Object(map) => {
            let key = Part::of(map)
                .map(Part::target)
                .filter(|target| (target.0, target.1) == (kind, name))
                .map(|target| target.2);
            let mut changed = key.is_some();
            if let Some(slot) = key.and_then(|key| map.get_mut(key)) {
                *slot = new.into();
            }
            for inner in map.values_mut() {
                changed |= rename(inner, kind, name, new);
            }
            changed
        }
        Json::Array(items) => {
            let mut changed = false;
            for inner in items {
                changed |= rename(inner, kind, name, new);
            }
            changed
        }
        _ => false,
    }
}

/// What is wrong with the form of the parts.
pub(super) fn issues(json: &Json, path: &str) -> Vec<pb::Issue> {
    let mut found = Vec::new();
    form(json, path, &mut found);
    found
}

fn form(json: &Json, path: &str, found: &mut Vec<pb::Issue>) {
    let issue = |path: String, message: String, help: String| pb::Issue {
        index: 0,
        path,
        message,
        help,
        code: codes::COMPOSED.to_owned(),
    };
    match json {
        Json::Object(map) => {
            if let Some(part) = Part::of(map) {
                let (kind, name, key) = part.target();
                if !names::is_name(name) {
                    let help = format!("write its metadata.name: {}", names::NAME_HINT);
                    found.push(issue(format!("{path}.{key}"), format!("is no name of a {kind}"), help));
                }
                let allowed = |known: &str| known == key || (known == VALUES && key == TEMPLATE);
                if let Some(other) = map.keys().find(|known| !allowed(known)) {
                    let message = format!("`{key}` stands for the whole map, so `{other}` would be lost");
                    let help = match key {
                        TEMPLATE => "put it below `values:`, or remove it",
                        _ => "remove it",
                    };
                    found.push(issue(format!("{path}.{other}"), message, help.to_owned()));
                }
                if let Some(values) = map.get(VALUES).filter(|values| key == TEMPLATE && !values.is_object()) {
                    let message = format!("expected a map, found {values}");
                    found.push(issue(
                        format!("{path}.{VALUES}"),
                        message,
                        "write `name: value` lines below it".into(),
                    ));
                }
            }
            for (key, inner) in map {
                if let Some(known) = meant(key) {
                    let message = format!("`{key}` stands for nothing");
                    found.push(issue(
                        format!("{path}.{key}"),
                        message,
                        format!("did you mean `{known}`?"),
                    ));
                }
                form(inner, &format!("{path}.{key}"), found);
            }
        }
        Json::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                form(inner, &format!("{path}[{at}]"), found);
            }
        }
        // It would pass for a secret, against which no schema is held.
        Json::String(text) if text.starts_with(MARK) => found.push(issue(
            path.to_owned(),
            format!("a text must not begin with `{MARK}`"),
            "write `{secretRef: NAME}`".to_owned(),
        )),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::{check, references, rename_reference, spec_from_json, spec_to_json};
    use serde_json::json;

    #[test]
    fn parts_are_references_and_follow_a_rename() {
        let json = json!({"configuration": {"flow": {"fromTemplate": "t", "values": {"pin": {"secretRef": "s"}}}, "template": "t"}});
        let mut spec = spec_from_json(Kind::Device, &json).unwrap();
        assert!(check(&spec).is_empty());
        let found: Vec<_> = references(&spec)
            .into_iter()
            .map(|one| (one.path, one.kind, one.name))
            .collect();
        assert_eq!(
            found,
            [
                (
                    "spec.configuration.flow.fromTemplate".to_owned(),
                    Kind::Template,
                    "t".to_owned()
                ),
                (
                    "spec.configuration.flow.values.pin.secretRef".to_owned(),
                    Kind::Secret,
                    "s".to_owned()
                ),
            ]
        );
        assert!(rename_reference(&mut spec, Kind::Secret, "s", "z"));
        assert!(
            !rename_reference(&mut spec, Kind::Secret, "t", "z"),
            "a template of that name is another thing"
        );
        assert_eq!(
            spec_to_json(&spec)["configuration"]["flow"]["values"]["pin"]["secretRef"],
            "z"
        );
    }

    #[test]
    fn an_escape_hides_no_part() {
        let spec = crate::pb::resource::Spec::Device(pb::DeviceSpec {
            configuration: Some(r#"{"pin": {"secretRe\u0066": "s"}}"#.to_owned()),
            ..Default::default()
        });
        assert_eq!(references(&spec)[0].name, "s");
    }

    #[test]
    fn inner_parts_are_filled_first() {
        let json = json!({"a": [{"fromTemplate": "t", "values": {"x": {"secretRef": "s"}}}], "b": 1});
        let mut paths = Vec::new();
        let whole = filled(json, "v", &mut |path, part| {
            paths.push(path.to_owned());
            match part {
                Part::Secret(name) => format!("text of {name}").into(),
                Part::Template(name, values) => json!([name, values]),
            }
        });
        assert_eq!(whole, json!({"a": [["t", {"x": "text of s"}]], "b": 1}));
        assert_eq!(paths, ["v.a[0].values.x", "v.a[0]"]);
    }

    #[test]
    fn a_part_is_a_part_and_nothing_else() {
        for (value, path) in [
            (json!({"fromTemplate": "t", "value": {}}), "spec.configuration.value"),
            (
                json!({"x": [{"fromTemplate": 5}]}),
                "spec.configuration.x[0].fromTemplate",
            ),
            (json!({"fromTemplate": "t", "values": []}), "spec.configuration.values"),
            (
                json!({"pin": {"secretRef": "s", "values": {}}}),
                "spec.configuration.pin.values",
            ),
            (json!({"secretRef": "a b"}), "spec.configuration.secretRef"),
            (json!({"pressure": "flt-secret:1"}), "spec.configuration.pressure"),
            (json!({"pin": {"secretref": "s"}}), "spec.configuration.pin.secretref"),
            (json!({"from_template": "t"}), "spec.configuration.from_template"),
            (json!([{"fromTemplat": "t"}]), "spec.configuration[0].fromTemplat"),
        ] {
            let found = check(&spec_from_json(Kind::Device, &json!({"configuration": value})).unwrap());
            let paths: Vec<_> = found.iter().map(|issue| issue.path.as_str()).collect();
            assert_eq!(paths, [path]);
        }
    }
}
