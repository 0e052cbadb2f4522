//! What a kind's fields are, in words, from the contract and its comments.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};

use super::{METADATA, RESOURCE, enum_words, manifest_name, pool, rules, spec_descriptor};
use crate::kinds::{KINDS, Kind};
use crate::pb;
use crate::suggest::closest;

pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// A field, or a kind as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Such as `device.sensors[].unit`.
    pub path: String,
    /// Such as `text`, `list of text`, `one of tcp, rtu`.
    pub kind: String,
    /// Must be there.
    pub required: bool,
    /// What must hold, each in a few words.
    pub facts: Vec<String>,
    /// What it is.
    pub text: String,
    /// It has fields of its own.
    pub has_fields: bool,
}

/// Comments of messages and fields, by full name.
static COMMENTS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut comments = HashMap::new();
    for file in pool().files() {
        let file = file.file_descriptor_proto();
        let Some(info) = &file.source_code_info else { continue };
        for location in &info.location {
            let text = location.leading_comments().trim();
            if text.is_empty() {
                continue;
            }
            if let Some(name) = named(file, &location.path) {
                let lines: Vec<&str> = text.lines().map(str::trim).collect();
                comments.insert(format!("{}.{name}", file.package()), lines.join(" "));
            }
        }
    }
    comments
});

/// The message or field that a path of the source info leads to: 4 messages of a file, 3 messages within, 2 fields.
fn named(file: &prost_types::FileDescriptorProto, path: &[i32]) -> Option<String> {
    let index = |at: usize| path.get(at).and_then(|number| usize::try_from(*number).ok());
    if path.first() != Some(&4) {
        return None;
    }
    let mut message = file.message_type.get(index(1)?)?;
    let mut name = message.name().to_owned();
    let mut at = 2;
    while let Some(tag) = path.get(at) {
        match tag {
            3 => {
                message = message.nested_type.get(index(at + 1)?)?;
                name = format!("{name}.{}", message.name());
            }
            2 => name = format!("{name}.{}", message.field.get(index(at + 1)?)?.name()),
            _ => return None,
        }
        at += 2;
    }
    Some(name)
}

pub(super) fn comment(name: &str) -> String {
    COMMENTS.get(name).cloned().unwrap_or_default()
}

/// A kind or a field of it, such as `device`, `device.sensors.unit`, `device.metadata.labels`; then the fields below:
/// one level, or with `deep` all of them. An unknown path is an error: what, and what to do.
pub fn describe(path: &str, deep: bool) -> Result<Vec<Described>, (String, String)> {
    let mut parts = path.split('.').map(|part| part.split('[').next().unwrap_or_default());
    let word = parts.next().unwrap_or_default();
    let Some(kind) = Kind::find(word) else {
        let known = KINDS.iter().map(|row| row.singular);
        let help = closest(word, known.clone()).map_or_else(
            || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err((format!("`{word}` is no kind"), help));
    };
    let mut parts: Vec<&str> = parts.collect();
    let in_metadata = parts.first() == Some(&"metadata");
    if in_metadata || parts.first() == Some(&"spec") {
        parts.remove(0);
    }
    let mut at = kind.singular().to_owned();
    let mut message = spec_descriptor(kind);
    let mut head = Described {
        path: at.clone(),
        kind: kind.row().title.to_owned(),
        required: false,
        facts: Vec::new(),
        text: comment(message.full_name()),
        has_fields: true,
    };
    if in_metadata {
        at.push_str(".metadata");
        message = metadata();
        head = Described {
            path: at.clone(),
            kind: "map".to_owned(),
            text: comment(message.full_name()),
            required: true,
            ..head
        };
    }
    let mut inner = Some(message);
    let mut in_list = false;
    for part in parts {
        let fields = inner.iter().flat_map(fields).collect::<Vec<_>>();
        let Some(field) = fields.iter().find(|field| manifest_name(field) == part) else {
            let known = fields.iter().map(manifest_name).collect::<Vec<_>>();
            let help = match closest(part, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("`{at}` has no fields"),
                None => format!("known are {}", known.join(", ")),
            };
            return Err((format!("`{at}` has no field `{part}`"), help));
        };
        (head, inner) = described(field, &at, in_list);
        in_list |= is_one_value(field);
        at.clone_from(&head.path);
    }
    let mut found = vec![head];
    if let Some(message) = inner {
        below(&message, &at, (deep, in_list), &mut found);
    }
    Ok(found)
}

pub(super) fn metadata() -> MessageDescriptor {
    let field = RESOURCE.get_field_by_name("metadata");
    match field.map(|field| field.kind()) {
        Some(Type::Message(message)) => message,
        _ => RESOURCE.clone(),
    }
}

/// The fields of a message that a manifest may hold.
pub(super) fn fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let own = |field: &FieldDescriptor| {
        message.full_name() != "fleet.v1.Metadata" || METADATA.contains(&manifest_name(field))
    };
    message.fields().filter(own).collect()
}

/// A list without a key for its elements.
fn is_one_value(field: &FieldDescriptor) -> bool {
    field.is_list() && !rules(field).is_some_and(|rules| rules.list_set || !rules.list_key.is_empty())
}

fn below(message: &MessageDescriptor, at: &str, (deep, in_list): (bool, bool), found: &mut Vec<Described>) {
    for field in fields(message) {
        let (one, inner) = described(&field, at, in_list);
        let path = one.path.clone();
        found.push(one);
        if let Some(inner) = inner.filter(|_| deep) {
            below(&inner, &path, (deep, in_list || is_one_value(&field)), found);
        }
    }
}

/// A field, and the message that it holds.
fn described(field: &FieldDescriptor, at: &str, in_list: bool) -> (Described, Option<MessageDescriptor>) {
    let nothing = pb::FieldRules::default();
    let rules = rules(field).unwrap_or(&nothing);
    let inner = match field.kind() {
        Type::Message(message) if !field.is_map() && message.full_name() != TIMESTAMP => Some(message),
        _ => None,
    };
    let list = if field.is_list() { "[]" } else { "" };
    let is_name = field.parent_message().full_name() == "fleet.v1.Metadata" && field.name() == "name";
    let described = Described {
        path: format!("{at}.{}{list}", manifest_name(field)),
        kind: type_words(field, rules),
        required: rules.required || is_name,
        facts: facts(field, rules, in_list),
        text: comment(field.full_name()),
        has_fields: inner.is_some(),
    };
    (described, inner)
}

fn type_words(field: &FieldDescriptor, rules: &pb::FieldRules) -> String {
    if rules.json {
        return "any value".to_owned();
    }
    if field.is_map() {
        return "map of text".to_owned();
    }
    let one = match field.kind() {
        Type::Message(message) if message.full_name() == TIMESTAMP => "time".to_owned(),
        Type::Message(_) => "map".to_owned(),
        Type::Enum(words) => {
            let words: Vec<_> = enum_words(&words).into_iter().map(|(word, _)| word).collect();
            format!("one of {}", words.join(", "))
        }
        Type::String if !rules.r#ref.is_empty() && field.is_list() => format!("references to {}", rules.r#ref),
        Type::String if !rules.r#ref.is_empty() => format!("reference to {}", rules.r#ref),
        Type::String | Type::Bytes => "text".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::Double | Type::Float => "number".to_owned(),
        _ => "whole number".to_owned(),
    };
    if field.is_list() { format!("list of {one}") } else { one }
}

/// `in_list`: it stands in a list that is one value with one owner.
fn facts(field: &FieldDescriptor, rules: &pb::FieldRules, in_list: bool) -> Vec<String> {
    let mut facts = Vec::new();
    let of = if field.is_list() { "elements" } else { "characters" };
    match (rules.min_len, rules.max_len) {
        (0, 0) => {}
        (0, most) => facts.push(format!("at most {most} {of}")),
        (least, 0) => facts.push(format!("at least {least} {of}")),
        (least, most) => facts.push(format!("{least} to {most} {of}")),
    }
    match (rules.min, rules.max) {
        (Some(least), Some(most)) => facts.push(format!("from {least} to {most}")),
        (Some(least), None) => facts.push(format!("at least {least}")),
        (None, Some(most)) => facts.push(format!("at most {most}")),
        (None, None) => {}
    }
    if !rules.pattern_hint.is_empty() {
        facts.push(rules.pattern_hint.clone());
    }
    match rules.unique() {
        pb::Unique::No => {}
        pb::Unique::Org => facts.push("unique within the organization".to_owned()),
        pb::Unique::Platform => facts.push("unique over all organizations".to_owned()),
    }
    if !rules.r#ref.is_empty() {
        facts.push(match rules.on_delete() {
            pb::OnDelete::Restrict => format!("the {} cannot be deleted while this names it", rules.r#ref),
            pb::OnDelete::Cascade => format!("goes with the {}", rules.r#ref),
            pb::OnDelete::Clear => format!("emptied when the {} is deleted", rules.r#ref),
        });
    }
    if rules.immutable {
        facts.push("may not change after creation".to_owned());
    }
    if rules.secret {
        facts.push("secret: never shown".to_owned());
    }
    if !rules.list_key.is_empty() {
        facts.push(format!(
            "each element has its own `{}`{}",
            rules.list_key,
            if in_list { "" } else { ", and its own owner" }
        ));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_kind_says_what_it_is() {
        for row in KINDS {
            let found = describe(row.singular, true).unwrap();
            assert!(found.len() > 1, "{}", row.singular);
            for one in found
                .iter()
                .chain(&describe(&format!("{}.metadata", row.singular), true).unwrap()[1..])
            {
                let known = ["displayName", "labels", "annotations", "name", "status", "uid"];
                let is_plain = known.iter().any(|name| one.path.ends_with(name));
                assert!(!one.text.is_empty() || is_plain, "{} has no comment", one.path);
            }
        }
    }

    #[test]
    fn a_path_leads_to_a_field() {
        let found = describe("dev.spec.sensors[0].unit", false).unwrap();
        assert_eq!(found[0].path, "device.sensors[].unit");
        assert_eq!(
            (found[0].kind.as_str(), found[0].facts[0].as_str()),
            ("text", "at most 32 characters")
        );
        let found = describe("device.site", false).unwrap();
        assert_eq!(found[0].kind, "reference to site");
        assert_eq!(found[0].facts, ["the site cannot be deleted while this names it"]);
        let (what, help) = describe("device.sensors.unti", false).unwrap_err();
        assert_eq!(
            (what.as_str(), help.as_str()),
            ("`device.sensors[]` has no field `unti`", "did you mean `unit`?")
        );
        assert!(describe("devcie", false).unwrap_err().1.contains("device"));
        assert!(describe("device.serial.x", false).unwrap_err().1.contains("no fields"));
    }
}
