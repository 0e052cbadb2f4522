//! The checks of an apply that need nothing but the submission itself.

use std::collections::{HashMap, HashSet};

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::names;
use fleet_proto::pb::{Issue, Submission};
use fleet_proto::reflect::{self, Fields};
use uuid::Uuid;

use crate::domain::ownership::Origin;
use crate::domain::{Object, kinds};

/// Characters of a file's name that are kept with the fields that it holds.
const LONGEST_FILE: usize = 512;

/// What is submitted, by what names it: kind, organization, name.
pub(super) type Mentioned = HashSet<(Kind, String, String)>;

/// A submission that is sane by itself.
pub(super) struct Wanted {
    pub(super) index: usize,
    pub(super) object: Object,
    pub(super) fields: Fields,
    /// Revision that the submitter saw; 0: any.
    pub(super) seen: u64,
    /// Revision that a plan saw; 0: it did not exist.
    pub(super) base: Option<u64>,
    /// Marks of secrets that a plan saw, by path.
    pub(super) marks: HashMap<String, String>,
    pub(super) org_name: String,
    /// Empty: it is not renamed.
    pub(super) renamed_from: String,
    source: Source,
}

/// Where the fields of a submission stand.
struct Source {
    /// The manifest's own, then others.
    files: Vec<String>,
    /// Paths in their order.
    places: Vec<Spot>,
}

/// A field of the manifest: its path, line, and position of its file.
type Spot = (String, u32, u32);

impl Wanted {
    /// The origin of a field; a field that the manifest has no line for stands where its nearest ancestor does.
    pub(super) fn origin(&self, path: &str, of: &Origin) -> Origin {
        let places = &self.source.places;
        let stands_at = |path: &str| {
            let at = places.binary_search_by(|(known, ..)| known.as_str().cmp(path)).ok()?;
            places.get(at)
        };
        let below = || {
            let at = places.partition_point(|(known, ..)| known.as_str() < path);
            places.get(at).filter(|(known, ..)| known.starts_with(path))
        };
        let mut at = path;
        let spot = loop {
            if let Some(spot) = stands_at(at).or_else(|| (at == path).then(below).flatten()) {
                break Some(spot);
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => break places.first(),
            }
        };
        let (line, file) = spot.map_or((0, 0), |(_, line, file)| (*line, *file as usize));
        Origin {
            file: self.source.files.get(file).cloned().unwrap_or_default(),
            line,
            ..of.clone()
        }
    }
}

/// Reads a bundle; what is wrong with one submission hides nothing of the others.
pub(super) fn parse(bundle: Vec<Submission>, mentioned: &mut Mentioned, issues: &mut Vec<Issue>) -> Vec<Wanted> {
    let mut wanted = Vec::with_capacity(bundle.len());
    for (index, submission) in bundle.into_iter().enumerate() {
        let mut found = Vec::new();
        let read = read(index, submission, mentioned, &mut found);
        found.iter_mut().for_each(|issue| issue.index = index as u32);
        if found.is_empty() {
            wanted.extend(read);
        }
        issues.append(&mut found);
    }
    wanted
}

fn read(index: usize, submission: Submission, mentioned: &mut Mentioned, found: &mut Vec<Issue>) -> Option<Wanted> {
    let fields = Fields::wanted(&submission);
    let resource = submission.resource.unwrap_or_default();
    let metadata = resource.metadata.unwrap_or_default();
    let Some(spec) = resource.spec else {
        let missing = "is missing".to_owned();
        found.push(issue(
            index,
            "spec",
            codes::MISSING_FIELD,
            missing,
            "a manifest holds `spec:`",
        ));
        return None;
    };
    let kind = Kind::of(&spec);
    found.append(&mut reflect::check_metadata(&metadata));
    found.append(&mut reflect::check(&spec));
    found.append(&mut kinds::check(&spec));
    found.extend(kinds::check_name(kind, &metadata.name));
    if kind.is_platform() && !metadata.org.is_empty() {
        let message = format!("kind {kind} belongs to no organization");
        found.push(issue(index, "metadata.org", codes::ORG, message, "remove it"));
    }
    if !kind.is_platform() && metadata.org.is_empty() {
        let help = "set it, or name the organization with --org";
        found.push(issue(index, "metadata.org", codes::ORG, "is missing".to_owned(), help));
    }
    if !metadata.renamed_from.is_empty() && !names::is_name(&metadata.renamed_from) {
        let message = format!("`{}` is no name", metadata.renamed_from);
        found.push(issue(
            index,
            "metadata.renamedFrom",
            codes::NAME,
            message,
            names::NAME_HINT,
        ));
    }
    if !mentioned.insert((kind, metadata.org.clone(), metadata.name.clone())) {
        let message = format!("{kind}/{} is in the bundle twice", metadata.name);
        found.push(issue(
            index,
            "metadata.name",
            codes::TWICE,
            message,
            "remove one of them",
        ));
    }
    let files = submission.file_of.into_iter().chain(std::iter::repeat(0));
    let paths = reflect::keyed_paths(&spec, submission.paths);
    let lines = paths.into_iter().zip(submission.lines).zip(files);
    let mut places: Vec<Spot> = lines.map(|((path, line), file)| (path, line, file)).collect();
    places.sort();
    let object = Object {
        uid: Uuid::nil(),
        kind,
        org: None,
        name: metadata.name,
        generation: 0,
        revision: 0,
        labels: metadata.labels,
        annotations: metadata.annotations,
        protect: metadata.protect,
        spec,
        issues: Vec::new(),
        created_at: 0,
        created_by: String::new(),
        updated_at: 0,
        updated_by: String::new(),
    };
    Some(Wanted {
        index,
        object,
        fields,
        seen: metadata.revision,
        base: submission.base,
        marks: submission.marks,
        org_name: metadata.org,
        renamed_from: metadata.renamed_from,
        source: Source {
            files: std::iter::once(submission.file)
                .chain(submission.other_files)
                .map(|file| file.chars().take(LONGEST_FILE).collect())
                .collect(),
            places,
        },
    })
}

pub(super) fn issue(index: usize, path: &str, code: &str, message: String, help: &str) -> Issue {
    Issue {
        index: index as u32,
        path: path.to_owned(),
        message,
        help: help.to_owned(),
        code: code.to_owned(),
    }
}
