//! The walker: sources → submissions, with the place of every field.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::overlay::{self, Overlays};
use super::secret::{self, SecretSource, Secrets, Unread};
use super::tree::{self, Data, Node};
use super::{BUNDLE_LIMIT, Bundle, Document, FILE_LIMIT, Place, Problem, Source, Values};
use crate::codes;
use crate::kinds::{KINDS, Kind};
use crate::pb;
use crate::reflect::{self, METADATA};
use crate::suggest::closest;

/// How sources are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// What `${values.name}` stands for; none: it stands for itself.
    pub values: Option<&'a Values>,
    /// So many of the last sources are laid over the manifests of the others.
    pub overlays: usize,
    /// Every manifest is among the sources, so an overlay must find its own.
    pub whole: bool,
    /// Reads the texts of secrets; none: nobody does.
    pub secrets: Option<&'a dyn Secrets>,
}

/// Reads every document of every source. Goes on after an error.
pub fn read(sources: Vec<Source>) -> Bundle {
    read_with(sources, Reading::default())
}

/// [`read`], with values and overlays.
pub fn read_with(sources: Vec<Source>, reading: Reading<'_>) -> Bundle {
    let mut bundle = Bundle {
        sources,
        overlays: reading.overlays,
        ..Bundle::default()
    };
    let total: usize = bundle.sources.iter().map(|source| source.text.len()).sum();
    if total > BUNDLE_LIMIT {
        let message = format!("the bundle holds {} MiB", total >> 20);
        bundle.problems.push(Problem {
            code: codes::TOO_LARGE.into(),
            message,
            help: "at most 256 MiB: apply it in parts".into(),
            place: None,
        });
        return bundle;
    }
    let Bundle {
        sources,
        documents,
        problems,
        broken,
        is_torn,
        ..
    } = &mut bundle;
    let own = sources.len().saturating_sub(reading.overlays);
    let mut overlays = Overlays::default();
    for (at, source) in sources.iter().enumerate().skip(own) {
        read_source(at, source, reading.values, problems, &mut |root, _, problems| {
            overlays.take(root, problems);
        });
    }
    for (at, source) in sources.iter().enumerate().take(own) {
        read_source(
            at,
            source,
            reading.values,
            problems,
            &mut |mut root, readable, problems| {
                overlays.lay(&mut root);
                let before = problems.len();
                let mut read = |from: SecretSource<'_>, place: Place| {
                    let manifest = sources.get(place.source).map_or("", |source| &source.name);
                    reading.secrets.unwrap_or(&Unread).read(from, manifest)
                };
                let secrets = secret::resolve(&mut root, &mut read, problems);
                if let Some(mut document) = document(&root, problems)
                    && readable
                    && problems.len() == before
                {
                    document.secrets = secrets;
                    documents.push(document);
                } else if let Data::Map(entries) = &root.data
                    && let Some((kind, _, name)) = overlay::identity(entries)
                {
                    broken.push(format!("{kind}/{name}"));
                } else {
                    *is_torn |= problems.len() > before || !readable;
                }
            },
        );
    }
    // A text that is no YAML gives no root at all.
    let none = [codes::SYNTAX, codes::NO_TAGS, codes::TOO_LARGE];
    *is_torn |= problems.iter().any(|problem| none.contains(&problem.code.as_str()));
    overlays.finish(reading.whole && !*is_torn, problems);
    bundle
}

/// The documents of a source as the text alone has them: whatever they mean, and with `${values.name}` as it stands.
pub(super) fn trees(source: &Source) -> (Vec<Json>, Vec<Problem>) {
    let (mut trees, mut problems) = (Vec::new(), Vec::new());
    read_source(0, source, None, &mut problems, &mut |root, _, _| {
        let tree = root.to_json("", &mut |_, _, _| {});
        trees.extend(Some(tree).filter(|tree| !tree.is_null()));
    });
    (trees, problems)
}

/// Takes the root of a document, and whether all of it could be read.
type Taker<'a> = dyn FnMut(Node, bool, &mut Vec<Problem>) + 'a;

fn read_source(at: usize, source: &Source, values: Option<&Values>, problems: &mut Vec<Problem>, take: &mut Taker<'_>) {
    let begin = Place {
        source: at,
        line: 1,
        column: 1,
    };
    let refuse = |code: &str, message: String, help: &str, place| Problem {
        code: code.into(),
        message,
        help: help.into(),
        place: Some(place),
    };
    if source.text.len() > FILE_LIMIT {
        problems.push(refuse(
            codes::TOO_LARGE,
            format!("the file holds {} MiB", source.text.len() >> 20),
            "a file holds at most 16 MiB: split it",
            begin,
        ));
        return;
    }
    let bytes = source.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&source.text);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|b| *b == b'\n').count();
            let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
            problems.push(refuse(
                codes::SYNTAX,
                "the file is not UTF-8".into(),
                "save it as UTF-8",
                Place {
                    source: at,
                    line,
                    column,
                },
            ));
            return;
        }
    };
    for (offset, piece) in pieces(text) {
        let before = problems.len();
        let Some(root) = tree::parse(piece, (at, offset), values, problems) else {
            continue;
        };
        let readable = problems.len() == before;
        take(root, readable, problems);
    }
}

/// Splits at `---` lines, which end a document wherever they stand, so that a broken document hides no other.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut begin, mut first_line) = (0, 0);
    let (mut at, mut line) = (0, 0);
    for part in text.split_inclusive('\n') {
        let head = part.trim_end_matches(['\n', '\r']);
        if (head == "---" || head.starts_with("--- ")) && at > begin {
            pieces.push((first_line, &text[begin..at]));
            (begin, first_line) = (at, line);
        }
        at += part.len();
        line += 1;
    }
    pieces.push((first_line, &text[begin..]));
    pieces
}

fn document(root: &Node, problems: &mut Vec<Problem>) -> Option<Document> {
    let mut report = |code: &str, message: String, help: String, place: Place| {
        problems.push(Problem {
            code: code.to_owned(),
            message,
            help,
            place: Some(place),
        });
    };
    let Data::Map(entries) = &root.data else {
        if matches!(&root.data, Data::Scalar(text, true) if text.is_empty()) {
            return None;
        }
        report(
            codes::SYNTAX,
            "a manifest is a map".into(),
            "begin with `apiVersion: fleet/v1`".into(),
            root.place,
        );
        return None;
    };
    let mut places = HashMap::new();
    let mut paths = Vec::new();
    let mut parts: HashMap<&str, Json> = HashMap::new();
    for (key, place, node) in entries {
        match key.as_str() {
            "apiVersion" | "kind" | "metadata" | "spec" => {
                let json = node.to_json(key, &mut |path, place, leaf| {
                    places.insert(path.to_owned(), place);
                    if leaf {
                        paths.push(path.to_owned());
                    }
                });
                parts.insert(key, json);
            }
            "status" | "issues" => report(
                codes::SERVER_FIELD,
                format!("`{key}` is written by fleetd"),
                "remove it".into(),
                *place,
            ),
            other => {
                let known = ["apiVersion", "kind", "metadata", "spec"];
                let help = closest(other, known).map_or_else(
                    || format!("known are {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                report(codes::UNKNOWN_FIELD, format!("unknown field `{other}`"), help, *place);
            }
        }
    }
    let at = |path: &str| places.get(path).copied().unwrap_or(root.place);
    match parts.get("apiVersion") {
        Some(Json::String(version)) if version == "fleet/v1" => {}
        Some(other) => report(
            codes::API_VERSION,
            format!("unknown apiVersion {other}"),
            "write `apiVersion: fleet/v1`".into(),
            at("apiVersion"),
        ),
        None => report(
            codes::API_VERSION,
            "apiVersion is missing".into(),
            "write `apiVersion: fleet/v1`".into(),
            root.place,
        ),
    }
    let mut metadata = pb::Metadata::default();
    let mut found = Vec::new();
    if let Some(json) = parts.get("metadata") {
        metadata_from(json, &mut metadata, &mut found);
    }
    let kind = match parts.get("kind") {
        Some(Json::String(name)) => KINDS
            .iter()
            .find(|row| row.title == name)
            .map(|row| row.kind)
            .or_else(|| {
                let near = Kind::find(name)
                    .map(|kind| kind.row().title)
                    .or_else(|| closest(name, KINDS.iter().map(|row| row.title)));
                let help = near.map_or_else(
                    || {
                        format!(
                            "known are {}",
                            KINDS.iter().map(|row| row.title).collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                report(codes::UNKNOWN_KIND, format!("unknown kind `{name}`"), help, at("kind"));
                None
            }),
        Some(other) if !other.is_null() => {
            report(
                codes::WRONG_TYPE,
                format!("expected the name of a kind, found {other}"),
                "write such as `kind: Device`".into(),
                at("kind"),
            );
            None
        }
        _ => {
            report(
                codes::UNKNOWN_KIND,
                "kind is missing".into(),
                "write such as `kind: Device`".into(),
                root.place,
            );
            None
        }
    };
    let spec = kind.and_then(|kind| {
        let json = parts
            .get("spec")
            .filter(|json| !json.is_null())
            .cloned()
            .unwrap_or_else(|| Json::Object(serde_json::Map::new()));
        let (spec, issues) = reflect::spec_from_json_partly(kind, &json);
        if issues.is_empty() {
            return Some(spec);
        }
        // fleetd will not see this one, so its fields are checked here; what could not be read is told only once.
        let known: Vec<String> = issues.iter().map(|issue| issue.path.clone()).collect();
        found.extend(issues);
        found.extend(
            reflect::check(&spec)
                .into_iter()
                .filter(|issue| issue.code != codes::MISSING_FIELD && !known.contains(&issue.path)),
        );
        None
    });
    let document = Document {
        submission: pb::Submission {
            resource: Some(pb::Resource {
                metadata: Some(metadata),
                spec,
                ..pb::Resource::default()
            }),
            paths,
            ..pb::Submission::default()
        },
        place: root.place,
        secrets: BTreeMap::new(),
        places,
    };
    for issue in found {
        let place = Some(key_place(entries, &issue).unwrap_or_else(|| document.place_of(&issue.path)));
        let field = if issue.message.contains("unknown field") {
            String::new()
        } else {
            format!("{}: ", issue.path)
        };
        problems.push(Problem {
            code: issue.code,
            message: format!("{field}{}", issue.message),
            help: issue.help,
            place,
        });
    }
    Some(document)
}

/// An unknown field is shown at its key, not at its value.
fn key_place(entries: &[(String, Place, Node)], issue: &pb::Issue) -> Option<Place> {
    if !matches!(issue.code.as_str(), codes::UNKNOWN_FIELD | codes::SERVER_FIELD) {
        return None;
    }
    let mut map = entries;
    let mut found = None;
    for part in issue.path.split('.') {
        let (name, index) = part.split_once('[').map_or((part, None), |(name, index)| {
            (name, index.trim_end_matches(']').parse::<usize>().ok())
        });
        let (_, place, node) = map.iter().find(|(key, ..)| key == name)?;
        found = Some(*place);
        let node = match (&node.data, index) {
            (Data::List(items), Some(index)) => items.get(index)?,
            _ => node,
        };
        map = match &node.data {
            Data::Map(entries) => entries,
            _ => &[],
        };
    }
    found
}

pub(super) fn metadata_from(json: &Json, metadata: &mut pb::Metadata, issues: &mut Vec<pb::Issue>) {
    let mut report = |path: String, code: &str, message: String, help: &str| {
        issues.push(pb::Issue {
            index: 0,
            path,
            message,
            help: help.to_owned(),
            code: code.to_owned(),
        });
    };
    let Json::Object(fields) = json else {
        if !json.is_null() {
            report(
                "metadata".into(),
                codes::WRONG_TYPE,
                "expected a map".into(),
                "write `name:` below it",
            );
        }
        return;
    };
    for (key, value) in fields {
        let path = format!("metadata.{key}");
        match (key.as_str(), value) {
            (_, Json::Null) if METADATA.contains(&key.as_str()) => {}
            ("org", Json::String(text)) => metadata.org.clone_from(text),
            ("name", Json::String(text)) => metadata.name.clone_from(text),
            ("renamedFrom", Json::String(text)) => metadata.renamed_from.clone_from(text),
            ("protect", Json::Bool(value)) => metadata.protect = *value,
            ("revision", Json::Number(number)) if number.is_u64() => metadata.revision = number.as_u64().unwrap_or(0),
            ("labels" | "annotations", Json::Object(entries)) => {
                let target = if key == "labels" {
                    &mut metadata.labels
                } else {
                    &mut metadata.annotations
                };
                for (name, value) in entries {
                    match value {
                        Json::String(text) => {
                            target.insert(name.clone(), text.clone());
                        }
                        other => report(
                            format!("{path}.{name}"),
                            codes::WRONG_TYPE,
                            format!("expected text, found {other}"),
                            "put it in quotes",
                        ),
                    }
                }
            }
            ("org" | "name" | "renamedFrom", other) => report(
                path,
                codes::WRONG_TYPE,
                format!("expected text, found {other}"),
                "put it in quotes",
            ),
            ("protect", other) => report(
                path,
                codes::WRONG_TYPE,
                format!("expected true or false, found {other}"),
                "write true or false",
            ),
            ("revision", other) => report(
                path,
                codes::WRONG_TYPE,
                format!("expected a whole number, found {other}"),
                "write the revision that was read, or remove it",
            ),
            ("labels" | "annotations", other) => report(
                path,
                codes::WRONG_TYPE,
                format!("expected a map, found {other}"),
                "write `key: value` lines below it",
            ),
            ("uid" | "generation" | "createdAt" | "createdBy" | "updatedAt" | "updatedBy", _) => {
                report(
                    path,
                    codes::SERVER_FIELD,
                    format!("`{key}` is written by fleetd"),
                    "remove it",
                );
            }
            (other, _) => {
                let help = closest(other, METADATA.iter().copied()).map_or_else(
                    || format!("known are {}", METADATA.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                report(path, codes::UNKNOWN_FIELD, format!("unknown field `{other}`"), &help);
            }
        }
    }
}
