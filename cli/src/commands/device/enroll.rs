//! `fleetctl device enroll`.

use clap::Args;
use fleet_proto::pb;

use super::claim_token;
use crate::commands::{print, text};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::column;
use crate::times;

/// Make a device before it is there, with a claim token for it alone, which is shown here and never again
#[derive(Args, Debug)]
pub struct Enroll {
    /// MAC address or serial number, as the device says it
    #[arg(value_name = "HWID")]
    hw_id: String,
    /// Where it will be
    #[arg(long, value_name = "NAME")]
    site: String,
    /// The maker's name of the model, as the device says it
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Name of the device; without it the hardware id, without separators
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    /// Until when the claim token may be used, such as 30m or 7d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
}

pub(super) async fn run(cx: &mut Context, args: Enroll) -> Result<Exit> {
    let micros = times::parse_duration(&args.expires).map_err(|message| Error::usage(message, ""))?;
    let wanted = pb::EnrollRequest {
        org: cx.org().await?,
        hw_id: args.hw_id,
        site: args.site,
        model: args.model,
        name: args.name,
        expires_in_seconds: micros.unsigned_abs() / 1_000_000,
    };
    let mut client = cx.devices().await?;
    let made = cx.within(client.enroll(wanted)).await?;
    let mut told = claim_token::shown(&made.claim_token.unwrap_or_default());
    told["device"] = made.device.into();
    told["deviceUid"] = made.device_uid.into();
    told["token"] = made.token.into();
    let columns = vec![
        column("DEVICE", ".device"),
        column("SITE", ".site"),
        column("SERIAL", ".serial"),
        column("EXPIRES", ".expiresAt"),
        column("TOKEN", ".token"),
    ];
    let name = |record: &serde_json::Value| format!("device/{}", text(record, "device"));
    print(cx, columns, name, &told)
}
