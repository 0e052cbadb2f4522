//! What a sensor says now, by a stream of readings.

use std::collections::HashMap;

use fleet_proto::pb;

use super::quality;
use crate::times;

/// The newest reading of each source of one sensor of one device.
#[derive(Debug, Default)]
pub(in crate::commands) struct Newest(HashMap<String, pb::Reading>);

impl Newest {
    /// Takes a reading in; gives it back where it is the newest of its source.
    pub(in crate::commands) fn take(&mut self, reading: pb::Reading) -> Option<&pb::Reading> {
        let known = self.0.get(&reading.source);
        if known.is_some_and(|known| known.timestamp_us > reading.timestamp_us) {
            return None;
        }
        let source = reading.source.clone();
        Some(self.0.entry(source).insert_entry(reading).into_mut())
    }

    /// The newest of all in words, with its age.
    pub(in crate::commands) fn told(&self) -> String {
        let Some(reading) = self.0.values().max_by_key(|reading| reading.timestamp_us) else {
            return "it has no reading".to_owned();
        };
        let age = times::age(reading.timestamp_us, times::now());
        let value = match (reading.value, reading.text.as_str()) {
            (Some(value), _) if reading.unit.is_empty() => value.to_string(),
            (Some(value), _) => format!("{value} {}", reading.unit),
            (None, "") => "no value".to_owned(),
            (None, text) => text.to_owned(),
        };
        let doubt = match (reading.quality(), reading.reason.as_str()) {
            (pb::Quality::Good, _) => String::new(),
            (other, "") => format!(", {}", quality(other)),
            (other, reason) => format!(", {} ({reason})", quality(other)),
        };
        format!("the newest reading is {value}{doubt}, {age} old")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_is_not_the_newest() {
        let now = times::now();
        let reading = |source: &str, age: i64, value| pb::Reading {
            source: source.to_owned(),
            timestamp_us: now - age * 1_000_000,
            value: Some(value),
            unit: "W".to_owned(),
            ..pb::Reading::default()
        };
        let mut newest = Newest::default();
        assert_eq!(newest.told(), "it has no reading");
        assert!(newest.take(reading("", 600, 1.0)).is_some());
        assert!(newest.take(reading("", 700, 2.0)).is_none());
        assert!(newest.take(reading("main:1", 700, 3.0)).is_some());
        assert_eq!(newest.told(), "the newest reading is 1 W, 10m old");
        let bad = pb::Reading {
            quality: pb::Quality::Bad as i32,
            reason: "timeout".to_owned(),
            value: None,
            ..reading("", 300, 0.0)
        };
        assert_eq!(newest.take(bad).and_then(|reading| reading.value), None);
        assert_eq!(newest.told(), "the newest reading is no value, bad (timeout), 5m old");
    }
}
