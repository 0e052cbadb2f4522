//! A series on its way through intervals: what of it reaches from one into the next.

use super::totals::onward;
use super::{Figures, Totals, number};
use crate::domain::telemetry::{Micros, Quality, Sample};

/// Intervals next to each other, all of one width.
#[derive(Debug)]
pub struct Intervals {
    /// Begin of the first; a multiple of the width.
    start: Micros,
    every: Micros,
    figures: Vec<Figures>,
}

impl Intervals {
    /// `count` intervals from `start` on, which is a multiple of `every`, which is greater than 0.
    pub fn new(start: Micros, every: Micros, count: usize) -> Self {
        Self {
            start,
            every: every.max(1),
            figures: vec![Figures::default(); count],
        }
    }

    /// Forgets what was in them, and begins elsewhere. Of none, the memory is given back.
    pub fn restart(&mut self, start: Micros, count: usize) {
        self.start = start;
        self.figures.clear();
        if count == 0 {
            self.figures = Vec::new();
        }
        self.figures.resize(count, Figures::default());
    }

    /// End of the last.
    pub fn end(&self) -> Micros {
        self.start
            .saturating_add(self.every.saturating_mul(self.figures.len() as i64))
    }

    /// Do all moments from `first` to `last` lie in one interval?
    pub fn is_one(&self, first: Micros, last: Micros) -> bool {
        first.div_euclid(self.every) == last.div_euclid(self.every)
    }

    /// Does each interval consist of whole ones of this width?
    pub fn consist_of(&self, width: Micros) -> bool {
        width > 0 && self.every % width == 0
    }

    /// The interval of a moment.
    fn at(&mut self, time: Micros) -> Option<&mut Figures> {
        let index = usize::try_from(time.checked_sub(self.start)?.div_euclid(self.every)).ok()?;
        self.figures.get_mut(index)
    }

    /// Each interval with its begin.
    pub fn iter(&self) -> impl Iterator<Item = (Micros, &Figures)> {
        let start = move |at: usize| self.start + self.every * at as i64;
        self.figures
            .iter()
            .enumerate()
            .map(move |(at, figures)| (start(at), figures))
    }

    /// Puts intervals of another series beside these, which are the same.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.figures.iter_mut().zip(&other.figures) {
            own.add(other);
        }
    }

    fn hold(&mut self, value: f64, from: Micros, to: Micros) {
        let (mut from, to) = (from.max(self.start), to.min(self.end()));
        while from < to {
            let end = (from - from.rem_euclid(self.every)).saturating_add(self.every).min(to);
            if let Some(figures) = self.at(from) {
                figures.hold(value, end - from);
            }
            from = end;
        }
    }
}

/// One series. Readings come in order of time.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Only what needs no reading before another is wanted.
    is_plain: bool,
    /// Where its counter is 0 again; none: nobody said.
    rollover: Option<f64>,
    /// The number before.
    before: Option<(Micros, f64)>,
    /// What holds, and since when; none while it is not known.
    holds: Option<(Micros, f64)>,
}

impl Track {
    /// A series whose counter is 0 again where it would reach `rollover`.
    pub fn new(rollover: Option<f64>) -> Self {
        Self {
            rollover: rollover.filter(|rollover| *rollover > 0.0),
            ..Self::default()
        }
    }

    /// A series whose aggregate does not look back.
    pub fn plain() -> Self {
        Self {
            is_plain: true,
            ..Self::default()
        }
    }

    /// Notes a reading that lies before the range.
    pub fn look_back(&mut self, sample: &Sample) {
        match number(sample) {
            Some(number) => {
                self.before = Some((sample.timestamp, number));
                self.holds = self.before;
            }
            None => self.holds = None,
        }
    }

    /// Adds the next reading.
    pub fn add(&mut self, sample: &Sample, into: &mut Intervals) {
        let is_good = sample.quality == Quality::Good;
        self.add_number(sample.timestamp, number(sample), is_good, into);
    }

    /// The same without what does not enter: its number, if it has one that may be trusted.
    pub fn add_number(&mut self, time: Micros, number: Option<f64>, is_good: bool, into: &mut Intervals) {
        self.until(time, into);
        let Some(figures) = into.at(time) else { return };
        figures.bad += u64::from(!is_good);
        let Some(number) = number else {
            self.holds = None;
            return;
        };
        figures.number(time, number);
        if self.is_plain {
            return;
        }
        if let Some((before, last)) = self.before {
            figures.step(self.increase(last, number), time - before);
        }
        self.before = Some((time, number));
        self.holds = self.before;
    }

    /// Are figures of a run of readings as good as the readings themselves?
    pub fn takes(&self, run: &Totals) -> bool {
        // Where a reading without a number stands, and how far it reaches, totals do not say.
        let is_whole = run.numbers == run.readings && run.drops != Totals::UNKNOWN;
        self.is_plain || is_whole && (run.drops == 0 || self.rollover.is_none())
    }

    /// Adds a run of readings that all lie in the interval of `at`. [`Self::takes`] must say yes.
    pub fn add_run(&mut self, at: Micros, run: &Totals, into: &mut Intervals) {
        if run.numbers > 0 {
            self.until(run.first.0, into);
        }
        let Some(figures) = into.at(at) else { return };
        figures.run(run);
        if self.is_plain || run.numbers == 0 {
            return;
        }
        if let Some((before, last)) = self.before {
            figures.step(self.increase(last, run.first.1), run.first.0 - before);
        }
        self.before = Some(run.last);
        self.holds = self.before;
    }

    /// Lets what holds hold until then.
    pub fn until(&mut self, time: Micros, into: &mut Intervals) {
        if let Some((since, value)) = &mut self.holds {
            into.hold(*value, *since, time);
            *since = time;
        }
    }

    /// By how much a counter went on. One that is less than before began anew: at its rollover, if that makes a step of at
    /// most half of it, and otherwise at 0.
    fn increase(&self, before: f64, now: f64) -> f64 {
        match self.rollover {
            Some(rollover) if now < before && now - before + rollover <= rollover / 2.0 && before < rollover => {
                now - before + rollover
            }
            _ => onward(before, now),
        }
    }
}
