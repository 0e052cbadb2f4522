//! `fleetctl apply`.

use clap::Args;
use fleet_proto::manifest::Bundle;
use fleet_proto::pb::apply_response::{Action, Applied, Summary};
use fleet_proto::{codes, pb, reflect};
use prost::Message as _;
use serde_json::json;

use super::{named, resource_columns, resource_name};
use crate::args::Files;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Format;
use crate::{files, placement, progress};

/// Manifests in one message, and their bytes: a bundle is larger than a message may be.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 1 << 20;
/// Manifests up to which an apply is answered within the usual time.
const SMALL: usize = 500;

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
    let mut bundle = files::read(cx, &args.files.files).await?;
    let mut problems = std::mem::take(&mut bundle.problems);
    if bundle.documents.is_empty() && problems.is_empty() {
        return Err(files::empty());
    }
    let is_whole = problems.is_empty();
    match placement::settle(cx, &mut bundle).await {
        Ok(found) => problems.extend(found),
        Err(error) if is_whole => return Err(error),
        // What is wrong in the files is told, whether or not fleetd can be asked.
        Err(_) => return Err(files::invalid(&bundle, &problems)),
    }
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

/// The messages of a bundle: options, then manifests in parts that fleetd takes.
fn requests(bundle: &Bundle, dry_run: bool) -> Vec<pb::ApplyRequest> {
    let mut requests = vec![pb::ApplyRequest {
        options: Some(pb::apply_request::Options {
            dry_run,
            manager: "fleetctl".to_owned(),
        }),
        submissions: Vec::new(),
    }];
    let mut part = pb::ApplyRequest::default();
    let mut size = 0;
    for submission in bundle.submissions() {
        let more = submission.encoded_len();
        if !part.submissions.is_empty() && (part.submissions.len() == BATCH || size + more > BATCH_BYTES) {
            requests.push(std::mem::take(&mut part));
            size = 0;
        }
        size += more;
        part.submissions.push(submission);
    }
    requests.push(part);
    requests
}

async fn send(
    cx: &mut Context,
    bundle: &Bundle,
    dry_run: bool,
) -> std::result::Result<(Vec<Applied>, Summary), Refused> {
    let mut client = cx.resources().await.map_err(Refused::Error)?;
    let requests = requests(bundle, dry_run);
    cx.changing = !dry_run;
    let work = async move {
        let mut answers = client.apply(tokio_stream::iter(requests)).await?.into_inner();
        let (mut applied, mut issues, mut summary) = (Vec::new(), Vec::new(), None);
        loop {
            match answers.message().await {
                Ok(Some(answer)) => {
                    applied.extend(answer.applied);
                    issues.extend(answer.issues);
                    summary = answer.summary.or(summary);
                }
                Ok(None) => break,
                Err(_) if !issues.is_empty() => break,
                Err(status) => return Err(status.into()),
            }
        }
        match summary {
            _ if !issues.is_empty() => Err(Refused::Issues(issues)),
            Some(summary) => Ok((applied, summary)),
            None => Err(Refused::Error(Error::new(
                Exit::Failure,
                codes::INTERNAL,
                "fleetd ended its answer without a summary",
                "a change may have been committed: look with `fleetctl get` before repeating",
            ))),
        }
    };
    let what = format!("applying {} manifests", bundle.documents.len());
    let done = if bundle.documents.len() > SMALL {
        progress::shown(cx, &what, work).await
    } else {
        match tokio::time::timeout(cx.globals.timeout.0, work).await {
            Ok(done) => done,
            Err(_) => Err(Refused::Error(Error::new(
                Exit::TimedOut,
                codes::TIMEOUT,
                "fleetd did not answer in time",
                "a change may have been committed: look with `fleetctl get` before repeating",
            ))),
        }
    };
    cx.changing = false;
    done
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
