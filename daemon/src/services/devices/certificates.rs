//! Who gets a credential of a device, and the one way to a certificate: provisioning, provisioning again and renewal
//! all end in [`Devices::authorize_and_issue`].

use std::sync::Arc;

use fleet_proto::codes;
use fleet_proto::levels::Level;
use fleet_proto::pb::Issue;
use fleet_proto::pb::device_spec::State;
use fleet_proto::pb::resource::Spec;
use serde_json::json;
use uuid::Uuid;

use super::claim_tokens::refused;
use super::known::Shown;
use super::{Devices, Identity};
use crate::domain::audit::Event;
use crate::domain::caller::Who;
use crate::domain::certificates::{self, Request, Subject};
use crate::domain::log::Entry;
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::storage::devices::certificates::{self as stored, Certificate};
use crate::storage::devices::claim_tokens::{self, ClaimToken};
use crate::storage::devices::credentials;
use crate::storage::{Tx, resources};

pub(super) const DAY: Micros = 86_400 * 1_000_000;
/// How long a certificate is valid.
const LIFETIME: Micros = 90 * DAY;
/// How long one is kept after it has expired.
const KEPT: Micros = 366 * DAY;
/// Certificates that a device gets within a day.
const MOST_A_DAY: usize = 10;
const ACCEPTED: &str = "accepted is a PKCS#10 request in PEM, of at most 16 KiB, by a P-256, P-384, Ed25519 or RSA key (3072 to 8192 bits), signed with SHA-256, SHA-384, SHA-512 or Ed25519";

/// A certificate as a device gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authority that issued it, PEM.
    pub ca_chain: String,
    /// Its last moment.
    pub not_after: Micros,
}

/// Why somebody may have a credential of a device.
#[derive(Debug)]
pub(super) enum Right {
    /// A genuine claim token, which may be used up or expired: that is looked at where it matters.
    Claim(ClaimToken),
    /// It has one.
    Credential(Identity),
}

impl Right {
    /// How history names who used it.
    pub(super) fn actor(&self) -> String {
        match self {
            Self::Claim(claim) => format!("claim:{}", claim.id),
            Self::Credential(identity) => format!("device/{}", identity.name),
        }
    }

    /// Is the device one that it is for?
    fn is_for(&self, device: &Object) -> bool {
        match self {
            Self::Credential(identity) => identity.uid == device.uid,
            Self::Claim(claim) => {
                let site = match &device.spec {
                    Spec::Device(spec) => spec.site(),
                    _ => "",
                };
                let same_org = device.org.as_ref().is_some_and(|org| org.uid == claim.org);
                same_org && (claim.site.is_empty() || claim.site == site)
            }
        }
    }
}

/// Reads a signing request; what is wrong with it says what would be right.
pub(super) fn read(csr: &str) -> Result<Request> {
    certificates::request(csr).map_err(|refusal| unfit(format!("{refusal}; {ACCEPTED}")))
}

fn unfit(message: String) -> Error {
    Error::Invalid(vec![Issue {
        path: "csr".to_owned(),
        message,
        code: codes::OUT_OF_RANGE.to_owned(),
        ..Issue::default()
    }])
}

impl Devices {
    /// The certificate against which those of devices are verified, PEM.
    pub fn authority(&self) -> &str {
        self.issuer.certificate()
    }

    /// Why no certificate can be issued.
    pub fn authority_trouble(&self) -> Option<&str> {
        self.issuer.trouble()
    }

    /// Gives a device a certificate over its current credential: a new one, or the same where that is young.
    pub async fn renew_certificate(&self, shown: Shown<'_>, device: &str, csr: &str, address: &str) -> Result<Given> {
        let identity = self.authenticate(shown).await?;
        let done = self.renew_for(&identity, shown, device, csr, address).await;
        if let Err(error) = &done
            && error.is_refusal()
        {
            let by = Caller::new(Who::Fleetd(format!("device/{}", identity.name)), Arc::default(), None).from(address);
            let event = Event::done(
                &by,
                Some(identity.org.uid),
                "credential.issue",
                format!("device/{}", identity.name),
            );
            self.resources.notes().audit(event.refused(&error.to_string()));
        }
        done
    }

    async fn renew_for(
        &self,
        identity: &Identity,
        shown: Shown<'_>,
        device: &str,
        csr: &str,
        address: &str,
    ) -> Result<Given> {
        let object = self.on_behalf(identity, device).await?;
        if object.uid != identity.uid {
            return Err(Error::Denied(
                "a device asks for a certificate of its own; one behind a gateway, too".to_owned(),
            ));
        }
        let request = read(csr)?;
        let mut tx = self.resources.begin_in(identity.org.uid).await?;
        let right = Right::Credential(self.authenticate_in(&mut tx, &shown).await?);
        let certificate = self.authorize_and_issue(&mut tx, &right, &object, &request).await?;
        let by = Caller::with_everything(Who::Fleetd(right.actor())).from(address);
        let detail = json!({"credential": certificate.serial, "type": "certificate"});
        self.note(&mut tx, &by, "credential.issue", &object, detail).await?;
        tx.commit().await?;
        self.saw(object.uid);
        Ok(self.given(certificate))
    }

    pub(super) fn given(&self, certificate: Certificate) -> Given {
        Given {
            certificate: certificate.pem,
            ca_chain: self.issuer.certificate().to_owned(),
            not_after: certificate.not_after,
        }
    }

    /// Gives a device a certificate for the key of a request, if whoever asks may have it.
    ///
    /// A genuine claim token gets the same certificate for the same key again, however often, and is not used up by
    /// it: the request proves that its sender holds the key, and the certificate itself is no secret.
    pub(super) async fn authorize_and_issue(
        &self,
        tx: &mut Tx,
        right: &Right,
        device: &Object,
        request: &Request,
    ) -> Result<Certificate> {
        let now = self.clock.now();
        let held = stored::list(tx, device.uid).await?;
        let same = held
            .iter()
            .find(|one| one.key_id == request.key_id() && one.is_live(now));
        match (right, same) {
            (Right::Claim(_), Some(same)) if right.is_for(device) => return Ok(same.clone()),
            _ => self.authorize(tx, right, device).await?,
        }
        if let Some(same) = same.filter(|same| now - same.issued_at < (same.not_after - same.issued_at) / 3) {
            return Ok(same.clone());
        }
        self.bind(tx, device.uid, request, &held).await?;
        self.issue(tx, right, device, request).await
    }

    /// May a device have a credential? A claim token is used by it.
    pub(super) async fn authorize(&self, tx: &mut Tx, right: &Right, device: &Object) -> Result<()> {
        let Right::Claim(claim) = right else {
            return if right.is_for(device) {
                Ok(())
            } else {
                Err(Error::NotFound("the device".to_owned()))
            };
        };
        let now = self.clock.now();
        if !right.is_for(device) || claim.expires_at <= now || !claim_tokens::take_use(tx, &claim.id).await? {
            return Err(refused());
        }
        refuse_inactive(device)?;
        if is_equipped(tx, device.uid, now).await? {
            return Err(Error::AlreadyExists(format!(
                "a credential of device/{}; it must show it to get another, or an administrator revokes it; it",
                device.name
            )));
        }
        Ok(())
    }

    /// Binds the key to the device, or says why it cannot have a certificate. Whose it is, nobody is told.
    async fn bind(&self, tx: &mut Tx, device: Uuid, request: &Request, held: &[Certificate]) -> Result<()> {
        let now = self.clock.now();
        let mut own = held.iter().filter(|one| one.key_id == request.key_id());
        if own.any(|one| one.revoked.is_some()) {
            return Err(unfit("a certificate of its key was revoked; make a new key".to_owned()));
        }
        if held.iter().filter(|one| one.issued_at > now - DAY).count() >= MOST_A_DAY {
            let message = format!("it has got {MOST_A_DAY} certificates in a day, and is refused another");
            let entry = Entry::new(Level::Warning, "limit.certificates", message);
            self.resources.notes().log(entry.about(device));
            let oldest = held.get(MOST_A_DAY - 1).map_or(now, |one| one.issued_at);
            let wait = u64::try_from((oldest + DAY - now) / 1_000).unwrap_or(0).max(1);
            let budget = format!("certificates of a device in a day ({MOST_A_DAY})");
            return Err(Error::exhausted("certificates", budget, wait));
        }
        stored::remove_expired(tx, device, now - KEPT).await?;
        if stored::bind_key(tx, request.key_id(), device).await? != device {
            return Err(unfit("its key belongs to another device; make a new key".to_owned()));
        }
        Ok(())
    }

    async fn issue(&self, tx: &mut Tx, right: &Right, device: &Object, request: &Request) -> Result<Certificate> {
        let org = device.org.as_ref().ok_or_else(refused)?.uid;
        let subject = Subject {
            org_uid: org,
            device_uid: device.uid,
        };
        let now = self.clock.now();
        let issued = self.issuer.issue(request, subject, now, LIFETIME)?;
        let certificate = Certificate {
            serial: issued.serial_hex,
            device: device.uid,
            org,
            key_id: issued.key_id,
            pem: issued.pem,
            not_before: issued.not_before,
            not_after: issued.not_after,
            issued_at: now,
            issued_by: right.actor(),
            revoked: None,
        };
        stored::insert(tx, &certificate).await?;
        Ok(certificate)
    }
}

/// Has the device a credential that counts? Who asks at the same moment for the same device waits.
async fn is_equipped(tx: &mut Tx, device: Uuid, now: Micros) -> Result<bool> {
    resources::lock(tx, device).await?;
    let has_token = !credentials::list(tx, device).await?.is_empty();
    Ok(has_token || stored::list(tx, device).await?.iter().any(|one| one.is_live(now)))
}

/// A device that was taken out of service gets no credential.
pub(super) fn refuse_inactive(device: &Object) -> Result<()> {
    match &device.spec {
        Spec::Device(spec) if spec.state() == State::Inactive => Err(Error::Guarded(vec![Issue {
            path: "spec.state".to_owned(),
            message: format!("device/{} is inactive and gets no credential", device.name),
            help: "set `state: active` first".to_owned(),
            code: codes::GUARDED.to_owned(),
            ..Issue::default()
        }])),
        _ => Ok(()),
    }
}
