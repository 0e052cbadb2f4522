//! About fleetd itself.

use std::sync::{Arc, Mutex};

use fleet_proto::kinds::KINDS;
use fleet_proto::pb::{self, status_response as told};

use super::error::{Error, Result};
use super::resources::{Resources, denied};
use super::telemetry::Telemetry;
use crate::domain::caller::Place;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Clock};
use crate::storage::{changes, resources};

/// What does not change while fleetd runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When it started.
    pub started_at: Micros,
    /// Where its data is.
    pub data_dir: String,
    /// Address of the HTTP listener.
    pub http: String,
    /// Path of the socket.
    pub socket: String,
    /// Address of the gRPC listener; empty: there is none.
    pub grpc: String,
    /// Other machines are served without TLS.
    pub insecure: bool,
}

/// States of buses, filled in by the poller's door.
pub type BusReports = Arc<dyn Fn() -> Vec<told::BusStatus> + Send + Sync>;

/// About fleetd.
#[derive(Clone)]
pub struct System {
    facts: Facts,
    resources: Resources,
    telemetry: Telemetry,
    buses: BusReports,
    engine: Arc<Mutex<Option<String>>>,
    clock: Arc<dyn Clock>,
    /// When the store was last written to see whether it can be, and whether it could.
    tried: Arc<tokio::sync::Mutex<Option<(Micros, bool)>>>,
}

/// For so long an answer about the store holds, microseconds: anybody may ask.
const TRIED: Micros = 1_000_000;

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl System {
    /// Tells what `facts`, the store and the buses are.
    pub fn new(
        facts: Facts,
        resources: Resources,
        telemetry: Telemetry,
        buses: BusReports,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            facts,
            resources,
            telemetry,
            buses,
            engine: Arc::default(),
            clock,
            tried: Arc::default(),
        }
    }

    /// Version, store, counts, buses.
    pub async fn status(&self, caller: &Caller) -> Result<pb::StatusResponse> {
        if !caller.may(caller.asked(), &Place::Platform) {
            return Err(denied(caller.asked(), &"the platform"));
        }
        let known = self
            .engine
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let store = match known {
            Some(store) => store,
            None => self.resources.db().engine().await?,
        };
        *self.engine.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(store.clone());
        let mut tx = self.resources.db().read().await?;
        let mut counts = Vec::new();
        for row in KINDS {
            counts.push(told::Count {
                kind: row.plural.to_owned(),
                count: resources::count(&mut tx, None, row.kind).await?,
            });
        }
        let stats = self.telemetry.stats();
        let space = self.telemetry.space()?;
        let now = self.clock.now();
        let a_day = space.as_ref().and_then(|space| space.a_day(now));
        Ok(pb::StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: Some(timestamp(self.facts.started_at)),
            data_dir: self.facts.data_dir.clone(),
            http: self.facts.http.clone(),
            socket: self.facts.socket.clone(),
            store,
            revision: changes::revision(&mut tx).await?,
            resources: counts,
            telemetry: Some(told::TelemetryStatus {
                series: stats.series,
                accepted: stats.accepted,
                rejected: 0,
                duplicates: stats.duplicates,
                conflicts: stats.conflicts,
                commits: stats.commits,
                bytes_per_day: a_day,
                free_bytes: space.as_ref().map(|space| space.free),
                full_at: space.as_ref().and_then(|space| space.full_at(now)).map(timestamp),
                low_on_room: self.telemetry.is_low_on_room(),
                bytes: stats.bytes,
            }),
            buses: (self.buses)(),
            resident_bytes: resident_bytes(),
            grpc: self.facts.grpc.clone(),
            insecure: self.facts.insecure,
        })
    }

    /// Can the store be written? A row of its own is written and taken back, at most once a second.
    pub async fn ready(&self) -> Result<()> {
        if self.telemetry.is_low_on_room() {
            return Err(Error::Unavailable(
                "there is too little room on the disk for readings".to_owned(),
            ));
        }
        let mut tried = self.tried.lock().await;
        let now = self.clock.now();
        if let Some((at, could)) = *tried
            && (at..at + TRIED).contains(&now)
        {
            let failed = || Error::Unavailable("the store could not be written a moment ago".to_owned());
            return if could { Ok(()) } else { Err(failed()) };
        }
        let answer = self.try_writing().await;
        *tried = Some((now, answer.is_ok()));
        answer
    }

    async fn try_writing(&self) -> Result<()> {
        let mut tx = self.resources.db().begin().await?;
        changes::next_revision(&mut tx).await?;
        Ok(())
    }

    /// Figures for /metrics.
    pub fn stats(&self) -> crate::storage::telemetry::Stats {
        self.telemetry.stats()
    }
}

/// Linux tells it in pages of 4 KiB; elsewhere it is 0.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4_096
}
