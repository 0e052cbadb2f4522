//! Drops what is kept no longer: the file of a day as a whole, or chunks of some series in it.
//!
//! It goes through the compactor: what moves readings and what drops them must not meet.

use std::collections::{HashSet, VecDeque};

use sqlx::Row as _;

use super::compaction::{Compactor, Progress, Stop};
use super::days::{self, day_of};
use super::partition::{explained, query};
use super::steps::Step;
use super::{lock, write};
use crate::domain::retention::Kept;
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::Result;

/// Series whose chunks are dropped with one transaction.
const SERIES: usize = if cfg!(test) { 2 } else { 256 };

/// What is being dropped of a day.
#[derive(Debug)]
pub(super) struct Expiring {
    day: i64,
    parts: VecDeque<Vec<SeriesId>>,
    /// Nobody has looked whether anything is left.
    is_new: bool,
}

impl Compactor {
    /// Does the next step, if anything is over. A day that has segments waits until they are compacted, unless all of it
    /// is over. After an error the day begins anew.
    pub async fn expire(&mut self, kept: &Kept, now: Micros) -> Result<Progress> {
        match self.expire_step(kept, day_of(now)).await {
            Ok(progress) => Ok(progress),
            Err(Stop::Ended) => Ok(Progress::Ended),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn expire_step(&mut self, kept: &Kept, today: i64) -> std::result::Result<Progress, Stop> {
        if let Some(mut expiring) = self.expiring.take() {
            if self.drop_on(&mut expiring).await? {
                self.expiring = Some(expiring);
            }
            return Ok(Progress::Step);
        }
        let days = self.files.partitions.days();
        self.expired.retain(|day, _| days.contains(day));
        for day in days.into_iter().filter(|day| *day < today) {
            if kept.is_all_over(day, today) {
                self.remove(day, true).await?;
                return Ok(Progress::Step);
            }
            let is_waiting = self.unknown.contains(&day) || lock(&self.files.pending).contains_key(&day);
            if is_waiting || self.round.as_ref().is_some_and(|round| round.day == day) {
                continue;
            }
            let over = kept.over(day, today);
            if over.is_empty() || self.expired.get(&day) == Some(&over.len()) {
                continue;
            }
            self.expired.insert(day, over.len());
            // The checkpoint of newest readings may be older than what was dropped.
            write(&self.files.newest).forget(day, Some(&over));
            let held = self.held(day).await?;
            let gone: Vec<SeriesId> = over.into_iter().filter(|series| held.contains(series)).collect();
            // A file in which nothing is left goes, too: whoever emptied it may have been cut off.
            if gone.is_empty() && !held.is_empty() {
                continue;
            }
            self.expiring = Some(Expiring {
                day,
                parts: gone.chunks(SERIES).map(<[SeriesId]>::to_vec).collect(),
                is_new: true,
            });
            return Ok(Progress::Step);
        }
        Ok(Progress::Idle)
    }

    /// Drops the file of a day, unless it must be empty and is not; says whether it has.
    async fn remove(&mut self, day: i64, is_over: bool) -> std::result::Result<bool, Stop> {
        let is_gone = self.order(day, Step::Remove { is_over }).await?;
        if is_gone {
            self.round = self.round.take().filter(|round| round.day != day);
            self.unknown.retain(|unknown| *unknown != day);
            lock(&self.files.pending).remove(&day);
            tracing::info!(file = days::name(day), "readings of a day are over; their file is gone");
        }
        Ok(is_gone)
    }

    /// Series that have chunks in a day's file.
    async fn held(&self, day: i64) -> Result<HashSet<SeriesId>> {
        let partitions = &self.files.partitions;
        let rows = query("select distinct series from chunk")
            .fetch_all(&partitions.reader(day))
            .await
            .map_err(|error| explained(partitions.dir(), day, error))?;
        let series = rows
            .iter()
            .map(|row| row.try_get::<i64, _>(0).map(|series| series as SeriesId));
        Ok(series.collect::<sqlx::Result<_>>()?)
    }

    /// The next step of a day; false after the last.
    async fn drop_on(&mut self, expiring: &mut Expiring) -> std::result::Result<bool, Stop> {
        let day = expiring.day;
        if let Some(series) = expiring.parts.pop_front() {
            self.order(day, Step::Expire { series }).await?;
        } else if expiring.is_new {
            expiring.is_new = false;
            return Ok(!self.remove(day, false).await?);
        } else {
            return self.order(day, Step::Shrink).await;
        }
        Ok(true)
    }
}
