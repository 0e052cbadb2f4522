//! For how long readings are kept, and what that means for the disk.

use std::collections::{BTreeMap, HashMap};

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use uuid::Uuid;

use super::Telemetry;
use super::choose::Range;
use crate::domain::Caller;
use crate::domain::retention::{Kept, Rule, Rules, kept_since};
use crate::domain::telemetry::Micros;
use crate::services::error::{Error, Result};
use crate::storage::resources;
use crate::storage::resources::Narrow;
use crate::storage::telemetry::Space;

/// Organizations of a page.
const PAGE: u32 = 1_000;

/// A rule with the series that it holds for, of one organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Name of the device; empty where all of the organization's are put together.
    pub device: String,
    /// Name of the sensor, or the pattern of the rule; `*` where no rule fits.
    pub sensors: String,
    /// Whole days; none: for ever.
    pub days: Option<u32>,
    /// Who says so: `spec.retention[0]`, `spec.subscription.storageDays`; empty: nobody.
    pub says: String,
    /// Series that it holds for.
    pub series: u64,
    /// Readings before this moment are over; none: none are.
    pub until: Option<Micros>,
}

impl Telemetry {
    /// Every series with the days for which it is kept. Those of organizations that are gone are kept: an undo may bring
    /// them back.
    pub async fn kept(&self) -> Result<Kept> {
        let rules = self.rules().await?;
        let mut kept = Kept::default();
        if rules.is_empty() {
            // Nobody has said anything: nothing is looked through for that.
            return Ok(kept);
        }
        for series in self.store.all_series() {
            let days = rules
                .get(&series.key.org)
                .and_then(|rules| rules.rule(&series.key.sensor).days);
            kept.add(series.id, days);
        }
        Ok(kept)
    }

    /// What organizations say, as far as they say anything.
    async fn rules(&self) -> Result<HashMap<Uuid, Rules>> {
        let mut tx = self.resources.db().read().await?;
        let mut rules = HashMap::new();
        let mut after = String::new();
        loop {
            let page = resources::list(&mut tx, Kind::Organization, &Narrow::default(), ("", &after), PAGE).await?;
            for object in &page {
                if let Spec::Organization(spec) = &object.spec {
                    rules.insert(object.uid, Rules::of(spec));
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after.clone_from(&last.name),
                _ => break,
            }
        }
        rules.retain(|_, rules: &mut Rules| !rules.is_empty());
        Ok(rules)
    }

    /// Which rule holds for which sensors: of one device, sensor by sensor; of an organization, rule by rule.
    pub async fn retention(&self, caller: &Caller, org: &str, device: &str, sensor: &str) -> Result<Vec<Explained>> {
        let org = self.resources.org_for(caller, org).await?;
        let mut tx = self.resources.db().read().await?;
        // Whoever sees some of the readings may know for how long they are kept.
        let rules = match resources::find_by_uid(&mut tx, org.uid)
            .await?
            .map(|object| object.spec)
        {
            Some(Spec::Organization(spec)) => Rules::of(&spec),
            _ => Rules::default(),
        };
        drop(tx);
        let range = Range {
            org: org.name.clone(),
            device: device.to_owned(),
            ..Range::default()
        };
        let mut found: BTreeMap<(String, String), Explained> = BTreeMap::new();
        for device_of in self.devices(caller, &range).await? {
            for series in self.store.series_of(device_of.uid) {
                let name = &series.key.sensor;
                if !sensor.is_empty() && name != sensor {
                    continue;
                }
                let rule = rules.rule(name);
                let (device, sensors) = if device.is_empty() {
                    (String::new(), pattern(&rules, rule))
                } else {
                    (device_of.name.clone(), name.clone())
                };
                let explained = found
                    .entry((device.clone(), sensors.clone()))
                    .or_insert_with(|| Explained {
                        device,
                        sensors,
                        days: rule.days,
                        says: says(rule),
                        series: 0,
                        until: rule.days.map(|days| kept_since(days, self.clock.now())),
                    });
                explained.series += 1;
            }
        }
        if found.is_empty() && !sensor.is_empty() {
            return Err(Error::NotFound(format!("sensor `{sensor}`")));
        }
        Ok(found.into_values().collect())
    }

    /// Looks how much room is left on the disk; says whether it is too little for readings.
    pub fn look_for_room(&self) -> Result<bool> {
        Ok(self.store.look_for_room()?)
    }

    /// Was there too little at the last look?
    pub fn is_low_on_room(&self) -> bool {
        self.store.is_low_on_room()
    }

    /// How much the store takes, and how fast that grows; none with PostgreSQL.
    pub fn space(&self) -> Result<Option<Space>> {
        Ok(self.store.space()?)
    }
}

fn pattern(rules: &Rules, rule: Rule) -> String {
    rule.at.and_then(|at| rules.pattern(at)).unwrap_or("*").to_owned()
}

fn says(rule: Rule) -> String {
    match (rule.at, rule.days) {
        (Some(at), _) if !rule.is_cut => format!("spec.retention[{at}]"),
        (_, Some(_)) => "spec.subscription.storageDays".to_owned(),
        (_, None) => String::new(),
    }
}
