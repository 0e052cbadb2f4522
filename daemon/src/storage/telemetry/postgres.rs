//! Readings as plain rows in monthly partitions of PostgreSQL.

use std::collections::HashSet;

use sqlx::postgres::{PgPool, PgRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::Mutex;

use super::writer::{Fate, equal};
use crate::domain::telemetry::{Micros, Quality, Reason, Sample, SeriesId, Value};
use crate::storage::error::{Error, Result};

const COLUMNS: &str = "series, ts, value, json, quality, reason, received";

/// The table of readings.
#[derive(Debug)]
pub(super) struct Rows {
    pool: PgPool,
    months: Mutex<HashSet<(i16, i8)>>,
}

impl Rows {
    pub(super) fn open(pool: PgPool) -> Self {
        Self {
            pool,
            months: Mutex::default(),
        }
    }

    /// Compares readings with those stored.
    pub(super) async fn fates<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Result<Vec<Fate>> {
        let samples: Vec<_> = samples.collect();
        if self.months.lock().await.is_empty() {
            self.prepare(&samples).await?;
        }
        let (series, times) = keys(&samples);
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(AssertSqlSafe(format!(
            "select {COLUMNS} from reading join unnest($1::bigint[], $2::bigint[]) as k (s, t) on series = s and ts = t"
        )))
        .bind(series)
        .bind(times)
        .fetch_all(&self.pool)
        .await?;
        let stored: std::collections::HashMap<_, _> = rows
            .iter()
            .map(|row| sample(row).map(|s| ((s.series, s.timestamp), s)))
            .collect::<Result<_>>()?;
        Ok(samples
            .iter()
            .map(|sample| match stored.get(&(sample.series, sample.timestamp)) {
                None => Fate::New,
                Some(known) if equal(known, sample) => Fate::Duplicate,
                Some(_) => Fate::Conflict,
            })
            .collect())
    }

    /// Adds rows; one that another replica wrote meanwhile stays as it is.
    pub(super) async fn insert(&self, samples: &[&Sample]) -> Result<()> {
        self.prepare(samples).await?;
        let (series, times) = keys(samples);
        let numbers: Vec<Option<f64>> = samples
            .iter()
            .map(|s| if let Value::Number(n) = s.value { Some(n) } else { None })
            .collect();
        let texts: Vec<Option<String>> = samples
            .iter()
            .map(|s| {
                if let Value::Json(text) = &s.value {
                    Some(text.to_string())
                } else {
                    None
                }
            })
            .collect();
        let qualities: Vec<i64> = samples.iter().map(|s| s.quality as i64).collect();
        let reasons: Vec<i64> = samples.iter().map(|s| s.reason as i64).collect();
        let received: Vec<i64> = samples.iter().map(|s| s.received).collect();
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        sqlx::query(AssertSqlSafe(format!(
            "insert into reading ({COLUMNS})
             select * from unnest($1::bigint[], $2::bigint[], $3::double precision[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
             on conflict (series, ts) do nothing"
        )))
        .bind(series)
        .bind(times)
        .bind(numbers)
        .bind(texts)
        .bind(qualities)
        .bind(reasons)
        .bind(received)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub(super) async fn latest(&self, ids: &[SeriesId]) -> Result<Vec<Option<Sample>>> {
        let wanted: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        if !self.exists().await? {
            return Ok(vec![None; ids.len()]);
        }
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(AssertSqlSafe(format!(
            "select r.* from unnest($1::bigint[]) as w (id)
               cross join lateral (select {COLUMNS} from reading where series = w.id order by ts desc limit 1) r"
        )))
        .bind(wanted)
        .fetch_all(&self.pool)
        .await?;
        let found: Vec<Sample> = rows.iter().map(sample).collect::<Result<_>>()?;
        Ok(ids
            .iter()
            .map(|id| found.iter().find(|s| s.series == *id).cloned())
            .collect())
    }

    pub(super) async fn history(&self, id: SeriesId, from: Micros, to: Micros, limit: usize) -> Result<Vec<Sample>> {
        if !self.exists().await? {
            return Ok(Vec::new());
        }
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let rows = sqlx::query(AssertSqlSafe(format!(
            "select {COLUMNS} from reading where series = $1 and ts >= $2 and ts < $3 order by ts limit $4"
        )))
        .bind(i64::from(id))
        .bind(from)
        .bind(to)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(sample).collect()
    }

    async fn exists(&self) -> Result<bool> {
        #[expect(clippy::disallowed_methods, reason = "readings have a variant per engine")]
        let row = sqlx::query("select to_regclass('reading') is not null")
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Makes the table and the partitions that the readings fall into.
    async fn prepare(&self, samples: &[&Sample]) -> Result<()> {
        let mut months = self.months.lock().await;
        let wanted: HashSet<_> = samples.iter().map(|sample| month(sample.timestamp)).collect();
        for (year, number) in wanted {
            if months.contains(&(year, number)) {
                continue;
            }
            let from = jiff::civil::date(year, number, 1);
            let to = from.saturating_add(jiff::Span::new().months(1));
            let micros = |date: jiff::civil::Date| {
                date.to_zoned(jiff::tz::TimeZone::UTC)
                    .map_or(i64::MAX, |at| at.timestamp().as_microsecond())
            };
            // Replicas may do this at once; the lock lets one after the other find it done.
            let script = format!(
                "begin; select pg_advisory_xact_lock(7071);
                 create table if not exists reading (
                     series bigint not null, ts bigint not null, value double precision, json text,
                     quality bigint not null, reason bigint not null, received bigint not null,
                     primary key (series, ts)) partition by range (ts);
                 create table if not exists reading_{year:04}_{number:02} partition of reading for values from ({}) to ({});
                 commit;",
                micros(from),
                micros(to)
            );
            sqlx::raw_sql(AssertSqlSafe(script)).execute(&self.pool).await?;
            months.insert((year, number));
        }
        Ok(())
    }
}

fn month(at: Micros) -> (i16, i8) {
    let date = jiff::Timestamp::from_microsecond(at)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    (date.year(), date.month())
}

fn keys(samples: &[&Sample]) -> (Vec<i64>, Vec<i64>) {
    samples
        .iter()
        .map(|sample| (i64::from(sample.series), sample.timestamp))
        .unzip()
}

fn sample(row: &PgRow) -> Result<Sample> {
    let corrupt = |column: &str, detail: String| Error::Corrupt {
        table: "reading",
        column: column.to_owned(),
        detail,
    };
    let number: Option<f64> = row.try_get("value")?;
    let json: Option<String> = row.try_get("json")?;
    let (series, quality, reason): (i64, i64, i64) =
        (row.try_get("series")?, row.try_get("quality")?, row.try_get("reason")?);
    Ok(Sample {
        series: u32::try_from(series).map_err(|_| corrupt("series", format!("{series} is out of range")))?,
        timestamp: row.try_get("ts")?,
        received: row.try_get("received")?,
        value: match (number, json) {
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
