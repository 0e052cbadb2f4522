//! `fleetctl device logs`.

use clap::Args;
use fleet_proto::levels::Level;
use fleet_proto::pb;
use serde_json::json;

use crate::commands::{Stream, levels, moment, print_stream, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::column;
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
    /// At least this level
    #[arg(long, value_name = "LEVEL", value_parser = levels(Level::Debug), ignore_case = true)]
    level: Option<String>,
    /// The newest so many
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: u32,
    /// Go on with new lines
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Logs) -> Result<Exit> {
    let wanted = pb::LogsRequest {
        org: cx.org().await?,
        device: targets::device(&args.device)?,
        from_us: moment(args.from.as_deref())?,
        to_us: moment(args.to.as_deref())?,
        level: args.level.as_deref().unwrap_or_default().to_owned(),
        limit: args.limit,
        follow: args.follow,
    };
    let mut client = cx.devices().await?;
    let pages = cx.within(client.logs(wanted)).await?;
    let stream = Stream {
        columns: vec![
            column("TIME", ".timestamp"),
            column("LEVEL", ".level"),
            column("MESSAGE", ".message"),
        ],
        name: |record| text(record, "message"),
        none: "no log lines",
        follow: args.follow,
    };
    let shown = |entry: &pb::LogEntry| json!({"timestamp": times::show(entry.timestamp_us), "level": entry.level, "message": entry.message});
    let records = |page: pb::LogsResponse| page.entries.iter().map(shown).collect();
    print_stream(cx, stream, pages, records).await
}
