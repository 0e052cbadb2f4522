//! `fleetctl.yaml`: what belongs together, in whose name it is applied, and what guards it.

use std::path::{Path, PathBuf};

use fleet_proto::kinds::Kind;
use fleet_proto::pb::{self, OnConflict};
use fleet_proto::selector::glob_matches;
use serde::Deserialize;

use crate::error::{Error, Result};

/// Its name.
pub const FILE: &str = "fleetctl.yaml";

/// A project, as its file says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Project {
    /// The source of manifests that owns what is applied.
    pub apply_set: Option<String>,
    /// Organization of manifests that name none.
    pub org: Option<String>,
    /// Files and directories, relative to the file; unless said: `manifests`.
    #[serde(default)]
    include: Vec<PathBuf>,
    /// Files that are left out: globs over the path relative to the file.
    #[serde(default)]
    exclude: Vec<String>,
    /// What to do with conflicts of some fields.
    #[serde(default)]
    ownership: Vec<Rule>,
    /// What stops an apply.
    #[serde(default)]
    pub guards: Guards,
    /// Where the file stands.
    #[serde(skip)]
    dir: PathBuf,
}

/// What stops an apply.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Guards {
    /// Most resources that may be deleted at once.
    pub max_delete: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rule {
    path: String,
    #[serde(default)]
    kind: String,
    on_conflict: Choice,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Refuse,
    Take,
    Yield,
}

impl Project {
    /// The project that a directory is in: the file stands there, or above.
    pub fn find(from: &Path) -> Result<Option<Self>> {
        for dir in from.ancestors() {
            let path = dir.join(FILE);
            match std::fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&path, dir, &text).map(Some),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(wrong(&path, &error.to_string())),
            }
        }
        Ok(None)
    }

    /// The project of the directory that the command runs in.
    pub fn of_here() -> std::result::Result<Option<Self>, Option<Error>> {
        match std::env::current_dir() {
            Ok(dir) => Self::find(&dir).map_err(Some),
            Err(_) => Ok(None),
        }
    }

    fn parse(path: &Path, dir: &Path, text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(wrong(path, "is empty"));
        }
        let mut project: Self = serde_yaml::from_str(text).map_err(|error| wrong(path, &error.to_string()))?;
        if let Some(rule) = project
            .ownership
            .iter()
            .find(|rule| !rule.kind.is_empty() && Kind::find(&rule.kind).is_none())
        {
            return Err(wrong(path, &format!("ownership: `{}` is no kind", rule.kind)));
        }
        dir.clone_into(&mut project.dir);
        if project.include.is_empty() {
            project.include.push(PathBuf::from("manifests"));
        }
        Ok(project)
    }

    /// The files of the whole project.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in &self.include {
            let path = shortened(&self.dir.join(path));
            if path.is_dir() {
                crate::files::walk(&path, &mut found)?;
            } else {
                found.push(path);
            }
        }
        let own = shortened(&self.dir.join(FILE));
        found.retain(|path| {
            let inside = path.strip_prefix(shortened(&self.dir)).unwrap_or(path);
            let name = inside.display().to_string();
            *path != own && !self.exclude.iter().any(|glob| glob_matches(glob, &name))
        });
        Ok(found)
    }

    /// The rules as fleetd takes them.
    pub fn ownership_rules(&self) -> Vec<pb::OwnershipRule> {
        let rule = |rule: &Rule| pb::OwnershipRule {
            path: rule.path.clone(),
            kind: rule.kind.clone(),
            on_conflict: match rule.on_conflict {
                Choice::Refuse => OnConflict::Refuse,
                Choice::Take => OnConflict::Take,
                Choice::Yield => OnConflict::Yield,
            } as i32,
        };
        self.ownership.iter().map(rule).collect()
    }
}

/// Relative to where the command runs, as people write paths.
fn shortened(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let inside = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    let short = inside.unwrap_or(path);
    if short.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        short.components().collect()
    }
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::usage(
        format!("{}: {what}", shortened(path).display()),
        "it may hold applySet, org, include, exclude, ownership, guards",
    )
}
