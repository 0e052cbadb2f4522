//! What stands in intervals that have no value.

use super::Bucket;
use crate::domain::telemetry::Micros;

/// What becomes of intervals without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// Those without any reading are left out.
    #[default]
    None,
    /// They are there, without a value.
    Null,
    /// The value before.
    Previous,
    /// On the line between the values before and after.
    Linear,
}

impl Fill {
    /// The words, in the order of help texts.
    pub const WORDS: &[(&str, Self)] = &[
        ("none", Self::None),
        ("null", Self::Null),
        ("previous", Self::Previous),
        ("linear", Self::Linear),
    ];

    /// What a word means.
    pub fn find(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, fill)| *fill)
    }
}

/// Fills in, from bucket to bucket in order of time, each of them given.
#[derive(Debug)]
pub struct Filler {
    fill: Fill,
    last: Option<(Micros, f64)>,
    /// Without a value yet.
    open: Vec<Bucket>,
    done: Vec<Bucket>,
}

impl Filler {
    /// Begins before the first.
    pub fn new(fill: Fill) -> Self {
        Self {
            fill,
            last: None,
            open: Vec::new(),
            done: Vec::new(),
        }
    }

    /// The next one.
    pub fn push(&mut self, bucket: Bucket) {
        if self.fill == Fill::None && bucket.count + bucket.bad == 0 {
            return;
        }
        let Some(value) = bucket.value else {
            return self.without(bucket);
        };
        if let Some((start, last)) = self.last {
            let whole = (bucket.start - start) as f64;
            for open in &mut self.open {
                open.value = Some(last + (value - last) * ((open.start - start) as f64 / whole));
            }
        }
        self.done.append(&mut self.open);
        self.last = Some((bucket.start, value));
        self.done.push(bucket);
    }

    fn without(&mut self, bucket: Bucket) {
        match self.fill {
            Fill::None | Fill::Null => self.done.push(bucket),
            Fill::Previous => self.done.push(Bucket {
                value: self.last.map(|(_, value)| value),
                ..bucket
            }),
            Fill::Linear => self.open.push(bucket),
        }
    }

    /// Those that are decided.
    pub fn drain(&mut self) -> Vec<Bucket> {
        std::mem::take(&mut self.done)
    }

    /// The rest: after the last value there is no line.
    pub fn finish(mut self) -> Vec<Bucket> {
        self.done.append(&mut self.open);
        self.done
    }
}
