//! Manifests on their way to fleetd: read, placed, sent as a plan or an apply, answered.

use std::path::PathBuf;

use clap::Args;
use fleet_proto::codes;
use fleet_proto::manifest::{Bundle, Problem};
use fleet_proto::pb::apply_response::{Applied, Summary};
use fleet_proto::pb::{self, OnConflict};
use prost::Message as _;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::git::Checkout;
use crate::report::Reports;
use crate::secrets::Here;
use crate::{files, placement, progress, settings};

/// Manifests in one message, and their bytes: a bundle is larger than a message may be.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 1 << 20;
/// Manifests up to which an apply is answered within the usual time.
const SMALL: usize = 500;

/// What is submitted, and in whose name.
#[derive(Args, Clone, Debug, Default)]
pub struct Submit {
    /// File or directory of manifests (directories with all below them, links to directories not followed), or - for standard input; repeatable. Without it: what fleetctl.yaml includes
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Own the submitted fields and resources as this source of manifests, instead of as yourself
    #[arg(long, hide_env_values = true, env = "FLEETCTL_APPLY_SET", value_name = "NAME")]
    pub apply_set: Option<String>,
    /// Delete members of the apply set that are not submitted; what fleetctl.yaml includes is always the whole set
    #[arg(long)]
    pub prune: bool,
    /// Change fields that somebody else owns, and own them
    #[arg(long, conflicts_with = "yields")]
    pub take: bool,
    /// Leave fields that somebody else owns as they are
    #[arg(long = "yield")]
    pub yields: bool,
    /// Most resources that may be deleted; by default the greater of 10 and a tenth of the apply set
    #[arg(long, value_name = "COUNT")]
    pub max_delete: Option<u32>,
    #[command(flatten)]
    pub reports: Reports,
}

/// What is sent to fleetd.
#[derive(Debug, Default)]
pub struct Submission {
    /// What was read; empty where it comes from elsewhere.
    pub bundle: Bundle,
    /// How to apply it.
    pub options: pb::apply_request::Options,
    /// In the order of the bundle's documents.
    pub submissions: Vec<pb::Submission>,
    /// What is wrong in the text.
    pub problems: Vec<Problem>,
    /// What pipelines are told.
    pub reports: Reports,
    /// A plan before an apply: what is reported is the apply.
    pub is_a_look: bool,
}

/// What fleetd answered.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What becomes of each resource.
    pub applied: Vec<Applied>,
    /// How many of what, and whom it reaches.
    pub summary: Summary,
    /// Why nothing was, or would be, committed.
    pub guards: Vec<pb::Issue>,
    /// The same as an error.
    pub refusal: Option<Error>,
}

/// Refuses to change anything where the project is not for: at another server, in another context.
pub fn guard(cx: &mut Context) -> Result<()> {
    let guards = cx.project()?.map(|project| project.guards.clone()).unwrap_or_default();
    if let Some(server) = guards.server {
        is_at(cx, "fleetctl.yaml", &server, "another environment with --env")?;
    }
    if let Some(context) = guards.context
        && cx.chosen.name.as_deref() != Some(&context)
    {
        let said = match &cx.chosen.name {
            Some(name) => format!("this is context {name}"),
            None => "no context holds".to_owned(),
        };
        return Err(Error::new(
            Exit::Guarded,
            codes::GUARDED,
            format!("fleetctl.yaml is for context {context}, and {said}; nothing was done"),
            format!("choose it with --context {context}, or another environment with --env"),
        ));
    }
    Ok(())
}

/// Refuses what is for one server where another one holds. `or` is the other way out.
pub fn is_at(cx: &Context, what: &str, server: &str, or: &str) -> Result<()> {
    let said = cx.server_name()?;
    if settings::same(&said, server) {
        return Ok(());
    }
    Err(Error::new(
        Exit::Guarded,
        codes::GUARDED,
        format!("{what} is for {server}, and this is {said}; nothing was done"),
        format!("choose it with --server {server}, or {or}"),
    ))
}

/// Reads what is to be submitted. Problems of the text are kept, to be told together with those of fleetd.
pub async fn read(cx: &mut Context, args: &Submit) -> Result<Submission> {
    let whole = args.files.is_empty();
    let paths = files::paths(cx, &args.files)?;
    guard(cx)?;
    let project = cx.project()?.cloned();
    if let (Some(said), Some(own)) = (
        &cx.globals.org,
        project.as_ref().and_then(|project| project.org.as_ref()),
    ) && cx.org_said
        && said != own
    {
        return Err(Error::usage(
            format!("fleetctl.yaml is for organization {own}, and --org or FLEETCTL_ORG says {said}; nothing was done"),
            "leave one of them out, or choose another environment with --env",
        ));
    }
    let mut bundle = files::read(cx, &args.files, &Here).await?;
    let mut problems = std::mem::take(&mut bundle.problems);
    let of_project = project.as_ref().and_then(|project| project.apply_set.clone());
    let apply_set = args.apply_set.clone().filter(|name| !name.is_empty()).or(of_project);
    let prune = args.prune || (whole && apply_set.is_some());
    if args.prune && apply_set.is_none() {
        return Err(Error::usage(
            "--prune deletes members of an apply set, and none is named",
            "name it with --apply-set, or as `applySet:` in fleetctl.yaml",
        ));
    }
    if bundle.documents.is_empty() && problems.is_empty() && !prune {
        return Err(files::empty());
    }
    let is_whole = problems.is_empty();
    match placement::settle(cx, &mut bundle).await {
        Ok(found) => problems.extend(found),
        Err(error) if is_whole => return Err(error),
        // What is wrong in the files is told, whether or not fleetd can be asked.
        Err(_) => {
            args.reports.write(cx, &bundle, &problems)?;
            return Err(files::invalid(&bundle, &problems));
        }
    }
    let mut submissions = bundle.submissions();
    let checkout = paths
        .iter()
        .find(|path| path.as_os_str() != "-")
        .and_then(|path| Checkout::of(path));
    if let Some(checkout) = &checkout {
        for submission in &mut submissions {
            submission.file = checkout.path_of(&submission.file);
            for file in &mut submission.other_files {
                *file = checkout.path_of(file);
            }
        }
    }
    let of_project = project.unwrap_or_default();
    let options = pb::apply_request::Options {
        apply_set: apply_set.unwrap_or_default(),
        prune,
        on_conflict: match (args.take, args.yields) {
            (true, _) => OnConflict::Take,
            (_, true) => OnConflict::Yield,
            _ => OnConflict::Refuse,
        } as i32,
        ownership: of_project.ownership_rules(),
        max_delete: args.max_delete.or(of_project.guards.max_delete),
        commit: checkout.map(|checkout| checkout.commit).unwrap_or_default(),
        ..pb::apply_request::Options::default()
    };
    Ok(Submission {
        bundle,
        options,
        submissions,
        problems,
        reports: args.reports.clone(),
        is_a_look: false,
    })
}

impl Submission {
    /// Where a resource stands: `file:line`.
    pub fn place(&self, applied: &Applied) -> Option<String> {
        let index = applied.index? as usize;
        let document = self.bundle.documents.get(index)?;
        let source = self.bundle.sources.get(document.place.source)?;
        Some(format!("{}:{}", source.name, document.place.line))
    }
}

enum Refused {
    Issues(Vec<pb::Issue>),
    Error(Error),
}

/// Asks fleetd what would become of it. All problems come at once, each at its place.
pub async fn plan(cx: &mut Context, submission: &Submission) -> Result<Outcome> {
    send(cx, submission, true).await
}

/// Has fleetd do it. A refusal by a guard or conflict is in the outcome; then nothing was done.
pub async fn apply(cx: &mut Context, submission: &Submission) -> Result<Outcome> {
    send(cx, submission, false).await
}

async fn send(cx: &mut Context, submission: &Submission, only_plan: bool) -> Result<Outcome> {
    let mut problems = submission.problems.clone();
    // fleetd is asked even where the text is wrong: its problems are told together with those of the text.
    // Nothing is concluded from what could not be read: not that it is gone, either.
    let mut asked = submission.options.clone();
    asked.prune &= problems.is_empty();
    let outcome = match ask(cx, submission, asked, only_plan || !problems.is_empty()).await {
        Ok(outcome) => outcome,
        Err(Refused::Issues(issues)) => {
            let told = issues.iter().filter(|issue| !submission.bundle.is_echo(issue));
            problems.extend(told.map(|issue| submission.bundle.locate(issue)));
            Outcome::default()
        }
        Err(Refused::Error(error)) if problems.is_empty() => {
            submission.reports.of_error(cx, submission, &error)?;
            return Err(error);
        }
        Err(Refused::Error(_)) => Outcome::default(),
    };
    problems.sort_by_key(|problem| problem.place);
    if problems.is_empty() {
        if !submission.is_a_look {
            submission.reports.of_outcome(cx, submission, &outcome)?;
        }
        return Ok(outcome);
    }
    submission.reports.write(cx, &submission.bundle, &problems)?;
    Err(files::invalid(&submission.bundle, &problems))
}

/// The messages of a bundle: options, then manifests in parts that fleetd takes.
fn requests(submission: &Submission, options: pb::apply_request::Options) -> Vec<pb::ApplyRequest> {
    let mut requests = vec![pb::ApplyRequest {
        options: Some(options),
        submissions: Vec::new(),
    }];
    let mut part = pb::ApplyRequest::default();
    let mut size = 0;
    for submission in &submission.submissions {
        let more = submission.encoded_len();
        if !part.submissions.is_empty() && (part.submissions.len() == BATCH || size + more > BATCH_BYTES) {
            requests.push(std::mem::take(&mut part));
            size = 0;
        }
        size += more;
        part.submissions.push(submission.clone());
    }
    requests.push(part);
    requests
}

async fn ask(
    cx: &mut Context,
    submission: &Submission,
    options: pb::apply_request::Options,
    only_plan: bool,
) -> std::result::Result<Outcome, Refused> {
    let mut client = cx.resources().await.map_err(Refused::Error)?;
    let requests = tokio_stream::iter(requests(submission, options));
    let count = submission.submissions.len();
    cx.changing = !only_plan && !submission.options.dry_run;
    let work = async move {
        let answers = if only_plan {
            client.plan(requests).await
        } else {
            client.apply(requests).await
        };
        collect(answers.map_err(|status| Refused::Error(status.into()))?.into_inner()).await
    };
    let doing = if only_plan { "planning" } else { "applying" };
    let done = if count > SMALL {
        progress::shown(cx, &format!("{doing} {count} manifests"), work).await
    } else {
        match tokio::time::timeout(cx.globals.timeout.0, work).await {
            Ok(done) => done,
            Err(_) => Err(Refused::Error(late(only_plan))),
        }
    };
    cx.changing = false;
    done
}

fn late(only_plan: bool) -> Error {
    let help = if only_plan {
        "repeat with a longer --timeout"
    } else {
        "a change may have been committed: look with `fleetctl history` before repeating"
    };
    Error::new(Exit::TimedOut, codes::TIMEOUT, "fleetd did not answer in time", help)
}

async fn collect(mut answers: tonic::Streaming<pb::ApplyResponse>) -> std::result::Result<Outcome, Refused> {
    let (mut outcome, mut issues, mut summary) = (Outcome::default(), Vec::new(), None);
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                outcome.applied.extend(answer.applied);
                outcome.guards.extend(answer.guards);
                issues.extend(answer.issues);
                summary = answer.summary.or(summary);
            }
            Ok(None) => break,
            Err(_) if !issues.is_empty() => break,
            Err(status) if summary.is_some() => {
                outcome.refusal = Some(status.into());
                break;
            }
            Err(status) => return Err(Refused::Error(status.into())),
        }
    }
    match summary {
        _ if !issues.is_empty() => Err(Refused::Issues(issues)),
        Some(summary) => {
            outcome.summary = summary;
            Ok(outcome)
        }
        None => Err(Refused::Error(Error::new(
            Exit::Failure,
            codes::INTERNAL,
            "fleetd ended its answer without a summary",
            "a change may have been committed: look with `fleetctl history` before repeating",
        ))),
    }
}

/// Takes an answer of fleetd that has no manifests behind it.
pub async fn answered(answers: tonic::Streaming<pb::ApplyResponse>) -> Result<Outcome> {
    match collect(answers).await {
        Ok(outcome) => Ok(outcome),
        Err(Refused::Error(error)) => Err(error),
        Err(Refused::Issues(issues)) => {
            let bundle = Bundle::default();
            let problems: Vec<Problem> = issues.iter().map(|issue| bundle.locate(issue)).collect();
            Err(files::invalid(&bundle, &problems))
        }
    }
}

/// Sends changed resources whole, each at the revision that was read.
pub async fn replace(cx: &mut Context, resources: Vec<pb::Resource>, dry_run: bool) -> Result<Outcome> {
    send(cx, &whole(resources, dry_run), false).await
}

/// [`replace`], with problems at their places in what was read.
pub async fn replace_located(cx: &mut Context, resources: Vec<pb::Resource>, bundle: Bundle) -> Result<Outcome> {
    let submission = Submission {
        bundle,
        ..whole(resources, false)
    };
    send(cx, &submission, false).await
}

fn whole(resources: Vec<pb::Resource>, dry_run: bool) -> Submission {
    let submission = |resource| pb::Submission {
        resource: Some(resource),
        ..pb::Submission::default()
    };
    Submission {
        options: pb::apply_request::Options {
            dry_run,
            replace: true,
            ..pb::apply_request::Options::default()
        },
        submissions: resources.into_iter().map(submission).collect(),
        ..Submission::default()
    }
}
