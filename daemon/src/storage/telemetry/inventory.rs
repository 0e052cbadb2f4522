//! What of each series is stored: how many readings, from when to when, and what they take.
//!
//! Of a chunk its row says it. Readings in segments are counted, since a frame holds those of several series; so many
//! are there until they are compacted. Bytes are those of the coded readings, without the pages and indexes around them:
//! a clock's are shared out evenly between the chunks that use it, those of a frame, and of its part of the table of
//! contents, by readings. While a day is compacted, a reading may be counted in its segment and in its chunk.

use std::collections::HashMap;

use sqlx::Row as _;

use super::contents;
use super::partition::{Partitions, explained, query};
use super::stored::{Stored, chunk, corrupt_segment};
use super::{Backend, Telemetry};
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::Result;

/// Frames that are decoded at once.
const AT_ONCE: usize = 256;
/// How often a day is looked at again whose segments were moved meanwhile.
const TRIES: usize = 3;

/// What of a series is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// How many readings.
    pub readings: u64,
    /// What they take.
    pub bytes: u64,
    /// Times of the first and last; none where there are no readings.
    pub span: Option<(Micros, Micros)>,
}

impl Stock {
    /// Adds readings.
    pub(super) fn add(&mut self, readings: u64, bytes: u64, (first, last): (Micros, Micros)) {
        self.readings += readings;
        self.bytes += bytes;
        self.span = Some(match self.span {
            None => (first, last),
            Some((least, greatest)) => (least.min(first), greatest.max(last)),
        });
    }

    fn add_all(&mut self, other: &Self) {
        if let Some(span) = other.span {
            self.add(other.readings, other.bytes, span);
        }
    }
}

/// By series.
type Stocks = HashMap<SeriesId, Stock>;

impl Telemetry {
    /// What of each of these series is stored.
    pub async fn stock(&self, ids: &[SeriesId]) -> Result<Vec<Stock>> {
        let mut stocks: Stocks = ids.iter().map(|id| (*id, Stock::default())).collect();
        match &self.inner.backend {
            Backend::Files(files) => {
                let mut wanted: Vec<SeriesId> = stocks.keys().copied().collect();
                wanted.sort_unstable();
                for day in files.partitions.days() {
                    for (series, found) in files.partitions.stock(day, &wanted).await? {
                        stocks.entry(series).or_default().add_all(&found);
                    }
                }
            }
            Backend::Rows(rows) => stocks.extend(rows.stock(ids).await?),
        }
        Ok(ids
            .iter()
            .map(|id| stocks.get(id).copied().unwrap_or_default())
            .collect())
    }
}

impl Partitions {
    /// The same of one day, of series in ascending order.
    async fn stock(&self, day: i64, wanted: &[SeriesId]) -> Result<Stocks> {
        let mut tries = 1;
        loop {
            let mut stocks = Stocks::new();
            // Segments first: what is moved meanwhile is not missed.
            let found = match self.stock_of_segments(day, wanted, &mut stocks).await {
                Ok(()) => self.stock_of_chunks(day, wanted, &mut stocks).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(()) => return Ok(stocks),
                // It was dropped meanwhile.
                Err(_) if !self.has(day) => return Ok(Stocks::new()),
                // What was moved stands elsewhere now; what is damaged is met again, and then told.
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    async fn stock_of_segments(&self, day: i64, wanted: &[SeriesId], stocks: &mut Stocks) -> Result<()> {
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(());
        };
        let rows = query("select id, contents, count from segment where max_series >= $1 and min_series <= $2")
            .bind(i64::from(*first))
            .bind(i64::from(*last))
            .fetch_all(&self.reader(day))
            .await
            .map_err(|error| explained(self.dir(), day, error))?;
        let is_wanted = |series: SeriesId| wanted.binary_search(&series).is_ok();
        // Frames with the bytes that each takes.
        let mut frames = Vec::new();
        for row in rows {
            let segment: i64 = row.try_get(0)?;
            let stored: &[u8] = row.try_get(1)?;
            let readings: i64 = row.try_get(2)?;
            let listed = contents::decode(stored).map_err(|damage| corrupt_segment(day, segment, None, damage))?;
            for (index, frame) in listed.into_iter().enumerate() {
                if !frame.series().any(is_wanted) {
                    continue;
                }
                let listing = stored.len() as u64 * frame.readings as u64 / readings.unsigned_abs().max(1);
                let bytes = frame.length as u64 + listing;
                frames.push((Stored::Frame { segment, index, frame }, bytes));
            }
        }
        for part in frames.chunks(AT_ONCE) {
            let places: Vec<Stored> = part.iter().map(|(stored, _)| stored.clone()).collect();
            let blocks = self.blocks(day, &places).await?;
            for (block, (_, bytes)) in blocks.into_iter().zip(part) {
                let block = block?;
                for (series, run) in block.runs().filter(|(series, _)| is_wanted(*series)) {
                    let times = &block.times()[run.clone()];
                    let (Some(first), Some(last)) = (times.first(), times.last()) else {
                        continue;
                    };
                    let share = bytes * run.len() as u64 / block.len().max(1) as u64;
                    stocks
                        .entry(series)
                        .or_default()
                        .add(run.len() as u64, share, (*first, *last));
                }
            }
        }
        Ok(())
    }

    async fn stock_of_chunks(&self, day: i64, wanted: &[SeriesId], stocks: &mut Stocks) -> Result<()> {
        let rows = query(
            "select c.id, c.totals, c.series, c.min_ts, c.max_ts, c.clock,
                    length(c.totals) + length(c.body), length(k.body),
                    (select count(*) from chunk o where o.clock = c.clock)
               from chunk c left join clock k on k.id = c.clock
              where c.series in (select value from json_each($1))",
        )
        .bind(serde_json::Value::from(wanted).to_string())
        .fetch_all(&self.reader(day))
        .await
        .map_err(|error| explained(self.dir(), day, error))?;
        for row in rows {
            let chunk = chunk(day, &row)??;
            let own: i64 = row.try_get(6)?;
            let clock: Option<i64> = row.try_get(7)?;
            let users: i64 = row.try_get(8)?;
            let bytes = own + clock.unwrap_or_default() / users.max(1);
            let stock = stocks.entry(chunk.series).or_default();
            stock.add(chunk.totals.readings, bytes.unsigned_abs(), (chunk.first, chunk.last));
        }
        Ok(())
    }
}
