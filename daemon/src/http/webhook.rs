//! `POST /ingest/`: what a broker's webhook sends of MQTT messages, such as EMQX's rules, one or several at once.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::{Value as Body, json};

use super::answers::Problem;
use super::extract::{RawBody, json as json_body};
use super::gate::Tenant;
use super::write_lines::{MOST_IN_SENTENCE, organization};
use super::{Shared, parse};
use crate::domain::Caller;
use crate::domain::ingest::{Incoming, Ingested, Rejection};
use crate::domain::telemetry::{Micros, Quality, Value};
use crate::services::Error;

/// Messages of one call.
const MOST: usize = 10_000;

/// A message, by the names that brokers give its parts.
struct Message<'a> {
    tenant: &'a str,
    item: Incoming<'a>,
}

pub(super) async fn ingest(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let body = json_body(&headers, body)?;
    let messages = match &body {
        Body::Array(messages) => messages.as_slice(),
        one => std::slice::from_ref(one),
    };
    if messages.len() > MOST {
        let detail = format!("the body holds more than {MOST} messages; send fewer at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let mut done = Ingested::default();
    let mut by_tenant: BTreeMap<&str, (Vec<usize>, Vec<_>)> = BTreeMap::new();
    for (index, message) in messages.iter().enumerate() {
        match read(message) {
            Ok(message) => {
                let (places, items) = by_tenant.entry(message.tenant).or_default();
                places.push(index);
                items.push(Ok(message.item));
            }
            Err((code, detail)) => done.rejected.push(Rejection { index, code, detail }),
        }
    }
    for (named, (places, items)) in by_tenant {
        let written = match organization(&services, &caller, &tenant, named).await {
            Ok(org) => services.telemetry.write(&caller, &org, items).await,
            // The host is that of another one.
            Err(problem) if problem.is_missing() => Err(Error::NotFound(named.to_owned())),
            Err(problem) => return Err(problem),
        };
        match written {
            Ok(ingested) => {
                done.accepted += ingested.accepted;
                done.duplicates += ingested.duplicates;
                let placed = ingested.rejected.into_iter().map(|rejection| Rejection {
                    index: places[rejection.index],
                    ..rejection
                });
                done.rejected.extend(placed);
            }
            Err(Error::NotFound(_)) => done.rejected.extend(places.into_iter().map(|index| Rejection {
                index,
                code: "unknown_tenant",
                detail: "there is no such tenant".to_owned(),
            })),
            Err(error) => return Err(error.into()),
        }
    }
    done.rejected.sort_by_key(|rejection| rejection.index);
    Ok(answer(&done))
}

/// 201 as brokers expect it; or what did not go in, by its place, while the rest is durable.
pub(super) fn answer(done: &Ingested) -> Response {
    if done.rejected.is_empty() {
        let body = json!({"accepted": done.accepted, "duplicates": done.duplicates});
        return (StatusCode::CREATED, Json(body)).into_response();
    }
    metrics::counter!("fleetd_readings_rejected_total").increment(done.rejected.len() as u64);
    let rejected = done.rejected.iter().take(super::line::MOST_TOLD);
    let rejected: Vec<_> = rejected
        .map(|one| json!({"index": one.index, "code": one.code, "detail": one.detail}))
        .collect();
    let told = done.rejected.iter().take(MOST_IN_SENTENCE);
    let told: Vec<String> = told.map(|one| format!("{}: {}", one.index, one.detail)).collect();
    let body = json!({
        "code": "partial_write",
        "title": "Bad Request",
        "detail": format!("{} of these are refused: {}", done.rejected.len(), told.join("; ")),
        "accepted": done.accepted,
        "duplicates": done.duplicates,
        "rejected": rejected,
    });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn read(message: &Body) -> Result<Message<'_>, (&'static str, String)> {
    let bad = |detail: &str| ("bad_item", detail.to_owned());
    let fields = message.as_object().ok_or_else(|| bad("the message is no object"))?;
    let text = |name: &str| match fields.get(name) {
        None | Some(Body::Null) => Ok(None),
        Some(Body::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(bad(&format!("`{name}` is no text"))),
    };
    let [tenant, device, sensor] = text("topic")?.and_then(parts).unwrap_or_default();
    let device = text("device_id")?
        .or(device)
        .ok_or_else(|| bad("`device_id` is missing"))?;
    let sensor = text("sensor_id")?
        .or(sensor)
        .ok_or_else(|| bad("`sensor_id` is missing"))?;
    let value = match fields.get("value") {
        None => return Err(("bad_value", "`value` is missing".to_owned())),
        Some(Body::Null) => Value::Missing,
        Some(Body::Number(number)) => {
            let number = number.as_f64().filter(|number| number.is_finite());
            Value::Number(number.ok_or_else(|| ("bad_value", "`value` is no finite number".to_owned()))?)
        }
        Some(other) => Value::Json(other.to_string().into()),
    };
    let item = Incoming {
        device: Some(device),
        data_type: sensor,
        value,
        unit: text("unit")?,
        timestamp: moment(fields.get("timestamp"))?,
        bus: None,
        slave_id: None,
        source: None,
        label: None,
        quality: Quality::Good,
        kept: None,
    };
    Ok(Message {
        tenant: text("tenant")?.or(tenant).unwrap_or_default(),
        item,
    })
}

/// Tenant, device and sensor of `tenants/T/devices/D/sensors/S`.
fn parts(topic: &str) -> Option<[Option<&str>; 3]> {
    let mut parts = topic.split('/');
    let mut next = |wanted: &str| {
        let is_it = parts.next() == Some(wanted);
        parts.next().filter(|name| is_it && !name.is_empty())
    };
    let (tenant, device, sensor) = (next("tenants")?, next("devices")?, next("sensors")?);
    parts
        .next()
        .is_none()
        .then_some([Some(tenant), Some(device), Some(sensor)])
}

/// RFC 3339, or milliseconds since 1970.
fn moment(value: Option<&Body>) -> Result<Option<Micros>, (&'static str, String)> {
    let read = match value {
        None | Some(Body::Null) => return Ok(None),
        Some(Body::Number(ms)) => ms.as_f64().and_then(parse::millis),
        Some(Body::String(text)) => parse::rfc3339(text),
        Some(_) => None,
    };
    let detail = "`timestamp` is neither RFC 3339 nor epoch milliseconds";
    read.map(Some).ok_or_else(|| ("bad_timestamp", detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_what_the_message_does_not() {
        let message = json!({"topic": "tenants/umc/devices/ESP32-01/sensors/temp_001", "value": 23.5, "unit": "°C", "timestamp": 1000});
        let read = read(&message).unwrap();
        assert_eq!(
            (read.tenant, read.item.device, read.item.data_type),
            ("umc", Some("ESP32-01"), "temp_001")
        );
        assert_eq!(
            (read.item.value, read.item.timestamp),
            (Value::Number(23.5), Some(1_000_000))
        );
        for topic in [
            "",
            "tenants",
            "tenants/a/devices/b",
            "tenants/a/devices/b/sensors/c/d",
            "x/a/devices/b/sensors/c",
            "tenants//devices/b/sensors/c",
        ] {
            assert_eq!(parts(topic), None, "{topic}");
        }
    }

    #[test]
    fn what_is_wrong_has_a_reason() {
        let good = json!({"device_id": "d", "sensor_id": "s", "tenant": "t", "value": 1});
        assert!(read(&good).is_ok());
        for (key, value, code) in [
            ("device_id", Body::Null, "bad_item"),
            ("device_id", json!(7), "bad_item"),
            ("sensor_id", Body::Null, "bad_item"),
            ("tenant", json!([]), "bad_item"),
            ("unit", json!(1), "bad_item"),
            ("timestamp", json!("never"), "bad_timestamp"),
            ("timestamp", json!(1e300), "bad_timestamp"),
            ("timestamp", json!({}), "bad_timestamp"),
        ] {
            let mut wrong = good.clone();
            wrong[key] = value;
            assert_eq!(read(&wrong).err().map(|(code, _)| code), Some(code), "{wrong}");
        }
        assert!(read(&json!("x")).is_err() && read(&json!({"device_id": "d", "sensor_id": "s"})).is_err());
    }
}
