//! `fleetctl device logs`.

use clap::Args;
use fleet_proto::pb;
use serde_json::json;

use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Listing, column};
use crate::{targets, times};

/// Show what a device logged, oldest first
#[derive(Args, Debug)]
pub struct Logs {
    /// Device: device/NAME or its uid
    device: String,
    /// From: RFC 3339, epoch milliseconds, or an age such as -1h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until, exclusive
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Least level: debug, info, warning, error
    #[arg(long, value_name = "LEVEL", default_value = "", hide_default_value = true, value_parser = ["", "debug", "info", "warning", "error"])]
    level: String,
    /// The newest so many
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: u32,
    /// Go on with new lines
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Logs) -> Result<Exit> {
    let now = times::now();
    let time = |text: &Option<String>| {
        text.as_deref()
            .map_or(Ok(0), |text| times::parse(text, now))
            .map_err(|message| Error::usage(message, ""))
    };
    let wanted = pb::LogsRequest {
        org: cx.org().await?,
        device: targets::device(&args.device)?,
        from_us: time(&args.from)?,
        to_us: time(&args.to)?,
        level: args.level.clone(),
        limit: args.limit,
        follow: args.follow,
    };
    let mut client = cx.devices().await?;
    let mut pages = cx.within(client.logs(wanted)).await?;
    let timeout = cx.globals.timeout;
    let columns = vec![
        column("TIME", ".timestamp"),
        column("LEVEL", ".level"),
        column("MESSAGE", ".message"),
    ];
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, |record| {
        record["message"].as_str().unwrap_or_default().to_owned()
    })?
    .or_say("no log lines");
    if args.follow {
        listing = listing.endless()?;
    }
    loop {
        // With --follow the next line may be hours away.
        let next = if args.follow {
            pages.message().await?
        } else {
            in_time(timeout, pages.message()).await?
        };
        let Some(page) = next else { break };
        for entry in page.entries {
            if !listing.push(
                &json!({"timestamp": times::show(entry.timestamp_us), "level": entry.level, "message": entry.message}),
            )? {
                return Ok(Exit::Ok);
            }
        }
        if args.follow {
            listing.flush();
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}
