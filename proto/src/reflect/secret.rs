//! Fields that nobody is shown: as they are stored, and as they are told.

use prost_reflect::{DynamicMessage, Kind as Type, ReflectMessage as _, Value};

use super::{dynamic, manifest_name, rules, spec_descriptor, typed};
use crate::kinds::{KINDS, Kind};
use crate::pb::resource::Spec;

/// What a stored secret begins with: `sealed:v1:KEY:MARK:DATA`.
pub const SEALED: &str = "sealed:v1:";
/// What is told in place of a secret begins with this; a keyed hash follows. Submitted again, it means: as it is.
pub const MARK: &str = "flt-secret:";

/// What is told in place of a stored secret.
pub fn mark_of(sealed: &str) -> Option<String> {
    let mark = sealed.strip_prefix(SEALED)?.split(':').nth(1)?;
    Some(format!("{MARK}{mark}"))
}

/// Has the kind any secret field?
pub fn has_secrets(kind: Kind) -> bool {
    static HAVE: std::sync::LazyLock<Vec<bool>> = std::sync::LazyLock::new(|| {
        let holds = |row: &crate::kinds::Row| holds_secret(&spec_descriptor(row.kind), 0);
        KINDS.iter().map(holds).collect()
    });
    HAVE.get(kind as usize).copied().unwrap_or(false)
}

fn holds_secret(message: &prost_reflect::MessageDescriptor, depth: usize) -> bool {
    /// No spec is nested deeper.
    const DEEPEST: usize = 16;
    depth < DEEPEST
        && message.fields().any(|field| {
            rules(&field).is_some_and(|rules| rules.secret)
                || matches!(field.kind(), Type::Message(inner) if holds_secret(&inner, depth + 1))
        })
}

/// The spec with each secret replaced by what `change` makes of its path and text.
pub fn map_secrets(spec: &Spec, change: &mut dyn FnMut(&str, &str) -> String) -> Spec {
    let kind = Kind::of(spec);
    if !has_secrets(kind) {
        return spec.clone();
    }
    let mut message = dynamic(spec);
    map_in(&mut message, "spec", change);
    typed(kind, message)
}

fn map_in(message: &mut DynamicMessage, path: &str, change: &mut dyn FnMut(&str, &str) -> String) {
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let path = format!("{path}.{}", manifest_name(&field));
        let secret = rules(&field).is_some_and(|rules| rules.secret);
        match message.get_field_mut(&field) {
            Value::String(text) if secret => *text = change(&path, text),
            Value::Message(inner) => map_in(inner, &path, change),
            Value::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    if let Value::Message(inner) = item {
                        map_in(inner, &format!("{path}[{at}]"), change);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The spec as it is told: a mark in place of each secret.
pub fn masked(spec: &Spec) -> Spec {
    map_secrets(spec, &mut |_, text| mark_of(text).unwrap_or_else(|| text.to_owned()))
}

/// A value as it is told, where it may be a stored secret.
pub fn masked_value(value: serde_json::Value) -> serde_json::Value {
    match value.as_str().and_then(mark_of) {
        Some(mark) => mark.into(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::{check, spec_from_json, spec_to_json};
    use serde_json::json;

    #[test]
    fn a_secret_is_told_by_its_mark() {
        let spec = spec_from_json(
            Kind::Secret,
            &json!({"value": "sealed:v1:k:abc:AAAA", "description": "sealed:v1:k:x:y"}),
        );
        let told = spec_to_json(&masked(&spec.unwrap()));
        assert_eq!(
            told,
            json!({"description": "sealed:v1:k:x:y", "value": "flt-secret:abc"})
        );
        assert!(has_secrets(Kind::Secret) && !has_secrets(Kind::Device));
        let long = spec_from_json(Kind::Secret, &json!({"value": "x".repeat(40_000)})).unwrap();
        assert_eq!(check(&long).len(), 1);
        let sealed = spec_from_json(
            Kind::Secret,
            &json!({"value": format!("{SEALED}{}", "x".repeat(40_000))}),
        );
        assert!(
            check(&sealed.unwrap()).is_empty(),
            "what is stored is longer than what was given"
        );
    }
}
