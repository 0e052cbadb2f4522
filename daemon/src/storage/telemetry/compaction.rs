//! Moves readings from segments into chunks, a round at a time, a short step at a time.
//!
//! A round takes the oldest segments of a day. For some series after the other it decodes their readings, merges them with
//! the chunks that they lie in or beside, and has the writer put the new chunks in the place of the old ones. Last, it has
//! the segments dropped. Until then their readings stand in both places: queries take one of them, and a round that was
//! cut off is begun anew, and finds what it has put already.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::{mpsc, oneshot};

use super::contents;
use super::days::{self, day_of};
use super::expire::Expiring;
use super::files::Files;
use super::lock;
use super::merge;
use super::partition::{explained, query};
use super::steps::{Ordered, Put, Step};
use super::stored::{AT_ONCE, Bodies, Place, Stored, corrupt_segment};
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::{Error, Result};

/// A day with so many segments is compacted, even today. Tests have few.
const SEGMENTS: u64 = if cfg!(test) { 6 } else { 4_096 };
/// Fewer do of a day that is past: nothing but late readings comes there.
const LATE_SEGMENTS: u64 = if cfg!(test) { 3 } else { 64 };
/// So many readings for each series, too: longer chunks are written less often.
const READINGS_OF_SERIES: u64 = 500;
/// Bounds of that for a day.
const READINGS: (u64, u64) = if cfg!(test) {
    (500, 2_000)
} else {
    (1_000_000, 8_000_000)
};
/// Looks at a day that is past and gets nothing new, after which whatever is left is compacted.
const REST: u32 = if cfg!(test) { 2 } else { 30 };
/// Bytes of a round's segments, which are in memory while it lasts.
const BYTES: usize = if cfg!(test) { 20_000 } else { 32 << 20 };
/// Readings and series of a step at most, as far as that can be told before.
const STEP_READINGS: u64 = if cfg!(test) { 300 } else { 262_144 };
const STEP_SERIES: usize = if cfg!(test) { 3 } else { 1_024 };
/// Readings of old chunks in a step; more, and it is divided.
const STEP_OLD: u64 = if cfg!(test) { 400 } else { 1_000_000 };
/// Segments that are dropped at once.
const DROPPED: usize = if cfg!(test) { 2 } else { 256 };

/// Segments of a day that were not compacted, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) segments: u64,
    pub(super) readings: u64,
}

/// What [`Compactor::advance`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A step; there may be more to do.
    Step,
    /// Nothing: no day is due.
    Idle,
    /// Nothing: the writer has ended.
    Ended,
}

/// Compacts the files of readings when it is told to.
#[derive(Debug)]
pub struct Compactor {
    pub(super) files: Arc<Files>,
    steps: mpsc::Sender<Ordered>,
    /// Days of which nobody has counted the segments yet.
    pub(super) unknown: Vec<i64>,
    /// Days with a damaged file: nothing is moved there until the next start.
    damaged: Vec<i64>,
    /// What was pending at the last look, and how often it was the same.
    seen: HashMap<i64, (Pending, u32)>,
    pub(super) round: Option<Round>,
    /// What is dropped just now, and of how many series each day holds nothing any more.
    pub(super) expiring: Option<Expiring>,
    pub(super) expired: HashMap<i64, usize>,
}

/// Why a step was not done.
pub(super) enum Stop {
    /// There is no writer any more.
    Ended,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The segments that are being moved.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) day: i64,
    is_past: bool,
    taken: Pending,
    frames: Arc<Vec<Stored>>,
    bodies: Arc<Bodies>,
    /// Series that are still to be moved, first and last.
    ranges: VecDeque<(SeriesId, SeriesId)>,
    /// Segments whose table of contents is damaged.
    aside: Vec<i64>,
    /// Last numbers of the portions that are still to be dropped.
    drops: VecDeque<i64>,
    /// The last number of a chunk or clock.
    number: i64,
    shrinks: bool,
}

impl Compactor {
    pub(super) fn new(files: Arc<Files>, steps: mpsc::Sender<Ordered>) -> Self {
        let unknown = files.partitions.days();
        Self {
            files,
            steps,
            unknown,
            damaged: Vec::new(),
            seen: HashMap::new(),
            round: None,
            expiring: None,
            expired: HashMap::new(),
        }
    }

    /// Does the next step, if there is one. `now` tells which days are past. After an error the round begins anew.
    pub async fn advance(&mut self, now: Micros) -> Result<Progress> {
        let done = self.step(now).await;
        self.files.is_compacting.store(self.round.is_some(), Ordering::Relaxed);
        done
    }

    /// How long the writer has been at work on commits since the start.
    pub fn committing(&self) -> Duration {
        Duration::from_micros(self.files.committing.load(Ordering::Relaxed))
    }

    async fn step(&mut self, now: Micros) -> Result<Progress> {
        let Some(mut round) = self.round.take() else {
            return self.begin(now).await;
        };
        let day = round.day;
        match self.go_on(&mut round).await {
            Ok(true) => self.round = Some(round),
            Ok(false) => {}
            Err(Stop::Ended) => return Ok(Progress::Ended),
            Err(Stop::Failed(error)) => return Err(self.failed(day, error)),
        }
        Ok(Progress::Step)
    }

    fn failed(&mut self, day: i64, error: Error) -> Error {
        if matches!(error, Error::Corrupt { .. }) {
            self.damaged.push(day);
        }
        error
    }

    /// The next step of a round; false after the last.
    async fn go_on(&self, round: &mut Round) -> std::result::Result<bool, Stop> {
        if let Some(range) = round.ranges.pop_front() {
            self.merge(round, range).await?;
        } else if let Some(through) = round.drops.pop_front() {
            self.order(round.day, Step::Drop { through }).await?;
            if round.drops.is_empty() {
                self.files.settle(round.day, round.taken);
                tracing::debug!(
                    readings = round.taken.readings,
                    segments = round.taken.segments,
                    file = days::name(round.day),
                    "readings were compacted"
                );
            }
        } else if round.shrinks && round.is_past {
            round.shrinks = self.order(round.day, Step::Shrink).await?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Begins a round of a day that is due.
    async fn begin(&mut self, now: Micros) -> Result<Progress> {
        let today = day_of(now);
        if let Some(day) = self.unknown.pop() {
            let counted = self.count(day).await.map_err(|error| self.failed(day, error))?;
            self.files.discovered(day, counted);
            return Ok(Progress::Step);
        }
        let Some(day) = self.due(today) else {
            return Ok(Progress::Idle);
        };
        self.seen.remove(&day);
        self.expired.remove(&day);
        let begun = self.open(day, day < today).await;
        self.round = begun.map_err(|error| self.failed(day, error))?;
        Ok(Progress::Step)
    }

    /// The oldest day that has enough to be moved, or is past and at rest.
    fn due(&mut self, today: i64) -> Option<i64> {
        let pending = lock(&self.files.pending);
        self.seen.retain(|day, _| pending.contains_key(day));
        let series = super::read(&self.files.newest).len() as u64;
        let many = (series * READINGS_OF_SERIES).clamp(READINGS.0, READINGS.1);
        pending
            .iter()
            .map(|(day, pending)| (*day, *pending))
            .find_map(|(day, pending)| {
                if self.damaged.contains(&day) {
                    return None;
                }
                let seen = self.seen.entry(day).or_insert((pending, 0));
                *seen = if seen.0 == pending {
                    (pending, seen.1 + 1)
                } else {
                    (pending, 0)
                };
                let is_past = day < today;
                let segments = if is_past { LATE_SEGMENTS } else { SEGMENTS };
                let is_due = pending.segments >= segments || pending.readings >= many || is_past && seen.1 >= REST;
                is_due.then_some(day)
            })
    }

    async fn count(&self, day: i64) -> Result<Pending> {
        let row =
            query("select count(*), coalesce(sum(count), 0) from segment where id not in (select segment from aside)")
                .fetch_one(&self.files.partitions.reader(day))
                .await
                .map_err(|error| explained(self.files.partitions.dir(), day, error))?;
        let number = |at| row.try_get::<i64, _>(at).map(i64::unsigned_abs);
        Ok(Pending {
            segments: number(0)?,
            readings: number(1)?,
        })
    }

    /// Reads the oldest segments of a day; none, if there are none.
    async fn open(&self, day: i64, is_past: bool) -> Result<Option<Round>> {
        let partitions = &self.files.partitions;
        let failed = |error| explained(partitions.dir(), day, error);
        let reader = partitions.reader(day);
        let rows = query(
            "select id, count, length(body) from segment where id not in (select segment from aside) order by id",
        )
        .fetch_all(&reader)
        .await
        .map_err(failed)?;
        let (mut segments, mut taken, mut bytes) = (Vec::new(), Pending::default(), 0);
        for row in rows {
            if bytes >= BYTES as i64 || taken.readings >= READINGS.1 {
                break;
            }
            segments.push(row.try_get::<i64, _>(0)?);
            taken.segments += 1;
            taken.readings += row.try_get::<i64, _>(1)?.unsigned_abs();
            bytes += row.try_get::<i64, _>(2)?;
        }
        if segments.is_empty() {
            lock(&self.files.pending).remove(&day);
            return Ok(None);
        }
        let row = query("select number from compaction")
            .fetch_one(&reader)
            .await
            .map_err(failed)?;
        let (mut frames, mut bodies, mut aside) = (Vec::new(), Bodies::default(), Vec::new());
        for part in segments.chunks(AT_ONCE) {
            let sql =
                "select id, contents, body from segment where id in (select value from json_each($1)) order by id";
            for row in partitions.those(day, sql, part.to_vec()).await? {
                let segment: i64 = row.try_get(0)?;
                match contents::decode(row.try_get(1)?) {
                    Ok(list) => {
                        let list = list.into_iter().enumerate();
                        frames.extend(list.map(|(index, frame)| Stored::Frame { segment, index, frame }));
                        bodies.segments.insert(segment, row.try_get(2)?);
                    }
                    Err(damage) => {
                        told(&corrupt_segment(day, segment, None, damage));
                        aside.push(segment);
                    }
                }
            }
        }
        let drops = segments
            .chunks(DROPPED)
            .filter_map(|part| part.last().copied())
            .collect();
        let mut ranges: VecDeque<_> = merge::ranges(&frames, STEP_READINGS, STEP_SERIES).into();
        if ranges.is_empty() {
            // The segments that are put aside must be named before others are dropped.
            ranges.push_back((0, 0));
        }
        Ok(Some(Round {
            day,
            is_past,
            taken,
            frames: Arc::new(frames),
            bodies: Arc::new(bodies),
            ranges,
            aside,
            drops,
            number: row.try_get(0)?,
            shrinks: true,
        }))
    }

    /// Moves the readings of some series.
    async fn merge(&self, round: &mut Round, range: (SeriesId, SeriesId)) -> std::result::Result<(), Stop> {
        let (day, partitions) = (round.day, &self.files.partitions);
        let (frames, bodies) = (Arc::clone(&round.frames), Arc::clone(&round.bodies));
        let (fresh, damaged) = beside(move || merge::fresh(day, &frames, &bodies, range)).await?;
        let mut put = Put {
            aside: std::mem::take(&mut round.aside),
            ..Put::default()
        };
        let (known, unreadable) = partitions.chunks(day, range).await?;
        let chosen = merge::choose(&fresh, known);
        let readings: u64 = chosen.merged.iter().map(|chunk| chunk.totals.readings).sum();
        if readings > STEP_OLD && range.0 < range.1 {
            let middle = range.0 + (range.1 - range.0) / 2;
            round.ranges.push_front((middle + 1, range.1));
            round.ranges.push_front((range.0, middle));
            round.aside = put.aside;
            return Ok(());
        }
        for (segment, error) in damaged {
            told(&error);
            put.aside.push(segment);
        }
        unreadable.iter().for_each(told);
        let mut old = Bodies::default();
        for part in chosen.merged.chunks(AT_ONCE) {
            old.extend(
                partitions
                    .bodies(day, part.iter().map(|chunk| Place::Chunk(chunk.id)))
                    .await?,
            );
        }
        let number = round.number;
        let (put, damaged) = beside(move || merge::code(day, fresh, chosen, &old, number, put)).await??;
        damaged.iter().for_each(told);
        round.number = put.number;
        if put.chunks.is_empty() && put.aside.is_empty() {
            return Ok(());
        }
        self.order(day, Step::Put(put)).await?;
        Ok(())
    }

    /// Has the writer do a step.
    pub(super) async fn order(&self, day: i64, step: Step) -> std::result::Result<bool, Stop> {
        let (answer, answered) = oneshot::channel();
        let ordered = Ordered { day, step, answer };
        self.steps.send(ordered).await.map_err(|_| Stop::Ended)?;
        Ok(answered.await.map_err(|_| Stop::Ended)??)
    }
}

/// Work that takes long, beside the tasks that answer callers.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::File {
        path: "readings".to_owned(),
        source: std::io::Error::other(error),
    })
}

fn told(error: &Error) {
    tracing::error!(%error, "readings are damaged; they stay where they are, and what is whole beside them was moved");
}
