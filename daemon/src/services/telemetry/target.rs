//! A device that readings may be for: its series as far as they are known, and what is expected of them.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use fleet_proto::kinds::Kind;
use fleet_proto::pb::device_spec::State;
use fleet_proto::pb::organization_spec::{RangePolicy, UnitPolicy, UnknownDevice, UnknownSensor};
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{DeviceSpec, OrganizationSpec, Sensor};
use uuid::Uuid;

use super::way::Budget;
use super::{read, write};
use crate::domain::caller::Place;
use crate::domain::ingest::Kept;
use crate::domain::kinds::effective;
use crate::domain::retention::{self, Rules};
use crate::domain::shares::Share;
use crate::domain::telemetry::{Micros, Quality, Reason, Sample, SeriesId, SeriesKey, Value};
use crate::domain::{Object, Org, units};
use crate::services::error::{Error, Result};
use crate::storage::{Tx, resources};

/// A map that every reading asks.
pub(super) type Quick<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Code and detail.
pub(super) type Refusal = (&'static str, String);

/// What an organization says of all its readings.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) org: Org,
    pub(super) suspended: bool,
    /// Readings per second.
    pub(super) limit: Option<u32>,
    /// Of the organization, beside others.
    pub(super) share: Share,
    /// Most series of the organization.
    pub(super) series_limit: Option<u32>,
    pub(super) unknown_device: UnknownDevice,
    units: UnitPolicy,
    range: RangePolicy,
    unknown: UnknownSensor,
    retention: Rules,
}

/// A device.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uid: Uuid,
    /// Where it is.
    pub(super) place: Place,
    /// Readings per second.
    pub(super) limit: Option<u32>,
    active: bool,
    sensors: HashMap<String, Sensor>,
    /// By source.
    series: RwLock<Quick<Box<str>, Labels>>,
}

/// Series by label or data type.
type Labels = Quick<Box<str>, Arc<Known>>;

/// What an item says of a reading.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    pub(super) value: Value,
    pub(super) unit: Option<&'a str>,
    pub(super) quality: Quality,
    /// What a fleetd knew of it; none: it is new.
    pub(super) kept: Option<Kept>,
}

/// A series with what is expected of its readings.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: SeriesId,
    unit: String,
    min: Option<f64>,
    max: Option<f64>,
    /// Days for which its readings are kept.
    days: Option<u32>,
    units: UnitPolicy,
    range: RangePolicy,
}

impl Known {
    /// Is a reading of this moment kept no longer?
    pub(super) fn is_over(&self, at: Micros, now: Micros) -> bool {
        self.days.is_some_and(|days| retention::is_over(at, days, now))
    }

    /// Does a value of this unit have to be looked at for it?
    pub(super) fn differs_from(&self, unit: &str) -> bool {
        !unit.is_empty() && !self.unit.is_empty() && unit != self.unit
    }

    /// What was said as a reading of this series, or why it is none. What an exported reading knows of itself stays with it,
    /// unless the range says otherwise here.
    pub(super) fn sample(
        &self,
        said: Said<'_>,
        timestamp: Micros,
        now: Micros,
    ) -> std::result::Result<Sample, Refusal> {
        let (value, quality, reason) = self.judge(said.value, said.unit, said.quality)?;
        let kept = said.kept.map_or(Reason::None, |kept| kept.reason);
        Ok(Sample {
            series: self.id,
            timestamp,
            received: said.kept.map_or(now, |kept| kept.received),
            value,
            quality,
            reason: match (reason, kept) {
                (Reason::OutOfRange, _) | (_, Reason::None) => reason,
                _ => kept,
            },
        })
    }

    /// What the policies make of a value; or the code and detail of its refusal.
    pub(super) fn judge(
        &self,
        value: Value,
        unit: Option<&str>,
        quality: Quality,
    ) -> std::result::Result<(Value, Quality, Reason), Refusal> {
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
        if let Some(unit) = unit.filter(|unit| self.differs_from(unit)) {
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

impl Terms {
    pub(super) fn of(org: &Org, spec: &OrganizationSpec) -> Self {
        let defaults = spec.defaults.clone().unwrap_or_default();
        let booked = spec.subscription.clone().unwrap_or_default();
        Self {
            org: org.clone(),
            suspended: spec.suspended(),
            limit: booked.readings_per_second,
            share: Share::of(org.uid, booked.weight),
            series_limit: booked.series_limit,
            unknown_device: defaults.unknown_device(),
            units: defaults.unit_policy(),
            range: defaults.range_policy(),
            unknown: defaults.unknown_sensor(),
            retention: Rules::of(spec),
        }
    }

    /// What so many readings spend of the organization's rate.
    pub(super) fn budget(&self, readings: usize) -> Option<Budget> {
        let whose = || format!("organization {}", self.org.name);
        self.limit.map(|limit| (self.org.uid, limit, readings, whose()))
    }

    /// Why a series has no number although it was asked for: there may be no more.
    pub(super) fn no_more_series(&self) -> Result<Refusal> {
        let Some(limit) = self.series_limit else {
            return Err(Error::Unavailable(
                "the series catalogue changed meanwhile; repeat".to_owned(),
            ));
        };
        let budget = format!("the series limit of organization {} ({limit})", self.org.name);
        Ok(("series_limit", Error::exhausted("series", budget, 0).to_string()))
    }
}

impl Target {
    /// A device with what its profile adds.
    pub(super) async fn load(tx: &mut Tx, object: &Object) -> Result<(Self, DeviceSpec)> {
        let (spec, limit) = whole(tx, object).await?;
        let sensors = spec.sensors.iter();
        let target = Self {
            uid: object.uid,
            place: Place::of(object),
            limit,
            active: spec.state() != State::Inactive,
            sensors: sensors
                .map(|sensor| (sensor.name().to_owned(), sensor.clone()))
                .collect(),
            series: RwLock::default(),
        };
        Ok((target, spec))
    }

    /// Where a counter of it is 0 again.
    pub(super) fn rollover(&self, sensor: &str) -> Option<f64> {
        self.sensors.get(sensor)?.rollover
    }

    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// The series of a source and label, if it is known.
    pub(super) fn find(&self, source: &str, label: &str) -> Option<Arc<Known>> {
        read(&self.series).get(source)?.get(label).cloned()
    }

    /// Makes a series known under a source and label.
    pub(super) fn keep(&self, source: &str, label: &str, known: Arc<Known>) {
        let mut series = write(&self.series);
        let labels = series.entry(source.into()).or_default();
        labels.insert(label.into(), known);
    }

    /// Why a sensor of it gets no series.
    pub(super) fn refusal(&self, terms: &Terms, sensor: &str) -> Option<Refusal> {
        if !self.active {
            return Some(("inactive", "the device is inactive".to_owned()));
        }
        if terms.unknown == UnknownSensor::Reject && !self.sensors.contains_key(sensor) {
            return Some(("unknown_sensor", format!("the device declares no sensor `{sensor}`")));
        }
        if sensor.is_empty() || sensor.chars().count() > 128 || sensor.chars().any(char::is_control) {
            return Some(("bad_item", "a sensor's name has 1 to 128 characters".to_owned()));
        }
        None
    }

    /// What tells a series of it apart, and its unit: that of the sensor, or of the reading.
    pub(super) fn wanted(&self, terms: &Terms, sensor: &str, source: &str, unit: Option<&str>) -> (SeriesKey, String) {
        let declared = self.sensors.get(sensor).and_then(|sensor| sensor.unit.as_deref());
        let key = SeriesKey {
            org: terms.org.uid,
            device: self.uid,
            sensor: sensor.to_owned(),
            source: source.to_owned(),
        };
        (key, declared.or(unit).unwrap_or_default().to_owned())
    }

    /// A series of a sensor of it, by its number. Without a declaration the unit of the first reading stands.
    pub(super) fn known(&self, terms: &Terms, sensor: &str, id: SeriesId, first: String) -> Known {
        let declared = self.sensors.get(sensor);
        Known {
            id,
            unit: declared.and_then(|sensor| sensor.unit.clone()).unwrap_or(first),
            min: declared.and_then(|sensor| sensor.min),
            max: declared.and_then(|sensor| sensor.max),
            days: terms.retention.rule(sensor).days,
            units: terms.units,
            range: terms.range,
        }
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
