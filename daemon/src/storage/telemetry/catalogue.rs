//! The catalogue of series: in memory for every reading, in the control database for ever.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::{read, write};
use crate::domain::shares::Share;
use crate::domain::telemetry::{Series, SeriesId, SeriesKey};
use crate::storage::db::{Db, Row, Tx, query};
use crate::storage::error::{Error, Result};

const TABLE: &str = "series";
const PAGE: usize = 10_000;

#[derive(Debug, Default)]
struct Known {
    ids: HashMap<SeriesKey, SeriesId>,
    all: Vec<Option<Arc<Series>>>,
    devices: HashMap<Uuid, Vec<SeriesId>>,
    /// How many each organization has.
    orgs: HashMap<Uuid, u64>,
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
        *self.orgs.entry(series.key.org).or_default() += 1;
        self.all[at] = Some(Arc::new(series));
    }

    /// How many more an organization may have.
    fn room(&self, org: Uuid, limit: Option<u32>) -> usize {
        let has = self.orgs.get(&org).copied().unwrap_or_default();
        limit.map_or(usize::MAX, |limit| {
            usize::try_from(u64::from(limit).saturating_sub(has)).unwrap_or(usize::MAX)
        })
    }
}

impl Catalogue {
    pub(super) async fn load(db: Db) -> Result<Self> {
        let mut known = Known::default();
        let mut tx = db.read().await?;
        for series in after(&mut tx, -1).await? {
            known.add(series);
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

    pub(super) fn count(&self, org: Uuid) -> u64 {
        read(&self.known).orgs.get(&org).copied().unwrap_or_default()
    }

    pub(super) fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        read(&self.known).ids.get(key).copied()
    }

    pub(super) fn describe(&self, id: SeriesId) -> Option<Arc<Series>> {
        read(&self.known).all.get(id as usize).cloned().flatten()
    }

    pub(super) fn all(&self) -> Vec<Arc<Series>> {
        read(&self.known).all.iter().flatten().cloned().collect()
    }

    pub(super) fn of_device(&self, device: Uuid) -> Vec<Arc<Series>> {
        let known = read(&self.known);
        let ids = known.devices.get(&device).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| known.all[*id as usize].clone()).collect()
    }

    /// The numbers of series of one organization in the order asked for; new ones are created with their unit, all in one
    /// transaction, as far as there is room for them.
    pub(super) async fn find_or_create(
        &self,
        share: Share,
        limit: Option<u32>,
        wanted: &[(SeriesKey, String)],
    ) -> Result<Vec<Option<SeriesId>>> {
        if let Some(found) = self.find_all(share, limit, wanted) {
            return Ok(found);
        }
        let mut tx = self.db.begin_for(share).await?;
        let _one = self.creating.lock().await;
        // Whoever had the turn before may have created them.
        if let Some(found) = self.find_all(share, limit, wanted) {
            return Ok(found);
        }
        // The revision row orders writers on PostgreSQL, too; its value stays.
        query("update revision set value = value").execute(&mut tx).await?;
        let last = i64::try_from(self.len()).unwrap_or(i64::MAX) - 1;
        let fresh = after(&mut tx, last).await?;
        if !fresh.is_empty() {
            let mut known = write(&self.known);
            fresh.into_iter().for_each(|series| known.add(series));
        }
        let created = {
            let known = read(&self.known);
            let mut next = known.all.len() as SeriesId;
            let mut seen: HashSet<&SeriesKey> = HashSet::new();
            let missing = wanted
                .iter()
                .filter(|(key, _)| !known.ids.contains_key(key) && seen.insert(key));
            let create = |(key, unit): &(SeriesKey, String)| {
                let series = Series {
                    id: next,
                    key: key.clone(),
                    unit: unit.clone(),
                };
                next += 1;
                series
            };
            let room = known.room(share.org, limit);
            missing.take(room).map(create).collect::<Vec<_>>()
        };
        insert(&mut tx, &created).await?;
        tx.commit().await?;
        let mut known = write(&self.known);
        created.into_iter().for_each(|series| known.add(series));
        Ok(wanted.iter().map(|(key, _)| known.ids.get(key).copied()).collect())
    }

    /// The numbers of all that have one; nothing where others could be created.
    fn find_all(
        &self,
        share: Share,
        limit: Option<u32>,
        wanted: &[(SeriesKey, String)],
    ) -> Option<Vec<Option<SeriesId>>> {
        let known = read(&self.known);
        let found: Vec<_> = wanted.iter().map(|(key, _)| known.ids.get(key).copied()).collect();
        let is_all = !found.contains(&None) || known.room(share.org, limit) == 0;
        is_all.then_some(found)
    }
}

/// Series with greater numbers, ascending.
async fn after(tx: &mut Tx, mut last: i64) -> Result<Vec<Series>> {
    let mut found = Vec::new();
    loop {
        let rows = query("select id, org, device, sensor, source, unit from series where id > $1 order by id limit $2")
            .bind(last)
            .bind(PAGE as i64)
            .fetch_all(tx)
            .await?;
        for row in &rows {
            let series = series(row)?;
            last = i64::from(series.id);
            found.push(series);
        }
        if rows.len() < PAGE {
            return Ok(found);
        }
    }
}

/// Adds rows, thousands with one statement.
async fn insert(tx: &mut Tx, created: &[Series]) -> Result<()> {
    let sql = match tx {
        Tx::Sqlite(..) => {
            "insert into series (id, org, device, sensor, source, unit)
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from json_each($1)"
        }
        Tx::Postgres(..) => {
            "insert into series (id, org, device, sensor, source, unit)
             select (v ->> 0)::bigint, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5 from json_array_elements($1::json) as e (v)"
        }
    };
    for part in created.chunks(PAGE) {
        let rows: Vec<_> = part
            .iter()
            .map(|Series { id, key, unit }| {
                (
                    id,
                    key.org.to_string(),
                    key.device.to_string(),
                    &key.sensor,
                    &key.source,
                    unit,
                )
            })
            .collect();
        let json = serde_json::to_string(&rows).map_err(|error| Error::Corrupt {
            table: TABLE,
            column: "sensor".to_owned(),
            detail: error.to_string(),
        })?;
        query(sql).bind(json).execute(tx).await?;
    }
    Ok(())
}

fn series(row: &Row) -> Result<Series> {
    let id = row.int("id")?;
    Ok(Series {
        id: u32::try_from(id).map_err(|_| Error::Corrupt {
            table: TABLE,
            column: "id".to_owned(),
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
