//! `fleetctl apply`.

use std::collections::BTreeSet;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::manifest::{Bundle, Problem};
use fleet_proto::pb::apply_response::{Action, Applied, Summary};
use fleet_proto::{codes, pb, reflect};
use serde_json::json;

use super::{named, resource_columns, resource_name};
use crate::args::Files;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files;
use crate::out::Format;

/// Manifests in one message: a bundle is larger than a message may be.
const BATCH: usize = 100;

/// Make fleetd's resources equal to manifests: all of them in one transaction, or nothing
#[derive(Args, Debug)]
pub struct Apply {
    #[command(flatten)]
    files: Files,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Apply) -> Result<Exit> {
    let mut bundle = files::read(cx, &args.files.files)?;
    let mut problems = std::mem::take(&mut bundle.problems);
    if bundle.documents.is_empty() && problems.is_empty() {
        return Err(Error::new(
            Exit::Invalid,
            codes::SYNTAX,
            "there is no manifest in what was given",
            "a manifest begins with `apiVersion: fleet/v1`",
        ));
    }
    problems.extend(place(cx, &mut bundle).await?);
    // fleetd is asked even so: its problems are told together with those of the text.
    let (applied, summary) = match send(cx, &bundle, args.dry_run || !problems.is_empty()).await {
        Ok(done) => done,
        Err(Refused::Issues(issues)) => {
            problems.extend(issues.iter().map(|issue| bundle.locate(issue)));
            (Vec::new(), Summary::default())
        }
        Err(Refused::Error(error)) if problems.is_empty() => return Err(error),
        Err(Refused::Error(_)) => (Vec::new(), Summary::default()),
    };
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.place);
        return Err(files::invalid(&bundle, &problems));
    }
    show(cx, &applied, &summary)?;
    Ok(Exit::Ok)
}

enum Refused {
    Issues(Vec<pb::Issue>),
    Error(Error),
}

impl From<tonic::Status> for Refused {
    fn from(status: tonic::Status) -> Self {
        Self::Error(status.into())
    }
}

async fn send(
    cx: &mut Context,
    bundle: &Bundle,
    dry_run: bool,
) -> std::result::Result<(Vec<Applied>, Summary), Refused> {
    let mut client = cx.resources().await.map_err(Refused::Error)?;
    let submissions = bundle.submissions();
    let first = pb::ApplyRequest {
        options: Some(pb::apply_request::Options {
            dry_run,
            manager: "fleetctl".to_owned(),
        }),
        submissions: Vec::new(),
    };
    let rest: Vec<_> = submissions
        .chunks(BATCH)
        .map(|part| pb::ApplyRequest {
            options: None,
            submissions: part.to_vec(),
        })
        .collect();
    cx.changing = !dry_run;
    let progress = progress(cx, submissions.len());
    let answered = client
        .apply(tokio_stream::iter(std::iter::once(first).chain(rest)))
        .await;
    let (mut applied, mut issues, mut summary) = (Vec::new(), Vec::new(), Summary::default());
    let mut answers = answered?.into_inner();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                applied.extend(answer.applied);
                issues.extend(answer.issues);
                summary = answer.summary.unwrap_or(summary);
            }
            Ok(None) => break,
            Err(_) if !issues.is_empty() => break,
            Err(status) => return Err(status.into()),
        }
    }
    cx.changing = false;
    if let Some(bar) = progress {
        bar.finish_and_clear();
    }
    if issues.is_empty() {
        Ok((applied, summary))
    } else {
        Err(Refused::Issues(issues))
    }
}

/// A spinner for bundles that take a while, on a terminal only.
fn progress(cx: &Context, manifests: usize) -> Option<indicatif::ProgressBar> {
    let accessible = std::env::var_os("FLEETCTL_ACCESSIBLE").is_some_and(|v| v == "1");
    (cx.io.asks && !accessible && manifests > 500).then(|| {
        let bar = indicatif::ProgressBar::new_spinner().with_message(format!("applying {manifests} manifests"));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        bar
    })
}

/// Gives every manifest its organization: its own, the one that was named, or the only one of the bundle or fleetd.
async fn place(cx: &mut Context, bundle: &mut Bundle) -> Result<Vec<Problem>> {
    let said = cx.globals.org.clone();
    let metadata = |document: &fleet_proto::manifest::Document| {
        document
            .submission
            .resource
            .as_ref()
            .and_then(|r| r.metadata.clone())
            .unwrap_or_default()
    };
    let kind = |document: &fleet_proto::manifest::Document| {
        document
            .submission
            .resource
            .as_ref()
            .and_then(|r| r.spec.as_ref())
            .map(Kind::of)
    };
    let missing = bundle
        .documents
        .iter()
        .any(|d| kind(d).is_some_and(|k| !k.is_platform()) && metadata(d).org.is_empty());
    let own: BTreeSet<String> = bundle
        .documents
        .iter()
        .filter(|d| kind(d) == Some(Kind::Organization))
        .map(|d| metadata(d).name)
        .collect();
    let default = match (&said, missing) {
        (Some(org), _) => org.clone(),
        (None, false) => String::new(),
        (None, true) if own.len() == 1 => own.into_iter().next().unwrap_or_default(),
        (None, true) => cx.org().await?,
    };
    let mut problems = Vec::new();
    for document in &mut bundle.documents {
        let place = document.place_of("metadata.org");
        let Some(resource) = &mut document.submission.resource else {
            continue;
        };
        if resource.spec.as_ref().map(Kind::of).is_none_or(Kind::is_platform) {
            continue;
        }
        let metadata = resource.metadata.get_or_insert_default();
        if metadata.org.is_empty() {
            metadata.org.clone_from(&default);
        } else if let Some(said) = said.as_ref().filter(|said| **said != metadata.org) {
            problems.push(Problem {
                code: codes::ORG.to_owned(),
                message: format!("metadata.org is `{}`, and --org is `{said}`", metadata.org),
                help: "remove one of them, or make them agree".to_owned(),
                place: Some(place),
            });
        }
    }
    Ok(problems)
}

fn show(cx: &mut Context, applied: &[Applied], summary: &Summary) -> Result<()> {
    if !matches!(cx.format, Format::Table { .. }) {
        let records = applied
            .iter()
            .map(|applied| applied.resource.as_ref().map_or_else(|| json!({}), reflect::to_json));
        super::print_all(
            cx,
            resource_columns(None, true),
            resource_name,
            records.collect::<Vec<_>>(),
        )?;
        return Ok(());
    }
    let mut text = String::new();
    for one in applied {
        let name = one.resource.as_ref().map(named).unwrap_or_default();
        match one.action() {
            Action::Created => text.push_str(&format!("+ {name} created\n")),
            Action::Updated => text.push_str(&format!("~ {name} updated\n")),
            Action::Unchanged => {}
        }
    }
    let tail = if summary.dry_run {
        " (dry run: nothing was changed)"
    } else {
        ""
    };
    text.push_str(&format!(
        "{} created, {} updated, {} unchanged{tail}\n",
        summary.created, summary.updated, summary.unchanged
    ));
    cx.io.out(&text);
    Ok(())
}
