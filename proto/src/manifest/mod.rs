//! Manifests: YAML ⇄ resources. Every problem of every file is found at once, each at its place.

mod check;
mod edit;
mod format;
mod json;
mod overlay;
mod read;
mod render;
mod secret;
mod tree;
mod values;
mod write;

pub use edit::{Edit, edit};
pub use format::format;
pub use json::submission;
pub use read::{Reading, read, read_with};
pub use secret::{SecretSource, Secrets, Unread};
pub use values::Values;
pub use write::{text as write, yaml};

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use crate::{codes, pb};

/// Most bytes of one file.
pub const FILE_LIMIT: usize = 16 << 20;
/// Most bytes of a bundle.
pub const BUNDLE_LIMIT: usize = 256 << 20;

/// A file, by the name that problems show.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path, or `-` for standard input.
    pub name: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// A place in a source; line and column count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Position in [`Bundle::sources`].
    pub source: usize,
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `FLT-NNNN`.
    pub code: String,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
    /// Where.
    pub place: Option<Place>,
}

/// A manifest that was read whole.
#[derive(Clone, Debug)]
pub struct Document {
    /// What is sent to fleetd.
    pub submission: pb::Submission,
    /// Where it begins.
    pub place: Place,
    /// Where the text of each secret was read, by path: `{fromEnv: VARIABLE}`.
    pub secrets: BTreeMap<String, serde_json::Value>,
    places: HashMap<String, Place>,
}

/// What was read from a number of sources.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// The files, as given.
    pub sources: Vec<Source>,
    /// Manifests that were read whole.
    pub documents: Vec<Document>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// What stands in the sources, but could not be read whole: `kind/name`.
    pub broken: Vec<String>,
    /// Something stands there of which nothing can be said.
    pub is_torn: bool,
    /// So many of the last sources lie over the others.
    pub overlays: usize,
    /// Where each line of a source begins; made when the first problem is rendered.
    lines: OnceLock<Vec<Vec<usize>>>,
}

impl Document {
    /// Where a field stands; a field that is not there stands where its nearest ancestor does.
    pub fn place_of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.place,
            }
        }
    }
}

impl Document {
    /// Where a field of the manifest itself stands, if it is there.
    pub fn place_at(&self, path: &str) -> Option<Place> {
        self.places.get(path).copied()
    }
}

impl Bundle {
    /// Says an issue only that a manifest could not be read, of which the reader knows already?
    pub fn is_echo(&self, issue: &pb::Issue) -> bool {
        let names_it = |name: &String| {
            let rest = issue.message.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with(' '))
        };
        issue.code == codes::MISSING_REFERENCE && (self.is_torn || self.broken.iter().any(names_it))
    }

    /// Puts an issue of fleetd at its place.
    pub fn locate(&self, issue: &pb::Issue) -> Problem {
        let field = if issue.path.is_empty() {
            String::new()
        } else {
            format!("{}: ", issue.path)
        };
        Problem {
            code: issue.code.clone(),
            message: format!("{field}{}", issue.message),
            help: issue.help.clone(),
            place: self
                .documents
                .get(issue.index as usize)
                .map(|document| document.place_of(&issue.path)),
        }
    }

    /// The submissions, in the order of [`Self::documents`], each with where its fields stand.
    pub fn submissions(&self) -> Vec<pb::Submission> {
        self.documents
            .iter()
            .map(|document| self.submission(document))
            .collect()
    }

    fn submission(&self, document: &Document) -> pb::Submission {
        let mut submission = document.submission.clone();
        let places: Vec<Place> = submission.paths.iter().map(|path| document.place_of(path)).collect();
        let own = document.place.source;
        let mut others: Vec<usize> = places
            .iter()
            .map(|place| place.source)
            .filter(|at| *at != own)
            .collect();
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let position = |place: &Place| others.binary_search(&place.source).map_or(0, |at| at as u32 + 1);
            submission.file_of = places.iter().map(position).collect();
        }
        submission.lines = places
            .iter()
            .map(|place| u32::try_from(place.line).unwrap_or(0))
            .collect();
        submission.file = self.name_of(own);
        submission.other_files = others.into_iter().map(|source| self.name_of(source)).collect();
        submission
    }

    fn name_of(&self, source: usize) -> String {
        self.sources
            .get(source)
            .map(|source| source.name.clone())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
