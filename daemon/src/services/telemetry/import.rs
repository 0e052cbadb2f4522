//! Readings that were exported come back: what was known of them stays with them.

use fleet_proto::pb;

use super::Telemetry;
use crate::domain::Caller;
use crate::domain::ingest::{Incoming, Ingested, Kept, Rejection};
use crate::domain::telemetry::{Micros, Quality, Reason, Value};
use crate::services::error::{Error, Result};

/// Readings of one request at most.
pub const MOST_IMPORTED: usize = 10_000;

impl Telemetry {
    /// Takes in readings as they were exported, for devices of an organization. A bad item never costs the good ones.
    pub async fn import(&self, caller: &Caller, org: &str, readings: &[pb::Reading]) -> Result<Ingested> {
        if readings.len() > MOST_IMPORTED {
            return Err(Error::field(
                "readings",
                format!("are {}, and {MOST_IMPORTED} fit into a request", readings.len()),
                "send them in smaller batches",
            ));
        }
        let org = self.resources.org_for(caller, org).await?;
        // A time of receipt behind this is none.
        let now = self.clock.now();
        let items = readings.iter().enumerate();
        let items = items.map(|(index, reading)| {
            let refused = |(code, detail): (&'static str, &str)| Rejection {
                index,
                code,
                detail: detail.to_owned(),
            };
            item(reading, now).map_err(refused)
        });
        self.write(caller, &org.name, items.collect()).await
    }
}

/// A reading as an item, or the code and detail of its refusal.
fn item(reading: &pb::Reading, now: Micros) -> std::result::Result<Incoming<'_>, (&'static str, &'static str)> {
    let quality = match pb::Quality::try_from(reading.quality) {
        Ok(pb::Quality::Good) => Quality::Good,
        Ok(pb::Quality::Uncertain) => Quality::Uncertain,
        Ok(pb::Quality::Bad) => Quality::Bad,
        Err(_) => return Err(("bad_item", "the quality is not known")),
    };
    let value = match (reading.value, reading.text.as_str()) {
        (Some(_), text) if !text.is_empty() => return Err(("bad_value", "there is a number and a text")),
        (Some(number), _) if number.is_finite() => Value::Number(number),
        (Some(_), _) => return Err(("bad_value", "the value is no finite number")),
        (None, "") => Value::Missing,
        (None, text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(serde_json::Value::Null | serde_json::Value::Number(_)) => {
                return Err(("bad_value", "the text is a number, or null"));
            }
            Ok(json) => Value::Json(json.to_string().into()),
            Err(_) => return Err(("bad_value", "the text is no JSON")),
        },
    };
    let reason = match reading.reason.as_str() {
        "" => Reason::None,
        word => Reason::find(word).ok_or(("bad_item", "the reason is not known"))?,
    };
    let received = match reading.received_us {
        0 => reading.timestamp_us,
        received if (1..=now).contains(&received) => received,
        _ => return Err(("bad_item", "the time of receipt is in the future, or before 1970")),
    };
    Ok(Incoming {
        device: Some(&reading.device),
        data_type: &reading.sensor,
        value,
        unit: Some(reading.unit.as_str()).filter(|unit| !unit.is_empty()),
        timestamp: Some(reading.timestamp_us),
        bus: None,
        slave_id: None,
        source: Some(reading.source.as_str()).filter(|source| !source.is_empty()),
        label: None,
        quality,
        kept: Some(Kept { received, reason }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_767_225_600_000_000;

    type Change<'a> = &'a dyn Fn(&mut pb::Reading);

    fn reading(change: impl FnOnce(&mut pb::Reading)) -> pb::Reading {
        let mut reading = pb::Reading {
            device: "m-1".to_owned(),
            sensor: "power".to_owned(),
            timestamp_us: NOW - 5,
            value: Some(-0.0),
            ..pb::Reading::default()
        };
        change(&mut reading);
        reading
    }

    #[test]
    fn what_was_exported_is_read() {
        let plain = reading(|_| {});
        let plain = item(&plain, NOW).unwrap();
        assert!(matches!(plain.value, Value::Number(number) if number.to_bits() == (-0.0_f64).to_bits()));
        assert_eq!(plain.kept.map(|kept| kept.received), Some(NOW - 5));
        let bad = reading(|reading| {
            (reading.value, reading.reason) = (None, "timeout".to_owned());
            (reading.quality, reading.received_us) = (pb::Quality::Bad as i32, NOW);
            reading.source = "main:1".to_owned();
        });
        let bad = item(&bad, NOW).unwrap();
        assert_eq!(
            (bad.value, bad.quality, bad.source),
            (Value::Missing, Quality::Bad, Some("main:1"))
        );
        let reason = Reason::Timeout;
        assert_eq!(bad.kept, Some(Kept { received: NOW, reason }));
        let text = reading(|reading| (reading.value, reading.text) = (None, "{\"a\": [1.50]}".to_owned()));
        assert_eq!(item(&text, NOW).unwrap().value, Value::Json("{\"a\":[1.5]}".into()));
    }

    #[test]
    fn what_no_export_holds_is_refused() {
        let cases: [(&str, Change<'_>); 8] = [
            ("bad_item", &|reading| reading.quality = 9),
            ("bad_item", &|reading| reading.reason = "weather".to_owned()),
            ("bad_item", &|reading| reading.received_us = NOW + 1),
            ("bad_item", &|reading| reading.received_us = i64::MIN),
            ("bad_value", &|reading| reading.value = Some(f64::NAN)),
            ("bad_value", &|reading| reading.text = "true".to_owned()),
            ("bad_value", &|reading| {
                (reading.value, reading.text) = (None, "1".to_owned());
            }),
            ("bad_value", &|reading| {
                (reading.value, reading.text) = (None, "{".to_owned());
            }),
        ];
        for (at, (code, change)) in cases.into_iter().enumerate() {
            assert_eq!(item(&reading(change), NOW).unwrap_err().0, code, "case {at}");
        }
    }
}
