//! Where readings are kept: coded segments in files of a day, or rows in PostgreSQL.
//!
//! One writer takes whatever is queued, sorts it, drops duplicates, and commits it; only then are the callers answered.

//!
//! Files, from the bytes up: `bytes` integers · `codec` frames and `contents` their table · `chunk` what frames become ·
//! `block` readings by column · `partition` a day's file · `stored` what stands in it · `recent` what is in memory ·
//! `newest` the last reading of each series · `files` commits · `scan` reading on, `backwards` the newest, `fold` into
//! intervals · `inventory` how much there is · `compaction` from segments to chunks, by `merge` in memory and `steps` on
//! disk, `expire` what is over, `space` on the disk, `room` what is left of it. PostgreSQL: `postgres`. Both: `order` what
//! is new of a commit · `queue` · `writer` · `catalogue`.

mod backwards;
mod block;
mod bytes;
mod catalogue;
mod chunk;
mod codec;
mod compaction;
mod contents;
mod days;
mod expire;
mod files;
mod fold;
mod inventory;
mod merge;
mod newest;
mod order;
mod partition;
mod postgres;
mod queue;
mod recent;
mod room;
mod scan;
mod space;
mod steps;
mod stored;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use tokio::sync::{broadcast, oneshot};
use uuid::Uuid;

use super::db::Db;
use super::error::Result;
use crate::domain::shares::Share;
use crate::domain::telemetry::{Micros, Sample, Series, SeriesId, SeriesKey};
use catalogue::Catalogue;
pub use compaction::{Compactor, Progress};
use files::Files;
pub use inventory::Stock;
use postgres::Rows;
use queue::{Batch, Queue};
pub use scan::Scan;
pub use space::Space;
use writer::Sink;
pub use writer::Writer;

/// How readings are kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the partition files; not used with PostgreSQL.
    pub dir: PathBuf,
    /// Readings that may wait for the writer; more are refused.
    pub queue: usize,
    /// Bytes that stay free on the disk; none: a twentieth of it, and at most 256 MiB.
    pub reserve: Option<u64>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// New readings, now durable.
    pub accepted: u32,
    /// Readings that were there already, with the same value.
    pub duplicates: u32,
    /// Positions of readings whose time is taken by another value, which stays.
    pub conflicts: Vec<u32>,
}

/// Why a batch was not taken. Nothing of it may be taken for durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full, and the organization has its share of it.
    #[error("the queue of the writer is full")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// It cannot be written now: the database server is away, or the file of that day is damaged. The log says more.
    #[error("the store cannot be written now")]
    Unavailable,
    /// The store failed, and fleetd is about to exit.
    #[error("the store failed")]
    Failed,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series in the catalogue.
    pub series: u64,
    /// New readings.
    pub accepted: u64,
    /// Readings that were there already.
    pub duplicates: u64,
    /// Readings whose time was taken by another value.
    pub conflicts: u64,
    /// Group commits.
    pub commits: u64,
    /// Bytes on disk; 0 with PostgreSQL.
    pub bytes: u64,
    /// Readings that were moved from segments into chunks.
    pub compacted: u64,
    /// Are some being moved now?
    pub is_compacting: bool,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
    commits: AtomicU64,
}

#[derive(Debug)]
enum Backend {
    Files(Arc<Files>),
    Rows(Arc<Rows>),
}

#[derive(Debug)]
struct Inner {
    catalogue: Catalogue,
    backend: Backend,
    counters: Counters,
    live: broadcast::Sender<Arc<Vec<Sample>>>,
    queue: Queue,
}

/// Commits that a slow receiver may lag behind.
const LIVE: usize = 1_024;

/// A handle to the store of readings.
#[derive(Clone, Debug)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

impl Telemetry {
    /// Opens the store. The writer must be run for anything to be written.
    pub async fn open(config: Config, db: &Db) -> Result<(Self, Writer)> {
        let catalogue = Catalogue::load(db.clone()).await?;
        let (backend, sink) = match db {
            Db::Sqlite { .. } => {
                let (files, writer) = files::open(config.dir, config.reserve, catalogue.len()).await?;
                (Backend::Files(files), Sink::Files(writer))
            }
            Db::Postgres { pool, .. } => {
                let rows = Arc::new(Rows::open(pool.clone()).await?);
                (Backend::Rows(Arc::clone(&rows)), Sink::Rows(rows))
            }
        };
        let inner = Arc::new(Inner {
            catalogue,
            backend,
            counters: Counters::default(),
            live: broadcast::channel(LIVE).0,
            queue: Queue::new(config.queue),
        });
        let writer = Writer::new(Arc::clone(&inner), sink);
        Ok((Self { inner }, writer))
    }

    /// The number of a series, if it is known.
    pub fn series(&self, key: &SeriesKey) -> Option<SeriesId> {
        self.inner.catalogue.find(key)
    }

    /// The numbers of series of one organization, each new one in the catalogue on disk when this returns. There are no
    /// more new ones than leave it within `limit`; the others have no number.
    pub async fn series_or_create(
        &self,
        share: Share,
        limit: Option<u32>,
        wanted: &[(SeriesKey, String)],
    ) -> Result<Vec<Option<SeriesId>>> {
        self.inner.catalogue.find_or_create(share, limit, wanted).await
    }

    /// How many series an organization has, those of devices that are gone included.
    pub fn series_of_org(&self, org: Uuid) -> u64 {
        self.inner.catalogue.count(org)
    }

    /// A series of the catalogue.
    pub fn describe(&self, id: SeriesId) -> Option<Arc<Series>> {
        self.inner.catalogue.describe(id)
    }

    /// Every series of a device.
    pub fn series_of(&self, device: Uuid) -> Vec<Arc<Series>> {
        self.inner.catalogue.of_device(device)
    }

    /// Every series.
    pub fn all_series(&self) -> Vec<Arc<Series>> {
        self.inner.catalogue.all()
    }

    /// What the files take; none with PostgreSQL.
    pub fn space(&self) -> Result<Option<Space>> {
        match &self.inner.backend {
            Backend::Files(files) => files.partitions.space().map(Some),
            Backend::Rows(_) => Ok(None),
        }
    }

    /// Is there so little room on the disk that readings must be refused? [`Self::look_for_room`] looks.
    pub fn is_low_on_room(&self) -> bool {
        match &self.inner.backend {
            Backend::Files(files) => files.room.is_low(),
            Backend::Rows(_) => false,
        }
    }

    /// Looks how much room is left on the disk of the files.
    pub fn look_for_room(&self) -> Result<bool> {
        match &self.inner.backend {
            Backend::Files(files) => files.room.look(),
            Backend::Rows(_) => Ok(false),
        }
    }

    /// Adds readings of one organization; returns when they are durable. Of two readings with one series and time the
    /// first wins.
    pub async fn append(&self, share: Share, samples: Vec<Sample>) -> std::result::Result<Appended, AppendError> {
        self.submit(share, samples).await
    }

    /// [`Self::append`], which queues at once what the future then waits for: what is submitted first is written first.
    pub fn submit(
        &self,
        share: Share,
        samples: Vec<Sample>,
    ) -> impl Future<Output = std::result::Result<Appended, AppendError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let queued = if samples.is_empty() {
            Ok(None)
        } else {
            self.inner
                .queue
                .push(share, Batch { samples, answer })
                .map(|()| Some(answered))
        };
        async move {
            match queued? {
                None => Ok(Appended::default()),
                Some(answered) => answered.await.unwrap_or(Err(AppendError::Failed)),
            }
        }
    }

    /// The newest reading of each series.
    pub async fn latest(&self, ids: &[SeriesId]) -> Result<Vec<Option<Sample>>> {
        match &self.inner.backend {
            Backend::Files(files) => {
                let newest = read(&files.newest);
                Ok(ids.iter().map(|id| newest.get(*id).cloned()).collect())
            }
            Backend::Rows(rows) => rows.latest(ids).await,
        }
    }

    /// Readings of `[from, to)` in order of time; at most `limit`, all of them in memory. [`Self::scan`] gives pages.
    pub async fn history(&self, id: SeriesId, from: Micros, to: Micros, limit: usize) -> Result<Vec<Sample>> {
        self.scan(id, from, to).next(limit).await
    }

    /// Readings of `[from, to)` in order of time, a page at a time.
    pub fn scan(&self, id: SeriesId, from: Micros, to: Micros) -> Scan {
        Scan::new(Arc::clone(&self.inner), id, from, to)
    }

    /// Readings as they are committed. A receiver that is too slow is told how many commits it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Vec<Sample>>> {
        self.inner.live.subscribe()
    }

    /// What compacts the files; none with PostgreSQL. There must be one at most, and the writer must run.
    pub fn compactor(&self) -> Option<Compactor> {
        match &self.inner.backend {
            Backend::Files(files) => Some(Compactor::new(Arc::clone(files), files.steps.clone())),
            Backend::Rows(_) => None,
        }
    }

    /// Figures since the start.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let files = match &self.inner.backend {
            Backend::Files(files) => Some(files),
            Backend::Rows(_) => None,
        };
        Stats {
            series: self.inner.catalogue.len() as u64,
            accepted: counters.accepted.load(Ordering::Relaxed),
            duplicates: counters.duplicates.load(Ordering::Relaxed),
            conflicts: counters.conflicts.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            bytes: files.map_or(0, |files| files.partitions.bytes()),
            compacted: files.map_or(0, |files| files.compacted.load(Ordering::Relaxed)),
            is_compacting: files.is_some_and(|files| files.is_compacting.load(Ordering::Relaxed)),
        }
    }
}

/// The locks guard plain data that is whole at every moment, so a panic elsewhere does not make it wrong.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
