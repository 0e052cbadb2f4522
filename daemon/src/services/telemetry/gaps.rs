//! Where good readings are missing.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Telemetry;
use super::buckets::PAGE;
use super::choose::Range;
use crate::domain::Caller;
use crate::domain::gaps::{Distances, Finder, Gap};
use crate::domain::telemetry::{Micros, Series};
use crate::services::error::{Error, Result};

/// A stretch without a good reading is longer than usual, where it is so many usual distances long.
const USUAL: Micros = 5;
/// Gaps that are sent at once.
const AT_ONCE: usize = 1_000;

/// A stretch without a good reading, and of what.
#[derive(Clone, Debug)]
pub struct SeriesGap {
    /// Which series.
    pub series: Arc<Series>,
    /// The stretch.
    pub gap: Gap,
}

impl Telemetry {
    /// Sends the stretches of a device's series without a good reading that are longer than `longer`; 0: than five times
    /// the usual distance of its readings.
    pub async fn gaps(
        &self,
        caller: &Caller,
        range: &Range,
        longer: Micros,
        pages: &mpsc::Sender<Vec<SeriesGap>>,
    ) -> Result<()> {
        if range.from >= range.to {
            return Err(Error::field("from_us", "is not before the end", "choose another range"));
        }
        if longer < 0 {
            return Err(Error::field("longer_us", "is negative", "choose a length of time"));
        }
        for chosen in self.chosen(caller, range).await? {
            let longer = match longer {
                0 => match self.usual(chosen.series.id, range).await? {
                    Some(usual) => usual.saturating_mul(USUAL),
                    // Of one reading nobody knows how far the next should be: it stands alone in the range.
                    None => 0,
                },
                longer => longer,
            };
            let mut finder = Finder::new(range.from, range.to, longer);
            let mut found = Vec::new();
            let mut scan = self.store.scan(chosen.series.id, range.from, range.to);
            let told = |gap| SeriesGap {
                series: Arc::clone(&chosen.series),
                gap,
            };
            loop {
                let page = scan.next(PAGE).await?;
                found.extend(page.iter().filter_map(|sample| finder.add(sample)).map(told));
                let is_last = page.is_empty();
                if (is_last || found.len() >= AT_ONCE)
                    && !found.is_empty()
                    && pages.send(std::mem::take(&mut found)).await.is_err()
                {
                    return Ok(());
                }
                if is_last {
                    break;
                }
                if pages.is_closed() {
                    return Ok(());
                }
            }
            let rest = finder.finish().map(told);
            if let Some(gap) = rest
                && pages.send(vec![gap]).await.is_err()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The median distance of the readings of a series.
    async fn usual(&self, series: u32, range: &Range) -> Result<Option<Micros>> {
        let mut distances = Distances::default();
        let mut scan = self.store.scan(series, range.from, range.to);
        loop {
            let page = scan.next(PAGE).await?;
            if page.is_empty() {
                return Ok(distances.median());
            }
            page.iter().for_each(|sample| distances.add(sample.timestamp));
        }
    }
}
