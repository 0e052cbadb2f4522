//! What is written beside the work, and not in its way: refusals and failed attempts for the audit log, events for the
//! system log. What repeats becomes one row with a count: a flood costs neither the writer nor the logs.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleet_proto::levels::Level;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::{Error, Result};
use super::log;
use super::resources::Resources;
use crate::domain::audit::Event;
use crate::domain::log::Entry;
use crate::domain::{Caller, Clock};
use crate::storage::{Db, Tx, audit};
use waiting::{Lane, Log, MOST_WAITING, Waiting, Waits};

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

    /// The log that it is for.
    fn lane(&self) -> Lane {
        match self {
            Self::Audit(event) => (Log::Audit, event.org),
            Self::Log(entry) => (Log::System, entry.org),
        }
    }

    /// Bytes of its texts, about.
    fn size(&self) -> usize {
        match self {
            Self::Audit(event) => event.actor.len() + event.object.len() + event.detail.to_string().len(),
            Self::Log(entry) => entry.message.len() + entry.topic.len() + entry.details.to_string().len(),
        }
    }
}

/// What waits to be written.
#[derive(Clone, Debug)]
pub struct Notes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    waiting: Mutex<Waiting>,
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

    /// The lock guards what is whole at every moment.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, note: Note) {
        let unwritten = self.waiting().add(note);
        count_unwritten(unwritten);
        self.0.arrived.notify_one();
    }

    /// Something for the audit log that no transaction does.
    pub fn audit(&self, event: Event) {
        self.add(Note::Audit(event.plain()));
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
        self.add(Note::Log(Entry { at, ..entry }.plain()));
    }

    /// Takes what may be written now; at the end all of it.
    fn take(&self, is_end: bool) -> Vec<Waits> {
        let due = self.waiting().take(|key| is_end || self.0.pace.check_key(key).is_ok());
        if self.0.pace.len() > MOST_WAITING {
            self.0.pace.retain_recent();
        }
        due
    }

    /// Writes what waits; at the end even what is held back because it repeats too often. What cannot be written for
    /// its own sake costs nothing but itself.
    pub async fn write(&self, db: &Db, is_end: bool) -> Result<()> {
        let due = self.take(is_end);
        if due.is_empty() {
            return Ok(());
        }
        let mut taken = Taken {
            notes: self,
            parts: vec![due],
        };
        while let Some(part) = taken.parts.last_mut() {
            match self.written(db, part).await {
                Ok(()) => drop(taken.parts.pop()),
                Err(Error::Storage(error)) if error.is_of_content() => {
                    let rest = part.split_off(part.len() / 2);
                    if part.is_empty() {
                        tracing::error!(%error, "an entry of a log cannot be written, and is left out");
                        count_unwritten(rest.iter().map(|waits| waits.count).sum());
                        taken.parts.pop();
                    } else {
                        // The first half first.
                        let at = taken.parts.len() - 1;
                        taken.parts.insert(at, rest);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn written(&self, db: &Db, due: &[Waits]) -> Result<()> {
        let (mut events, mut entries) = (Vec::new(), Vec::new());
        for Waits { note, count, .. } in due {
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

/// What was taken to be written; unless it is, it waits again, whatever becomes of the writing.
struct Taken<'a> {
    notes: &'a Notes,
    /// The last one is next.
    parts: Vec<Vec<Waits>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let unwritten = self.parts.drain(..).rev().flatten();
        let lost = self.notes.waiting().put_back(unwritten);
        count_unwritten(lost);
    }
}

fn count_unwritten(notes: u64) {
    if notes > 0 {
        metrics::counter!("fleetd_notes_unwritten_total").increment(notes);
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

    /// Writes notes until `stop`, which ends no writing.
    pub async fn keep_notes(&self, stop: CancellationToken) {
        let notes = self.notes();
        loop {
            if notes.waiting().is_empty() && stop.run_until_cancelled(notes.0.arrived.notified()).await.is_none() {
                return;
            }
            let pause = match notes.write(self.db(), false).await {
                Ok(()) => PAUSE,
                Err(error) => {
                    tracing::error!(%error, "the audit log and the system log wait to be written");
                    AGAIN
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }
}

mod waiting;

#[cfg(test)]
mod tests;
