//! The catalogue of series: in memory for every reading, in the control database for ever.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::{read, write};
use crate::domain::telemetry::{Series, SeriesId, SeriesKey};
use crate::storage::db::{Db, Row, query};
use crate::storage::error::{Error, Result};

const TABLE: &str = "series";

#[derive(Debug, Default)]
struct Known {
    ids: HashMap<SeriesKey, SeriesId>,
    all: Vec<Option<Arc<Series>>>,
    devices: HashMap<Uuid, Vec<SeriesId>>,
}

#[derive(Debug)]
pub(super) struct Catalogue {
    db: Db,
    known: RwLock<Known>,
    /// One creation at a time; another replica's is seen by the transaction.
    creating: Mutex<()>,
}

impl Known {
    fn add(&mut self, series: Series) {
        let at = series.id as usize;
        if self.all.len() <= at {
            self.all.resize(at + 1, None);
        }
        self.ids.insert(series.key.clone(), series.id);
        self.devices.entry(series.key.device).or_default().push(series.id);
        self.all[at] = Some(Arc::new(series));
    }
}

impl Catalogue {
    pub(super) async fn load(db: Db) -> Result<Self> {
        let mut known = Known::default();
        let mut tx = db.read().await?;
        let mut after = -1;
        loop {
            let rows =
                query("select id, org, device, sensor, source, unit from series where id > $1 order by id limit 10000")
                    .bind(after)
                    .fetch_all(&mut tx)
                    .await?;
            for row in &rows {
                let series = series(row)?;
                after = i64::from(series.id);
                known.add(series);
            }
            if rows.len() < 10_000 {
                break;
            }
        }
        drop(tx);
        Ok(Self {
            db,
            known: RwLock::new(known),
            creating: Mutex::default(),
        })
    }

    /// Numbers given so far.
    pub(super) fn len(&self) -> usize {
        read(&self.known).all.len()
    }

    pub(super) fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        read(&self.known).ids.get(key).copied()
    }

    pub(super) fn describe(&self, id: SeriesId) -> Option<Arc<Series>> {
        read(&self.known).all.get(id as usize).cloned().flatten()
    }

    pub(super) fn of_device(&self, device: Uuid) -> Vec<Arc<Series>> {
        let known = read(&self.known);
        let ids = known.devices.get(&device).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| known.all[*id as usize].clone()).collect()
    }

    pub(super) async fn find_or_create(&self, wanted: &[(SeriesKey, String)]) -> Result<Vec<SeriesId>> {
        let _one = self.creating.lock().await;
        let missing: Vec<_> = wanted.iter().filter(|(key, _)| self.find(key).is_none()).collect();
        if !missing.is_empty() {
            let mut tx = self.db.begin().await?;
            // The revision row orders writers on PostgreSQL, too; its value stays.
            query("update revision set value = value").execute(&mut tx).await?;
            let mut next = query("select coalesce(max(id), -1) as id from series")
                .fetch_one(&mut tx)
                .await?
                .int("id")?
                + 1;
            let mut fresh = Vec::new();
            for (key, unit) in missing {
                let created = query(
                    "insert into series (id, org, device, sensor, source, unit) values ($1, $2, $3, $4, $5, $6)
                     on conflict (device, sensor, source) do nothing",
                )
                .bind(next)
                .bind(key.org)
                .bind(key.device)
                .bind(&key.sensor)
                .bind(&key.source)
                .bind(unit)
                .execute(&mut tx)
                .await?;
                next += created as i64;
                let row = query("select id, org, device, sensor, source, unit from series where device = $1 and sensor = $2 and source = $3")
                    .bind(key.device)
                    .bind(&key.sensor)
                    .bind(&key.source)
                    .fetch_one(&mut tx)
                    .await?;
                fresh.push(series(&row)?);
            }
            tx.commit().await?;
            let mut known = write(&self.known);
            for series in fresh {
                if !known.ids.contains_key(&series.key) {
                    known.add(series);
                }
            }
        }
        let known = read(&self.known);
        Ok(wanted
            .iter()
            .filter_map(|(key, _)| known.ids.get(key).copied())
            .collect())
    }
}

fn series(row: &Row) -> Result<Series> {
    let id = row.int("id")?;
    Ok(Series {
        id: u32::try_from(id).map_err(|_| Error::Corrupt {
            table: TABLE,
            column: "id".into(),
            detail: format!("{id} is out of range"),
        })?,
        key: SeriesKey {
            org: row.uuid(TABLE, "org")?,
            device: row.uuid(TABLE, "device")?,
            sensor: row.text("sensor")?,
            source: row.text("source")?,
        },
        unit: row.text("unit")?,
    })
}
