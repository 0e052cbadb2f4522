//! Saved plans: what was looked at is what is applied, or nothing.

use std::path::Path;

use fleet_proto::kinds::Kind;
use fleet_proto::manifest::{self, Bundle, Document, Problem, Reading, Source};
use fleet_proto::pb::apply_response::{Action, Applied};
use fleet_proto::pb::delete_request::Key;
use fleet_proto::pb::{self, OnConflict};
use fleet_proto::{codes, reflect};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::commands::named;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files;
use crate::secrets::Here;
use crate::submit::{self, Outcome, Submission};

/// Version of the file's schema. Plans of version 1 did not say for which fleetd they are.
const VERSION: u64 = 2;

/// What becomes of one resource, as data.
pub fn record(submission: &Submission, applied: &Applied) -> Json {
    let resource = applied.resource.clone().unwrap_or_default();
    let value = |text: &Option<String>| {
        text.as_ref().map_or(Json::Null, |text| {
            serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())
        })
    };
    let changes = applied
        .changes
        .iter()
        .map(|change| json!({"path": change.path, "before": value(&change.before), "after": value(&change.after)}));
    let conflict = |conflict: &pb::Conflict| {
        json!({
            "path": conflict.path, "owner": conflict.manager, "since": conflict.since.map(|at| at.to_string()),
            "revision": conflict.revision, "theirs": value(&conflict.theirs), "wanted": value(&conflict.wanted),
        })
    };
    let mut record = Map::new();
    record.insert("action".into(), action(applied).into());
    record.insert("ref".into(), named(&resource).into());
    record.insert("org".into(), resource.metadata.unwrap_or_default().org.into());
    record.insert("base".into(), applied.base.into());
    record.insert("place".into(), submission.place(applied).map_or(Json::Null, Json::from));
    record.insert("changes".into(), changes.collect());
    for (name, found) in [("conflicts", &applied.conflicts), ("yields", &applied.yields)] {
        if !found.is_empty() {
            record.insert(name.into(), found.iter().map(conflict).collect());
        }
    }
    if !applied.renamed_from.is_empty() {
        record.insert("renamedFrom".into(), applied.renamed_from.clone().into());
    }
    if !applied.reason.is_empty() {
        record.insert("reason".into(), applied.reason.clone().into());
    }
    Json::Object(record)
}

fn action(applied: &Applied) -> &'static str {
    match applied.action() {
        Action::Unchanged if applied.adopted => "adopt",
        Action::Unchanged => "none",
        Action::Created => "create",
        Action::Updated if !applied.renamed_from.is_empty() => "rename",
        Action::Updated => "update",
        Action::Deleted => "delete",
        Action::Conflict => "conflict",
        Action::Kept => "keep",
        Action::Released => "release",
        Action::Followed => "follow",
    }
}

/// Writes a plan for a server. The same manifests against the same resources there give the same bytes.
pub fn write(path: &Path, server: &str, submission: &Submission, outcome: &Outcome) -> Result<()> {
    let plan = sealed(document(server, submission, outcome));
    let text = format!("{plan:#}\n");
    files::replace(path, text.as_bytes())
}

fn document(server: &str, submission: &Submission, outcome: &Outcome) -> Map<String, Json> {
    let options = &submission.options;
    let touched = outcome
        .applied
        .iter()
        .filter(|applied| applied.index.is_some() && (applied.action() != Action::Unchanged || applied.adopted));
    let resources = touched.filter_map(|applied| {
        let sent = submission.submissions.get(applied.index? as usize)?;
        let mut record = record(submission, applied);
        let files = sent.file_of.iter().copied().chain(std::iter::repeat(0));
        let lines = sent.paths.iter().zip(&sent.lines).zip(files);
        let spot = |((path, line), file): ((&String, &u32), u32)| {
            let other = sent.other_files.get((file as usize).wrapping_sub(1));
            let spot = other.map_or_else(|| Json::from(*line), |other| json!({"file": other, "line": line}));
            (path.clone(), spot)
        };
        let fields: Map<String, Json> = lines.map(spot).collect();
        record["manifest"] = reflect::to_manifest_json(sent.resource.as_ref()?);
        let document = submission.bundle.documents.get(applied.index? as usize);
        if let Some(document) = document {
            tell_sources(submission, document, &mut record["manifest"]);
            let marks = marks(applied, document);
            if !marks.is_empty() {
                record["marks"] = marks.into();
            }
        }
        record["file"] = sent.file.clone().into();
        record["fields"] = fields.into();
        Some(record)
    });
    let rest = |wanted: Action| {
        let of_action = outcome.applied.iter().filter(move |applied| applied.action() == wanted);
        of_action.map(|applied| record(submission, applied)).collect::<Vec<_>>()
    };
    let rules = options
        .ownership
        .iter()
        .map(|rule| json!({"path": rule.path, "kind": rule.kind, "onConflict": choice(rule.on_conflict())}));
    let mut plan = Map::new();
    plan.insert("apiVersion".into(), "fleet/v1".into());
    plan.insert("kind".into(), "Plan".into());
    plan.insert("version".into(), VERSION.into());
    plan.insert("server".into(), server.into());
    // The same plan in another state of the store is another plan: it must not pass for one that was applied before.
    plan.insert("revision".into(), outcome.summary.revision.into());
    plan.insert("applySet".into(), options.apply_set.clone().into());
    plan.insert("commit".into(), options.commit.clone().into());
    plan.insert("onConflict".into(), choice(options.on_conflict()).into());
    plan.insert("ownership".into(), rules.collect());
    plan.insert("resources".into(), resources.collect());
    plan.insert("deletes".into(), rest(Action::Deleted).into());
    plan.insert("releases".into(), rest(Action::Released).into());
    plan.insert("unchanged".into(), outcome.summary.unchanged.into());
    plan
}

/// Puts where a secret is read in place of its text, which is not kept: it is read again when the plan is applied.
fn tell_sources(submission: &Submission, document: &Document, manifest: &mut Json) {
    for (path, source) in &document.secrets {
        if let Some(place) = reflect::lookup_mut(manifest, path) {
            *place = from_here(submission, document, path, source);
        }
    }
}

/// The marks of the secrets of a resource that exists. A new one has another uid when it is made, and so other marks.
fn marks(applied: &Applied, document: &Document) -> Map<String, Json> {
    let after = applied
        .resource
        .as_ref()
        .map(reflect::to_manifest_json)
        .unwrap_or_default();
    let mark = |path: &String| Some((path.clone(), reflect::lookup(&after, &format!(".{path}"))?.clone()));
    if applied.base == 0 {
        return Map::new();
    }
    document.secrets.keys().filter_map(mark).collect()
}

/// A file of a secret as it is named from where fleetctl runs, and not from its manifest.
fn from_here(submission: &Submission, document: &Document, path: &str, source: &Json) -> Json {
    let Some(file) = source.get("fromFile").and_then(Json::as_str) else {
        return source.clone();
    };
    let manifest = submission.bundle.sources.get(document.place_of(path).source);
    let dir = manifest.and_then(|manifest| Path::new(&manifest.name).parent());
    json!({"fromFile": dir.map_or_else(|| file.into(), |dir| dir.join(file)).display().to_string()})
}

fn choice(choice: OnConflict) -> &'static str {
    match choice {
        OnConflict::Refuse => "refuse",
        OnConflict::Take => "take",
        OnConflict::Yield => "yield",
    }
}

fn sealed(mut plan: Map<String, Json>) -> Json {
    let digest = digest(&plan);
    plan.insert("digest".into(), digest.into());
    Json::Object(plan)
}

fn digest(plan: &Map<String, Json>) -> String {
    let mut whole = plan.clone();
    whole.shift_remove("digest");
    let hash = Sha256::digest(Json::Object(whole).to_string().as_bytes());
    let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// The options under which a plan that was just seen is applied as it was seen.
pub fn held(submission: &Submission, outcome: &Outcome) -> pb::apply_request::Options {
    let deleted = outcome
        .applied
        .iter()
        .filter(|applied| applied.action() == Action::Deleted);
    let deletes: Vec<Key> = deleted
        .filter_map(|applied| {
            let resource = applied.resource.clone()?;
            let kind = Kind::of(resource.spec.as_ref()?);
            let metadata = resource.metadata?;
            Some(Key {
                org: metadata.org,
                kind: kind.to_string(),
                name: metadata.name,
                revision: applied.base,
            })
        })
        .collect();
    pb::apply_request::Options {
        prune: false,
        max_delete: u32::try_from(deletes.len()).ok(),
        deletes,
        ..submission.options.clone()
    }
}

/// The submissions of a plan that was just seen, each at the revision that was seen.
pub fn bases(submission: &Submission, outcome: &Outcome) -> Vec<pb::Submission> {
    let mut submissions = submission.submissions.clone();
    for applied in &outcome.applied {
        let at = applied.index.and_then(|index| submissions.get_mut(index as usize));
        if let Some(submission) = at {
            submission.base = Some(applied.base);
        }
    }
    submissions
}

/// Reads a plan that [`write`] wrote; one that was changed since is refused, and one for another server.
pub fn read(cx: &Context, path: &Path) -> Result<Submission> {
    let wrong = |what: &str| {
        Error::new(
            Exit::Invalid,
            codes::SYNTAX,
            format!("{}: {what}; nothing was changed", path.display()),
            "make a new one with `fleetctl plan --out FILE`",
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| files::unreadable(path, &error))?;
    let Ok(Json::Object(plan)) = serde_json::from_str::<Json>(&text) else {
        return Err(wrong("is no plan"));
    };
    if plan.get("kind") != Some(&"Plan".into()) {
        return Err(wrong("is no plan"));
    }
    if plan.get("version") != Some(&VERSION.into()) {
        return Err(wrong("is a plan of another version of fleetctl"));
    }
    let sealed = digest(&plan);
    if plan.get("digest") != Some(&sealed.clone().into()) {
        return Err(wrong("was changed after it was made"));
    }
    let word = |json: Option<&Json>| json.and_then(Json::as_str).unwrap_or_default().to_owned();
    let server = word(plan.get("server"));
    submit::is_at(
        cx,
        &path.display().to_string(),
        &server,
        "make a plan here with `fleetctl plan --out FILE`",
    )?;
    let list = |name: &str| plan.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let decide = |word: &str| match word {
        "take" => OnConflict::Take,
        "yield" => OnConflict::Yield,
        _ => OnConflict::Refuse,
    };
    if !list("releases").is_empty() {
        // A release is decided by what other sets have, which the plan cannot hold still.
        return Err(wrong(
            "releases resources to other apply sets, which only a direct apply can do",
        ));
    }
    let mut submissions = Vec::new();
    for record in list("resources") {
        let read = submission(&record).map_err(|problems| match problems.into_iter().next() {
            Some(problem) => Error::new(
                Exit::Invalid,
                &problem.code,
                format!("{}: {}; nothing was changed", path.display(), problem.message),
                problem.help,
            ),
            None => wrong("holds a resource that cannot be read"),
        })?;
        submissions.push(read);
    }
    let mut deletes = Vec::new();
    for record in list("deletes") {
        deletes.push(key(&record).ok_or_else(|| wrong("holds a deletion that cannot be read"))?);
    }
    let rules = list("ownership");
    let rules = rules.iter().map(|rule| pb::OwnershipRule {
        path: word(rule.get("path")),
        kind: word(rule.get("kind")),
        on_conflict: decide(&word(rule.get("onConflict"))) as i32,
    });
    let options = pb::apply_request::Options {
        apply_set: word(plan.get("applySet")),
        commit: word(plan.get("commit")),
        on_conflict: decide(&word(plan.get("onConflict"))) as i32,
        ownership: rules.collect(),
        // Whoever looked at the plan saw them all.
        max_delete: u32::try_from(deletes.len()).ok(),
        plan_digest: sealed,
        deletes,
        ..pb::apply_request::Options::default()
    };
    Ok(Submission {
        bundle: Bundle::default(),
        options,
        submissions,
        ..Submission::default()
    })
}

/// The error is what is wrong with the manifest; nothing: the record is none of a plan.
fn submission(record: &Json) -> std::result::Result<pb::Submission, Vec<Problem>> {
    let manifest = record.get("manifest").ok_or_else(Vec::new)?;
    let source = Source {
        name: "plan".to_owned(),
        text: manifest.to_string().into_bytes(),
    };
    let reading = Reading {
        secrets: Some(&Here),
        ..Reading::default()
    };
    let mut bundle = manifest::read_with(vec![source], reading);
    if !bundle.problems.is_empty() {
        return Err(bundle.problems);
    }
    let document = bundle.documents.pop().ok_or_else(Vec::new)?;
    placed(record, document.submission).ok_or_else(Vec::new)
}

/// The submission with the places and the base of the plan.
fn placed(record: &Json, mut submission: pb::Submission) -> Option<pb::Submission> {
    let fields = record.get("fields")?.as_object()?;
    submission.paths = fields.keys().cloned().collect();
    submission.lines.clear();
    for spot in fields.values() {
        let line = spot.get("line").unwrap_or(spot).as_u64()?;
        submission.lines.push(u32::try_from(line).ok()?);
        let others = &mut submission.other_files;
        let at = match spot.get("file").and_then(Json::as_str) {
            None => 0,
            Some(file) => {
                if !others.iter().any(|known| known == file) {
                    others.push(file.to_owned());
                }
                others.iter().position(|known| known == file)? + 1
            }
        };
        submission.file_of.push(u32::try_from(at).ok()?);
    }
    record.get("file")?.as_str()?.clone_into(&mut submission.file);
    submission.base = Some(record.get("base")?.as_u64()?);
    if let Some(marks) = record.get("marks").and_then(Json::as_object) {
        let mark = |(path, mark): (&String, &Json)| Some((path.clone(), mark.as_str()?.to_owned()));
        submission.marks = marks.iter().map(mark).collect::<Option<_>>()?;
    }
    Some(submission)
}

fn key(record: &Json) -> Option<Key> {
    let (kind, name) = record.get("ref")?.as_str()?.split_once('/')?;
    Kind::find(kind)?;
    Some(Key {
        org: record.get("org")?.as_str()?.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        revision: record.get("base")?.as_u64()?,
    })
}
