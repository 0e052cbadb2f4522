//! Overlays: manifests that hold only what differs, laid over others before anything is checked.
//!
//! Maps merge by field or entry, lists whose elements have a key by that key, sets by union; another list is replaced
//! as a whole. A null takes a field away. Every field keeps the place where it stands.

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};

use super::tree::{Data, Node};
use super::{Place, Problem};
use crate::codes;
use crate::kinds::{KINDS, Kind};
use crate::reflect::{rules, spec_descriptor};

pub(super) type Entries = Vec<(String, Place, Node)>;

/// What is to be laid over manifests.
#[derive(Default)]
pub(super) struct Overlays(Vec<Overlay>);

struct Overlay {
    kind: Kind,
    /// Empty: any organization.
    org: String,
    name: String,
    place: Place,
    entries: Entries,
    /// Organizations of the manifests that it was laid over.
    over: Vec<String>,
}

impl Overlays {
    /// Takes a document of an overlay's source. One that does not name a manifest is a problem.
    pub(super) fn take(&mut self, root: Node, problems: &mut Vec<Problem>) {
        let place = root.place;
        let Data::Map(entries) = root.data else {
            if !matches!(&root.data, Data::Scalar(text, true) if text.is_empty()) {
                problems.push(problem(
                    place,
                    "an overlay is a map".into(),
                    "name a manifest by kind and metadata.name",
                ));
            }
            return;
        };
        let Some((kind, org, name)) = identity(&entries) else {
            let help = "name the manifest that it lies over by `kind` and `metadata.name`";
            problems.push(problem(place, "the overlay names no manifest".into(), help));
            return;
        };
        self.0.push(Overlay {
            kind,
            org,
            name,
            place,
            entries,
            over: Vec::new(),
        });
    }

    /// Lays what belongs to a manifest over it.
    pub(super) fn lay(&mut self, root: &mut Node) {
        let Data::Map(entries) = &mut root.data else { return };
        let Some((kind, org, name)) = identity(entries) else {
            return;
        };
        for overlay in &mut self.0 {
            let same_org = overlay.org.is_empty() || overlay.org == org;
            if overlay.kind == kind && overlay.name == name && same_org {
                overlay.over.push(org.clone());
                let own = std::mem::take(&mut overlay.entries);
                merge_manifest(kind, entries, &own);
                overlay.entries = own;
            }
        }
    }

    /// Overlays that lie over nothing (only where every manifest was read), or over more than one manifest.
    pub(super) fn finish(self, whole: bool, problems: &mut Vec<Problem>) {
        for overlay in self.0 {
            let what = format!("{}/{}", overlay.kind, overlay.name);
            match overlay.over.len() {
                0 if whole => problems.push(problem(
                    overlay.place,
                    format!("there is no manifest of {what} to lay this over"),
                    "correct the name and `metadata.org`, which is said where the manifest says it; a whole manifest belongs below `include:`",
                )),
                0 | 1 => {}
                _ => problems.push(problem(
                    overlay.place,
                    format!("this lies over manifests of {what} in several organizations"),
                    "name one with `metadata.org`, as the manifest does",
                )),
            }
        }
    }
}

fn problem(place: Place, message: String, help: &str) -> Problem {
    Problem {
        code: codes::OVERLAY.to_owned(),
        message,
        help: help.to_owned(),
        place: Some(place),
    }
}

fn get<'a>(entries: &'a Entries, key: &str) -> Option<&'a Node> {
    entries.iter().find(|(known, ..)| known == key).map(|(.., node)| node)
}

fn text<'a>(entries: &'a Entries, key: &str) -> Option<&'a str> {
    match &get(entries, key)?.data {
        Data::Scalar(text, _) => Some(text),
        _ => None,
    }
}

/// What a manifest is of: kind, organization (empty: not said), name.
pub(super) fn identity(entries: &Entries) -> Option<(Kind, String, String)> {
    let title = text(entries, "kind")?;
    let kind = KINDS.iter().find(|row| row.title == title)?.kind;
    let Data::Map(metadata) = &get(entries, "metadata")?.data else {
        return None;
    };
    let name = text(metadata, "name")?.to_owned();
    Some((kind, text(metadata, "org").unwrap_or_default().to_owned(), name))
}

fn merge_manifest(kind: Kind, base: &mut Entries, over: &Entries) {
    for (key, place, node) in over {
        match (base.iter_mut().find(|(known, ..)| known == key), key.as_str()) {
            (Some((.., below)), "metadata") => merge_free(below, node),
            (Some((.., below)), "spec") => merge_message(below, node, &spec_descriptor(kind)),
            // apiVersion is checked where it stands: a wrong one of an overlay must not pass.
            (Some((.., below)), _) => *below = node.clone(),
            (None, _) => base.push((key.clone(), *place, node.clone())),
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.data, Data::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
}

/// Merges maps entry by entry; `each` says what becomes of an entry that both have.
fn merge_entries(base: &mut Node, over: &Node, each: impl Fn(&str, &mut Node, &Node)) {
    let (Data::Map(entries), Data::Map(wanted)) = (&mut base.data, &over.data) else {
        *base = over.clone();
        return;
    };
    for (key, place, node) in wanted {
        let at = entries.iter().position(|(known, ..)| known == key);
        match at {
            Some(at) if is_null(node) => drop(entries.remove(at)),
            Some(at) => each(key, &mut entries[at].2, node),
            // What is not there cannot be taken away.
            None if is_null(node) => {}
            None => entries.push((key.clone(), *place, node.clone())),
        }
    }
}

/// Of what has no fields in the contract: maps merge, everything else is replaced.
fn merge_free(base: &mut Node, over: &Node) {
    // What stands for a template or secret is one value: half of one and half of another is none.
    if is_part(base) != is_part(over) || is_part(base) == Some("secretRef") {
        *base = over.clone();
        return;
    }
    merge_entries(base, over, |_, below, node| merge_free(below, node));
}

fn is_part(node: &Node) -> Option<&'static str> {
    let Data::Map(entries) = &node.data else { return None };
    let keys = ["fromTemplate", "secretRef"];
    keys.into_iter().find(|key| get(entries, key).is_some())
}

fn merge_message(base: &mut Node, over: &Node, message: &MessageDescriptor) {
    merge_entries(base, over, |key, below, node| {
        match message.get_field_by_json_name(key) {
            Some(field) => merge_field(below, node, &field),
            // An unknown field is found out where it stands.
            None => *below = node.clone(),
        }
    });
}

fn merge_field(base: &mut Node, over: &Node, field: &FieldDescriptor) {
    let rules = rules(field);
    if field.is_list() {
        match rules {
            Some(rules) if rules.list_set => merge_set(base, over),
            Some(rules) if !rules.list_key.is_empty() => merge_elements(base, over, field, &rules.list_key),
            _ => *base = over.clone(),
        }
        return;
    }
    match field.kind() {
        _ if rules.is_some_and(|rules| rules.secret) => *base = over.clone(),
        Type::Message(message) if !field.is_map() => merge_message(base, over, &message),
        _ => merge_free(base, over),
    }
}

fn merge_set(base: &mut Node, over: &Node) {
    let (Data::List(items), Data::List(wanted)) = (&mut base.data, &over.data) else {
        *base = over.clone();
        return;
    };
    for item in wanted {
        let same =
            |known: &Node| matches!((&known.data, &item.data), (Data::Scalar(a, _), Data::Scalar(b, _)) if a == b);
        if !items.iter().any(same) {
            items.push(item.clone());
        }
    }
}

fn merge_elements(base: &mut Node, over: &Node, field: &FieldDescriptor, key: &str) {
    let (Data::List(items), Data::List(wanted)) = (&mut base.data, &over.data) else {
        *base = over.clone();
        return;
    };
    let key_of = |node: &Node| match &node.data {
        Data::Map(entries) => text(entries, key).map(str::to_owned),
        _ => None,
    };
    let mut seen = std::collections::HashSet::new();
    for item in wanted {
        // One that stands in the overlay twice stays twice, and is found out where it stands.
        let own = key_of(item).filter(|own| seen.insert(own.clone()));
        let known = items.iter_mut().find(|known| own.is_some() && key_of(known) == own);
        match (known, field.kind()) {
            (Some(known), Type::Message(message)) => merge_message(known, item, &message),
            (Some(known), _) => *known = item.clone(),
            (None, _) => items.push(item.clone()),
        }
    }
}
