//! Liveness, readiness, figures.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::answers::Problem;

pub(super) async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

pub(super) async fn readyz(State(services): State<Shared>) -> Response {
    match services.system.ready().await {
        Ok(()) => Json(json!({"status": "ready"})).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the store cannot be written");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_ready",
                "the store cannot be written; see the fleetd log",
            )
            .into_response()
        }
    }
}

pub(super) async fn metrics(State(services): State<Shared>) -> Response {
    let stats = services.system.stats();
    let store = [
        ("fleetd_readings_accepted_total", "counter", stats.accepted),
        ("fleetd_readings_duplicate_total", "counter", stats.duplicates),
        ("fleetd_readings_conflict_total", "counter", stats.conflicts),
        ("fleetd_commits_total", "counter", stats.commits),
        ("fleetd_series", "gauge", stats.series),
        ("fleetd_telemetry_bytes", "gauge", stats.bytes),
        ("fleetd_readings_compacted_total", "counter", stats.compacted),
        ("fleetd_compacting", "gauge", u64::from(stats.is_compacting)),
    ];
    let mut text = services.metrics.render();
    for (name, kind, value) in store {
        text.push_str(&format!("# TYPE {name} {kind}\n{name} {value}\n"));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
