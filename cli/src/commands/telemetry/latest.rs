//! `fleetctl telemetry latest`.

use clap::Args;
use fleet_proto::pb;

use super::{columns, name, reading};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Listing;
use crate::targets;

/// Show the newest reading of each sensor
#[derive(Args, Debug)]
pub struct Latest {
    /// Device: device/NAME or its uid
    #[arg(required_unless_present = "selector", conflicts_with = "selector")]
    device: Option<String>,
    /// Only this sensor
    #[arg(default_value = "", hide_default_value = true)]
    sensor: String,
    /// Instead of one device: those whose labels match
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
}

pub(super) async fn run(cx: &mut Context, args: &Latest) -> Result<Exit> {
    let device = match (&args.device, &args.selector) {
        (Some(word), _) => targets::device(word)?,
        (None, Some(_)) => String::new(),
        (None, None) => return Err(Error::usage("a device is missing", "write device/NAME, or -l LABELS")),
    };
    let wanted = pb::LatestRequest {
        org: cx.org().await?,
        device,
        selector: args.selector.clone().unwrap_or_default(),
        sensor: args.sensor.clone(),
        source: args.source.clone(),
    };
    let mut client = cx.telemetry().await?;
    let found = cx.within(client.latest(wanted)).await?;
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns(), name)?.or_say("no readings yet");
    for one in &found.readings {
        if !listing.push(&reading(one))? {
            return Ok(Exit::Ok);
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}
