//! The audit log as it is read: found, followed, and signed at its end.

use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use fleet_proto::audit::head_message;
use fleet_proto::pb::{self, AuditEvent};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::error::Result;
use super::resources::{Resources, denied};
use crate::domain::Caller;
use crate::domain::caller::Place;
use crate::domain::object::timestamp;
use crate::domain::tokens::hex;
use crate::storage::audit::{self, Narrow};

/// Events read at a time.
const PAGE: u32 = 500;
/// A follower looks for new ones this often.
const FOLLOW: Duration = Duration::from_millis(500);
const END: u64 = u64::MAX >> 1;

/// The log of who did what.
#[derive(Clone, Debug)]
pub struct Audit {
    resources: Resources,
}

impl Audit {
    /// Reads from the database of `resources`.
    pub fn new(resources: Resources) -> Self {
        Self { resources }
    }

    async fn chain(&self, caller: &Caller, org: &str) -> Result<Option<Uuid>> {
        if org.is_empty() {
            return if caller.may(caller.asked(), &Place::Platform) {
                Ok(None)
            } else {
                Err(denied(caller.asked(), &"the platform"))
            };
        }
        let mut tx = self.resources.db().read().await?;
        Ok(Some(Resources::place_for(&mut tx, caller, org, "").await?.uid))
    }

    /// Sends events, oldest first; with `follow` until the receiver is gone.
    pub async fn search(
        &self,
        caller: &Caller,
        wanted: &pb::AuditSearchRequest,
        pages: mpsc::Sender<Vec<AuditEvent>>,
    ) -> Result<()> {
        let org = self.chain(caller, &wanted.org).await?;
        let narrow = Narrow {
            actor: wanted.actor.clone(),
            verb: wanted.verb.clone(),
            object: wanted.object.clone(),
            outcome: wanted.outcome.clone(),
            from: wanted.from_us,
            to: wanted.to_us,
        };
        let mut after = wanted.after_seq;
        if wanted.limit > 0 {
            let mut tx = self.resources.db().read().await?;
            let mut newest = audit::list(&mut tx, org, (after, END), &narrow, true, wanted.limit).await?;
            newest.reverse();
            after = newest.last().map_or(after, |event| event.seq).max(after);
            if newest.is_empty() || wanted.follow {
                after = after.max(audit::head(&mut tx, org).await?.0);
            }
            drop(tx);
            if pages.send(shown(&wanted.org, newest)).await.is_err() || !wanted.follow {
                return Ok(());
            }
        }
        loop {
            let page = {
                let mut tx = self.resources.db().read().await?;
                audit::list(&mut tx, org, (after, END), &narrow, false, PAGE).await?
            };
            let is_last = page.len() < PAGE as usize;
            after = page.last().map_or(after, |event| event.seq);
            if !page.is_empty() && pages.send(shown(&wanted.org, page)).await.is_err() {
                return Ok(());
            }
            if !is_last {
                continue;
            }
            if !wanted.follow {
                return Ok(());
            }
            tokio::select! {
                () = pages.closed() => return Ok(()),
                () = tokio::time::sleep(FOLLOW) => {}
            }
        }
    }

    /// The end of a chain, signed with a key that is made of the key file: whoever changes the log without it cannot sign.
    pub async fn head(&self, caller: &Caller, org: &str) -> Result<pb::AuditHead> {
        let org = self.chain(caller, org).await?;
        let (seq, hash) = audit::head(&mut self.resources.db().read().await?, org).await?;
        let org_uid = org.map(|org| org.to_string()).unwrap_or_default();
        let key = SigningKey::from_bytes(&self.resources.sealer().derived("fleetd audit heads"));
        let signature = key.sign(head_message(&org_uid, seq, &hash).as_bytes());
        Ok(pb::AuditHead {
            org_uid,
            seq,
            hash,
            key: hex(key.verifying_key().as_bytes()),
            signature: hex(&signature.to_bytes()),
        })
    }
}

fn shown(org: &str, events: Vec<AuditEvent>) -> Vec<AuditEvent> {
    let told = |event: AuditEvent| AuditEvent {
        org: org.to_owned(),
        at: Some(timestamp(event.at_us)),
        ..event
    };
    events.into_iter().map(told).collect()
}
