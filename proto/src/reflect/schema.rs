//! JSON Schema of manifests, and of what commands print, from the contract and its comments.

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

use super::MARK;
use super::describe::{TIMESTAMP, comment, fields, metadata};
use super::{RESOURCE, enum_words, manifest_name, pool, rules, spec_descriptor};
use crate::kinds::{KINDS, Kind};
use crate::names;
use crate::pb;

/// JSON Schema's address of the version that is written here.
pub const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whose form of a message is described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    /// What a manifest may hold, and must.
    Manifest,
    /// What a program sends: as a manifest, with the text of a secret in its place.
    Input,
    /// What fleetd answers: the server's fields, too; what is empty is left out.
    Output,
}

/// What a program reads of a message of the contract, by its name such as `Command`.
pub fn message_output(name: &str) -> Option<Json> {
    let message = pool().get_message_by_name(&format!("fleet.v1.{name}"))?;
    Some(message_schema(&message, View::Output))
}

/// What a program reads of a resource: of any kind, with the server's fields.
pub fn resource_output() -> Json {
    let of_kind = |row: &crate::kinds::Row| {
        let status = RESOURCE.get_field_by_name(&format!("{}_status", row.field));
        let mut properties = json!({"spec": message_schema(&spec_descriptor(row.kind), View::Output)});
        if let Some(Type::Message(message)) = status.map(|field| field.kind()) {
            properties["status"] = message_schema(&message, View::Output);
        }
        json!({"if": {"properties": {"kind": {"const": row.title}}}, "then": {"properties": properties}})
    };
    let titles: Vec<&str> = KINDS.iter().map(|row| row.title).collect();
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"const": "fleet/v1"}, "kind": {"enum": titles},
            "metadata": message_schema(&metadata(), View::Output), "spec": {}, "status": {},
            "issues": {"type": "array", "items": message_output("Issue")},
        },
        "allOf": KINDS.iter().map(of_kind).collect::<Vec<_>>(),
    })
}

/// What a program reads of a resource of this kind.
pub fn kind_output(kind: Kind) -> Json {
    let row = kind.row();
    let status = RESOURCE.get_field_by_name(&format!("{}_status", row.field));
    let mut schema = json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"const": "fleet/v1"}, "kind": {"const": row.title},
            "metadata": message_schema(&metadata(), View::Output),
            "spec": message_schema(&spec_descriptor(kind), View::Output),
            "issues": {"type": "array", "items": message_output("Issue")},
        },
    });
    if let Some(Type::Message(message)) = status.map(|field| field.kind()) {
        schema["properties"]["status"] = message_schema(&message, View::Output);
    }
    schema
}

/// What a program sends of a resource of this kind.
pub fn kind_input(kind: Kind) -> Json {
    let mut schema = manifest(kind, View::Input);
    schema["required"] = json!(["metadata"]);
    schema
}

/// JSON Schema (2020-12) of the manifests of a kind; none: of every kind.
pub fn schema(kind: Option<Kind>) -> Json {
    let mut definitions = Map::new();
    let kinds: Vec<Kind> = kind.map_or_else(|| KINDS.iter().map(|row| row.kind).collect(), |kind| vec![kind]);
    let manifests: Vec<Json> = kinds
        .iter()
        .map(|kind| {
            let title = kind.row().title;
            definitions.insert(title.to_owned(), manifest(*kind, View::Manifest));
            json!({"if": {"properties": {"kind": {"const": title}}}, "then": {"$ref": format!("#/$defs/{title}")}})
        })
        .collect();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.row().title).collect();
    json!({
        "$schema": DRAFT,
        "title": "Manifests of fleetd",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"apiVersion": {"const": "fleet/v1"}, "kind": {"enum": titles}},
        "allOf": manifests,
        "$defs": definitions,
    })
}

fn manifest(kind: Kind, view: View) -> Json {
    let mut metadata = message_schema(&metadata(), view);
    if let Some(properties) = metadata.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert(
            "name".to_owned(),
            json!({"type": "string", "description": names::NAME_HINT, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}),
        );
        if kind.is_platform() {
            properties.shift_remove("org");
        }
    }
    metadata["required"] = json!(["name"]);
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"const": "fleet/v1"},
            "kind": {"const": kind.row().title},
            "metadata": metadata,
            "spec": message_schema(&spec_descriptor(kind), view),
        },
    })
}

fn message_schema(message: &MessageDescriptor, view: View) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let told = match view {
        View::Manifest | View::Input => fields(message),
        View::Output => message.fields().collect(),
    };
    for field in told {
        let name = manifest_name(&field).to_owned();
        if view != View::Output && rules(&field).is_some_and(|rules| rules.required) {
            required.push(Json::from(name.clone()));
        }
        properties.insert(name, field_schema(&field, view));
    }
    let mut schema = json!({"type": "object", "additionalProperties": false, "properties": properties});
    let text = comment(message.full_name());
    if !text.is_empty() {
        schema["description"] = text.into();
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn field_schema(field: &FieldDescriptor, view: View) -> Json {
    let nothing = pb::FieldRules::default();
    let rules = rules(field).unwrap_or(&nothing);
    let mut schema = if rules.secret && view == View::Manifest {
        let read = |key: &str| json!({"type": "object", "required": [key], "additionalProperties": false, "properties": {key: {"type": "string"}}});
        let mark = json!({"type": "string", "pattern": format!("^{MARK}")});
        json!({"anyOf": [read("fromEnv"), read("fromFile"), mark]})
    } else if rules.json {
        json!({})
    } else if field.is_map() {
        json!({"type": "object", "additionalProperties": {"type": "string"}})
    } else {
        let one = value_schema(field, rules, view);
        if field.is_list() {
            json!({"type": "array", "items": one})
        } else {
            one
        }
    };
    let Some(facts) = schema.as_object_mut() else {
        return schema;
    };
    if field.is_list() {
        if rules.min_len > 0 {
            facts.insert("minItems".to_owned(), rules.min_len.into());
        }
        if rules.max_len > 0 {
            facts.insert("maxItems".to_owned(), rules.max_len.into());
        }
    }
    let text = comment(field.full_name());
    if !text.is_empty() {
        facts.insert("description".to_owned(), text.into());
    }
    for (is, name, value) in [
        (!rules.r#ref.is_empty(), "x-fleet-ref", Json::from(rules.r#ref.as_str())),
        (rules.unique() != pb::Unique::No, "x-fleet-unique", true.into()),
        (rules.immutable, "x-fleet-immutable", true.into()),
        // What is answered in its place is a mark.
        (rules.secret && view != View::Output, "writeOnly", true.into()),
    ] {
        if is {
            facts.insert(name.to_owned(), value);
        }
    }
    schema
}

/// A single value. A field may be null, which is to leave it out.
fn value_schema(field: &FieldDescriptor, rules: &pb::FieldRules, view: View) -> Json {
    let mut schema = match field.kind() {
        Type::Message(message) if message.full_name() == TIMESTAMP => json!({"type": "string", "format": "date-time"}),
        Type::Message(message) => message_schema(&message, view),
        Type::Enum(words) => {
            let words: Vec<_> = enum_words(&words).into_iter().map(|(word, _)| word).collect();
            json!({"enum": words})
        }
        Type::String | Type::Bytes => json!({"type": "string"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Double | Type::Float => json!({"type": "number"}),
        Type::Uint32 | Type::Uint64 => json!({"type": "integer", "minimum": 0}),
        _ => json!({"type": "integer"}),
    };
    if let (Some(facts), Type::String) = (schema.as_object_mut(), field.kind()) {
        if !field.is_list() && rules.min_len > 0 {
            facts.insert("minLength".to_owned(), rules.min_len.into());
        }
        if !field.is_list() && rules.max_len > 0 {
            facts.insert("maxLength".to_owned(), rules.max_len.into());
        }
        if !rules.pattern.is_empty() {
            facts.insert("pattern".to_owned(), format!("^(?:{})$", rules.pattern).into());
        }
    }
    if let Some(least) = rules.min {
        schema["minimum"] = number(least);
    }
    if let Some(most) = rules.max {
        schema["maximum"] = number(most);
    }
    schema
}

fn number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_says_what_the_checks_say() {
        let schema = schema(Some(Kind::Site));
        let spec = &schema["$defs"]["Site"]["properties"]["spec"];
        assert_eq!(spec["additionalProperties"], false);
        assert_eq!(spec["properties"]["location"]["properties"]["latitude"]["maximum"], 90);
        assert_eq!(
            spec["properties"]["location"]["required"],
            json!(["latitude", "longitude"])
        );
        assert_eq!(spec["properties"]["parent"]["x-fleet-ref"], "site");
    }
}
