//! `fleetctl telemetry summary`.

use clap::Args;
use fleet_proto::pb;
use serde_json::json;

use super::Span;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::{commands, targets, times};

/// Show figures about the readings of a sensor
#[derive(Args, Debug)]
pub struct Summary {
    /// Device: device/NAME or its uid
    device: String,
    /// Sensor
    sensor: String,
    #[command(flatten)]
    span: Span,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
}

pub(super) async fn run(cx: &mut Context, args: &Summary) -> Result<Exit> {
    let (from_us, to_us) = args.span.micros()?;
    let device = targets::device(&args.device)?;
    let wanted = pb::SummaryRequest { org: cx.org().await?, device: device.clone(), sensor: args.sensor.clone(), source: args.source.clone(), from_us, to_us };
    let mut client = cx.telemetry().await?;
    let found = cx.within(client.summary(wanted)).await?;
    let time = |at: i64| if found.count + found.bad == 0 { None } else { Some(times::show(at)) };
    let record = json!({
        "device": device, "sensor": args.sensor, "unit": found.unit, "count": found.count, "bad": found.bad,
        "min": found.min, "max": found.max, "mean": found.mean, "stddev": found.stddev, "first": found.first, "last": found.last,
        "p50": found.p50, "p95": found.p95, "p99": found.p99, "firstTime": time(found.first_us), "lastTime": time(found.last_us),
    });
    let wide = |title: &str, path: &str| Column { title: title.into(), path: path.into(), wide: true };
    let columns = vec![
        column("SENSOR", ".sensor"),
        column("COUNT", ".count"),
        column("BAD", ".bad"),
        column("MIN", ".min"),
        column("MEAN", ".mean"),
        column("MAX", ".max"),
        column("UNIT", ".unit"),
        wide("STDDEV", ".stddev"),
        wide("P50", ".p50"),
        wide("P95", ".p95"),
        wide("P99", ".p99"),
        wide("FIRST", ".firstTime"),
        wide("LAST", ".lastTime"),
    ];
    commands::print(cx, columns, super::name, &record)
}
