//! What devices call besides provisioning and ingest.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use fleet_proto::levels::Level;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::Problem;
use super::extract::{Path, RawBody, bytes};
use super::{Peer, Services, Shared};
use crate::domain::object::timestamp;
use crate::services::devices::{Heartbeat, Identity, Shown};

/// Lines of one call.
const MOST_LINES: usize = 1_000;
/// Characters of a line or detail.
const LONGEST_LINE: usize = 4_096;

/// The device that the request's token belongs to, or the certificate of its connection.
pub(super) async fn identity(services: &Services, peer: &Peer, headers: &HeaderMap) -> Result<Identity, Problem> {
    let (devices, shown) = (&services.devices, shown(peer, headers));
    if let Some(identity) = devices.remembered(shown) {
        return Ok(identity);
    }
    let address = peer.address.ip().to_string();
    let is_familiar = || devices.is_familiar(shown);
    // In a box: every call would carry the room that a look-up takes.
    let look_up = Box::pin(devices.admit(shown, &address));
    Ok(services
        .rates
        .looked_up(peer.address.ip(), is_familiar, look_up)
        .await?)
}

/// [`identity`], and the call is counted. Readings are not: they have rates of their own.
pub(super) async fn calling(services: &Services, peer: &Peer, headers: &HeaderMap) -> Result<Identity, Problem> {
    let identity = identity(services, peer, headers).await?;
    services.rates.device(identity.uid)?;
    Ok(identity)
}

/// What a device shows. With a token the certificate says nothing, even if the token is wrong.
pub(super) fn shown<'a>(peer: &'a Peer, headers: &'a HeaderMap) -> Shown<'a> {
    match &peer.certificate {
        Some(certificate) if !headers.contains_key(header::AUTHORIZATION) => Shown::Certificate(certificate),
        _ => Shown::Token(bearer(headers).unwrap_or_default()),
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn parse<T: DeserializeOwned>(body: RawBody) -> Result<T, Problem> {
    let body = bytes(body)?;
    super::parse::shallow(&body).map_err(Problem::bad_request)?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body is not what this call takes: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigBody {
    device_id: Option<String>,
    schema_version: Option<u32>,
}

pub(super) async fn config(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let identity = calling(&services, &peer, &headers).await?;
    let body: ConfigBody = parse(body)?;
    same_device(&services, &identity, &id, body.device_id.as_deref()).await?;
    let schema = body.schema_version.unwrap_or(1);
    let address = peer.address.ip().to_string();
    let Some(served) = services.devices.config(&identity, &id, schema, &address).await? else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no_config",
            "the device has neither a gateway configuration nor settings; settings are served from schemaVersion 2",
        ));
    };
    services.devices.saw(identity.uid);
    let tag = format!("\"{}-{}\"", served.version, schema.clamp(1, 2));
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(served.body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeartbeatBody {
    device_id: Option<String>,
    uptime_seconds: u64,
    firmware_version: Option<String>,
    config_version: Option<String>,
    free_heap: Option<u64>,
    rssi: Option<i32>,
    errors: Option<Vec<Value>>,
}

pub(super) async fn heartbeat(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    let identity = calling(&services, &peer, &headers).await?;
    let body: HeartbeatBody = parse(body)?;
    same_device(&services, &identity, &id, body.device_id.as_deref()).await?;
    let text = |value: Option<String>| value.map(|text| text.chars().take(100).collect()).unwrap_or_default();
    let errors = body
        .errors
        .unwrap_or_default()
        .into_iter()
        .take(100)
        .map(|error| match error {
            Value::String(text) => shorten(text),
            other => shorten(other.to_string()),
        });
    let beat = Heartbeat {
        uptime_seconds: body.uptime_seconds,
        firmware_version: text(body.firmware_version),
        config_version: text(body.config_version),
        free_heap: body.free_heap.and_then(|heap| i64::try_from(heap).ok()),
        rssi: body.rssi.map(i64::from),
        errors: errors.collect(),
        address: peer.address.ip().to_string(),
    };
    let commands = services.devices.heartbeat(&identity, &id, beat).await?;
    let commands: Vec<_> = commands
        .into_iter()
        .map(|command| {
            let params: Value = serde_json::from_str(&command.params).unwrap_or_else(|_| json!({}));
            json!({"id": command.id, "type": command.kind, "params": params, "expiresAt": timestamp(command.expires_at).to_string()})
        })
        .collect();
    Ok(Json(
        json!({"serverTime": server_time(&services), "commands": commands}),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultBody {
    status: String,
    detail: Option<String>,
    readback: Option<Value>,
}

pub(super) async fn command_result(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path((id, command)): Path<(String, String)>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    let identity = calling(&services, &peer, &headers).await?;
    let body: ResultBody = parse(body)?;
    if !matches!(body.status.as_str(), "confirmed" | "rejected" | "failed") {
        return Err(Problem::bad_request("`status` is confirmed, rejected or failed"));
    }
    let readback = body.readback.map(|value| value.to_string()).unwrap_or_default();
    if readback.len() > 65_536 {
        return Err(Problem::bad_request("`readback` has at most 64 KiB"));
    }
    let detail = shorten(body.detail.unwrap_or_default());
    services
        .devices
        .command_result(&identity, &id, &command, &body.status, &detail, &readback)
        .await?;
    Ok(Json(json!({"status": "ok"})))
}

#[derive(Deserialize)]
pub(super) struct LogsBody {
    entries: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    timestamp: Option<Value>,
    level: String,
    message: String,
}

pub(super) async fn logs(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    let identity = calling(&services, &peer, &headers).await?;
    let body: LogsBody = parse(body)?;
    if body.entries.len() > MOST_LINES {
        return Err(Problem::bad_request(format!("at most {MOST_LINES} entries at once")));
    }
    let now = services.devices.now();
    let mut lines = Vec::with_capacity(body.entries.len());
    for (at, line) in body.entries.into_iter().enumerate() {
        let when = match line.timestamp {
            None | Some(Value::Null) => Some(now),
            Some(Value::Number(ms)) => ms.as_i64().and_then(|ms| ms.checked_mul(1_000)),
            Some(Value::String(text)) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_microsecond),
            Some(_) => None,
        };
        let when = when.ok_or_else(|| {
            Problem::bad_request(format!(
                "entries[{at}].timestamp is neither RFC 3339 nor epoch milliseconds"
            ))
        })?;
        let level = Level::find(&line.level).ok_or_else(|| {
            Problem::bad_request(format!(
                "entries[{at}].level is not debug, info, warning, error or help"
            ))
        })?;
        lines.push((when, level, shorten(line.message)));
    }
    let accepted = lines.len();
    let address = peer.address.ip().to_string();
    services.devices.log(&identity, &id, lines, &address).await?;
    Ok(Json(json!({"accepted": accepted})))
}

/// The id in the body must mean the same device as the one in the path.
async fn same_device(services: &Services, identity: &Identity, path: &str, body: Option<&str>) -> Result<(), Problem> {
    let Some(body) = body.filter(|body| *body != path) else {
        return Ok(());
    };
    let (a, b) = (
        services.devices.on_behalf(identity, path).await?,
        services.devices.on_behalf(identity, body).await?,
    );
    if a.uid == b.uid {
        Ok(())
    } else {
        Err(Problem::bad_request(
            "`deviceId` in the body is not the device of the path",
        ))
    }
}

pub(super) fn server_time(services: &Services) -> String {
    timestamp(services.devices.now()).to_string()
}

fn shorten(text: String) -> String {
    if text.len() <= LONGEST_LINE {
        text
    } else {
        text.chars().take(LONGEST_LINE).collect()
    }
}
