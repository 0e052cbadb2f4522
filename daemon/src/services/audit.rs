//! The audit log as it is read: found, followed, and signed at its end.

use ed25519_dalek::{Signer as _, SigningKey};
use fleet_proto::audit::head_message;
use fleet_proto::pb::{self, AuditEvent};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::error::Result;
use super::pages::{self, Span, Wanted};
use super::resources::{Resources, denied};
use crate::domain::Caller;
use crate::domain::caller::Place;
use crate::domain::object::timestamp;
use crate::domain::tokens::hex;
use crate::storage::Tx;
use crate::storage::audit::{self, Narrow};

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
        let search = Search {
            org: self.chain(caller, &wanted.org).await?,
            org_name: wanted.org.clone(),
            narrow: Narrow {
                actor: wanted.actor.clone(),
                verb: wanted.verb.clone(),
                object: wanted.object.clone(),
                outcome: wanted.outcome.clone(),
                from: wanted.from_us,
                to: wanted.to_us,
            },
        };
        let span = Span {
            after: wanted.after_seq,
            limit: wanted.limit,
            follow: wanted.follow,
        };
        pages::send(self.resources.db(), &search, span, &pages).await
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

/// What somebody looks for.
struct Search {
    org: Option<Uuid>,
    /// As the caller names it.
    org_name: String,
    narrow: Narrow,
}

impl Wanted for Search {
    type Row = AuditEvent;

    async fn page(&self, tx: &mut Tx, between: (u64, u64), newest: bool, limit: u32) -> Result<Vec<AuditEvent>> {
        let mut found = audit::list(tx, self.org, between, &self.narrow, newest, limit).await?;
        for event in &mut found {
            event.org.clone_from(&self.org_name);
            event.at = Some(timestamp(event.at_us));
        }
        Ok(found)
    }

    async fn head(&self, tx: &mut Tx) -> Result<u64> {
        Ok(audit::head(tx, self.org).await?.0)
    }

    fn seq(row: &AuditEvent) -> u64 {
        row.seq
    }
}
