//! Files of readings, one for each UTC day, beside the control database.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::Mutex;

use super::codec::{self, Coded};
use crate::domain::telemetry::{Micros, Sample, SeriesId};
use crate::storage::db::sqlite_options;
use crate::storage::error::{Error, Result};

/// Microseconds of a partition.
pub(super) const DAY: Micros = 86_400_000_000;
/// Files that are open at once.
const MOST_OPEN: usize = 8;
/// Readings that are kept decoded.
const MOST_CACHED: usize = 1_000_000;

/// Number of the partition that a moment falls into: days since 1970.
pub(super) fn day_of(at: Micros) -> i64 {
    at.div_euclid(DAY)
}

/// The folder of partition files.
#[derive(Debug)]
pub(super) struct Partitions {
    dir: PathBuf,
    open: Mutex<Open>,
    cache: std::sync::Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<i64, Arc<File>>,
    /// Least recently used first.
    order: Vec<i64>,
}

/// One partition.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    write: SqlitePool,
    read: SqlitePool,
}

/// Decoded segments, newest use last; what is older goes when there are too many readings.
#[derive(Debug, Default)]
struct Cache {
    segments: HashMap<(i64, i64), (u64, Arc<Vec<Sample>>)>,
    readings: usize,
    clock: u64,
}

impl Cache {
    fn get(&mut self, key: (i64, i64)) -> Option<Arc<Vec<Sample>>> {
        self.clock += 1;
        let clock = self.clock;
        self.segments.get_mut(&key).map(|(used, samples)| {
            *used = clock;
            Arc::clone(samples)
        })
    }

    fn put(&mut self, key: (i64, i64), samples: Arc<Vec<Sample>>) {
        self.clock += 1;
        self.readings += samples.len();
        if let Some((_, old)) = self.segments.insert(key, (self.clock, samples)) {
            self.readings -= old.len();
        }
        if self.readings > MOST_CACHED {
            // Half of them at once, so that the search for the oldest is rare.
            let mut uses: Vec<_> = self
                .segments
                .iter()
                .map(|(key, (used, samples))| (*used, *key, samples.len()))
                .collect();
            uses.sort_unstable();
            for (_, key, length) in uses {
                if self.readings <= MOST_CACHED / 2 {
                    break;
                }
                self.segments.remove(&key);
                self.readings -= length;
            }
        }
    }
}

impl Partitions {
    pub(super) fn open(dir: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&dir).map_err(|source| Error::File {
            path: dir.display().to_string(),
            source,
        })?;
        Ok(Self {
            dir,
            open: Mutex::default(),
            cache: std::sync::Mutex::default(),
        })
    }

    /// Days that have a file, oldest first.
    pub(super) fn days(&self) -> Result<Vec<i64>> {
        let failed = |source| Error::File {
            path: self.dir.display().to_string(),
            source,
        };
        let mut days = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let date = name.to_str().and_then(|name| name.strip_suffix(".db"));
            if let Some(day) = date.and_then(|date| date.parse::<jiff::civil::Date>().ok()) {
                days.push(i64::from(
                    day.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() as i32 / 24,
                ));
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        std::fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .map(|meta| meta.len())
            .sum()
    }

    fn name(day: i64) -> String {
        let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(day.clamp(-700_000, 2_900_000)));
        format!("{date}.db")
    }

    async fn file(&self, day: i64) -> Result<Arc<File>> {
        let mut open = self.open.lock().await;
        open.order.retain(|known| *known != day);
        open.order.push(day);
        if let Some(file) = open.files.get(&day) {
            return Ok(Arc::clone(file));
        }
        let name = Self::name(day);
        let options = || sqlite_options(&self.dir.join(&name)).page_size(16 << 10);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options())
            .await?;
        sqlx::raw_sql(
            "create table if not exists segment (
                 id integer primary key, min_ts bigint not null, max_ts bigint not null, count bigint not null,
                 toc blob not null, body blob not null, sum bigint not null);
             create index if not exists segment_by_time on segment (max_ts, min_ts);",
        )
        .execute(&write)
        .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(options().pragma("query_only", "on"));
        let file = Arc::new(File { name, write, read });
        open.files.insert(day, Arc::clone(&file));
        if open.order.len() > MOST_OPEN {
            let oldest = open.order.remove(0);
            if let Some(file) = open.files.remove(&oldest) {
                file.read.close().await;
                file.write.close().await;
            }
        }
        Ok(file)
    }

    /// Writes one segment; when this returns, it is on disk.
    pub(super) async fn append(&self, day: i64, samples: &[&Sample]) -> Result<()> {
        let Coded { toc, body, sum } = codec::encode(samples).map_err(|source| Error::File {
            path: Self::name(day),
            source,
        })?;
        let bounds = samples.iter().fold((i64::MAX, i64::MIN), |(min, max), s| {
            (min.min(s.timestamp), max.max(s.timestamp))
        });
        let file = self.file(day).await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "partition files are SQLite's alone, with blobs the waist does not have"
        )]
        let done =
            sqlx::query("insert into segment (min_ts, max_ts, count, toc, body, sum) values ($1, $2, $3, $4, $5, $6)")
                .bind(bounds.0)
                .bind(bounds.1)
                .bind(samples.len() as i64)
                .bind(toc)
                .bind(body)
                .bind(i64::from(sum))
                .execute(&file.write)
                .await?;
        let kept = Arc::new(samples.iter().map(|sample| (*sample).clone()).collect());
        lock(&self.cache).put((day, done.last_insert_rowid()), kept);
        Ok(())
    }

    /// Hands over every segment of a day that reaches into `[from, to)` and holds one of the series (none: any), in the order of commits.
    pub(super) async fn scan(
        &self,
        day: i64,
        from: Micros,
        to: Micros,
        series: Option<&[SeriesId]>,
        visit: &mut (dyn FnMut(&[Sample]) + Send),
    ) -> Result<()> {
        let file = self.file(day).await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "partition files are SQLite's alone, with blobs the waist does not have"
        )]
        let ids = sqlx::query("select id from segment where max_ts >= $1 and min_ts < $2 order by id")
            .bind(from)
            .bind(to)
            .fetch_all(&file.read)
            .await?;
        for row in ids {
            let id: i64 = row.try_get(0)?;
            let cached = lock(&self.cache).get((day, id));
            let samples = match cached {
                Some(samples) => samples,
                None => match file.load(id, series).await? {
                    Some(samples) => {
                        let samples = Arc::new(samples);
                        lock(&self.cache).put((day, id), Arc::clone(&samples));
                        samples
                    }
                    None => continue,
                },
            };
            visit(&samples);
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        for (_, file) in self.open.lock().await.files.drain() {
            file.read.close().await;
            file.write.close().await;
        }
    }
}

/// A poisoned lock is taken all the same: the cache holds only copies.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl File {
    /// A segment's readings; none, if it holds none of the series.
    async fn load(&self, id: i64, series: Option<&[SeriesId]>) -> Result<Option<Vec<Sample>>> {
        let damaged = |damage: codec::Damage| Error::Corrupt {
            table: "segment",
            column: format!("{} in {}", id, self.name),
            detail: damage.to_string(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "partition files are SQLite's alone, with blobs the waist does not have"
        )]
        let toc: Vec<u8> = sqlx::query("select toc from segment where id = $1")
            .bind(id)
            .fetch_one(&self.read)
            .await?
            .try_get(0)?;
        if let Some(series) = series {
            let contents = codec::decode_contents(&toc).map_err(damaged)?;
            if !series
                .iter()
                .any(|wanted| contents.binary_search_by_key(wanted, |(series, _)| *series).is_ok())
            {
                return Ok(None);
            }
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "partition files are SQLite's alone, with blobs the waist does not have"
        )]
        let row = sqlx::query("select body, sum from segment where id = $1")
            .bind(id)
            .fetch_one(&self.read)
            .await?;
        let body: Vec<u8> = row.try_get(0)?;
        let sum = u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
        codec::decode(&toc, &body, sum).map(Some).map_err(damaged)
    }
}
