//! `fleetctl server`.

use clap::Subcommand;
use fleet_proto::{manifest, pb};

use super::{print, record, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::Format;

/// About fleetd itself
#[derive(Debug, Subcommand)]
pub enum Server {
    /// Show version, store, counts, buses
    Status,
}

pub(super) async fn run(cx: &mut Context, args: &Server) -> Result<Exit> {
    let Server::Status = args;
    let mut client = cx.system().await?;
    let status = cx.within(client.status(pb::StatusRequest {})).await?;
    let shown = record("StatusResponse", &status);
    if matches!(cx.format, Format::Table { .. }) {
        cx.io.out(&manifest::yaml(&shown));
        return Ok(Exit::Ok);
    }
    print(cx, Vec::new(), |record| text(record, "socket"), &shown)
}
