//! Keeps the poller at what the resources say, and takes in what it measures.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fleet_proto::pb::status_response::{BusStatus, SlaveStatus};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::object::timestamp;
use crate::domain::telemetry::{Measured, Quality};
use crate::modbus::poller::Target;
use crate::modbus::{Buses, Endpoint};
use crate::services::devices::Devices;
use crate::services::polling::wanted;
use crate::services::resources::Resources;
use crate::services::telemetry::Telemetry;

/// A full queue is tried again after this.
const AGAIN: Duration = Duration::from_millis(100);

/// Reads anew what is to be polled whenever a resource has changed.
pub async fn follow(resources: Resources, targets: watch::Sender<Arc<Vec<Target>>>, shutdown: CancellationToken) {
    let mut revisions = resources.revisions();
    loop {
        revisions.borrow_and_update();
        match wanted(&resources).await {
            Ok(found) => {
                let found: Vec<Target> = found
                    .into_iter()
                    .map(|polled| Target {
                        org: polled.org.uid,
                        org_name: polled.org.name,
                        config_name: polled.config_name,
                        config: polled.config,
                        bus: polled.bus,
                        endpoint: Endpoint { host: polled.host, port: polled.port },
                        devices: polled.devices,
                    })
                    .collect();
                targets.send_if_modified(|known| {
                    let changed = **known != found;
                    if changed {
                        *known = Arc::new(found);
                    }
                    changed
                });
            }
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "what is to be polled cannot be read; polling goes on as before"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = revisions.changed() => if changed.is_err() { return },
        }
    }
}

/// Takes in what the poller measures. While the store is busy the poller waits.
pub async fn record(telemetry: Telemetry, devices: Devices, mut measured: mpsc::Receiver<Vec<Measured>>) {
    while let Some(sweep) = measured.recv().await {
        for reading in sweep.iter().filter(|reading| reading.quality != Quality::Bad) {
            devices.saw(reading.device);
        }
        loop {
            match telemetry.record(sweep.clone()).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(%error, "polled readings wait for the store");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// States of the buses, as `server status` tells them.
pub fn reports(buses: &Buses) -> Vec<BusStatus> {
    let all = buses.polled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let by_name: HashMap<_, _> = all.iter().map(|report| ((&report.org, &report.config, &report.bus, &report.endpoint), report)).collect();
    let mut told: Vec<_> = by_name
        .into_values()
        .map(|report| BusStatus {
            org: report.org.clone(),
            gateway_config: report.config.clone(),
            bus: report.bus.clone(),
            endpoint: report.endpoint.clone(),
            state: report.state.clone(),
            last_error: report.last_error.clone(),
            slaves: report
                .slaves
                .iter()
                .map(|slave| SlaveStatus {
                    slave_id: u32::from(slave.slave_id),
                    device: slave.device.clone(),
                    breaker: if slave.open { "open" } else { "closed" }.to_owned(),
                    requests: slave.requests,
                    timeouts: slave.timeouts,
                    exceptions: slave.exceptions,
                    missed_deadlines: slave.missed_deadlines,
                    last_success: slave.last_success.map(timestamp),
                    illegal: slave.illegal.iter().copied().map(u32::from).collect(),
                    last_error: slave.last_error.clone(),
                })
                .collect(),
        })
        .collect();
    told.sort_by(|a, b| (&a.org, &a.gateway_config, &a.bus).cmp(&(&b.org, &b.gateway_config, &b.bus)));
    told
}
