//! What stands on disk: frames of segments and chunks, found by time and series, and read.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::block::Block;
use super::bytes::Damage;
use super::chunk::Chunk;
use super::codec;
use super::contents::{self, Frame};
use super::days;
use super::lock;
use super::partition::{Partitions, explained, query};
use crate::domain::telemetry::{Micros, SeriesId};
use crate::storage::error::{Error, Result};

/// Bodies that are fetched with one statement.
pub(super) const AT_ONCE: usize = 64;

/// Where readings stand in a day's file. No number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// Number of the segment, position in it.
    Frame(i64, usize),
    /// Number of the chunk.
    Chunk(i64),
}

/// Readings on disk that are read together.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Frame {
        /// Number of its segment.
        segment: i64,
        /// Position in the segment.
        index: usize,
        frame: Frame,
    },
    Chunk(Chunk),
}

impl Stored {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Frame { segment, index, .. } => Place::Frame(*segment, *index),
            Self::Chunk(chunk) => Place::Chunk(chunk.id),
        }
    }

    /// Time of the earliest reading.
    pub(super) fn first(&self) -> Micros {
        match self {
            Self::Frame { frame, .. } => frame.first,
            Self::Chunk(chunk) => chunk.first,
        }
    }

    /// Time of the latest reading.
    pub(super) fn last(&self) -> Micros {
        match self {
            Self::Frame { frame, .. } => frame.last,
            Self::Chunk(chunk) => chunk.last,
        }
    }

    /// How many readings it has.
    pub(super) fn readings(&self) -> u64 {
        match self {
            Self::Frame { frame, .. } => frame.readings as u64,
            Self::Chunk(chunk) => chunk.totals.readings,
        }
    }

    /// Has it readings of this series?
    pub(super) fn holds(&self, series: SeriesId) -> bool {
        match self {
            Self::Frame { frame, .. } => frame.holds(series),
            Self::Chunk(chunk) => chunk.series == series,
        }
    }

    /// Has it readings of a series of which this is true?
    pub(super) fn holds_any(&self, mut is_wanted: impl FnMut(SeriesId) -> bool) -> bool {
        match self {
            Self::Frame { frame, .. } => frame.series().any(is_wanted),
            Self::Chunk(chunk) => is_wanted(chunk.series),
        }
    }

    /// Reads it from what was fetched.
    pub(super) fn decode(&self, day: i64, bodies: &Bodies) -> Result<Block> {
        match self {
            Self::Frame { segment, index, frame } => {
                let damaged = |damage| corrupt_segment(day, *segment, Some(*index), damage);
                let body = bodies.segments.get(segment);
                let body = body.ok_or(damaged(Damage("the segment is gone")))?;
                let bytes = body.get(frame.offset..frame.offset + frame.length);
                let bytes = bytes.ok_or(damaged(Damage("the segment is cut off")))?;
                codec::decode(frame, bytes).map_err(damaged)
            }
            Self::Chunk(chunk) => {
                let damaged = |damage| corrupt_chunk(day, chunk.id, chunk.series, (chunk.first, chunk.last), damage);
                let (values, clock) = bodies
                    .chunks
                    .get(&chunk.id)
                    .ok_or(damaged(Damage("the chunk is gone")))?;
                let clock = clock.as_ref().ok_or(damaged(Damage("its times are gone")))?;
                chunk.decode(clock, values).map_err(damaged)
            }
        }
    }
}

/// Bytes of segments and chunks, by their numbers; of a chunk its values and its clock.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) segments: HashMap<i64, Vec<u8>>,
    chunks: HashMap<i64, (Vec<u8>, Option<Vec<u8>>)>,
}

impl Bodies {
    /// Adds others.
    pub(super) fn extend(&mut self, others: Self) {
        self.segments.extend(others.segments);
        self.chunks.extend(others.chunks);
    }
}

/// What of a day is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Least time.
    pub(super) from: Micros,
    /// Greatest time.
    pub(super) until: Micros,
    /// Ascending; none: all of them.
    pub(super) series: &'a [SeriesId],
    /// Segments with greater numbers only, and no chunks if all of theirs have lower ones.
    pub(super) above: i64,
    /// Segments with lower numbers only.
    pub(super) below: i64,
}

/// What was found, and what of it cannot be read.
pub(super) type Found = (Vec<Stored>, Vec<Error>);

impl Partitions {
    /// Frames and chunks of a day that may hold what is wanted. One statement: compaction moves nothing in between.
    pub(super) async fn list(&self, day: i64, wanted: Wanted<'_>, keep: impl Fn(&Stored) -> bool) -> Result<Found> {
        let (first, last) = match wanted.series {
            [] => (0, SeriesId::MAX),
            [first, .., last] | [first @ last] => (*first, *last),
        };
        let list = if wanted.series.is_empty() {
            query(
                "select id, contents, null, null, null, null from segment
                  where max_ts >= $1 and min_ts <= $2 and max_series >= $3 and min_series <= $4 and id > $5 and id < $6
                 union all
                 select id, totals, series, min_ts, max_ts, clock from chunk
                  where max_ts >= $1 and min_ts <= $2 and (select through from compaction) > $5",
            )
        } else {
            query(
                "select id, contents, null, null, null, null from segment
                  where max_ts >= $1 and min_ts <= $2 and max_series >= $3 and min_series <= $4 and id > $5 and id < $6
                 union all
                 select id, totals, series, min_ts, max_ts, clock from chunk
                  where series in (select value from json_each($7)) and max_ts >= $1 and min_ts <= $2
                    and (select through from compaction) > $5",
            )
        };
        let list = list
            .bind(wanted.from)
            .bind(wanted.until)
            .bind(i64::from(first))
            .bind(i64::from(last))
            .bind(wanted.above)
            .bind(wanted.below);
        let list = if wanted.series.is_empty() {
            list
        } else {
            list.bind(serde_json::Value::from(wanted.series).to_string())
        };
        let rows = list.fetch_all(&self.reader(day)).await;
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        if rows.is_err() && !self.has(day) {
            // It was dropped meanwhile.
            return Ok((found, damaged));
        }
        for row in rows.map_err(|error| explained(self.dir(), day, error))? {
            if row.try_get::<Option<i64>, _>(2)?.is_some() {
                match chunk(day, &row)? {
                    Ok(chunk) => found.extend(Some(Stored::Chunk(chunk)).filter(&keep)),
                    Err(error) => damaged.push(error),
                }
                continue;
            }
            let segment: i64 = row.try_get(0)?;
            match contents::decode(row.try_get(1)?) {
                Ok(frames) => {
                    let frames = frames.into_iter().enumerate();
                    let frames = frames.map(|(index, frame)| Stored::Frame { segment, index, frame });
                    found.extend(frames.filter(&keep));
                }
                Err(damage) => damaged.push(corrupt_segment(day, segment, None, damage)),
            }
        }
        Ok((found, damaged))
    }

    /// Every chunk of the series from the first to the last, in order of series and time, and those that cannot be read.
    pub(super) async fn chunks(&self, day: i64, series: (SeriesId, SeriesId)) -> Result<(Vec<Chunk>, Vec<Error>)> {
        let rows = query(
            "select id, totals, series, min_ts, max_ts, clock from chunk
              where series >= $1 and series <= $2 order by series, min_ts, id",
        )
        .bind(i64::from(series.0))
        .bind(i64::from(series.1))
        .fetch_all(&self.reader(day))
        .await
        .map_err(|error| explained(self.dir(), day, error))?;
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        for row in &rows {
            match chunk(day, row)? {
                Ok(chunk) => found.push(chunk),
                Err(error) => damaged.push(error),
            }
        }
        Ok((found, damaged))
    }

    /// Reads what was listed, in the order given; what is damaged costs only itself.
    pub(super) async fn blocks(&self, day: i64, wanted: &[Stored]) -> Result<Vec<Result<Arc<Block>>>> {
        let mut blocks = Vec::with_capacity(wanted.len());
        let removals = self.removals();
        for part in wanted.chunks(AT_ONCE) {
            let known: Vec<_> = {
                let mut cache = lock(&self.cache);
                part.iter().map(|stored| cache.get((day, stored.place()))).collect()
            };
            let missing = part.iter().zip(&known).filter(|(_, known)| known.is_none());
            let bodies = self.bodies(day, missing.map(|(stored, _)| stored.place())).await?;
            for (stored, known) in part.iter().zip(known) {
                blocks.push(match known {
                    Some(block) => Ok(block),
                    None => stored.decode(day, &bodies).map(|block| {
                        let block = Arc::new(block);
                        let mut cache = lock(&self.cache);
                        if removals == self.removals() {
                            cache.put((day, stored.place()), Arc::clone(&block));
                        }
                        block
                    }),
                });
            }
        }
        Ok(blocks)
    }

    /// The bytes of some places. What is gone is left out.
    pub(super) async fn bodies(&self, day: i64, places: impl Iterator<Item = Place>) -> Result<Bodies> {
        let (mut segments, mut chunks) = (Vec::new(), Vec::new());
        for place in places {
            match place {
                Place::Frame(segment, _) => segments.push(segment),
                Place::Chunk(chunk) => chunks.push(chunk),
            }
        }
        let mut bodies = Bodies::default();
        if !segments.is_empty() {
            segments.sort_unstable();
            segments.dedup();
            let rows = self
                .those(
                    day,
                    "select id, body from segment where id in (select value from json_each($1))",
                    segments,
                )
                .await?;
            for row in rows {
                bodies.segments.insert(row.try_get(0)?, row.try_get(1)?);
            }
        }
        if !chunks.is_empty() {
            let rows = self
                .those(
                    day,
                    "select chunk.id, chunk.body, clock.body from chunk left join clock on clock.id = chunk.clock
                      where chunk.id in (select value from json_each($1))",
                    chunks,
                )
                .await?;
            for row in rows {
                bodies
                    .chunks
                    .insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
            }
        }
        Ok(bodies)
    }

    /// The rows of a statement that takes a list of numbers.
    pub(super) async fn those(&self, day: i64, sql: &'static str, numbers: Vec<i64>) -> Result<Vec<SqliteRow>> {
        let rows = query(sql)
            .bind(serde_json::Value::from(numbers).to_string())
            .fetch_all(&self.reader(day))
            .await;
        if rows.is_err() && !self.has(day) {
            // It was dropped meanwhile.
            return Ok(Vec::new());
        }
        rows.map_err(|error| explained(self.dir(), day, error))
    }
}

/// A chunk's row, or what is wrong with it.
pub(super) fn chunk(day: i64, row: &SqliteRow) -> Result<std::result::Result<Chunk, Error>> {
    let (id, series): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
    let times: (Micros, Micros) = (row.try_get(3)?, row.try_get(4)?);
    // Series were put there as 32 bits; others do not match the checksum.
    let series = series as SeriesId;
    let chunk = Chunk::read(id, series, times, row.try_get(5)?, row.try_get(1)?);
    Ok(chunk.map_err(|damage| corrupt_chunk(day, id, series, times, damage)))
}

/// The damage, with the place that a person can look at.
pub(super) fn corrupt_segment(day: i64, segment: i64, frame: Option<usize>, damage: Damage) -> Error {
    let frame = frame.map_or_else(String::new, |index| format!("frame {index} of "));
    Error::Corrupt {
        table: "segment",
        column: format!("{frame}segment {segment} in {}", days::name(day)),
        detail: damage.to_string(),
    }
}

/// The same of a chunk, with what it holds.
fn corrupt_chunk(day: i64, id: i64, series: SeriesId, times: (Micros, Micros), damage: Damage) -> Error {
    let time = |at| jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |time| time.to_string());
    Error::Corrupt {
        table: "chunk",
        column: format!(
            "chunk {id} of series {series} from {} to {} in {}",
            time(times.0),
            time(times.1),
            days::name(day)
        ),
        detail: damage.to_string(),
    }
}
