//! `fleetctl telemetry`.

mod latest;
mod newest;
mod plot;
mod query;
mod samples;
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
    Latest(latest::Latest),
    Plot(plot::Plot),
    Query(query::Query),
    Samples(samples::Samples),
    Summary(summary::Summary),
    Tail(tail::Tail),
}

pub(super) async fn run(cx: &mut Context, args: Telemetry) -> Result<Exit> {
    match args {
        Telemetry::Latest(args) => latest::run(cx, &args).await,
        Telemetry::Plot(args) => plot::run(cx, &args).await,
        Telemetry::Query(args) => query::run(cx, &args).await,
        Telemetry::Samples(args) => samples::run(cx, &args).await,
        Telemetry::Summary(args) => summary::run(cx, &args).await,
        Telemetry::Tail(args) => tail::run(cx, &args).await,
    }
}

/// Which readings.
#[derive(Args, Debug)]
pub struct Which {
    /// Device (device/NAME or its uid) and sensor; with --selector, --site or --customer the sensor alone
    #[arg(required = true, num_args = 1..=2, value_names = ["DEVICE", "SENSOR"])]
    what: Vec<String>,
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

impl Which {
    /// Device, if it is one, and sensor.
    fn words(&self) -> Result<(String, String)> {
        let are_many = self.selector.is_some() || self.site.is_some() || self.customer.is_some();
        match (self.what.as_slice(), are_many) {
            ([sensor], true) => Ok((String::new(), sensor.clone())),
            ([device, sensor], false) => Ok((targets::device(device)?, sensor.clone())),
            ([_], false) => Err(Error::usage(
                "a sensor is missing",
                "write device/NAME SENSOR, or -l LABELS SENSOR",
            )),
            _ => Err(Error::usage(
                "a device stands beside --selector, --site or --customer",
                "name the sensor alone",
            )),
        }
    }
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
        let now = times::now();
        let time = |text: &str| times::parse(text, now).map_err(|message| Error::usage(message, ""));
        let (from, to) = (time(&self.from)?, time(&self.to)?);
        if from >= to {
            return Err(Error::usage("--from is not before --to", ""));
        }
        Ok((from, to))
    }

    /// Microseconds.
    fn length(&self) -> Result<i64> {
        let (from, to) = self.micros()?;
        Ok(to - from)
    }
}

/// A reading as a record: `value` is null where there is no number.
pub(super) fn reading(reading: &pb::Reading) -> Value {
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

fn quality(quality: pb::Quality) -> &'static str {
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
