//! Who a device is: from what it shows to an [`Identity`], in memory while nothing has changed.

use std::sync::Arc;
use std::time::Duration;

use fleet_proto::pb::resource::Spec;

use super::known::{Known, Proof, Shown};
use super::{Devices, Identity};
use crate::domain::audit::Event;
use crate::domain::caller::Who;
use crate::domain::certificates::Presented;
use crate::domain::tokens::{self, TokenKind};
use crate::domain::{Caller, Object, Org};
use crate::services::error::{Error, Result};
use crate::storage::devices::{certificates, credentials};
use crate::storage::{Tx, resources};

/// Whoever holds a connection is looked at again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn refused() -> Error {
    Error::Unauthenticated("the device token or certificate is missing, wrong, expired or no longer valid".to_owned())
}

/// Under which it is stored and remembered.
fn id<'a>(shown: &Shown<'a>) -> Option<&'a str> {
    match shown {
        Shown::Token(text) => tokens::id(TokenKind::Device, text),
        Shown::Certificate(presented) => Some(&presented.serial_hex),
    }
}

impl Devices {
    /// The device that a credential belongs to, while it was looked up and no resource has changed since.
    pub fn remembered(&self, shown: Shown<'_>) -> Option<Identity> {
        let revision = *self.resources.revisions().borrow();
        let known = self.known.find(id(&shown)?, revision)?;
        let fits = known.proof.fits(&shown, self.clock.now());
        fits.then(|| known.identity.clone())
    }

    /// The device that a credential belongs to. Without SQL while no resource has changed.
    pub async fn authenticate(&self, shown: Shown<'_>) -> Result<Identity> {
        let id = id(&shown).ok_or_else(refused)?;
        let revision = *self.resources.revisions().borrow();
        if let Some(known) = self.known.find(id, revision) {
            return if known.proof.fits(&shown, self.clock.now()) {
                Ok(known.identity.clone())
            } else {
                Err(refused())
            };
        }
        let moment = self.known.moment();
        let mut tx = self.resources.db().read().await?;
        let (identity, proof) = self.look_up(&mut tx, &shown).await?;
        let known = Known {
            proof,
            identity: identity.clone(),
            revision,
        };
        self.known.insert(id, known, moment);
        Ok(identity)
    }

    /// [`Self::authenticate`] at a door: what is wrong is noted.
    pub async fn admit(&self, shown: Shown<'_>, address: &str) -> Result<Identity> {
        let done = self.authenticate(shown).await;
        if let Err(error) = &done {
            self.note_stranger(&shown, address, "device.login", error).await;
        }
        done
    }

    /// Ends with the reason when a credential no longer shows a device; never before.
    pub async fn ended(&self, shown: Shown<'_>, device: &Identity) -> Error {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            match self.authenticate(shown).await {
                Ok(now) if now.uid == device.uid && now.org.uid == device.org.uid => {}
                Ok(_) => return refused(),
                Err(error) if error.is_refusal() => return error,
                // The store fails: who was let in stays in until it can be asked.
                Err(error) => tracing::warn!(%error, "an open socket's device cannot be looked up"),
            }
        }
    }

    /// Notes a credential that let nobody in, beside the call: where its id is known, in the log of the organization
    /// whose it is. Whoever shows nothing tried nothing.
    pub(super) async fn note_stranger(&self, shown: &Shown<'_>, address: &str, verb: &'static str, error: &Error) {
        if matches!(shown, Shown::Token("")) || !error.is_refusal() {
            return;
        }
        let stranger = Caller::new(Who::Fleetd("unknown".to_owned()), Arc::default(), None).from(address);
        // Who cannot be looked up is nobody's.
        let owner = self.owner(shown).await.ok().flatten();
        let org = owner.as_ref().and_then(|device| device.org.as_ref()).map(|org| org.uid);
        let object = owner.map_or_else(|| "device".to_owned(), |device| format!("device/{}", device.name));
        let event = Event::done(&stranger, org, verb, object).failed(&error.to_string());
        self.resources.notes().audit(event);
    }

    /// The device that a credential names, genuine or not.
    async fn owner(&self, shown: &Shown<'_>) -> Result<Option<Object>> {
        let Some(id) = id(shown) else { return Ok(None) };
        let mut tx = self.resources.db().read().await?;
        let device = match shown {
            Shown::Token(_) => credentials::find(&mut tx, id).await?.map(|token| token.device),
            Shown::Certificate(_) => certificates::find(&mut tx, id).await?.map(|found| found.device),
        };
        match device {
            Some(device) => Ok(resources::find_by_uid(&mut tx, device).await?),
            None => Ok(None),
        }
    }

    /// Was this genuine when it was last looked up? Whether it still is, only a look-up says.
    pub fn is_familiar(&self, shown: Shown<'_>) -> bool {
        id(&shown).is_some_and(|id| self.known.is_familiar(id, &shown, self.clock.now()))
    }

    /// [`Self::authenticate`] within a transaction that gives something for the credential: whoever would revoke it
    /// meanwhile waits, and whoever has revoked it was first.
    pub(super) async fn authenticate_in(&self, tx: &mut Tx, shown: &Shown<'_>) -> Result<Identity> {
        let (identity, _) = self.look_up(tx, shown).await?;
        resources::lock(tx, identity.uid).await?;
        Ok(self.look_up(tx, shown).await?.0)
    }

    async fn look_up(&self, tx: &mut Tx, shown: &Shown<'_>) -> Result<(Identity, Proof)> {
        let id = id(shown).ok_or_else(refused)?;
        let (device, proof) = match shown {
            Shown::Token(_) => {
                let token = credentials::find(tx, id).await?.ok_or_else(refused)?;
                (token.device, Proof::Hash(token.hash))
            }
            Shown::Certificate(_) => {
                let found = certificates::find(tx, id).await?.ok_or_else(refused)?;
                if found.revoked.is_some() {
                    return Err(refused());
                }
                let presented = Presented {
                    org_uid: found.org,
                    device_uid: found.device,
                    serial_hex: found.serial,
                    key_id: found.key_id,
                    not_after: found.not_after,
                };
                (found.device, Proof::Certificate(presented))
            }
        };
        if !proof.fits(shown, self.clock.now()) {
            return Err(refused());
        }
        let object = resources::find_by_uid(tx, device).await?.ok_or_else(refused)?;
        let org = object.org.ok_or_else(refused)?;
        refuse_suspended(tx, &org).await?;
        let identity = Identity {
            org,
            uid: device,
            name: object.name,
        };
        Ok((identity, proof))
    }
}

/// Devices of a suspended organization are not served.
pub(super) async fn refuse_suspended(tx: &mut Tx, org: &Org) -> Result<()> {
    match resources::find_by_uid(tx, org.uid).await?.map(|object| object.spec) {
        Some(Spec::Organization(spec)) if spec.suspended() => {
            Err(Error::Denied(format!("organization {} is suspended", org.name)))
        }
        _ => Ok(()),
    }
}
