//! Time as a thing that is passed in, so that tests can turn it by hand.

use std::sync::atomic::{AtomicI64, Ordering};

use super::telemetry::Micros;

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> Micros;
}

/// A clock that stands until it is turned.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Begins at `now`.
    pub fn at(now: Micros) -> Self {
        Self(AtomicI64::new(now))
    }
    /// Goes on by so many microseconds.
    pub fn advance(&self, by: Micros) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        self.0.load(Ordering::SeqCst)
    }
}
