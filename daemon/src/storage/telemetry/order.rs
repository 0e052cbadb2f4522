//! The readings of a commit in order of series and time, and which of them are new.

use super::block::same;
use crate::domain::telemetry::{Micros, Sample, SeriesId};

/// How a reading stands to the one that is stored for its series and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// None is stored.
    #[default]
    Free,
    /// It is stored already.
    Same,
    /// Another value is stored.
    Other,
}

impl Standing {
    /// Of a reading beside a stored one.
    pub(super) fn of(same: bool) -> Self {
        if same { Self::Same } else { Self::Other }
    }
}

/// The readings of several batches, sorted; among equal keys the one that came first stays first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    samples: Vec<&'a Sample>,
    /// Series, time and number of the reading in one integer each, which sorts without looking the reading up.
    keys: Vec<u128>,
}

/// What becomes of the readings.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Positions in the order.
    pub(super) fresh: Vec<u32>,
    /// Numbers of readings, counted through all batches.
    pub(super) duplicates: Vec<u32>,
    /// Numbers of readings, counted through all batches.
    pub(super) conflicts: Vec<u32>,
}

const SIGN: u64 = 1 << 63;

impl<'a> Order<'a> {
    pub(super) fn new(batches: impl Iterator<Item = &'a [Sample]>) -> Self {
        let mut samples = Vec::new();
        for batch in batches {
            samples.extend(batch);
        }
        let mut keys: Vec<u128> = samples
            .iter()
            .zip(0_u32..)
            .map(|(sample, number)| {
                u128::from(sample.series) << 96 | u128::from(sample.timestamp as u64 ^ SIGN) << 32 | u128::from(number)
            })
            .collect();
        keys.sort_unstable();
        Self { samples, keys }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Series and time at a position.
    pub(super) fn key(&self, at: usize) -> (SeriesId, Micros) {
        let key = self.keys[at];
        ((key >> 96) as u32, ((key >> 32) as u64 ^ SIGN) as i64)
    }

    pub(super) fn sample(&self, at: usize) -> &'a Sample {
        self.samples[self.keys[at] as u32 as usize]
    }

    /// Has the reading the same series and time as the one before?
    pub(super) fn repeats(&self, at: usize) -> bool {
        at > 0 && self.keys[at] >> 32 == self.keys[at - 1] >> 32
    }

    /// Decides: of what is free the first is new, and the others are compared with it.
    pub(super) fn judge(&self, standing: &[Standing]) -> Judged {
        let mut judged = Judged {
            fresh: Vec::with_capacity(self.len()),
            ..Judged::default()
        };
        let mut first = 0;
        for (at, standing) in standing.iter().enumerate() {
            let standing = match standing {
                Standing::Free if self.repeats(at) => Standing::of(same(self.sample(first), self.sample(at))),
                other => *other,
            };
            let number = self.keys[at] as u32;
            match standing {
                Standing::Free => {
                    first = at;
                    judged.fresh.push(at as u32);
                }
                Standing::Same => judged.duplicates.push(number),
                Standing::Other => judged.conflicts.push(number),
            }
        }
        judged
    }
}
