//! The way from an item to its series: of a device, by its route; of a program, by the devices that its batch names.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use super::fleet::Writing;
use super::route::Route;
use super::target::{Known, Refusal, Target, Terms};
use crate::domain::ingest::Incoming;
use crate::domain::kinds::gateway_config;
use crate::services::error::Result;
use crate::storage::telemetry as store;

/// Of whom, how many a second, how many now, and whose rate it is.
pub(super) type Budget = (Uuid, u32, usize, String);

/// Where an item goes.
pub(super) enum Accepted {
    Series(Arc<Known>),
    Unknown,
    Refused(Refusal),
}

/// Who sends a batch.
pub(super) enum Way<'a> {
    /// A device, for itself and those behind it.
    Device(Arc<Route>),
    /// A program, for devices of an organization.
    Program(Writing<'a>),
}

impl Way<'_> {
    /// What the organization says.
    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Device(route) => &route.terms,
            Self::Program(writing) => &writing.fleet.terms,
        }
    }

    /// The device that sends, if one does.
    pub(super) fn sender(&self) -> Option<Uuid> {
        match self {
            Self::Device(route) => Some(route.device),
            Self::Program(_) => None,
        }
    }

    /// The device that an item names.
    fn named(&self, item: &Incoming<'_>) -> std::result::Result<(usize, &Target), Refusal> {
        match self {
            Self::Device(route) => route.named(item.device).ok_or_else(|| {
                let detail = "it is neither the sender nor a device behind it";
                ("unknown_device", detail.to_owned())
            }),
            Self::Program(writing) => Ok((0, writing.named(item.device)?)),
        }
    }

    /// The device and sensor that an item means.
    fn resolve<'a>(&'a self, at: usize, named: &'a Target, item: &'a Incoming<'_>) -> (&'a Target, &'a str) {
        match self {
            Self::Device(route) => route.resolve(at, item),
            Self::Program(_) => (named, label(item)),
        }
    }

    /// Uid of the device that an item names.
    pub(super) fn about(&self, item: &Incoming<'_>) -> Option<Uuid> {
        self.named(item).ok().map(|(_, named)| named.uid)
    }

    /// The device that an item names, where it has a rate of its own.
    pub(super) fn limit(&self, item: &Incoming<'_>) -> Option<(Uuid, u32)> {
        let (_, named) = self.named(item).ok()?;
        Some((named.uid, named.limit?))
    }

    /// Where an item goes, as far as is known.
    pub(super) fn accept(&self, item: &Incoming<'_>) -> Accepted {
        let (at, named) = match self.named(item) {
            Ok(found) => found,
            Err(refusal) => return Accepted::Refused(refusal),
        };
        if let Some(known) = named.find(&source(item), label(item)) {
            return Accepted::Series(known);
        }
        let (target, sensor) = self.resolve(at, named, item);
        match target.refusal(self.terms(), sensor) {
            Some(refusal) => Accepted::Refused(refusal),
            None => Accepted::Unknown,
        }
    }

    /// Puts the series of items into the catalogue, all new ones at once, as far as the organization may have more.
    pub(super) async fn learn<'a>(
        &self,
        store: &store::Telemetry,
        items: impl Iterator<Item = &'a Incoming<'a>>,
    ) -> Result<()> {
        let terms = self.terms();
        let mut wanted = Vec::new();
        let mut places = Vec::new();
        for item in items {
            let Ok((at, named)) = self.named(item) else { continue };
            let (target, sensor) = self.resolve(at, named, item);
            let source = source(item);
            wanted.push(target.wanted(terms, sensor, &source, item.unit));
            places.push((named, target, sensor, source, label(item)));
        }
        let ids = store.series_or_create(terms.share, terms.series_limit, &wanted).await?;
        for (((named, target, sensor, source, label), (_, unit)), id) in places.into_iter().zip(wanted).zip(ids) {
            let Some(id) = id else { continue };
            let first = store.describe(id).map_or(unit, |series| series.unit.clone());
            named.keep(&source, label, Arc::new(target.known(terms, sensor, id, first)));
        }
        Ok(())
    }

    /// What readings spend.
    pub(super) fn budgets(&self, items: usize) -> Vec<Budget> {
        let terms = self.terms();
        let mut budgets = match self {
            Self::Device(route) => {
                let sender = route.sender();
                let limit = sender.limit.into_iter();
                limit
                    .map(|limit| (sender.uid, limit, items, "the device".to_owned()))
                    .collect()
            }
            Self::Program(writing) => writing.budgets(),
        };
        budgets.extend(terms.budget(items));
        budgets
    }
}

/// By what a sender knows a sensor.
pub(super) fn label<'a>(item: &Incoming<'a>) -> &'a str {
    item.label.unwrap_or(item.data_type)
}

/// `bus:slaveId`, or what else tells the series apart, or nothing.
fn source<'a>(item: &Incoming<'a>) -> Cow<'a, str> {
    match item.slave_id {
        None => item.source.unwrap_or_default().into(),
        Some(slave) => format!("{}:{slave}", item.bus.unwrap_or(gateway_config::MAIN)).into(),
    }
}
