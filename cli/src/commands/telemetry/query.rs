//! `fleetctl telemetry query`.

use clap::Args;
use fleet_proto::pb;
use serde_json::{Value, json};

use super::Span;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Listing, column};
use crate::{targets, times};

/// Show the readings of a sensor, or aggregates by interval
#[derive(Args, Debug)]
pub struct Query {
    /// Device: device/NAME or its uid
    device: String,
    /// Sensor
    sensor: String,
    #[command(flatten)]
    span: Span,
    /// Width of an interval, such as 5m; without it every reading is shown
    #[arg(long, value_name = "TIME", conflicts_with = "raw")]
    every: Option<String>,
    /// What becomes of an interval's readings
    #[arg(long, value_name = "AGGREGATE", default_value = "mean", value_parser = ["mean", "avg", "min", "max", "sum", "count", "first", "last"])]
    agg: String,
    /// Every reading (the default without --every)
    #[arg(long)]
    raw: bool,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
    /// At most so many readings; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,
}

pub(super) async fn run(cx: &mut Context, args: &Query) -> Result<Exit> {
    let (from_us, to_us) = args.span.micros()?;
    let every_us = args
        .every
        .as_deref()
        .map_or(Ok(0), times::parse_duration)
        .map_err(|message| Error::usage(message, ""))?;
    let wanted = pb::QueryRequest {
        org: cx.org().await?,
        device: targets::device(&args.device)?,
        sensor: args.sensor.clone(),
        source: args.source.clone(),
        from_us,
        to_us,
        every_us,
        agg: args.agg.clone(),
        limit: args.limit,
    };
    let mut client = cx.telemetry().await?;
    let mut pages = cx.within(client.query(wanted)).await?;
    let timeout = cx.globals.timeout;
    let columns = if every_us == 0 {
        vec![
            column("TIME", ".timestamp"),
            column("VALUE", ".value"),
            column("QUALITY", ".quality"),
            column("REASON", ".reason"),
        ]
    } else {
        vec![
            column("BUCKET", ".bucket"),
            column("VALUE", ".value"),
            column("COUNT", ".count"),
            column("BAD", ".bad"),
        ]
    };
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, |record| {
        record["timestamp"]
            .as_str()
            .or(record["bucket"].as_str())
            .unwrap_or_default()
            .to_owned()
    })?
    .or_say("no readings in this time");
    while let Some(page) = in_time(timeout, pages.message()).await? {
        let readings = page.readings.iter().map(line);
        let buckets = page
            .buckets
            .iter()
            .map(|b| json!({"bucket": times::show(b.start_us), "value": b.value, "count": b.count, "bad": b.bad}));
        for record in readings.chain(buckets) {
            if !listing.push(&record)? {
                return Ok(Exit::Ok);
            }
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

fn line(reading: &pb::Reading) -> Value {
    let mut line = json!({
        "timestamp": times::show(reading.timestamp_us),
        "value": reading.value,
        "quality": super::quality(reading.quality()),
        "reason": reading.reason,
    });
    if !reading.text.is_empty() {
        line["text"] = serde_json::from_str(&reading.text).unwrap_or_else(|_| Value::String(reading.text.clone()));
    }
    line
}
