//! `fleetd demo`: stub
use std::time::Duration;
use crate::config::Flags;
/// stub
pub async fn run(_: Flags, _: Option<Duration>, _: metrics_exporter_prometheus::PrometheusHandle, _: impl Future<Output = ()>) -> Result<(), String> { Err(String::new()) }
