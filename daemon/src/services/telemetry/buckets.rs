//! Aggregates by interval, of one series or of many put together.

use std::collections::BTreeMap;

use fleet_proto::codes;
use fleet_proto::pb::Issue;
use tokio::sync::mpsc;

use super::Telemetry;
use super::choose::{Chosen, Range, customer, site};
use crate::domain::aggregate::{Aggregate, Bucket, Course, Fill, Filler, Intervals, Track};
use crate::domain::telemetry::{Micros, Sample, Value};
use crate::domain::{Caller, Object, units};
use crate::services::error::{Error, Result};

/// Readings fetched at a time.
pub(super) const PAGE: usize = 5_000;
/// Most buckets of all groups that anybody is told.
pub const MOST_BUCKETS: i64 = 1_000_000;
/// Intervals that are in memory at once.
const AT_ONCE: i64 = 4_096;
/// The same of all series.
const MOST_AT_ONCE: usize = 262_144;
/// How far back the reading before the range is looked for, at most; and at least, as far as a bucket is wide.
const LOOK_BACK: Micros = 86_400_000_000;
const LEAST_LOOK_BACK: Micros = 3_600_000_000;

/// How readings become buckets.
#[derive(Clone, Debug)]
pub struct Bucketing {
    /// Width of a bucket, microseconds.
    pub every: Micros,
    /// What becomes of its readings.
    pub aggregate: Aggregate,
    /// What becomes of buckets without a value.
    pub fill: Fill,
    /// What buckets are told apart by.
    pub by: By,
    /// Most buckets of all groups; at most [`MOST_BUCKETS`].
    pub most: i64,
}

impl Bucketing {
    /// What the words of a question mean; an empty word is the usual one.
    pub fn of(every: Micros, aggregate: &str, fill: &str, by: &str) -> Result<Self> {
        Ok(Self {
            every,
            aggregate: word("agg", aggregate, "mean", Aggregate::WORDS, Aggregate::find)?,
            fill: word("fill", fill, "none", Fill::WORDS, Fill::find)?,
            by: By::find(by).ok_or_else(|| {
                let known = "known are device, site, customer, label:KEY";
                Error::field("group_by", format!("`{by}` is nothing to group by"), known)
            })?,
            most: MOST_BUCKETS,
        })
    }
}

/// What one of some words means.
fn word<T>(field: &str, word: &str, usual: &str, known: &[(&str, T)], find: fn(&str) -> Option<T>) -> Result<T> {
    find(if word.is_empty() { usual } else { word }).ok_or_else(|| {
        let known: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        Error::Invalid(vec![Issue {
            path: field.to_owned(),
            message: format!("`{word}` is not known"),
            help: format!("known are {}", known.join(", ")),
            code: codes::UNKNOWN_VALUE.to_owned(),
            ..Issue::default()
        }])
    })
}

/// What buckets are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// All devices go together.
    #[default]
    Nothing,
    /// The device's name.
    Device,
    /// The device's site.
    Site,
    /// The device's customer.
    Customer,
    /// The value of one of the device's labels.
    Label(String),
}

impl By {
    /// What a word means, such as `site` or `label:ring`.
    pub fn find(word: &str) -> Option<Self> {
        match word {
            "" => Some(Self::Nothing),
            "device" => Some(Self::Device),
            "site" => Some(Self::Site),
            "customer" => Some(Self::Customer),
            _ => {
                let key = word.strip_prefix("label:").filter(|key| !key.is_empty())?;
                Some(Self::Label(key.to_owned()))
            }
        }
    }

    fn group(&self, device: &Object) -> String {
        match self {
            Self::Nothing => "",
            Self::Device => &device.name,
            Self::Site => site(device),
            Self::Customer => customer(device),
            Self::Label(key) => device.labels.get(key).map_or("", String::as_str),
        }
        .to_owned()
    }
}

/// Buckets of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What they were told apart by.
    pub group: String,
    /// In order of time.
    pub buckets: Vec<Bucket>,
    /// Unit of their values.
    pub unit: String,
}

impl Telemetry {
    /// Sends aggregates of intervals that are multiples of the width, group by group. The readings of one group need one
    /// unit, or units that can be converted to the first one's; so do all groups, where that is possible.
    pub async fn buckets(
        &self,
        caller: &Caller,
        range: &Range,
        how: &Bucketing,
        pages: &mpsc::Sender<Page>,
    ) -> Result<()> {
        let most = how.most.min(MOST_BUCKETS);
        let too_many = || {
            let help = "choose wider intervals, a shorter range, or fewer groups";
            Error::field("every_us", format!("gives more than {most} intervals"), help)
        };
        let intervals = range.to.saturating_sub(range.from).checked_div(how.every.max(0));
        let intervals = intervals.filter(|count| *count <= most).ok_or_else(too_many)?;
        if range.sensor.is_empty() {
            return Err(Error::field("sensor", "is missing", "aggregates are of one sensor"));
        }
        let all = self.chosen(caller, range).await?;
        // Groups stand beside each other: where one unit does for all of them, they have it.
        let common = one_unit(&all).ok();
        let mut groups: BTreeMap<String, Vec<Chosen>> = BTreeMap::new();
        for chosen in all {
            groups.entry(how.by.group(&chosen.device)).or_default().push(chosen);
        }
        if intervals.saturating_mul(groups.len() as i64) > most {
            return Err(too_many());
        }
        for (group, chosen) in groups {
            let unit = common.clone().map_or_else(|| one_unit(&chosen), Ok)?;
            if !self.group(range, how, (group, unit), &chosen, pages).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends the buckets of one group; false where nobody listens any more.
    async fn group(
        &self,
        range: &Range,
        how: &Bucketing,
        (group, unit): (String, String),
        chosen: &[Chosen],
        pages: &mpsc::Sender<Page>,
    ) -> Result<bool> {
        let shown = match how.aggregate {
            Aggregate::Count => String::new(),
            Aggregate::Rate if !unit.is_empty() => format!("{unit}/s"),
            _ => unit.clone(),
        };
        let mut start = range.from - range.from.rem_euclid(how.every);
        let mut courses = Vec::with_capacity(chosen.len());
        for one in chosen {
            let track = self.track(range, how, one, &unit).await?;
            let intervals = Intervals::new(start, how.every, 0);
            let units = (one.series.unit.as_str(), unit.as_str());
            courses.push(Course::new(one.series.id, track, intervals, units));
        }
        let Some(end) = self.end(range, how, chosen).await? else {
            return Ok(true);
        };
        let mut filler = Filler::new(how.fill);
        let mut all = Intervals::new(start, how.every, 0);
        while start < end {
            let left = (end - start).div_euclid(how.every) + i64::from((end - start).rem_euclid(how.every) > 0);
            let count = left.min(AT_ONCE) as usize;
            all.restart(start, count);
            let (from, to) = (start.max(range.from), all.end().min(range.to));
            // Each course has intervals of its own, as many at once as there is room for.
            for some in courses.chunks_mut((MOST_AT_ONCE / count).max(1)) {
                some.iter_mut()
                    .for_each(|course| course.intervals.restart(start, count));
                self.store.fold(some, from, to).await?;
                for course in some {
                    course.until(to);
                    all.add(&course.intervals);
                    course.intervals.restart(start, 0);
                }
            }
            all.iter()
                .for_each(|(start, figures)| filler.push(figures.bucket(start, how.aggregate)));
            start = all.end();
            if !send(pages, &group, &shown, filler.drain()).await {
                return Ok(false);
            }
        }
        Ok(send(pages, &group, &shown, filler.finish()).await)
    }

    /// Where the last interval of a group ends that is worth looking at: without filling, not behind its last reading.
    async fn end(&self, range: &Range, how: &Bucketing, chosen: &[Chosen]) -> Result<Option<Micros>> {
        if how.fill != Fill::None {
            return Ok(Some(range.to).filter(|_| !chosen.is_empty()));
        }
        let ids: Vec<_> = chosen.iter().map(|one| one.series.id).collect();
        let newest = self.store.latest(&ids).await?;
        let newest = newest.into_iter().flatten().map(|sample| sample.timestamp).max();
        Ok(newest.map(|newest| range.to.min(newest.saturating_add(1))))
    }

    /// A series before its first interval.
    async fn track(&self, range: &Range, how: &Bucketing, one: &Chosen, unit: &str) -> Result<Track> {
        if !how.aggregate.looks_back() {
            return Ok(Track::plain());
        }
        let is_counter = how.aggregate != Aggregate::TimeWeighted;
        let rollover = if is_counter {
            self.route(one.device.uid).await?.sender().rollover(&range.sensor)
        } else {
            None
        };
        let rollover = rollover.map(|rollover| units::convert(rollover, &one.series.unit, unit).unwrap_or(rollover));
        let mut track = Track::new(rollover);
        let back = how.every.clamp(LEAST_LOOK_BACK, LOOK_BACK);
        let mut scan = self
            .store
            .scan(one.series.id, range.from.saturating_sub(back), range.from);
        loop {
            let page = scan.next(PAGE).await?;
            for mut sample in page.iter().cloned() {
                convert(&mut sample, &one.series.unit, unit);
                track.look_back(&sample);
            }
            if page.len() < PAGE {
                return Ok(track);
            }
        }
    }
}

/// Sends what there is; false where nobody listens any more.
async fn send(pages: &mpsc::Sender<Page>, group: &str, unit: &str, buckets: Vec<Bucket>) -> bool {
    if buckets.is_empty() {
        return !pages.is_closed();
    }
    let page = Page {
        group: group.to_owned(),
        buckets,
        unit: unit.to_owned(),
    };
    pages.send(page).await.is_ok()
}

/// The unit that the values of all of them can have: the first one's.
fn one_unit(chosen: &[Chosen]) -> Result<String> {
    let Some(first) = chosen.first() else {
        return Ok(String::new());
    };
    let unit = &first.series.unit;
    for other in chosen {
        let known = &other.series.unit;
        if known != unit && units::convert(1.0, known, unit).is_none() {
            let named = |one: &Chosen| match one.series.unit.as_str() {
                "" => format!("device/{} has no unit", one.device.name),
                unit => format!("device/{} has {unit}", one.device.name),
            };
            return Err(Error::field(
                "sensor",
                format!(
                    "has units that cannot be put together: {}, {}",
                    named(first),
                    named(other)
                ),
                "choose devices of one unit, or group by device",
            ));
        }
    }
    Ok(unit.clone())
}

fn convert(sample: &mut Sample, from: &str, to: &str) {
    if let Value::Number(number) = &mut sample.value
        && from != to
        && let Some(converted) = units::convert(*number, from, to)
    {
        *number = converted;
    }
}
