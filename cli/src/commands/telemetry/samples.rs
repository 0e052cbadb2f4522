//! `fleetctl telemetry samples`.

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb;

use super::{columns, name, reading};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Listing;
use crate::targets;

/// Show the samples of a tracked variable: the newest readings of its sensor, in order of time
#[derive(Args, Debug)]
pub struct Samples {
    /// Variable: tracked-variable/NAME, or its name or uid
    variable: String,
}

pub(super) async fn run(cx: &mut Context, args: &Samples) -> Result<Exit> {
    let variable = if args.variable.contains('/') {
        let target = targets::reference(&args.variable)?;
        if target.kind != Kind::TrackedVariable {
            let message = format!("`{}` is no tracked variable", args.variable);
            return Err(Error::usage(message, "write tracked-variable/NAME"));
        }
        target.name.unwrap_or_default()
    } else {
        args.variable.clone()
    };
    let wanted = pb::SamplesRequest {
        org: cx.org().await?,
        variable,
    };
    let mut client = cx.telemetry().await?;
    let found = cx.within(client.samples(wanted)).await?;
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns(), name)?.or_say("no readings yet");
    for one in &found.readings {
        if !listing.push(&reading(one))? {
            return Ok(Exit::Ok);
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}
