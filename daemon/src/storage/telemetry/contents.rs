//! The table of contents of a segment: which readings stand in which part of its body.
//!
//! Layout: version, flags (bit 0: the rest is compressed with zstd), the list of frames, CRC-32 of all before. Integers
//! are as in `bytes.rs`. A frame: readings, length in bytes, CRC-32 of its bytes, least time (difference to the frame
//! before), span of time, number of intervals; an interval: gap to the end of the one before, series in it less one.
//! Series numbers stand only here: a frame's own bytes hold how many readings each has.

use super::bytes::{Damage, Input, put, put_signed};
use super::codec::{Zip, unzip};
use crate::domain::telemetry::{Micros, SeriesId};

const VERSION: u8 = 2;
const COMPRESSED: u8 = 1;
/// Shorter tables are not worth the compressor's call.
const WORTH_COMPRESSING: usize = 256;

/// A part of a segment's body that can be read alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it begins in the body.
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) sum: u32,
    pub(super) readings: usize,
    pub(super) first: Micros,
    pub(super) last: Micros,
    /// Series without gaps: the first and how many.
    pub(super) intervals: Vec<(SeriesId, u32)>,
}

impl Frame {
    /// Has it readings of this series?
    pub(super) fn holds(&self, series: SeriesId) -> bool {
        let after = self.intervals.partition_point(|(first, _)| *first <= series);
        after > 0 && series - self.intervals[after - 1].0 < self.intervals[after - 1].1
    }

    /// Every series that it holds, ascending.
    pub(super) fn series(&self) -> impl Iterator<Item = SeriesId> + Clone + '_ {
        self.intervals
            .iter()
            .flat_map(|(first, count)| (0..*count).map(move |n| first + n))
    }

    /// Adds the next series, greater than those before.
    pub(super) fn push(&mut self, series: SeriesId) {
        match self.intervals.last_mut() {
            Some((first, count)) if *first + *count == series => *count += 1,
            _ => self.intervals.push((series, 1)),
        }
    }
}

/// Codes the table of contents.
pub(super) fn encode(frames: &[Frame], zip: &mut Zip) -> std::io::Result<Vec<u8>> {
    let mut list = Vec::with_capacity(frames.len() * 24);
    put(&mut list, frames.len() as u64);
    let mut before = 0_i64;
    for frame in frames {
        put(&mut list, frame.readings as u64);
        put(&mut list, frame.length as u64);
        list.extend_from_slice(&frame.sum.to_le_bytes());
        put_signed(&mut list, frame.first.wrapping_sub(before));
        before = frame.first;
        put(&mut list, frame.last.wrapping_sub(frame.first) as u64);
        put(&mut list, frame.intervals.len() as u64);
        let mut end = 0;
        for (first, count) in &frame.intervals {
            put(&mut list, u64::from(first - end));
            put(&mut list, u64::from(count - 1));
            end = first + (count - 1);
        }
    }
    let compressed = if list.len() >= WORTH_COMPRESSING {
        Some(zip.compress(&list)?)
    } else {
        None
    };
    let (flags, bytes) = match &compressed {
        Some(compressed) if compressed.len() < list.len() => (COMPRESSED, compressed),
        _ => (0, &list),
    };
    let mut out = Vec::with_capacity(bytes.len() + 12);
    out.extend_from_slice(&[VERSION, flags]);
    if flags == COMPRESSED {
        put(&mut out, list.len() as u64);
    }
    out.extend_from_slice(bytes);
    let sum = crc32fast::hash(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    Ok(out)
}

/// Reads a table of contents.
pub(super) fn decode(stored: &[u8]) -> Result<Vec<Frame>, Damage> {
    let (bytes, sum) = stored
        .split_last_chunk::<4>()
        .ok_or(Damage("the table of contents is cut off"))?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*sum) {
        return Err(Damage("the checksum of the table of contents does not match"));
    }
    let mut input = Input(bytes);
    let [version, flags] = input.array()?;
    if version != VERSION {
        return Err(Damage("the version is unknown"));
    }
    if flags & COMPRESSED == 0 {
        return frames(input);
    }
    let length = input.number()?;
    unzip(input.0, length, |list| frames(Input(list)))
}

fn frames(mut input: Input<'_>) -> Result<Vec<Frame>, Damage> {
    let large = Damage("a series number is too large");
    let count = input.small()?;
    let mut frames = Vec::new();
    let (mut offset, mut before) = (0_usize, 0_i64);
    for _ in 0..count {
        let (readings, length) = (input.small()? as usize, input.small()? as usize);
        let sum = u32::from_le_bytes(input.array()?);
        let first = before.wrapping_add(input.signed()?);
        let last = first.wrapping_add(input.number()? as i64);
        before = first;
        let mut intervals = Vec::new();
        let mut end = 0_u32;
        for _ in 0..input.small()? {
            let first = end.checked_add(input.small()?).ok_or(large)?;
            let more = input.small()?;
            end = first.checked_add(more).ok_or(large)?;
            intervals.push((first, more.checked_add(1).ok_or(large)?));
        }
        frames.push(Frame {
            offset,
            length,
            sum,
            readings,
            first,
            last,
            intervals,
        });
        offset += length;
    }
    if input.0.is_empty() {
        Ok(frames)
    } else {
        Err(Damage("the table of contents is too long"))
    }
}
