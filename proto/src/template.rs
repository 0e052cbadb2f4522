//! Templates: defaults with values over them, held against a schema.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use crate::pb::TemplateSpec;

/// Deepest schema; deeper ones cost a validator's stack.
const DEEPEST: usize = 64;
/// Problems that are told of one value.
const MOST: usize = 20;

/// A template that can be used.
#[derive(Debug)]
pub struct Template {
    schema: Validator,
    defaults: Json,
    /// May manifests begin to use it?
    pub active: bool,
}

/// What is wrong with a value: the path in it (`.a[0]`), and why.
pub type Mismatch = (String, String);

impl Template {
    /// Reads the schema. The error says why it is none.
    pub fn of(spec: &TemplateSpec) -> Result<Self, String> {
        let schema = json(spec.schema());
        if depth(&schema) > DEEPEST {
            return Err(format!("is nested deeper than {DEEPEST} levels"));
        }
        if let Some(at) = endless(&schema) {
            return Err(format!("`$ref: {at}` leads back to itself"));
        }
        let schema = jsonschema::options()
            // Linear in the text: a pattern of a tenant must not hold a thread.
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            schema,
            defaults: spec
                .defaults
                .as_deref()
                .map_or_else(|| Json::Object(serde_json::Map::new()), json),
            active: spec.active.unwrap_or(true),
        })
    }

    /// What is wrong with the defaults; what the schema requires may be left to those who use it.
    pub fn defaults(&self) -> Vec<Mismatch> {
        self.mismatches(&self.defaults, &|kind| {
            !matches!(kind, ValidationErrorKind::Required { .. })
        })
    }

    /// The defaults with values over them, maps merged deeply. It may not satisfy the schema: [`Self::check`].
    pub fn render(&self, values: Option<&Json>) -> Json {
        let mut whole = self.defaults.clone();
        if let Some(values) = values {
            lay_over(&mut whole, values.clone());
        }
        whole
    }

    /// What the schema says against a value.
    pub fn check(&self, value: &Json) -> Vec<Mismatch> {
        self.mismatches(value, &|_| true)
    }

    fn mismatches(&self, value: &Json, counts: &dyn Fn(&ValidationErrorKind) -> bool) -> Vec<Mismatch> {
        let errors = self.schema.iter_errors(value).filter(|error| counts(error.kind()));
        let told = |error: jsonschema::ValidationError<'_>| {
            (path(&error.instance_path().to_string()), error.masked().to_string())
        };
        errors.take(MOST).map(told).collect()
    }
}

/// Maps merge deeply; anything else is replaced.
pub fn lay_over(below: &mut Json, above: Json) {
    match (below, above) {
        (Json::Object(below), Json::Object(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(known) => lay_over(known, value),
                    None => drop(below.insert(key, value)),
                }
            }
        }
        (below, above) => *below = above,
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or(Json::Null)
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A `$ref` that is followed without a step into the value, back to where it began: it could never be decided.
fn endless(schema: &Json) -> Option<String> {
    fn refs<'a>(schema: &'a Json, found: &mut Vec<&'a str>) {
        /// Keywords whose schemas look at the same value.
        const SAME: &[&str] = &[
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "then",
            "else",
            "dependentSchemas",
        ];
        let Json::Object(map) = schema else { return };
        for name in ["$ref", "$dynamicRef", "$recursiveRef"] {
            found.extend(map.get(name).and_then(Json::as_str));
        }
        for inner in SAME.iter().filter_map(|name| map.get(*name)) {
            match inner {
                Json::Array(items) => items.iter().for_each(|inner| refs(inner, found)),
                Json::Object(entries) if entries.values().all(Json::is_object) => {
                    refs(inner, found);
                    entries.values().for_each(|inner| refs(inner, found));
                }
                _ => refs(inner, found),
            }
        }
    }
    fn all<'a>(schema: &'a Json, found: &mut Vec<&'a str>) {
        match schema {
            Json::Object(map) => {
                found.extend(map.get("$ref").and_then(Json::as_str));
                map.values().for_each(|inner| all(inner, found));
            }
            Json::Array(items) => items.iter().for_each(|inner| all(inner, found)),
            _ => {}
        }
    }
    let target = |name: &str| match name.strip_prefix('#')? {
        "" => Some(schema),
        pointer => schema.pointer(pointer),
    };
    let mut every = Vec::new();
    all(schema, &mut every);
    for begin in every {
        let (mut seen, mut open) = (std::collections::HashSet::new(), vec![begin]);
        while let Some(name) = open.pop() {
            let mut next = Vec::new();
            if let Some(target) = target(name) {
                refs(target, &mut next);
            }
            if next.contains(&begin) {
                return Some(begin.to_owned());
            }
            open.extend(next.into_iter().filter(|name| seen.insert((*name).to_owned())));
        }
    }
    None
}

/// `/a/0/b` → `.a[0].b`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(&format!(".{part}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(schema: &Json, defaults: &Json) -> Result<Template, String> {
        Template::of(&TemplateSpec {
            schema: Some(schema.to_string()),
            defaults: Some(defaults.to_string()),
            ..TemplateSpec::default()
        })
    }

    #[test]
    fn values_lie_over_defaults_and_are_held_against_the_schema() {
        let schema = json!({
            "type": "object", "required": ["serial"], "additionalProperties": false,
            "properties": {"serial": {"type": "string"}, "flow": {"properties": {"pressure": {"maximum": 200}}}},
        });
        let template = template(&schema, &json!({"flow": {"pressure": 100, "seconds": 60}})).unwrap();
        assert!(template.defaults().is_empty(), "what is required may be left to values");
        let whole = template.render(Some(&json!({"serial": "A", "flow": {"pressure": 250}})));
        assert_eq!(whole, json!({"flow": {"pressure": 250, "seconds": 60}, "serial": "A"}));
        let found = template.check(&whole);
        assert_eq!((found.len(), found[0].0.as_str()), (1, ".flow.pressure"));
        assert!(!found[0].1.contains("250"), "a value may be a secret: {}", found[0].1);
        assert_eq!(template.check(&template.render(None)).len(), 1, "serial is missing");
        let wrong = self::template(&schema, &json!({"flow": {"pressure": 300}})).unwrap();
        assert_eq!(wrong.defaults().len(), 1);
    }

    #[test]
    fn a_schema_is_its_own_world_and_can_be_decided() {
        for schema in [
            json!({"type": "nonsense"}),
            json!({"$ref": "https://example.org/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "#"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"pattern": "(a+)+$("}),
            (0..80).fold(json!({}), |inner, _| json!({"not": inner})),
        ] {
            assert!(template(&schema, &json!({})).is_err(), "{schema}");
        }
        let tree = json!({"properties": {"inner": {"$ref": "#"}, "leaf": {"type": "string"}}});
        let template = template(&tree, &json!({})).unwrap();
        assert_eq!(template.check(&json!({"inner": {"inner": {"leaf": 5}}})).len(), 1);
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_text() {
        let template = template(&json!({"pattern": "^(a+)+$"}), &json!("a")).unwrap();
        assert_eq!(template.check(&json!(format!("{}!", "a".repeat(50_000)))).len(), 1);
    }
}
