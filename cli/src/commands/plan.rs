//! `fleetctl plan` and `fleetctl diff`.

use std::path::PathBuf;

use clap::Args;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Format, column, plan as told};
use crate::plan_file;
use crate::submit::{self, Outcome, Submit};

/// Show what an apply would do, field by field, and whom it reaches; nothing is changed
#[derive(Args, Debug)]
pub struct Plan {
    #[command(flatten)]
    submit: Submit,
    /// Write the plan to a file, for `fleetctl apply --plan FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit 10 where there are changes, 11 where something would be deleted
    #[arg(long)]
    exit_code: bool,
}

/// Show how manifests differ from what fleetd has, field by field
#[derive(Args, Debug)]
pub struct Diff {
    #[command(flatten)]
    submit: Submit,
    /// Exit 10 where there are differences
    #[arg(long)]
    exit_code: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Plan) -> Result<Exit> {
    let submission = submit::read(cx, &args.submit).await?;
    let mut outcome = submit::plan(cx, &submission).await?;
    print(cx, &submission, &outcome)?;
    if let Some(refusal) = outcome.refusal.take() {
        return Err(refusal);
    }
    if let Some(path) = &args.out {
        plan_file::write(path, &cx.server_name()?, &submission, &outcome)?;
        cx.io.say(&format!(
            "the plan is in {0}; do it with `fleetctl apply --plan {0}`",
            path.display()
        ));
    }
    Ok(verdict(&outcome, args.exit_code))
}

pub(super) async fn diff(cx: &mut Context, args: &Diff) -> Result<Exit> {
    let submission = submit::read(cx, &args.submit).await?;
    let outcome = submit::plan(cx, &submission).await?;
    if matches!(cx.format, Format::Table { .. }) {
        let text = told::differences(&submission, &outcome, cx.look());
        cx.io.out(&text);
    } else {
        print(cx, &submission, &outcome)?;
    }
    let differs = outcome
        .applied
        .iter()
        .any(|applied| told::is_change(applied) || !applied.conflicts.is_empty());
    Ok(if differs && args.exit_code {
        Exit::ChangesPending
    } else {
        Exit::Ok
    })
}

/// What a pipeline goes on by.
pub(super) fn verdict(outcome: &Outcome, exit_code: bool) -> Exit {
    match exit_code {
        true if outcome.summary.deleted > 0 => Exit::DestructivePending,
        true if outcome.applied.iter().any(told::is_change) => Exit::ChangesPending,
        _ => Exit::Ok,
    }
}

/// As text for people, as a record for each resource that changes or stands in the way for programs.
fn print(cx: &mut Context, submission: &submit::Submission, outcome: &Outcome) -> Result<()> {
    if matches!(cx.format, Format::Table { .. }) {
        let text = told::text(submission, outcome, told::Tense::Plan, cx.look());
        cx.io.out(&text);
        return Ok(());
    }
    let columns = vec![
        column("ACTION", ".action"),
        column("ORG", ".org"),
        column("RESOURCE", ".ref"),
        column("FIELDS", ".changes"),
        column("PLACE", ".place"),
    ];
    let records: Vec<_> = outcome
        .applied
        .iter()
        .filter(|applied| told::is_told(applied))
        .map(|applied| plan_file::record(submission, applied))
        .collect();
    super::print_all(cx, columns, |record| super::text(record, "ref"), records)?;
    Ok(())
}
