//! The begin and the end of a device's service.

use fleet_proto::access::Permission;
use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb::device_spec::State;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, DeviceSpec, Issue};
use serde_json::json;

use super::provision::{find_by_serial, normalised};
use super::{ClaimRequest, Devices};
use crate::domain::hidden::Hidden;
use crate::domain::log::Entry;
use crate::domain::ownership::Manager;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::log;
use crate::services::resources::{Options, Resources};
use crate::storage::devices::{certificates, commands, credentials};
use crate::storage::{Tx, resources};

/// A device that is expected.
#[derive(Clone, Debug, Default)]
pub struct Enrolment {
    /// Name of the organization.
    pub org: String,
    /// MAC address or serial number.
    pub hw_id: String,
    /// Where it will be.
    pub site: String,
    /// The maker's name of the model; may be empty.
    pub model: String,
    /// Name of the Device; empty: from the hardware id.
    pub name: String,
    /// Seconds until its claim token expires; 0: one hour.
    pub expires_in_seconds: u64,
}

/// A device that may provision itself.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The Device.
    pub device: Object,
    /// Its claim token.
    pub claim_token: pb::ClaimToken,
    /// The token's text, shown once.
    pub text: Hidden,
}

/// A device out of service, and what was ended.
#[derive(Clone, Debug)]
pub struct Decommissioned {
    /// The Device.
    pub device: Object,
    /// Tokens.
    pub tokens: u64,
    /// Certificates that still counted.
    pub certificates: u64,
    /// Commands without a result.
    pub commands: u64,
}

impl Devices {
    /// Makes a Device and a claim token that fits no other, both or neither.
    pub async fn enroll(&self, caller: &Caller, wanted: Enrolment) -> Result<Enrolled> {
        let serial = normalised(&wanted.hw_id);
        if serial.is_empty() || wanted.site.is_empty() {
            return Err(missing(if serial.is_empty() { "hw_id" } else { "site" }));
        }
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let org = Resources::place_for(&mut tx, caller, &wanted.org, &wanted.site).await?;
        let name = if wanted.name.is_empty() {
            serial
        } else {
            wanted.name.clone()
        };
        // An apply would change what is there already.
        if resources::find_uid(&mut tx, Some(org.uid), Kind::Device, &name)
            .await?
            .is_some()
        {
            return Err(Error::AlreadyExists(format!("device/{name}")));
        }
        if find_by_serial(&mut tx, &org, &wanted.hw_id).await?.is_some() {
            return Err(Error::AlreadyExists(format!("a device with serial {}", wanted.hw_id)));
        }
        let spec = DeviceSpec {
            serial: Some(wanted.hw_id.clone()),
            site: Some(wanted.site.clone()),
            device_type: Some("gateway".to_owned()),
            kind_of_device: Some(wanted.model.clone()).filter(|model| !model.is_empty()),
            ..DeviceSpec::default()
        };
        let manager = Manager::Person(caller.actor());
        let (device, revision) = self.create(&mut tx, caller, &manager, &org, &name, spec).await?;
        let request = ClaimRequest {
            org: wanted.org,
            site: wanted.site,
            model: wanted.model,
            serial: wanted.hw_id,
            expires_in_seconds: wanted.expires_in_seconds,
            max_uses: 1,
        };
        let (claim_token, text) = self
            .create_claim_token_in(&mut tx, &asking_for_claims(caller), request)
            .await?;
        self.tell_of(&mut tx, caller, "device.enroll", &device, "is expected")
            .await?;
        tx.commit().await?;
        self.resources.announce(revision);
        Ok(Enrolled {
            device,
            claim_token,
            text: text.into(),
        })
    }

    /// Takes a device out of service: it becomes inactive, whatever it shows is refused from the answer on, and its
    /// commands expire. Repeating it is harmless.
    pub async fn decommission(&self, caller: &Caller, org: &str, device: &str) -> Result<Decommissioned> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let device = Resources::find_for(&mut tx, caller, org, Kind::Device, device).await?;
        resources::lock(&mut tx, device.uid).await?;
        let (device, revision) = self.deactivate(&mut tx, caller, device).await?;
        let now = self.clock.now();
        let done = Decommissioned {
            tokens: credentials::remove_all(&mut tx, device.uid).await?,
            certificates: certificates::revoke_all(&mut tx, device.uid, now, &caller.actor()).await?,
            commands: commands::expire_all(&mut tx, device.uid, now).await?,
            device,
        };
        let detail = json!({"tokens": done.tokens, "certificates": done.certificates, "commands": done.commands});
        self.note(&mut tx, caller, "device.decommission", &done.device, detail)
            .await?;
        let what = "is out of service";
        self.tell_of(&mut tx, caller, "device.decommission", &done.device, what)
            .await?;
        tx.commit().await?;
        if let Some(revision) = revision {
            self.resources.announce(revision);
        }
        self.known.forget(done.device.uid);
        Ok(done)
    }

    /// Tells in the system log what somebody did to a device, in the transaction that does it.
    async fn tell_of(&self, tx: &mut Tx, caller: &Caller, action: &str, device: &Object, what: &str) -> Result<()> {
        let entry = Entry::new(Level::Info, action, format!("device/{} {what}", device.name));
        let entry = Entry {
            at: self.clock.now(),
            ..entry.about_object(device).by(caller)
        };
        log::append(tx, vec![entry]).await?;
        Ok(())
    }

    /// Sets the state as somebody who edits the resource would: history and ownership hold, and a manifest that says
    /// otherwise conflicts with it.
    async fn deactivate(&self, tx: &mut Tx, caller: &Caller, device: Object) -> Result<(Object, Option<u64>)> {
        if !device.issues.is_empty() {
            // What cannot be read would be written back as nothing.
            return Err(Error::Invalid(device.issues));
        }
        if matches!(&device.spec, Spec::Device(spec) if spec.state() == State::Inactive) {
            return Ok((device, None));
        }
        let mut resource = pb::Resource::from(&device);
        if let Some(Spec::Device(spec)) = &mut resource.spec {
            spec.set_state(State::Inactive);
        }
        let submission = pb::Submission {
            resource: Some(resource),
            ..pb::Submission::default()
        };
        let options = Options {
            replace: true,
            ..Options::default()
        };
        let manager = Manager::Person(caller.actor());
        let outcome = self
            .resources
            .apply_in(tx, caller, &manager, vec![submission], &options)
            .await?
            .done()?;
        let revision = outcome.revision;
        let object = outcome.applied.into_iter().next().map(|applied| applied.object);
        Ok((object.unwrap_or(device), Some(revision)))
    }
}

/// The same caller, who makes a claim token along with a Device: it needs the right to either.
fn asking_for_claims(caller: &Caller) -> Caller {
    let right = Permission::of_method("edit:claim-token");
    let right = right.unwrap_or_else(|| unreachable!("the permission exists"));
    caller.clone().asking(right, caller.origin().clone())
}

fn missing(path: &str) -> Error {
    Error::Invalid(vec![Issue {
        path: path.to_owned(),
        message: "is missing".to_owned(),
        code: codes::MISSING_FIELD.to_owned(),
        ..Issue::default()
    }])
}
