//! Readings by column, sorted by series and time: what a segment holds, while it is in memory.

use std::ops::Range;

use crate::domain::telemetry::{Micros, Quality, Reason, Sample, SeriesId, Value};

/// Device time and receive time closer than this are one.
const SAME_TIME: u64 = 1_000_000;

/// What stands in the place of a reading's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Number,
    Json,
    Missing,
}

/// Reason, quality and shape of a reading in 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark(u16);

impl Mark {
    pub(super) fn new(shape: Shape, quality: Quality, reason: Reason) -> Self {
        Self(reason as u16 | (quality as u16) << 8 | (shape as u16) << 10)
    }

    pub(super) fn shape(self) -> Shape {
        match self.0 >> 10 {
            0 => Shape::Number,
            1 => Shape::Json,
            _ => Shape::Missing,
        }
    }

    /// Quality and reason, without the shape.
    pub(super) fn trust(self) -> u16 {
        self.0 & 0x3ff
    }

    pub(super) fn quality(self) -> Quality {
        quality(self.trust())
    }

    fn reason(self) -> Reason {
        Reason::from_code(self.0 as u8)
    }
}

/// The quality in [`Mark::trust`].
pub(super) fn quality(trust: u16) -> Quality {
    match trust >> 8 {
        0 => Quality::Good,
        1 => Quality::Uncertain,
        _ => Quality::Bad,
    }
}

/// Readings by column, sorted by series and time, each (series, time) once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Block {
    /// Each series with the position of its first reading.
    runs: Vec<(SeriesId, u32)>,
    times: Vec<Micros>,
    /// 0 where there is no number.
    numbers: Vec<f64>,
    marks: Vec<Mark>,
    /// JSON texts, by position.
    texts: Vec<(u32, Box<str>)>,
    /// Receive times that are not the reading's own, by position.
    received: Vec<(u32, Micros)>,
    bounds: Option<(Micros, Micros)>,
}

impl Block {
    pub(super) fn with_capacity(readings: usize) -> Self {
        Self {
            runs: Vec::with_capacity(readings),
            times: Vec::with_capacity(readings),
            numbers: Vec::with_capacity(readings),
            marks: Vec::with_capacity(readings),
            ..Self::default()
        }
    }

    /// Adds a reading, whose series and time are greater than those of the one before.
    pub(super) fn push(&mut self, sample: &Sample) {
        let (shape, number) = match &sample.value {
            Value::Number(number) => (Shape::Number, *number),
            Value::Json(text) => {
                self.texts.push((self.times.len() as u32, text.clone()));
                (Shape::Json, 0.0)
            }
            Value::Missing => (Shape::Missing, 0.0),
        };
        if sample.received.abs_diff(sample.timestamp) > SAME_TIME {
            self.received.push((self.times.len() as u32, sample.received));
        }
        self.push_plain(
            sample.series,
            sample.timestamp,
            number,
            Mark::new(shape, sample.quality, sample.reason),
        );
    }

    /// Adds a reading without its text and receive time.
    pub(super) fn push_plain(&mut self, series: SeriesId, timestamp: Micros, number: f64, mark: Mark) {
        if self.runs.last().is_none_or(|(last, _)| *last != series) {
            self.runs.push((series, self.times.len() as u32));
        }
        self.bounds = Some(match self.bounds {
            None => (timestamp, timestamp),
            Some((first, last)) => (first.min(timestamp), last.max(timestamp)),
        });
        self.times.push(timestamp);
        self.numbers.push(number);
        self.marks.push(mark);
    }

    /// Adds the reading that stands at a position of another block.
    pub(super) fn copy(&mut self, series: SeriesId, from: &Self, at: usize) {
        let here = self.times.len() as u32;
        if from.marks[at].shape() == Shape::Json {
            self.push_text(here, find(&from.texts, at).cloned().unwrap_or_default());
        }
        if let Some(received) = find(&from.received, at) {
            self.push_received(here, *received);
        }
        self.push_plain(series, from.times[at], from.numbers[at], from.marks[at]);
    }

    /// Adds the text of a reading; positions must ascend.
    pub(super) fn push_text(&mut self, at: u32, text: Box<str>) {
        self.texts.push((at, text));
    }

    /// Adds the receive time of a reading; positions must ascend.
    pub(super) fn push_received(&mut self, at: u32, received: Micros) {
        self.received.push((at, received));
    }

    /// Gives back what was reserved and not used.
    pub(super) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.times.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.marks.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn times(&self) -> &[Micros] {
        &self.times
    }

    pub(super) fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn texts(&self) -> &[(u32, Box<str>)] {
        &self.texts
    }

    pub(super) fn received(&self) -> &[(u32, Micros)] {
        &self.received
    }

    /// First and last moment; none when empty.
    pub(super) fn bounds(&self) -> Option<(Micros, Micros)> {
        self.bounds
    }

    /// First and last series; none when empty.
    pub(super) fn series_bounds(&self) -> Option<(SeriesId, SeriesId)> {
        Some((self.runs.first()?.0, self.runs.last()?.0))
    }

    /// Each series with the positions of its readings.
    pub(super) fn runs(&self) -> impl Iterator<Item = (SeriesId, Range<usize>)> + '_ {
        (0..self.runs.len()).map(|at| (self.runs[at].0, self.run(at)))
    }

    /// The runs that have readings in these positions, cut to them.
    pub(super) fn runs_in(&self, range: Range<usize>) -> impl Iterator<Item = (SeriesId, Range<usize>)> + '_ {
        let first = self
            .runs
            .partition_point(|(_, start)| *start as usize <= range.start)
            .saturating_sub(1);
        (first..self.runs.len())
            .map(|at| (self.runs[at].0, self.run(at)))
            .take_while(move |(_, run)| run.start < range.end)
            .map(move |(series, run)| (series, run.start.max(range.start)..run.end.min(range.end)))
    }

    fn run(&self, at: usize) -> Range<usize> {
        let end = self
            .runs
            .get(at + 1)
            .map_or(self.times.len(), |(_, start)| *start as usize);
        self.runs[at].1 as usize..end
    }

    /// Positions of a series' readings in `[from, to)`; empty where there are none.
    pub(super) fn range(&self, series: SeriesId, from: Micros, to: Micros) -> Range<usize> {
        let Ok(at) = self.runs.binary_search_by_key(&series, |(series, _)| *series) else {
            return 0..0;
        };
        let run = self.run(at);
        let times = &self.times[run.clone()];
        let first = times.partition_point(|time| *time < from);
        let last = first + times[first..].partition_point(|time| *time < to);
        run.start + first..run.start + last
    }

    /// Position of the reading of a series at a moment.
    pub(super) fn position(&self, series: SeriesId, timestamp: Micros) -> Option<usize> {
        let at = self.runs.binary_search_by_key(&series, |(series, _)| *series).ok()?;
        let run = self.run(at);
        self.times[run.clone()]
            .binary_search(&timestamp)
            .ok()
            .map(|found| run.start + found)
    }

    /// Time of the reading at a position, its number if it has one that may enter figures, and whether it is good.
    #[inline]
    pub(super) fn measured(&self, at: usize) -> (Micros, Option<f64>, bool) {
        let (mark, quality) = (self.marks[at], self.marks[at].quality());
        let is_number = mark.shape() == Shape::Number && quality != Quality::Bad;
        (
            self.times[at],
            is_number.then(|| self.numbers[at]),
            quality == Quality::Good,
        )
    }

    /// The reading at a position, which belongs to `series`.
    pub(super) fn sample(&self, series: SeriesId, at: usize) -> Sample {
        let mark = self.marks[at];
        Sample {
            series,
            timestamp: self.times[at],
            received: find(&self.received, at).copied().unwrap_or(self.times[at]),
            value: match mark.shape() {
                Shape::Number => Value::Number(self.numbers[at]),
                Shape::Json => Value::Json(find(&self.texts, at).cloned().unwrap_or_default()),
                Shape::Missing => Value::Missing,
            },
            quality: mark.quality(),
            reason: mark.reason(),
        }
    }

    /// Is the reading at a position the same as this one? Value and quality decide, bit by bit.
    pub(super) fn same(&self, at: usize, sample: &Sample) -> bool {
        let mark = self.marks[at];
        mark.quality() == sample.quality
            && match (&sample.value, mark.shape()) {
                (Value::Number(number), Shape::Number) => number.to_bits() == self.numbers[at].to_bits(),
                (Value::Json(text), Shape::Json) => find(&self.texts, at) == Some(text),
                (Value::Missing, Shape::Missing) => true,
                _ => false,
            }
    }
}

/// Are two readings of one series and moment the same? Value and quality decide, bit by bit.
pub(super) fn same(a: &Sample, b: &Sample) -> bool {
    let values = match (&a.value, &b.value) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    };
    values && a.quality == b.quality
}

/// The receive time as it is kept: the reading's own, where it differs by no more than a second.
pub(super) fn received(sample: &Sample) -> Micros {
    if sample.received.abs_diff(sample.timestamp) > SAME_TIME {
        sample.received
    } else {
        sample.timestamp
    }
}

fn find<T>(exceptions: &[(u32, T)], at: usize) -> Option<&T> {
    let found = exceptions.binary_search_by_key(&(at as u32), |(at, _)| *at).ok()?;
    Some(&exceptions[found].1)
}
