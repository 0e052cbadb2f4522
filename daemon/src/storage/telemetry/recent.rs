//! What is in memory of the partitions: the newest segments as they were committed, and frames that were read lately.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::block::Block;
use super::stored::Place;
use crate::domain::telemetry::Micros;

/// Readings of newest segments that are kept. Tests keep few, so that they reach what is beyond.
const MOST_READINGS: usize = if cfg!(test) { 800 } else { 1_000_000 };
/// Segments that are kept: each is looked at by a query.
const MOST_SEGMENTS: usize = if cfg!(test) { 8 } else { 20_000 };
/// Readings of frames that are kept.
const MOST_CACHED: usize = if cfg!(test) { 400 } else { 500_000 };

/// The newest segments. Of each day these are all from some number on: what has a lower number is on disk only.
#[derive(Debug, Default)]
pub(super) struct Recent {
    segments: VecDeque<Segment>,
    readings: usize,
    days: HashMap<i64, InMemory>,
}

#[derive(Debug)]
struct Segment {
    day: i64,
    id: i64,
    block: Arc<Block>,
}

#[derive(Debug)]
struct InMemory {
    /// Number of the first segment in memory.
    from: i64,
    segments: usize,
    /// Latest reading of the segments before; `MIN` if there are none, `MAX` if it is not known.
    before: Micros,
}

impl Recent {
    /// Adds a segment that was committed. `alone`: it is the first of its day.
    pub(super) fn push(&mut self, day: i64, id: i64, alone: bool, block: Arc<Block>) {
        let before = if alone { Micros::MIN } else { Micros::MAX };
        self.days
            .entry(day)
            .or_insert(InMemory {
                from: id,
                segments: 0,
                before,
            })
            .segments += 1;
        self.readings += block.len();
        self.segments.push_back(Segment { day, id, block });
        while self.readings > MOST_READINGS || self.segments.len() > MOST_SEGMENTS {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(segment) = self.segments.pop_front() {
            self.dropped(&segment);
        }
    }

    /// Drops segments of a day up to a number: they were moved into chunks.
    pub(super) fn drop_through(&mut self, day: i64, through: i64) {
        let is_moved = |segment: &Segment| segment.day == day && segment.id <= through;
        let (moved, rest): (VecDeque<_>, _) = std::mem::take(&mut self.segments).into_iter().partition(is_moved);
        self.segments = rest;
        moved.iter().for_each(|segment| self.dropped(segment));
    }

    fn dropped(&mut self, Segment { day, id, block }: &Segment) {
        self.readings -= block.len();
        let Some(known) = self.days.get_mut(day) else { return };
        known.segments -= 1;
        known.from = id + 1;
        known.before = known.before.max(block.bounds().map_or(Micros::MIN, |(_, last)| last));
        if known.segments == 0 {
            self.days.remove(day);
        }
    }

    /// Segments of a day that reach into `from` to `until` and pass `wanted`, and the number below which disk must be asked;
    /// 0 where it need not.
    pub(super) fn find(
        &self,
        day: i64,
        from: Micros,
        until: Micros,
        wanted: impl Fn(&Block) -> bool,
    ) -> (Vec<Arc<Block>>, i64) {
        let Some(known) = self.days.get(&day) else {
            return (Vec::new(), i64::MAX);
        };
        let found = self
            .segments
            .iter()
            .filter(|segment| segment.day == day)
            .map(|segment| &segment.block);
        let found = found.filter(|block| {
            block
                .bounds()
                .is_some_and(|(first, last)| first <= until && last >= from)
                && wanted(block)
        });
        let below = if known.before < from { 0 } else { known.from };
        (found.map(Arc::clone).collect(), below)
    }
}

/// Frames and chunks that were read lately; of too many, those that were not used for longest go.
#[derive(Debug, Default)]
pub(super) struct Cache {
    frames: HashMap<(i64, Place), (u64, Arc<Block>)>,
    readings: usize,
    clock: u64,
}

impl Cache {
    /// Forgets a day.
    pub(super) fn forget(&mut self, day: i64) {
        let gone = self.frames.extract_if(|(of, _), _| *of == day);
        self.readings -= gone.map(|(_, (_, block))| block.len()).sum::<usize>();
    }

    /// Forgets everything.
    #[cfg(test)]
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn get(&mut self, place: (i64, Place)) -> Option<Arc<Block>> {
        self.clock += 1;
        let (used, block) = self.frames.get_mut(&place)?;
        *used = self.clock;
        Some(Arc::clone(block))
    }

    pub(super) fn put(&mut self, place: (i64, Place), block: Arc<Block>) {
        self.clock += 1;
        self.readings += block.len();
        if let Some((_, old)) = self.frames.insert(place, (self.clock, block)) {
            self.readings -= old.len();
        }
        if self.readings > MOST_CACHED {
            // Half of them at once, so that the search for the oldest is rare.
            let mut uses: Vec<_> = self.frames.iter().map(|(place, (used, _))| (*used, *place)).collect();
            uses.sort_unstable();
            for (_, place) in uses {
                if self.readings <= MOST_CACHED / 2 {
                    break;
                }
                if let Some((_, block)) = self.frames.remove(&place) {
                    self.readings -= block.len();
                }
            }
        }
    }
}
