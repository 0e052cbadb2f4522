//! Provisioning: a claim token makes a device known, and gives it a credential of its own.

use std::sync::Arc;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, DeviceSpec, Issue};
use serde_json::json;
use uuid::Uuid;

use super::certificates::{self, Given, Right};
use super::claim_tokens::refused;
use super::known::Shown;
use super::{Devices, Identity};
use crate::domain::audit::Event;
use crate::domain::caller::Who;
use crate::domain::certificates::Presented;
use crate::domain::hidden::Hidden;
use crate::domain::log::Entry;
use crate::domain::ownership::Manager;
use crate::domain::{Caller, Object, Org, tokens};
use crate::services::error::{Error, Result};
use crate::services::log;
use crate::services::resources::Options;
use crate::storage::devices::states;
use crate::storage::{Tx, resources};

/// What a device says to be provisioned.
#[derive(Clone, Debug, Default)]
pub struct Provision {
    /// MAC address or serial number.
    pub hw_id: String,
    /// The maker's name of the model.
    pub model: String,
    /// Its software; may be empty.
    pub firmware_version: String,
    /// A signing request in PEM: for a certificate instead of a token.
    pub csr: Option<String>,
    /// The claim token; may be empty where a credential is shown.
    pub claim_token: Hidden,
    /// The current device token; may be empty. Where there is one, it decides.
    pub bearer: Hidden,
    /// The certificate of the connection. One that no longer counts hinders nobody who has a claim token.
    pub certificate: Option<Arc<Presented>>,
    /// Address that it calls from.
    pub address: String,
}

/// A credential that is shown once.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token.
    Token(Hidden),
    /// A certificate.
    Certificate(Given),
}

/// A provisioned device.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Who it is.
    pub identity: Identity,
    /// With what it calls from now on.
    pub credential: Credential,
}

/// A hardware id as a name: without separators, lower case.
pub fn normalised(hw_id: &str) -> String {
    hw_id
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.' | ' ' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Devices {
    /// Makes a device known, or gives a known one a new credential. All in one transaction: a use of the claim token
    /// is taken only when the device exists with its credential.
    pub async fn provision(&self, request: Provision) -> Result<Provisioned> {
        let done = self.provision_once(request.clone()).await;
        if let Err(error) = &done
            && error.is_refusal()
        {
            self.note_refused(&request, error).await;
        }
        done
    }

    async fn provision_once(&self, request: Provision) -> Result<Provisioned> {
        let csr = request.csr.as_deref().map(certificates::read).transpose()?;
        let org = self.asks_in(&request).await?;
        let mut tx = self.resources.begin_in(org).await?;
        let (org, right) = self.right_in(&mut tx, &request).await?;
        if normalised(&request.hw_id).is_empty() {
            return Err(Error::Invalid(vec![Issue {
                path: "hwId".into(),
                message: "is missing".into(),
                code: codes::MISSING_FIELD.into(),
                ..Issue::default()
            }]));
        }
        let (device, revision) = match (find_by_serial(&mut tx, &org, &request.hw_id).await?, &right) {
            (Some(device), _) => (device, None),
            (None, Right::Claim(claim)) if claim.uses_left > 0 && claim.expires_at > self.clock.now() => {
                let (device, revision) = self.register(&mut tx, &org, &right, &request).await?;
                (device, Some(revision))
            }
            (None, Right::Claim(_)) => return Err(refused()),
            (None, Right::Credential(_)) => {
                return Err(Error::NotFound(format!("a device with hwId {}", request.hw_id)));
            }
        };
        let credential = match csr {
            Some(csr) => {
                let certificate = self.authorize_and_issue(&mut tx, &right, &device, &csr).await?;
                Credential::Certificate(self.given(certificate))
            }
            None => {
                self.authorize(&mut tx, &right, &device).await?;
                Credential::Token(self.insert_token(&mut tx, device.uid, &right.actor()).await?.1)
            }
        };
        let kind = match &credential {
            Credential::Certificate(_) => "certificate",
            Credential::Token(_) => "token",
        };
        let by = Caller::with_everything(Who::Fleetd(right.actor())).from(&request.address);
        self.note(&mut tx, &by, "device.provision", &device, json!({"type": kind}))
            .await?;
        let what = if revision.is_some() {
            "is new here"
        } else {
            "has provisioned itself again"
        };
        let entry = Entry::new(
            Level::Info,
            "device.provision",
            format!("device/{} {what}", device.name),
        );
        let entry = Entry {
            at: self.clock.now(),
            user: right.actor(),
            address: request.address.clone(),
            ..entry
                .about_object(&device)
                .with(json!({"type": kind, "hwId": request.hw_id}))
        };
        log::append(&mut tx, vec![entry]).await?;
        self.note_provisioned(&mut tx, device.uid, request).await?;
        tx.commit().await?;
        if let Some(revision) = revision {
            self.resources.announce(revision);
        }
        // A token that was pushed out by the new one must not live on in memory.
        self.known.forget(device.uid);
        let identity = Identity {
            org,
            uid: device.uid,
            name: device.name,
        };
        if let Credential::Token(text) = &credential {
            self.known.expect(text, &identity);
        }
        Ok(Provisioned { identity, credential })
    }

    /// Notes a refusal in the audit log of the organization whose token or device it is about; of the platform where
    /// nobody's is named.
    async fn note_refused(&self, request: &Provision, error: &Error) {
        let shown = match (&request.certificate, &*request.bearer) {
            (Some(certificate), "") if request.claim_token.is_empty() => Some(Shown::Certificate(certificate)),
            (_, "") => None,
            (_, token) => Some(Shown::Token(token)),
        };
        let (actor, org, object) = match shown {
            Some(shown) => match self.authenticate(shown).await {
                Ok(identity) => {
                    let name = format!("device/{}", identity.name);
                    (name.clone(), Some(identity.org.uid), name)
                }
                Err(_) => {
                    return self
                        .note_stranger(&shown, &request.address, "device.provision", error)
                        .await;
                }
            },
            // Who cannot be looked up is nobody's.
            None => match self.named_claim(&request.claim_token).await.ok().flatten() {
                None => ("unknown".to_owned(), None, "claim-token".to_owned()),
                Some(claim) => {
                    let is_genuine = tokens::matches(&request.claim_token, &claim.hash);
                    let actor = if is_genuine {
                        format!("claim:{}", claim.id)
                    } else {
                        "unknown".to_owned()
                    };
                    (actor, Some(claim.org), format!("claim-token/{}", claim.id))
                }
            },
        };
        let by = Caller::new(Who::Fleetd(actor), Arc::default(), None).from(&request.address);
        let event = Event::done(&by, org, "device.provision", object)
            .with(json!({"hwId": request.hw_id, "csr": request.csr.is_some()}));
        let why = error.to_string();
        self.resources.notes().audit(match error {
            Error::Unauthenticated(_) => event.failed(&why),
            _ => event.refused(&why),
        });
    }

    /// The organization that a device asks in. Whoever makes credentials up does not get as far as the writer.
    async fn asks_in(&self, request: &Provision) -> Result<Uuid> {
        let shown = match (&request.certificate, &*request.bearer) {
            (None, "") => None,
            (Some(certificate), "") => Some(Shown::Certificate(certificate)),
            (_, token) => Some(Shown::Token(token)),
        };
        if let Some(shown) = shown {
            let may_claim = request.bearer.is_empty() && !request.claim_token.is_empty();
            match self.authenticate(shown).await {
                Err(Error::Unauthenticated(_)) if may_claim => {}
                found => return Ok(found?.org.uid),
            }
        }
        let mut tx = self.resources.db().read().await?;
        Ok(self.claim_in(&mut tx, request).await?.0.uid)
    }

    /// By which right a device asks, and in which organization.
    async fn right_in(&self, tx: &mut Tx, request: &Provision) -> Result<(Org, Right)> {
        let identity = match (&request.certificate, &*request.bearer) {
            (None, "") => None,
            (Some(certificate), "") => match self.authenticate_in(tx, &Shown::Certificate(certificate)).await {
                Err(Error::Unauthenticated(_)) if !request.claim_token.is_empty() => None,
                found => Some(found?),
            },
            (_, token) => Some(self.authenticate_in(tx, &Shown::Token(token)).await?),
        };
        match identity {
            Some(identity) => Ok((identity.org.clone(), Right::Credential(identity))),
            None => {
                let (org, claim) = self.claim_in(tx, request).await?;
                Ok((org, Right::Claim(claim)))
            }
        }
    }

    /// Makes the Device of a hardware id that is not known, in the name of the claim token.
    async fn register(&self, tx: &mut Tx, org: &Org, right: &Right, request: &Provision) -> Result<(Object, u64)> {
        let Right::Claim(claim) = right else {
            return Err(refused());
        };
        let name = normalised(&request.hw_id);
        if resources::find_uid(tx, Some(org.uid), Kind::Device, &name)
            .await?
            .is_some()
        {
            return Err(Error::AlreadyExists(format!("device/{name} with another serial")));
        }
        let spec = DeviceSpec {
            serial: Some(request.hw_id.clone()),
            site: Some(claim.site.clone()).filter(|site| !site.is_empty()),
            device_type: Some("gateway".to_owned()),
            kind_of_device: Some(request.model.clone()).filter(|model| !model.is_empty()),
            ..DeviceSpec::default()
        };
        let actor = Caller::with_everything(Who::Fleetd(right.actor()));
        self.create(tx, &actor, &Manager::Fleetd, org, &name, spec).await
    }

    /// Makes a Device of a name that is free.
    pub(super) async fn create(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        manager: &Manager,
        org: &Org,
        name: &str,
        spec: DeviceSpec,
    ) -> Result<(Object, u64)> {
        let metadata = pb::Metadata {
            org: org.name.clone(),
            name: name.to_owned(),
            ..pb::Metadata::default()
        };
        let submission = pb::Submission {
            resource: Some(pb::Resource {
                metadata: Some(metadata),
                spec: Some(Spec::Device(spec)),
                ..pb::Resource::default()
            }),
            ..pb::Submission::default()
        };
        let outcome = self
            .resources
            .apply_in(tx, caller, manager, vec![submission], &Options::default())
            .await?
            .done()?;
        let made = outcome.applied.into_iter().next().map(|applied| applied.object);
        let made = made.ok_or_else(|| Error::Unavailable("the device was not created".to_owned()))?;
        Ok((made, outcome.revision))
    }

    async fn note_provisioned(&self, tx: &mut Tx, device: Uuid, request: Provision) -> Result<()> {
        let now = self.clock.now();
        let mut state = states::find(tx, device).await?.unwrap_or_default();
        state.provisioned_at = state.provisioned_at.or(Some(now));
        state.last_seen = Some(now);
        state.firmware_version = request.firmware_version;
        state.address = request.address;
        states::replace(tx, device, &state).await?;
        Ok(())
    }
}

/// Serial numbers are written in many ways: as sent, bare, and in pairs.
pub(super) async fn find_by_serial(tx: &mut Tx, org: &Org, hw_id: &str) -> Result<Option<Object>> {
    let bare = normalised(hw_id);
    let pairs = |separator: &str| {
        let chars: Vec<char> = bare.chars().collect();
        chars
            .chunks(2)
            .map(|pair| pair.iter().collect::<String>())
            .collect::<Vec<_>>()
            .join(separator)
    };
    for form in [hw_id.to_lowercase(), bare.clone(), pairs(":"), pairs("-")] {
        let holder: Option<Uuid> =
            resources::holder_of_unique(tx, &org.uid.to_string(), Kind::Device, "spec.serial", &form).await?;
        if let Some(uid) = holder {
            return Ok(resources::find_by_uid(tx, uid).await?);
        }
    }
    Ok(None)
}
