//! A series with the intervals that it goes through, and what its values become on the way.

use super::{Intervals, Rollup, Totals, Track, number};
use crate::domain::telemetry::{Micros, Quality, Sample, SeriesId};
use crate::domain::units;

/// One series. What is added comes in order of time.
#[derive(Debug)]
pub struct Course {
    /// Which.
    pub series: SeriesId,
    /// What reaches from one interval into the next.
    pub track: Track,
    /// What was added since they were begun.
    pub intervals: Intervals,
    /// The unit of its readings, and that of the figures, where they differ.
    units: Option<(String, String)>,
}

impl Course {
    /// A series before its first interval, with the unit of its readings and that of the figures.
    pub fn new(series: SeriesId, track: Track, intervals: Intervals, units: (&str, &str)) -> Self {
        let differ = units.0 != units.1 && units::convert(1.0, units.0, units.1).is_some();
        Self {
            series,
            track,
            intervals,
            units: differ.then(|| (units.0.to_owned(), units.1.to_owned())),
        }
    }

    /// Adds the next reading: its number, if it has one that may be trusted.
    pub fn add(&mut self, time: Micros, number: Option<f64>, is_good: bool) {
        let number = match &self.units {
            None => number,
            Some((from, to)) => number.map(|number| units::convert(number, from, to).unwrap_or(number)),
        };
        self.track.add_number(time, number, is_good, &mut self.intervals);
    }

    /// The same of a reading with all that it has.
    pub fn add_sample(&mut self, sample: &Sample) {
        self.add(sample.timestamp, number(sample), sample.quality == Quality::Good);
    }

    /// Can figures of readings that lie from `first` to `last` stand for them?
    pub fn takes(&self, first: Micros, last: Micros, run: &Totals) -> bool {
        self.units.is_none() && self.intervals.is_one(first, last) && self.track.takes(run)
    }

    /// Adds such figures.
    pub fn add_run(&mut self, first: Micros, run: &Totals) {
        self.track.add_run(first, run, &mut self.intervals);
    }

    /// Lets what holds hold until then.
    pub fn until(&mut self, time: Micros) {
        self.track.until(time, &mut self.intervals);
    }

    /// Can a rollup of readings of `[from, to)` stand for them?
    pub fn takes_rollup(&self, rollup: &Rollup, from: Micros, to: Micros) -> bool {
        self.units.is_none()
            && self.intervals.consist_of(rollup.step)
            && rollup.is_cut_by(from, to)
            && rollup.runs.iter().all(|run| self.track.takes(run))
    }

    /// Adds what a rollup says of `[from, to)`.
    pub fn add_rollup(&mut self, rollup: &Rollup, from: Micros, to: Micros) {
        // Where `from` cuts none, an interval that begins before it lies before it.
        let within = |start: Micros, run: &Totals| run.readings > 0 && start < to && start + rollup.step > from;
        for (start, run) in rollup.iter().filter(|(start, run)| within(*start, run)) {
            self.track.add_run(start, run, &mut self.intervals);
        }
    }
}
