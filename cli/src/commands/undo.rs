//! `fleetctl undo` and `fleetctl rollback`.

use clap::Args;
use fleet_proto::pb;

use super::{apply, delete};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Format, plan as told};
use crate::prompt;
use crate::submit::{self, Submission};

/// Take a transaction back: what it changed becomes what it was before
#[derive(Args, Debug)]
pub struct Undo {
    /// Revision of the transaction, as `fleetctl history` shows it; nothing: the last one (of the organization, where one is named)
    revision: Option<u64>,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
    /// Do it although somebody wrote the same resources since
    #[arg(long)]
    force: bool,
}

/// Make resources, or a whole organization, what they were after a transaction
#[derive(Args, Debug)]
pub struct Rollback {
    /// Resources, as kind/name; nothing: everything of the organization
    #[arg(value_name = "KIND/NAME")]
    what: Vec<String>,
    /// Revision of the transaction, as `fleetctl history` shows it
    #[arg(long, value_name = "REVISION")]
    to: u64,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn undo(cx: &mut Context, args: &Undo) -> Result<Exit> {
    // The last one is named before it is shown, so that what is confirmed is what is done.
    let revision = match args.revision {
        Some(revision) => revision,
        None => last(cx).await?,
    };
    let request = pb::RestoreRequest {
        revision,
        undo: true,
        dry_run: args.dry_run,
        force: args.force,
        ..pb::RestoreRequest::default()
    };
    let what = format!("take transaction {revision} back");
    restore(cx, request, &what).await
}

/// The revision of the last transaction: of the organization, where one is named.
async fn last(cx: &mut Context) -> Result<u64> {
    let request = pb::HistoryRequest {
        org: cx.globals.org.clone().unwrap_or_default(),
        limit: 1,
        ..pb::HistoryRequest::default()
    };
    let timeout = cx.globals.timeout;
    let mut client = cx.resources().await?;
    let mut pages = in_time(timeout, client.history(request)).await?.into_inner();
    let page = in_time(timeout, pages.message()).await?.unwrap_or_default();
    let entry = page.entries.first();
    entry.map(|entry| entry.revision).ok_or_else(|| {
        Error::new(
            Exit::NotFound,
            fleet_proto::codes::NOT_FOUND,
            "there is no transaction yet",
            "`fleetctl history` lists them",
        )
    })
}

pub(super) async fn rollback(cx: &mut Context, args: &Rollback) -> Result<Exit> {
    let keys = if args.what.is_empty() {
        Vec::new()
    } else {
        delete::from_words(cx, &args.what).await?
    };
    let org = if keys.is_empty() {
        cx.org().await?
    } else {
        String::new()
    };
    let request = pb::RestoreRequest {
        revision: args.to,
        org,
        keys,
        dry_run: args.dry_run,
        ..pb::RestoreRequest::default()
    };
    restore(cx, request, &format!("go back to revision {}", args.to)).await
}

/// Shows what would be done and asks, unless that was answered before.
async fn restore(cx: &mut Context, request: pb::RestoreRequest, what: &str) -> Result<Exit> {
    let nothing = Submission::default();
    let (dry_run, timeout) = (request.dry_run, cx.globals.timeout);
    let mut client = cx.resources().await?;
    if !dry_run && !cx.globals.yes {
        let shown = pb::RestoreRequest {
            dry_run: true,
            ..request.clone()
        };
        let answers = in_time(timeout, client.restore(shown)).await?.into_inner();
        let outcome = submit::answered(answers).await?;
        if cx.io.asks && matches!(cx.format, Format::Table { .. }) {
            let text = told::text(&nothing, &outcome, told::Tense::Plan, cx.look());
            cx.io.say(text.trim_end());
        }
        prompt::confirm(cx, what).await?;
    }
    cx.changing = !dry_run;
    let answers = in_time(timeout, client.restore(request)).await?.into_inner();
    let outcome = submit::answered(answers).await?;
    cx.changing = false;
    apply::show(cx, &nothing, outcome)
}
