//! What compaction makes of segments and chunks: pure work on memory, away from the tasks that answer callers.

use std::collections::HashMap;

use super::block::Block;
use super::chunk::{self, Chunk, FULL};
use super::codec::Encoder;
use super::steps::Put;
use super::stored::{Bodies, Stored};
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::{Error, Result};

/// A reading on its way into a chunk. In order: series and time, then where it comes from, chunks before segments and
/// segments by their numbers, so that the first of equal keys is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    series: SeriesId,
    time: Micros,
    /// Which block.
    source: u32,
    /// Position in the block.
    at: u32,
}

/// Readings of segments.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    blocks: Vec<Block>,
    entries: Vec<Entry>,
}

/// Which chunks are merged with what is fresh, and which are not touched.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) merged: Vec<Chunk>,
    /// Where full chunks begin that stay as they are: no new chunk reaches across.
    fences: HashMap<SeriesId, Vec<Micros>>,
}

/// Decodes the readings of some series. What cannot be read is told with its segment.
pub(super) fn fresh(
    day: i64,
    frames: &[Stored],
    bodies: &Bodies,
    series: (SeriesId, SeriesId),
) -> (Fresh, Vec<(i64, Error)>) {
    let (mut fresh, mut damaged) = (Fresh::default(), Vec::new());
    for stored in frames {
        let Stored::Frame { segment, .. } = stored else {
            continue;
        };
        if !stored.holds_any(|held| (series.0..=series.1).contains(&held)) {
            continue;
        }
        match stored.decode(day, bodies) {
            Ok(block) => {
                add(&mut fresh.entries, fresh.blocks.len(), &block, series);
                fresh.blocks.push(block);
            }
            Err(error) => damaged.push((*segment, error)),
        }
    }
    sort(&mut fresh.entries);
    (fresh, damaged)
}

fn add(entries: &mut Vec<Entry>, source: usize, block: &Block, wanted: (SeriesId, SeriesId)) {
    for (series, run) in block
        .runs()
        .filter(|(series, _)| (wanted.0..=wanted.1).contains(series))
    {
        entries.extend(run.map(|at| Entry {
            series,
            time: block.times()[at],
            source: source as u32,
            at: at as u32,
        }));
    }
}

/// Sorts, and of equal keys leaves the first.
fn sort(entries: &mut Vec<Entry>) {
    // Not the unstable one: what is sorted are runs that are in order already.
    entries.sort();
    entries.dedup_by_key(|entry| (entry.series, entry.time));
}

/// Chooses chunks that fresh readings lie in, and short ones beside them.
pub(super) fn choose(fresh: &Fresh, known: Vec<Chunk>) -> Chosen {
    let mut chosen = Chosen::default();
    let mut short = Vec::new();
    for chunk in known {
        let times = fresh.of(chunk.series);
        if times.is_empty() {
            continue;
        }
        let next = times.get(times.partition_point(|entry| entry.time < chunk.first));
        if next.is_some_and(|entry| entry.time <= chunk.last) {
            chosen.merged.push(chunk);
        } else if chunk.totals.readings < FULL as u64 {
            short.push(chunk);
        } else {
            chosen.fences.entry(chunk.series).or_default().push(chunk.first);
        }
    }
    short.retain(|chunk| {
        let fences = chosen.fences.get(&chunk.series).map(Vec::as_slice).unwrap_or_default();
        let plot = plot(fences, chunk.first);
        fresh
            .of(chunk.series)
            .iter()
            .any(|entry| self::plot(fences, entry.time) == plot)
    });
    chosen.merged.append(&mut short);
    chosen
}

/// How many fences stand before a moment.
fn plot(fences: &[Micros], at: Micros) -> usize {
    fences.partition_point(|fence| *fence <= at)
}

impl Fresh {
    fn of(&self, series: SeriesId) -> &[Entry] {
        let from = self.entries.partition_point(|entry| entry.series < series);
        let to = self.entries.partition_point(|entry| entry.series <= series);
        &self.entries[from..to]
    }
}

/// Merges, and codes the new chunks. Chunks that cannot be read stay beside them, and are told.
pub(super) fn code(
    day: i64,
    fresh: Fresh,
    chosen: Chosen,
    old: &Bodies,
    number: i64,
    mut put: Put,
) -> Result<(Put, Vec<Error>)> {
    let (mut sources, mut entries, mut read, mut damaged) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for chunk in chosen.merged {
        let series = (chunk.series, chunk.series);
        let stored = Stored::Chunk(chunk.clone());
        match stored.decode(day, old) {
            Ok(block) => {
                add(&mut entries, sources.len(), &block, series);
                sources.push(block);
                read.push(chunk);
            }
            Err(error) => damaged.push(error),
        }
    }
    let before = sources.len() as u32;
    sources.extend(fresh.blocks);
    entries.extend(fresh.entries.into_iter().map(|entry| Entry {
        source: entry.source + before,
        ..entry
    }));
    sort(&mut entries);

    let (mut out, mut pieces, mut unchanged) = (Block::with_capacity(entries.len()), Vec::new(), Vec::new());
    let mut rest = entries.as_slice();
    while let Some(first) = rest.first() {
        let fences = chosen.fences.get(&first.series).map(Vec::as_slice).unwrap_or_default();
        let place = plot(fences, first.time);
        let length = rest.partition_point(|entry| entry.series == first.series && plot(fences, entry.time) == place);
        let (group, after) = rest.split_at(length);
        rest = after;
        if let Some(chunk) = read.get(first.source as usize)
            && group.iter().all(|entry| entry.source == first.source)
            && chunk.totals.readings == length as u64
        {
            // Nothing came to it: a round that was cut off has been here.
            unchanged.push(chunk.id);
            continue;
        }
        let begin = out.len();
        for entry in group {
            out.copy(entry.series, &sources[entry.source as usize], entry.at as usize);
        }
        pieces.push((first.series, begin..out.len()));
    }

    let failed = |source| Error::File {
        path: super::days::name(day),
        source,
    };
    let mut encoder = Encoder::new().map_err(failed)?;
    let mut clocks: HashMap<&[Micros], i64> = HashMap::new();
    put.number = number;
    for (series, piece) in pieces {
        for range in chunk::cuts(&out, piece) {
            let times = &out.times()[range.clone()];
            let clock = match clocks.get(times) {
                Some(clock) => *clock,
                None => {
                    put.number += 1;
                    let body = chunk::encode_times(put.number, &mut encoder, times).map_err(failed)?;
                    put.clocks.push((put.number, body));
                    clocks.insert(times, put.number);
                    put.number
                }
            };
            put.number += 1;
            let chunk = Chunk::new(put.number, series, clock, &out, range.clone());
            let values = chunk.encode(&mut encoder, &out, range).map_err(failed)?;
            let totals = chunk.encode_totals(&mut encoder).map_err(failed)?;
            put.chunks.push((chunk, totals, values));
        }
    }
    let gone = read.iter().filter(|chunk| !unchanged.contains(&chunk.id));
    put.replaced = gone.map(|chunk| (chunk.id, chunk.clock)).collect();
    Ok((put, damaged))
}

/// Series, first and last, that a step can take: so many readings and series, about, and more only of one series alone.
pub(super) fn ranges(frames: &[Stored], most_readings: u64, most_series: usize) -> Vec<(SeriesId, SeriesId)> {
    let mut weights: Vec<u64> = Vec::new();
    for stored in frames {
        let Stored::Frame { frame, .. } = stored else { continue };
        let held: usize = frame.intervals.iter().map(|(_, count)| *count as usize).sum();
        let each = frame.readings.div_ceil(held.max(1)) as u64;
        for series in frame.series() {
            let at = series as usize;
            if weights.len() <= at {
                weights.resize(at + 1, 0);
            }
            weights[at] += each;
        }
    }
    let mut ranges: Vec<(SeriesId, SeriesId)> = Vec::new();
    let (mut weight, mut count) = (0, 0);
    for (at, each) in weights.into_iter().enumerate().filter(|(_, each)| *each > 0) {
        let series = at as SeriesId;
        match ranges.last_mut() {
            Some((_, last)) if weight + each <= most_readings && count < most_series => *last = series,
            _ => {
                ranges.push((series, series));
                (weight, count) = (0, 0);
            }
        }
        weight += each;
        count += 1;
    }
    ranges
}
