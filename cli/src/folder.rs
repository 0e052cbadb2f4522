//! The user's own configuration folder, and the files there that fleetctl itself writes.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleet_proto::codes;

use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long another fleetctl may hold a file. An answer of fleetd fits into it, and those of a keyring.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often a held file is tried.
const AGAIN: Duration = Duration::from_millis(10);

/// `fleetctl/` in the user's configuration directory; none: nobody's home is known.
pub fn path() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(config.join("fleetctl"))
}

/// A file of the folder that only its owner reads and one fleetctl at a time changes: held while this lives.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    _lock: File,
}

impl Held {
    /// Waits until no other fleetctl holds the file of this name.
    pub async fn open(name: &str) -> Result<Self> {
        let folder =
            path().ok_or_else(|| Error::usage("there is no place for settings", "set HOME or XDG_CONFIG_HOME"))?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| failed(&folder, &error))?;
        let path = folder.join(name);
        let at = path.with_extension("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&at)
            .map_err(|error| failed(&at, &error))?;
        let tried = tokio::time::timeout(PATIENCE, async {
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(AGAIN).await,
                    Err(std::fs::TryLockError::Error(error)) => return Err(failed(&at, &error)),
                }
            }
        });
        match tried.await {
            Ok(done) => done?,
            Err(_) => {
                return Err(Error::new(
                    Exit::Unavailable,
                    codes::UNREADABLE,
                    format!("{}: another fleetctl holds it", at.display()),
                    "end that one, or repeat later",
                ));
            }
        }
        Ok(Self { path, _lock: lock })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in it; none: it is not there.
    pub fn read(&self) -> Result<Option<String>> {
        read(&self.path)
    }

    /// Readers see the old file or the new one; nobody else sees either.
    pub fn replace(&self, text: &str) -> Result<()> {
        let draft = self.path.with_extension("draft");
        let written = || -> std::io::Result<()> {
            match std::fs::remove_file(&draft) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.path)
        };
        written().map_err(|error| failed(&self.path, &error))
    }
}

/// What stands in a file; none: it is not there.
pub fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Exit::Failure,
        codes::UNREADABLE,
        format!("{}: {error}", path.display()),
        "look at the path and its permissions; FLEETCTL_TOKEN and --server need no file",
    )
}
