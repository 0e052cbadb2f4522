//! `fleetctl telemetry`.

mod export;
mod gaps;
mod import;
mod latest;
mod newest;
mod plot;
mod query;
mod retention;
mod samples;
mod series;
mod summary;
mod tail;

pub(super) use newest::Newest;

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::{targets, times};

/// Readings of devices
#[derive(Debug, Subcommand)]
pub enum Telemetry {
    Export(export::Export),
    Gaps(gaps::Gaps),
    Import(import::Import),
    Latest(latest::Latest),
    Plot(plot::Plot),
    Query(query::Query),
    #[command(subcommand)]
    Retention(retention::Retention),
    Series(series::Series),
    Samples(samples::Samples),
    Summary(summary::Summary),
    Tail(tail::Tail),
}

pub(super) async fn run(cx: &mut Context, args: Telemetry) -> Result<Exit> {
    match args {
        Telemetry::Export(args) => export::run(cx, &args).await,
        Telemetry::Gaps(args) => gaps::run(cx, &args).await,
        Telemetry::Import(args) => import::run(cx, &args).await,
        Telemetry::Latest(args) => latest::run(cx, &args).await,
        Telemetry::Plot(args) => plot::run(cx, &args).await,
        Telemetry::Query(args) => query::run(cx, &args).await,
        Telemetry::Retention(args) => retention::run(cx, &args).await,
        Telemetry::Series(args) => series::run(cx, &args).await,
        Telemetry::Samples(args) => samples::run(cx, &args).await,
        Telemetry::Summary(args) => summary::run(cx, &args).await,
        Telemetry::Tail(args) => tail::run(cx, &args).await,
    }
}

/// Which readings: those of a sensor.
#[derive(Args, Debug)]
pub struct Which {
    /// Device (device/NAME or its uid) and sensor; with --selector, --site or --customer the sensor alone
    #[arg(required = true, num_args = 1..=2, value_names = ["DEVICE", "SENSOR"])]
    what: Vec<String>,
    #[command(flatten)]
    among: Among,
}

impl Which {
    /// Device, if it is one, and sensor.
    fn words(&self) -> Result<(String, String)> {
        match (self.what.as_slice(), self.among.is_any()) {
            ([_], false) => Err(Error::usage(
                "a sensor is missing",
                "write device/NAME SENSOR, or -l LABELS SENSOR",
            )),
            (what, _) => self.among.words(what),
        }
    }
}

/// Which series: those of a sensor, or all of them.
#[derive(Args, Debug)]
pub struct Whose {
    /// Device (device/NAME or its uid) and sensor; without a sensor all of them, without a device all of the organization;
    /// with --selector, --site or --customer the sensor alone
    #[arg(num_args = 0..=2, value_names = ["DEVICE", "SENSOR"])]
    what: Vec<String>,
    #[command(flatten)]
    among: Among,
}

/// Of which devices.
#[derive(Args, Debug)]
pub struct Among {
    /// Instead of one device: those whose labels match
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Instead of one device: those of a site
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// Instead of one device: those of a customer
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
}

impl Among {
    fn is_any(&self) -> bool {
        self.selector.is_some() || self.site.is_some() || self.customer.is_some()
    }

    /// Device and sensor among some words; empty: it is not one, or all of them.
    fn words(&self, what: &[String]) -> Result<(String, String)> {
        match (what, self.is_any()) {
            ([], _) => Ok((String::new(), String::new())),
            ([sensor], true) if !sensor.starts_with("device/") => Ok((String::new(), sensor.clone())),
            ([device], false) => Ok((targets::device(device)?, String::new())),
            ([device, sensor], false) => Ok((targets::device(device)?, sensor.clone())),
            _ => Err(Error::usage(
                "a device stands beside --selector, --site or --customer",
                "name the sensor alone",
            )),
        }
    }
}

/// A flag that may be missing, as the contract has it.
fn said(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

/// Of what time.
#[derive(Args, Debug)]
pub struct Span {
    /// From, inclusive: RFC 3339, epoch milliseconds, or an age such as -1h
    #[arg(long, value_name = "TIME", default_value = "-1h", allow_hyphen_values = true)]
    from: String,
    /// Until, exclusive
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    to: String,
}

impl Span {
    fn micros(&self) -> Result<(i64, i64)> {
        between(Some(&self.from), Some(&self.to))
    }

    /// Microseconds.
    fn length(&self) -> Result<i64> {
        let (from, to) = self.micros()?;
        Ok(to - from)
    }
}

/// A span of time; without a begin or an end all that there is.
fn between(from: Option<&str>, to: Option<&str>) -> Result<(i64, i64)> {
    let now = times::now();
    let time = |text: Option<&str>, open: i64| match text {
        Some(text) => times::parse(text, now).map_err(|message| Error::usage(message, "")),
        None => Ok(open),
    };
    let (from, to) = (time(from, 0)?, time(to, i64::MAX)?);
    if from >= to {
        return Err(Error::usage("--from is not before --to", ""));
    }
    Ok((from, to))
}

/// A reading as a record: `value` is null where there is no number.
pub(crate) fn reading(reading: &pb::Reading) -> Value {
    let mut record = json!({
        "device": reading.device,
        "sensor": reading.sensor,
        "source": reading.source,
        "value": reading.value,
        "unit": reading.unit,
        "quality": quality(reading.quality()),
        "reason": reading.reason,
        "timestamp": times::show(reading.timestamp_us),
    });
    if !reading.text.is_empty() {
        record["text"] = serde_json::from_str(&reading.text).unwrap_or_else(|_| Value::String(reading.text.clone()));
    }
    if reading.received_us != 0 {
        record["received"] = times::show(reading.received_us).into();
    }
    record
}

/// The word for a quality.
pub(crate) fn quality(quality: pb::Quality) -> &'static str {
    match quality {
        pb::Quality::Good => "good",
        pb::Quality::Uncertain => "uncertain",
        pb::Quality::Bad => "bad",
    }
}

fn columns() -> Vec<Column> {
    vec![
        column("DEVICE", ".device"),
        column("SENSOR", ".sensor"),
        Column {
            title: "SOURCE".into(),
            path: ".source".into(),
            wide: true,
        },
        column("VALUE", ".value"),
        column("UNIT", ".unit"),
        column("QUALITY", ".quality"),
        column("REASON", ".reason"),
        column("TIME", ".timestamp"),
    ]
}

fn name(record: &Value) -> String {
    format!("device/{}", record["device"].as_str().unwrap_or_default())
}
