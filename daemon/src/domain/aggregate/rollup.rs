//! Figures of a long run of readings in short intervals.

use super::Totals;
use crate::domain::telemetry::Micros;

/// Widths that a rollup may have, microseconds: a minute and an hour. A day's figures are the totals of its runs.
const STEPS: [Micros; 2] = [60_000_000, 3_600_000_000];
/// So many readings for each interval make a rollup worth its bytes: with fewer, the readings themselves are read as fast.
const WORTH: usize = if cfg!(test) { 4 } else { 240 };

/// Totals of intervals next to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// Width of an interval, microseconds; begins are multiples of it.
    pub step: Micros,
    /// Begin of the first.
    pub start: Micros,
    /// One for each interval; those without readings are empty.
    pub runs: Vec<Totals>,
}

impl Rollup {
    /// Begins a rollup that is worth it for so many readings from `first` to `last`: the finest.
    pub fn begin(first: Micros, last: Micros, readings: usize) -> Option<Self> {
        STEPS.into_iter().find_map(|step| {
            let start = first - first.rem_euclid(step);
            let count = usize::try_from((last - start).div_euclid(step)).ok()? + 1;
            // Of one interval the totals of the run say all.
            (count > 1 && readings / count >= WORTH).then(|| Self {
                step,
                start,
                runs: vec![Totals::default(); count],
            })
        })
    }

    /// The width with a number, as it is stored.
    pub fn step_of(number: u8) -> Option<Micros> {
        STEPS.get(usize::from(number)).copied()
    }

    /// The number of its width.
    pub fn number(&self) -> u8 {
        STEPS.iter().position(|step| *step == self.step).unwrap_or_default() as u8
    }

    /// Adds the next reading, as [`Totals::add`] does.
    pub fn add(&mut self, before: Option<(Micros, Option<f64>)>, at: Micros, number: Option<f64>, is_good: bool) {
        let index = usize::try_from((at - self.start).div_euclid(self.step)).ok();
        let Some(run) = index.and_then(|index| self.runs.get_mut(index)) else {
            return;
        };
        // What holds from one interval into the next belongs to neither.
        run.add(before.filter(|_| run.readings > 0), at, number, is_good);
    }

    /// Each interval with its begin.
    pub fn iter(&self) -> impl Iterator<Item = (Micros, &Totals)> {
        let start = |at: usize| self.start + self.step * at as i64;
        self.runs.iter().enumerate().map(move |(at, run)| (start(at), run))
    }

    /// Does each interval lie in `[from, to)` or outside?
    pub(super) fn is_cut_by(&self, from: Micros, to: Micros) -> bool {
        let end = self.start + self.step * self.runs.len() as i64;
        let clean = |edge: Micros| edge <= self.start || edge >= end || edge.rem_euclid(self.step) == 0;
        clean(from) && clean(to)
    }
}
