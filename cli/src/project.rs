//! `fleetctl.yaml`: what belongs together, in whose name it is applied, and what guards it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fleet_proto::kinds::Kind;
use fleet_proto::manifest::Values;
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
    /// What `${values.name}` stands for in manifests.
    values: Option<Values>,
    /// What is different in each environment, by its name; chosen with --env.
    #[serde(default)]
    environments: BTreeMap<String, Environment>,
    /// Of the environment: laid over the manifests.
    #[serde(skip)]
    overlays: Vec<PathBuf>,
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
    /// The only server that this may be applied to, as --server names it.
    pub server: Option<String>,
    /// The only context that this may be applied in.
    pub context: Option<String>,
}

/// What is different in one environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Environment {
    apply_set: Option<String>,
    org: Option<String>,
    /// Besides the project's.
    #[serde(default)]
    include: Vec<PathBuf>,
    /// Files and directories of manifests that hold only what differs here.
    #[serde(default)]
    overlays: Vec<PathBuf>,
    /// Instead of the project's of the same name.
    #[serde(default)]
    values: Values,
    #[serde(default)]
    guards: Guards,
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
    fn find(from: &Path) -> Result<Option<Self>> {
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
    pub fn of_here(environment: Option<&str>) -> std::result::Result<Option<Self>, Option<Error>> {
        let Ok(dir) = std::env::current_dir() else {
            return Ok(None);
        };
        match Self::find(&dir).map_err(Some)? {
            Some(project) => project.within(environment).map(Some).map_err(Some),
            None if environment.is_some() => Err(Some(Error::usage(
                "an environment is chosen, and there is no fleetctl.yaml here or above",
                "go to the project's directory, or leave --env out",
            ))),
            None => Ok(None),
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
        let scalars = |values: &Values| {
            values
                .iter()
                .find(|(_, value)| value.is_array() || value.is_object() || value.is_null())
                .map(|(name, _)| name.clone())
        };
        let of_environments = project
            .environments
            .values()
            .find_map(|environment| scalars(&environment.values));
        if let Some(name) = project.values.as_ref().and_then(scalars).or(of_environments) {
            return Err(wrong(
                path,
                &format!("values: `{name}` is no text, number or truth value"),
            ));
        }
        dir.clone_into(&mut project.dir);
        if project.include.is_empty() {
            project.include.push(PathBuf::from("manifests"));
        }
        Ok(project)
    }

    /// The project as it is in an environment. Where environments are declared, one must be chosen.
    pub fn within(mut self, environment: Option<&str>) -> Result<Self> {
        let known = || {
            self.environments
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Some(name) = environment else {
            return if self.environments.is_empty() {
                Ok(self)
            } else {
                Err(Error::usage(
                    "fleetctl.yaml has environments, and none is chosen",
                    format!("choose one with --env or FLEETCTL_ENV: {}", known()),
                ))
            };
        };
        let Some(chosen) = self.environments.get(name).cloned() else {
            let help = if self.environments.is_empty() {
                "fleetctl.yaml has no `environments`".to_owned()
            } else {
                format!("known are {}", known())
            };
            return Err(Error::usage(format!("there is no environment `{name}`"), help));
        };
        self.apply_set = chosen.apply_set.or(self.apply_set);
        self.org = chosen.org.or(self.org);
        self.include.extend(chosen.include);
        self.overlays = chosen.overlays;
        self.guards.max_delete = chosen.guards.max_delete.or(self.guards.max_delete);
        self.guards.server = chosen.guards.server.or(self.guards.server);
        self.guards.context = chosen.guards.context.or(self.guards.context);
        if self.values.is_some() || !chosen.values.is_empty() {
            self.values.get_or_insert_default().extend(chosen.values);
        }
        Ok(self)
    }

    /// What `${values.name}` stands for; none: it stands for itself.
    pub fn values(&self) -> Option<&Values> {
        self.values.as_ref()
    }

    /// The files of the whole project, without overlays.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let overlays = self.overlays()?;
        let mut found = self.below(&self.include)?;
        found.retain(|path| !overlays.contains(path));
        Ok(found)
    }

    /// The files that are laid over the others.
    pub fn overlays(&self) -> Result<Vec<PathBuf>> {
        self.below(&self.overlays)
    }

    fn below(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in paths {
            let said = path;
            let path = shortened(&self.dir.join(said));
            if !path.exists() {
                let what = format!("there is no `{}` beside it", said.display());
                return Err(wrong(&self.dir.join(FILE), &what));
            }
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
        "it may hold applySet, org, include, exclude, values, environments, ownership, guards",
    )
}
