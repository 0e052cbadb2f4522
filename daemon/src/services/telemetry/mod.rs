//! Readings in and out: whose they are, what the organization's policies make of them, and what is asked about them.

mod buckets;
mod choose;
mod fleet;
mod gaps;
mod import;
mod inventory;
mod live;
mod numbers;
mod query;
mod retention;
mod route;
mod samples;
mod stream;
mod tail;
mod taking;
mod target;
mod way;

pub use buckets::{Bucketing, Page};
pub use choose::Range;
pub use gaps::SeriesGap;
pub use import::MOST_IMPORTED;
pub use inventory::Stocked;
pub use query::{LatestRow, Position};
pub use retention::Explained;
pub use tail::Tail;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, RwLock};

use fleet_proto::access::{Permission, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb;
use fleet_proto::pb::resource::{Spec, Status};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::{Error, Result};
use super::resources::Resources;
use crate::domain::caller::Place;
use crate::domain::ingest::{Incoming, Ingested, Rejection};
use crate::domain::log::Entry;
use crate::domain::shares::Share;
use crate::domain::telemetry::{Measured, Micros, Sample};
use crate::domain::{Caller, Clock, Org};
use crate::storage::telemetry as store;
use fleet::Fleets;
use route::Route;
use taking::Taking;
use target::Terms;
use way::{Budget, Way};

/// A refused caller may repeat after this.
const RETRY_MS: u64 = 1_000;

/// A clock that is further ahead than this is wrong.
const AHEAD: Micros = 5 * 60 * 1_000_000;

/// By whose rate it is, and the readings per second.
type Limiters = HashMap<(Uuid, u32), Arc<DefaultDirectRateLimiter>>;

/// Takes readings in, and answers questions about them.
#[derive(Clone, Debug)]
pub struct Telemetry {
    store: store::Telemetry,
    resources: Resources,
    clock: Arc<dyn Clock>,
    /// What is known of each sender, for the revision at which it was read.
    routes: Arc<RwLock<HashMap<Uuid, Arc<Route>>>>,
    /// The same of organizations that programs write for.
    fleets: Arc<RwLock<Fleets>>,
    limits: Arc<RwLock<Limiters>>,
    live: live::Hub,
}

impl Telemetry {
    /// Works on `store`; whose readings are whose stands in `resources`.
    pub fn new(store: store::Telemetry, resources: Resources, clock: Arc<dyn Clock>) -> Self {
        Self {
            live: live::Hub::new(store.clone()),
            store,
            resources,
            clock,
            routes: Arc::default(),
            fleets: Arc::default(),
            limits: Arc::default(),
        }
    }

    /// What time it is for whoever asks about readings.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Figures since the start.
    pub fn stats(&self) -> store::Stats {
        self.store.stats()
    }

    /// Hands what is committed to those who follow it, until `stop`. It must run once.
    pub async fn hand_out(&self, stop: CancellationToken) {
        self.live.run(stop).await;
    }

    /// Takes in what a device sent for itself and for those behind it. A bad item never costs the good ones.
    pub async fn ingest(
        &self,
        sender: Uuid,
        items: Vec<std::result::Result<Incoming<'_>, Rejection>>,
    ) -> Result<Ingested> {
        let route = self.route(sender).await?;
        self.take_in(&Way::Device(route), items).await
    }

    /// What all doors share with batches of items: rates, policies, the queue.
    async fn take_in(
        &self,
        way: &Way<'_>,
        items: Vec<std::result::Result<Incoming<'_>, Rejection>>,
    ) -> Result<Ingested> {
        let terms = way.terms();
        self.enter(terms, way.sender(), way.budgets(items.len()))?;
        let mut taking = Taking::new(self.clock.now(), items.len());
        let mut unknown: Vec<(usize, Micros, Incoming<'_>)> = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Err(rejection) => taking.ingested.rejected.push(rejection),
                Ok(item) => {
                    if let Some(timestamp) =
                        taking.timestamp(index, item.timestamp, item.kept.is_some(), || way.about(&item))
                    {
                        unknown.extend(taking.place(way, index, timestamp, item));
                    }
                }
            }
        }
        self.note_ahead(&taking, terms, way.sender());
        if !unknown.is_empty() {
            way.learn(&self.store, unknown.iter().map(|(_, _, item)| item)).await?;
            for (index, timestamp, item) in unknown {
                if taking.place(way, index, timestamp, item).is_some() {
                    taking.refuse(index, terms.no_more_series()?);
                }
            }
        }
        let samples = std::mem::take(&mut taking.samples);
        let appended = self.store.append(terms.share, samples).await;
        let appended = appended.map_err(|error| self.not_stored(error, Some(&terms.org)))?;
        Ok(taking.done(appended))
    }

    /// Lets a batch in, or says which rate it would exceed.
    fn enter(&self, terms: &Terms, sender: Option<Uuid>, budgets: Vec<Budget>) -> Result<()> {
        if terms.suspended {
            return Err(Error::Denied(format!("organization {} is suspended", terms.org.name)));
        }
        if self.store.is_low_on_room() {
            return Err(self.not_stored(store::AppendError::Full, Some(&terms.org)));
        }
        self.spend(budgets).inspect_err(|error| {
            let entry = Entry::new(
                Level::Warning,
                "readings.limit",
                format!("readings are refused: {error}"),
            );
            let entry = entry.of(terms.org.uid);
            self.resources.notes().log(match sender {
                Some(sender) => entry.about(sender),
                None => entry,
            });
        })
    }

    /// Takes in what fleetd's own poller measured. Readings of devices that are gone or inactive are dropped.
    pub async fn record(&self, measured: Vec<Measured>) -> Result<()> {
        let now = self.clock.now();
        let mut by_share: HashMap<Uuid, (Share, Vec<Sample>)> = HashMap::new();
        for reading in measured {
            let route = match self.route(reading.device).await {
                Ok(route) if !route.terms.suspended => route,
                Ok(_) | Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let Some(series) = route
                .own(&self.store, &reading.sensor, &reading.source, &reading.unit)
                .await?
            else {
                continue;
            };
            if series.is_over(reading.timestamp, now) {
                continue;
            }
            let (value, quality, reason) = match series.judge(reading.value, None, reading.quality) {
                Ok((value, quality, reason)) if reading.reason == crate::domain::telemetry::Reason::None => {
                    (value, quality, reason)
                }
                Ok((value, quality, _)) => (value, quality, reading.reason),
                // Refused by range: the measurement itself is worth knowing, its value is not.
                Err(_) => (
                    crate::domain::telemetry::Value::Missing,
                    crate::domain::telemetry::Quality::Bad,
                    crate::domain::telemetry::Reason::OutOfRange,
                ),
            };
            let (_, samples) = by_share
                .entry(route.terms.org.uid)
                .or_insert((route.terms.share, Vec::new()));
            samples.push(Sample {
                series: series.id,
                timestamp: reading.timestamp,
                received: now,
                value,
                quality,
                reason,
            });
        }
        // All of them wait at once: what one organization is refused costs no other anything.
        let appended = by_share
            .into_values()
            .map(|(share, samples)| self.store.append(share, samples));
        for done in futures_util::future::join_all(appended).await {
            done.map_err(|error| self.not_stored(error, None))?;
        }
        Ok(())
    }

    /// Readings could not be stored: their organization is told, and whoever runs fleetd.
    fn not_stored(&self, error: store::AppendError, org: Option<&Org>) -> Error {
        let (level, action, refusal) = match error {
            store::AppendError::Busy => (
                Level::Warning,
                "readings.queue",
                Error::exhausted(
                    "queue",
                    match org {
                        Some(org) => format!("the share of organization {} of what may wait for the disk", org.name),
                        None => "what may wait for the disk".to_owned(),
                    },
                    RETRY_MS,
                ),
            ),
            store::AppendError::Full => (Level::Error, "disk.full", Error::Full),
            store::AppendError::Unavailable => {
                let why = "the store of readings cannot be written now; repeat later".to_owned();
                (Level::Error, "readings.store", Error::Unavailable(why))
            }
            store::AppendError::Failed => {
                let why = "the store of readings failed; fleetd restarts".to_owned();
                (Level::Error, "readings.store", Error::Unavailable(why))
            }
        };
        let notes = self.resources.notes();
        let entry = Entry::new(level, action, format!("readings are refused: {refusal}"));
        if let Some(org) = org {
            notes.log(entry.clone().of(org.uid));
        }
        notes.log(entry);
        refusal
    }

    /// Polled readings of an organization wait for too long: it is told that its oldest are dropped.
    pub fn note_dropped(&self, org: Uuid) {
        let message = "polled readings wait for the store for too long; the oldest are dropped";
        let entry = Entry::new(Level::Warning, "readings.dropped", message);
        self.resources.notes().log(entry.of(org));
    }

    /// The clock of a device is far ahead. One that is behind cannot be told from one that catches up.
    fn note_ahead(&self, taking: &Taking, terms: &Terms, sender: Option<Uuid>) {
        let Some((device, ahead)) = taking.fastest.filter(|(_, ahead)| *ahead > AHEAD) else {
            return;
        };
        let (org, device) = (terms.org.uid, sender.unwrap_or(device));
        let seconds = ahead / 1_000_000;
        let entry = Entry::new(
            Level::Warning,
            "device.clock",
            format!("a timestamp is {seconds} s ahead: the device's clock is wrong"),
        );
        let entry = entry.of(org).about(device).with(json!({"aheadSeconds": seconds}));
        self.resources.notes().log(entry);
    }

    /// What is known of a sender now: read anew when any resource has changed since.
    async fn route(&self, device: Uuid) -> Result<Arc<Route>> {
        let revision = *self.resources.revisions().borrow();
        let known = read(&self.routes).get(&device).cloned();
        if let Some(route) = known.filter(|route| route.revision == revision) {
            return Ok(route);
        }
        let route = Arc::new(Route::load(&self.resources, device, revision).await?);
        let mut routes = write(&self.routes);
        // What devices that are gone leave behind goes with the next change of any resource.
        if routes.len() > 1_000_000 {
            routes.clear();
        }
        routes.insert(device, Arc::clone(&route));
        Ok(route)
    }

    fn spend(&self, budgets: Vec<Budget>) -> Result<()> {
        for (uid, limit, readings, whose) in budgets {
            let readings = NonZeroU32::new(u32::try_from(readings).unwrap_or(u32::MAX));
            let (Some(readings), Some(per_second)) = (readings, NonZeroU32::new(limit)) else {
                continue;
            };
            let known = read(&self.limits).get(&(uid, per_second.get())).cloned();
            let limiter = known.unwrap_or_else(|| {
                // A batch gathers what was measured over some time: ten seconds' worth may come at once.
                let burst = per_second.saturating_mul(NonZeroU32::new(10).unwrap_or(NonZeroU32::MIN));
                let fresh = Arc::new(RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)));
                Arc::clone(write(&self.limits).entry((uid, per_second.get())).or_insert(fresh))
            });
            if !matches!(limiter.check_n(readings), Ok(Ok(()))) {
                let budget = format!("the rate of {whose} ({per_second} readings per second)");
                return Err(Error::exhausted("readings", budget, RETRY_MS));
            }
        }
        Ok(())
    }

    /// Resources as they are shown one by one: organizations with what they use of what they have booked, for those who
    /// see all of them.
    pub async fn with_budgets(&self, caller: &Caller, mut shown: Vec<pb::Resource>) -> Result<Vec<pb::Resource>> {
        let view = Permission::of(Verb::View, Kind::Organization);
        for resource in &mut shown {
            let uid = resource
                .metadata
                .as_ref()
                .and_then(|metadata| metadata.uid.parse().ok());
            let (Some(Spec::Organization(_)), Some(uid)) = (&resource.spec, uid) else {
                continue;
            };
            if !caller.may(view, &Place::Org(uid)) {
                continue;
            }
            let mut tx = self.resources.db().read().await?;
            let series = self.store.series_of_org(uid);
            let budgets = Resources::budgets(&mut tx, uid, series, self.clock.now()).await?;
            resource.status = Some(Status::OrganizationStatus(pb::OrganizationStatus { budgets }));
        }
        Ok(shown)
    }

    /// The organization and uid of a device that is asked about.
    async fn device(&self, caller: &Caller, org: &str, name: &str) -> Result<(Org, Uuid, String)> {
        let object = self.resources.find(caller, org, Kind::Device, name).await?;
        let org = object.org.ok_or_else(|| Error::NotFound(format!("device/{name}")))?;
        Ok((org, object.uid, object.name))
    }
}

/// The locks guard maps that are whole at every moment.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}
