//! What compaction asks of the writer: short transactions on the writer's own connection, between two commits.

use sqlx::sqlite::Sqlite;
use sqlx::{Connection as _, QueryBuilder, Row as _};
use tokio::sync::oneshot;

use super::chunk::Chunk;
use super::partition::{Partitions, Writers, explained, query};
use crate::domain::telemetry::SeriesId;
use crate::storage::error::Result;

/// Rows that are inserted with one statement.
const ROWS: usize = 500;
/// Gives some pages back; a step does it twice.
const PAGES: &str = "pragma incremental_vacuum(128)";

/// Folds the log into the file, and empties it, unless somebody reads just then: the writer waits for nobody.
const FOLD: [&str; 3] = [
    "pragma busy_timeout = 0",
    "pragma wal_checkpoint(truncate)",
    "pragma busy_timeout = 10000",
];

/// Of some clocks drops those that no chunk has any more.
const UNUSED_CLOCKS: &str = "delete from clock where id in (select value from json_each($1))
    and not exists (select 1 from chunk where chunk.clock = clock.id)";

/// A transaction of a day's file. Each leaves every reading that is kept in a segment or a chunk, at least.
#[derive(Debug)]
pub(super) enum Step {
    /// Readings of segments stand in chunks from now on.
    Put(Put),
    /// Segments up to a number are gone: all of their readings stand in chunks.
    Drop { through: i64 },
    /// Chunks of some series are gone: they are kept no longer.
    Expire { series: Vec<SeriesId> },
    /// The file is gone: all of it is over, or else it is empty.
    Remove { is_over: bool },
    /// Free pages are given back to the file system, and after the last ones the log.
    Shrink,
}

/// Chunks, and what they take the place of.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// The last number that was given to any of them.
    pub(super) number: i64,
    /// New clocks with their numbers.
    pub(super) clocks: Vec<(i64, Vec<u8>)>,
    /// New chunks with their figures and values.
    pub(super) chunks: Vec<(Chunk, Vec<u8>, Vec<u8>)>,
    /// Chunks that went into new ones, and their clocks.
    pub(super) replaced: Vec<(i64, i64)>,
    /// Segments that are damaged: they stay as they are.
    pub(super) aside: Vec<i64>,
}

/// A step on its way to the writer. The answer says whether there may be more of its kind to do.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) day: i64,
    pub(super) step: Step,
    pub(super) answer: oneshot::Sender<Result<bool>>,
}

impl Writers {
    /// Does a step; when this returns, it is on disk.
    pub(super) async fn apply(&mut self, partitions: &Partitions, day: i64, step: &Step) -> Result<bool> {
        let done = match step {
            Step::Put(put) => self.put(partitions, day, put).await,
            Step::Drop { through } => self.drop_segments(partitions, day, *through).await,
            Step::Expire { series } => self.expire(partitions, day, series).await,
            Step::Remove { is_over } => self.remove(partitions, day, *is_over).await,
            Step::Shrink => self.shrink(partitions, day).await,
        };
        if done.is_err() {
            self.forget(day).await;
        }
        done
    }

    async fn put(&mut self, partitions: &Partitions, day: i64, put: &Put) -> Result<bool> {
        let failed = |error| explained(partitions.dir(), day, error);
        let connection = self.connection(partitions, day).await?;
        let mut tx = connection.begin_with("begin immediate").await.map_err(failed)?;
        for part in put.clocks.chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new("insert into clock (id, body) ");
            insert.push_values(part, |mut row, (id, body)| {
                row.push_bind(*id).push_bind(body.as_slice());
            });
            insert.build().execute(&mut *tx).await.map_err(failed)?;
        }
        for part in put.chunks.chunks(ROWS) {
            let mut insert =
                QueryBuilder::<Sqlite>::new("insert into chunk (id, series, min_ts, max_ts, clock, totals, body) ");
            insert.push_values(part, |mut row, (chunk, totals, values)| {
                row.push_bind(chunk.id)
                    .push_bind(i64::from(chunk.series))
                    .push_bind(chunk.first)
                    .push_bind(chunk.last)
                    .push_bind(chunk.clock)
                    .push_bind(totals.as_slice())
                    .push_bind(values.as_slice());
            });
            insert.build().execute(&mut *tx).await.map_err(failed)?;
        }
        if !put.replaced.is_empty() {
            let (chunks, clocks): (Vec<i64>, Vec<i64>) = put.replaced.iter().copied().unzip();
            query("delete from chunk where id in (select value from json_each($1))")
                .bind(serde_json::Value::from(chunks).to_string())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            query(UNUSED_CLOCKS)
                .bind(serde_json::Value::from(clocks).to_string())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        query("insert or ignore into aside (segment) select value from json_each($1)")
            .bind(serde_json::Value::from(put.aside.as_slice()).to_string())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        query("update compaction set number = max(number, $1)")
            .bind(put.number)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(false)
    }

    async fn drop_segments(&mut self, partitions: &Partitions, day: i64, through: i64) -> Result<bool> {
        let failed = |error| explained(partitions.dir(), day, error);
        let connection = self.connection(partitions, day).await?;
        let mut tx = connection.begin_with("begin immediate").await.map_err(failed)?;
        query("delete from segment where id <= $1 and id not in (select segment from aside)")
            .bind(through)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        query("update compaction set through = max(through, $1)")
            .bind(through)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(false)
    }

    async fn expire(&mut self, partitions: &Partitions, day: i64, series: &[SeriesId]) -> Result<bool> {
        let failed = |error| explained(partitions.dir(), day, error);
        let connection = self.connection(partitions, day).await?;
        let mut tx = connection.begin_with("begin immediate").await.map_err(failed)?;
        let gone = query("delete from chunk where series in (select value from json_each($1)) returning clock")
            .bind(serde_json::Value::from(series).to_string())
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        let mut clocks = Vec::with_capacity(gone.len());
        for row in gone {
            clocks.push(row.try_get::<i64, _>(0)?);
        }
        query(UNUSED_CLOCKS)
            .bind(serde_json::Value::from(clocks).to_string())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(false)
    }

    /// Says whether the file is gone.
    async fn remove(&mut self, partitions: &Partitions, day: i64, is_over: bool) -> Result<bool> {
        if !is_over {
            let connection = self.connection(partitions, day).await?;
            let row = query("select exists (select 1 from segment) or exists (select 1 from chunk)")
                .fetch_one(connection)
                .await
                .map_err(|error| explained(partitions.dir(), day, error))?;
            if row.try_get::<bool, _>(0)? {
                return Ok(false);
            }
        }
        self.forget(day).await;
        partitions.remove(day)?;
        Ok(true)
    }

    /// Files of the first layout keep their free pages, which later readings take.
    async fn shrink(&mut self, partitions: &Partitions, day: i64) -> Result<bool> {
        let failed = |error| explained(partitions.dir(), day, error);
        let connection = self.connection(partitions, day).await?;
        let mut free = [0; 2];
        for free in &mut free {
            *free = query("pragma freelist_count")
                .fetch_one(&mut *connection)
                .await
                .map_err(failed)?
                .try_get::<i64, _>(0)?;
            // It is done when its rows, which are empty, are read to the end.
            query(PAGES).fetch_all(&mut *connection).await.map_err(failed)?;
        }
        let has_more = free[1] < free[0] && free[1] > 0;
        if !has_more {
            for sql in FOLD {
                query(sql).fetch_all(&mut *connection).await.map_err(failed)?;
            }
        }
        Ok(has_more)
    }
}
