//! The readings of one series in order of time, a page at a time, so that no range is too long for memory.

use std::collections::VecDeque;
use std::sync::Arc;

use super::block::Block;
use super::days::day_of;
use super::partition::Partitions;
use super::stored::{Place, Stored, Wanted};
use super::{Backend, Inner, read};
use crate::domain::telemetry::{Micros, Sample, SeriesId};
use crate::storage::error::Result;

/// Frames that are read at once, at the beginning and at most: a short page needs few.
const FIRST_AT_ONCE: usize = 4;
const MOST_AT_ONCE: usize = 256;

/// A cursor over readings of `[from, to)`.
#[derive(Debug)]
pub struct Scan {
    inner: Arc<Inner>,
    series: SeriesId,
    from: Micros,
    to: Micros,
    /// Days that are still to be opened.
    days: VecDeque<i64>,
    day: Option<Day>,
    ready: VecDeque<Sample>,
    at_once: usize,
    /// What could not be read, and made the day be opened again: compaction may have moved it.
    failed: Option<(i64, Place)>,
}

/// What is left of the day that is being read.
#[derive(Debug)]
struct Day {
    number: i64,
    /// Earliest last.
    pieces: Vec<Piece>,
    /// Readings that something not yet read may come before.
    pending: Vec<Sample>,
}

/// Readings of one frame or chunk; none is earlier than `first`.
#[derive(Debug)]
struct Piece {
    first: Micros,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Memory(Arc<Block>),
    Disk(Stored),
}

impl Scan {
    pub(super) fn new(inner: Arc<Inner>, series: SeriesId, from: Micros, to: Micros) -> Self {
        let days = match &inner.backend {
            Backend::Files(files) if from < to => files.partitions.days_in(day_of(from), day_of(to - 1)).into(),
            _ => VecDeque::new(),
        };
        Self {
            inner,
            series,
            from,
            to,
            days,
            day: None,
            ready: VecDeque::new(),
            at_once: FIRST_AT_ONCE,
            failed: None,
        }
    }

    /// The next readings, at most so many; empty at the end.
    pub async fn next(&mut self, most: usize) -> Result<Vec<Sample>> {
        let inner = Arc::clone(&self.inner);
        match &inner.backend {
            Backend::Files(files) => {
                while self.ready.len() < most && self.advance(&files.partitions).await? {}
                Ok(self.ready.drain(..most.min(self.ready.len())).collect())
            }
            Backend::Rows(_) if self.from >= self.to => Ok(Vec::new()),
            Backend::Rows(rows) => {
                let page = rows.history(self.series, self.from, self.to, most).await?;
                // After the last page there is nothing to ask for.
                self.from = match page.last() {
                    Some(last) if page.len() == most => last.timestamp.saturating_add(1),
                    _ => self.to,
                };
                Ok(page)
            }
        }
    }

    /// Reads on; false at the end.
    async fn advance(&mut self, partitions: &Partitions) -> Result<bool> {
        let Some(day) = &mut self.day else {
            let Some(number) = self.days.pop_front() else {
                return Ok(false);
            };
            self.day = Some(self.open(partitions, number).await?);
            return Ok(true);
        };
        let part = day.pieces.split_off(day.pieces.len().saturating_sub(self.at_once));
        self.at_once = (self.at_once * 2).min(MOST_AT_ONCE);
        let mut stored = Vec::new();
        let mut blocks = Vec::with_capacity(part.len());
        for piece in part {
            match piece.source {
                Source::Memory(block) => blocks.push(block),
                Source::Disk(frame) => stored.push(frame),
            }
        }
        let number = day.number;
        let read = partitions.blocks(number, &stored).await?;
        for (block, stored) in read.into_iter().zip(&stored) {
            match block {
                Ok(block) => blocks.push(block),
                Err(error) => {
                    // What was moved stands elsewhere now; what is damaged is met again, and then told.
                    let place = Some((number, stored.place()));
                    if self.failed == place {
                        return Err(error);
                    }
                    self.failed = place;
                    self.day = Some(self.open(partitions, number).await?);
                    return Ok(true);
                }
            }
        }
        for block in blocks {
            let range = block.range(self.series, self.from, self.to);
            day.pending.extend(range.map(|at| block.sample(self.series, at)));
        }
        day.pending.sort_by_key(|sample| sample.timestamp);
        // While segments are moved, a reading may stand in two places.
        day.pending.dedup_by_key(|sample| sample.timestamp);
        match day.pieces.last() {
            Some(next) => {
                let sure = day.pending.partition_point(|sample| sample.timestamp < next.first);
                if sure > 0 {
                    self.from = day.pending[sure - 1].timestamp + 1;
                }
                self.ready.extend(day.pending.drain(..sure));
            }
            None => {
                self.ready.append(&mut std::mem::take(&mut day.pending).into());
                self.day = None;
            }
        }
        Ok(true)
    }

    async fn open(&self, partitions: &Partitions, day: i64) -> Result<Day> {
        let (from, until, series) = (self.from, self.to - 1, self.series);
        // What is committed meanwhile is either in neither place or on disk only.
        let (blocks, below) =
            read(&partitions.recent).find(day, from, until, |block| !block.range(series, from, self.to).is_empty());
        let mut pieces: Vec<Piece> = blocks
            .into_iter()
            .map(|block| Piece {
                first: block.times()[block.range(series, from, self.to).start],
                source: Source::Memory(block),
            })
            .collect();
        if below > 0 {
            let wanted = Wanted {
                from,
                until,
                series: &[series],
                above: 0,
                below,
            };
            let keep = |stored: &Stored| stored.holds(series) && stored.first() <= until && stored.last() >= from;
            let (stored, damaged) = partitions.list(day, wanted, keep).await?;
            if let Some(error) = damaged.into_iter().next() {
                // It may hold what is asked for; an answer without it would be silently wrong.
                return Err(error);
            }
            pieces.extend(stored.into_iter().map(|stored| Piece {
                first: stored.first(),
                source: Source::Disk(stored),
            }));
        }
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.first));
        Ok(Day {
            number: day,
            pieces,
            pending: Vec::new(),
        })
    }
}
