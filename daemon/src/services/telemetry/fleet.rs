//! What programs write: readings of any device of an organization, as far as their grants reach.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use fleet_proto::access::{Permission, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::names;
use fleet_proto::pb::organization_spec::UnknownDevice;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, DeviceSpec};
use uuid::Uuid;

use super::target::{Quick, Refusal, Target, Terms};
use super::way::{Budget, Way};
use super::{Telemetry, read, write};
use crate::domain::caller::Place;
use crate::domain::ingest::{Incoming, Ingested, Rejection};
use crate::domain::log::Entry;
use crate::domain::ownership::Manager;
use crate::domain::{Caller, Object, Org};
use crate::services::error::{Error, Result};
use crate::services::log;
use crate::services::resources::{Options, Resources, denied};
use crate::storage::{Tx, resources};

/// Organizations that are remembered, each by its name and uid.
const MOST_FLEETS: usize = 100_000;
/// Devices of one batch that are looked up and not found; names behind them are refused without a look.
const MOST_UNKNOWN: usize = 1_000;

/// By the name or uid that programs write.
pub(super) type Fleets = HashMap<String, Arc<Fleet>>;

/// An organization whose devices are written for, as of a revision.
#[derive(Debug)]
pub(super) struct Fleet {
    revision: u64,
    pub(super) terms: Terms,
    /// Those that were written for since, by name or uid.
    devices: RwLock<Quick<Box<str>, Arc<Target>>>,
}

/// One batch of a program: the devices that it names.
pub(super) struct Writing<'a> {
    pub(super) fleet: Arc<Fleet>,
    devices: Quick<&'a str, Device>,
}

/// A device that a batch names, and in how many items.
struct Device {
    found: std::result::Result<Arc<Target>, Refusal>,
    items: usize,
}

impl Writing<'_> {
    pub(super) fn named(&self, device: Option<&str>) -> std::result::Result<&Target, Refusal> {
        match device
            .and_then(|name| self.devices.get(name))
            .map(|device| &device.found)
        {
            Some(Ok(target)) => Ok(target),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(("unknown_device", "no device is named".to_owned())),
        }
    }

    /// What devices spend of rates of their own.
    pub(super) fn budgets(&self) -> Vec<Budget> {
        let spent = self.devices.iter().filter_map(|(name, device)| {
            let target = device.found.as_ref().ok()?;
            Some((target.uid, target.limit?, device.items, format!("device/{name}")))
        });
        spent.collect()
    }
}

impl Telemetry {
    /// Takes in what a program sent for devices of an organization. A bad item never costs the good ones.
    pub async fn write(
        &self,
        caller: &Caller,
        org: &str,
        items: Vec<std::result::Result<Incoming<'_>, Rejection>>,
    ) -> Result<Ingested> {
        let (_, way) = self.way(caller, org, &items).await?;
        self.take_in(&way, items).await
    }

    /// The way of what a program writes, and the organization as it was when the devices were looked for.
    pub(super) async fn way<'a>(
        &self,
        caller: &Caller,
        org: &str,
        items: &[std::result::Result<Incoming<'a>, Rejection>],
    ) -> Result<(Arc<Fleet>, Way<'a>)> {
        let mut devices = named_in(items);
        let fleet = self.resolve(caller, org, &mut devices).await?;
        let writing = Writing {
            fleet: Arc::clone(&fleet),
            devices,
        };
        Ok((fleet, Way::Program(writing)))
    }

    /// Finds the devices that a batch names, and makes those that its organization wants made.
    async fn resolve(&self, caller: &Caller, org: &str, devices: &mut Quick<&str, Device>) -> Result<Arc<Fleet>> {
        let fleet = self.fleet(caller, org).await?;
        self.find_all(caller, &fleet, devices).await?;
        if fleet.terms.unknown_device != UnknownDevice::Create {
            return Ok(fleet);
        }
        let unknown: Vec<&str> = devices
            .iter()
            .filter(|(name, device)| matches!(device.found, Err((UNKNOWN, _))) && names::is_name(name))
            .map(|(name, _)| *name)
            .take(MOST_UNKNOWN)
            .collect();
        if unknown.is_empty() {
            return Ok(fleet);
        }
        let refused = match self.create(caller, &fleet.terms.org, &unknown).await {
            Ok(()) => None,
            Err(error @ Error::Exhausted { retry_after_ms: 0, .. }) => Some(("device_limit", error.to_string())),
            Err(error @ (Error::Denied(_) | Error::Invalid(_))) => Some((UNKNOWN, error.to_string())),
            Err(error) => return Err(error),
        };
        // What is there by now is another revision.
        let fleet = self.fleet(caller, org).await?;
        self.find_all(caller, &fleet, devices).await?;
        if let Some(refusal) = refused {
            for name in unknown {
                let device = devices.get_mut(name).filter(|device| device.found.is_err());
                if let Some(device) = device {
                    device.found = Err(refusal.clone());
                }
            }
        }
        Ok(fleet)
    }

    /// What is known of an organization now, if the caller may know of it and write readings somewhere in it.
    pub(super) async fn fleet(&self, caller: &Caller, org: &str) -> Result<Arc<Fleet>> {
        let revision = *self.resources.revisions().borrow();
        let known = read(&self.fleets).get(org).cloned();
        let fleet = match known.filter(|fleet| fleet.revision == revision) {
            Some(fleet) => fleet,
            None => {
                let fleet = Arc::new(self.load(caller, org, revision).await?);
                let mut fleets = write(&self.fleets);
                if fleets.len() >= MOST_FLEETS {
                    fleets.clear();
                }
                // Whoever loaded it meanwhile has put devices into it.
                let other = fleets.get(org).filter(|other| other.revision == revision);
                match other.cloned() {
                    Some(other) => other,
                    None => {
                        fleets.insert(org.to_owned(), Arc::clone(&fleet));
                        fleet
                    }
                }
            }
        };
        let own = &fleet.terms.org;
        if !caller.knows(own.uid) {
            return Err(Error::NotFound(format!("organization/{org}")));
        }
        if !caller.may_somewhere(caller.asked(), &Place::Org(own.uid)) {
            return Err(denied(caller.asked(), &format!("organization/{}", own.name)));
        }
        Ok(fleet)
    }

    async fn load(&self, caller: &Caller, org: &str, revision: u64) -> Result<Fleet> {
        let mut tx = self.resources.db().read().await?;
        let own = Resources::org_for_in(&mut tx, caller, org).await?;
        let found = resources::find_by_uid(&mut tx, own.uid).await?;
        let Some(Spec::Organization(spec)) = found.map(|object| object.spec) else {
            return Err(Error::NotFound(format!("organization/{org}")));
        };
        Ok(Fleet {
            revision,
            terms: Terms::of(&own, &spec),
            devices: RwLock::default(),
        })
    }

    /// Finds devices by name or uid; what the caller may not write for is refused, and what it may not see is not there.
    async fn find_all(&self, caller: &Caller, fleet: &Fleet, devices: &mut Quick<&str, Device>) -> Result<()> {
        let org = fleet.terms.org.uid;
        {
            let known = read(&fleet.devices);
            for (name, device) in devices.iter_mut() {
                device.found = known.get(*name).cloned().ok_or_else(unknown);
            }
        }
        let missing = devices.iter_mut().filter(|(_, device)| device.found.is_err());
        let missing: Vec<(&str, &mut Device)> = missing.map(|(name, device)| (*name, device)).collect();
        if !missing.is_empty() {
            let mut tx = self.resources.db().read().await?;
            let mut fruitless = 0;
            for (name, device) in missing {
                if fruitless == MOST_UNKNOWN {
                    let detail =
                        format!("{MOST_UNKNOWN} devices of this batch are unknown; the others were not looked up");
                    device.found = Err((UNKNOWN, detail));
                    continue;
                }
                let Some(object) = device_of(&mut tx, org, name).await? else {
                    fruitless += 1;
                    continue;
                };
                let target = Arc::new(Target::load(&mut tx, &object).await?.0);
                // Another batch may have found it meanwhile, and learnt its series.
                let mut known = write(&fleet.devices);
                device.found = Ok(Arc::clone(known.entry(name.into()).or_insert(target)));
            }
        }
        if caller.may(caller.asked(), &Place::Org(org)) {
            return Ok(());
        }
        let view = Permission::of(Verb::View, Kind::Device);
        for (name, device) in devices.iter_mut() {
            match &device.found {
                Ok(target) if caller.may(caller.asked(), &target.place) => {}
                Ok(target) if caller.may(view, &target.place) => {
                    let refusal = denied(caller.asked(), &format!("device/{name}"));
                    device.found = Err(("denied", refusal.to_string()));
                }
                Ok(_) => device.found = Err(unknown()),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Makes virtual devices of names that are free, as the caller could.
    async fn create(&self, caller: &Caller, org: &Org, wanted: &[&str]) -> Result<()> {
        let edit = Permission::of(Verb::Edit, Kind::Device);
        let caller = caller.clone().asking(edit, caller.origin().clone());
        if !caller.may(edit, &Place::Org(org.uid)) {
            return Err(denied(edit, &format!("a device that is unknown in {}", org.name)));
        }
        let (mut tx, caller) = self.resources.begin_as(&caller).await?;
        let mut bundle = Vec::new();
        for name in wanted {
            if device_of(&mut tx, org.uid, name).await?.is_none() {
                bundle.push(submission(org, name));
            }
        }
        if bundle.is_empty() {
            return Ok(());
        }
        let options = Options::default();
        let applied = self
            .resources
            .apply_in(&mut tx, &caller, &Manager::Fleetd, bundle, &options);
        let outcome = applied.await?.done()?;
        let told = outcome.applied.iter().map(|applied| {
            let message = format!("device/{} is new here: readings came for it", applied.object.name);
            let entry = Entry::new(Level::Info, "device.create", message);
            Entry {
                at: self.clock.now(),
                ..entry.about_object(&applied.object).by(&caller)
            }
        });
        log::append(&mut tx, told.collect()).await?;
        tx.commit().await?;
        self.resources.announce(outcome.revision);
        Ok(())
    }
}

const UNKNOWN: &str = "unknown_device";

fn unknown() -> Refusal {
    (UNKNOWN, "there is no such device".to_owned())
}

/// The names of devices in a batch.
fn named_in<'a>(items: &[std::result::Result<Incoming<'a>, Rejection>]) -> Quick<&'a str, Device> {
    let mut devices: Quick<&'a str, Device> = Quick::default();
    // As a rule many items in a row are about the same.
    let mut run: (Option<&'a str>, usize) = (None, 0);
    let mut count = |(name, items): (Option<&'a str>, usize)| {
        let Some(name) = name else { return };
        let fresh = || Device {
            found: Err(unknown()),
            items: 0,
        };
        devices.entry(name).or_insert_with(fresh).items += items;
    };
    for item in items.iter().flatten() {
        if item.device == run.0 {
            run.1 += 1;
        } else {
            count(std::mem::replace(&mut run, (item.device, 1)));
        }
    }
    count(run);
    devices
}

/// A device by its name or uid.
async fn device_of(tx: &mut Tx, org: Uuid, name: &str) -> Result<Option<Object>> {
    Resources::named_in(tx, Some(org), Kind::Device, name).await
}

fn submission(org: &Org, name: &str) -> pb::Submission {
    let metadata = pb::Metadata {
        org: org.name.clone(),
        name: name.to_owned(),
        ..pb::Metadata::default()
    };
    let spec = DeviceSpec {
        r#virtual: Some(true),
        ..DeviceSpec::default()
    };
    pb::Submission {
        resource: Some(pb::Resource {
            metadata: Some(metadata),
            spec: Some(Spec::Device(spec)),
            ..pb::Resource::default()
        }),
        ..pb::Submission::default()
    }
}
