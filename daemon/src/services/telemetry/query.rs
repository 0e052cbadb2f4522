//! What is asked about readings.

use std::cmp::Ordering;
use std::sync::Arc;

use fleet_proto::pb;
use tokio::sync::mpsc;

use super::Telemetry;
use super::buckets::PAGE;
use super::choose::{Chosen, Range};
use crate::domain::Caller;
use crate::domain::aggregate::{Summary, Summing};
use crate::domain::telemetry::{Micros, Sample, Series};
use crate::services::error::Result;

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

/// The place of a reading among those of a range: the order is that of devices, sensors, sources and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Name of the device.
    pub device: String,
    /// Name of the sensor.
    pub sensor: String,
    /// `bus:slaveId`; empty where there is none.
    pub source: String,
    /// When it was measured.
    pub timestamp: Micros,
}

impl Position {
    /// How a series stands to that of this reading.
    fn compare(&self, device: &str, series: &Series) -> Ordering {
        let (own, other) = ((&self.sensor, &self.source), (&series.key.sensor, &series.key.source));
        device.cmp(&self.device).then_with(|| other.cmp(&own))
    }
}

impl From<&LatestRow> for Position {
    fn from(row: &LatestRow) -> Self {
        Self {
            device: row.device.clone(),
            sensor: row.series.key.sensor.clone(),
            source: row.series.key.source.clone(),
            timestamp: row.sample.timestamp,
        }
    }
}

impl Telemetry {
    /// The newest reading of each sensor of a device, or of every device that a selector matches.
    pub async fn latest(&self, caller: &Caller, request: pb::LatestRequest) -> Result<Vec<LatestRow>> {
        let range = Range {
            org: request.org,
            device: request.device,
            selector: request.selector,
            ..Range::default()
        };
        let devices = self.devices(caller, &range).await?;
        let mut wanted = Vec::new();
        for device in devices {
            for series in self.store.series_of(device.uid) {
                let fits = (request.sensor.is_empty() || series.key.sensor == request.sensor)
                    && (request.source.is_empty() || series.key.source == request.source);
                if fits {
                    wanted.push((device.name.clone(), series));
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

    /// Sends the readings of a range, series by series, in order of time, page by page; those behind `after`, where it is
    /// given. `limit` 0: all.
    pub async fn history(
        &self,
        caller: &Caller,
        range: &Range,
        after: Option<&Position>,
        limit: u32,
        pages: &mpsc::Sender<Vec<LatestRow>>,
    ) -> Result<()> {
        let mut left = if limit == 0 { usize::MAX } else { limit as usize };
        for Chosen { device, series } in self.chosen(caller, range).await? {
            if left == 0 {
                break;
            }
            let from = match after.map(|after| (after.compare(&device.name, &series), after)) {
                Some((Ordering::Less, _)) => continue,
                Some((Ordering::Equal, after)) => range.from.max(after.timestamp.saturating_add(1)),
                Some((Ordering::Greater, _)) | None => range.from,
            };
            let mut scan = self.store.scan(series.id, from, range.to);
            loop {
                let page = scan.next(PAGE.min(left)).await?;
                left -= page.len();
                if page.is_empty() {
                    break;
                }
                let row = |sample| LatestRow {
                    device: device.name.clone(),
                    series: Arc::clone(&series),
                    sample,
                };
                if pages.send(page.into_iter().map(row).collect()).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Figures about a range of one series, and the unit.
    pub async fn summary(&self, caller: &Caller, range: &Range) -> Result<(Summary, String)> {
        let (series, _) = self.one(caller, range).await?;
        Ok((self.figures(&series, range).await?, series.unit.clone()))
    }

    /// The same of every series that a range means, one after the other.
    pub async fn summaries(&self, caller: &Caller, range: &Range) -> Result<Vec<(Arc<Series>, Summary)>> {
        let mut found = Vec::new();
        for Chosen { series, .. } in self.chosen(caller, range).await? {
            let figures = self.figures(&series, range).await?;
            found.push((series, figures));
        }
        Ok(found)
    }

    async fn figures(&self, series: &Series, range: &Range) -> Result<Summary> {
        let mut summing = Summing::default();
        loop {
            let mut scan = self.store.scan(series.id, range.from, range.to);
            loop {
                let page = scan.next(PAGE).await?;
                if page.is_empty() {
                    break;
                }
                page.iter().for_each(|sample| summing.add(sample));
            }
            if !summing.looks_again() {
                return Ok(summing.finish());
            }
        }
    }
}
