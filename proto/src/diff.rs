//! What differs between two states of a resource, field by field.

use prost_reflect::{Kind as Type, MessageDescriptor};
use serde_json::{Map, Value as Json};

use crate::kinds::Kind;
use crate::pb;
use crate::reflect::{rules, spec_descriptor, to_manifest_json};

/// Cells of the table that aligns two lists; beyond it they are compared element by element.
const MOST_CELLS: usize = 4_000_000;
/// What is shown for a secret.
const MASKED: &str = "\"(secret)\"";

/// The fields that differ, in order of path. A state that is not there has none.
pub fn changes(before: Option<&pb::Resource>, after: Option<&pb::Resource>) -> Vec<pb::FieldChange> {
    let json = |resource: Option<&pb::Resource>| match resource.map(to_manifest_json) {
        Some(Json::Object(whole)) => whole,
        _ => Map::new(),
    };
    let kind = before
        .or(after)
        .and_then(|resource| resource.spec.as_ref())
        .map(Kind::of);
    let (before, after) = (json(before), json(after));
    let mut found = Vec::new();
    let part = |whole: &Map<String, Json>, name: &str| whole.get(name).cloned();
    values(
        None,
        part(&before, "metadata").as_ref(),
        part(&after, "metadata").as_ref(),
        "metadata",
        &mut found,
    );
    let descriptor = kind.map(spec_descriptor);
    values(
        descriptor.as_ref(),
        part(&before, "spec").as_ref(),
        part(&after, "spec").as_ref(),
        "spec",
        &mut found,
    );
    found
}

/// What differs within one field, as little as can be told apart.
pub fn within(path: &str, before: Option<&Json>, after: Option<&Json>) -> Vec<pb::FieldChange> {
    let mut found = Vec::new();
    values(None, before, after, path, &mut found);
    found
}

fn values(
    message: Option<&MessageDescriptor>,
    before: Option<&Json>,
    after: Option<&Json>,
    path: &str,
    found: &mut Vec<pb::FieldChange>,
) {
    if before == after {
        return;
    }
    let nothing = Map::new();
    let map = |json: Option<&Json>| match json {
        Some(Json::Object(map)) => Some(map.clone()),
        None => Some(nothing.clone()),
        _ => None,
    };
    let is_map = |json: Option<&Json>| matches!(json, Some(Json::Object(map)) if !map.is_empty());
    if let (Some(old), Some(new)) = (map(before), map(after))
        && (is_map(before) || is_map(after))
    {
        let mut names: Vec<&String> = old
            .keys()
            .chain(new.keys().filter(|name| !old.contains_key(*name)))
            .collect();
        names.sort();
        for name in names {
            field(
                message,
                name,
                old.get(name),
                new.get(name),
                &format!("{path}.{name}"),
                found,
            );
        }
        return;
    }
    let empty = Vec::new();
    match (before, after) {
        (Some(Json::Array(old)), Some(Json::Array(new))) if has_maps(old) || has_maps(new) => {
            list(message, old, new, path, found);
        }
        (Some(Json::Array(old)), None) if has_maps(old) => list(message, old, &empty, path, found),
        (None, Some(Json::Array(new))) if has_maps(new) => list(message, &empty, new, path, found),
        _ => found.push(pb::FieldChange {
            path: path.to_owned(),
            before: before.map(Json::to_string),
            after: after.map(Json::to_string),
        }),
    }
}

fn has_maps(items: &[Json]) -> bool {
    items.iter().any(Json::is_object)
}

fn field(
    message: Option<&MessageDescriptor>,
    name: &str,
    before: Option<&Json>,
    after: Option<&Json>,
    path: &str,
    found: &mut Vec<pb::FieldChange>,
) {
    let field = message.and_then(|message| message.get_field_by_json_name(name));
    let facts = field.as_ref().and_then(rules);
    if facts.is_some_and(|facts| facts.secret) {
        if before != after {
            found.push(pb::FieldChange {
                path: path.to_owned(),
                before: before.map(|_| MASKED.to_owned()),
                after: after.map(|_| MASKED.to_owned()),
            });
        }
        return;
    }
    let inner = match field.as_ref().map(prost_reflect::FieldDescriptor::kind) {
        Some(Type::Message(inner)) => Some(inner),
        _ => None,
    };
    let key = facts.map_or("", |facts| facts.list_key.as_str());
    match (before, after) {
        (Some(Json::Array(old)), Some(Json::Array(new))) if !key.is_empty() => {
            keyed(inner.as_ref(), key, old, new, path, found);
        }
        _ => values(inner.as_ref(), before, after, path, found),
    }
}

/// Elements that have names are compared by name, wherever they stand.
fn keyed(
    message: Option<&MessageDescriptor>,
    key: &str,
    before: &[Json],
    after: &[Json],
    path: &str,
    found: &mut Vec<pb::FieldChange>,
) {
    let name = |item: &Json| item.get(key).and_then(Json::as_str).map(str::to_owned);
    let by_name = |items: &[Json]| -> std::collections::BTreeMap<String, Json> {
        items
            .iter()
            .filter_map(|item| Some((name(item)?, item.clone())))
            .collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    if old.len() != before.len() || new.len() != after.len() {
        list(message, before, after, path, found);
        return;
    }
    let known = found.len();
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let path = format!("{path}[{key}={name}]");
        values(message, old.get(name), new.get(name), &path, found);
    }
    if found.len() == known && before != after {
        // The same elements in another order.
        let order = |items: &[Json]| Some(Json::from(items.iter().filter_map(name).collect::<Vec<_>>()).to_string());
        found.push(pb::FieldChange {
            path: format!("{path} (order)"),
            before: order(before),
            after: order(after),
        });
    }
}

/// Elements without names are aligned by equality; what stands between two equal ones changed.
fn list(
    message: Option<&MessageDescriptor>,
    before: &[Json],
    after: &[Json],
    path: &str,
    found: &mut Vec<pb::FieldChange>,
) {
    let mut gap = |old: std::ops::Range<usize>, new: std::ops::Range<usize>| {
        let both = old.len().min(new.len());
        for at in 0..both {
            let path = format!("{path}[{}]", new.start + at);
            values(
                message,
                Some(&before[old.start + at]),
                Some(&after[new.start + at]),
                &path,
                found,
            );
        }
        for (at, item) in before.iter().enumerate().take(old.end).skip(old.start + both) {
            values(message, Some(item), None, &format!("{path}[{at}]"), found);
        }
        for (at, item) in after.iter().enumerate().take(new.end).skip(new.start + both) {
            values(message, None, Some(item), &format!("{path}[{at}]"), found);
        }
    };
    let (mut old_at, mut new_at) = (0, 0);
    for (old, new) in common(before, after) {
        gap(old_at..old, new_at..new);
        (old_at, new_at) = (old + 1, new + 1);
    }
    gap(old_at..before.len(), new_at..after.len());
}

/// The longest common subsequence, as pairs of positions.
fn common(before: &[Json], after: &[Json]) -> Vec<(usize, usize)> {
    let head = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let (old, new) = (&before[head..], &after[head..]);
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let mut pairs: Vec<_> = (0..head).map(|at| (at, at)).collect();
    if old.len().saturating_mul(new.len()) <= MOST_CELLS {
        let width = new.len() + 1;
        let mut lengths = vec![0_u32; (old.len() + 1) * width];
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                lengths[i * width + j] = if old[i] == new[j] {
                    lengths[(i + 1) * width + j + 1] + 1
                } else {
                    lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < old.len() && j < new.len() {
            if old[i] == new[j] {
                pairs.push((head + i, head + j));
                (i, j) = (i + 1, j + 1);
            } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    pairs.extend((0..tail).map(|at| (before.len() - tail + at, after.len() - tail + at)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::spec_from_json;
    use serde_json::json;

    fn diff(kind: Kind, before: &Json, after: &Json) -> Vec<String> {
        let resource = |json: &Json| pb::Resource {
            metadata: Some(pb::Metadata {
                name: "x".into(),
                ..Default::default()
            }),
            spec: Some(spec_from_json(kind, json).unwrap()),
            ..Default::default()
        };
        changes(Some(&resource(before)), Some(&resource(after)))
            .into_iter()
            .map(|change| {
                let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
                format!("{} {} {}", change.path, text(change.before), text(change.after))
            })
            .collect()
    }

    #[test]
    fn what_changed_and_nothing_else() {
        let before = json!({"serial": "A", "endpoint": {"host": "h"}, "projects": ["p"],
            "sensors": [{"name": "a", "unit": "V"}, {"name": "b"}], "configuration": {"x": {"y": 1}, "z": 2}});
        let after = json!({"site": "s", "serial": "A", "projects": ["p", "q"],
            "sensors": [{"name": "b"}, {"name": "a", "unit": "mV"}], "configuration": {"x": {"y": 3}}});
        assert_eq!(
            diff(Kind::Device, &before, &after),
            [
                "spec.configuration.x.y 1 3",
                "spec.configuration.z 2 -",
                "spec.endpoint.host \"h\" -",
                "spec.projects [\"p\"] [\"p\",\"q\"]",
                "spec.sensors[name=a].unit \"V\" \"mV\"",
                "spec.site - \"s\"",
            ]
        );
        assert!(diff(Kind::Device, &after, &after).is_empty());
    }

    #[test]
    fn an_element_put_in_between_is_one_change() {
        let slave = |id: u32| json!({"slaveId": id, "bus": "main"});
        let config = |ids: &[u32]| json!({"slaves": ids.iter().map(|id| slave(*id)).collect::<Vec<_>>()});
        let found = diff(Kind::GatewayConfig, &config(&[1, 2, 3]), &config(&[1, 9, 2, 3]));
        assert_eq!(found, ["spec.slaves[1].bus - \"main\"", "spec.slaves[1].slaveId - 9"]);
        let found = diff(Kind::GatewayConfig, &config(&[1, 2, 3]), &config(&[1, 4, 3]));
        assert_eq!(found, ["spec.slaves[1].slaveId 2 4"]);
    }
}
