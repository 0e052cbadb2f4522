//! A batch on its way in: what of it goes to the store, and why the rest does not.

use uuid::Uuid;

use super::target::{Known, Refusal, Said};
use super::way::{Accepted, Way};
use crate::domain::ingest::{Incoming, Ingested, NEWEST, OLDEST, OLDEST_KEPT, Rejection};
use crate::domain::telemetry::{Micros, Sample};
use crate::storage::telemetry::Appended;

/// What has become of a batch so far.
#[derive(Debug)]
pub(super) struct Taking {
    now: Micros,
    /// What goes to the store.
    pub(super) samples: Vec<Sample>,
    /// Where in the batch the samples stood.
    positions: Vec<usize>,
    pub(super) ingested: Ingested,
    /// The device whose timestamp is furthest ahead, and by how much.
    pub(super) fastest: Option<(Uuid, Micros)>,
}

impl Taking {
    pub(super) fn new(now: Micros, items: usize) -> Self {
        Self {
            now,
            samples: Vec::with_capacity(items),
            positions: Vec::with_capacity(items),
            ingested: Ingested::default(),
            fastest: None,
        }
    }

    pub(super) fn refuse(&mut self, index: usize, (code, detail): Refusal) {
        self.ingested.rejected.push(Rejection { index, code, detail });
    }

    /// When it was measured; none: it is refused for its time. What was stored before may be older, and says nothing of
    /// a device's clock.
    pub(super) fn timestamp(
        &mut self,
        index: usize,
        timestamp: Option<Micros>,
        is_kept: bool,
        about: impl FnOnce() -> Option<Uuid>,
    ) -> Option<Micros> {
        let Some(timestamp) = timestamp else {
            return Some(self.now);
        };
        let ahead = timestamp.saturating_sub(self.now);
        if !is_kept
            && ahead > self.fastest.map_or(0, |(_, most)| most)
            && let Some(device) = about()
        {
            self.fastest = Some((device, ahead));
        }
        let (oldest, years) = if is_kept { (OLDEST_KEPT, 20) } else { (OLDEST, 5) };
        if timestamp < self.now - oldest || timestamp > self.now + NEWEST {
            let detail =
                format!("the timestamp is more than {years} years old, or more than a day ahead of fleetd's clock");
            self.refuse(index, ("bad_timestamp", detail));
            return None;
        }
        Some(timestamp)
    }

    /// Puts an item where it goes, and gives back one whose series is not known.
    pub(super) fn place<'a>(
        &mut self,
        way: &Way<'_>,
        index: usize,
        timestamp: Micros,
        item: Incoming<'a>,
    ) -> Option<(usize, Micros, Incoming<'a>)> {
        match way.accept(&item) {
            Accepted::Series(series) => {
                let said = Said {
                    value: item.value,
                    unit: item.unit,
                    quality: item.quality,
                    kept: item.kept,
                };
                self.judge(index, timestamp, &series, said);
                None
            }
            Accepted::Refused(refusal) => {
                self.refuse(index, refusal);
                None
            }
            Accepted::Unknown => Some((index, timestamp, item)),
        }
    }

    /// Takes a reading of a series, or refuses it, as the policies want.
    pub(super) fn judge(&mut self, index: usize, timestamp: Micros, series: &Known, said: Said<'_>) {
        if series.is_over(timestamp, self.now) {
            let detail =
                "readings of that time are kept no longer: see `retention` and `subscription` of the organization";
            return self.refuse(index, ("expired", detail.to_owned()));
        }
        match series.sample(said, timestamp, self.now) {
            Ok(sample) => {
                self.samples.push(sample);
                self.positions.push(index);
            }
            Err(refusal) => self.refuse(index, refusal),
        }
    }

    /// The end of a batch whose samples are stored.
    pub(super) fn done(mut self, appended: Appended) -> Ingested {
        self.ingested.accepted = appended.accepted;
        self.ingested.duplicates = appended.duplicates;
        for at in appended.conflicts {
            let detail = "another value is stored for this sensor and time; the first one stays".to_owned();
            self.refuse(self.positions[at as usize], ("conflict", detail));
        }
        self.ingested.rejected.sort_by_key(|rejection| rejection.index);
        self.ingested
    }
}
