//! `fleetctl device decommission`.

use clap::Args;
use fleet_proto::pb;
use serde_json::json;

use crate::commands::{print, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::column;
use crate::{prompt, targets};

/// Take a device out of service: it becomes inactive, its credentials end at once, its waiting commands expire
#[derive(Args, Debug)]
pub struct Decommission {
    /// Device: device/NAME or its uid
    device: String,
}

pub(super) async fn run(cx: &mut Context, args: &Decommission) -> Result<Exit> {
    let org = cx.org().await?;
    let device = targets::device(&args.device)?;
    prompt::confirm(cx, &format!("decommission device/{device}")).await?;
    let mut client = cx.devices().await?;
    cx.changing = true;
    let done = cx
        .within(client.decommission(pb::DecommissionRequest { org, device }))
        .await?;
    cx.changing = false;
    let told = json!({
        "device": done.device, "org": done.org,
        "tokens": done.tokens, "certificates": done.certificates, "commands": done.commands,
    });
    let columns = vec![
        column("DEVICE", ".device"),
        column("TOKENS ENDED", ".tokens"),
        column("CERTIFICATES ENDED", ".certificates"),
        column("COMMANDS EXPIRED", ".commands"),
    ];
    let name = |record: &serde_json::Value| format!("device/{}", text(record, "device"));
    print(cx, columns, name, &told)
}
