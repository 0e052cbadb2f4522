//! Figures about readings. Only good and uncertain numbers enter; what is bad or no number is counted apart.

use super::telemetry::{Micros, Quality, Sample, Value};

/// How the readings of a bucket become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Aggregate {
    Mean,
    Min,
    Max,
    Sum,
    Count,
    First,
    Last,
}

impl Aggregate {
    /// The words, in the order of help texts.
    pub const WORDS: &[(&str, Self)] = &[
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
        ("sum", Self::Sum),
        ("count", Self::Count),
        ("first", Self::First),
        ("last", Self::Last),
    ];

    /// The aggregate that a word names; `avg` is `mean`.
    pub fn find(word: &str) -> Option<Self> {
        let word = if word == "avg" { "mean" } else { word };
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, aggregate)| *aggregate)
    }
}

/// An interval with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Begin; a multiple of the width.
    pub start: Micros,
    /// None where no number fell into it.
    pub value: Option<f64>,
    /// Numbers that the value stands on.
    pub count: u64,
    /// Readings that were not good.
    pub bad: u64,
}

/// Figures of one bucket while readings come in, in order of time.
#[derive(Clone, Copy, Debug)]
struct Running {
    start: Micros,
    count: u64,
    bad: u64,
    sum: f64,
    min: f64,
    max: f64,
    first: f64,
    last: f64,
}

/// Collects readings in order of time into buckets.
#[derive(Debug)]
pub struct Buckets {
    every: Micros,
    aggregate: Aggregate,
    done: Vec<Bucket>,
    open: Option<Running>,
}

impl Buckets {
    /// Buckets of a width, microseconds, greater than 0.
    pub fn new(every: Micros, aggregate: Aggregate) -> Self {
        Self { every: every.max(1), aggregate, done: Vec::new(), open: None }
    }

    /// Adds the next reading.
    pub fn add(&mut self, sample: &Sample) {
        let start = sample.timestamp - sample.timestamp.rem_euclid(self.every);
        if self.open.is_none_or(|open| open.start != start) {
            self.flush();
            self.open = Some(Running { start, count: 0, bad: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, first: 0.0, last: 0.0 });
        }
        let Some(open) = &mut self.open else { return };
        if sample.quality != Quality::Good {
            open.bad += 1;
        }
        if let Some(number) = number(sample) {
            if open.count == 0 {
                open.first = number;
            }
            open.count += 1;
            open.sum += number;
            open.min = open.min.min(number);
            open.max = open.max.max(number);
            open.last = number;
        }
    }

    /// Buckets that are complete so far; leaves the open one.
    pub fn drain(&mut self) -> Vec<Bucket> {
        std::mem::take(&mut self.done)
    }

    /// Every bucket that is left.
    pub fn finish(mut self) -> Vec<Bucket> {
        self.flush();
        self.done
    }

    fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        let value = match self.aggregate {
            Aggregate::Count => Some(open.count as f64),
            _ if open.count == 0 => None,
            Aggregate::Mean => Some(open.sum / open.count as f64),
            Aggregate::Min => Some(open.min),
            Aggregate::Max => Some(open.max),
            Aggregate::Sum => Some(open.sum),
            Aggregate::First => Some(open.first),
            Aggregate::Last => Some(open.last),
        };
        self.done.push(Bucket { start: open.start, value, count: open.count, bad: open.bad });
    }
}

/// The number that enters figures, if the reading has one that may be trusted.
fn number(sample: &Sample) -> Option<f64> {
    match sample.value {
        Value::Number(number) if sample.quality != Quality::Bad => Some(number),
        _ => None,
    }
}

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
        let mut summary = Summary { count: self.numbers.len() as u64, bad: self.bad, first_us, last_us, ..Summary::default() };
        let (Some(first), Some(last)) = (self.numbers.first().copied(), self.numbers.last().copied()) else { return summary };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::telemetry::Reason;

    fn sample(timestamp: Micros, value: Value, quality: Quality) -> Sample {
        Sample { series: 0, timestamp, received: timestamp, value, quality, reason: Reason::None }
    }

    #[test]
    fn bad_values_never_enter_a_mean_and_are_counted() {
        let readings = [
            sample(-5, Value::Number(1.0), Quality::Good),
            sample(0, Value::Number(2.0), Quality::Good),
            sample(5, Value::Number(4.0), Quality::Uncertain),
            sample(7, Value::Missing, Quality::Bad),
            sample(30, Value::Json("\"on\"".into()), Quality::Good),
        ];
        let mut buckets = Buckets::new(10, Aggregate::Mean);
        let mut summing = Summing::default();
        for reading in &readings {
            buckets.add(reading);
            summing.add(reading);
        }
        let bucket = |start, value, count, bad| Bucket { start, value, count, bad };
        assert_eq!(buckets.finish(), [bucket(-10, Some(1.0), 1, 0), bucket(0, Some(3.0), 2, 2), bucket(30, None, 0, 0)]);
        let summary = summing.finish();
        assert_eq!((summary.count, summary.bad, summary.min, summary.max, summary.p50, summary.p99), (3, 2, Some(1.0), Some(4.0), Some(2.0), Some(4.0)));
        assert_eq!((summary.first_us, summary.last_us), (-5, 30));
    }
}
