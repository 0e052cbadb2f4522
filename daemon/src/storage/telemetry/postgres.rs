//! Readings as plain rows in monthly partitions of PostgreSQL.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::Mutex;

use super::block::{received, same};
use super::days::{DAY, civil, day_of, days};
use super::inventory::Stock;
use super::order::{Judged, Order, Standing};
use crate::domain::telemetry::{Micros, Quality, Reason, Sample, SeriesId, Value};
use crate::storage::error::{Error, Result};

/// Replicas that make tables at the same time do so one after the other.
const LOCK: &str = "select pg_advisory_xact_lock(7071)";
/// Series that are asked for with one statement.
const AT_ONCE: usize = 10_000;

/// The table of readings.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) pool: PgPool,
    /// Months that have a partition, counted from the year 0.
    months: Mutex<HashSet<i64>>,
}

impl Rows {
    /// Makes the table where it is missing.
    pub(super) async fn open(pool: PgPool) -> Result<Self> {
        let mut tx = pool.begin().await?;
        sqlx::raw_sql(LOCK).execute(&mut *tx).await?;
        sqlx::raw_sql(
            "create table if not exists reading (
                 series bigint not null, ts bigint not null, value double precision, json text,
                 quality bigint not null, reason bigint not null, received bigint not null,
                 primary key (series, ts)) partition by range (ts)",
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Self {
            pool,
            months: Mutex::default(),
        })
    }

    /// Adds what is new. What another replica wrote meanwhile stays, and decides.
    pub(super) async fn commit(&self, order: &Order<'_>) -> Result<Judged> {
        let firsts: Vec<usize> = (0..order.len()).filter(|at| !order.repeats(*at)).collect();
        self.prepare(firsts.iter().map(|at| order.key(*at).1)).await?;
        let inserted = self.insert(firsts.iter().map(|at| order.sample(*at))).await?;
        if inserted.len() == firsts.len() {
            return Ok(order.judge(&vec![Standing::Free; order.len()]));
        }
        let taken: Vec<_> = firsts
            .iter()
            .map(|at| order.key(*at))
            .filter(|key| !inserted.contains(key))
            .collect();
        let stored = self.stored(&taken).await?;
        let mut standing = Vec::with_capacity(order.len());
        for at in 0..order.len() {
            let key = order.key(at);
            standing.push(match stored.get(&key) {
                Some(stored) => Standing::of(same(stored, order.sample(at))),
                None if inserted.contains(&key) => Standing::Free,
                // It was there a moment ago: its partition was dropped between two statements.
                None => return Err(Error::Sql(sqlx::Error::RowNotFound)),
            });
        }
        Ok(order.judge(&standing))
    }

    /// Inserts rows; gives the keys of those that were not there.
    async fn insert<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Result<HashSet<(SeriesId, Micros)>> {
        let (mut series, mut times, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut qualities, mut reasons, mut receive_times) = (Vec::new(), Vec::new(), Vec::new());
        for sample in samples {
            series.push(i64::from(sample.series));
            times.push(sample.timestamp);
            let (number, text) = match &sample.value {
                Value::Number(number) => (Some(*number), None),
                Value::Json(text) => (None, Some(text.as_ref())),
                Value::Missing => (None, None),
            };
            numbers.push(number);
            texts.push(text);
            qualities.push(sample.quality as i64);
            reasons.push(sample.reason as i64);
            receive_times.push(received(sample));
        }
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(
            "insert into reading (series, ts, value, json, quality, reason, received)
             select * from unnest($1::bigint[], $2::bigint[], $3::double precision[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
             on conflict (series, ts) do nothing
             returning series, ts",
        )
        .bind(series)
        .bind(times)
        .bind(numbers)
        .bind(texts)
        .bind(qualities)
        .bind(reasons)
        .bind(receive_times)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((number(row)?, row.try_get("ts")?))).collect()
    }

    /// The rows with these keys.
    async fn stored(&self, keys: &[(SeriesId, Micros)]) -> Result<HashMap<(SeriesId, Micros), Sample>> {
        let (series, times): (Vec<i64>, Vec<i64>) =
            keys.iter().map(|(series, time)| (i64::from(*series), *time)).unzip();
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(
            "select r.series, r.ts, r.value, r.json, r.quality, r.reason, r.received
               from unnest($1::bigint[], $2::bigint[]) as k (series, ts) join reading r on r.series = k.series and r.ts = k.ts",
        )
        .bind(series)
        .bind(times)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| sample(row).map(|sample| ((sample.series, sample.timestamp), sample)))
            .collect()
    }

    /// The newest reading of each series.
    pub(super) async fn latest(&self, ids: &[SeriesId]) -> Result<Vec<Option<Sample>>> {
        let mut found: HashMap<SeriesId, Sample> = HashMap::new();
        for part in ids.chunks(AT_ONCE) {
            let wanted: Vec<i64> = part.iter().map(|id| i64::from(*id)).collect();
            #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
            let rows = sqlx::query(
                "select r.* from unnest($1::bigint[]) as w (id)
                   cross join lateral (select series, ts, value, json, quality, reason, received
                                         from reading where series = w.id order by ts desc limit 1) r",
            )
            .bind(wanted)
            .fetch_all(&self.pool)
            .await?;
            for row in &rows {
                let sample = sample(row)?;
                found.insert(sample.series, sample);
            }
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    /// What of each series is stored; bytes are those of the rows, without the index.
    pub(super) async fn stock(&self, ids: &[SeriesId]) -> Result<Vec<(SeriesId, Stock)>> {
        let mut found = Vec::new();
        for part in ids.chunks(AT_ONCE) {
            let wanted: Vec<i64> = part.iter().map(|id| i64::from(*id)).collect();
            #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
            let rows = sqlx::query(
                "select series, count(*) as readings, sum(pg_column_size(reading.*))::bigint as bytes,
                        min(ts) as first, max(ts) as last
                   from reading where series = any($1) group by series",
            )
            .bind(wanted)
            .fetch_all(&self.pool)
            .await?;
            for row in &rows {
                let (readings, bytes): (i64, i64) = (row.try_get("readings")?, row.try_get("bytes")?);
                let mut stock = Stock::default();
                stock.add(
                    readings.unsigned_abs(),
                    bytes.unsigned_abs(),
                    (row.try_get("first")?, row.try_get("last")?),
                );
                found.push((number(row)?, stock));
            }
        }
        Ok(found)
    }

    /// Readings of `[from, to)` in order of time, at most so many.
    pub(super) async fn history(&self, id: SeriesId, from: Micros, to: Micros, limit: usize) -> Result<Vec<Sample>> {
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(
            "select series, ts, value, json, quality, reason, received
               from reading where series = $1 and ts >= $2 and ts < $3 order by ts limit $4",
        )
        .bind(i64::from(id))
        .bind(from)
        .bind(to)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(sample).collect()
    }

    /// Makes the partitions that these moments fall into.
    async fn prepare(&self, times: impl Iterator<Item = Micros>) -> Result<()> {
        let mut known = self.months.lock().await;
        let mut missing = BTreeSet::new();
        let mut before = None;
        for day in times.map(day_of) {
            if before.replace(day) != Some(day) {
                missing.extend(Some(month(day)).filter(|month| !known.contains(month)));
            }
        }
        for month in missing {
            let (year, number) = (month.div_euclid(12), month.rem_euclid(12) + 1);
            let begin = |month: i64| days(month.div_euclid(12), month.rem_euclid(12) + 1, 1).saturating_mul(DAY);
            let mut tx = self.pool.begin().await?;
            sqlx::raw_sql(LOCK).execute(&mut *tx).await?;
            // Names with a minus sign need the quotes.
            let script = format!(
                "create table if not exists \"reading_{year:04}_{number:02}\" partition of reading for values from ({}) to ({})",
                begin(month),
                begin(month + 1)
            );
            sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *tx).await?;
            tx.commit().await?;
            known.insert(month);
        }
        Ok(())
    }
}

/// The month of a day, counted from the year 0.
fn month(day: i64) -> i64 {
    let (year, month, _) = civil(day);
    year * 12 + month - 1
}

fn number(row: &PgRow) -> Result<SeriesId> {
    let series: i64 = row.try_get("series")?;
    SeriesId::try_from(series).map_err(|_| Error::Corrupt {
        table: "reading",
        column: "series".to_owned(),
        detail: format!("{series} is out of range"),
    })
}

pub(super) fn sample(row: &PgRow) -> Result<Sample> {
    let number_value: Option<f64> = row.try_get("value")?;
    let json: Option<String> = row.try_get("json")?;
    let (quality, reason): (i64, i64) = (row.try_get("quality")?, row.try_get("reason")?);
    Ok(Sample {
        series: number(row)?,
        timestamp: row.try_get("ts")?,
        received: row.try_get("received")?,
        value: match (number_value, json) {
            (Some(number), _) => Value::Number(number),
            (None, Some(text)) => Value::Json(text.into()),
            (None, None) => Value::Missing,
        },
        quality: match quality {
            0 => Quality::Good,
            1 => Quality::Uncertain,
            _ => Quality::Bad,
        },
        reason: Reason::from_code(u8::try_from(reason).unwrap_or(1)),
    })
}
