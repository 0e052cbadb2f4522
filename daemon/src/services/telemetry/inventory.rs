//! What is stored: the series of devices, with how many readings each has and what they take.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Telemetry;
use super::choose::Range;
use crate::domain::Caller;
use crate::domain::telemetry::Series;
use crate::services::error::{Error, Result};
use crate::storage::telemetry::Stock;

/// Series that are sent at once.
const AT_ONCE: usize = 1_000;

/// A series with what of it is stored.
#[derive(Clone, Debug)]
pub struct Stocked {
    /// Name of the device.
    pub device: String,
    /// Which.
    pub series: Arc<Series>,
    /// What is stored.
    pub stock: Stock,
}

impl Telemetry {
    /// Sends the series that a range means, whatever its times, page by page.
    pub async fn inventory(&self, caller: &Caller, range: &Range, pages: &mpsc::Sender<Vec<Stocked>>) -> Result<()> {
        // A sensor with several sources is several series here, and none of them has to be chosen.
        let every = Range {
            sensor: String::new(),
            ..range.clone()
        };
        let mut chosen = self.chosen(caller, &every).await?;
        chosen.retain(|one| range.sensor.is_empty() || one.series.key.sensor == range.sensor);
        if chosen.is_empty() && !range.device.is_empty() && !range.sensor.is_empty() {
            return Err(Error::NotFound(format!(
                "sensor `{}` of device/{}",
                range.sensor, range.device
            )));
        }
        let ids: Vec<_> = chosen.iter().map(|one| one.series.id).collect();
        let stocks = self.store.stock(&ids).await?;
        let mut rows = chosen.into_iter().zip(stocks).map(|(one, stock)| Stocked {
            device: one.device.name.clone(),
            series: one.series,
            stock,
        });
        loop {
            let page: Vec<_> = rows.by_ref().take(AT_ONCE).collect();
            if page.is_empty() || pages.send(page).await.is_err() {
                return Ok(());
            }
        }
    }
}
