//! The numbers by which a stream names its series, and what they mean as of a revision.

use std::sync::Arc;

use fleet_proto::pb;
use uuid::Uuid;

use super::Telemetry;
use super::fleet::Fleet;
use super::target::{Known, Refusal, Terms};
use super::way::{Accepted, Budget, Way};
use crate::domain::Caller;
use crate::domain::ingest::Incoming;
use crate::domain::telemetry::{Quality, Value};
use crate::services::error::{Error, Result};

/// Series of a stream.
const MOST_SERIES: usize = 16_384;
/// Bytes of each text that names one.
const LONGEST_TEXT: usize = 512;

/// What a number means.
pub(super) enum Number<'a> {
    Series(&'a Found),
    Refused(&'a Refusal),
    Unknown,
}

/// A series that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) known: Arc<Known>,
    /// Uid of its device.
    pub(super) device: Uuid,
    /// Of what is sent, where it is not the series' own.
    pub(super) unit: Option<String>,
    /// Position of its device's rate.
    limit: Option<usize>,
}

/// A number with what was declared for it.
#[derive(Debug)]
struct Declared {
    series: pb::WrittenSeries,
    /// None: it was not looked for since something has changed.
    found: Option<std::result::Result<Found, Refusal>>,
}

/// A device that has a rate of its own.
#[derive(Debug)]
struct Limit {
    device: Uuid,
    per_second: u32,
    name: String,
}

/// The numbers of a stream.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    org: String,
    /// Sequence of the request that must come next; none: there was none.
    next: Option<u64>,
    /// By number.
    declared: Vec<Option<Declared>>,
    /// The organization as of the revision that the series were found at.
    fleet: Option<Arc<Fleet>>,
    limits: Vec<Limit>,
}

impl Numbers {
    /// Takes note of what a request says besides its readings.
    pub(super) fn admit(&mut self, caller: &Caller, request: &mut pb::WriteRequest) -> Result<()> {
        let sequence = request.sequence;
        match self.next {
            Some(next) if next != sequence => {
                let told = format!("is {sequence} where {next} comes next");
                return Err(Error::field(
                    "sequence",
                    told,
                    "a request is numbered one more than the one before",
                ));
            }
            None if sequence == 0 => return Err(Error::field("sequence", "is 0", "begin with 1 or more")),
            _ => {}
        }
        let org = std::mem::take(&mut request.org);
        if self.next.is_none() {
            self.org = match caller.home() {
                Some(only) if org.is_empty() => only.to_string(),
                _ => org,
            };
        } else if !org.is_empty() && org != self.org {
            return Err(Error::field(
                "org",
                "is another one than before",
                "a stream writes for one organization",
            ));
        }
        self.next = Some(sequence.saturating_add(1));
        std::mem::take(&mut request.declared)
            .into_iter()
            .try_for_each(|series| self.declare(series))
    }

    fn declare(&mut self, series: pb::WrittenSeries) -> Result<()> {
        let at = series.number as usize;
        let refuse = |message: &str, help: &str| Err(Error::field("declared", format!("number {at} {message}"), help));
        if !(1..=MOST_SERIES).contains(&at) {
            return refuse("is none of a series", "numbers are 1 to 16,384");
        }
        let texts = [&series.device, &series.sensor, &series.source, &series.unit];
        if texts.iter().any(|text| text.len() > LONGEST_TEXT) {
            return refuse("is named by a text that is too long", "512 bytes are the most");
        }
        if self.declared.len() <= at {
            self.declared.resize_with(at + 1, || None);
        }
        match &self.declared[at] {
            Some(known) if known.series != series => refuse("means another series already", "take a free one"),
            Some(_) => Ok(()),
            None => {
                self.declared[at] = Some(Declared { series, found: None });
                Ok(())
            }
        }
    }

    /// Forgets what was found when the organization was another.
    fn follow(&mut self, fleet: &Arc<Fleet>) {
        if self.fleet.as_ref().is_some_and(|own| Arc::ptr_eq(own, fleet)) {
            return;
        }
        self.fleet = Some(Arc::clone(fleet));
        self.limits.clear();
        self.declared
            .iter_mut()
            .flatten()
            .for_each(|declared| declared.found = None);
    }

    fn declared(&self, number: u32) -> Option<&Declared> {
        self.declared.get(number as usize)?.as_ref()
    }

    /// What a number means, after [`Telemetry::find_numbers`].
    pub(super) fn get(&self, number: u32) -> Number<'_> {
        match self.declared(number).and_then(|declared| declared.found.as_ref()) {
            Some(Ok(found)) => Number::Series(found),
            Some(Err(refusal)) => Number::Refused(refusal),
            None => Number::Unknown,
        }
    }

    /// Numbers of a request that have to be looked for, each once.
    fn missing(&self, request: &pb::WriteRequest) -> Vec<u32> {
        let is_missing = |number: &u32| self.declared(*number).is_some_and(|declared| declared.found.is_none());
        let mut missing: Vec<u32> = used(request).filter(is_missing).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// What the readings of a request spend.
    pub(super) fn budgets(&self, terms: &Terms, request: &pb::WriteRequest) -> Vec<Budget> {
        let mut spent = vec![0; self.limits.len()];
        if !self.limits.is_empty() {
            for number in used(request) {
                if let Number::Series(Found { limit: Some(at), .. }) = self.get(number) {
                    spent[*at] += 1;
                }
            }
        }
        let of_devices = self.limits.iter().zip(spent);
        let of_devices = of_devices.map(|(limit, readings)| {
            let whose = format!("device/{}", limit.name);
            (limit.device, limit.per_second, readings, whose)
        });
        of_devices
            .chain(terms.budget(request.series.len() + request.others.len()))
            .collect()
    }

    fn limit(&mut self, device: &str, limit: Option<(Uuid, u32)>) -> Option<usize> {
        let (uid, per_second) = limit?;
        let known = self.limits.iter().position(|known| known.device == uid);
        Some(known.unwrap_or_else(|| {
            self.limits.push(Limit {
                device: uid,
                per_second,
                name: device.to_owned(),
            });
            self.limits.len() - 1
        }))
    }
}

/// The numbers that a request's readings name.
fn used(request: &pb::WriteRequest) -> impl Iterator<Item = u32> {
    request
        .series
        .iter()
        .copied()
        .chain(request.others.iter().map(|other| other.series))
}

/// A series as an item without a reading.
fn item(series: &pb::WrittenSeries) -> Incoming<'_> {
    Incoming {
        device: Some(&series.device),
        data_type: &series.sensor,
        value: Value::Missing,
        unit: Some(series.unit.as_str()).filter(|unit| !unit.is_empty()),
        timestamp: None,
        bus: None,
        slave_id: None,
        source: Some(series.source.as_str()).filter(|source| !source.is_empty()),
        label: None,
        quality: Quality::Good,
        kept: None,
    }
}

impl Telemetry {
    /// Finds the series of a request as they are now; gives what their organization says.
    pub(super) async fn find_numbers(
        &self,
        caller: &Caller,
        numbers: &mut Numbers,
        request: &pb::WriteRequest,
    ) -> Result<Terms> {
        let mut fleet = self.fleet(caller, &numbers.org).await?;
        numbers.follow(&fleet);
        loop {
            let missing = numbers.missing(request);
            if missing.is_empty() {
                return Ok(fleet.terms.clone());
            }
            // Where the organization changes meanwhile, all that the request names is missing, and found in the next round.
            let named: Vec<pb::WrittenSeries> = missing
                .iter()
                .filter_map(|number| numbers.declared(*number))
                .map(|one| one.series.clone())
                .collect();
            let items: Vec<_> = named.iter().map(|series| Ok(item(series))).collect();
            let (now, way) = self.way(caller, &numbers.org, &items).await?;
            fleet = now;
            numbers.follow(&fleet);
            self.learn_numbers(&way, numbers, &named).await?;
        }
    }

    /// Puts in what numbers mean; series that are new go into the catalogue.
    async fn learn_numbers(&self, way: &Way<'_>, numbers: &mut Numbers, named: &[pb::WrittenSeries]) -> Result<()> {
        let is_new = |series: &&pb::WrittenSeries| matches!(way.accept(&item(series)), Accepted::Unknown);
        let new: Vec<Incoming<'_>> = named.iter().filter(is_new).map(item).collect();
        if !new.is_empty() {
            way.learn(&self.store, new.iter()).await?;
        }
        for series in named {
            let item = item(series);
            let found = match way.accept(&item) {
                Accepted::Refused(refusal) => Err(refusal),
                Accepted::Unknown => Err(way.terms().no_more_series()?),
                Accepted::Series(known) => Ok(Found {
                    unit: known.differs_from(&series.unit).then(|| series.unit.clone()),
                    known,
                    device: way.about(&item).unwrap_or_default(),
                    limit: numbers.limit(&series.device, way.limit(&item)),
                }),
            };
            if let Some(declared) = &mut numbers.declared[series.number as usize] {
                declared.found = Some(found);
            }
        }
        Ok(())
    }
}
