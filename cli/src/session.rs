//! Who is logged in where. Tokens are kept in the keyring of the operating system, or in a file that only its owner
//! reads, never in both; they are renewed before they expire.
//!
//! `sessions.json` says for each server where its session is. So nobody asks the keyring who has no session in it.

use std::collections::BTreeMap;
use std::path::Path;

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
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Elsewhere {
    user: String,
    kept_in: Keyring,
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

/// Is anybody logged in anywhere? Spares programs without sessions the lock.
pub fn is_any() -> bool {
    folder::path().is_some_and(|folder| folder.join(FILE).exists())
}

/// Who is logged in at a server, and where that session is kept; told without asking the keyring.
pub fn told(server: &str) -> Result<Option<(String, &'static str)>> {
    let Some(path) = folder::path().map(|folder| folder.join(FILE)) else {
        return Ok(None);
    };
    let all = parse(&path, folder::read(&path)?)?;
    Ok(all.get(server).map(|entry| match entry {
        Entry::Whole(session) => (session.user.clone(), Kept::File(None).word()),
        Entry::Elsewhere(one) => (one.user.clone(), Kept::Keyring.word()),
    }))
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

    fn key(&self, server: &str) -> Key {
        let folder = self.file.path().parent().unwrap_or(self.file.path());
        Key {
            folder: folder.display().to_string(),
            server: server.to_owned(),
        }
    }

    /// The session at a server, wherever it is kept.
    pub async fn get(&self, server: &str, ask: bool) -> Result<Option<Session>> {
        let user = match self.all.get(server) {
            None => return Ok(None),
            Some(Entry::Whole(session)) => return Ok(Some(session.clone())),
            Some(Entry::Elsewhere(one)) => &one.user,
        };
        let why = match keyring::read(&self.key(server), ask).await {
            Ok(Some(secret)) => match serde_json::from_slice(&secret) {
                Ok(session) => return Ok(Some(session)),
                Err(_) => "which holds something else in its place".to_owned(),
            },
            Ok(None) => "which has it no more".to_owned(),
            Err(why) => format!("and {why}"),
        };
        Err(Error::new(
            Exit::NotLoggedIn,
            codes::LOGIN,
            format!("the session of {user} at {server} is in the keyring, {why}"),
            format!(
                "unlock the keyring and repeat, or log in again with `fleetctl login --user {user} --session-store file`; \
                 FLEETCTL_TOKEN needs neither"
            ),
        ))
    }

    /// Keeps a session, and nothing of the one before.
    pub async fn put(&mut self, server: &str, session: &Session, keeping: Keeping) -> Result<Kept> {
        let key = self.key(server);
        let in_keyring = matches!(self.all.get(server), Some(Entry::Elsewhere(_)));
        let unusable = if keeping.store == Store::File {
            None
        } else {
            let secret =
                serde_json::to_vec(session).unwrap_or_else(|error| unreachable!("texts and a number: {error}"));
            let label = format!("fleetctl: {} at {server}", session.user);
            match keyring::write(&key, &label, &secret, keeping.ask).await {
                Ok(()) => {
                    let user = session.user.clone();
                    let kept_in = Keyring::Keyring;
                    self.all
                        .insert(server.to_owned(), Entry::Elsewhere(Elsewhere { user, kept_in }));
                    self.write()?;
                    return Ok(Kept::Keyring);
                }
                Err(why) if keeping.store == Store::Keyring => {
                    return Err(Error::new(
                        Exit::Failure,
                        codes::KEYRING,
                        format!("the session cannot be kept in the keyring: {why}"),
                        "unlock it, or keep the session in a file with --session-store file",
                    ));
                }
                // Where there is no keyring, nothing is amiss.
                Err(Unusable::Absent) => None,
                Err(why) => Some(why),
            }
        };
        self.all.insert(server.to_owned(), Entry::Whole(session.clone()));
        self.write()?;
        if in_keyring {
            // What stays there if this fails are tokens that were used up.
            let _ = keyring::remove(&key, false).await;
        }
        Ok(Kept::File(unusable))
    }

    /// Forgets a session; says whose it was.
    pub async fn remove(&mut self, server: &str) -> Result<Option<String>> {
        let was = self.all.remove(server);
        self.write()?;
        Ok(match was {
            None => None,
            Some(Entry::Whole(session)) => Some(session.user),
            Some(Entry::Elsewhere(one)) => {
                // fleetd knows the session no more: what stays there if this fails opens nothing.
                let _ = keyring::remove(&self.key(server), false).await;
                Some(one.user)
            }
        })
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.all).unwrap_or_else(|error| unreachable!("texts only: {error}"));
        self.file.replace(&text)
    }
}
