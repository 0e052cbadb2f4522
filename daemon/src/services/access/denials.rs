//! Refusals of known callers, for the audit log. They are written beside the calls and not in them: whoever is refused
//! again and again must not keep the writer busy.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Access;
use super::sessions::Peer;
use crate::domain::Caller;
use crate::domain::audit::{Event, Outcome};
use crate::domain::caller::{Origin, Who};
use crate::storage::{Tx, audit};

/// Refusals that may wait; further ones are counted and not written.
const MOST_WAITING: usize = 4_096;
/// Characters of a reason that are kept: a caller may have chosen them.
const LONGEST: usize = 200;
/// Between two writes: what repeats meanwhile becomes one event with a count.
const PAUSE: Duration = Duration::from_secs(1);

/// Refusals on their way to the log.
#[derive(Debug)]
pub struct Denials(mpsc::Receiver<Event>);

pub(super) fn channel() -> (mpsc::Sender<Event>, Denials) {
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    (sender, Denials(receiver))
}

impl Access {
    /// Notes that a caller was refused a method.
    pub fn refused(&self, caller: &Caller, method: &str, why: &str) {
        let org: Option<Uuid> = caller
            .orgs()
            .filter(|orgs| orgs.len() == 1)
            .and_then(|orgs| orgs.into_iter().next());
        let event = Event {
            outcome: Outcome::Denied,
            ..Event::done(caller, org, "call", method)
                .with(json!({"why": why.chars().take(LONGEST).collect::<String>()}))
        };
        if self.denials.try_send(event).is_err() {
            metrics::counter!("fleetd_denials_unwritten_total").increment(1);
        }
    }

    /// Writes refusals until there is nobody left who could be refused.
    pub async fn keep(&self, mut denials: Denials) {
        let mut waiting = Vec::new();
        while denials.0.recv_many(&mut waiting, MOST_WAITING).await > 0 {
            let mut counted: HashMap<String, (Event, u64)> = HashMap::new();
            for event in waiting.drain(..) {
                let key = format!("{:?}\n{}\n{}", event.org, event.actor, event.object);
                counted.entry(key).or_insert((event, 0)).1 += 1;
            }
            let told = counted.into_values().map(|(mut event, count)| {
                event.detail["count"] = count.into();
                event
            });
            if let Err(error) = self.write_events(&told.collect::<Vec<_>>()).await {
                tracing::error!(%error, "refusals could not be written to the audit log");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn write_events(&self, events: &[Event]) -> super::Result<()> {
        let mut tx = self.resources.db().begin().await?;
        audit::append(&mut tx, events, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Notes what is done in a transaction: without its row in the log it is not done.
    pub(super) async fn note(&self, tx: &mut Tx, event: Event) -> super::Result<()> {
        Ok(audit::append(tx, &[event], self.clock.now()).await?)
    }

    /// Notes an attempt of somebody who is not known.
    pub(super) async fn note_failure(&self, verb: &'static str, object: &str, peer: &Peer) -> super::Result<()> {
        let event = Event {
            actor: "unknown".to_owned(),
            outcome: Outcome::Failed,
            ..by_person(object, verb, peer)
        };
        self.write_events(&[event]).await
    }
}

/// Something that a person does who has just shown who it is.
pub(super) fn by_person(user: &str, verb: &'static str, peer: &Peer) -> Event {
    let who = Who::Fleetd(format!("user/{user}"));
    let caller = Caller::new(who, Arc::default(), None);
    let origin = Origin {
        address: peer.address.clone(),
        request_id: String::new(),
    };
    let asked = caller.asked();
    Event::done(&caller.asking(asked, origin), None, verb, format!("user/{user}"))
}
