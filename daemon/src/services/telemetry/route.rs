//! A sender's route: from what its items say to the series they belong to, without SQL for each item.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use fleet_proto::kinds::Kind;
use fleet_proto::pb::device_spec::State;
use fleet_proto::pb::organization_spec::{RangePolicy, UnitPolicy, UnknownSensor};
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{DeviceSpec, Sensor};
use uuid::Uuid;

use super::{read, write};
use crate::domain::ingest::Incoming;
use crate::domain::kinds::{effective, gateway_config};
use crate::domain::shares::Share;
use crate::domain::telemetry::{Quality, Reason, SeriesId, SeriesKey, Value};
use crate::domain::{Object, Org, units};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::resources;
use crate::storage::{Tx, telemetry as store};

/// Where an item goes.
pub(super) enum Accepted {
    Series(Arc<Known>),
    Unknown,
    Refused(&'static str, String),
}

/// A series with what is expected of its readings.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: SeriesId,
    unit: String,
    min: Option<f64>,
    max: Option<f64>,
    units: UnitPolicy,
    range: RangePolicy,
}

/// A device that readings may be for.
#[derive(Debug)]
struct Target {
    uid: Uuid,
    active: bool,
    sensors: HashMap<String, Sensor>,
}

/// By source, then by label or data type: (position of the device's target, series).
type Series = Quick<Box<str>, Quick<Box<str>, Arc<Known>>>;

/// A map that every reading asks.
type Quick<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

#[derive(Debug)]
pub(super) struct Route {
    pub(super) revision: u64,
    pub(super) device: Uuid,
    pub(super) org: Org,
    pub(super) org_suspended: bool,
    pub(super) device_limit: Option<u32>,
    pub(super) org_limit: Option<u32>,
    /// Of the organization, beside others.
    pub(super) share: Share,
    /// Most series of the organization.
    pub(super) series_limit: Option<u32>,
    units: UnitPolicy,
    range: RangePolicy,
    unknown: UnknownSensor,
    /// The sender first, then the devices behind it.
    targets: Vec<Target>,
    /// Names and uids of targets.
    names: Quick<String, usize>,
    /// (bus, slave, label) of the sender's configuration → (sensor, target).
    registers: HashMap<(String, u16, String), (String, usize)>,
    /// The same per (bus, slave) alone → target.
    slaves: HashMap<(String, u16), usize>,
    /// Per target.
    series: Vec<RwLock<Series>>,
}

impl Known {
    /// What the policies make of a value; or the code and detail of its refusal.
    pub(super) fn judge(
        &self,
        value: Value,
        unit: Option<&str>,
        quality: Quality,
    ) -> std::result::Result<(Value, Quality, Reason), (&'static str, String)> {
        let reason = if quality == Quality::Good {
            Reason::None
        } else {
            Reason::Device
        };
        let Value::Number(mut number) = value else {
            let missing = value == Value::Missing;
            return Ok((
                value,
                if missing { Quality::Bad } else { quality },
                if missing { Reason::Device } else { reason },
            ));
        };
        if let Some(unit) = unit.filter(|unit| !self.unit.is_empty() && *unit != self.unit) {
            match self.units {
                UnitPolicy::Unspecified | UnitPolicy::Accept => {}
                UnitPolicy::Convert => match units::convert(number, unit, &self.unit) {
                    Some(converted) => number = converted,
                    None => {
                        return Err((
                            "unit_mismatch",
                            format!("`{unit}` cannot be converted to `{}`", self.unit),
                        ));
                    }
                },
                UnitPolicy::Reject => {
                    return Err((
                        "unit_mismatch",
                        format!("the sensor's unit is `{}`, not `{unit}`", self.unit),
                    ));
                }
            }
        }
        let outside = self.min.is_some_and(|min| number < min) || self.max.is_some_and(|max| number > max);
        match self.range {
            RangePolicy::Reject if outside => Err(("out_of_range", format!("{number} is outside the sensor's range"))),
            RangePolicy::Unspecified | RangePolicy::Mark if outside && quality == Quality::Good => {
                Ok((Value::Number(number), Quality::Uncertain, Reason::OutOfRange))
            }
            _ => Ok((Value::Number(number), quality, reason)),
        }
    }
}

impl Route {
    /// Reads what is known of a device.
    pub(super) async fn load(
        service: &Resources,
        _store: &store::Telemetry,
        device: Uuid,
        revision: u64,
    ) -> Result<Self> {
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
        let defaults = org_spec.defaults.unwrap_or_default();
        let booked = org_spec.subscription.unwrap_or_default();
        let (whole, device_limit) = whole(&mut tx, &own).await?;
        let mut route = Self {
            revision,
            device,
            org_suspended: org_spec.suspended.unwrap_or(false),
            device_limit,
            org_limit: booked.readings_per_second,
            share: Share::of(org.uid, booked.weight),
            series_limit: booked.series_limit,
            units: defaults.unit_policy(),
            range: defaults.range_policy(),
            unknown: defaults.unknown_sensor(),
            targets: Vec::new(),
            names: Quick::default(),
            registers: HashMap::new(),
            slaves: HashMap::new(),
            series: Vec::new(),
            org: org.clone(),
        };
        route.add(&own, &whole);
        for row in resources::referrers(&mut tx, Some(org.uid), Kind::Device, &own.name).await? {
            if row.kind == Kind::Device
                && row.path == "spec.gateway"
                && let Some(behind) = resources::find_by_uid(&mut tx, row.uid).await?
            {
                let (spec, _) = self::whole(&mut tx, &behind).await?;
                route.add(&behind, &spec);
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
                        let (spec, _) = self::whole(&mut tx, &other).await?;
                        route.add(&other, &spec);
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

    fn add(&mut self, object: &Object, spec: &DeviceSpec) {
        let at = self.targets.len();
        self.names.insert(object.name.clone(), at);
        self.names.insert(object.uid.to_string(), at);
        self.targets.push(Target {
            uid: object.uid,
            active: spec.state() != State::Inactive,
            sensors: spec
                .sensors
                .iter()
                .map(|sensor| (sensor.name().to_owned(), sensor.clone()))
                .collect(),
        });
        self.series.push(RwLock::default());
    }

    /// Where a counter of the sender is 0 again.
    pub(super) fn rollover(&self, sensor: &str) -> Option<f64> {
        self.targets[0].sensors.get(sensor)?.rollover
    }

    /// Where an item goes, as far as is known.
    pub(super) fn accept(&self, item: &Incoming<'_>) -> Accepted {
        let named = match item.device {
            None => 0,
            Some(name) => match self.names.get(name) {
                Some(at) => *at,
                None => {
                    return Accepted::Refused(
                        "unknown_device",
                        "it is neither the sender nor a device behind it".to_owned(),
                    );
                }
            },
        };
        let label = item.label.unwrap_or(item.data_type);
        let source = source(item);
        if let Some(known) = read(&self.series[named])
            .get(source.as_ref())
            .and_then(|labels| labels.get(label))
        {
            return Accepted::Series(Arc::clone(known));
        }
        let (target, sensor) = self.resolve(named, item);
        let target = &self.targets[target];
        if !target.active {
            return Accepted::Refused("inactive", "the device is inactive".to_owned());
        }
        if self.unknown == UnknownSensor::Reject && !target.sensors.contains_key(sensor) {
            return Accepted::Refused("unknown_sensor", format!("the device declares no sensor `{sensor}`"));
        }
        if sensor.is_empty() || sensor.chars().count() > 128 || sensor.chars().any(char::is_control) {
            return Accepted::Refused("bad_item", "a sensor's name has 1 to 128 characters".to_owned());
        }
        Accepted::Unknown
    }

    /// Why an item's series is still unknown after [`Self::learn`]: code and detail of its refusal.
    pub(super) fn no_more_series(&self) -> Result<(&'static str, String)> {
        let Some(limit) = self.series_limit else {
            return Err(Error::Unavailable(
                "the series catalogue changed meanwhile; repeat".to_owned(),
            ));
        };
        let budget = format!("the series limit of organization {} ({limit})", self.org.name);
        Ok(("series_limit", Error::exhausted("series", budget, 0).to_string()))
    }

    /// The target and sensor that an item means.
    fn resolve<'a>(&'a self, named: usize, item: &'a Incoming<'_>) -> (usize, &'a str) {
        let label = item.label.unwrap_or(item.data_type);
        let Some(slave) = item.slave_id else {
            return (named, label);
        };
        let bus = item.bus.unwrap_or(gateway_config::MAIN).to_owned();
        // A device named in the item is meant, whoever the slave belongs to.
        let own = |target: usize| if named == 0 { target } else { named };
        if let Some((sensor, target)) = self.registers.get(&(bus.clone(), slave, label.to_owned())) {
            return (own(*target), sensor);
        }
        (own(self.slaves.get(&(bus, slave)).copied().unwrap_or(0)), label)
    }

    /// Puts the series of items into the catalogue, all new ones at once, as far as the organization may have more.
    pub(super) async fn learn<'a>(
        &self,
        store: &store::Telemetry,
        items: impl Iterator<Item = &'a Incoming<'a>>,
    ) -> Result<()> {
        let mut wanted = Vec::new();
        let mut places = Vec::new();
        for item in items {
            let named = item.device.and_then(|name| self.names.get(name).copied()).unwrap_or(0);
            let (target, sensor) = self.resolve(named, item);
            let source = source(item).into_owned();
            let declared = self.targets[target].sensors.get(sensor);
            let unit = declared
                .and_then(|s| s.unit.clone())
                .or_else(|| item.unit.map(str::to_owned))
                .unwrap_or_default();
            let key = SeriesKey {
                org: self.org.uid,
                device: self.targets[target].uid,
                sensor: sensor.to_owned(),
                source: source.clone(),
            };
            wanted.push((key, unit));
            places.push((named, source, item.label.unwrap_or(item.data_type).to_owned(), declared));
        }
        let ids = store.series_or_create(self.share, self.series_limit, &wanted).await?;
        for (((named, source, label, declared), (_, unit)), id) in places.into_iter().zip(wanted).zip(ids) {
            let Some(id) = id else { continue };
            // Without a declaration the unit of the first reading stands.
            let unit = declared
                .and_then(|s| s.unit.clone())
                .or_else(|| store.describe(id).map(|s| s.unit.clone()))
                .unwrap_or(unit);
            let known = Arc::new(self.known(id, unit, declared));
            write(&self.series[named])
                .entry(source.into())
                .or_default()
                .insert(label.into(), known);
        }
        Ok(())
    }

    /// The series of a sensor of the sender itself; none while it is inactive, or where the organization may have no more.
    pub(super) async fn own(
        &self,
        store: &store::Telemetry,
        sensor: &str,
        source: &str,
        unit: &str,
    ) -> Result<Option<Arc<Known>>> {
        if !self.targets[0].active {
            return Ok(None);
        }
        // Polled sources are told apart from an item's labels by a prefix that no bus name has.
        let place = format!("\0{source}");
        if let Some(known) = read(&self.series[0])
            .get(place.as_str())
            .and_then(|labels| labels.get(sensor))
        {
            return Ok(Some(Arc::clone(known)));
        }
        let declared = self.targets[0].sensors.get(sensor);
        let unit = declared.and_then(|s| s.unit.clone()).unwrap_or_else(|| unit.to_owned());
        let key = SeriesKey {
            org: self.org.uid,
            device: self.device,
            sensor: sensor.to_owned(),
            source: source.to_owned(),
        };
        let wanted = [(key, unit.clone())];
        let found = store.series_or_create(self.share, self.series_limit, &wanted).await?;
        let Some(id) = found.into_iter().flatten().next() else {
            return Ok(None);
        };
        let known = Arc::new(self.known(id, unit, declared));
        write(&self.series[0])
            .entry(place.into())
            .or_default()
            .insert(sensor.into(), Arc::clone(&known));
        Ok(Some(known))
    }

    fn known(&self, id: SeriesId, unit: String, declared: Option<&Sensor>) -> Known {
        Known {
            id,
            unit,
            min: declared.and_then(|s| s.min),
            max: declared.and_then(|s| s.max),
            units: self.units,
            range: self.range,
        }
    }
}

/// `bus:slaveId`, or nothing.
fn source<'a>(item: &Incoming<'_>) -> std::borrow::Cow<'a, str> {
    match item.slave_id {
        None => "".into(),
        Some(slave) => format!("{}:{slave}", item.bus.unwrap_or(gateway_config::MAIN)).into(),
    }
}

/// A device with what its profile adds, and its profile's limit.
async fn whole(tx: &mut Tx, object: &Object) -> Result<(DeviceSpec, Option<u32>)> {
    let Spec::Device(spec) = &object.spec else {
        return Ok((DeviceSpec::default(), None));
    };
    let org = object.org.as_ref().map(|org| org.uid);
    let profile = match &spec.profile {
        None => None,
        Some(name) => match resources::find(tx, org, Kind::DeviceProfile, name).await? {
            Some(Object {
                spec: Spec::DeviceProfile(profile),
                ..
            }) => Some(profile),
            _ => None,
        },
    };
    let limit = profile
        .as_ref()
        .and_then(|p| p.limits)
        .and_then(|l| l.readings_per_second);
    Ok((effective(spec, profile.as_ref()), limit))
}
