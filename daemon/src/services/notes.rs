//! What is written beside the work, and not in its way: refusals and failed attempts for the audit log, events for the
//! system log. What repeats becomes one row with a count: a flood costs neither the writer nor the logs.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleet_proto::levels::Level;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use indexmap::IndexMap;
use indexmap::map::Entry as Place;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::Result;
use super::log;
use super::resources::Resources;
use crate::domain::audit::Event;
use crate::domain::log::Entry;
use crate::domain::{Caller, Clock};
use crate::storage::{Db, Tx, audit};

/// Different things that may wait; further ones are counted as a figure and not written.
const MOST_WAITING: usize = 4_096;
/// Between two writes: what repeats meanwhile becomes one row.
const PAUSE: Duration = Duration::from_secs(1);
/// And when a write has failed.
const AGAIN: Duration = Duration::from_secs(10);
/// Rows of the same thing at once; from then on one a minute, with a count.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

#[derive(Clone, Debug)]
enum Note {
    Audit(Event),
    Log(Entry),
}

impl Note {
    /// What is the same thing happening again. Addresses are none of it: a guesser has many.
    fn key(&self) -> String {
        match self {
            Self::Audit(event) => format!("{:?}\n{}\n{}\n{}", event.org, event.actor, event.verb, event.object),
            Self::Log(entry) => format!("log {:?}\n{}", entry.org, entry.topic),
        }
    }
}

/// What waits to be written.
#[derive(Clone, Debug)]
pub struct Notes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    /// In order of their first arrival, each with the latest note and how many there were.
    waiting: Mutex<IndexMap<String, (Note, u64)>>,
    arrived: Notify,
    pace: DefaultKeyedRateLimiter<String>,
}

impl Notes {
    /// Events of the system log get their time from `clock`.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            clock,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            pace: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN).allow_burst(AT_ONCE)),
        }))
    }

    /// The lock guards a map that is whole at every moment.
    fn waiting(&self) -> MutexGuard<'_, IndexMap<String, (Note, u64)>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, note: Note) {
        let key = note.key();
        let mut waiting = self.waiting();
        let is_full = waiting.len() >= MOST_WAITING;
        match waiting.entry(key) {
            Place::Occupied(mut known) => {
                let (latest, count) = known.get_mut();
                *latest = note;
                *count += 1;
            }
            Place::Vacant(_) if is_full => metrics::counter!("fleetd_notes_unwritten_total").increment(1),
            Place::Vacant(free) => {
                free.insert((note, 1));
            }
        }
        drop(waiting);
        self.0.arrived.notify_one();
    }

    /// Something for the audit log that no transaction does.
    pub fn audit(&self, event: Event) {
        self.add(Note::Audit(event));
    }

    /// Notes that a caller was refused a method.
    pub fn refused(&self, caller: &Caller, method: &str, why: &str) {
        self.audit(Event::done(caller, only_org(caller), "call", method).refused(why));
    }

    /// Notes that a caller has to wait.
    pub fn held_up(&self, caller: &Caller) {
        let message = format!("{} calls too often, and is made to wait", caller.actor());
        let entry = Entry::new(Level::Warning, "limit.calls", message).by(caller);
        let topic = format!("limit.calls {}", entry.user);
        self.log(
            Entry {
                org: only_org(caller),
                ..entry
            }
            .counted_by(topic),
        );
    }

    /// Something that happened, for the system log.
    pub fn log(&self, entry: Entry) {
        let at = self.0.clock.now();
        self.add(Note::Log(Entry { at, ..entry }));
    }

    /// Takes what may be written now; at the end all of it.
    fn take(&self, is_end: bool) -> Vec<(String, (Note, u64))> {
        let mut waiting = self.waiting();
        if is_end {
            return std::mem::take(&mut *waiting).into_iter().collect();
        }
        let (due, held): (Vec<_>, Vec<_>) = std::mem::take(&mut *waiting)
            .into_iter()
            .partition(|(key, _)| self.0.pace.check_key(key).is_ok());
        waiting.extend(held);
        drop(waiting);
        if self.0.pace.len() > MOST_WAITING {
            self.0.pace.retain_recent();
        }
        due
    }

    /// Puts back what could not be written. What came meanwhile is newer.
    fn put_back(&self, unwritten: Vec<(String, (Note, u64))>) {
        let mut waiting = self.waiting();
        for (key, (note, count)) in unwritten {
            if waiting.len() < MOST_WAITING || waiting.contains_key(&key) {
                waiting.entry(key).or_insert((note, 0)).1 += count;
            } else {
                metrics::counter!("fleetd_notes_unwritten_total").increment(1);
            }
        }
    }

    /// Writes what waits; at the end even what is held back because it repeats too often.
    pub async fn write(&self, db: &Db, is_end: bool) -> Result<()> {
        let due = self.take(is_end);
        if due.is_empty() {
            return Ok(());
        }
        let done = self.written(db, &due).await;
        if done.is_err() {
            self.put_back(due);
        }
        done
    }

    async fn written(&self, db: &Db, due: &[(String, (Note, u64))]) -> Result<()> {
        let (mut events, mut entries) = (Vec::new(), Vec::new());
        for (_, (note, count)) in due {
            match note.clone() {
                Note::Audit(mut event) => {
                    event.detail["count"] = (*count).into();
                    events.push(event);
                }
                Note::Log(entry) => entries.push(Entry { count: *count, ..entry }),
            }
        }
        let mut tx = db.begin().await?;
        audit::append(&mut tx, &events, self.0.clock.now()).await?;
        log::append(&mut tx, entries).await?;
        Ok(tx.commit().await?)
    }
}

/// In whose log stands what a caller meets: that of its organization, if it has one.
fn only_org(caller: &Caller) -> Option<Uuid> {
    let orgs = caller.orgs().filter(|orgs| orgs.len() == 1);
    orgs.and_then(|orgs| orgs.into_iter().next())
}

impl Resources {
    /// Notes in the audit log what is done in a transaction: without its row it is not done.
    pub(super) async fn note(&self, tx: &mut Tx, event: Event) -> Result<()> {
        Ok(audit::append(tx, &[event], self.notes().0.clock.now()).await?)
    }

    /// Writes notes until `stop`.
    pub async fn keep_notes(&self, stop: CancellationToken) {
        let notes = self.notes();
        let keeping = async {
            loop {
                if notes.waiting().is_empty() {
                    notes.0.arrived.notified().await;
                }
                let pause = match notes.write(self.db(), false).await {
                    Ok(()) => PAUSE,
                    Err(error) => {
                        tracing::error!(%error, "the audit log and the system log wait to be written");
                        AGAIN
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(keeping).await;
    }
}

#[cfg(test)]
mod tests;
