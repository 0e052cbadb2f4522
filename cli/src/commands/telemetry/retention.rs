//! `fleetctl telemetry retention`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Column, Listing, column};
use crate::{targets, times};

/// For how long readings are kept
#[derive(Debug, Subcommand)]
pub enum Retention {
    Explain(Explain),
}

/// Show which rule holds for which sensors, and who says so
///
/// Rules stand in `spec.retention` of the Organization: the first whose pattern fits a sensor holds. What is booked, in
/// `spec.subscription.storageDays`, holds for all others, and nothing is kept for longer than that. Whole days (UTC) are
/// kept. `fleetctl server status` tells what the readings take, and when the disk will be full.
#[derive(Args, Debug)]
pub struct Explain {
    /// Sensor by sensor of a device (device/NAME or its uid), instead of rule by rule of the organization
    #[arg(default_value = "", hide_default_value = true)]
    device: String,
    /// Only this sensor
    #[arg(default_value = "", hide_default_value = true)]
    sensor: String,
}

pub(super) async fn run(cx: &mut Context, args: &Retention) -> Result<Exit> {
    let Retention::Explain(args) = args;
    let device = match args.device.as_str() {
        "" => String::new(),
        word => targets::device(word)?,
    };
    let wanted = pb::RetentionRequest {
        org: cx.org().await?,
        device,
        sensor: args.sensor.clone(),
    };
    let mut client = cx.telemetry().await?;
    let found = cx.within(client.retention(wanted)).await?;
    let mut columns = vec![
        column("SENSORS", ".sensors"),
        column("DAYS", ".days"),
        column("SAYS", ".says"),
        column("SERIES", ".series"),
        column("KEPT SINCE", ".keptSince"),
    ];
    if !args.device.is_empty() {
        columns.insert(
            0,
            Column {
                title: "DEVICE".into(),
                path: ".device".into(),
                wide: true,
            },
        );
    }
    let name = |record: &serde_json::Value| record["sensors"].as_str().unwrap_or_default().to_owned();
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, name)?.or_say("no readings yet");
    for rule in &found.rules {
        let record = json!({
            "device": rule.device, "sensors": rule.sensors, "days": rule.days, "says": rule.says, "series": rule.series,
            "keptSince": rule.kept_since_us.map(times::show),
        });
        if !listing.push(&record)? {
            return Ok(Exit::Ok);
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}
