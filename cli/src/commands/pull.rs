//! `fleetctl pull`.

use std::collections::BTreeMap;

use clap::Args;
use fleet_proto::manifest::{self, Bundle, Document, Edit, Source};
use fleet_proto::reflect::{self, Fields};
use fleet_proto::{codes, pb};
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files;
use crate::out::{Format, column};
use crate::secrets::Here;
use crate::submit::{self, Submission, Submit};

/// Write what others changed back into the manifests, at its line; comments and all else stay as they are
#[derive(Args, Debug)]
pub struct Pull {
    #[command(flatten)]
    submit: Submit,
    /// Show what would be written
    #[arg(long)]
    dry_run: bool,
}

/// A field that is to be what it is in the fleet.
struct Pulled {
    document: usize,
    path: String,
    owner: String,
    /// Its owner's value.
    theirs: Option<Json>,
    edits: Vec<Leaf>,
}

/// A value in the text that differs: as little as can be told apart, so that all around it stays.
struct Leaf {
    /// As the manifest counts: `spec.slaves[0].registers[2].address`.
    path: String,
    source: usize,
    edit: Edit,
}

pub(super) async fn run(cx: &mut Context, args: &Pull) -> Result<Exit> {
    let submission = submit::read(cx, &args.submit).await?;
    let outcome = submit::plan(cx, &submission).await?;
    let mut pulled = Vec::new();
    let mut by_hand = Vec::new();
    for applied in &outcome.applied {
        let Some(document) = applied.index.map(|index| index as usize) else {
            continue;
        };
        for conflict in &applied.conflicts {
            match found(&submission, document, conflict) {
                Some(one) => pulled.push(one),
                None => by_hand.push(conflict.path.clone()),
            }
        }
    }
    let mut texts = Vec::new();
    for (source, origin) in submission.bundle.sources.iter().enumerate() {
        let leaves = pulled.iter().flat_map(|one| &one.edits);
        let edits: Vec<Edit> = leaves
            .filter(|leaf| leaf.source == source)
            .map(|leaf| leaf.edit.clone())
            .collect();
        if edits.is_empty() {
            continue;
        }
        if origin.name == "-" {
            return Err(Error::usage("standard input cannot be written", "name files with -f"));
        }
        texts.push((origin, edited(origin, &edits)?));
    }
    prove(cx, &submission.bundle, &texts, &pulled, args.submit.files.is_empty())?;
    if !args.dry_run {
        for (origin, text) in &texts {
            files::replace(std::path::Path::new(&origin.name), text.as_bytes())?;
        }
    }
    show(cx, &submission, &pulled, args.dry_run)?;
    if by_hand.is_empty() {
        return Ok(Exit::Ok);
    }
    Err(Error::new(
        Exit::Failure,
        codes::OWNED,
        format!(
            "not written, because no manifest has a line for it: {}",
            by_hand.join(", ")
        ),
        "change the manifest by hand; `fleetctl plan` shows the values",
    ))
}

/// The edit that makes a manifest's field what its owner has.
fn found(submission: &Submission, at: usize, conflict: &pb::Conflict) -> Option<Pulled> {
    let document = submission.bundle.documents.get(at)?;
    let resource = document.submission.resource.as_ref()?;
    let manifest = reflect::to_manifest_json(resource);
    let path = indexed(&manifest, &conflict.path)?;
    // The text of a secret stands nowhere.
    if document.secrets.contains_key(&path) {
        return None;
    }
    let value = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let theirs = value(&conflict.theirs);
    let mut edits = Vec::new();
    leaves(document, &path, &value(&conflict.wanted)?, theirs.as_ref(), &mut edits)?;
    Some(Pulled {
        document: at,
        path: conflict.path.clone(),
        owner: conflict.manager.clone(),
        theirs,
        edits,
    })
}

/// The edits that make one value the other. None: the manifest has no place for one of them.
fn leaves(document: &Document, path: &str, old: &Json, new: Option<&Json>, edits: &mut Vec<Leaf>) -> Option<()> {
    match (old, new) {
        (old, Some(new)) if old == new => return Some(()),
        (Json::Object(old), Some(Json::Object(new)))
            if new.keys().all(|key| old.contains_key(key)) && !new.is_empty() =>
        {
            for (key, inner) in old {
                leaves(document, &format!("{path}.{key}"), inner, new.get(key), edits)?;
            }
            return Some(());
        }
        (Json::Array(old), Some(Json::Array(new))) if old.len() == new.len() => {
            for (at, (inner, new)) in old.iter().zip(new).enumerate() {
                leaves(document, &format!("{path}[{at}]"), inner, Some(new), edits)?;
            }
            return Some(());
        }
        _ => {}
    }
    let place = document.place_at(path)?;
    edits.push(Leaf {
        path: path.to_owned(),
        source: place.source,
        edit: Edit {
            line: place.line,
            column: place.column,
            old: old.clone(),
            new: new.cloned(),
        },
    });
    Some(())
}

/// `spec.sensors[name=u].unit` as the manifest counts: `spec.sensors[2].unit`.
fn indexed(manifest: &Json, path: &str) -> Option<String> {
    let Some((list, rest)) = path.split_once('[') else {
        return Some(path.to_owned());
    };
    let (step, rest) = split_key(rest)?;
    let (field, key) = step.split_once('=')?;
    let items = reflect::lookup(manifest, &format!(".{list}"))?.as_array()?;
    let at = items.iter().position(|item| match field {
        "" => item == key,
        field => item.get(field).is_some_and(|name| name == key),
    })?;
    Some(format!("{list}[{at}]{rest}"))
}

/// The text of a key up to its bracket, which a backslash hides, and what is behind.
fn split_key(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.push(chars.next()?.1),
            ']' => return Some((key, &text[at + 1..])),
            c => key.push(c),
        }
    }
    None
}

fn refused(name: &str, line: usize, why: &str) -> Error {
    Error::new(
        Exit::Failure,
        codes::OWNED,
        format!("{name}:{line}: cannot be written: {why}; no file was changed"),
        "change it by hand; `fleetctl plan` shows the values",
    )
}

/// A file with its edits.
fn edited(origin: &Source, edits: &[Edit]) -> Result<String> {
    let refused = |line: usize, why: &str| refused(&origin.name, line, why);
    let text = std::str::from_utf8(&origin.text).map_err(|_| refused(1, "the file is not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        return Err(refused(1, "the file begins with a byte order mark"));
    }
    manifest::edit(text, edits).map_err(|(line, why)| refused(line, &why))
}

/// Reads everything again with the files as they would be: it must say what is wanted and nothing else.
fn prove(cx: &mut Context, bundle: &Bundle, texts: &[(&Source, String)], pulled: &[Pulled], whole: bool) -> Result<()> {
    let changed = |source: &Source| {
        let own = texts.iter().find(|(origin, _)| std::ptr::eq(*origin, source));
        let text = own.map_or_else(|| source.text.clone(), |(_, text)| text.clone().into_bytes());
        Source {
            name: source.name.clone(),
            text,
        }
    };
    let sources = bundle.sources.iter().map(changed).collect();
    let again = files::read_again(cx, sources, bundle.overlays, whole, &Here)?;
    let wanted =
        |(at, document): (usize, &Document)| expected(document, pulled.iter().filter(|one| one.document == at));
    let is_same = again.problems.is_empty()
        && bundle.documents.len() == again.documents.len()
        && bundle
            .documents
            .iter()
            .enumerate()
            .map(wanted)
            .eq(again.documents.iter().map(fields));
    if is_same {
        return Ok(());
    }
    let first = pulled.iter().flat_map(|one| &one.edits).next();
    let source = first.and_then(|leaf| bundle.sources.get(leaf.source));
    let line = first.map_or(1, |leaf| leaf.edit.line);
    Err(refused(
        source.map_or("", |source| &source.name),
        line,
        "its form is not understood",
    ))
}

/// Name and fields of a manifest.
type Content = (String, BTreeMap<String, Json>);

fn fields(document: &Document) -> Content {
    let fields = Fields::wanted(&document.submission);
    let name = document
        .submission
        .resource
        .as_ref()
        .map(super::named)
        .unwrap_or_default();
    (
        name,
        fields
            .iter()
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect(),
    )
}

fn expected<'a>(document: &Document, own: impl Iterator<Item = &'a Pulled>) -> Content {
    let (name, mut fields) = fields(document);
    for one in own {
        match &one.theirs {
            Some(new) => fields.insert(one.path.clone(), new.clone()),
            None => fields.remove(&one.path),
        };
    }
    (name, fields)
}

fn show(cx: &mut Context, submission: &Submission, pulled: &[Pulled], dry_run: bool) -> Result<()> {
    let leaves = pulled
        .iter()
        .flat_map(|one| one.edits.iter().map(move |leaf| (one, leaf)));
    let records = leaves.map(|(one, leaf)| {
        let source = submission.bundle.sources.get(leaf.source);
        json!({
            "file": source.map(|source| source.name.clone()), "line": leaf.edit.line, "path": leaf.path,
            "before": leaf.edit.old, "after": leaf.edit.new, "owner": one.owner,
        })
    });
    let records: Vec<Json> = records.collect();
    if records.is_empty() && matches!(cx.format, Format::Table { .. }) {
        cx.io.out("Nobody changed what the manifests hold.\n");
        return Ok(());
    }
    let columns = vec![
        column("FILE", ".file"),
        column("LINE", ".line"),
        column("FIELD", ".path"),
        column("BEFORE", ".before"),
        column("AFTER", ".after"),
        column("OWNER", ".owner"),
    ];
    super::print_all(cx, columns, |record| super::text(record, "path"), records)?;
    if dry_run && matches!(cx.format, Format::Table { .. }) {
        cx.io.say("nothing was written");
    }
    Ok(())
}
