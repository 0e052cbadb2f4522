//! A sender's route: from what a device's items say to those they are about, without SQL for each item.

use std::collections::HashMap;
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use uuid::Uuid;

use super::target::{Known, Quick, Target, Terms};
use super::way::label;
use crate::domain::Object;
use crate::domain::ingest::Incoming;
use crate::domain::kinds::gateway_config;
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::resources;
use crate::storage::telemetry as store;

#[derive(Debug)]
pub(super) struct Route {
    pub(super) revision: u64,
    pub(super) device: Uuid,
    pub(super) terms: Terms,
    /// The sender first, then the devices behind it.
    targets: Vec<Target>,
    /// Names and uids of targets.
    names: Quick<String, usize>,
    /// (bus, slave, label) of the sender's configuration → (sensor, target).
    registers: HashMap<(String, u16, String), (String, usize)>,
    /// The same per (bus, slave) alone → target.
    slaves: HashMap<(String, u16), usize>,
}

impl Route {
    /// Reads what is known of a device.
    pub(super) async fn load(service: &Resources, device: Uuid, revision: u64) -> Result<Self> {
        let mut tx = service.db().read().await?;
        let gone = || Error::NotFound(format!("device/{device}"));
        let own = resources::find_by_uid(&mut tx, device)
            .await?
            .filter(|o| o.kind == Kind::Device)
            .ok_or_else(gone)?;
        let org = own.org.clone().ok_or_else(gone)?;
        let Some(Object {
            spec: Spec::Organization(org_spec),
            ..
        }) = resources::find_by_uid(&mut tx, org.uid).await?
        else {
            return Err(gone());
        };
        let (target, whole) = Target::load(&mut tx, &own).await?;
        let mut route = Self {
            revision,
            device,
            terms: Terms::of(&org, &org_spec),
            targets: Vec::new(),
            names: Quick::default(),
            registers: HashMap::new(),
            slaves: HashMap::new(),
        };
        route.add(&own, target);
        for row in resources::referrers(&mut tx, Some(org.uid), Kind::Device, &own.name).await? {
            if row.kind == Kind::Device
                && row.path == "spec.gateway"
                && let Some(behind) = resources::find_by_uid(&mut tx, row.uid).await?
            {
                let (target, _) = Target::load(&mut tx, &behind).await?;
                route.add(&behind, target);
            }
        }
        if let Some(name) = &whole.gateway_config
            && let Some(Object {
                spec: Spec::GatewayConfig(spec),
                ..
            }) = resources::find(&mut tx, Some(org.uid), Kind::GatewayConfig, name).await?
            && let Ok(config) = gateway_config::parse(&spec)
        {
            for slave in &config.slaves {
                let mut target = 0;
                if let Some(name) = &slave.device {
                    if !route.names.contains_key(name.as_str())
                        && let Some(other) = resources::find(&mut tx, Some(org.uid), Kind::Device, name).await?
                    {
                        let (other_target, _) = Target::load(&mut tx, &other).await?;
                        route.add(&other, other_target);
                    }
                    target = route.names.get(name.as_str()).copied().unwrap_or(0);
                }
                let bus = config.buses[slave.bus].name.clone();
                route.slaves.insert((bus.clone(), u16::from(slave.slave_id)), target);
                for register in &slave.registers {
                    let key = (bus.clone(), u16::from(slave.slave_id), register.label.clone());
                    route.registers.insert(key, (register.sensor.clone(), target));
                }
            }
        }
        Ok(route)
    }

    fn add(&mut self, object: &Object, target: Target) {
        let at = self.targets.len();
        self.names.insert(object.name.clone(), at);
        self.names.insert(object.uid.to_string(), at);
        self.targets.push(target);
    }

    /// The sender.
    pub(super) fn sender(&self) -> &Target {
        &self.targets[0]
    }

    /// The device that an item names.
    pub(super) fn named(&self, device: Option<&str>) -> Option<(usize, &Target)> {
        let at = device.map_or(Some(0), |name| self.names.get(name).copied())?;
        Some((at, &self.targets[at]))
    }

    /// The target and sensor that an item means.
    pub(super) fn resolve<'a>(&'a self, named: usize, item: &'a Incoming<'_>) -> (&'a Target, &'a str) {
        let label = label(item);
        let Some(slave) = item.slave_id else {
            return (&self.targets[named], label);
        };
        let bus = item.bus.unwrap_or(gateway_config::MAIN).to_owned();
        // A device named in the item is meant, whoever the slave belongs to.
        let own = |target: usize| &self.targets[if named == 0 { target } else { named }];
        if let Some((sensor, target)) = self.registers.get(&(bus.clone(), slave, label.to_owned())) {
            return (own(*target), sensor);
        }
        (own(self.slaves.get(&(bus, slave)).copied().unwrap_or(0)), label)
    }

    /// The series of a sensor of the sender itself; none while it is inactive, or where the organization may have no more.
    pub(super) async fn own(
        &self,
        store: &store::Telemetry,
        sensor: &str,
        source: &str,
        unit: &str,
    ) -> Result<Option<Arc<Known>>> {
        let (sender, terms) = (self.sender(), &self.terms);
        if !sender.is_active() {
            return Ok(None);
        }
        // Polled sources are told apart from an item's labels by a prefix that no bus name has.
        let place = format!("\0{source}");
        if let Some(known) = sender.find(&place, sensor) {
            return Ok(Some(known));
        }
        let wanted = [sender.wanted(terms, sensor, source, Some(unit))];
        let found = store.series_or_create(terms.share, terms.series_limit, &wanted).await?;
        let Some(id) = found.into_iter().flatten().next() else {
            return Ok(None);
        };
        let [(_, unit)] = wanted;
        let known = Arc::new(sender.known(terms, sensor, id, unit));
        sender.keep(&place, sensor, Arc::clone(&known));
        Ok(Some(known))
    }
}
