//! References and unique values, found by the field rules.

use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _, Value};

use super::{composed, dynamic, manifest_name, rules, typed};
use crate::kinds::Kind;
use crate::pb;
use crate::pb::resource::Spec;

/// A field that names another resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Such as `spec.slaves[0].device`.
    pub path: String,
    /// Kind of the target.
    pub kind: Kind,
    /// Name of the target.
    pub name: String,
    /// What deleting the target does.
    pub on_delete: pb::OnDelete,
}

/// A field whose value nobody else may have.
#[derive(Clone, Debug, PartialEq)]
pub struct UniqueValue {
    /// Such as `spec.domains[0].host`.
    pub path: String,
    /// The path without indices.
    pub field: String,
    /// Within what.
    pub scope: pb::Unique,
    /// Folded where letter case does not tell values apart.
    pub value: String,
}

/// Every reference that a spec holds.
pub fn references(spec: &Spec) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(&dynamic(spec), "spec", &mut |field, path, text| {
        let Some(rules) = rules(field) else { return };
        if rules.composed
            && composed::is_composed(text)
            && let Ok(json) = serde_json::from_str(text)
        {
            composed::parts(&json, path, &mut |path, part| {
                let (kind, name, key) = part.target();
                found.push(Reference {
                    path: format!("{path}.{key}"),
                    kind,
                    name: name.to_owned(),
                    on_delete: pb::OnDelete::Restrict,
                });
            });
        }
        if let Some(kind) = Kind::find(&rules.r#ref) {
            found.push(Reference {
                path: path.to_owned(),
                kind,
                name: text.to_owned(),
                on_delete: rules.on_delete(),
            });
        }
    });
    found
}

/// The free values in which something may stand for something else, where anything does: path and value.
pub fn composed_values(spec: &Spec) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    walk(&dynamic(spec), "spec", &mut |field, path, text| {
        if rules(field).is_some_and(|rules| rules.composed)
            && composed::is_composed(text)
            && let Ok(json) = serde_json::from_str(text)
        {
            found.push((path.to_owned(), json));
        }
    });
    found
}

/// Every unique value that a spec holds.
pub fn uniques(spec: &Spec) -> Vec<UniqueValue> {
    let mut found = Vec::new();
    walk(&dynamic(spec), "spec", &mut |field, path, text| {
        if let Some(rules) = rules(field)
            && rules.unique() != pb::Unique::No
            && !text.is_empty()
        {
            let value = if rules.fold_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            };
            found.push(UniqueValue {
                path: path.to_owned(),
                field: without_indices(path),
                scope: rules.unique(),
                value,
            });
        }
    });
    found
}

/// Empties the fields that refer to the resource and are cleared when it goes; list elements are removed.
pub fn clear_reference(spec: &mut Spec, kind: Kind, name: &str) -> bool {
    rewrite(spec, kind, name, None)
}

/// Makes every field that refers to the resource name it anew.
pub fn rename_reference(spec: &mut Spec, kind: Kind, name: &str, new: &str) -> bool {
    rewrite(spec, kind, name, Some(new))
}

fn rewrite(spec: &mut Spec, kind: Kind, name: &str, new: Option<&str>) -> bool {
    let own = Kind::of(spec);
    let mut message = dynamic(spec);
    let changed = rewrite_in(&mut message, kind, name, new);
    if changed {
        *spec = typed(own, message);
    }
    changed
}

fn rewrite_in(message: &mut DynamicMessage, kind: Kind, name: &str, new: Option<&str>) -> bool {
    let mut changed = false;
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let concerned = rules(&field).is_some_and(|rules| {
            Kind::find(&rules.r#ref) == Some(kind) && (new.is_some() || rules.on_delete() == pb::OnDelete::Clear)
        });
        let composed = rules(&field).is_some_and(|rules| rules.composed);
        match message.get_field_mut(&field) {
            Value::String(text) if composed => changed |= new.is_some_and(|new| rename_in(text, kind, name, new)),
            Value::String(text) if concerned && text == name => {
                match new {
                    Some(new) => new.clone_into(text),
                    None => message.clear_field(&field),
                }
                changed = true;
            }
            Value::Message(inner) => changed |= rewrite_in(inner, kind, name, new),
            Value::List(items) => {
                let before = items.len();
                items.retain(|item| !(concerned && new.is_none() && item.as_str() == Some(name)));
                changed |= items.len() != before;
                for item in items {
                    match item {
                        Value::Message(inner) => changed |= rewrite_in(inner, kind, name, new),
                        Value::String(text) if concerned && text == name => {
                            if let Some(new) = new {
                                new.clone_into(text);
                                changed = true;
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    changed
}

/// The parts of a free JSON value that name the resource.
fn rename_in(text: &mut String, kind: Kind, name: &str, new: &str) -> bool {
    if !composed::is_composed(text) {
        return false;
    }
    let Ok(mut json) = serde_json::from_str(text) else {
        return false;
    };
    let changed = composed::rename(&mut json, kind, name, new);
    if changed {
        *text = json.to_string();
    }
    changed
}

fn walk(message: &DynamicMessage, path: &str, visit: &mut dyn FnMut(&FieldDescriptor, &str, &str)) {
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let path = format!("{path}.{}", manifest_name(&field));
        match message.get_field(&field).as_ref() {
            Value::String(text) => visit(&field, &path, text),
            Value::Message(inner) => walk(inner, &path, visit),
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    match item {
                        Value::String(text) => visit(&field, &path, text),
                        Value::Message(inner) => walk(inner, &path, visit),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn without_indices(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            inside = *c == '[' || (inside && *c != ']');
            !inside && *c != ']'
        })
        .collect()
}
