//! `fleetctl log`.

use clap::{Args, Subcommand};
use fleet_proto::levels::Level;
use fleet_proto::pb;
use serde_json::Value;

use super::{Stream, levels, moment, print, print_stream, record, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::targets;

/// What happened: devices that fall silent, buses, certificates, limits; and calls for help
#[derive(Debug, Subcommand)]
pub enum Log {
    List(List),
    Tail(Tail),
    Add(Add),
}

/// What is looked for.
#[derive(Args, Debug)]
pub struct Narrow {
    /// The platform's own log, of what belongs to no organization
    #[arg(short = 'A', long = "platform")]
    platform: bool,
    /// At least this level
    #[arg(long, value_name = "LEVEL", value_parser = levels(Level::Info), ignore_case = true)]
    level: Option<String>,
    /// Whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    user: String,
    /// What happened, such as device.silent, bus.down, help
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    action: String,
    /// About this device: device/NAME or its uid
    #[arg(long, value_name = "DEVICE", conflicts_with = "platform")]
    device: Option<String>,
    /// With this in the message or the details
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    text: String,
}

/// Show entries, oldest first; 10,000 of an organization are kept, for half a year
#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    narrow: Narrow,
    /// Since then, such as -1h or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Until then
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// The newest so many; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: u32,
}

/// Show new entries as they are written
#[derive(Args, Debug)]
pub struct Tail {
    #[command(flatten)]
    narrow: Narrow,
}

/// Add an entry; with --level help, call for help
#[derive(Args, Debug)]
pub struct Add {
    /// What happened, in a sentence
    message: String,
    /// How much it matters
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = levels(Level::Info), ignore_case = true)]
    level: String,
    /// What it is about, in a word, such as calibration.failed [default: help for that level, else note]
    #[arg(long, value_name = "WORD", default_value = "", hide_default_value = true)]
    action: String,
    /// About this device: device/NAME or its uid
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// At this site [default: that of the device, or the only one where you may add]
    #[arg(long, value_name = "SITE", default_value = "", hide_default_value = true)]
    site: String,
    /// What else there is to say, a JSON object
    #[arg(long, value_name = "JSON", default_value = "", hide_default_value = true)]
    details: String,
    /// To the platform's own log
    #[arg(short = 'A', long = "platform", conflicts_with_all = ["device", "site"])]
    platform: bool,
}

pub(super) async fn run(cx: &mut Context, args: Log) -> Result<Exit> {
    match args {
        Log::List(args) => {
            let request = pb::SystemLogSearchRequest {
                from_us: moment(args.since.as_deref())?,
                to_us: moment(args.until.as_deref())?,
                limit: args.limit,
                ..wanted(cx, &args.narrow).await?
            };
            show(cx, request).await
        }
        Log::Tail(args) => {
            let request = pb::SystemLogSearchRequest {
                limit: 10,
                follow: true,
                ..wanted(cx, &args.narrow).await?
            };
            show(cx, request).await
        }
        Log::Add(args) => add(cx, args).await,
    }
}

async fn org(cx: &mut Context, platform: bool) -> Result<String> {
    if platform { Ok(String::new()) } else { cx.org().await }
}

fn device(named: Option<&String>) -> Result<String> {
    named.map_or(Ok(String::new()), |named| targets::device(named))
}

async fn wanted(cx: &mut Context, narrow: &Narrow) -> Result<pb::SystemLogSearchRequest> {
    Ok(pb::SystemLogSearchRequest {
        level: narrow.level.clone().unwrap_or_default(),
        user: narrow.user.clone(),
        action: narrow.action.clone(),
        text: narrow.text.clone(),
        device: device(narrow.device.as_ref())?,
        org: org(cx, narrow.platform).await?,
        ..pb::SystemLogSearchRequest::default()
    })
}

fn columns() -> Vec<Column> {
    let wide = |title: &str, path: &str| Column {
        title: title.to_owned(),
        path: path.to_owned(),
        wide: true,
    };
    vec![
        column("TIME", ".timestamp"),
        column("LEVEL", ".level"),
        column("ACTION", ".action"),
        column("USER", ".user"),
        column("DEVICE", ".device"),
        column("MESSAGE", ".message"),
        column("COUNT", ".count"),
        wide("SITE", ".site"),
        wide("ADDRESS", ".address"),
        wide("DETAILS", ".details"),
    ]
}

async fn show(cx: &mut Context, request: pb::SystemLogSearchRequest) -> Result<Exit> {
    let follow = request.follow;
    let mut client = cx.log().await?;
    let pages = cx.within(client.search(request)).await?;
    let stream = Stream {
        columns: columns(),
        name: |row| row["seq"].to_string(),
        none: "no entries",
        follow,
    };
    let records = |page: pb::SystemLogSearchResponse| page.entries.iter().map(shown).collect();
    print_stream(cx, stream, pages, records).await
}

async fn add(cx: &mut Context, args: Add) -> Result<Exit> {
    let request = pb::SystemLogAddRequest {
        org: org(cx, args.platform).await?,
        level: args.level,
        message: args.message,
        action: args.action,
        details: args.details,
        device: device(args.device.as_ref())?,
        site: args.site,
    };
    let mut client = cx.log().await?;
    let entry = cx.within(client.add(request)).await?.entry.unwrap_or_default();
    print(cx, columns(), |row| row["seq"].to_string(), &shown(&entry))
}

fn shown(entry: &pb::SystemLogEntry) -> Value {
    let mut shown = record("SystemLogEntry", entry);
    for name in ["org", "address", "device", "site"] {
        shown[name] = text(&shown, name).into();
    }
    shown["details"] = serde_json::from_str(&entry.details).unwrap_or_default();
    shown["seq"] = entry.seq.into();
    shown["count"] = entry.count.into();
    shown
}
