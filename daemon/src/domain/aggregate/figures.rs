//! Figures of one interval. Those of several series can be put together, in any order.

use super::{Aggregate, Bucket, Totals};
use crate::domain::telemetry::Micros;

/// What is known of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    pub(super) count: u64,
    pub(super) bad: u64,
    sum: f64,
    min: f64,
    max: f64,
    first: (Micros, f64),
    last: (Micros, f64),
    /// Steps of a counter that ended here, what they add up to, and the time that they took.
    steps: u64,
    increase: f64,
    stepped: Micros,
    /// Per second, of the series that were put together.
    rates: f64,
    /// Values times the microseconds that they held, and these.
    area: f64,
    held: f64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            count: 0,
            bad: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            first: (Micros::MAX, 0.0),
            last: (Micros::MIN, 0.0),
            steps: 0,
            increase: 0.0,
            stepped: 0,
            rates: 0.0,
            area: 0.0,
            held: 0.0,
        }
    }
}

impl Figures {
    pub(super) fn number(&mut self, time: Micros, number: f64) {
        self.count += 1;
        self.sum += number;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        if time < self.first.0 {
            self.first = (time, number);
        }
        if time >= self.last.0 {
            self.last = (time, number);
        }
    }

    /// Adds a run of readings: all that is known of it but the step to its first number, and how long its last one held.
    pub(super) fn run(&mut self, run: &Totals) {
        self.bad += run.readings - run.good;
        if run.numbers == 0 {
            return;
        }
        self.count += run.numbers;
        self.sum += run.sum;
        self.min = self.min.min(run.min);
        self.max = self.max.max(run.max);
        if run.first.0 < self.first.0 {
            self.first = run.first;
        }
        if run.last.0 >= self.last.0 {
            self.last = run.last;
        }
        self.steps += run.numbers - 1;
        self.increase += run.increase;
        self.stepped += run.last.0 - run.first.0;
        self.area += run.area;
        self.held += run.held as f64;
    }

    pub(super) fn step(&mut self, increase: f64, took: Micros) {
        self.steps += 1;
        self.increase += increase;
        self.stepped += took;
    }

    pub(super) fn hold(&mut self, number: f64, time: Micros) {
        self.area += number * time as f64;
        self.held += time as f64;
    }

    /// Puts the figures of another series beside these: counters add up, and so do their rates.
    pub fn add(&mut self, other: &Self) {
        self.rates = self.rate() + other.rate();
        self.stepped = 0;
        self.count += other.count;
        self.bad += other.bad;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.first.0 < self.first.0 {
            self.first = other.first;
        }
        if other.last.0 >= self.last.0 {
            self.last = other.last;
        }
        self.steps += other.steps;
        self.increase += other.increase;
        self.area += other.area;
        self.held += other.held;
    }

    fn rate(&self) -> f64 {
        if self.stepped > 0 {
            self.rates + self.increase / (self.stepped as f64 / 1e6)
        } else {
            self.rates
        }
    }

    /// The interval with one value.
    pub fn bucket(&self, start: Micros, aggregate: Aggregate) -> Bucket {
        let some = |condition: bool, value: f64| condition.then_some(value);
        let any = self.count > 0;
        let value = match aggregate {
            Aggregate::Count => Some(self.count as f64),
            Aggregate::Mean => some(any, self.sum / self.count as f64),
            Aggregate::Min => some(any, self.min),
            Aggregate::Max => some(any, self.max),
            Aggregate::Sum => some(any, self.sum),
            Aggregate::First => some(any, self.first.1),
            Aggregate::Delta => some(self.steps > 0, self.increase),
            Aggregate::Rate => some(self.steps > 0, self.rate()),
            // One value at the very end of the range has held for no time, and is the mean all the same.
            Aggregate::TimeWeighted if self.held > 0.0 => Some(self.area / self.held),
            Aggregate::Last | Aggregate::TimeWeighted => some(any, self.last.1),
        };
        Bucket {
            start,
            value,
            count: self.count,
            bad: self.bad,
        }
    }
}
