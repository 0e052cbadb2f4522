//! `fleetctl device`.

mod claim_token;
mod command;
mod credential;
mod decommission;
mod enroll;
mod logs;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Enrolment, credentials, commands and logs of devices
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Tokens with which devices provision themselves
    #[command(subcommand)]
    ClaimToken(claim_token::ClaimToken),
    Enroll(enroll::Enroll),
    Decommission(decommission::Decommission),
    /// Tokens and certificates with which a device calls
    #[command(subcommand)]
    Credential(credential::Credential),
    /// Commands to a device
    #[command(subcommand)]
    Command(command::Command),
    Logs(logs::Logs),
}

pub(super) async fn run(cx: &mut Context, args: Device) -> Result<Exit> {
    match args {
        Device::ClaimToken(args) => claim_token::run(cx, args).await,
        Device::Enroll(args) => enroll::run(cx, args).await,
        Device::Decommission(args) => decommission::run(cx, &args).await,
        Device::Credential(args) => credential::run(cx, args).await,
        Device::Command(args) => command::run(cx, args).await,
        Device::Logs(args) => logs::run(cx, &args).await,
    }
}
