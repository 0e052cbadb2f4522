//! The newest readings of a series before a moment.
//!
//! Files are read in order of time only. So they are looked at in windows from the last reading back, each twice as wide as
//! the one before, and none wider than its day: however far apart readings are, few windows are looked at, and however
//! dense they were before, no more than a day of them. In memory there are the readings that are asked for, and a page.

use std::collections::VecDeque;

use super::days::{DAY, day_of};
use super::postgres::{Rows, sample};
use super::{Backend, Telemetry};
use crate::domain::telemetry::{Micros, Sample, SeriesId};
use crate::storage::error::Result;

/// Width of the first window.
const FIRST: Micros = 5 * 60 * 1_000_000;
/// Readings fetched at a time.
const PAGE: usize = 1_000;

impl Telemetry {
    /// The newest readings of `[from, to)`, at most so many, in order of time.
    pub async fn newest(&self, id: SeriesId, from: Micros, to: Micros, most: usize) -> Result<Vec<Sample>> {
        if from >= to || most == 0 {
            return Ok(Vec::new());
        }
        let files = match &self.inner.backend {
            Backend::Files(files) => files,
            Backend::Rows(rows) => return rows.newest(id, from, to, most).await,
        };
        let Some(last) = self.latest(&[id]).await?.pop().flatten() else {
            return Ok(Vec::new());
        };
        let mut end = to.min(last.timestamp.saturating_add(1));
        let mut width = FIRST;
        let mut found = VecDeque::new();
        for day in files
            .partitions
            .days_in(day_of(from), day_of(end.saturating_sub(1)))
            .into_iter()
            .rev()
        {
            let begin = day.saturating_mul(DAY);
            end = end.min(begin.saturating_add(DAY));
            let begin = begin.max(from);
            while begin < end && found.len() < most {
                let start = end.saturating_sub(width).max(begin);
                let part = self.last(id, start, end, most - found.len()).await?;
                part.into_iter().rev().for_each(|sample| found.push_front(sample));
                (end, width) = (start, width.saturating_mul(2));
            }
            if found.len() == most {
                break;
            }
        }
        Ok(found.into())
    }

    /// The last readings of a window.
    async fn last(&self, id: SeriesId, from: Micros, to: Micros, most: usize) -> Result<VecDeque<Sample>> {
        let mut last = VecDeque::new();
        let mut scan = self.scan(id, from, to);
        loop {
            let page = scan.next(PAGE).await?;
            if page.is_empty() {
                return Ok(last);
            }
            last.extend(page);
            last.drain(..last.len().saturating_sub(most));
        }
    }
}

impl Rows {
    /// The newest readings of `[from, to)`, at most so many, in order of time.
    async fn newest(&self, id: SeriesId, from: Micros, to: Micros, most: usize) -> Result<Vec<Sample>> {
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(
            "select series, ts, value, json, quality, reason, received
               from reading where series = $1 and ts >= $2 and ts < $3 order by ts desc limit $4",
        )
        .bind(i64::from(id))
        .bind(from)
        .bind(to)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().rev().map(sample).collect()
    }
}
