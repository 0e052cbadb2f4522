//! What is asked about readings.

use std::collections::HashMap;
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use super::Telemetry;
use crate::domain::Caller;
use crate::domain::aggregate::{Aggregate, Bucket, Buckets, Summary, Summing};
use crate::domain::telemetry::{Micros, Sample, Series};
use crate::services::error::{Error, Result};
use crate::services::resources::Filter;

/// Readings fetched at a time.
const PAGE: usize = 5_000;
/// Most buckets of one answer.
const MOST_BUCKETS: i64 = 1_000_000;

/// The newest reading of a series, with what it is.
#[derive(Clone, Debug)]
pub struct LatestRow {
    /// Name of the device.
    pub device: String,
    /// Which.
    pub series: Arc<Series>,
    /// The reading.
    pub sample: Sample,
}

/// Which readings are meant.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Name of the organization.
    pub org: String,
    /// Name or uid of the device.
    pub device: String,
    /// Name of the sensor.
    pub sensor: String,
    /// `bus:slaveId`; empty: the only source that there is.
    pub source: String,
    /// From, inclusive.
    pub from: Micros,
    /// To, exclusive.
    pub to: Micros,
}

impl Telemetry {
    /// The newest reading of each sensor of a device, or of every device that a selector matches.
    pub async fn latest(&self, caller: &Caller, request: pb::LatestRequest) -> Result<Vec<LatestRow>> {
        let mut devices: Vec<(Uuid, String)> = Vec::new();
        if request.device.is_empty() {
            let filter = Filter::try_from(pb::Filter {
                org: request.org,
                kind: Kind::Device.to_string(),
                selector: request.selector,
                ..pb::Filter::default()
            })?;
            let (sender, mut pages) = mpsc::channel(1);
            let reading = async move { self.resources.list(caller, &filter, 0, &sender).await };
            let collecting = async {
                while let Some(page) = pages.recv().await {
                    devices.extend(page.into_iter().map(|object| (object.uid, object.name)));
                }
            };
            tokio::join!(reading, collecting).0?;
        } else {
            let (_, uid, name) = self.device(caller, &request.org, &request.device).await?;
            devices.push((uid, name));
        }
        let mut wanted = Vec::new();
        for (uid, name) in devices {
            for series in self.store.series_of(uid) {
                let fits = (request.sensor.is_empty() || series.key.sensor == request.sensor)
                    && (request.source.is_empty() || series.key.source == request.source);
                if fits {
                    wanted.push((name.clone(), series));
                }
            }
        }
        let ids: Vec<_> = wanted.iter().map(|(_, series)| series.id).collect();
        let found = self.store.latest(&ids).await?;
        let mut rows: Vec<_> = wanted
            .into_iter()
            .zip(found)
            .filter_map(|((device, series), sample)| {
                Some(LatestRow {
                    device,
                    series,
                    sample: sample?,
                })
            })
            .collect();
        rows.sort_by(|a, b| {
            (&a.device, &a.series.key.sensor, &a.series.key.source).cmp(&(
                &b.device,
                &b.series.key.sensor,
                &b.series.key.source,
            ))
        });
        Ok(rows)
    }

    /// Sends the readings of a range in order of time, page by page. `limit` 0: all.
    pub async fn history(
        &self,
        caller: &Caller,
        range: &Range,
        limit: u32,
        pages: &mpsc::Sender<Vec<LatestRow>>,
    ) -> Result<()> {
        let (series, device) = self.one(caller, range).await?;
        let mut left = if limit == 0 { usize::MAX } else { limit as usize };
        let mut scan = self.store.scan(series.id, range.from, range.to);
        loop {
            let page = scan.next(PAGE.min(left)).await?;
            left -= page.len();
            if page.is_empty() {
                return Ok(());
            }
            let rows = page
                .into_iter()
                .map(|sample| LatestRow {
                    device: device.clone(),
                    series: Arc::clone(&series),
                    sample,
                })
                .collect();
            if pages.send(rows).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Sends aggregates of intervals that are multiples of `every` microseconds.
    pub async fn buckets(
        &self,
        caller: &Caller,
        range: &Range,
        every: Micros,
        aggregate: Aggregate,
        pages: &mpsc::Sender<Vec<Bucket>>,
    ) -> Result<()> {
        if every <= 0 || (range.to.saturating_sub(range.from)) / every > MOST_BUCKETS {
            return Err(Error::field(
                "every_us",
                "gives more than a million intervals",
                "choose wider intervals, or a shorter range",
            ));
        }
        let (series, _) = self.one(caller, range).await?;
        let mut buckets = Buckets::new(every, aggregate);
        let mut scan = self.store.scan(series.id, range.from, range.to);
        loop {
            let page = scan.next(PAGE).await?;
            if page.is_empty() {
                break;
            }
            page.iter().for_each(|sample| buckets.add(sample));
            let done = buckets.drain();
            if !done.is_empty() && pages.send(done).await.is_err() {
                return Ok(());
            }
        }
        let rest = buckets.finish();
        if !rest.is_empty() {
            // Whoever asked may have gone.
            let _ = pages.send(rest).await;
        }
        Ok(())
    }

    /// Figures about a range, and the unit.
    pub async fn summary(&self, caller: &Caller, range: &Range) -> Result<(Summary, String)> {
        let (series, _) = self.one(caller, range).await?;
        let mut summing = Summing::default();
        let mut scan = self.store.scan(series.id, range.from, range.to);
        loop {
            let page = scan.next(PAGE).await?;
            if page.is_empty() {
                return Ok((summing.finish(), series.unit.clone()));
            }
            page.iter().for_each(|sample| summing.add(sample));
        }
    }

    /// Sends readings as they are committed, with the number of commits that were missed.
    pub async fn tail(&self, caller: &Caller, range: Range, events: mpsc::Sender<(Vec<LatestRow>, u64)>) -> Result<()> {
        let org = self.resources.org_for(caller, &range.org).await?;
        let mut names: HashMap<Uuid, Option<String>> = HashMap::new();
        let only = if range.device.is_empty() {
            None
        } else {
            Some(self.device(caller, &range.org, &range.device).await?.1)
        };
        let mut live = self.store.subscribe();
        let mut revisions = self.resources.revisions();
        let mut skipped = 0;
        loop {
            let samples = tokio::select! {
                () = events.closed() => return Ok(()),
                received = live.recv() => match received {
                    Ok(samples) => samples,
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        skipped += missed;
                        continue;
                    }
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
            };
            // Devices change their names and sites; who may see them changes with that.
            if revisions.has_changed().unwrap_or(false) {
                revisions.mark_unchanged();
                names.clear();
            }
            let mut rows = Vec::new();
            for sample in samples.iter() {
                let Some(series) = self.store.describe(sample.series) else {
                    continue;
                };
                let fits = series.key.org == org.uid
                    && only.is_none_or(|device| device == series.key.device)
                    && (range.sensor.is_empty() || range.sensor == series.key.sensor)
                    && (range.source.is_empty() || range.source == series.key.source);
                if !fits {
                    continue;
                }
                let device = series.key.device;
                if let std::collections::hash_map::Entry::Vacant(e) = names.entry(device) {
                    let found = self
                        .resources
                        .find(caller, &org.name, Kind::Device, &device.to_string())
                        .await
                        .ok();
                    e.insert(found.map(|object| object.name));
                }
                let Some(Some(name)) = names.get(&device) else { continue };
                rows.push(LatestRow {
                    device: name.clone(),
                    series,
                    sample: sample.clone(),
                });
            }
            if (!rows.is_empty() || skipped > 0) && events.send((rows, std::mem::take(&mut skipped))).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The one series that a range means.
    async fn one(&self, caller: &Caller, range: &Range) -> Result<(Arc<Series>, String)> {
        let (_, uid, name) = self.device(caller, &range.org, &range.device).await?;
        let all = self.store.series_of(uid);
        let mut fitting: Vec<_> = all
            .iter()
            .filter(|series| {
                series.key.sensor == range.sensor && (range.source.is_empty() || series.key.source == range.source)
            })
            .collect();
        match fitting.as_slice() {
            [one] => Ok((Arc::clone(one), name)),
            [] => {
                let mut known: Vec<_> = all.iter().map(|series| series.key.sensor.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                let help = if known.is_empty() {
                    "it has no readings yet".to_owned()
                } else {
                    format!("it has {}", known.join(", "))
                };
                Err(Error::NotFound(format!(
                    "sensor `{}` of device/{name} ({help})",
                    range.sensor
                )))
            }
            _ => {
                // The reading without a source is the device's own.
                if let Some(own) = fitting.iter().position(|series| series.key.source.is_empty()) {
                    return Ok((Arc::clone(fitting.swap_remove(own)), name));
                }
                let sources: Vec<_> = fitting.iter().map(|series| series.key.source.as_str()).collect();
                Err(Error::field(
                    "source",
                    "the sensor has more than one source",
                    &format!("choose one with --source: {}", sources.join(", ")),
                ))
            }
        }
    }
}
