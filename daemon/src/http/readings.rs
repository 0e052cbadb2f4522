//! Questions about readings. A name of a parameter stands once, in the list of its route: the document describes what is
//! in the list, and the handler refuses what is not.
//!
//! No answer is longer than a page, and none is put together from more: readings go on behind `next`, figures take as much
//! memory for a year as for an hour, and intervals are counted before they are made.

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fleet_proto::kinds::Kind;
use fleet_proto::{pb, times};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::answers::Problem;
use super::extract::{Path, Query, moment};
use super::gate::Tenant;
use super::resources::{OrgQuery, org_of};
use super::{Services, Shared};
use crate::domain::Caller;
use crate::domain::aggregate::Summary;
use crate::domain::telemetry::{Quality, Reason, Sample, Series, Value as Measured};
use crate::services::Error;
use crate::services::telemetry::{Bucketing, LatestRow, Page, Position, Range};

/// Readings of a page, unless it says otherwise.
const PAGE: u32 = 1_000;
/// Readings of a page, and intervals of an answer, at most.
pub(super) const LARGEST_PAGE: u32 = 10_000;

/// What narrows the newest readings of a device.
pub(super) const LATEST: &[&str] = &["org", "sensor_type", "source"];
/// What narrows figures about a device.
pub(super) const SUMMARY: &[&str] = &["org", "sensor_type", "source", "from", "to"];
/// What narrows and pages the readings of a device.
pub(super) const HISTORY: &[&str] = &[
    "org",
    "sensor_type",
    "source",
    "from",
    "to",
    "interval",
    "agg",
    "fill",
    "limit",
    "after",
];
/// The same of several devices.
pub(super) const TELEMETRY: &[&str] = &[
    "org",
    "device",
    "selector",
    "site",
    "customer",
    "sensor_type",
    "source",
    "from",
    "to",
    "interval",
    "agg",
    "fill",
    "group_by",
    "limit",
    "after",
];
/// The same without intervals.
pub(super) const READINGS: &[&str] = &[
    "org",
    "device",
    "selector",
    "site",
    "customer",
    "sensor_type",
    "source",
    "from",
    "to",
    "limit",
    "after",
];
/// The same, and nothing but intervals.
pub(super) const AGGREGATES: &[&str] = &[
    "org",
    "device",
    "selector",
    "site",
    "customer",
    "sensor_type",
    "source",
    "from",
    "to",
    "interval",
    "agg",
    "fill",
    "group_by",
];

type Answer = Result<Json<Value>, Problem>;
type Words = Vec<(String, String)>;

/// The words of a query, by the names of their parameters.
#[derive(Default)]
struct Asked<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Asked<'a> {
    fn read(words: &'a Words, known: &[&str]) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, word) in words {
            if !known.contains(&name.as_str()) {
                let help = format!("known are {}", known.join(", "));
                return Err(Error::field(name, "is no parameter of this call", &help).into());
            }
            if asked.0.iter().any(|(other, _)| other == name) {
                return Err(Error::field(name, "stands twice", "write it once").into());
            }
            asked.0.push((name, word));
        }
        Ok(asked)
    }

    fn word(&self, name: &str) -> &'a str {
        let found = self.0.iter().find(|(own, _)| *own == name);
        found.map_or("", |(_, word)| word)
    }

    fn text(&self, name: &str) -> String {
        self.word(name).to_owned()
    }

    fn limit(&self) -> Result<u32, Problem> {
        match self.word("limit") {
            "" => Ok(PAGE),
            word => match word.parse() {
                Ok(limit) if (1..=LARGEST_PAGE).contains(&limit) => Ok(limit),
                _ => Err(Error::field(
                    "limit",
                    format!("is not 1 to {LARGEST_PAGE}"),
                    "ask for the rest with `after`",
                )
                .into()),
            },
        }
    }

    fn after(&self) -> Result<Option<Position>, Problem> {
        let word = self.word("after");
        if word.is_empty() {
            return Ok(None);
        }
        let read = BASE64_URL_SAFE_NO_PAD.decode(word).ok();
        let read = read.and_then(|text| serde_json::from_slice::<(String, String, String, i64)>(&text).ok());
        let (device, sensor, source, timestamp) =
            read.ok_or_else(|| Error::field("after", "is no `next` of such a question", "give it as it was told"))?;
        Ok(Some(Position {
            device,
            sensor,
            source,
            timestamp,
        }))
    }

    /// What becomes of the readings; none where they are asked for themselves.
    fn bucketing(&self, usual: &str) -> Result<Option<Bucketing>, Problem> {
        let every = match self.word("interval") {
            "" => usual,
            "hourly" => "1h",
            "daily" => "1d",
            word => word,
        };
        if every.is_empty() {
            let stray = ["agg", "fill", "group_by"]
                .into_iter()
                .find(|name| !self.word(name).is_empty());
            return match stray {
                Some(name) => Err(Error::field(name, "is about intervals", "add `interval`, such as `5m`").into()),
                None => Ok(None),
            };
        }
        if let Some(name) = ["limit", "after"].into_iter().find(|name| !self.word(name).is_empty()) {
            let help = "leave it out: intervals come in one answer";
            return Err(Error::field(name, "is about readings, and not about intervals", help).into());
        }
        let every = times::parse_duration(every)
            .map_err(|why| Error::field("interval", why, "`hourly` and `daily` are understood, too"))?;
        let how = Bucketing::of(every, self.word("agg"), self.word("fill"), self.word("group_by"))?;
        Ok(Some(Bucketing {
            most: i64::from(LARGEST_PAGE),
            ..how
        }))
    }
}

/// Who asks, and for whom.
struct Question<'a> {
    services: &'a Services,
    caller: &'a Caller,
    tenant: &'a Tenant,
    asked: Asked<'a>,
}

impl Question<'_> {
    async fn org(&self) -> Result<String, Problem> {
        org_of(
            self.services,
            self.caller,
            self.tenant,
            Kind::Device,
            self.asked.word("org"),
        )
        .await
    }

    /// Which readings are meant; `device`: that of the path.
    async fn range(&self, device: Option<String>) -> Result<Range, Problem> {
        let asked = &self.asked;
        let now = self.services.telemetry.now();
        let usual = times::parse("-1h", now).unwrap_or(now);
        let from = moment("from", asked.word("from"), now)?.unwrap_or(usual);
        let to = moment("to", asked.word("to"), now)?.unwrap_or(now);
        if from >= to {
            let help = "`from` is an hour ago and `to` is now unless they are given";
            return Err(Error::field("from", "is not before `to`", help).into());
        }
        Ok(Range {
            org: self.org().await?,
            device: device.unwrap_or_else(|| asked.text("device")),
            selector: asked.text("selector"),
            site: asked.text("site"),
            customer: asked.text("customer"),
            sensor: asked.text("sensor_type"),
            source: asked.text("source"),
            from,
            to,
        })
    }

    /// A page of readings.
    async fn readings(&self, range: &Range, is_of_one: bool) -> Result<Map<String, Value>, Problem> {
        let limit = self.asked.limit()?;
        let after = self.asked.after()?;
        let (sender, mut pages) = mpsc::channel(1);
        let telemetry = &self.services.telemetry;
        let (caller, after) = (self.caller, after.as_ref());
        // One more tells whether there is a next page.
        let asking = async move { telemetry.history(caller, range, after, limit + 1, &sender).await };
        let gathering = async {
            let mut rows: Vec<LatestRow> = Vec::new();
            while let Some(page) = pages.recv().await {
                rows.extend(page);
            }
            rows
        };
        let (asked, mut rows) = tokio::join!(asking, gathering);
        asked.map_err(named)?;
        let goes_on = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let mut answer = Map::new();
        if let Some(last) = rows.last().filter(|_| goes_on) {
            answer.insert("next".to_owned(), next(last)?.into());
        }
        let told = rows.iter().map(|row| reading(row, is_of_one));
        answer.insert("data".to_owned(), told.collect());
        Ok(answer)
    }

    /// Intervals.
    async fn intervals(&self, range: &Range, how: &Bucketing) -> Result<Map<String, Value>, Problem> {
        let (sender, mut pages) = mpsc::channel(1);
        let telemetry = &self.services.telemetry;
        let caller = self.caller;
        let asking = async move { telemetry.buckets(caller, range, how, &sender).await };
        let gathering = async {
            let mut rows: Vec<Value> = Vec::new();
            while let Some(page) = pages.recv().await {
                rows.extend(intervals(&page, &range.sensor));
            }
            rows
        };
        let (asked, rows) = tokio::join!(asking, gathering);
        asked.map_err(named)?;
        Ok(Map::from_iter([("data".to_owned(), rows.into())]))
    }

    /// Readings, or intervals where a width is given.
    async fn either(&self, range: &Range, usual: &str, is_of_one: bool) -> Result<Map<String, Value>, Problem> {
        match self.asked.bucketing(usual)? {
            Some(how) => self.intervals(range, &how).await,
            None => self.readings(range, is_of_one).await,
        }
    }
}

/// A question about one device, which the path names.
macro_rules! about_a_device {
    ($($(#[doc = $doc:literal])+ $name:ident($known:ident) = |$question:ident, $device:ident| $answer:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(super) async fn $name(
            State(services): State<Shared>,
            Extension(caller): Extension<Caller>,
            Extension(tenant): Extension<Tenant>,
            Path($device): Path<String>,
            Query(words): Query<Words>,
        ) -> Answer {
            let asked = Asked::read(&words, $known)?;
            let $question = Question { services: &services, caller: &caller, tenant: &tenant, asked };
            let mut answer: Map<String, Value> = Map::from_iter([("device_id".to_owned(), $device.as_str().into())]);
            answer.append(&mut $answer);
            Ok(Json(answer.into()))
        }
    )+};
}

/// A question about those devices that the query leaves.
macro_rules! about_devices {
    ($($(#[doc = $doc:literal])+ $name:ident($known:ident, $usual:literal);)+) => {$(
        $(#[doc = $doc])+
        pub(super) async fn $name(
            State(services): State<Shared>,
            Extension(caller): Extension<Caller>,
            Extension(tenant): Extension<Tenant>,
            Query(words): Query<Words>,
        ) -> Answer {
            let asked = Asked::read(&words, $known)?;
            let question = Question { services: &services, caller: &caller, tenant: &tenant, asked };
            let range = question.range(None).await?;
            Ok(Json(question.either(&range, $usual, false).await?.into()))
        }
    )+};
}

about_a_device! {
    /// The newest reading of each sensor.
    latest(LATEST) = |question, device| question.latest(&device).await?;
    /// The readings of a time, or intervals of them.
    history(HISTORY) = |question, device| {
        let range = question.range(Some(device.clone())).await?;
        question.either(&range, "", true).await?
    };
    /// Figures about the readings of a time, by sensor.
    summary(SUMMARY) = |question, device| {
        let range = question.range(Some(device.clone())).await?;
        question.summary(&range).await?
    };
}

about_devices! {
    /// Readings, or intervals of them where their width is given.
    telemetry(TELEMETRY, "");
    /// Readings.
    readings(READINGS, "");
    /// Intervals, of an hour unless another width is given.
    aggregates(AGGREGATES, "1h");
}

impl Question<'_> {
    async fn latest(&self, device: &str) -> Result<Map<String, Value>, Problem> {
        let wanted = pb::LatestRequest {
            org: self.org().await?,
            device: device.to_owned(),
            sensor: self.asked.text("sensor_type"),
            source: self.asked.text("source"),
            ..pb::LatestRequest::default()
        };
        let rows = self.services.telemetry.latest(self.caller, wanted).await?;
        let told = rows.iter().map(|row| reading(row, true));
        Ok(Map::from_iter([("data".to_owned(), told.collect())]))
    }

    async fn summary(&self, range: &Range) -> Result<Map<String, Value>, Problem> {
        let found = self.services.telemetry.summaries(self.caller, range).await;
        let found = found.map_err(named)?;
        Ok(Map::from_iter([
            ("from".to_owned(), times::show(range.from).into()),
            ("to".to_owned(), times::show(range.to).into()),
            (
                "data".to_owned(),
                found.iter().map(|(series, figures)| summed(series, figures)).collect(),
            ),
        ]))
    }
}

/// The samples of a tracked variable.
pub(super) async fn samples(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Path(variable): Path<String>,
    Query(query): Query<OrgQuery>,
) -> Answer {
    let org = org_of(&services, &caller, &tenant, Kind::TrackedVariable, &query.org).await?;
    let (device, rows) = services.telemetry.samples(&caller, &org, &variable).await?;
    let told: Value = rows.iter().map(|row| reading(row, true)).collect();
    Ok(Json(json!({"device_id": device, "data": told})))
}

/// What the service calls otherwise than the query does.
fn named(error: Error) -> Problem {
    match error {
        Error::Invalid(mut issues) => {
            for issue in &mut issues {
                match issue.path.as_str() {
                    "every_us" => "interval".clone_into(&mut issue.path),
                    "sensor" => "sensor_type".clone_into(&mut issue.path),
                    _ => {}
                }
            }
            Error::Invalid(issues).into()
        }
        other => other.into(),
    }
}

/// Where the page behind this reading begins; nobody needs to read it.
fn next(row: &LatestRow) -> Result<String, Problem> {
    let Position {
        device,
        sensor,
        source,
        timestamp,
    } = Position::from(row);
    let text = serde_json::to_vec(&(device, sensor, source, timestamp))
        .map_err(|_| Error::Unavailable("the next page has no name".to_owned()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(text))
}

/// A reading: its value is null where it is no number, and is never made up.
fn reading(row: &LatestRow, is_of_one: bool) -> Value {
    let mut told = Map::new();
    if !is_of_one {
        told.insert("device_id".to_owned(), row.device.as_str().into());
    }
    let Sample {
        timestamp,
        received,
        value,
        quality,
        reason,
        ..
    } = &row.sample;
    told.insert("timestamp".to_owned(), times::show(*timestamp).into());
    of(&mut told, &row.series);
    match value {
        Measured::Number(number) => told.insert("value".to_owned(), json!(number)),
        Measured::Missing => told.insert("value".to_owned(), Value::Null),
        Measured::Json(text) => {
            let text = serde_json::from_str(text).unwrap_or_else(|_| text.as_ref().into());
            told.insert("value".to_owned(), Value::Null);
            told.insert("text".to_owned(), text)
        }
    };
    if *quality != Quality::Good {
        told.insert("quality".to_owned(), quality.text().into());
    }
    if *reason != Reason::None {
        told.insert("reason".to_owned(), reason.text().into());
    }
    if (received - timestamp).abs() > 1_000_000 {
        told.insert("received".to_owned(), times::show(*received).into());
    }
    told.into()
}

/// Which sensor it is, and in which unit.
fn of(told: &mut Map<String, Value>, series: &Series) {
    told.insert("sensor_type".to_owned(), series.key.sensor.as_str().into());
    if !series.key.source.is_empty() {
        told.insert("source".to_owned(), series.key.source.as_str().into());
    }
    told.insert("unit".to_owned(), series.unit.as_str().into());
}

fn intervals<'a>(page: &'a Page, sensor: &'a str) -> impl Iterator<Item = Value> + 'a {
    page.buckets.iter().map(move |bucket| {
        let mut told = json!({
            "timestamp": times::show(bucket.start), "sensor_type": sensor, "unit": page.unit, "value": bucket.value,
            "count": bucket.count, "bad": bucket.bad,
        });
        if !page.group.is_empty() {
            told["group"] = page.group.as_str().into();
        }
        told
    })
}

fn summed(series: &Series, figures: &Summary) -> Value {
    let is_empty = figures.count + figures.bad == 0;
    let time = |at| if is_empty { Value::Null } else { times::show(at).into() };
    let mut told = Map::new();
    of(&mut told, series);
    let mut numbers = json!({
        "count": figures.count, "bad": figures.bad, "min": figures.min, "max": figures.max, "mean": figures.mean,
        "stddev": figures.stddev, "first": figures.first, "last": figures.last, "p50": figures.p50, "p95": figures.p95,
        "p99": figures.p99, "first_timestamp": time(figures.first_us), "last_timestamp": time(figures.last_us),
    });
    if let Some(numbers) = numbers.as_object_mut() {
        told.append(numbers);
    }
    told.into()
}
