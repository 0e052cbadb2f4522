//! `fleetctl telemetry gaps`.

use clap::Args;
use fleet_proto::pb;
use serde_json::{Value, json};

use super::Span;
use crate::commands::{Stream, print_stream};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::{targets, times};

/// Show where a device's sensors have no good reading for longer than usual: from when to when, and why
#[derive(Args, Debug)]
pub struct Gaps {
    /// Device: device/NAME or its uid
    device: String,
    /// Only this sensor
    #[arg(default_value = "", hide_default_value = true)]
    sensor: String,
    #[command(flatten)]
    span: Span,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
    /// Stretches longer than this, such as 5m; without it five times the median distance of the sensor's readings
    #[arg(long, value_name = "TIME")]
    longer: Option<String>,
}

pub(super) async fn run(cx: &mut Context, args: &Gaps) -> Result<Exit> {
    let (from_us, to_us) = args.span.micros()?;
    let longer_us = args.longer.as_deref().map_or(Ok(0), times::parse_duration);
    let wanted = pb::GapsRequest {
        org: String::new(),
        device: targets::device(&args.device)?,
        sensor: args.sensor.clone(),
        source: args.source.clone(),
        from_us,
        to_us,
        longer_us: longer_us.map_err(|message| Error::usage(message, ""))?,
    };
    let wanted = pb::GapsRequest {
        org: cx.org().await?,
        ..wanted
    };
    let mut client = cx.telemetry().await?;
    let pages = cx.within(client.gaps(wanted)).await?;
    let stream = Stream {
        columns: vec![
            column("SENSOR", ".sensor"),
            Column {
                wide: true,
                ..column("SOURCE", ".source")
            },
            column("FROM", ".from"),
            column("TO", ".to"),
            column("LENGTH", ".length"),
            column("WHY", ".why"),
            Column {
                wide: true,
                ..column("BAD", ".bad")
            },
        ],
        name: |record| record["from"].as_str().unwrap_or_default().to_owned(),
        none: "no gaps in this time",
        follow: false,
    };
    print_stream(cx, stream, pages, |page: pb::GapsResponse| {
        page.gaps.iter().map(record).collect()
    })
    .await
}

fn record(gap: &pb::Gap) -> Value {
    let length = gap.to_us - gap.from_us;
    json!({
        "sensor": gap.sensor, "source": gap.source, "from": times::show(gap.from_us), "to": times::show(gap.to_us),
        "length": times::length(length), "seconds": length as f64 / 1e6, "why": why(gap), "bad": gap.bad,
        "reason": gap.reason,
    })
}

/// What is known of why.
fn why(gap: &pb::Gap) -> String {
    let within = match (gap.bad, gap.reason.as_str()) {
        (0, _) => "no readings".to_owned(),
        (1, "") => "1 reading is not good".to_owned(),
        (bad, "") => format!("{bad} readings are not good"),
        (1, reason) => format!("1 reading is not good: {reason}"),
        (bad, reason) => format!("{bad} readings are not good: {reason}"),
    };
    match (gap.at_begin, gap.at_end) {
        (true, true) => format!("{within}, in all of the time"),
        (true, false) => format!("{within}, from the begin of the time"),
        (false, true) => format!("{within}, to the end of the time"),
        (false, false) => within,
    }
}
