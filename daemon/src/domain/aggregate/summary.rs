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

/// Collects readings in order of time for a [`Summary`].
#[derive(Debug, Default)]
pub struct Summing {
    numbers: Vec<f64>,
    bad: u64,
    times: Option<(Micros, Micros)>,
}

impl Summing {
    /// Adds the next reading.
    pub fn add(&mut self, sample: &Sample) {
        self.bad += u64::from(sample.quality != Quality::Good);
        self.numbers.extend(number(sample));
        let first = self.times.map_or(sample.timestamp, |(first, _)| first);
        self.times = Some((first, sample.timestamp));
    }

    /// The figures.
    pub fn finish(self) -> Summary {
        let (first_us, last_us) = self.times.unwrap_or_default();
        let mut summary = Summary {
            count: self.numbers.len() as u64,
            bad: self.bad,
            first_us,
            last_us,
            ..Summary::default()
        };
        let (Some(first), Some(last)) = (self.numbers.first().copied(), self.numbers.last().copied()) else {
            return summary;
        };
        let count = self.numbers.len() as f64;
        let mean = self.numbers.iter().sum::<f64>() / count;
        let variance = self.numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count;
        let mut sorted = self.numbers;
        sorted.sort_by(f64::total_cmp);
        let rank = |part: f64| sorted[((part * count).ceil() as usize).clamp(1, sorted.len()) - 1];
        summary.min = sorted.first().copied();
        summary.max = sorted.last().copied();
        summary.mean = Some(mean);
        summary.stddev = Some(variance.sqrt());
        (summary.first, summary.last) = (Some(first), Some(last));
        (summary.p50, summary.p95, summary.p99) = (Some(rank(0.5)), Some(rank(0.95)), Some(rank(0.99)));
        summary
    }
}
