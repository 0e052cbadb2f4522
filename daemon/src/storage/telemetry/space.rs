//! What the files of readings take of the disk.

use std::path::Path;

use super::days::{self, DAY, day_of};
use super::partition::Partitions;
use crate::domain::telemetry::Micros;
use crate::storage::error::{Error, Result};

/// Days that growth is measured over.
const DAYS: i64 = 7;

/// The disk, and the files of readings on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes of each day's file, oldest first, with the day's begin.
    pub days: Vec<(Micros, u64)>,
    /// Bytes that fleetd may still take.
    pub free: u64,
}

impl Space {
    /// Bytes that a day takes, by the whole days of the last week; none without such a day.
    pub fn a_day(&self, now: Micros) -> Option<u64> {
        let today = day_of(now);
        let whole = |at: &Micros| (today - DAYS..today).contains(&day_of(*at));
        let recent: Vec<u64> = self
            .days
            .iter()
            .filter(|(at, _)| whole(at))
            .map(|(_, bytes)| *bytes)
            .collect();
        Some(recent.iter().sum::<u64>() / u64::try_from(recent.len()).ok().filter(|count| *count > 0)?)
    }

    /// When the disk is full, if every day takes as much; none where that is not known, or more than a thousand years off.
    pub fn full_at(&self, now: Micros) -> Option<Micros> {
        let days = i64::try_from(self.free / self.a_day(now).filter(|bytes| *bytes > 0)?).ok()?;
        (days < 365_000).then(|| now.saturating_add(days * DAY))
    }
}

impl Partitions {
    /// What the files take now.
    pub(super) fn space(&self) -> Result<Space> {
        let failed = |source| Error::File {
            path: self.dir().display().to_string(),
            source,
        };
        let mut days = Vec::new();
        for day in self.days() {
            let name = days::name(day);
            let bytes = ["", "-wal", "-shm"].map(|suffix| size(&self.dir().join(format!("{name}{suffix}"))));
            days.push((day.saturating_mul(DAY), bytes.iter().sum()));
        }
        let disk = rustix::fs::statvfs(self.dir()).map_err(|error| failed(error.into()))?;
        Ok(Space {
            days,
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }
}

/// Bytes of a file; 0 where there is none.
fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}
