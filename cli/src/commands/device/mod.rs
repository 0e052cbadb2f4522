//! `fleetctl device`.

mod claim_token;
mod command;
mod logs;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Claim tokens, commands and logs of devices
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Tokens with which devices provision themselves
    #[command(subcommand)]
    ClaimToken(claim_token::ClaimToken),
    /// Commands to a device
    #[command(subcommand)]
    Command(command::Command),
    Logs(logs::Logs),
}

pub(super) async fn run(cx: &mut Context, args: Device) -> Result<Exit> {
    match args {
        Device::ClaimToken(args) => claim_token::run(cx, args).await,
        Device::Command(args) => command::run(cx, args).await,
        Device::Logs(args) => logs::run(cx, &args).await,
    }
}
