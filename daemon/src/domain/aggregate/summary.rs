//! Figures about a whole range.

use super::number;
use crate::domain::telemetry::{Micros, Quality, Sample};

/// One line of figures about a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Numbers that it stands on.
    pub count: u64,
    /// Readings that were not good.
    pub bad: u64,
    /// Least.
    pub min: Option<f64>,
    /// Greatest.
    pub max: Option<f64>,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Standard deviation of the population.
    pub stddev: Option<f64>,
    /// Value of the first.
    pub first: Option<f64>,
    /// Value of the last.
    pub last: Option<f64>,
    /// Median and upper percentiles, nearest rank.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Time of the first reading.
    pub first_us: Micros,
    /// Time of the last reading.
    pub last_us: Micros,
}

/// Numbers that are kept; where there are more, percentiles are found by looking again.
const KEPT: usize = 1 << 20;

/// Collects the readings of a range, in order of time, for a [`Summary`]. No range is too long for memory: what does not
/// fit is looked at again, up to four times.
#[derive(Debug)]
pub struct Summing {
    kept: usize,
    summary: Summary,
    /// Mean and squared distances from it so far, after Welford.
    mean: f64,
    squares: f64,
    sum: f64,
    /// Every number, while they fit.
    numbers: Vec<f64>,
    times: Option<(Micros, Micros)>,
    /// Looks after the first.
    again: Option<Ranks>,
}

impl Default for Summing {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl Summing {
    /// Keeps at most so many numbers.
    pub(super) fn keeping(kept: usize) -> Self {
        Self {
            kept,
            summary: Summary::default(),
            mean: 0.0,
            squares: 0.0,
            sum: 0.0,
            numbers: Vec::new(),
            times: None,
            again: None,
        }
    }

    /// Adds the next reading.
    pub fn add(&mut self, sample: &Sample) {
        if let Some(ranks) = &mut self.again {
            if let Some(number) = number(sample) {
                ranks.add(number);
            }
            return;
        }
        let first = self.times.map_or(sample.timestamp, |(first, _)| first);
        self.times = Some((first, sample.timestamp));
        let summary = &mut self.summary;
        summary.bad += u64::from(sample.quality != Quality::Good);
        let Some(number) = number(sample) else { return };
        summary.count += 1;
        summary.first = summary.first.or(Some(number));
        summary.last = Some(number);
        summary.min = Some(summary.min.map_or(number, |least| least.min(number)));
        summary.max = Some(summary.max.map_or(number, |greatest| greatest.max(number)));
        self.sum += number;
        let distance = number - self.mean;
        self.mean += distance / summary.count as f64;
        self.squares += distance * (number - self.mean);
        if self.numbers.len() < self.kept {
            self.numbers.push(number);
        }
    }

    /// All readings were added: have they to be added again? The figures stand when not.
    pub fn looks_again(&mut self) -> bool {
        let ranks = [0.5, 0.95, 0.99].map(|part| rank(part, self.summary.count));
        match &mut self.again {
            None if self.summary.count > self.numbers.len() as u64 => {
                self.numbers = Vec::new();
                self.again = Some(Ranks::new(ranks));
                true
            }
            None => false,
            Some(ranks) => ranks.narrow(),
        }
    }

    /// The figures.
    pub fn finish(mut self) -> Summary {
        let mut summary = self.summary;
        (summary.first_us, summary.last_us) = self.times.unwrap_or_default();
        if summary.count == 0 {
            return summary;
        }
        let count = summary.count as f64;
        summary.mean = Some(self.sum / count);
        summary.stddev = Some((self.squares / count).sqrt());
        let found = if let Some(ranks) = self.again {
            ranks.found()
        } else {
            self.numbers.sort_unstable_by(f64::total_cmp);
            [0.5, 0.95, 0.99].map(|part| self.numbers.get(rank(part, summary.count) as usize).copied())
        };
        [summary.p50, summary.p95, summary.p99] = found;
        summary
    }
}

/// Nearest rank of a part of so many numbers, from 0.
fn rank(part: f64, count: u64) -> u64 {
    ((part * count as f64).ceil() as u64).clamp(1, count.max(1)) - 1
}

/// Bits of a number that one look settles.
const STEP: u32 = 16;

/// Numbers of three ranks, found by looking at all numbers as often as they have bits to settle: each look counts them by
/// their next bits, in half a MiB for each rank.
#[derive(Debug)]
struct Ranks {
    sought: [Sought; 3],
    /// Bits that are settled.
    settled: u32,
}

#[derive(Debug)]
struct Sought {
    /// The settled bits.
    prefix: u64,
    /// Its rank among the numbers that begin so.
    rank: u64,
    /// Those numbers by their next bits.
    counts: Vec<u64>,
}

impl Ranks {
    fn new(ranks: [u64; 3]) -> Self {
        let sought = ranks.map(|rank| Sought {
            prefix: 0,
            rank,
            counts: vec![0; 1 << STEP],
        });
        Self { sought, settled: 0 }
    }

    fn add(&mut self, number: f64) {
        let key = ordered(number);
        let own = key.checked_shr(u64::BITS - self.settled).unwrap_or(0);
        let next = (key << self.settled) >> (u64::BITS - STEP);
        for sought in self.sought.iter_mut().filter(|sought| sought.prefix == own) {
            sought.counts[next as usize] += 1;
        }
    }

    /// Takes over what the look has shown; are there bits to settle yet?
    fn narrow(&mut self) -> bool {
        self.settled += STEP;
        for sought in &mut self.sought {
            let (mut step, mut left) = (0, sought.rank);
            for (at, count) in sought.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                step = at as u64;
                if left < *count {
                    break;
                }
                // Beyond the last one there is nothing, unless readings went away since the look before.
                left -= count;
            }
            sought.rank = left;
            sought.prefix = (sought.prefix << STEP) | step;
            sought.counts.fill(0);
        }
        self.settled < u64::BITS
    }

    fn found(&self) -> [Option<f64>; 3] {
        [0, 1, 2].map(|at| Some(number_of(self.sought[at].prefix)))
    }
}

/// Bits in the order of the numbers, as `f64::total_cmp` has it.
fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The inverse of [`ordered`].
fn number_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 0 { !key } else { key & !(1 << 63) })
}
