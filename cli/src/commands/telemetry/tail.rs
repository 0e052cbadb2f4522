//! `fleetctl telemetry tail`.

use clap::Args;
use fleet_proto::{codes, pb};

use super::{columns, name, reading};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Listing;
use crate::targets;

/// Follow readings as they are committed
#[derive(Args, Debug)]
pub struct Tail {
    /// Device: device/NAME or its uid; nothing: every device
    device: Option<String>,
    /// Only this sensor
    #[arg(default_value = "", hide_default_value = true)]
    sensor: String,
    /// Only this source, such as main:1
    #[arg(long, value_name = "BUS:SLAVE", default_value = "", hide_default_value = true)]
    source: String,
}

pub(super) async fn run(cx: &mut Context, args: &Tail) -> Result<Exit> {
    let device = args.device.as_deref().map_or(Ok(String::new()), targets::device)?;
    let wanted = pb::TailRequest {
        org: cx.org().await?,
        device,
        sensor: args.sensor.clone(),
        source: args.source.clone(),
        latest: false,
    };
    let mut client = cx.telemetry().await?;
    let mut events = cx.within(client.tail(wanted)).await?;
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns(), name)?.endless()?;
    while let Some(event) = events.message().await? {
        if event.skipped > 0 {
            listing.say(&format!(
                "{} readings were left out because they came faster than they could be shown",
                event.skipped
            ));
        }
        for one in &event.readings {
            if !listing.push(&reading(one))? {
                return Ok(Exit::Ok);
            }
        }
        listing.flush();
    }
    Err(Error::new(
        Exit::Unavailable,
        codes::CONNECT,
        "fleetd ended the stream",
        "repeat the command",
    ))
}
