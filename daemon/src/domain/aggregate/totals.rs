//! Figures that stand beside a run of stored readings.

use crate::domain::telemetry::Micros;

/// Figures of consecutive readings of one series: enough for every [`super::Aggregate`] and for a mean weighted by time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Readings.
    pub readings: u64,
    /// Readings that were good.
    pub good: u64,
    /// Numbers that enter figures. Without one, the fields below are 0.
    pub numbers: u64,
    /// Least number.
    pub min: f64,
    /// Greatest number.
    pub max: f64,
    /// Sum of the numbers.
    pub sum: f64,
    /// First number and its time.
    pub first: (Micros, f64),
    /// Last number and its time.
    pub last: (Micros, f64),
    /// Numbers times the microseconds that each held: until the next reading, whatever that was.
    pub area: f64,
    /// Those microseconds. The last reading holds into what follows, and is not in it.
    pub held: Micros,
    /// What a counter went on by from number to number; one that is less than the number before began anew at 0.
    pub increase: f64,
    /// How often it was less. With [`Self::UNKNOWN`] nobody counted.
    pub drops: u64,
}

impl Totals {
    /// In the place of [`Self::drops`]: `increase` was not kept, either.
    pub const UNKNOWN: u64 = u64::MAX;

    /// Adds the next reading: `number`, if it has one that may enter figures; `is_good`, if its quality is.
    pub fn add(&mut self, before: Option<(Micros, Option<f64>)>, at: Micros, number: Option<f64>, is_good: bool) {
        if let Some((since, Some(held))) = before {
            let time = at.saturating_sub(since);
            self.held = self.held.saturating_add(time);
            self.area += held * time as f64;
        }
        self.readings += 1;
        self.good += u64::from(is_good);
        let Some(number) = number else { return };
        if self.numbers == 0 {
            (self.min, self.max, self.first) = (number, number, (at, number));
        } else {
            self.increase += onward(self.last.1, number);
            self.drops += u64::from(number < self.last.1);
        }
        self.numbers += 1;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.sum += number;
        self.last = (at, number);
    }
}

/// By how much a counter went on that begins anew at 0.
pub(super) fn onward(before: f64, now: f64) -> f64 {
    if now < before { now.max(0.0) } else { now - before }
}
