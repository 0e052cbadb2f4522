//! Following what is committed, as far as somebody may see it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use tokio::sync::watch;
use uuid::Uuid;

use super::choose::{Range, site};
use super::live::{Only, Subscription, Topic};
use super::{LatestRow, Telemetry};
use crate::domain::{Caller, Org};
use crate::services::error::Result;
use crate::services::resources::Resources;

/// Readings as they are committed.
#[derive(Debug)]
pub struct Tail {
    resources: Resources,
    caller: Caller,
    org: Org,
    /// Name of the site where devices must be; empty: anywhere.
    site: String,
    live: Subscription,
    revisions: watch::Receiver<u64>,
    /// The newest readings, while they have not been told.
    begin: Option<Vec<LatestRow>>,
    /// Names of devices; none: they are not shown.
    names: HashMap<Uuid, Option<String>>,
}

impl Telemetry {
    /// Follows the readings that a range means, whatever its times: everything that is committed from now on. `latest`:
    /// first the newest of each series, read when nothing is missed any more.
    pub async fn follow(&self, caller: &Caller, range: Range, latest: bool) -> Result<Tail> {
        let org = self.resources.org_for(caller, &range.org).await?;
        let topic = if range.device.is_empty() {
            Topic::Org(org.uid)
        } else {
            Topic::Device(self.device(caller, &range.org, &range.device).await?.1)
        };
        if !range.site.is_empty() {
            // Whoever mistypes it is told, instead of being shown nothing.
            let site = self.resources.find(caller, &range.org, Kind::Site, &range.site);
            site.await?;
        }
        let only = Only {
            sensor: range.sensor.clone(),
            source: range.source.clone(),
        };
        let live = self.live.subscribe(topic, only);
        let begin = if latest {
            let wanted = pb::LatestRequest {
                org: range.org,
                device: range.device,
                sensor: range.sensor,
                source: range.source,
                ..pb::LatestRequest::default()
            };
            Some(self.latest(caller, wanted).await?)
        } else {
            None
        };
        Ok(Tail {
            revisions: self.resources.revisions(),
            live,
            begin,
            resources: self.resources.clone(),
            caller: caller.clone(),
            org,
            site: range.site,
            names: HashMap::new(),
        })
    }
}

impl Tail {
    /// The next readings, and how many were left out since the last ones because nobody asked in time; none: there will
    /// be no more.
    pub async fn next(&mut self) -> Option<(Vec<LatestRow>, u64)> {
        if let Some(rows) = self.begin.take() {
            return Some((rows, 0));
        }
        let mut skipped = 0;
        loop {
            let (found, missed) = self.live.next().await?;
            skipped += missed;
            // Devices change their names and sites; who may see them changes with that.
            if self.revisions.has_changed().unwrap_or(false) {
                self.revisions.mark_unchanged();
                self.names.clear();
            }
            let mut rows = Vec::with_capacity(found.len());
            for row in found.iter() {
                if let Some(device) = self.name(row.series.key.device).await {
                    rows.push(LatestRow {
                        device,
                        series: Arc::clone(&row.series),
                        sample: row.sample.clone(),
                    });
                }
            }
            if !rows.is_empty() || skipped > 0 {
                return Some((rows, skipped));
            }
        }
    }

    /// The name of a device whose readings are shown.
    async fn name(&mut self, device: Uuid) -> Option<String> {
        match self.names.entry(device) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let uid = device.to_string();
                let found = self
                    .resources
                    .find(&self.caller, &self.org.name, Kind::Device, &uid)
                    .await;
                let found = found
                    .ok()
                    .filter(|object| self.site.is_empty() || site(object) == self.site);
                place.insert(found.map(|object| object.name)).clone()
            }
        }
    }
}
