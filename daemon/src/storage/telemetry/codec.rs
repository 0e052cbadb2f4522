//! How a segment is coded: frames of at most 1,024 readings, each readable and checked alone.
//!
//! A frame is a flag byte (1: the rest is its length, then zstd), then columns one after the other, integers as in `bytes.rs`:
//! readings of each series less one (runs) · times (the first of a series as difference to the first of the series
//! before; then differences, then differences of differences) · kinds of values (runs: 0–9 a decimal with so many places,
//! 16 raw bits, 17 JSON, 18 none) · decimals (whole units; the difference where the reading before is of the same series
//! and kind) · raw bits · JSON texts · quality and reason (runs) · receive times (position, difference to the one before).

use std::cell::RefCell;
use std::ops::Range;

use super::block::{Block, Mark, Shape, quality};
use super::bytes::{Damage, Input, put, put_runs, put_signed};
use super::contents::{self, Frame};
use crate::domain::telemetry::{Micros, Reason, SeriesId};

/// Readings of a frame at most: one series is read back at the cost of its frames.
pub(super) const FRAME: usize = 1_024;
/// Bytes of JSON after which a frame ends.
const FRAME_TEXT: usize = 1 << 20;
const ZSTD_LEVEL: i32 = 1;
/// Shorter frames are not worth the compressor's call.
const WORTH_COMPRESSING: usize = 128;
const COMPRESSED: u8 = 1;
/// Decompressed lengths up to this are believed; beyond, memory grows only with what really comes.
const BELIEVED: u64 = 4 << 20;

/// Decimals with more places are kept as raw bits.
const MOST_PLACES: u8 = 9;
const POWERS: [f64; MOST_PLACES as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Below this, adding and subtracting [`ROUND`] rounds a double to a whole number.
const LARGEST: f64 = 2_251_799_813_685_248.0;
const ROUND: f64 = 6_755_399_441_055_744.0;
const RAW: u8 = 16;
const JSON: u8 = 17;
const MISSING: u8 = 18;

/// A segment as it is stored.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) contents: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// A compressor that is used again and again.
pub(super) struct Zip(zstd::bulk::Compressor<'static>);

impl std::fmt::Debug for Zip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Zip")
    }
}

impl Zip {
    pub(super) fn new() -> std::io::Result<Self> {
        zstd::bulk::Compressor::new(ZSTD_LEVEL).map(Self)
    }

    pub(super) fn compress(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        self.0.compress(bytes)
    }
}

/// Decompresses, and hands over what came out, which must have this length.
pub(super) fn unzip<T>(bytes: &[u8], length: u64, then: impl FnOnce(&[u8]) -> Result<T, Damage>) -> Result<T, Damage> {
    thread_local! {
        static UNZIP: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let damage = |_| Damage("it cannot be decompressed");
    let out = if length <= BELIEVED {
        UNZIP.with_borrow_mut(|unzip| {
            let unzip = match unzip {
                Some(unzip) => unzip,
                None => unzip.insert(zstd::bulk::Decompressor::new().map_err(damage)?),
            };
            unzip.decompress(bytes, length as usize).map_err(damage)
        })?
    } else {
        use std::io::Read as _;
        let mut out = Vec::new();
        zstd::stream::read::Decoder::new(bytes)
            .and_then(|decoder| decoder.take(length).read_to_end(&mut out))
            .map_err(damage)?;
        out
    };
    if out.len() as u64 != length {
        return Err(Damage("it has the wrong length"));
    }
    then(&out)
}

/// Codes readings. Scratch memory is kept from one segment to the next.
#[derive(Debug)]
pub(super) struct Encoder {
    zip: Zip,
    kinds: Vec<u8>,
    wholes: Vec<i64>,
    columns: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            zip: Zip::new()?,
            kinds: Vec::new(),
            wholes: Vec::new(),
            columns: Vec::new(),
        })
    }

    /// Codes a block as a segment.
    pub(super) fn encode(&mut self, block: &Block) -> std::io::Result<Coded> {
        let mut body = Vec::with_capacity(block.len() * 4 + 64);
        let mut frames = Vec::with_capacity(block.len() / FRAME + 1);
        let (mut begin, mut texts) = (0, block.texts());
        while begin < block.len() {
            let mut end = block.len().min(begin + FRAME);
            let mut bytes = 0;
            for (at, text) in texts {
                bytes += text.len();
                if bytes > FRAME_TEXT {
                    end = end.min(*at as usize + 1);
                    break;
                }
            }
            texts = &texts[texts.partition_point(|(at, _)| (*at as usize) < end)..];
            frames.push(self.frame(block, begin..end, &mut body)?);
            begin = end;
        }
        Ok(Coded {
            contents: contents::encode(&frames, &mut self.zip)?,
            body,
        })
    }

    fn frame(&mut self, block: &Block, range: Range<usize>, body: &mut Vec<u8>) -> std::io::Result<Frame> {
        let times = &block.times()[range.clone()];
        let (first, last) = times.iter().fold((i64::MAX, i64::MIN), |(min, max), time| {
            (min.min(*time), max.max(*time))
        });
        let mut frame = Frame {
            offset: body.len(),
            length: 0,
            sum: 0,
            readings: range.len(),
            first,
            last,
            intervals: Vec::new(),
        };
        for (series, _) in block.runs_in(range.clone()) {
            frame.push(series);
        }
        self.columns(block, range, first);
        self.pack(body)?;
        frame.length = body.len() - frame.offset;
        frame.sum = crc32fast::hash(&body[frame.offset..]);
        Ok(frame)
    }

    /// Codes what readings of one series hold beside their times, of which `base` is the first.
    pub(super) fn values(&mut self, block: &Block, range: Range<usize>, base: Micros) -> std::io::Result<Vec<u8>> {
        self.columns.clear();
        self.rest(block, range, base);
        let mut out = Vec::new();
        self.pack(&mut out)?;
        Ok(out)
    }

    /// Codes a column of integers that was made elsewhere.
    pub(super) fn column(&mut self, column: Vec<u8>) -> std::io::Result<Vec<u8>> {
        self.columns = column;
        let mut out = Vec::new();
        self.pack(&mut out)?;
        Ok(out)
    }

    /// Appends `columns`, compressed where that is shorter.
    fn pack(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        if self.columns.len() >= WORTH_COMPRESSING {
            let compressed = self.zip.compress(&self.columns)?;
            if compressed.len() + 8 < self.columns.len() {
                out.push(COMPRESSED);
                put(out, self.columns.len() as u64);
                out.extend_from_slice(&compressed);
                return Ok(());
            }
        }
        out.push(0);
        out.extend_from_slice(&self.columns);
        Ok(())
    }

    /// Fills `columns` with readings of these positions.
    fn columns(&mut self, block: &Block, range: Range<usize>, base: Micros) {
        let out = &mut self.columns;
        out.clear();
        put_runs(out, block.runs_in(range.clone()).map(|(_, run)| run.len() as u64 - 1));
        let mut before = base;
        for (_, run) in block.runs_in(range.clone()) {
            let times = &block.times()[run];
            put_signed(out, times[0].wrapping_sub(before));
            before = times[0];
            let (mut time, mut step) = (times[0], 0_i64);
            for next in &times[1..] {
                let this = next.wrapping_sub(time);
                put_signed(out, this.wrapping_sub(step));
                (time, step) = (*next, this);
            }
        }
        self.rest(block, range, base);
    }

    /// Adds all columns behind the times.
    fn rest(&mut self, block: &Block, range: Range<usize>, base: Micros) {
        let out = &mut self.columns;
        self.kinds.clear();
        self.wholes.clear();
        let mut kind = 0;
        for (number, mark) in block.numbers()[range.clone()].iter().zip(&block.marks()[range.clone()]) {
            let (this, whole) = match mark.shape() {
                Shape::Number => {
                    let (this, whole) = decimal(*number, kind);
                    kind = this;
                    (this, whole)
                }
                Shape::Json => (JSON, 0),
                Shape::Missing => (MISSING, 0),
            };
            self.kinds.push(this);
            self.wholes.push(whole);
        }
        put_runs(out, self.kinds.iter().map(|kind| u64::from(*kind)));
        for (_, run) in block.runs_in(range.clone()) {
            let (mut whole, mut kind) = (0, RAW);
            for at in run.start - range.start..run.end - range.start {
                let this = self.kinds[at];
                if this < RAW {
                    put_signed(
                        out,
                        if this == kind {
                            self.wholes[at].wrapping_sub(whole)
                        } else {
                            self.wholes[at]
                        },
                    );
                    whole = self.wholes[at];
                }
                kind = this;
            }
        }
        for (number, kind) in block.numbers()[range.clone()].iter().zip(&self.kinds) {
            if *kind == RAW {
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
        }
        for (_, text) in part(block.texts(), &range) {
            put(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        put_runs(
            out,
            block.marks()[range.clone()].iter().map(|mark| u64::from(mark.trust())),
        );
        let received = part(block.received(), &range);
        put(out, received.len() as u64);
        let mut before = (range.start as u32, base);
        for (at, time) in received {
            put(out, u64::from(at - before.0));
            put_signed(out, time.wrapping_sub(before.1));
            before = (*at, *time);
        }
    }
}

fn part<'a, T>(exceptions: &'a [(u32, T)], range: &Range<usize>) -> &'a [(u32, T)] {
    let from = exceptions.partition_point(|(at, _)| (*at as usize) < range.start);
    let to = exceptions.partition_point(|(at, _)| (*at as usize) < range.end);
    &exceptions[from..to]
}

/// A number's kind, and its whole units if it is a decimal. `usual` is the kind of the one before: most are alike.
#[inline]
fn decimal(number: f64, usual: u8) -> (u8, i64) {
    if usual < RAW
        && let Some(whole) = scaled(number, usual)
    {
        return (usual, whole);
    }
    // If the most places that the size allows do not do, fewer do not either.
    let size = number.abs();
    let most = if size < 2e6 {
        MOST_PLACES
    } else if size < 2e9 {
        6
    } else {
        0
    };
    if scaled(number, most).is_some() {
        for places in 0..=most {
            if let Some(whole) = scaled(number, places) {
                return (places, whole);
            }
        }
    }
    (RAW, 0)
}

/// The number as whole units of 10^-places, if that loses nothing.
#[inline]
fn scaled(number: f64, places: u8) -> Option<i64> {
    let power = POWERS[places as usize];
    let product = number * power;
    if product.abs() < LARGEST {
        let whole = (product + ROUND) - ROUND;
        // -0.0 and whatever has more places differ in a bit.
        ((whole as i64 as f64 / power).to_bits() == number.to_bits()).then_some(whole as i64)
    } else {
        None
    }
}

/// Appends one number: its kind, then whole units or raw bits.
pub(super) fn put_number(out: &mut Vec<u8>, number: f64) {
    let (kind, whole) = decimal(number, 0);
    out.push(kind);
    if kind == RAW {
        out.extend_from_slice(&number.to_bits().to_le_bytes());
    } else {
        put_signed(out, whole);
    }
}

/// Reads what [`put_number`] appended.
pub(super) fn number(input: &mut Input<'_>) -> Result<f64, Damage> {
    match input.array()? {
        [RAW] => input.array().map(|bytes| f64::from_bits(u64::from_le_bytes(bytes))),
        [kind] => match POWERS.get(usize::from(kind)) {
            Some(power) => Ok(input.signed()? as f64 / power),
            None => Err(Damage("a kind of value is unknown")),
        },
    }
}

/// Reads one frame from its bytes.
pub(super) fn decode(frame: &Frame, bytes: &[u8]) -> Result<Block, Damage> {
    if bytes.len() != frame.length || crc32fast::hash(bytes) != frame.sum {
        return Err(Damage("the checksum does not match"));
    }
    unpack(bytes, |input| read(frame, input))
}

/// Opens what [`Encoder::pack`] made.
pub(super) fn unpack<T>(bytes: &[u8], then: impl FnOnce(Input<'_>) -> Result<T, Damage>) -> Result<T, Damage> {
    let mut input = Input(bytes);
    let [flag] = input.array()?;
    if flag == COMPRESSED {
        let length = input.number()?;
        unzip(input.0, length, |columns| then(Input(columns)))
    } else {
        then(input)
    }
}

fn read(frame: &Frame, mut input: Input<'_>) -> Result<Block, Damage> {
    let count = frame.readings;
    let series: usize = frame.intervals.iter().map(|(_, count)| *count as usize).sum();
    if count > FRAME || series > count {
        return Err(Damage("the frame contradicts the table of contents"));
    }
    let mut lengths = Vec::with_capacity(series);
    let mut total = 0_u64;
    input.runs(series, |less_one, repeats| {
        lengths.resize(lengths.len() + repeats, less_one as usize + 1);
        total = total.saturating_add(less_one.saturating_add(1).saturating_mul(repeats as u64));
        Ok(())
    })?;
    if total != count as u64 {
        return Err(Damage("the frame contradicts the table of contents"));
    }
    let mut times = Vec::with_capacity(count);
    let mut before = frame.first;
    for length in &lengths {
        let mut time = before.wrapping_add(input.signed()?);
        before = time;
        times.push(time);
        let mut step = 0_i64;
        for _ in 1..*length {
            step = step.wrapping_add(input.signed()?);
            time = time.wrapping_add(step);
            times.push(time);
        }
    }
    values(input, frame.series().zip(lengths), times, frame.first)
}

/// Reads all columns behind the times: how many readings each series has is known, and their times.
pub(super) fn values(
    mut input: Input<'_>,
    runs: impl Iterator<Item = (SeriesId, usize)> + Clone,
    times: Vec<Micros>,
    base: Micros,
) -> Result<Block, Damage> {
    let count = times.len();
    let mut kinds = Vec::with_capacity(count);
    input.runs(count, |kind, length| {
        let known = |kind: &u8| *kind <= MOST_PLACES || (RAW..=MISSING).contains(kind);
        let kind = u8::try_from(kind)
            .ok()
            .filter(known)
            .ok_or(Damage("a kind of value is unknown"))?;
        kinds.resize(kinds.len() + length, kind);
        Ok(())
    })?;
    let mut numbers = vec![0.0; count];
    let mut at = 0;
    for (_, length) in runs.clone() {
        let (mut whole, mut before) = (0_i64, RAW);
        for _ in 0..length {
            let kind = kinds[at];
            if kind < RAW {
                let this = input.signed()?;
                whole = if kind == before { whole.wrapping_add(this) } else { this };
                numbers[at] = whole as f64 / POWERS[kind as usize];
            }
            before = kind;
            at += 1;
        }
    }
    for (number, kind) in numbers.iter_mut().zip(&kinds) {
        if *kind == RAW {
            *number = f64::from_bits(u64::from_le_bytes(input.array()?));
        }
    }
    let mut block = Block::with_capacity(count);
    for at in (0..count).filter(|at| kinds[*at] == JSON) {
        let length = input.small()? as usize;
        let text = std::str::from_utf8(input.take(length)?).map_err(|_| Damage("a text is no UTF-8"))?;
        block.push_text(at as u32, text.into());
    }
    let mut trusts = Vec::with_capacity(count);
    input.runs(count, |trust, length| {
        let trust = u16::try_from(trust).map_err(|_| Damage("a quality is unknown"))?;
        trusts.resize(trusts.len() + length, trust);
        Ok(())
    })?;
    let exceptions = input.small()?;
    let mut before = (0_u32, base);
    for _ in 0..exceptions {
        let at = before.0.checked_add(input.small()?).filter(|at| (*at as usize) < count);
        before = (
            at.ok_or(Damage("a receive time has no reading"))?,
            before.1.wrapping_add(input.signed()?),
        );
        block.push_received(before.0, before.1);
    }
    let mut at = 0;
    for (series, length) in runs {
        for _ in 0..length {
            let shape = match kinds[at] {
                JSON => Shape::Json,
                MISSING => Shape::Missing,
                _ => Shape::Number,
            };
            let mark = Mark::new(shape, quality(trusts[at]), Reason::from_code(trusts[at] as u8));
            block.push_plain(series, times[at], numbers[at], mark);
            at += 1;
        }
    }
    block.shrink();
    Ok(block)
}

#[cfg(test)]
mod tests;
