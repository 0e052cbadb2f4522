//! Secrets in manifests: where the text is to be read, never the text.

use std::collections::BTreeMap;

use prost_reflect::{Kind as Type, MessageDescriptor};
use serde_json::{Value as Json, json};

use super::tree::{Data, Node};
use super::{Place, Problem};
use crate::codes;
use crate::kinds::Kind;
use crate::reflect::{MARK, has_secrets, rules, spec_descriptor};

/// Where the text of a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretSource<'a> {
    /// An environment variable.
    Env(&'a str),
    /// A file; a relative path begins at the manifest that names it.
    File(&'a str),
}

/// Reads the texts of secrets. The error is what is wrong, and what to do.
pub trait Secrets: std::fmt::Debug {
    /// The text, for a manifest of that name.
    fn read(&self, source: SecretSource<'_>, manifest: &str) -> Result<String, (String, String)>;
}

/// Reads nothing: for whoever looks at manifests and sends them nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

impl Secrets for Unread {
    fn read(&self, _: SecretSource<'_>, _: &str) -> Read {
        Ok(format!("{MARK}unread"))
    }
}

/// A text, or what is wrong and what to do.
type Read = Result<String, (String, String)>;

/// Where the text of each secret was read, by path.
pub(super) type Sources = BTreeMap<String, Json>;

/// Puts the text in place of where it is to be read, in every secret field of a manifest.
pub(super) fn resolve(
    root: &mut Node,
    read: &mut dyn FnMut(SecretSource<'_>, Place) -> Read,
    problems: &mut Vec<Problem>,
) -> Sources {
    let mut sources = Sources::new();
    let Data::Map(entries) = &mut root.data else {
        return sources;
    };
    let title = entries.iter().find(|(key, ..)| key == "kind");
    let kind = match title.map(|(.., node)| &node.data) {
        Some(Data::Scalar(title, _)) => Kind::find(title),
        _ => None,
    };
    let Some(kind) = kind.filter(|kind| has_secrets(*kind)) else {
        return sources;
    };
    if let Some((.., spec)) = entries.iter_mut().find(|(key, ..)| key == "spec") {
        let mut resolver = Resolver {
            read,
            problems,
            sources: &mut sources,
        };
        resolver.message(spec, &spec_descriptor(kind), "spec");
    }
    sources
}

struct Resolver<'a> {
    read: &'a mut dyn FnMut(SecretSource<'_>, Place) -> Read,
    problems: &'a mut Vec<Problem>,
    sources: &'a mut Sources,
}

impl Resolver<'_> {
    fn message(&mut self, node: &mut Node, message: &MessageDescriptor, path: &str) {
        let Data::Map(entries) = &mut node.data else { return };
        for (key, _, inner) in entries {
            let Some(field) = message.get_field_by_json_name(key) else {
                continue;
            };
            let path = format!("{path}.{key}");
            if rules(&field).is_some_and(|rules| rules.secret) {
                self.secret(inner, &path);
                continue;
            }
            let Type::Message(below) = field.kind() else { continue };
            match &mut inner.data {
                Data::List(items) if !field.is_map() => {
                    for (at, item) in items.iter_mut().enumerate() {
                        self.message(item, &below, &format!("{path}[{at}]"));
                    }
                }
                _ => self.message(inner, &below, &path),
            }
        }
    }

    fn secret(&mut self, node: &mut Node, path: &str) {
        let found = match &node.data {
            // What fleetd told of a secret it has: as it is.
            Data::Scalar(text, _) if text.starts_with(MARK) => return,
            Data::Scalar(text, true) if text.is_empty() => return,
            Data::Map(entries) => match entries.as_slice() {
                [(key, _, inner)] => source(key, inner),
                _ => None,
            },
            _ => None,
        };
        let result = match found {
            None => Err((
                "is neither of the two forms in which a secret is given: its text does not stand in a manifest"
                    .to_owned(),
                "write `{fromEnv: VARIABLE}` or `{fromFile: PATH}`".to_owned(),
            )),
            Some((source, place)) => (self.read)(source, place).map(|text| (text, told(source))),
        };
        match result {
            Ok((text, source)) => {
                self.sources.insert(path.to_owned(), source);
                node.data = Data::Scalar(text, false);
            }
            Err((message, help)) => {
                self.problems.push(Problem {
                    code: codes::PLAIN_SECRET.to_owned(),
                    message: format!("{path}: {message}"),
                    help,
                    place: Some(node.place),
                });
                // The rest of the manifest is read all the same.
                node.data = Data::Scalar(format!("{MARK}unread"), false);
            }
        }
    }
}

/// A relative path begins at the file that the path itself stands in, which may be an overlay.
fn source<'a>(key: &str, node: &'a Node) -> Option<(SecretSource<'a>, Place)> {
    let Data::Scalar(text, _) = &node.data else { return None };
    match key {
        _ if text.is_empty() => None,
        "fromEnv" => Some((SecretSource::Env(text), node.place)),
        "fromFile" => Some((SecretSource::File(text), node.place)),
        _ => None,
    }
}

fn told(source: SecretSource<'_>) -> Json {
    match source {
        SecretSource::Env(name) => json!({"fromEnv": name}),
        SecretSource::File(path) => json!({"fromFile": path}),
    }
}
