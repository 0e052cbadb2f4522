//! `fleetctl device command`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::Value;

use crate::commands::{print, print_all, record, text};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::{targets, times};

/// Commands to a device
#[derive(Debug, Subcommand)]
pub enum Command {
    Send(Send),
    List(List),
}

/// Queue a command; the device gets it with its next heartbeat
#[derive(Args, Debug)]
pub struct Send {
    /// Device: device/NAME or its uid
    device: String,
    /// What to do: reboot, updateConfig, installSoftware, or the device's own word
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Parameters, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    params: String,
    /// How long it is worth delivering
    #[arg(long, value_name = "TIME", default_value = "1d")]
    expires: String,
}

/// Show commands, newest first
#[derive(Args, Debug)]
pub struct List {
    /// Device: device/NAME or its uid
    device: String,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u32,
}

fn columns() -> Vec<Column> {
    vec![
        column("ID", ".id"),
        column("DEVICE", ".device"),
        column("TYPE", ".type"),
        column("STATE", ".state"),
        column("CREATED", ".createdAt"),
        column("DETAIL", ".detail"),
        Column { title: "PARAMS".into(), path: ".params".into(), wide: true },
    ]
}

fn shown(command: &pb::Command) -> Value {
    let mut shown = record("Command", command);
    for field in ["params", "readback"] {
        if let Some(inner) = shown[field].as_str().and_then(|text| serde_json::from_str(text).ok()) {
            shown[field] = inner;
        }
    }
    shown
}

pub(super) async fn run(cx: &mut Context, args: Command) -> Result<Exit> {
    let org = cx.org().await?;
    let mut client = cx.devices().await?;
    match args {
        Command::Send(args) => {
            let micros = times::parse_duration(&args.expires).map_err(|message| Error::usage(message, ""))?;
            let wanted = pb::SendCommandRequest {
                org,
                device: targets::device(&args.device)?,
                r#type: args.kind,
                params: args.params,
                expires_in_seconds: micros.unsigned_abs() / 1_000_000,
            };
            let sent = cx.within(client.send_command(wanted)).await?;
            print(cx, columns(), |record| text(record, "id"), &shown(&sent.command.unwrap_or_default()))
        }
        Command::List(args) => {
            let wanted = pb::ListCommandsRequest { org, device: targets::device(&args.device)?, limit: args.limit };
            let found = cx.within(client.list_commands(wanted)).await?;
            print_all(cx, columns(), |record| text(record, "id"), found.commands.iter().map(shown).collect::<Vec<_>>())?;
            Ok(Exit::Ok)
        }
    }
}
