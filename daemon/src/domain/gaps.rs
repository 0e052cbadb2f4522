//! Stretches of time in which a series has no good reading.

use std::collections::BTreeMap;

use super::telemetry::{Micros, Quality, Reason, Sample};

/// Distances between readings that count as one size differ by less than a 32nd.
const FINE: u32 = 5;

/// A stretch without a good reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The good reading before, or the begin of the range.
    pub from: Micros,
    /// The good reading after, or the end of the range.
    pub to: Micros,
    /// Readings in it that were not good.
    pub bad: u64,
    /// What most of them say.
    pub reason: Reason,
    /// No good reading stands before it in the range.
    pub at_begin: bool,
    /// No good reading stands behind it in the range.
    pub at_end: bool,
}

/// The usual distance of readings, in memory that does not grow with them.
#[derive(Clone, Debug, Default)]
pub struct Distances {
    before: Option<Micros>,
    count: u64,
    /// Distances of about one size: how many, and their sum.
    sizes: BTreeMap<u32, (u64, u128)>,
}

impl Distances {
    /// The next reading, in order of time.
    pub fn add(&mut self, time: Micros) {
        let before = self.before.replace(time);
        let Some(distance) = before.and_then(|before| u64::try_from(time.saturating_sub(before)).ok()) else {
            return;
        };
        let size = self.sizes.entry(size(distance)).or_default();
        size.0 += 1;
        size.1 += u128::from(distance);
        self.count += 1;
    }

    /// The median, exact where the distances about it are alike, else within 3 %; none of fewer than two readings.
    pub fn median(&self) -> Option<Micros> {
        let mut left = self.count.div_ceil(2);
        for (count, sum) in self.sizes.values() {
            if left <= *count {
                return Micros::try_from(sum / u128::from((*count).max(1))).ok();
            }
            left -= count;
        }
        None
    }
}

/// The leading bits of a distance, ascending with it.
fn size(distance: u64) -> u32 {
    let bits = u64::BITS - distance.leading_zeros();
    if bits <= FINE + 1 {
        return distance as u32;
    }
    let rest = distance >> (bits - FINE - 1);
    (bits - FINE - 1) * (1 << FINE) + rest as u32
}

/// Finds the gaps of a series whose readings come in order of time.
#[derive(Clone, Debug)]
pub struct Finder {
    longer: Micros,
    to: Micros,
    last: Micros,
    at_begin: bool,
    bad: u64,
    reasons: BTreeMap<&'static str, (u64, Reason)>,
}

impl Finder {
    /// Looks at `[from, to)` for stretches that are longer than `longer`.
    pub fn new(from: Micros, to: Micros, longer: Micros) -> Self {
        Self {
            longer,
            to,
            last: from,
            at_begin: true,
            bad: 0,
            reasons: BTreeMap::new(),
        }
    }

    /// The next reading; a gap that ends with it.
    pub fn add(&mut self, sample: &Sample) -> Option<Gap> {
        if sample.quality != Quality::Good {
            self.bad += 1;
            self.reasons.entry(sample.reason.text()).or_insert((0, sample.reason)).0 += 1;
            return None;
        }
        let gap = self.until(sample.timestamp, false);
        (self.last, self.at_begin, self.bad) = (sample.timestamp, false, 0);
        self.reasons.clear();
        gap
    }

    /// The gap that lasts until the end of the range.
    pub fn finish(self) -> Option<Gap> {
        self.until(self.to, true)
    }

    fn until(&self, to: Micros, at_end: bool) -> Option<Gap> {
        if to.saturating_sub(self.last) <= self.longer {
            return None;
        }
        let told = self.reasons.values().filter(|(_, reason)| *reason != Reason::None);
        let most = told.max_by_key(|(count, _)| *count);
        Some(Gap {
            from: self.last,
            to,
            bad: self.bad,
            reason: most.map_or(Reason::None, |(_, reason)| *reason),
            at_begin: self.at_begin,
            at_end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::telemetry::Value;

    fn sample(timestamp: Micros, reason: Reason) -> Sample {
        Sample {
            series: 1,
            timestamp,
            received: timestamp,
            value: Value::Number(1.0),
            quality: if reason == Reason::None {
                Quality::Good
            } else {
                Quality::Bad
            },
            reason,
        }
    }

    #[test]
    fn the_median_is_that_of_all_distances() {
        assert_eq!(Distances::default().median(), None);
        let mut distances = Distances::default();
        distances.add(7);
        assert_eq!(distances.median(), None, "one reading has no distance");
        let mut time = 7;
        for distance in [10_000_000, 10_000_000, 86_400_000_000, 10_000_000, 3] {
            time += distance;
            distances.add(time);
        }
        assert_eq!(distances.median(), Some(10_000_000));
        // Jitter: about right, and in little memory.
        let (mut distances, mut time) = (Distances::default(), 0);
        for at in 0..10_000_i64 {
            time += 1_000_000 + at.wrapping_mul(7_919) % 100_000;
            distances.add(time);
        }
        let median = distances.median().unwrap();
        assert!((1_010_000..1_090_000).contains(&median), "{median}");
        assert!(distances.sizes.len() < 16, "{}", distances.sizes.len());
    }

    #[test]
    fn sizes_ascend_with_distances() {
        let sizes: Vec<u32> = (0..100_000_u64).chain([u64::MAX]).map(size).collect();
        assert!(sizes.is_sorted());
        assert_ne!(size(1 << 40), size((1 << 40) + (1 << 36)));
    }

    #[test]
    fn a_gap_says_from_when_to_when_and_why() {
        let mut finder = Finder::new(0, 1_000, 100);
        let mut found = Vec::new();
        for (time, reason) in [
            (100, Reason::None),
            (150, Reason::Timeout),
            (200, Reason::None),
            (250, Reason::Timeout),
            (300, Reason::Connection),
            (350, Reason::Connection),
            (400, Reason::None),
            (550, Reason::None),
        ] {
            found.extend(finder.add(&sample(time, reason)));
        }
        found.extend(finder.finish());
        let gap = |from, to, bad, reason| Gap {
            from,
            to,
            bad,
            reason,
            at_begin: false,
            at_end: false,
        };
        // Of 100 exactly there is none, neither at the begin nor in the middle.
        assert_eq!(
            found,
            [
                gap(200, 400, 3, Reason::Connection),
                gap(400, 550, 0, Reason::None),
                Gap {
                    at_end: true,
                    ..gap(550, 1_000, 0, Reason::None)
                },
            ]
        );
        let all = Finder::new(0, 1_000, 100).finish().unwrap();
        assert_eq!((all.from, all.to, all.at_begin, all.at_end), (0, 1_000, true, true));
    }
}
