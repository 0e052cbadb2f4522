//! `/api/logs/`: the system log.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use fleet_proto::pb;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::answers::Problem;
use super::extract::{Query, RawBody, form, moment};
use super::gate::Tenant;
use super::resources::{LARGEST_PAGE, PAGE, invalid, org};
use crate::domain::Caller;

/// What narrows and pages the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    #[serde(default)]
    org: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    device: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    limit: Option<u32>,
    #[serde(default)]
    after: u64,
}

/// An entry that somebody adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEntry {
    #[serde(default)]
    org: String,
    #[serde(default)]
    level: String,
    message: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    details: Option<Value>,
    #[serde(default)]
    device: String,
    #[serde(default)]
    site: String,
}

/// The newest entries first.
pub(super) async fn list(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Value>, Problem> {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(invalid("limit", format!("is not 1 to {LARGEST_PAGE}")));
    }
    let now = services.telemetry.now();
    let wanted = pb::SystemLogSearchRequest {
        org: org(&services, &caller, &tenant, &query.org).await?,
        level: query.level,
        user: query.user,
        action: query.action,
        text: query.text,
        device: query.device,
        from_us: moment("since", &query.since, now)?.unwrap_or(0),
        to_us: moment("until", &query.until, now)?.unwrap_or(0),
        // One more tells whether there is a next page.
        limit: limit + 1,
        ..pb::SystemLogSearchRequest::default()
    };
    let mut found = services.log.newest(&caller, &wanted, query.after).await?;
    let goes_on = found.len() > limit as usize;
    found.truncate(limit as usize);
    let mut answer = json!({"items": found.iter().map(shown).collect::<Vec<_>>()});
    if let Some(last) = found.last().filter(|_| goes_on) {
        answer["next"] = last.seq.to_string().into();
    }
    Ok(Json(answer))
}

/// Adds an entry.
pub(super) async fn add(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<(axum::http::StatusCode, Json<Value>), Problem> {
    let body: NewEntry = form(&headers, body)?;
    let wanted = pb::SystemLogAddRequest {
        org: org(&services, &caller, &tenant, &body.org).await?,
        level: body.level,
        message: body.message,
        action: body.action,
        details: body.details.map(|details| details.to_string()).unwrap_or_default(),
        device: body.device,
        site: body.site,
    };
    let entry = services.log.add(&caller, wanted).await?;
    Ok((axum::http::StatusCode::CREATED, Json(shown(&entry))))
}

fn shown(entry: &pb::SystemLogEntry) -> Value {
    json!({
        "seq": entry.seq,
        "org": entry.org,
        "timestamp": entry.timestamp.map(|at| at.to_string()),
        "level": entry.level,
        "user": entry.user,
        "action": entry.action,
        "message": entry.message,
        "details": serde_json::from_str::<Value>(&entry.details).unwrap_or_else(|_| json!({})),
        "address": entry.address,
        "device": entry.device,
        "site": entry.site,
        "count": entry.count,
    })
}
