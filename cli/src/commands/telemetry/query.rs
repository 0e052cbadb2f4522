//! `fleetctl telemetry query`.

use clap::Args;
use fleet_proto::pb;
use serde_json::{Value, json};

use super::{Span, Which, reading, said};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, Listing, column};
use crate::times;

/// Show the readings of a sensor, or aggregates by interval, of one device or of several
#[derive(Args, Debug)]
pub struct Query {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    span: Span,
    /// Width of an interval, such as 5m; without it every reading is shown
    #[arg(long, value_name = "TIME", conflicts_with = "raw")]
    every: Option<String>,
    #[command(flatten)]
    how: How,
    /// Every reading (the default without --every)
    #[arg(long)]
    raw: bool,
    /// At most so many readings; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,
}

/// How readings become intervals.
#[derive(Args, Debug)]
pub(super) struct How {
    /// What becomes of an interval's readings: delta is the increase of a counter, rate the increase per second, twa weighs
    /// each value with the time that it held
    #[arg(long, value_name = "AGGREGATE", default_value = "mean", value_parser = ["mean", "avg", "min", "max", "sum", "count", "first", "last", "delta", "rate", "twa"])]
    agg: String,
    /// What becomes of intervals without a value; none leaves them out
    #[arg(long, value_name = "FILL", default_value = "none", value_parser = ["none", "null", "previous", "linear"])]
    fill: String,
    /// Intervals of each of these apart: device, site, customer, label:KEY
    #[arg(long, value_name = "WHAT", default_value = "", hide_default_value = true)]
    group_by: String,
}

impl Query {
    async fn request(&self, cx: &mut Context) -> Result<pb::QueryRequest> {
        let every_us = self.every.as_deref().map_or(Ok(0), times::parse_duration);
        let every_us = every_us.map_err(|message| Error::usage(message, ""))?;
        if every_us == 0 && (self.how.fill != "none" || !self.how.group_by.is_empty()) {
            return Err(Error::usage(
                "--fill and --group-by are about intervals",
                "add --every, such as --every 5m",
            ));
        }
        request(cx, &self.which, &self.span, every_us, &self.how, self.limit).await
    }
}

/// What is asked of fleetd.
pub(super) async fn request(
    cx: &mut Context,
    which: &Which,
    span: &Span,
    every_us: i64,
    how: &How,
    limit: u32,
) -> Result<pb::QueryRequest> {
    let (from_us, to_us) = span.micros()?;
    let (device, sensor) = which.words()?;
    let among = &which.among;
    Ok(pb::QueryRequest {
        org: cx.org().await?,
        device,
        sensor,
        selector: said(among.selector.as_ref()),
        site: said(among.site.as_ref()),
        customer: said(among.customer.as_ref()),
        source: among.source.clone(),
        from_us,
        to_us,
        every_us,
        agg: how.agg.clone(),
        fill: how.fill.clone(),
        group_by: how.group_by.clone(),
        limit,
    })
}

pub(super) async fn run(cx: &mut Context, args: &Query) -> Result<Exit> {
    let wanted = args.request(cx).await?;
    let (every_us, is_grouped) = (wanted.every_us, !wanted.group_by.is_empty());
    let is_one = !wanted.device.is_empty();
    let mut client = cx.telemetry().await?;
    let mut pages = cx.within(client.query(wanted)).await?;
    let timeout = cx.globals.timeout;
    let apart = |title: &str, path: &str, shown: bool| Column {
        wide: !shown,
        ..column(title, path)
    };
    let columns = if every_us == 0 {
        vec![
            apart("DEVICE", ".device", !is_one),
            apart("SENSOR", ".sensor", !is_one),
            column("TIME", ".timestamp"),
            column("VALUE", ".value"),
            apart("UNIT", ".unit", !is_one),
            column("QUALITY", ".quality"),
            column("REASON", ".reason"),
        ]
    } else {
        vec![
            apart("GROUP", ".group", is_grouped),
            column("BUCKET", ".bucket"),
            column("VALUE", ".value"),
            apart("UNIT", ".unit", false),
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
        let readings = page.readings.iter().map(reading);
        let buckets = page.buckets.iter().map(|bucket| self::bucket(bucket, &page.unit));
        for record in readings.chain(buckets) {
            if !listing.push(&record)? {
                return Ok(Exit::Ok);
            }
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

/// An interval as a record.
fn bucket(bucket: &pb::Bucket, unit: &str) -> Value {
    json!({
        "group": bucket.group,
        "bucket": times::show(bucket.start_us),
        "value": bucket.value,
        "unit": unit,
        "count": bucket.count,
        "bad": bucket.bad,
    })
}
