//! Who is logged in where. Tokens are kept in the keyring of the operating system, or in a file that only its owner
//! reads, not in both; they are renewed before they expire.
//!
//! `sessions.json` says for each server where its session is. So nobody asks the keyring who has no session in it. What
//! a keyring that does not answer may have besides is noted there, and taken away by the next change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fleet_proto::codes;
use fleet_proto::pb;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::folder::{self, Held};
use crate::keyring::{self, Key, Unusable};

/// An access token that ends within so many seconds is renewed first.
const SOON: i64 = 30;
/// Name of the file.
const FILE: &str = "sessions.json";

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

/// Where a session shall be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// In the keyring where it can be used, else in the file.
    #[default]
    Auto,
    /// In the keyring of the operating system, or nowhere.
    Keyring,
    /// In a file that only its owner reads.
    File,
}

/// How sessions are kept: where, and whether somebody can be asked to unlock it.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Where.
    pub store: Store,
    /// A person sits at a terminal.
    pub ask: bool,
}

/// Where a session was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the keyring.
    Keyring,
    /// In the file; and why not in the keyring, if that can be helped.
    File(Option<Unusable>),
}

impl Kept {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File(_) => "file",
        }
    }
}

/// What `sessions.json` holds for a server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Entry {
    /// The session itself.
    Whole(Session),
    /// The session is in the keyring.
    Elsewhere(Elsewhere),
    /// The session itself; the keyring may have one, too, which counts for nothing.
    Both(Both),
}

impl Entry {
    fn user(&self) -> &str {
        match self {
            Self::Whole(session) | Self::Both(Both { session, .. }) => &session.user,
            Self::Elsewhere(one) => &one.user,
        }
    }

    /// What can be read without the keyring.
    fn in_file(&self) -> Option<&Session> {
        match self {
            Self::Whole(session) | Self::Both(Both { session, .. }) => Some(session),
            Self::Elsewhere(_) => None,
        }
    }

    fn may_be_in_keyring(&self) -> bool {
        !matches!(self, Self::Whole(_))
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Elsewhere {
    user: String,
    kept_in: Keyring,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Both {
    #[serde(flatten)]
    session: Session,
    left_in: Keyring,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Keyring {
    Keyring,
}

type Entries = BTreeMap<String, Entry>;

/// The sessions of this user of the machine, by server; nobody else changes them while this lives.
pub struct Sessions {
    file: Held,
    all: Entries,
}

/// What the file holds, without holding it; none: nobody knows where it is.
fn look() -> Result<Option<(PathBuf, Entries)>> {
    let Some(path) = folder::path().map(|folder| folder.join(FILE)) else {
        return Ok(None);
    };
    let all = parse(&path, folder::read(&path)?)?;
    Ok(Some((path, all)))
}

/// Who is logged in at a server, and where that session is kept; told without asking the keyring.
pub fn told(server: &str) -> Result<Option<(String, &'static str)>> {
    let all = look()?.map(|(_, all)| all).unwrap_or_default();
    Ok(all.get(server).map(|entry| {
        let kept = match entry.in_file() {
            Some(_) => Kept::File(None),
            None => Kept::Keyring,
        };
        (entry.user().to_owned(), kept.word())
    }))
}

/// The session at a server, wherever it is kept. While its owner is asked to unlock the keyring, no other fleetctl waits.
pub async fn find(server: &str, ask: bool) -> Result<Option<Session>> {
    let Some((path, all)) = look()? else {
        return Ok(None);
    };
    match read(&path, &all, server, ask).await {
        // Another fleetctl may have moved it meanwhile.
        Err(error) => {
            let now = look()?.map(|(_, all)| all).unwrap_or_default();
            match now.get(server).map(Entry::in_file) {
                Some(None) => Err(error),
                moved => Ok(moved.flatten().cloned()),
            }
        }
        found => found,
    }
}

async fn read(path: &Path, all: &Entries, server: &str, ask: bool) -> Result<Option<Session>> {
    let Some(entry) = all.get(server) else {
        return Ok(None);
    };
    if let Some(session) = entry.in_file() {
        return Ok(Some(session.clone()));
    }
    let why = match keyring::read(&key(path, server), ask).await {
        Ok(Some(secret)) => match serde_json::from_slice(&secret) {
            Ok(session) => return Ok(Some(session)),
            Err(_) => "which holds something else in its place".to_owned(),
        },
        Ok(None) => "which has it no more".to_owned(),
        Err(why) => format!("and {why}"),
    };
    let user = entry.user();
    Err(Error::new(
        Exit::NotLoggedIn,
        codes::KEYRING,
        format!("the session of {user} at {server} is in the keyring, {why}"),
        format!(
            "unlock the keyring and repeat, or log in again with `fleetctl login --user {user} --session-store file`; \
             FLEETCTL_TOKEN needs neither"
        ),
    ))
}

fn key(path: &Path, server: &str) -> Key {
    Key {
        folder: path.parent().unwrap_or(path).display().to_string(),
        server: server.to_owned(),
    }
}

/// Asks whoever sits there to unlock the keyring, if sessions are kept in it. Before [`Sessions::open`]: others wait for
/// what that holds.
pub async fn unlock(keeping: Keeping) {
    if keeping.ask && keeping.store != Store::File {
        // Why it stays locked is told by what needs it then.
        let _ = keyring::unlock().await;
    }
}

fn parse(path: &Path, text: Option<String>) -> Result<Entries> {
    let Some(text) = text else {
        return Ok(Entries::new());
    };
    serde_json::from_str(&text).map_err(|_| {
        Error::usage(
            format!("{}: it does not hold sessions", path.display()),
            "remove the file and log in again",
        )
    })
}

impl Sessions {
    /// Reads them, and keeps other commands of the same user from changing them meanwhile.
    pub async fn open() -> Result<Self> {
        let file = Held::open(FILE).await?;
        let all = parse(file.path(), file.read()?)?;
        Ok(Self { file, all })
    }

    /// The session at a server, wherever it is kept; nobody is asked to unlock the keyring.
    pub async fn get(&self, server: &str) -> Result<Option<Session>> {
        read(self.file.path(), &self.all, server, false).await
    }

    /// Keeps a session, and nothing of the one before. Nobody is asked to unlock the keyring.
    pub async fn put(&mut self, server: &str, session: &Session, store: Store) -> Result<Kept> {
        let key = key(self.file.path(), server);
        let mut in_keyring = self.all.get(server).is_some_and(Entry::may_be_in_keyring);
        let unusable = if store == Store::File {
            None
        } else {
            let secret =
                serde_json::to_vec(session).unwrap_or_else(|error| unreachable!("texts and a number: {error}"));
            let label = format!("fleetctl: {} at {server}", session.user);
            match keyring::write(&key, &label, &secret).await {
                Ok(()) => {
                    let user = session.user.clone();
                    let kept_in = Keyring::Keyring;
                    self.all
                        .insert(server.to_owned(), Entry::Elsewhere(Elsewhere { user, kept_in }));
                    self.write()?;
                    return Ok(Kept::Keyring);
                }
                Err(why) if store == Store::Keyring => {
                    return Err(Error::new(
                        Exit::Failure,
                        codes::KEYRING,
                        format!("the session cannot be kept in the keyring: {why}"),
                        "unlock it, or keep the session in a file with --session-store file",
                    ));
                }
                // Where there is no keyring, nothing is amiss.
                Err(Unusable::Absent) => None,
                Err(why) => {
                    // It may do so yet.
                    in_keyring |= why == Unusable::Silent;
                    Some(why)
                }
            }
        };
        if in_keyring {
            let both = Both {
                session: session.clone(),
                left_in: Keyring::Keyring,
            };
            self.all.insert(server.to_owned(), Entry::Both(both));
            self.write()?;
            if keyring::remove(&key).await.is_err() {
                return Ok(Kept::File(unusable));
            }
        }
        self.all.insert(server.to_owned(), Entry::Whole(session.clone()));
        self.write()?;
        Ok(Kept::File(unusable))
    }

    /// Forgets a session.
    pub async fn remove(&mut self, server: &str) -> Result<()> {
        let was = self.all.remove(server);
        self.write()?;
        if was.is_some_and(|was| was.may_be_in_keyring()) {
            // fleetd knows the session no more: what stays there if this fails opens nothing.
            let _ = keyring::remove(&key(self.file.path(), server)).await;
        }
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.all).unwrap_or_else(|error| unreachable!("texts only: {error}"));
        self.file.replace(&text)
    }
}
