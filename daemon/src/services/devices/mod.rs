//! What happens to devices at a moment: provisioning, credentials, configuration, heartbeats, commands, logs.

mod authority;
mod certificates;
mod claim_tokens;
mod config;
mod credentials;
mod endings;
mod identity;
mod known;
mod lifecycle;
mod operate;
mod presence;
mod provision;
mod settings;

pub use authority::PLACE as AUTHORITY_PATH;
pub use certificates::Given;
pub use claim_tokens::ClaimRequest;
pub use config::Served;
pub use known::Shown;
pub use lifecycle::{Decommissioned, Enrolled, Enrolment};
pub use operate::{Heartbeat, LogQuery, NewCommand};
pub use presence::Presence;
pub use provision::{Credential, Provision, Provisioned};

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use rand::Rng as _;
use serde_json::Value as Json;
use uuid::Uuid;

use super::error::{Error, Result};
use super::resources::Resources;
use crate::domain::audit::Event;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::tokens::{self, TokenKind};
use crate::domain::{Caller, Clock, Object, Org};
use crate::storage::Tx;
use crate::storage::devices::states;

/// Time between two heartbeats that gateways are asked for.
pub const HEARTBEAT_MS: u64 = 60_000;
/// A device that misses three of them is offline.
const OFFLINE_AFTER: Micros = 3 * HEARTBEAT_MS as Micros * 1_000;

/// A device that has shown its token or certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its organization.
    pub org: Org,
    /// Its uid.
    pub uid: Uuid,
    /// Its name.
    pub name: String,
}

/// What happens to devices.
#[derive(Clone, Debug)]
pub struct Devices {
    resources: Resources,
    clock: Arc<dyn Clock>,
    issuer: Arc<authority::Issuer>,
    known: known::Memory,
    seen: Arc<RwLock<HashMap<Uuid, Micros>>>,
    /// Those of them that have sent a heartbeat.
    beating: Arc<RwLock<HashSet<Uuid>>>,
}

impl Devices {
    /// Works on the database of `resources`; at the first start the device authority is made there.
    pub async fn open(resources: Resources, clock: Arc<dyn Clock>) -> Result<Self> {
        let issuer = authority::Issuer::open(resources.db(), resources.sealer(), clock.now()).await?;
        Ok(Self {
            resources,
            clock,
            issuer: Arc::new(issuer),
            known: known::Memory::default(),
            seen: Arc::default(),
            beating: Arc::default(),
        })
    }

    /// Notes in the audit log what is done to a device, in the transaction that does it.
    async fn note(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        verb: &'static str,
        device: &Object,
        detail: Json,
    ) -> Result<()> {
        let org = device.org.as_ref().map(|org| org.uid);
        let event = Event::done(caller, org, verb, format!("device/{}", device.name)).with(detail);
        self.resources.note(tx, event).await
    }

    /// The time, as answers give it to devices.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Notes that a device was heard of.
    pub fn saw(&self, device: Uuid) {
        let now = self.clock.now();
        // A second is fine enough for what people look at.
        if read(&self.seen).get(&device).is_none_or(|seen| now - seen > 1_000_000) {
            write(&self.seen).insert(device, now);
        }
    }

    /// Notes that a device sends heartbeats, and will be missed.
    fn beats(&self, device: Uuid) {
        if !read(&self.beating).contains(&device) {
            write(&self.beating).insert(device);
        }
    }

    /// How many of the devices are online now.
    pub async fn online(&self, devices: &HashSet<Uuid>) -> Result<usize> {
        let mut tx = self.resources.db().read().await?;
        let now = self.clock.now();
        let mut online = 0;
        for device in devices {
            let heard = read(&self.seen).get(device).copied();
            let last_seen = match heard.filter(|at| now - at <= OFFLINE_AFTER) {
                Some(at) => Some(at),
                None => states::find(&mut tx, *device).await?.and_then(|state| state.last_seen),
            };
            online += usize::from(last_seen.is_some_and(|at| now - at <= OFFLINE_AFTER));
        }
        Ok(online)
    }

    /// Resources as they are shown: devices with what is observed of them.
    pub async fn with_status(&self, objects: Vec<Object>) -> Result<Vec<pb::Resource>> {
        let mut shown: Vec<pb::Resource> = objects.iter().map(pb::Resource::from).collect();
        if objects.iter().all(|object| object.kind != Kind::Device) {
            return Ok(shown);
        }
        let mut tx = self.resources.db().read().await?;
        let now = self.clock.now();
        let mut versions = config::Versions::new(self.resources.sealer());
        for (object, resource) in objects
            .iter()
            .zip(&mut shown)
            .filter(|(object, _)| object.kind == Kind::Device)
        {
            let state = states::find(&mut tx, object.uid).await?;
            let heard = read(&self.seen).get(&object.uid).copied();
            let last_seen = state.as_ref().and_then(|s| s.last_seen).max(heard);
            let state = state.unwrap_or_default();
            let wanted_config_version = match state.provisioned_at {
                Some(_) => versions.of(&mut tx, object).await?,
                None => String::new(),
            };
            let connection = match last_seen {
                None => "unknown",
                Some(at) if now - at > OFFLINE_AFTER => "offline",
                Some(_) => "online",
            };
            resource.status = Some(pb::resource::Status::DeviceStatus(pb::DeviceStatus {
                provisioned_at: state.provisioned_at.map(timestamp),
                last_seen: last_seen.map(timestamp),
                connection: connection.to_owned(),
                uptime_seconds: state.uptime_seconds,
                firmware_version: state.firmware_version,
                config_version: state.config_version,
                rssi: state.rssi.and_then(|rssi| i32::try_from(rssi).ok()),
                free_heap: state.free_heap.and_then(|heap| u64::try_from(heap).ok()),
                address: state.address,
                errors: state.errors,
                wanted_config_version,
            }));
        }
        Ok(shown)
    }

    /// A device that `identity` may speak for: itself, or one behind it. Anything else looks like nothing at all.
    pub async fn on_behalf(&self, identity: &Identity, name_or_uid: &str) -> Result<Object> {
        let mut tx = self.resources.db().read().await?;
        let missing = || Error::NotFound("the device".to_owned());
        let object = Resources::find_in(&mut tx, &identity.org.name, Kind::Device, name_or_uid)
            .await
            .map_err(|error| match error {
                Error::NotFound(_) => missing(),
                other => other,
            })?;
        let behind = matches!(&object.spec, pb::resource::Spec::Device(spec) if spec.gateway() == identity.name);
        if object.uid == identity.uid || behind {
            Ok(object)
        } else {
            Err(missing())
        }
    }

    fn fresh_token(kind: TokenKind) -> tokens::Fresh {
        let mut random = [0; 48];
        rand::rng().fill_bytes(&mut random);
        tokens::make(kind, random)
    }
}

/// The locks guard maps that are whole at every moment.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
