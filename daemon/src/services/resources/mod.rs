//! The one mechanism of all declarative kinds: get, list, watch, apply, delete.

mod apply;
mod checks;
mod delete;
mod doom;
mod fits;
mod history;
mod impact;
mod limits;
mod list;
mod outcome;
mod permit;
mod prune;
mod reach;
mod restore;
mod seal;
mod submission;
mod watch;
mod write;

pub use apply::Options;
pub use delete::{Deleted, Request as DeleteRequest};
pub use history::{At, FieldOwner, Owned};
pub use impact::Impact;
pub use list::Filter;
pub use outcome::{Action, Applied, Outcome};
pub(crate) use permit::denied;
pub(crate) use reach::{Reaches, is_own};
pub use restore::{Request as RestoreRequest, Target as RestoreTarget};
pub use watch::{Event, Watch};

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::{names, reflect};
use tokio::sync::watch as signal;
use uuid::Uuid;

use super::error::{Error, Result};
use super::grants;
use super::notes::Notes;
use crate::domain::caller::Who;
use crate::domain::ownership::Manager;
use crate::domain::sealing::Sealer;
use crate::domain::shares::Share;
use crate::domain::{Caller, Clock, Object, Org};
use crate::storage::{Db, Tx, changes, resources};

/// Reads, watches and changes resources of every kind.
#[derive(Clone, Debug)]
pub struct Resources {
    db: Db,
    clock: Arc<dyn Clock>,
    sealer: Arc<Sealer>,
    committed: signal::Sender<u64>,
    notes: Notes,
    /// Networks of organizations that have no list of their own.
    networks: Arc<[String]>,
    /// Weight of each organization, and the revision at which it was read.
    weights: Arc<RwLock<HashMap<Uuid, (u64, u32)>>>,
}

/// Organizations whose weight is remembered.
const MOST_WEIGHTS: usize = 100_000;

impl Resources {
    /// Works on `db`; times come from `clock`, secrets are sealed by `sealer`.
    pub async fn open(db: Db, clock: Arc<dyn Clock>, sealer: Arc<Sealer>) -> Result<Self> {
        let revision = changes::revision(&mut db.read().await?).await?;
        let notes = Notes::new(Arc::clone(&clock));
        Ok(Self {
            db,
            clock,
            sealer,
            notes,
            networks: Arc::default(),
            committed: signal::Sender::new(revision),
            weights: Arc::default(),
        })
    }

    /// The same, where organizations without a list of their own reach these networks for Modbus; none: every address
    /// but the guarded ones.
    pub fn reaching(self, networks: &[String]) -> Self {
        let networks = networks.into();
        Self { networks, ..self }
    }

    /// Which addresses fleetd reaches for whom.
    pub(crate) fn reaches(&self) -> Reaches {
        Reaches::of_fleetd(&self.networks)
    }

    /// The database that it works on.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Resources whose secrets were sealed with another key than the one that is here; at most one page is looked at.
    pub async fn sealed_with_another_key(&self) -> Result<usize> {
        let mut tx = self.db.read().await?;
        let mut found = 0;
        for row in KINDS.iter().filter(|row| reflect::has_secrets(row.kind)) {
            let page = resources::list(&mut tx, row.kind, &resources::Narrow::default(), ("", ""), 1_000).await?;
            for object in page {
                let mut foreign = false;
                reflect::map_secrets(&object.spec, &mut |_, text| {
                    foreign |= !self.sealer.is_own(text);
                    String::new()
                });
                found += usize::from(foreign);
            }
        }
        Ok(found)
    }

    /// What opens the secrets that are stored.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// What is written beside the work: [`Self::keep_notes`] does it.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Begins a transaction in which a caller writes, and gives the caller with what it may do behind the wait for the
    /// writer: others may have taken something from it meanwhile.
    pub async fn begin_as(&self, caller: &Caller) -> Result<(Tx, Caller)> {
        let mut tx = self.begin(caller).await?;
        changes::hold(&mut tx).await?;
        let caller = grants::renewed(&mut tx, caller, self.clock.now()).await?;
        Ok((tx, caller))
    }

    /// Begins a transaction that may write, in the turn of the caller's organization: of several, always the same.
    async fn begin(&self, caller: &Caller) -> Result<Tx> {
        match (caller.home(), caller.who()) {
            (Some(org), _) => self.begin_in(org).await,
            // Whoever is in several organizations waits in none of their lines.
            (None, Who::User { uid, .. }) if caller.orgs().is_some() => {
                Ok(self.db.begin_for(Share::of(*uid, None)).await?)
            }
            _ => Ok(self.db.begin().await?),
        }
    }

    /// Begins a transaction that may write, in the turn of an organization.
    pub async fn begin_in(&self, org: Uuid) -> Result<Tx> {
        let revision = *self.committed.borrow();
        let known = self
            .weights
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&org)
            .copied();
        let weight = match known.filter(|(at, _)| *at == revision) {
            Some((_, weight)) => weight,
            None => {
                let booked = limits::booked(&mut self.db.read().await?, org).await?;
                let weight = Share::of(org, booked.weight).weight;
                let mut weights = self.weights.write().unwrap_or_else(PoisonError::into_inner);
                if weights.len() >= MOST_WEIGHTS {
                    weights.clear();
                }
                weights.insert(org, (revision, weight));
                weight
            }
        };
        Ok(self.db.begin_for(Share { org, weight }).await?)
    }

    /// Tells everyone who waits that the transaction of `revision` is committed.
    pub fn announce(&self, revision: u64) {
        self.committed.send_if_modified(|known| {
            let newer = revision > *known;
            if newer {
                *known = revision;
            }
            newer
        });
    }

    /// Begins the writing of resources in a transaction: its revision, time and author.
    async fn stamp(&self, tx: &mut Tx, caller: &Caller) -> Result<write::Stamp> {
        let manager = match caller.who() {
            Who::Fleetd(_) => Manager::Fleetd,
            _ => Manager::Person(caller.actor()),
        };
        Ok(write::Stamp {
            revision: changes::next_revision(tx).await?,
            now: self.clock.now(),
            caller: caller.clone(),
            manager: manager.to_string(),
            commit: String::new(),
        })
    }

    /// The revision of the last announced write, and a wake-up for the next.
    pub fn revisions(&self) -> signal::Receiver<u64> {
        self.committed.subscribe()
    }

    /// One resource, by name or uid, to which the caller may do what it asks for. What it may not see is like none.
    pub async fn find(&self, caller: &Caller, org: &str, kind: Kind, name_or_uid: &str) -> Result<Object> {
        Self::find_for(&mut self.db.read().await?, caller, org, kind, name_or_uid).await
    }

    /// [`Self::find`] within a transaction, for callers that were already let in.
    pub async fn find_in(tx: &mut Tx, org: &str, kind: Kind, name_or_uid: &str) -> Result<Object> {
        let org = if kind.is_platform() {
            None
        } else {
            Some(Self::org_in(tx, org).await?.uid)
        };
        let found = Self::named_in(tx, org, kind, name_or_uid).await?;
        found.ok_or_else(|| Error::NotFound(format!("{kind}/{name_or_uid}")))
    }

    /// The resource of that name or uid in an organization, or on the platform.
    pub(crate) async fn named_in(
        tx: &mut Tx,
        org: Option<Uuid>,
        kind: Kind,
        name_or_uid: &str,
    ) -> Result<Option<Object>> {
        Ok(match name_or_uid.parse::<Uuid>() {
            Ok(uid) if names::is_uuid(name_or_uid) => resources::find_by_uid(tx, uid)
                .await?
                .filter(|object| object.kind == kind && object.org.as_ref().map(|o| o.uid) == org),
            _ => resources::find(tx, org, kind, name_or_uid).await?,
        })
    }

    /// The uid of a site, by which what outlives its name refers to it.
    pub async fn site_in(tx: &mut Tx, org: &str, name: &str) -> Result<String> {
        Ok(Self::find_in(tx, org, Kind::Site, name).await?.uid.to_string())
    }

    /// The organization of that name or uid.
    pub async fn org(&self, name: &str) -> Result<Org> {
        Self::org_in(&mut self.db.read().await?, name).await
    }

    /// [`Self::org`] within a transaction.
    pub async fn org_in(tx: &mut Tx, name: &str) -> Result<Org> {
        let found = match name.parse::<Uuid>() {
            Ok(uid) => resources::find_by_uid(tx, uid)
                .await?
                .filter(|object| object.kind == Kind::Organization),
            Err(_) => resources::find(tx, None, Kind::Organization, name).await?,
        };
        found
            .map(|object| Org {
                uid: object.uid,
                name: object.name,
            })
            .ok_or_else(|| Error::NotFound(format!("organization/{name}")))
    }
}

#[cfg(test)]
mod tests;
