//! How readings of one series are kept for good: a chunk of them with its figures, beside a clock, their times, which
//! series that are read together share.
//!
//! A chunk's values are the columns of a frame behind its times (`codec.rs`), then CRC-32. Its totals: version, readings,
//! good ones, numbers; where there are numbers, seven doubles (least, greatest, sum, first, last, area, increase; each a
//! kind as in a frame, and whole units or raw bits), time of the first since that of the chunk, time of the last until
//! that of the chunk, microseconds held, drops. Behind them the number of the rollup's width, or 255: there is none; then
//! how many intervals it has, and the totals of each, with times since and until its begin, packed like a frame; then
//! CRC-32. Version 1 had plain doubles, and neither increase nor drops nor a rollup. A clock: the unit of
//! its times in microseconds, how many there are, the first, then differences of differences; packed like a frame; then
//! CRC-32. Each checksum covers the key columns of its row, too.

use std::ops::Range;

use super::block::Block;
use super::bytes::{Damage, Input, put, put_signed};
use super::codec::{self, Encoder};
use crate::domain::aggregate::{Rollup, Totals};
use crate::domain::telemetry::{Micros, SeriesId};

/// A chunk with so many readings is not made longer. Tests have few readings.
pub(super) const FULL: usize = if cfg!(test) { 40 } else { 1_000 };
/// Readings of a chunk at most.
pub(super) const MOST: usize = if cfg!(test) { 100 } else { 4_096 };
/// Bytes of JSON after which a chunk ends.
const MOST_TEXT: usize = if cfg!(test) { 2_000 } else { 1 << 20 };

const VERSION: u8 = 2;
const NO_ROLLUP: u8 = 255;
/// Units of times, microseconds: the largest that divides all of them is taken.
const UNITS: [i64; 3] = [1_000_000, 1_000, 1];

/// A chunk, without its readings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chunk {
    pub(super) id: i64,
    pub(super) series: SeriesId,
    /// Time of the first reading.
    pub(super) first: Micros,
    /// Time of the last reading.
    pub(super) last: Micros,
    /// Number of its clock.
    pub(super) clock: i64,
    pub(super) totals: Totals,
    /// Figures in short intervals, where there are enough readings for it.
    pub(super) rollup: Option<Rollup>,
}

impl Chunk {
    /// The chunk of some readings of one series, which must not be none.
    pub(super) fn new(id: i64, series: SeriesId, clock: i64, block: &Block, range: Range<usize>) -> Self {
        let (first, last) = (block.times()[range.start], block.times()[range.end - 1]);
        let (mut totals, mut before) = (Totals::default(), None);
        let mut rollup = Rollup::begin(first, last, range.len());
        for at in range {
            let (time, number, is_good) = block.measured(at);
            totals.add(before, time, number, is_good);
            if let Some(rollup) = &mut rollup {
                rollup.add(before, time, number, is_good);
            }
            before = Some((time, number));
        }
        Self {
            id,
            series,
            first,
            last,
            clock,
            totals,
            rollup,
        }
    }

    /// The columns of its row that tell where it belongs.
    fn key(&self) -> [i64; 5] {
        [self.id, i64::from(self.series), self.first, self.last, self.clock]
    }

    /// The figures as they are stored.
    pub(super) fn encode_totals(&self, encoder: &mut Encoder) -> std::io::Result<Vec<u8>> {
        let mut out = vec![VERSION];
        put_totals(&mut out, &self.totals, (self.first, self.last));
        match &self.rollup {
            None => out.push(NO_ROLLUP),
            Some(rollup) => {
                out.push(rollup.number());
                let mut column = Vec::with_capacity(rollup.runs.len() * 64);
                put(&mut column, rollup.runs.len() as u64);
                for (start, run) in rollup.iter() {
                    put_totals(&mut column, run, (start, start));
                }
                out.extend(encoder.column(column)?);
            }
        }
        Ok(sealed(&self.key(), out))
    }

    /// Reads a row's figures.
    pub(super) fn read(
        id: i64,
        series: SeriesId,
        times: (Micros, Micros),
        clock: i64,
        stored: &[u8],
    ) -> Result<Self, Damage> {
        let mut chunk = Self {
            id,
            series,
            first: times.0,
            last: times.1,
            clock,
            totals: Totals::default(),
            rollup: None,
        };
        let mut input = Input(unsealed(&chunk.key(), stored)?);
        match input.array()? {
            [1] => chunk.totals = totals_of_version_1(&mut input, times)?,
            [VERSION] => {
                chunk.totals = totals(&mut input, times)?;
                chunk.rollup = rollup(input, times.0)?;
            }
            _ => return Err(Damage("the version is unknown")),
        }
        Ok(chunk)
    }

    /// Codes its readings, which stand in this part of a block.
    pub(super) fn encode(&self, encoder: &mut Encoder, block: &Block, range: Range<usize>) -> std::io::Result<Vec<u8>> {
        Ok(sealed(&self.key(), encoder.values(block, range, self.first)?))
    }

    /// Reads its readings.
    pub(super) fn decode(&self, clock: &[u8], values: &[u8]) -> Result<Block, Damage> {
        let values = unsealed(&self.key(), values)?;
        let times = times(self.clock, clock)?;
        if times.len() as u64 != self.totals.readings
            || times.first() != Some(&self.first)
            || times.last() != Some(&self.last)
        {
            return Err(Damage("its times are those of others"));
        }
        let runs = std::iter::once((self.series, times.len()));
        codec::unpack(values, |input| codec::values(input, runs, times, self.first))
    }
}

fn put_totals(out: &mut Vec<u8>, totals: &Totals, times: (Micros, Micros)) {
    put(out, totals.readings);
    put(out, totals.good);
    put(out, totals.numbers);
    if totals.numbers == 0 {
        return;
    }
    let doubles = [
        totals.min,
        totals.max,
        totals.sum,
        totals.first.1,
        totals.last.1,
        totals.area,
        totals.increase,
    ];
    for double in doubles {
        codec::put_number(out, double);
    }
    put_signed(out, totals.first.0.wrapping_sub(times.0));
    put_signed(out, times.1.wrapping_sub(totals.last.0));
    put(out, totals.held as u64);
    put(out, totals.drops);
}

fn totals(input: &mut Input<'_>, times: (Micros, Micros)) -> Result<Totals, Damage> {
    let mut totals = Totals {
        readings: input.number()?,
        good: input.number()?,
        numbers: input.number()?,
        ..Totals::default()
    };
    if totals.numbers > 0 {
        let mut double = || codec::number(input);
        (totals.min, totals.max, totals.sum) = (double()?, double()?, double()?);
        let (first, last) = (double()?, double()?);
        (totals.area, totals.increase) = (double()?, double()?);
        totals.first = (times.0.wrapping_add(input.signed()?), first);
        totals.last = (times.1.wrapping_sub(input.signed()?), last);
        totals.held = input.number()? as i64;
        totals.drops = input.number()?;
    }
    Ok(totals)
}

fn totals_of_version_1(input: &mut Input<'_>, times: (Micros, Micros)) -> Result<Totals, Damage> {
    let mut totals = Totals {
        readings: input.number()?,
        good: input.number()?,
        numbers: input.number()?,
        drops: Totals::UNKNOWN,
        ..Totals::default()
    };
    if totals.numbers > 0 {
        let mut double = || input.array().map(|bytes| f64::from_bits(u64::from_le_bytes(bytes)));
        (totals.min, totals.max, totals.sum) = (double()?, double()?, double()?);
        let (first, last) = (double()?, double()?);
        totals.area = double()?;
        totals.first = (times.0.wrapping_add(input.number()? as i64), first);
        totals.last = (times.1.wrapping_sub(input.number()? as i64), last);
        totals.held = input.number()? as i64;
    }
    Ok(totals)
}

fn rollup(mut input: Input<'_>, first: Micros) -> Result<Option<Rollup>, Damage> {
    let [width] = input.array()?;
    if width == NO_ROLLUP {
        return Ok(None);
    }
    let step = Rollup::step_of(width).ok_or(Damage("the width of its intervals is unknown"))?;
    codec::unpack(input.0, |mut input| {
        let start = first - first.rem_euclid(step);
        let count = input.small()? as usize;
        // What is believed before it is read stays small.
        let mut runs = Vec::with_capacity(count.min(MOST));
        for at in 0..count {
            let begin = start.wrapping_add(step.wrapping_mul(at as i64));
            runs.push(totals(&mut input, (begin, begin))?);
        }
        Ok(Some(Rollup { step, start, runs }))
    })
}

/// Codes times, ascending.
pub(super) fn encode_times(id: i64, encoder: &mut Encoder, times: &[Micros]) -> std::io::Result<Vec<u8>> {
    let unit = UNITS
        .into_iter()
        .find(|unit| times.iter().all(|time| time % unit == 0))
        .unwrap_or(1);
    let mut out = Vec::with_capacity(times.len() * 2 + 16);
    put(&mut out, unit as u64);
    put(&mut out, times.len() as u64);
    let (mut before, mut step) = (0_i64, 0_i64);
    for (nth, time) in times.iter().map(|time| time / unit).enumerate() {
        let this = time.wrapping_sub(before);
        put_signed(&mut out, this.wrapping_sub(step));
        // The first is no step.
        (before, step) = (time, if nth == 0 { 0 } else { this });
    }
    Ok(sealed(&[id], encoder.column(out)?))
}

fn times(id: i64, stored: &[u8]) -> Result<Vec<Micros>, Damage> {
    codec::unpack(unsealed(&[id], stored)?, |mut input| {
        let (unit, count) = (input.number()? as i64, input.small()? as usize);
        // What is believed before it is read stays small.
        let mut times = Vec::with_capacity(count.min(MOST));
        let (mut time, mut step) = (0_i64, 0_i64);
        for nth in 0..count {
            let this = step.wrapping_add(input.signed()?);
            time = time.wrapping_add(this);
            times.push(time.wrapping_mul(unit));
            step = if nth == 0 { 0 } else { this };
        }
        Ok(times)
    })
}

/// Where to cut readings of one series: lengths of chunks, as even as their texts let them be.
pub(super) fn cuts(block: &Block, range: Range<usize>) -> Vec<Range<usize>> {
    let size = range.len().div_ceil(range.len().div_ceil(MOST).max(1)).max(1);
    let texts = block.texts();
    let mut next = texts.partition_point(|(at, _)| (*at as usize) < range.start);
    let (mut cuts, mut begin, mut bytes) = (Vec::new(), range.start, 0);
    for at in range.clone() {
        if let Some((position, text)) = texts.get(next)
            && *position as usize == at
        {
            bytes += text.len();
            next += 1;
        }
        if at + 1 == range.end || at + 1 - begin == size || bytes > MOST_TEXT {
            cuts.push(begin..at + 1);
            (begin, bytes) = (at + 1, 0);
        }
    }
    cuts
}

fn sum(key: &[i64], bytes: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for number in key {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

fn sealed(key: &[i64], mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = sum(key, &bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn unsealed<'a>(key: &[i64], stored: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (bytes, kept) = stored.split_last_chunk::<4>().ok_or(Damage("it is cut off"))?;
    if *kept == sum(key, bytes) {
        Ok(bytes)
    } else {
        Err(Damage("the checksum does not match"))
    }
}
