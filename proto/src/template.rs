//! Templates: defaults with values over them, held against a schema.

use std::collections::HashMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use crate::pb::TemplateSpec;
use crate::reflect::{MARK, lookup};

/// Schemas that one schema may come to when every `$ref` is written out: what one look at a value costs.
const LARGEST: usize = 5_000;
/// Longest way into a schema, `$ref`s followed; deeper ones cost a validator's stack.
const DEEPEST: usize = 100;
/// Problems that are told of one value.
const MOST: usize = 20;

/// A template that can be used.
#[derive(Debug)]
pub struct Template {
    schema: Validator,
    defaults: Json,
    /// Bytes of the defaults.
    pub size: usize,
    /// May manifests begin to use it?
    pub active: bool,
}

/// What is wrong with a value or schema: the path in it (`.a[0]`), and why.
pub type Mismatch = (String, String);

impl Template {
    /// Reads the schema. The error says where and why it is none.
    pub fn of(spec: &TemplateSpec) -> Result<Self, Mismatch> {
        let schema = json(spec.schema());
        let mut known = HashMap::new();
        cost(&schema, &schema, "", 0, &mut known)?;
        let validator = jsonschema::options()
            // Linear in the text: a pattern of a tenant must not hold a thread.
            .with_pattern_options(PatternOptions::regex())
            .build(&schema)
            .map_err(|error| (path(&error.instance_path().to_string()), error.to_string()))?;
        Ok(Self {
            schema: validator,
            defaults: spec
                .defaults
                .as_deref()
                .map_or_else(|| Json::Object(serde_json::Map::new()), json),
            size: spec.defaults().len(),
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

    /// What the schema says against a value, but for what it says of the marks of secrets: of their texts nothing is known.
    pub fn check(&self, value: &Json) -> Vec<Mismatch> {
        let mut found = self.mismatches(value, &|_| true);
        found.retain(|(path, _)| {
            let at = lookup(value, path).and_then(Json::as_str);
            !at.is_some_and(|text| text.starts_with(MARK))
        });
        found
    }

    fn mismatches(&self, value: &Json, counts: &dyn Fn(&ValidationErrorKind) -> bool) -> Vec<Mismatch> {
        let errors = self.schema.iter_errors(value).filter(|error| counts(error.kind()));
        let told = |error: jsonschema::ValidationError<'_>| {
            (
                path(&error.instance_path().to_string()),
                error.masked_with("the value").to_string(),
            )
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

/// How many schemas a schema comes to. Refused is what a validator could not decide in bounded time and stack: a `$ref`
/// that leads back to itself by any way, too many schemas, too long a way.
fn cost(
    root: &Json,
    node: &Json,
    at: &str,
    depth: usize,
    known: &mut HashMap<String, Option<usize>>,
) -> Result<usize, Mismatch> {
    /// Keywords that hold values, and no schemas.
    const VALUES: &[&str] = &["const", "enum", "default", "examples"];
    let refused = |why: String| Err((path(at), why));
    if depth > DEEPEST {
        return refused(format!("is nested deeper than {DEEPEST} levels, `$ref`s followed"));
    }
    let mut sum = 1_usize;
    match node {
        Json::Object(map) => {
            for (key, inner) in map.iter().filter(|(key, _)| !VALUES.contains(&key.as_str())) {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                sum = sum.saturating_add(match (key.as_str(), inner.as_str()) {
                    ("$ref", Some(name)) => target(root, name, &at, depth, known)?,
                    ("$dynamicRef" | "$recursiveRef" | "$id" | "$anchor" | "$dynamicAnchor", Some(_)) => {
                        return Err((
                            path(&at),
                            format!("`{key}` is not understood; write `$ref: \"#/$defs/NAME\"`"),
                        ));
                    }
                    _ => cost(root, inner, &at, depth + 1, known)?,
                });
            }
        }
        Json::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                sum = sum.saturating_add(cost(root, inner, &format!("{at}/{index}"), depth + 1, known)?);
            }
        }
        _ => {}
    }
    if sum > LARGEST {
        return refused(format!(
            "comes to more than {LARGEST} schemas when every `$ref` is written out"
        ));
    }
    Ok(sum)
}

fn target(
    root: &Json,
    name: &str,
    at: &str,
    depth: usize,
    known: &mut HashMap<String, Option<usize>>,
) -> Result<usize, Mismatch> {
    let found = match name.strip_prefix('#') {
        Some("") => Some(root),
        Some(pointer) => root.pointer(pointer),
        None => None,
    };
    let Some(found) = found else {
        return Err((path(at), format!("`$ref: {name}` names nothing in this schema")));
    };
    match known.get(name) {
        Some(Some(sum)) => return Ok(*sum),
        Some(None) => return Err((path(at), format!("`$ref: {name}` leads back to itself"))),
        None => {}
    }
    known.insert(name.to_owned(), None);
    let sum = cost(root, found, name.trim_start_matches('#'), depth + 1, known)?;
    known.insert(name.to_owned(), Some(sum));
    Ok(sum)
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

    fn template(schema: &Json, defaults: &Json) -> Result<Template, Mismatch> {
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
        // Each of these doubles what the one behind it costs.
        let bomb: serde_json::Map<String, Json> = (0..40)
            .map(|at| {
                let next = json!({"$ref": format!("#/$defs/a{}", at + 1)});
                (format!("a{at}"), json!({"allOf": [next, next]}))
            })
            .chain([("a40".to_owned(), json!({"type": "string"}))])
            .collect();
        let wide: serde_json::Map<String, Json> = (0..5)
            .map(|at| {
                let next = vec![json!({"$ref": format!("#/$defs/a{}", at + 1)}); 30];
                (format!("a{at}"), json!({"allOf": next}))
            })
            .chain([("a5".to_owned(), json!({"type": "string"}))])
            .collect();
        let chain: serde_json::Map<String, Json> = (0..8_000)
            .map(|at| (format!("a{at}"), json!({"$ref": format!("#/$defs/a{}", at + 1)})))
            .chain([("a8000".to_owned(), json!({}))])
            .collect();
        for (schema, at) in [
            (json!({"properties": {"x": {"type": "nonsense"}}}), ".properties.x.type"),
            (json!({"$ref": "https://example.org/schema.json"}), ".$ref"),
            (json!({"$ref": "file:///etc/passwd"}), ".$ref"),
            (json!({"$ref": "#"}), ".$ref"),
            (
                json!({"properties": {"x": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}),
                ".properties.x.allOf[0].$ref",
            ),
            (json!({"$dynamicRef": "#x"}), ".$dynamicRef"),
            (json!({"$ref": "#/$defs/a0", "$defs": bomb}), ""),
            (json!({"$ref": "#/$defs/a0", "$defs": wide}), ""),
            (json!({"$ref": "#/$defs/a0", "$defs": chain}), ""),
            (
                json!({"properties": {"x": {"pattern": "(a+)+$("}}}),
                ".properties.x.pattern",
            ),
            ((0..120).fold(json!({}), |inner, _| json!({"not": inner})), ""),
        ] {
            let (found, why) = template(&schema, &json!({})).unwrap_err();
            assert!(found.starts_with(at), "{found}: {why}");
        }
        let shared = json!({
            "$defs": {"volt": {"type": "number"}}, "const": {"$ref": "https://a.value"},
            "properties": {"a": {"$ref": "#/$defs/volt"}, "b": {"items": {"$ref": "#/$defs/volt"}}},
        });
        assert!(template(&shared, &json!({"$ref": "https://a.value"})).is_ok());
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_text() {
        let template = template(&json!({"pattern": "^(a+)+$"}), &json!("a")).unwrap();
        assert_eq!(template.check(&json!(format!("{}!", "a".repeat(50_000)))).len(), 1);
    }
}
