//! `POST /write` and `/api/v2/write`: what InfluxDB's clients and agents send.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;

use super::answers::Problem;
use super::extract::{Query, RawBody, bytes};
use super::gate::Tenant;
use super::line::{self, Lines, MOST_TOLD, Precision, Refusal};
use super::resources::org_of;
use super::{Services, Shared};
use crate::domain::Caller;
use crate::domain::ingest::Ingested;
use fleet_proto::kinds::Kind;

/// Lines that the sentence of an answer tells of.
pub(super) const MOST_IN_SENTENCE: usize = 3;

/// Whose devices, and in which unit timestamps are. What else clients send is known, and means nothing here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteQuery {
    #[serde(default)]
    org: String,
    #[serde(default)]
    precision: String,
    #[serde(default, rename = "orgID")]
    org_id: String,
    #[serde(default, rename = "db")]
    _database: String,
    #[serde(default, rename = "rp")]
    _retention: String,
    #[serde(default, rename = "bucket")]
    _bucket: String,
    #[serde(default, rename = "consistency")]
    _consistency: String,
    /// A secret in an address stands in the logs of whatever lies between.
    u: Option<String>,
    p: Option<String>,
}

pub(super) async fn write(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<WriteQuery>,
    body: RawBody,
) -> Result<Response, Problem> {
    if query.u.is_some() || query.p.is_some() {
        let detail =
            "credentials in an address are not read, since addresses are logged: send `Authorization: Token TOKEN`";
        return Err(Problem::bad_request(detail));
    }
    let precision = Precision::find(&query.precision);
    let precision = precision.ok_or_else(|| Problem::bad_request("`precision` is none of ns, us, ms, s, m, h"))?;
    let named = if query.org.is_empty() {
        &query.org_id
    } else {
        &query.org
    };
    let org = organization(&services, &caller, &tenant, named).await?;
    let body = bytes(body)?;
    let text = std::str::from_utf8(&body).map_err(|error| {
        let line = body[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Problem::bad_request(format!("line {line} is not UTF-8; nothing was written"))
    })?;
    let mut lines = line::read(text, precision)
        .map_err(|detail| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))?;
    let ingested = services.telemetry.write(&caller, &org, lines.items()).await?;
    if ingested.rejected.is_empty() && lines.refused_total == 0 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(partial(&lines, ingested))
}

/// The organization that a program writes for, as cheap as can be: its only one needs no look-up.
pub(super) async fn organization(
    services: &Services,
    caller: &Caller,
    tenant: &Tenant,
    named: &str,
) -> Result<String, Problem> {
    match caller.home() {
        Some(only) if named.is_empty() => Ok(only.to_string()),
        _ => org_of(services, caller, tenant, Kind::Device, named).await,
    }
}

/// What did not go in, as clients of InfluxDB show it; the rest is durable.
fn partial(lines: &Lines<'_>, ingested: Ingested) -> Response {
    metrics::counter!("fleetd_readings_rejected_total")
        .increment((ingested.rejected.len() + lines.refused_total) as u64);
    let total = ingested.rejected.len() + lines.refused_total;
    let mut refused = lines.refused.clone();
    refused.extend(ingested.rejected.into_iter().take(MOST_TOLD).map(|rejection| Refusal {
        line: lines.line_of(rejection.index),
        code: rejection.code,
        detail: rejection.detail,
    }));
    refused.sort_by_key(|one| one.line);
    refused.truncate(MOST_TOLD);
    let told = refused.iter().take(MOST_IN_SENTENCE);
    let told: Vec<String> = told.map(|one| format!("line {}: {}", one.line, one.detail)).collect();
    let more = match total.saturating_sub(told.len()) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let taken = ingested.accepted + ingested.duplicates;
    let message = format!("partial write, {taken} readings are stored: {}{more}", told.join("; "));
    let rejected: Vec<_> = refused
        .iter()
        .map(|one| json!({"line": one.line, "code": one.code, "detail": one.detail}))
        .collect();
    let mut answer = json!({
        "code": "partial_write",
        "title": "Bad Request",
        "detail": message,
        // Clients of InfluxDB 2 show the one, those of InfluxDB 1 the other.
        "message": message,
        "error": message,
        "accepted": ingested.accepted,
        "duplicates": ingested.duplicates,
        "rejected": rejected,
    });
    if total > refused.len() {
        answer["rejectedTotal"] = total.into();
    }
    (StatusCode::BAD_REQUEST, Json(answer)).into_response()
}
