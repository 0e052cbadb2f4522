//! Devices that fall silent and come back. Only those are missed that have sent heartbeats: the others promise nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use fleet_proto::levels::Level;
use fleet_proto::pb::device_spec::State;
use fleet_proto::pb::resource::Spec;
use serde_json::json;
use uuid::Uuid;

use super::{Devices, OFFLINE_AFTER, read};
use crate::domain::Object;
use crate::domain::log::{Entry, Named};
use crate::domain::telemetry::Micros;
use crate::services::error::Result;
use crate::services::log;
use crate::storage::devices::states;
use crate::storage::resources;

/// Devices of one site that are told of one by one; more at once are a number: their site has lost its line.
const ONE_BY_ONE: usize = 10;
/// Devices of a transaction.
const PAGE: usize = 500;

/// Who is missed, as far as was looked.
#[derive(Debug, Default)]
pub struct Presence {
    /// When each was heard of; none: nobody has looked yet.
    heard: Option<HashMap<Uuid, Micros>>,
    silent: HashSet<Uuid>,
}

impl Devices {
    /// Tells of devices that have fallen silent or come back since the last look.
    pub async fn look(&self, presence: &mut Presence) -> Result<()> {
        let now = self.clock.now();
        let heard = match &mut presence.heard {
            Some(heard) => heard,
            None => {
                // Whoever was silent while fleetd was away gets as long again.
                let all = states::beating(&mut self.resources.db().read().await?).await?;
                let (silent, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, silent)| *silent);
                presence.silent = silent.into_iter().map(|(device, _)| device).collect();
                let others = others.into_iter().map(|(device, _)| (device, now));
                presence.heard.insert(others.collect())
            }
        };
        for device in read(&self.beating).iter() {
            heard.entry(*device).or_insert(now);
        }
        {
            let seen = read(&self.seen);
            for (device, at) in heard.iter_mut() {
                *at = seen.get(device).copied().unwrap_or(*at).max(*at);
            }
            for device in &presence.silent {
                if let Some(at) = seen.get(device) {
                    heard.insert(*device, *at);
                }
            }
        }
        let is_silent = |device: &Uuid| heard.get(device).is_none_or(|at| now - at > OFFLINE_AFTER);
        let back: Vec<Uuid> = presence.silent.iter().copied().filter(|one| !is_silent(one)).collect();
        let gone = heard.keys().copied().filter(is_silent);
        let gone: Vec<Uuid> = gone.filter(|one| !presence.silent.contains(one)).collect();
        let mut forgotten = HashSet::new();
        for (devices, silent) in [(gone, true), (back, false)] {
            for page in devices.chunks(PAGE) {
                forgotten.extend(self.tell(page, silent, now).await?);
                if silent {
                    presence.silent.extend(page);
                } else {
                    presence.silent.retain(|device| !page.contains(device));
                }
            }
        }
        if !forgotten.is_empty() {
            heard.retain(|device, _| !forgotten.contains(device));
            presence.silent.retain(|device| !forgotten.contains(device));
            super::write(&self.beating).retain(|device| !forgotten.contains(device));
        }
        Ok(())
    }

    /// Tells of devices; gives those that nobody misses any more.
    async fn tell(&self, devices: &[Uuid], silent: bool, now: Micros) -> Result<Vec<Uuid>> {
        let mut tx = self.resources.db().begin().await?;
        let mut forgotten = Vec::new();
        // By organization and site.
        let mut by_place: BTreeMap<_, Vec<(Object, Option<Named>)>> = BTreeMap::new();
        for device in devices {
            states::silence(&mut tx, *device, silent).await?;
            let found = resources::find_by_uid(&mut tx, *device).await?;
            let in_service =
                |object: &Object| matches!(&object.spec, Spec::Device(spec) if spec.state() != State::Inactive);
            let Some(object) = found.filter(in_service) else {
                forgotten.push(*device);
                continue;
            };
            let site = log::site_of(&mut tx, &object).await?;
            let org = object.org.as_ref().map(|org| org.uid);
            let place = (org, site.as_ref().map(|site| site.uid));
            by_place.entry(place).or_default().push((object, site));
        }
        let mut entries = Vec::new();
        for ((org, _), devices) in by_place {
            let entry = |message: String| {
                let (level, action) = if silent {
                    (Level::Warning, "device.silent")
                } else {
                    (Level::Info, "device.back")
                };
                let entry = Entry::new(level, action, message);
                Entry { at: now, org, ..entry }
            };
            if devices.len() <= ONE_BY_ONE {
                entries.extend(devices.iter().map(|(object, _)| {
                    let what = if silent { "sends nothing any more" } else { "is back" };
                    entry(format!("device/{} {what}", object.name)).about(object.uid)
                }));
                continue;
            }
            let what = if silent { "send nothing any more" } else { "are back" };
            let some: Vec<&str> = devices
                .iter()
                .take(ONE_BY_ONE)
                .map(|(object, _)| object.name.as_str())
                .collect();
            let told = entry(format!("{} devices {what}", devices.len()));
            entries.push(Entry {
                site: devices.first().and_then(|(_, site)| site.clone()),
                ..told.with(json!({"devices": devices.len(), "some": some}))
            });
        }
        log::append(&mut tx, entries).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}
