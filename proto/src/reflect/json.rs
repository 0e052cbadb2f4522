//! Messages ⇄ JSON in manifest form: lowerCamel keys in the order of declaration, enums as lower-case words,
//! 64-bit integers as numbers, texts with the `json` rule as the JSON that they hold.

use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as Type, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use serde_json::{Map, Number, Value as Json, json};

use super::{
    RESOURCE, decode, dynamic, enum_number, enum_word, enum_words, manifest_name, pool, rules, spec_descriptor, typed,
};
use crate::codes;
use crate::kinds::Kind;
use crate::pb;
use crate::pb::resource::Spec;
use crate::suggest::closest;

const TIMESTAMP: &str = "google.protobuf.Timestamp";
/// Of a resource's metadata: what only fleetd writes.
pub const SERVER_FIELDS: &[&str] = &[
    "uid",
    "generation",
    "revision",
    "createdAt",
    "createdBy",
    "updatedAt",
    "updatedBy",
];

/// The whole resource: apiVersion, kind, metadata, spec, status, issues.
pub fn to_json(resource: &pb::Resource) -> Json {
    let mut whole = Map::new();
    let Some(spec) = &resource.spec else {
        return Json::Object(whole);
    };
    let kind = Kind::of(spec);
    whole.insert("apiVersion".into(), "fleet/v1".into());
    whole.insert("kind".into(), kind.row().title.into());
    let message = decode(&RESOURCE, &resource.encode_to_vec());
    let mut rest = message_json(&message, false);
    if let Json::Object(fields) = &mut rest {
        whole.insert(
            "metadata".into(),
            fields.shift_remove("metadata").unwrap_or_else(|| json!({})),
        );
        let arm = super::spec_field(kind).json_name();
        whole.insert("spec".into(), fields.shift_remove(arm).unwrap_or_else(|| json!({})));
        if let Some(status) = fields.shift_remove(&format!("{arm}Status")) {
            whole.insert("status".into(), status);
        }
        if let Some(issues) = fields.shift_remove("issues") {
            whole.insert("issues".into(), issues);
        }
    }
    Json::Object(whole)
}

/// What a manifest of the resource holds: no server fields, no status.
pub fn to_manifest_json(resource: &pb::Resource) -> Json {
    let mut whole = to_json(resource);
    if let Json::Object(fields) = &mut whole {
        fields.shift_remove("status");
        fields.shift_remove("issues");
        if let Some(Json::Object(metadata)) = fields.get_mut("metadata") {
            for name in SERVER_FIELDS {
                metadata.shift_remove(*name);
            }
        }
    }
    whole
}

/// A spec in manifest form; canonical: equal specs give equal text.
pub fn spec_to_json(spec: &Spec) -> Json {
    message_json(&dynamic(spec), false)
}

/// Any message of the contract, by its full name such as `fleet.v1.Command`, in the same form.
pub fn message_to_json(name: &str, bytes: &[u8]) -> Json {
    pool()
        .get_message_by_name(name)
        .map_or(Json::Null, |descriptor| message_json(&decode(&descriptor, bytes), true))
}

/// The value at a path such as `.spec.buses[0].host`.
pub fn lookup<'a>(json: &'a Json, path: &str) -> Option<&'a Json> {
    let mut at = json;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, indices) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        if !name.is_empty() {
            at = at.get(name)?;
        }
        for index in indices.split('[').filter(|index| !index.is_empty()) {
            at = at.get(index.trim_end_matches(']').parse::<usize>().ok()?)?;
        }
    }
    Some(at)
}

/// [`lookup`], to be changed.
pub fn lookup_mut<'a>(json: &'a mut Json, path: &str) -> Option<&'a mut Json> {
    let mut at = json;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        at = match part.strip_suffix(']') {
            Some(index) => at.get_mut(index.parse::<usize>().ok()?)?,
            None => at.get_mut(part)?,
        };
    }
    Some(at)
}

/// With `zeros`, numbers and truth values that are 0 or false are told, where a field cannot be absent.
fn message_json(message: &DynamicMessage, zeros: bool) -> Json {
    if message.descriptor().full_name() == TIMESTAMP {
        return timestamp(message);
    }
    let mut fields = Map::new();
    for field in message.descriptor().fields() {
        let told =
            zeros && !field.supports_presence() && !field.is_list() && !field.is_map() && field.kind() != Type::String;
        if !message.has_field(&field) && !told {
            continue;
        }
        if let Some(value) = value_json(&field, message.get_field(&field).as_ref(), zeros) {
            fields.insert(manifest_name(&field).to_owned(), value);
        }
    }
    Json::Object(fields)
}

fn value_json(field: &FieldDescriptor, value: &Value, zeros: bool) -> Option<Json> {
    Some(match value {
        Value::List(items) => Json::Array(items.iter().filter_map(|item| value_json(field, item, zeros)).collect()),
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().map(|(key, value)| (key_text(key), value)).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            let Type::Message(entry) = field.kind() else {
                return None;
            };
            let value_field = entry.map_entry_value_field();
            Json::Object(
                sorted
                    .into_iter()
                    .filter_map(|(key, value)| Some((key, value_json(&value_field, value, zeros)?)))
                    .collect(),
            )
        }
        Value::Message(message) => message_json(message, zeros),
        Value::EnumNumber(number) => match field.kind() {
            Type::Enum(descriptor) => Json::String(enum_word(&descriptor, *number)?),
            _ => return None,
        },
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U32(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F32(value) => Number::from_f64(f64::from(*value)).map_or(Json::Null, Json::Number),
        Value::F64(value) => Number::from_f64(*value).map_or(Json::Null, Json::Number),
        Value::String(text) if rules(field).is_some_and(|rules| rules.json) => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
        }
        Value::String(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => json!(bytes.to_vec()),
    })
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::String(text) => text.clone(),
        MapKey::Bool(value) => value.to_string(),
        MapKey::I32(value) => value.to_string(),
        MapKey::I64(value) => value.to_string(),
        MapKey::U32(value) => value.to_string(),
        MapKey::U64(value) => value.to_string(),
    }
}

fn timestamp(message: &DynamicMessage) -> Json {
    let part = |name: &str| {
        message
            .get_field_by_name(name)
            .and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)))
    };
    let (seconds, nanos) = (part("seconds").unwrap_or(0), part("nanos").unwrap_or(0));
    // Display of prost's Timestamp is RFC 3339 in UTC.
    Json::String(
        prost_types::Timestamp {
            seconds,
            nanos: i32::try_from(nanos).unwrap_or(0),
        }
        .to_string(),
    )
}

/// Reads a spec in manifest form; strict. Every problem is given, with its path.
pub fn spec_from_json(kind: Kind, json: &Json) -> Result<Spec, Vec<pb::Issue>> {
    let (spec, issues) = spec_from_json_partly(kind, json);
    if issues.is_empty() { Ok(spec) } else { Err(issues) }
}

/// What can be read of a spec, and every problem with the rest.
pub fn spec_from_json_partly(kind: Kind, json: &Json) -> (Spec, Vec<pb::Issue>) {
    let mut issues = Vec::new();
    let message = message_from_json(&spec_descriptor(kind), json, "spec", &mut issues);
    (typed(kind, message), issues)
}

fn message_from_json(
    descriptor: &MessageDescriptor,
    json: &Json,
    path: &str,
    issues: &mut Vec<pb::Issue>,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    let Json::Object(fields) = json else {
        issues.push(wrong(path, "a map", json));
        return message;
    };
    for (key, value) in fields {
        let path = format!("{path}.{key}");
        let Some(field) = descriptor.get_field_by_json_name(key) else {
            let known: Vec<_> = descriptor.fields().map(|field| field.json_name().to_owned()).collect();
            let help = closest(key, known.iter().map(String::as_str)).map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            issues.push(pb::Issue {
                index: 0,
                path,
                message: format!("unknown field `{key}`"),
                help,
                code: codes::UNKNOWN_FIELD.into(),
            });
            continue;
        };
        if value.is_null() && !rules(&field).is_some_and(|rules| rules.json) {
            continue;
        }
        if let Some(value) = field_from_json(&field, value, &path, issues) {
            message.set_field(&field, value);
        }
    }
    message
}

fn field_from_json(field: &FieldDescriptor, json: &Json, path: &str, issues: &mut Vec<pb::Issue>) -> Option<Value> {
    if field.is_map() {
        let Json::Object(entries) = json else {
            issues.push(wrong(path, "a map", json));
            return None;
        };
        let Type::Message(entry) = field.kind() else {
            return None;
        };
        let value_field = entry.map_entry_value_field();
        let read = entries.iter().filter_map(|(key, value)| {
            Some((
                MapKey::String(key.clone()),
                scalar_from_json(&value_field, value, &format!("{path}.{key}"), issues)?,
            ))
        });
        return Some(Value::Map(read.collect()));
    }
    if field.is_list() {
        let Json::Array(items) = json else {
            issues.push(wrong(path, "a list", json));
            return None;
        };
        let read = items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| scalar_from_json(field, item, &format!("{path}[{at}]"), issues));
        return Some(Value::List(read.collect()));
    }
    scalar_from_json(field, json, path, issues)
}

fn scalar_from_json(field: &FieldDescriptor, json: &Json, path: &str, issues: &mut Vec<pb::Issue>) -> Option<Value> {
    if rules(field).is_some_and(|rules| rules.json) {
        return Some(Value::String(json.to_string()));
    }
    let integer = |least: i128, most: i128| {
        let number = json.as_i64().map(i128::from).or_else(|| json.as_u64().map(i128::from));
        number.filter(|number| (least..=most).contains(number))
    };
    let (expected, value) = match field.kind() {
        Type::Message(descriptor) => return Some(Value::Message(message_from_json(&descriptor, json, path, issues))),
        Type::Enum(descriptor) => {
            let found = json.as_str().and_then(|text| enum_number(&descriptor, text));
            if let (Some(text), None) = (json.as_str(), found) {
                issues.push(unknown_word(
                    path,
                    text,
                    &enum_words(&descriptor)
                        .into_iter()
                        .map(|(word, _)| word)
                        .collect::<Vec<_>>(),
                ));
                return None;
            }
            ("a word", found.map(Value::EnumNumber))
        }
        Type::String => ("text", json.as_str().map(|text| Value::String(text.to_owned()))),
        Type::Bool => ("true or false", json.as_bool().map(Value::Bool)),
        Type::Double => (
            "a number",
            json.as_f64().filter(|number| number.is_finite()).map(Value::F64),
        ),
        Type::Uint32 => (
            "a whole number from 0 to 4294967295",
            integer(0, i128::from(u32::MAX)).map(|n| Value::U32(n as u32)),
        ),
        Type::Uint64 => (
            "a whole number from 0",
            integer(0, i128::from(u64::MAX)).map(|n| Value::U64(n as u64)),
        ),
        Type::Int32 | Type::Sint32 => (
            "a whole number",
            integer(i128::from(i32::MIN), i128::from(i32::MAX)).map(|n| Value::I32(n as i32)),
        ),
        Type::Int64 | Type::Sint64 => (
            "a whole number",
            integer(i128::from(i64::MIN), i128::from(i64::MAX)).map(|n| Value::I64(n as i64)),
        ),
        _ => ("nothing: the type is not used in manifests", None),
    };
    if value.is_none() {
        let mut issue = wrong(path, expected, json);
        if expected.starts_with("a whole number") && (json.is_i64() || json.is_u64()) {
            issue.message = format!("{json} is out of range");
            issue.code = codes::OUT_OF_RANGE.into();
        }
        issues.push(issue);
    }
    value
}

/// The issue of a word that an enum does not have.
pub fn unknown_word(path: &str, text: &str, words: &[String]) -> pb::Issue {
    let listed = words.join(", ");
    let help = match closest(text, words.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? Known are {listed}"),
        None => format!("known are {listed}"),
    };
    pb::Issue {
        index: 0,
        path: path.to_owned(),
        message: format!("unknown value `{text}`"),
        help,
        code: codes::UNKNOWN_VALUE.into(),
    }
}

fn wrong(path: &str, expected: &str, found: &Json) -> pb::Issue {
    let (found, help) = match found {
        Json::Null => ("nothing".to_owned(), format!("write {expected}")),
        Json::Object(_) => ("a map".to_owned(), format!("write {expected}")),
        Json::Array(_) => ("a list".to_owned(), format!("write {expected}")),
        Json::String(text) if expected.contains("number") || expected.contains("true") => {
            let bare = text.parse::<f64>().is_ok() || matches!(text.as_str(), "true" | "false");
            let help = if bare {
                "remove the quotes".to_owned()
            } else {
                format!("write {expected}")
            };
            (format!("the text {found}"), help)
        }
        scalar if expected == "text" => (scalar.to_string(), "put it in quotes".to_owned()),
        scalar => (scalar.to_string(), format!("write {expected}")),
    };
    pb::Issue {
        index: 0,
        path: path.to_owned(),
        message: format!("expected {expected}, found {found}"),
        help,
        code: codes::WRONG_TYPE.into(),
    }
}
