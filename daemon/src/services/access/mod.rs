//! Who calls, and what they may do: from a credential to a [`Caller`], in memory while nothing has changed.

mod browsers;
mod denials;
mod hashing;
mod invitations;
mod keys;
mod passwords;
mod profile;
mod sessions;
mod tokens;
mod who;

pub use browsers::session;
pub use invitations::{Acceptance, Invitation};
pub use keys::SIGNING_KEY_PATH;
pub use passwords::SETUP;
pub use profile::{Avatar, OWN_FIELDS, Registration};
pub use sessions::{Login, Peer};
pub use tokens::NewToken;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use fleet_proto::access::Permission;
use fleet_proto::kinds::Kind;
use tokio::sync::watch;

use super::error::{Error, Result};
use super::grants::{self, refused};
use super::rates::Rates;
use super::resources::Resources;
use crate::domain::caller::{Origin, Who};
use crate::domain::hidden::Hidden;
use crate::domain::passwords::Cost;
use crate::domain::telemetry::Micros;
use crate::domain::throttle::Throttle;
use crate::domain::tokens::{self as texts, TokenKind};
use crate::domain::{Caller, Clock, Org};
use crate::storage::access as storage;

/// Accounts and addresses whose failed logins are counted.
const MOST_LADDERS: usize = 100_000;
/// Places of earlier logins that a start reads.
const MOST_PLACES: u32 = 100_000;
/// Credentials that are remembered.
const MOST_KNOWN: usize = 200_000;
/// An open stream asks at the latest after this whether its caller may still call: credentials expire, and other
/// replicas revoke them.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What somebody shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The user id of the operating system, at the local socket.
    Socket(u32),
    /// A text behind `Bearer`.
    Bearer(Hidden),
}

#[derive(Clone, Debug)]
struct Known {
    hash: String,
    caller: Caller,
    expires_at: Micros,
    /// Resources as of this revision decided.
    revision: u64,
}

/// How far the log of changes was looked through for what decides access.
#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    until: u64,
    newest: u64,
}

/// By host name: the revision at which it was looked up, and which organization it selects.
type Tenants = HashMap<String, (u64, Option<Org>)>;

/// Who may call.
#[derive(Clone, Debug)]
pub struct Access {
    resources: Resources,
    clock: Arc<dyn Clock>,
    known: Arc<RwLock<HashMap<String, Known>>>,
    tenants: Arc<RwLock<Tenants>>,
    looked: Arc<RwLock<Looked>>,
    revoked: watch::Sender<u64>,
    signer: keys::Signer,
    hashing: hashing::Hashing,
    throttle: Arc<Mutex<Throttle>>,
    setup: Arc<RwLock<Option<passwords::SetupToken>>>,
}

/// The caller as a method sees it that needs a permission, or none: what it holds nowhere it is not let in for.
pub fn admitted(caller: Caller, needs: Option<Permission>, of: Option<Kind>, origin: Origin) -> Result<Caller> {
    let Some(permission) = needs else {
        let asked = caller.asked();
        return Ok(caller.asking(asked, origin));
    };
    let held = of.map_or(permission, |kind| permission.for_kind(kind));
    if caller.holds(held) {
        return Ok(caller.asking(permission, origin));
    }
    Err(Error::Denied(format!(
        "{held} is needed, and {} has it nowhere",
        caller.actor()
    )))
}

impl Access {
    /// Works on the database of `resources`; a hash of a password costs `cost`.
    pub async fn open(resources: Resources, clock: Arc<dyn Clock>, cost: Cost) -> Result<Self> {
        let signer = keys::Signer::open(resources.db(), resources.sealer(), clock.now()).await?;
        let mut throttle = Throttle::new(MOST_LADDERS);
        // A restart makes no stranger of an owner; the latest last, as it is the one that stays.
        let places = storage::sessions::places(&mut resources.db().read().await?, MOST_PLACES).await?;
        for (user, address) in places.into_iter().rev() {
            if let Ok(address) = address.parse() {
                throttle.remember(&user, address);
            }
        }
        let access = Self {
            resources,
            clock,
            known: Arc::default(),
            tenants: Arc::default(),
            looked: Arc::default(),
            revoked: watch::Sender::new(0),
            signer,
            hashing: hashing::Hashing::new(cost),
            throttle: Arc::new(Mutex::new(throttle)),
            setup: Arc::default(),
        };
        Ok(access)
    }

    /// The lock guards what is whole at every moment.
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Who shows this credential. Without SQL while nothing has changed that could matter.
    pub async fn authenticate(&self, credential: &Credential) -> Result<Caller> {
        let text = match credential {
            Credential::Socket(uid) => return Ok(Caller::with_everything(Who::Socket(*uid))),
            Credential::Bearer(text) => text,
        };
        if texts::id(TokenKind::Device, text).is_some() {
            return Err(Error::Denied(
                "a device may not administer a fleet; log in, or give an API token".to_owned(),
            ));
        }
        let looked = self.newest_change().await?;
        let caller = self.caller_of(text, looked.newest).await?;
        Ok(caller.read_at(looked.until))
    }

    async fn caller_of(&self, text: &str, newest: u64) -> Result<Caller> {
        if text.contains('.') {
            return self.caller_of_session(text, newest).await;
        }
        let id = texts::id(TokenKind::Api, text).ok_or_else(refused)?;
        let now = self.clock.now();
        let known = read(&self.known)
            .get(id)
            .filter(|known| known.revision >= newest)
            .cloned();
        let known = match known {
            Some(known) => known,
            None => self.look_up(id).await?,
        };
        if !texts::matches(text, &known.hash) || known.expires_at <= now {
            return Err(refused());
        }
        Ok(known.caller)
    }

    /// [`Self::authenticate`] for somebody on the network, who shows a credential or none.
    pub async fn authenticate_at(
        &self,
        rates: &Rates,
        address: IpAddr,
        credential: Result<Credential>,
    ) -> Result<(Credential, Caller)> {
        let familiar = credential.as_ref().ok().cloned();
        let is_familiar = || familiar.is_some_and(|credential| self.is_familiar(&credential));
        let look_up = async {
            let credential = credential?;
            let caller = self.authenticate(&credential).await;
            if let (Err(Error::Unauthenticated(why)), Credential::Bearer(text)) = (&caller, &credential) {
                self.note_wrong(text, address, why).await;
            }
            Ok((credential, caller?))
        };
        rates.looked_up(address, is_familiar, look_up).await
    }

    /// Was this genuine when it was last looked up, or signed by us? Whether it still counts, only a look-up says.
    fn is_familiar(&self, credential: &Credential) -> bool {
        match credential {
            Credential::Socket(_) => true,
            Credential::Bearer(text) if text.contains('.') => self.signer.verify(text, self.clock.now()).is_some(),
            Credential::Bearer(text) => texts::id(TokenKind::Api, text).is_some_and(|id| {
                let known = read(&self.known);
                known.get(id).is_some_and(|known| texts::matches(text, &known.hash))
            }),
        }
    }

    /// Ends with the reason when whoever showed the credential may no longer do what it could; never before.
    pub async fn ended(&self, credential: &Credential, caller: &Caller) -> Error {
        let (mut revisions, mut revoked) = (self.resources.revisions(), self.revoked.subscribe());
        loop {
            match self.authenticate(credential).await {
                Ok(now) if now.grants() == caller.grants() && now.maker() == caller.maker() => {}
                Ok(_) => return Error::Denied("what you may do has changed: call again".to_owned()),
                Err(error @ (Error::Unauthenticated(_) | Error::Denied(_))) => return error,
                // The store fails: who was let in stays in until it can be asked.
                Err(error) => tracing::warn!(%error, "an open stream's caller cannot be looked up"),
            }
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { tokio::time::sleep(LOOK_AGAIN).await },
                changed = revoked.changed() => if changed.is_err() { tokio::time::sleep(LOOK_AGAIN).await },
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// The newest transaction that may have changed what anybody may do. Each part of the log is looked at once.
    async fn newest_change(&self) -> Result<Looked> {
        let now = *self.resources.revisions().borrow();
        let looked = *read(&self.looked);
        if looked.until == now {
            return Ok(looked);
        }
        let mut tx = self.resources.db().read().await?;
        let newest = storage::changed_after(&mut tx, looked.until)
            .await?
            .unwrap_or(looked.newest);
        let mut all = write(&self.looked);
        if all.until < now {
            *all = Looked { until: now, newest };
        }
        Ok(Looked {
            until: now,
            newest: newest.max(all.newest),
        })
    }

    async fn look_up(&self, id: &str) -> Result<Known> {
        let (revision, ends) = self.moment();
        let mut tx = self.resources.db().read().await?;
        let token = grants::live_token(&mut tx, id, self.clock.now()).await?;
        let caller = grants::caller_of_token(&mut tx, &token).await?;
        let known = Known {
            hash: token.hash,
            caller,
            expires_at: token.expires_at,
            revision,
        };
        self.remember(id, &known, ends);
        Ok(known)
    }

    /// The revision now, and how many credentials have been ended.
    fn moment(&self) -> (u64, u64) {
        let revision = *self.resources.revisions().borrow();
        (revision, *self.revoked.borrow())
    }

    /// Remembers a credential, unless one was ended since it was looked up: it may be this one.
    fn remember(&self, id: &str, known: &Known, ends: u64) {
        let mut all = write(&self.known);
        if *self.revoked.borrow() != ends {
            return;
        }
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(id.to_owned(), known.clone());
    }

    /// Forgets a credential and wakes the streams that it opened.
    fn forget(&self, id: &str) {
        let mut all = write(&self.known);
        all.remove(id);
        self.revoked.send_modify(|count| *count += 1);
    }
}

/// The locks guard values that are whole at every moment.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
