//! Figures about readings. Only good and uncertain numbers enter; what is bad or no number is counted apart.
//!
//! `figures` one interval, of one series or of several · `track` a series on its way through intervals · `fill` intervals
//! without a value · `summary` a whole range
//! · `totals` a run of readings as it is stored, `rollup` the same in short intervals · `course` a series and what becomes of it.

mod course;
mod figures;
mod fill;
mod rollup;
mod summary;
mod totals;
mod track;

#[cfg(test)]
mod tests;

pub use course::Course;
pub use figures::Figures;
pub use fill::{Fill, Filler};
pub use rollup::Rollup;
pub use summary::{Summary, Summing};
pub use totals::Totals;
pub use track::{Intervals, Track};

use super::telemetry::{Micros, Quality, Sample, Value};

/// How the readings of an interval become one value.
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
    /// Increase of a counter.
    Delta,
    /// The increase per second.
    Rate,
    /// Each value counts for as long as it held.
    TimeWeighted,
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
        ("delta", Self::Delta),
        ("rate", Self::Rate),
        ("twa", Self::TimeWeighted),
    ];

    /// The aggregate that a word names; `avg` is `mean`.
    pub fn find(word: &str) -> Option<Self> {
        let word = if word == "avg" { "mean" } else { word };
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, aggregate)| *aggregate)
    }

    /// The reading before an interval matters to it.
    pub fn looks_back(self) -> bool {
        matches!(self, Self::Delta | Self::Rate | Self::TimeWeighted)
    }
}

/// An interval with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Begin; a multiple of the width.
    pub start: Micros,
    /// None where no number fell into it.
    pub value: Option<f64>,
    /// Numbers that the value stands on; 0 where it was filled in.
    pub count: u64,
    /// Readings that were not good.
    pub bad: u64,
}

/// The number that enters figures, if the reading has one that may be trusted.
fn number(sample: &Sample) -> Option<f64> {
    match sample.value {
        Value::Number(number) if sample.quality != Quality::Bad => Some(number),
        _ => None,
    }
}
