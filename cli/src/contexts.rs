//! Contexts: a server with its CA and an organization, by a name of the user's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap_complete::engine::CompletionCandidate;
use fleet_proto::{codes, names};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::folder::{self, Held};

/// The file, which fleetctl writes; comments belong into `config.yaml` beside it.
const FILE: &str = "contexts.yaml";

/// A fleetd, and what one does there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// As `--server` takes it.
    pub server: String,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Certificate of the authority that signed fleetd's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

/// Every context of the user.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Contexts {
    /// The one that holds where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Entry>,
}

impl Contexts {
    /// As they are; none where nobody made one.
    pub fn read() -> Result<Self> {
        let Some(path) = folder::path().map(|folder| folder.join(FILE)) else {
            return Ok(Self::default());
        };
        Self::parse(folder::read(&path)?, &path.display().to_string())
    }

    fn parse(text: Option<String>, path: &str) -> Result<Self> {
        match text {
            Some(text) if !text.trim().is_empty() => serde_yaml::from_str(&text).map_err(|error| {
                Error::usage(
                    format!("{path}: {error}"),
                    "it holds `inUse` and `contexts`, each with `server`, `org` and `ca`; `fleetctl context set` writes it",
                )
            }),
            _ => Ok(Self::default()),
        }
    }

    /// Changes them, while no other fleetctl does.
    pub async fn change<T>(change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let file = Held::open(FILE).await?;
        let mut contexts = Self::parse(file.read()?, &file.path().display().to_string())?;
        let done = change(&mut contexts)?;
        let text = serde_yaml::to_string(&contexts).unwrap_or_else(|error| unreachable!("texts only: {error}"));
        file.replace(&text)?;
        Ok(done)
    }

    /// The context of a name.
    pub fn get(&self, name: &str) -> Result<&Entry> {
        self.contexts.get(name).ok_or_else(|| self.unknown(name))
    }

    /// What is told of a name that no context has.
    pub fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
        let make = format!("`fleetctl context set {name} --server URL` makes it");
        let help = if known.is_empty() {
            format!("there is none yet; {make}")
        } else {
            format!("known are {}; {make}", known.join(", "))
        };
        let said = format!("there is no context `{name}`");
        Error::new(Exit::Usage, codes::USAGE, said, help)
    }
}

/// Refuses what cannot name a context.
pub fn check_name(name: &str) -> Result<()> {
    if names::is_name(name) {
        return Ok(());
    }
    Err(Error::usage(
        format!("`{name}` is no name of a context"),
        format!("write {}", names::NAME_HINT),
    ))
}

/// Names, for the shell; nothing is dialled.
pub fn candidates() -> Vec<CompletionCandidate> {
    let contexts = Contexts::read().unwrap_or_default().contexts;
    let one = |(name, entry): (String, Entry)| CompletionCandidate::new(name).help(Some(entry.server.into()));
    contexts.into_iter().map(one).collect()
}
