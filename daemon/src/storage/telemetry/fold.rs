//! The readings of many series, put into intervals: figures of chunks where they say all, and readings elsewhere.
//!
//! Chunks of one series do not overlap. Where nothing else of the series reaches into a chunk, its figures are those of
//! its readings; everything else is read, sorted, and taken once.

use std::collections::HashMap;
use std::sync::Arc;

use super::block::Block;
use super::chunk::Chunk;
use super::days::day_of;
use super::partition::Partitions;
use super::stored::{Place, Stored, Wanted};
use super::{Backend, Telemetry, read};
use crate::domain::aggregate::Course;
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::Result;

/// Series that one statement asks for.
const SERIES: usize = if cfg!(test) { 3 } else { 1_024 };
/// Readings that are read before they are put into intervals, about.
const READINGS: u64 = if cfg!(test) { 200 } else { 262_144 };
/// Readings of a page, of stores without chunks.
const PAGE: usize = 5_000;

/// Where readings of a series stand.
#[derive(Debug)]
enum Source {
    Memory(Arc<Block>),
    Disk(Stored),
}

/// Readings of one series that stand together, first and last.
#[derive(Debug)]
struct Piece {
    first: Micros,
    last: Micros,
    source: Source,
}

/// What a course takes next.
#[derive(Debug)]
enum Part {
    /// A chunk whose figures do, all of them or its rollup.
    Totals(Chunk),
    Rollup(Chunk),
    /// What is to be read: pieces that reach into each other.
    Readings(Vec<Source>),
}

/// What a course takes of a day, in order of time.
type Plan = Vec<Part>;

/// What could not be read of a day, at this place: compaction may have moved it.
struct Missing {
    /// Courses that were served before.
    served: usize,
    place: Place,
    error: crate::storage::Error,
}

impl Telemetry {
    /// Puts readings of `[from, to)` into the intervals of their courses.
    pub async fn fold(&self, courses: &mut [Course], from: Micros, to: Micros) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        match &self.inner.backend {
            Backend::Files(files) => {
                let days = files.partitions.days_in(day_of(from), day_of(to - 1));
                // Statements ask for series from the first to the last.
                let mut sorted: Vec<&mut Course> = courses.iter_mut().collect();
                sorted.sort_by_key(|course| course.series);
                for day in days {
                    for some in sorted.chunks_mut(SERIES) {
                        fold_day(&files.partitions, day, some, from, to).await?;
                    }
                }
            }
            Backend::Rows(_) => {
                for course in courses {
                    let mut scan = self.scan(course.series, from, to);
                    loop {
                        let page = scan.next(PAGE).await?;
                        page.iter().for_each(|sample| course.add_sample(sample));
                        if page.len() < PAGE {
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Serves some courses with what a day has.
async fn fold_day(
    partitions: &Partitions,
    day: i64,
    mut courses: &mut [&mut Course],
    from: Micros,
    to: Micros,
) -> Result<()> {
    let mut failed = None;
    while !courses.is_empty() {
        let plans = plans(partitions, day, courses, (from, to)).await?;
        match serve(partitions, day, courses, plans, (from, to)).await? {
            Ok(()) => return Ok(()),
            // What was moved stands elsewhere now; what is damaged is met again, and then told.
            Err(missing) if failed == Some(missing.place) => return Err(missing.error),
            Err(missing) => {
                failed = Some(missing.place);
                courses = &mut courses[missing.served..];
            }
        }
    }
    Ok(())
}

/// Finds what the courses take of a day.
async fn plans(
    partitions: &Partitions,
    day: i64,
    courses: &[&mut Course],
    (from, to): (Micros, Micros),
) -> Result<Vec<Plan>> {
    let series: Vec<SeriesId> = courses.iter().map(|course| course.series).collect();
    let mut pieces: Vec<Vec<Piece>> = courses.iter().map(|_| Vec::new()).collect();
    let until = to - 1;
    // What is committed meanwhile is either in neither place or on disk only.
    let (blocks, below) = read(&partitions.recent).find(day, from, until, |block| {
        series.iter().any(|series| !block.range(*series, from, to).is_empty())
    });
    for block in blocks {
        for (series, pieces) in series.iter().zip(&mut pieces) {
            let range = block.range(*series, from, to);
            if let Some(last) = range.clone().next_back() {
                pieces.push(Piece {
                    first: block.times()[range.start],
                    last: block.times()[last],
                    source: Source::Memory(Arc::clone(&block)),
                });
            }
        }
    }
    if below > 0 {
        let wanted = Wanted {
            from,
            until,
            series: &series,
            above: 0,
            below,
        };
        let is_within = |stored: &Stored| stored.first() <= until && stored.last() >= from;
        let (stored, damaged) = partitions.list(day, wanted, is_within).await?;
        if let Some(error) = damaged.into_iter().next() {
            // It may hold what is asked for; an answer without it would be silently wrong.
            return Err(error);
        }
        for stored in stored {
            let mut add = |at: usize, stored| {
                let piece = |stored: Stored| Piece {
                    first: stored.first(),
                    last: stored.last(),
                    source: Source::Disk(stored),
                };
                pieces[at].push(piece(stored));
            };
            if let Stored::Chunk(chunk) = &stored {
                if let Ok(at) = series.binary_search(&chunk.series) {
                    add(at, stored);
                }
                continue;
            }
            for at in (0..series.len()).filter(|at| stored.holds(series[*at])) {
                add(at, stored.clone());
            }
        }
    }
    let plans = courses.iter().zip(pieces);
    Ok(plans.map(|(course, pieces)| plan(course, pieces, (from, to))).collect())
}

/// Sorts pieces, and finds the chunks that nothing else reaches into.
fn plan(course: &Course, mut pieces: Vec<Piece>, (from, to): (Micros, Micros)) -> Plan {
    pieces.sort_by_key(|piece| piece.first);
    let mut plan = Plan::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let (mut last, mut together) = (piece.last, vec![piece.source]);
        while let Some(next) = pieces.next_if(|next| next.first <= last) {
            last = last.max(next.last);
            together.push(next.source);
        }
        let alone = match together.as_slice() {
            [Source::Disk(Stored::Chunk(chunk))] => Some(chunk),
            _ => None,
        };
        plan.push(match alone {
            Some(chunk)
                if chunk.first >= from && chunk.last < to && course.takes(chunk.first, chunk.last, &chunk.totals) =>
            {
                Part::Totals(chunk.clone())
            }
            Some(chunk)
                if chunk
                    .rollup
                    .as_ref()
                    .is_some_and(|rollup| course.takes_rollup(rollup, from, to)) =>
            {
                Part::Rollup(chunk.clone())
            }
            _ => Part::Readings(together),
        });
    }
    plan
}

/// Serves courses, as many at once as have so many readings to be read.
async fn serve(
    partitions: &Partitions,
    day: i64,
    courses: &mut [&mut Course],
    plans: Vec<Plan>,
    range: (Micros, Micros),
) -> Result<std::result::Result<(), Missing>> {
    let (mut served, mut plans) = (0, plans.into_iter().peekable());
    while plans.peek().is_some() {
        let (mut together, mut wanted, mut readings) = (Vec::new(), HashMap::new(), 0);
        while let Some(plan) = plans.next_if(|_| readings < READINGS) {
            for stored in plan.iter().flat_map(Part::on_disk) {
                let is_new = wanted.insert(stored.place(), stored.clone()).is_none();
                readings += if is_new { stored.readings() } else { 0 };
            }
            together.push(plan);
        }
        let wanted: Vec<Stored> = wanted.into_values().collect();
        let mut blocks = HashMap::with_capacity(wanted.len());
        for (stored, block) in wanted.iter().zip(partitions.blocks(day, &wanted).await?) {
            let place = stored.place();
            match block {
                Ok(block) => blocks.insert(place, block),
                Err(error) => return Ok(Err(Missing { served, place, error })),
            };
        }
        for plan in together {
            for part in plan {
                part.add(courses[served], &blocks, range);
            }
            served += 1;
        }
    }
    Ok(Ok(()))
}

impl Part {
    /// What it needs to have read.
    fn on_disk(&self) -> impl Iterator<Item = &Stored> {
        let sources = match self {
            Self::Readings(sources) => sources.as_slice(),
            Self::Totals(_) | Self::Rollup(_) => &[],
        };
        sources.iter().filter_map(|source| match source {
            Source::Disk(stored) => Some(stored),
            Source::Memory(_) => None,
        })
    }

    fn add(self, course: &mut Course, blocks: &HashMap<Place, Arc<Block>>, (from, to): (Micros, Micros)) {
        let sources = match self {
            Self::Totals(chunk) => return course.add_run(chunk.first, &chunk.totals),
            Self::Rollup(chunk) => {
                if let Some(rollup) = &chunk.rollup {
                    course.add_rollup(rollup, from, to);
                }
                return;
            }
            Self::Readings(sources) => sources,
        };
        let found: Vec<&Arc<Block>> = sources
            .iter()
            .filter_map(|source| match source {
                Source::Memory(block) => Some(block),
                Source::Disk(stored) => blocks.get(&stored.place()),
            })
            .collect();
        if let [block] = found.as_slice() {
            for at in block.range(course.series, from, to) {
                let (time, number, is_good) = block.measured(at);
                course.add(time, number, is_good);
            }
            return;
        }
        let mut readings = Vec::new();
        for block in found {
            readings.extend(block.range(course.series, from, to).map(|at| block.measured(at)));
        }
        readings.sort_by_key(|(time, ..)| *time);
        // While segments are moved, a reading may stand in two places.
        readings.dedup_by_key(|(time, ..)| *time);
        for (time, number, is_good) in readings {
            course.add(time, number, is_good);
        }
    }
}
