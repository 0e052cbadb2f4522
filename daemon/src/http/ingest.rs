//! `POST /api/telemetry/ingest`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};

use super::answers::Problem;
use super::extract::{RawBody, bytes};
use super::{Peer, Shared, devices, parse};
use crate::domain::ingest::Ingested;

/// Rejections that one answer lists; the rest is a number.
const MOST_LISTED: usize = 1_000;

/// The usual answer.
#[derive(Serialize)]
struct All {
    accepted: u32,
    rejected: [(); 0],
    duplicates: u32,
}

pub(super) async fn ingest(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let identity = devices::identity(&services, &peer, &headers).await?;
    let body = bytes(body)?;
    let mut parsed = parse::read(&body).map_err(Problem::bad_request)?;
    let ingested = services.telemetry.ingest(identity.uid, parsed.items()).await?;
    services.devices.saw(identity.uid);
    if ingested.rejected.is_empty() {
        let answer = All {
            accepted: ingested.accepted,
            rejected: [],
            duplicates: ingested.duplicates,
        };
        return Ok(Json(answer).into_response());
    }
    Ok(Json(told(&ingested)).into_response())
}

/// What became of a batch; what is rejected of it is counted.
pub(super) fn told(ingested: &Ingested) -> Value {
    metrics::counter!("fleetd_readings_rejected_total").increment(ingested.rejected.len() as u64);
    let listed: Vec<_> = ingested
        .rejected
        .iter()
        .take(MOST_LISTED)
        .map(|rejection| json!({"index": rejection.index, "code": rejection.code, "detail": rejection.detail}))
        .collect();
    let mut answer = json!({"accepted": ingested.accepted, "rejected": listed, "duplicates": ingested.duplicates});
    if ingested.rejected.len() > MOST_LISTED {
        answer["rejectedTotal"] = json!(ingested.rejected.len());
    }
    answer
}
