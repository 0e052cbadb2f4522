//! `fleetctl apply`.

use std::path::PathBuf;

use clap::Args;
use fleet_proto::pb::apply_response::Action;
use fleet_proto::reflect;
use serde_json::json;

use super::{resource_columns, resource_name, settle};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Format, plan as told};
use crate::submit::{self, Outcome, Submission, Submit};
use crate::{plan_file, prompt};

/// Make fleetd's resources equal to manifests: all of them in one transaction, or nothing
#[derive(Args, Debug)]
pub struct Apply {
    #[command(flatten)]
    submit: Submit,
    /// Apply a plan that `fleetctl plan --out FILE` saved: what was looked at, or nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "apply_set", "prune", "take", "yields", "max_delete"])]
    plan: Option<PathBuf>,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
    /// Then wait until the devices that it reaches run the new configuration, at most so long
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "5m", value_parser = crate::times::parse_duration, conflicts_with = "dry_run")]
    wait: Option<i64>,
}

pub(super) async fn run(cx: &mut Context, args: &Apply) -> Result<Exit> {
    let mut submission = match &args.plan {
        Some(path) => {
            submit::guard(cx)?;
            plan_file::read(cx, path)?
        }
        None => submit::read(cx, &args.submit).await?,
    };
    submission.options.dry_run = args.dry_run;
    if submission.options.prune && !args.dry_run && !cx.globals.yes {
        submission = confirmed(cx, submission).await?;
    }
    let outcome = submit::apply(cx, &submission).await?;
    let exit = show(cx, &submission, outcome)?;
    match args.wait {
        Some(limit) => settle::devices(cx, limit).await,
        None => Ok(exit),
    }
}

/// Whoever deletes is asked, and what was seen is what is done.
async fn confirmed(cx: &mut Context, mut submission: Submission) -> Result<Submission> {
    submission.is_a_look = true;
    let outcome = submit::plan(cx, &submission).await?;
    submission.is_a_look = false;
    let count = outcome.summary.deleted;
    if count == 0 || outcome.refusal.is_some() {
        return Ok(submission);
    }
    if cx.io.asks {
        let text = told::text(&submission, &outcome, told::Tense::Plan, cx.look());
        cx.io.say(text.trim_end());
    }
    let what = if count == 1 {
        "delete 1 resource".to_owned()
    } else {
        format!("delete {count} resources")
    };
    prompt::confirm(cx, &what).await?;
    Ok(Submission {
        options: plan_file::held(&submission, &outcome),
        submissions: plan_file::bases(&submission, &outcome),
        ..submission
    })
}

/// Prints what was done; what was refused becomes the error.
pub(super) fn show(cx: &mut Context, submission: &Submission, mut outcome: Outcome) -> Result<Exit> {
    let refusal = outcome.refusal.take();
    if !matches!(cx.format, Format::Table { .. }) {
        if let Some(refusal) = refusal {
            return Err(detailed(refusal, submission, &outcome));
        }
        let is_there = |action| !matches!(action, Action::Deleted | Action::Conflict);
        let records = outcome
            .applied
            .iter()
            .filter(|applied| is_there(applied.action()))
            .map(|applied| applied.resource.as_ref().map_or_else(|| json!({}), reflect::to_json));
        let columns = resource_columns(None, true);
        super::print_all(cx, columns, resource_name, records.collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let tense = if outcome.summary.dry_run {
        told::Tense::Plan
    } else {
        told::Tense::Done
    };
    outcome.refusal = refusal;
    let text = told::text(submission, &outcome, tense, cx.look());
    cx.io.out(&text);
    match outcome.refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Exit::Ok),
    }
}

/// The refusal with what stands in the way, as data.
pub(super) fn detailed(mut refusal: Error, submission: &Submission, outcome: &Outcome) -> Error {
    let in_conflict = outcome.applied.iter().filter(|applied| !applied.conflicts.is_empty());
    refusal
        .issues
        .extend(in_conflict.map(|applied| plan_file::record(submission, applied)));
    refusal
}
