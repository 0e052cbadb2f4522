//! Who is logged in where: tokens in a file that only its owner reads, renewed before they expire.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use fleet_proto::codes;
use fleet_proto::pb;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// An access token that ends within so many seconds is renewed first.
const SOON: i64 = 30;

/// A login at one fleetd.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Session {
    /// Name of the User.
    pub user: String,
    /// Goes along with each call.
    pub access_token: String,
    /// Seconds since 1970.
    pub access_expires: i64,
    /// Gives the next tokens.
    pub refresh_token: String,
}

impl Session {
    /// What a login or renewal gave.
    pub fn of(tokens: pb::Tokens) -> Self {
        Self {
            user: tokens.user,
            access_token: tokens.access_token,
            access_expires: tokens.access_expires_at.map_or(0, |at| at.seconds),
            refresh_token: tokens.refresh_token,
        }
    }

    /// Must the access token be renewed before it is used?
    pub fn is_ending(&self) -> bool {
        self.access_expires - jiff::Timestamp::now().as_second() < SOON
    }
}

/// The sessions of this user of the machine, by server; locked while this lives.
pub struct Sessions {
    path: PathBuf,
    all: BTreeMap<String, Session>,
    _lock: File,
}

/// Where the sessions are kept; none: nobody's home is known.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("fleetctl"))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Exit::Failure,
        codes::UNREADABLE,
        format!("{}: {error}", path.display()),
        "look at the path and its permissions; FLEETCTL_TOKEN needs no file",
    )
}

/// Is anybody logged in anywhere? Spares programs without sessions the lock.
pub fn is_any() -> bool {
    folder().is_some_and(|folder| folder.join("sessions.json").exists())
}

impl Sessions {
    /// Reads them, and keeps other commands of the same user from changing them meanwhile.
    pub fn open() -> Result<Self> {
        let folder =
            folder().ok_or_else(|| Error::usage("there is no place for sessions", "set HOME or XDG_CONFIG_HOME"))?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| failed(&folder, &error))?;
        let at = folder.join("sessions.lock");
        let private = |path: &Path| {
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(path)
                .map_err(|error| failed(path, &error))
        };
        let lock = private(&at)?;
        lock.lock().map_err(|error| failed(&at, &error))?;
        let path = folder.join("sessions.json");
        let all = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(&path, &error)),
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                Error::usage(
                    format!("{}: {error}", path.display()),
                    "remove the file and log in again",
                )
            })?,
        };
        Ok(Self { path, all, _lock: lock })
    }

    /// The session at a server.
    pub fn get(&self, server: &str) -> Option<&Session> {
        self.all.get(server)
    }

    /// Keeps a session.
    pub fn put(&mut self, server: &str, session: Session) -> Result<()> {
        self.all.insert(server.to_owned(), session);
        self.write()
    }

    /// Forgets a session.
    pub fn remove(&mut self, server: &str) -> Result<Option<Session>> {
        let was = self.all.remove(server);
        self.write()?;
        Ok(was)
    }

    /// Readers see the old file or the new one; nobody else sees either.
    fn write(&self) -> Result<()> {
        let draft = self.path.with_extension("draft");
        let written = || -> std::io::Result<()> {
            match std::fs::remove_file(&draft) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(serde_json::to_string_pretty(&self.all)?.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.path)
        };
        written().map_err(|error| failed(&self.path, &error))
    }
}
