//! Bodies of readings. A fast path for what gateways really send, and a patient one that finds the good items among the bad.

use super::quick;
use crate::domain::ingest::{Incoming, Rejection};
use crate::domain::telemetry::{Micros, Quality, Value};

/// Deepest nesting of a body.
const DEEPEST: usize = 32;

/// Items of a body: each with its place in the batch.
pub(super) type Items<'a> = Vec<Result<Incoming<'a>, Rejection>>;

/// A body whose text the items borrow from.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Fast(Items<'a>),
    Patient(serde_json::Value),
}

/// Microseconds of milliseconds.
pub(super) fn millis(ms: f64) -> Option<Micros> {
    (ms.is_finite() && ms.abs() < 9e15).then(|| (ms * 1_000.0).round() as i64)
}

/// Microseconds since 1970.
pub(super) fn rfc3339(text: &str) -> Option<Micros> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_microsecond)
}

/// Reads a body. What is no JSON, or nested too deep, is an error for the whole.
pub(super) fn read(body: &[u8]) -> Result<Body<'_>, String> {
    if let Some(items) = quick::items(body) {
        return Ok(Body::Fast(items));
    }
    shallow(body)?;
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not valid JSON: {error}"))?;
    if !(value.is_object() || value.is_array()) {
        return Err("the body is neither an object nor an array".to_owned());
    }
    Ok(Body::Patient(value))
}

/// Refuses a body that is nested too deep.
pub(super) fn shallow(body: &[u8]) -> Result<(), String> {
    if is_deeper_than(DEEPEST, body) {
        return Err(format!("the body is nested deeper than {DEEPEST} levels"));
    }
    Ok(())
}

/// Counts brackets outside texts; what is no JSON may count wrong, and is refused by the parser after it.
fn is_deeper_than(most: usize, body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

impl Body<'_> {
    /// The items, in the order of the body.
    pub(super) fn items(&mut self) -> Items<'_> {
        match self {
            Self::Fast(items) => std::mem::take(items),
            Self::Patient(value) => {
                let mut items = Vec::new();
                match value {
                    serde_json::Value::Array(batches) => batches.iter().for_each(|batch| patient(batch, &mut items)),
                    batch => patient(batch, &mut items),
                }
                items
            }
        }
    }
}

fn patient<'a>(batch: &'a serde_json::Value, items: &mut Items<'a>) {
    let device = batch.get("deviceId");
    match batch.get("readings") {
        Some(serde_json::Value::Array(readings)) => {
            for reading in readings {
                let index = items.len();
                items.push(item(reading, reading.get("deviceId").or(device), index));
            }
        }
        Some(_) => items.push(Err(Rejection {
            index: items.len(),
            code: "bad_item",
            detail: "`readings` is no array".to_owned(),
        })),
        None => items.push(item(batch, device, items.len())),
    }
}

fn item<'a>(
    value: &'a serde_json::Value,
    device: Option<&'a serde_json::Value>,
    index: usize,
) -> Result<Incoming<'a>, Rejection> {
    let refuse = |code: &'static str, detail: &str| Rejection {
        index,
        code,
        detail: detail.to_owned(),
    };
    let Some(fields) = value.as_object() else {
        return Err(refuse("bad_item", "the item is no object"));
    };
    let text = |name: &str| match fields.get(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(refuse("bad_item", &format!("`{name}` is no text"))),
    };
    let device = match device {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text.as_str()),
        Some(_) => return Err(refuse("unknown_device", "`deviceId` is no text")),
    };
    let label = text("registerLabel")?;
    let data_type = text("dataType")?
        .or(label)
        .ok_or_else(|| refuse("bad_item", "`dataType` is missing"))?;
    let value = match fields.get("value") {
        None => return Err(refuse("bad_value", "`value` is missing")),
        Some(serde_json::Value::Null) => Value::Missing,
        Some(serde_json::Value::Number(number)) => match number.as_f64().filter(|n| n.is_finite()) {
            Some(number) => Value::Number(number),
            None => return Err(refuse("bad_value", "`value` is no finite number")),
        },
        Some(other) => Value::Json(other.to_string().into()),
    };
    let timestamp = match fields.get("timestamp") {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::Number(ms)) => Some(
            ms.as_f64()
                .and_then(millis)
                .ok_or_else(|| refuse("bad_timestamp", "`timestamp` is out of range"))?,
        ),
        Some(serde_json::Value::String(text)) => Some(rfc3339(text).ok_or_else(|| {
            refuse(
                "bad_timestamp",
                "`timestamp` is neither RFC 3339 nor epoch milliseconds",
            )
        })?),
        Some(_) => {
            return Err(refuse(
                "bad_timestamp",
                "`timestamp` is neither RFC 3339 nor epoch milliseconds",
            ));
        }
    };
    let slave_id = match fields.get("slaveId") {
        None | Some(serde_json::Value::Null) => None,
        Some(id) => Some(
            id.as_u64()
                .filter(|id| *id <= 255)
                .ok_or_else(|| refuse("bad_item", "`slaveId` is not 0 to 255"))? as u16,
        ),
    };
    let quality = match text("quality")?.unwrap_or("good").to_ascii_lowercase().as_str() {
        "good" => Quality::Good,
        "uncertain" => Quality::Uncertain,
        "bad" => Quality::Bad,
        _ => return Err(refuse("bad_item", "`quality` is not good, uncertain or bad")),
    };
    Ok(Incoming {
        device,
        data_type,
        value,
        unit: text("unit")?,
        timestamp,
        bus: text("bus")?,
        slave_id,
        source: None,
        label,
        quality,
        kept: None,
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn codes(text: &str) -> Vec<Result<String, &'static str>> {
        read(text.as_bytes())
            .unwrap()
            .items()
            .into_iter()
            .map(|item| item.map(|i| i.data_type.to_owned()).map_err(|r| r.code))
            .collect()
    }

    #[test]
    fn every_shape_is_read() {
        assert_eq!(codes(r#"{"deviceId":"d","dataType":"v","value":1}"#), [Ok("v".into())]);
        assert_eq!(
            codes(r#"{"deviceId":"d","readings":[{"dataType":"v","value":1.5,"timestamp":"2026-01-01T00:00:00Z"}]}"#),
            [Ok("v".into())]
        );
        assert_eq!(
            codes(
                r#"[{"deviceId":"d","dataType":"a","value":1},{"readings":[{"dataType":"b","value":"on"},{"dataType":"c","value":null}]}]"#
            ),
            [Ok("a".into()), Ok("b".into()), Ok("c".into())]
        );
    }

    #[test]
    fn a_bad_item_costs_no_good_one() {
        let found = codes(
            r#"{"readings":[{"dataType":"a","value":1},{"value":1},{"dataType":"b"},7,{"dataType":"c","value":1,"timestamp":"never"},{"dataType":"d","value":1,"timestamp":1e300},{"dataType":"e","value":1,"quality":"fine"},{"dataType":"z","value":2}]}"#,
        );
        assert_eq!(
            found,
            [
                Ok("a".into()),
                Err("bad_item"),
                Err("bad_value"),
                Err("bad_item"),
                Err("bad_timestamp"),
                Err("bad_timestamp"),
                Err("bad_item"),
                Ok("z".into())
            ]
        );
    }

    #[test]
    fn what_does_not_parse_is_refused_whole() {
        for bad in ["", "{", "nonsense", "3", "\"x\"", r#"{"dataType":"v","value":NaN}"#] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(60), "]".repeat(60));
        assert!(read(deep.as_bytes()).is_err());
        assert!(read("[".repeat(1 << 20).as_bytes()).is_err());
        assert!(read("{\"a\":".repeat(200_000).as_bytes()).is_err());
    }

    #[test]
    fn brackets_in_texts_are_no_depth() {
        let text = format!(r#"{{"dataType":"v","value":"{}\"{}"}}"#, "[".repeat(60), "{".repeat(60));
        assert_eq!(codes(&text), [Ok("v".into())]);
    }

    #[test]
    fn fast_and_patient_agree() {
        let mut random = StdRng::seed_from_u64(7);
        let (mut fast, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let mut text = body(&mut random).into_bytes();
            // Most damage is one byte.
            if random.random_range(0..3) == 0 {
                let at = random.random_range(0..text.len());
                text[at] = b"\"{],0\\e\xff"[random.random_range(0..8)];
            }
            let shown = String::from_utf8_lossy(&text);
            let patient = serde_json::from_slice(&text).ok().map(Body::Patient);
            match (quick::items(&text), patient) {
                (Some(items), Some(mut patient)) => {
                    assert_eq!(items, patient.items(), "{shown}");
                    fast += 1;
                }
                (Some(_), None) => panic!("the fast reader takes what is no JSON: {shown}"),
                (None, _) => refused += 1,
            }
        }
        assert!(fast > 4_000 && refused > 4_000, "{fast} {refused}");
    }

    /// A body as gateways write it, or nearly so.
    fn body(random: &mut StdRng) -> String {
        let mut items = Vec::new();
        for _ in 0..random.random_range(0..4) {
            let mut fields = vec![r#""dataType":"v""#.to_owned(), format!("\"value\": {}", number(random))];
            for (name, values) in [
                ("unit", &[r#""V""#, r#""°C""#, r#""\u00b0""#, "null"][..]),
                (
                    "timestamp",
                    &[
                        "1760000000000",
                        "\"2026-01-01T00:00:00Z\"",
                        "-1",
                        "1.5",
                        "\"never\"",
                        "9e18",
                    ],
                ),
                ("slaveId", &["0", "3", "255", "256", "-1", "03"]),
                ("registerLabel", &[r#""l""#, "7"]),
                ("quality", &[r#""bad""#]),
                ("value", &["1"]),
            ] {
                if random.random_range(0..5) == 0 {
                    let value = values[random.random_range(0..values.len())];
                    fields.insert(random.random_range(0..=fields.len()), format!("\"{name}\":{value}"));
                }
            }
            items.push(format!("{{{}}}", fields.join([",", " ,\n"][random.random_range(0..2)])));
        }
        let readings = format!("\"readings\":[{}]", items.join(","));
        match random.random_range(0..5) {
            0 => format!("[{}]", items.join(", ")),
            1 => format!(" {{\"deviceId\":\"d\",{readings}}} "),
            2 => format!("[{{{readings},\"deviceId\":\"d\"}},{{{readings}}}]"),
            3 => format!("{{{readings}}}"),
            _ => items.pop().unwrap_or_else(|| "{}".to_owned()),
        }
    }

    fn number(random: &mut StdRng) -> String {
        match random.random_range(0..4) {
            0 => random.random_range(-100..100).to_string(),
            1 => format!("{:.2}", random.random_range(-1e3..1e3)),
            2 => format!("{:e}", random.random::<f64>()),
            _ => {
                ["1e999", "01", "\"on\"", "null", "1.", "12345678901234567890.5"][random.random_range(0..6)].to_owned()
            }
        }
    }

    #[test]
    fn what_gateways_write_is_read_fast() {
        for body in [
            r#"{"deviceId":"d","readings":[{"dataType":"v","value":1.25,"unit":"V","timestamp":1760000000000,"slaveId":3,"registerLabel":"l"}]}"#,
            r#"[{"deviceId":"d","dataType":"v","value":-3,"timestamp":"2026-01-01T00:00:00Z"}]"#,
        ] {
            assert!(matches!(read(body.as_bytes()).unwrap(), Body::Fast(_)), "{body}");
        }
    }
}
