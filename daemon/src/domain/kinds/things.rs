//! Device and DeviceProfile, and what a device is together with its profile.

use std::collections::HashMap;

use fleet_proto::pb::{DeviceProfileSpec, DeviceSpec, Issue, Sensor};

use super::{issue, tenancy};

pub(super) fn device(spec: &DeviceSpec) -> Vec<Issue> {
    let mut issues = sensors(&spec.sensors);
    issues.extend(tenancy::json_object(
        "spec.configuration",
        spec.configuration.as_deref(),
    ));
    issues
}

pub(super) fn device_profile(spec: &DeviceProfileSpec) -> Vec<Issue> {
    let mut issues = sensors(&spec.sensors);
    issues.extend(tenancy::json_object(
        "spec.configuration",
        spec.configuration.as_deref(),
    ));
    issues
}

fn sensors(sensors: &[Sensor]) -> Vec<Issue> {
    sensors
        .iter()
        .enumerate()
        .filter(|(_, sensor)| matches!((sensor.min, sensor.max), (Some(min), Some(max)) if min > max))
        .map(|(at, _)| issue(format!("spec.sensors[{at}].min"), "is greater than max", "swap them"))
        .collect()
}

/// The device with what its profile adds: its own fields win; sensors merge by name and field. Their configurations
/// are merged where templates and secrets can be filled in: `services/devices/settings.rs`.
pub fn effective(device: &DeviceSpec, profile: Option<&DeviceProfileSpec>) -> DeviceSpec {
    let mut whole = device.clone();
    let Some(profile) = profile else { return whole };
    whole.device_type = whole.device_type.or_else(|| profile.device_type.clone());
    whole.gateway_config = whole.gateway_config.or_else(|| profile.gateway_config.clone());
    let own: HashMap<String, usize> = whole
        .sensors
        .iter()
        .enumerate()
        .map(|(at, sensor)| (sensor.name().to_owned(), at))
        .collect();
    for inherited in &profile.sensors {
        match own.get(inherited.name()) {
            None => whole.sensors.push(inherited.clone()),
            Some(at) => {
                // Each field by its name: one that is forgotten does not compile.
                let Sensor {
                    name,
                    r#type,
                    unit,
                    min,
                    max,
                    kind,
                    deadband,
                    rollover,
                } = std::mem::take(&mut whole.sensors[*at]);
                whole.sensors[*at] = Sensor {
                    name,
                    r#type: r#type.or_else(|| inherited.r#type.clone()),
                    unit: unit.or_else(|| inherited.unit.clone()),
                    min: min.or(inherited.min),
                    max: max.or(inherited.max),
                    kind: kind.or(inherited.kind),
                    deadband: deadband.or(inherited.deadband),
                    rollover: rollover.or(inherited.rollover),
                };
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_devices_own_fields_win_over_its_profile() {
        let sensor = |name: &str, unit: Option<&str>, max| Sensor {
            name: Some(name.into()),
            unit: unit.map(Into::into),
            max,
            rollover: unit.map(|_| 65_536.0),
            ..Sensor::default()
        };
        let profile = DeviceProfileSpec {
            device_type: Some("meter".into()),
            sensors: vec![sensor("u", Some("V"), Some(300.0)), sensor("i", Some("A"), None)],
            ..DeviceProfileSpec::default()
        };
        let device = DeviceSpec {
            sensors: vec![sensor("u", None, Some(250.0))],
            ..DeviceSpec::default()
        };
        let whole = effective(&device, Some(&profile));
        assert_eq!(whole.device_type(), "meter");
        assert_eq!(
            whole.sensors,
            vec![sensor("u", Some("V"), Some(250.0)), sensor("i", Some("A"), None)]
        );
    }
}
