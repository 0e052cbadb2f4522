//! Files of readings, one for each UTC day, beside the control database.
//!
//! A file is a SQLite database with a row for each segment. One connection writes, held by the writer's task; short
//! readers go beside it. Files that were not used for longest are closed when too many are open.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteAutoVacuum, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection as _, Row as _};

use super::block::Block;
use super::codec::Coded;
use super::days;
use super::recent::{Cache, Recent};
use super::{lock, read, write};
use crate::storage::db::sqlite_options;
use crate::storage::error::{Error, Result};

/// Files that are open for writing at once.
const MOST_OPEN: usize = 8;
/// Files that are open for reading: a question about a month must not open each of them anew.
const MOST_READ: usize = 40;
/// An idle reader's thread ends after this.
const IDLE: Duration = Duration::from_secs(60);
/// Layout of the files.
const SCHEMA: i64 = 3;
/// The log is cut to this after it was folded into the file.
const MOST_LOG: &str = "67108864";

/// A statement for a partition file.
pub(super) fn query(sql: &'static str) -> Query<'static, Sqlite, SqliteArguments> {
    #[expect(
        clippy::disallowed_methods,
        reason = "partition files are SQLite's alone, with blobs the waist does not have"
    )]
    sqlx::query(sql)
}

/// The folder of partition files, with what is in memory of them.
#[derive(Debug)]
pub(super) struct Partitions {
    dir: PathBuf,
    days: RwLock<BTreeSet<i64>>,
    /// Most recently used last.
    readers: Mutex<Vec<(i64, SqlitePool)>>,
    removals: AtomicU64,
    pub(super) recent: RwLock<Recent>,
    pub(super) cache: Mutex<Cache>,
}

impl Partitions {
    /// Opens the folder, which is made where it is missing.
    pub(super) fn open(dir: PathBuf) -> Result<Self> {
        let failed = |source| Error::File {
            path: dir.display().to_string(),
            source,
        };
        std::fs::create_dir_all(&dir).map_err(failed)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // The folder itself must outlive a power cut, like what is in it.
            std::fs::File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(failed)?;
        }
        let (mut days, mut logs) = (BTreeSet::new(), Vec::new());
        for entry in std::fs::read_dir(&dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str() else { continue };
            days.extend(days::parse(name));
            logs.extend(name.strip_suffix("-wal").map(str::to_owned));
        }
        for name in logs {
            // What was left when a file was dropped must not be taken for the log of another one of its name.
            if days::parse(&name).is_some_and(|day| !days.contains(&day)) {
                remove_file(&dir, &name)?;
            }
        }
        Ok(Self {
            dir,
            days: RwLock::new(days),
            readers: Mutex::default(),
            removals: AtomicU64::new(0),
            recent: RwLock::default(),
            cache: Mutex::default(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Days that have a file, oldest first.
    pub(super) fn days(&self) -> Vec<i64> {
        read(&self.days).iter().copied().collect()
    }

    /// Days from `from` to `to` (inclusive) that have a file, oldest first.
    pub(super) fn days_in(&self, from: i64, to: i64) -> Vec<i64> {
        if from > to {
            Vec::new()
        } else {
            read(&self.days).range(from..=to).copied().collect()
        }
    }

    /// Bytes of every file of the folder, the ballast excepted.
    pub(super) fn bytes(&self) -> u64 {
        let Ok(entries) = std::fs::read_dir(&self.dir) else {
            return 0;
        };
        let is_ballast = |entry: &std::fs::DirEntry| entry.file_name() == super::room::FILE;
        entries
            .flatten()
            .filter(|entry| !is_ballast(entry))
            .filter_map(|entry| entry.metadata().ok())
            .map(|file| file.len())
            .sum()
    }

    /// Drops a day's file. What reads it just now sees it to the end; what was in memory of it is forgotten.
    pub(super) fn remove(&self, day: i64) -> Result<()> {
        write(&self.days).remove(&day);
        lock(&self.readers).retain(|(open, _)| *open != day);
        remove_file(&self.dir, &days::name(day))?;
        // Whoever has read it until now keeps what it read to itself.
        self.removals.fetch_add(1, Ordering::AcqRel);
        lock(&self.cache).forget(day);
        write(&self.recent).drop_through(day, i64::MAX);
        Ok(())
    }

    /// How often a file was dropped.
    pub(super) fn removals(&self) -> u64 {
        self.removals.load(Ordering::Acquire)
    }

    /// Has this day a file?
    pub(super) fn has(&self, day: i64) -> bool {
        read(&self.days).contains(&day)
    }

    pub(super) fn reader(&self, day: i64) -> SqlitePool {
        let mut readers = lock(&self.readers);
        let pool = match readers.iter().position(|(open, _)| *open == day) {
            Some(at) => readers.remove(at).1,
            None => SqlitePoolOptions::new()
                .max_connections(2)
                .test_before_acquire(false)
                .idle_timeout(IDLE)
                .connect_lazy_with(
                    sqlite_options(&self.dir.join(days::name(day)))
                        .create_if_missing(false)
                        .pragma("query_only", "on"),
                ),
        };
        readers.push((day, pool.clone()));
        if readers.len() > MOST_READ {
            // Whoever still reads has a handle of its own; the last one closes the file.
            readers.remove(0);
        }
        pool
    }

    /// Number of the last segment of a day, moved into chunks or not; 0 if there was none. A file of an older layout is
    /// brought to this one.
    pub(super) async fn last_segment(&self, day: i64) -> Result<i64> {
        let reader = self.reader(day);
        let failed = |error| explained(&self.dir, day, error);
        let version = query("pragma user_version").fetch_one(&reader).await.map_err(failed)?;
        let version = version.try_get::<i64, _>(0)?;
        if version == 0 {
            // The process ended between making the file and making its table: nothing was ever in it.
            write(&self.days).remove(&day);
            return Ok(0);
        }
        if version < SCHEMA {
            // Before anybody reads it: queries name every table.
            create(&self.dir.join(days::name(day)))
                .await
                .map_err(failed)?
                .close()
                .await?;
        }
        let row = query("select max(coalesce((select max(id) from segment), 0), through) from compaction")
            .fetch_one(&reader)
            .await
            .map_err(failed)?;
        Ok(row.try_get(0)?)
    }
}

/// The connections that write, least recently used first.
#[derive(Debug, Default)]
pub(super) struct Writers {
    open: Vec<(i64, SqliteConnection)>,
}

impl Writers {
    /// Writes a segment, and gives its number; when this returns, it is on disk.
    pub(super) async fn append(
        &mut self,
        partitions: &Partitions,
        day: i64,
        block: &Block,
        coded: Coded,
    ) -> Result<i64> {
        let (Some(times), Some(series)) = (block.bounds(), block.series_bounds()) else {
            return Ok(0);
        };
        let connection = self.connection(partitions, day).await?;
        let done = query(
            "insert into segment (id, min_ts, max_ts, min_series, max_series, count, contents, body)
             values (1 + max(coalesce((select max(id) from segment), 0), (select through from compaction)),
                     $1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(times.0)
        .bind(times.1)
        .bind(i64::from(series.0))
        .bind(i64::from(series.1))
        .bind(block.len() as i64)
        .bind(coded.contents)
        .bind(coded.body)
        .execute(connection)
        .await
        .map_err(|error| explained(&partitions.dir, day, error))?;
        Ok(done.last_insert_rowid())
    }

    pub(super) async fn connection(&mut self, partitions: &Partitions, day: i64) -> Result<&mut SqliteConnection> {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == day) {
            // The usual case is one day, which stands last.
            if at + 1 < self.open.len() {
                let used = self.open.remove(at);
                self.open.push(used);
            }
        } else {
            if self.open.len() >= MOST_OPEN {
                let (_, oldest) = self.open.remove(0);
                oldest.close().await?;
            }
            let path = partitions.dir.join(days::name(day));
            let connection = create(&path)
                .await
                .map_err(|error| explained(&partitions.dir, day, error))?;
            write(&partitions.days).insert(day);
            self.open.push((day, connection));
        }
        match self.open.last_mut() {
            Some((_, connection)) => Ok(connection),
            None => Err(Error::Sql(sqlx::Error::PoolClosed)),
        }
    }

    /// Closes a day's file: after an error inside of a transaction its connection cannot be trusted.
    pub(super) async fn forget(&mut self, day: i64) {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == day) {
            let (_, connection) = self.open.remove(at);
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, file = days::name(day), "a file of readings was not closed in order");
            }
        }
    }

    #[cfg(test)]
    pub(super) async fn limit_pages(&mut self, partitions: &Partitions, day: i64, pages: u32) {
        let connection = self.connection(partitions, day).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}")))
            .execute(connection)
            .await
            .unwrap();
    }

    /// Closes every file, after which its log is folded into it.
    pub(super) async fn close(&mut self) -> Result<()> {
        for (_, connection) in self.open.drain(..) {
            connection.close().await?;
        }
        Ok(())
    }
}

/// Removes a day's file with its log, and has the folder remember it.
fn remove_file(dir: &Path, name: &str) -> Result<()> {
    let failed = |source| Error::File {
        path: dir.join(name).display().to_string(),
        source,
    };
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(dir.join(format!("{name}{suffix}"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

/// What makes a file of one layout one of the next.
const LAYOUTS: [&str; SCHEMA as usize] = [
    // The body stands last: the columns before it are read without it.
    "begin immediate;
     create table if not exists segment (
         id integer primary key,
         min_ts bigint not null, max_ts bigint not null,
         min_series bigint not null, max_series bigint not null,
         count bigint not null, contents blob not null, body blob not null);
     create index if not exists segment_by_time on segment (max_ts, min_ts, min_series, max_series);
     pragma user_version = 1;
     commit;",
    // `through`: every segment up to this number was moved, or stands in `aside`, which holds damaged ones. `number`: the
    // last one that a chunk or clock has got.
    "begin immediate;
     create table clock (id integer primary key, body blob not null);
     create table chunk (
         id integer primary key,
         series bigint not null, min_ts bigint not null, max_ts bigint not null,
         clock bigint not null, totals blob not null, body blob not null);
     create index chunk_by_series on chunk (series, max_ts);
     create index chunk_by_clock on chunk (clock);
     create table aside (segment integer primary key);
     create table compaction (through bigint not null, number bigint not null);
     insert into compaction (through, number) values (0, 0);
     pragma user_version = 2;
     commit;",
    // Figures of chunks may have a rollup behind them.
    "pragma user_version = 3;",
];

/// Opens a partition file for writing, and makes its tables where they are missing.
async fn create(path: &Path) -> sqlx::Result<SqliteConnection> {
    let options = sqlite_options(path)
        .page_size(16 << 10)
        // Of files that are there already this changes nothing.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .pragma("journal_size_limit", MOST_LOG);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let version: i64 = query("pragma user_version")
        .fetch_one(&mut connection)
        .await?
        .try_get(0)?;
    let missing = usize::try_from(version).ok().and_then(|version| LAYOUTS.get(version..));
    let Some(missing) = missing else {
        return Err(sqlx::Error::Protocol(format!(
            "{} has layout {version}, this fleetd knows {SCHEMA}; start the fleetd that wrote it, or a newer one",
            path.display()
        )));
    };
    for layout in missing {
        sqlx::raw_sql(*layout).execute(&mut connection).await?;
    }
    Ok(connection)
}

/// SQLite's answers to a full disk where it does not say so: it cannot write, or make, a file of its own.
const FULL_IN_DISGUISE: [i32; 5] = [14, 778, 4_618, 4_874, 5_386];
/// Less than this is no room for a commit.
const LEAST_ROOM: u64 = 1 << 20;
/// SQLITE_CORRUPT and SQLITE_NOTADB; the upper bits say more.
const DAMAGED: [i32; 2] = [11, 26];

/// An error of a day's file with what the engine does not say: the file's name, or that the disk is full.
pub(super) fn explained(dir: &Path, day: i64, error: sqlx::Error) -> Error {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .unwrap_or(0);
    if DAMAGED.contains(&(code & 0xff)) {
        return Error::Corrupt {
            table: "segment",
            column: days::name(day),
            detail: error.to_string(),
        };
    }
    if FULL_IN_DISGUISE.contains(&code)
        && let Ok(disk) = rustix::fs::statvfs(dir)
        && disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM
    {
        return Error::Full(error);
    }
    Error::from(error)
}
