//! `fleetctl drift`.

use clap::Args;
use fleet_proto::pb::apply_response::Action;
use serde_json::{Value, json};

use super::settle;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Format, column, plan as told};
use crate::submit::{self, Submit};

/// Show where the fleet is not what its manifests say: fields that others changed, devices that run something else
#[derive(Args, Debug)]
pub struct Drift {
    #[command(flatten)]
    submit: Submit,
}

pub(super) async fn run(cx: &mut Context, args: &Drift) -> Result<Exit> {
    let project = cx.project()?.is_some();
    let mut records = Vec::new();
    if project || !args.submit.files.is_empty() {
        let submission = submit::read(cx, &args.submit).await?;
        let outcome = submit::plan(cx, &submission).await?;
        for applied in outcome.applied.iter().filter(|applied| is_drift(applied)) {
            let name = applied.resource.as_ref().map(super::named).unwrap_or_default();
            let place = submission.place(applied);
            let value = |text: Option<&String>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
            let mut push = |path: &str, is: Option<&String>, wanted: Option<&String>, why: String| {
                let (is, wanted) = (value(is), value(wanted));
                records
                    .push(json!({"ref": name, "what": path, "is": is, "wanted": wanted, "why": why, "place": place}));
            };
            for change in &applied.changes {
                push(
                    &change.path,
                    change.before.as_ref(),
                    change.after.as_ref(),
                    "differs from its manifest".into(),
                );
            }
            for conflict in &applied.conflicts {
                let since = conflict.since.map(|at| format!(" since {at}")).unwrap_or_default();
                let why = format!("{} owns it{since}", conflict.manager);
                for part in told::parts(conflict) {
                    push(&part.path, part.before.as_ref(), part.after.as_ref(), why.clone());
                }
            }
            for left in &applied.yields {
                let why = format!("{} owns it, and a rule gives way", left.manager);
                for part in told::parts(left) {
                    push(&part.path, part.before.as_ref(), part.after.as_ref(), why.clone());
                }
            }
            match applied.action() {
                Action::Created => push("", None, None, "is missing".into()),
                Action::Deleted => push("", None, None, "is of the apply set and in no manifest".into()),
                _ => {}
            }
        }
    }
    for behind in settle::behind(cx).await? {
        let why = if behind.runs.is_empty() {
            "has not reported a configuration"
        } else {
            "runs another configuration"
        };
        records.push(json!({
            "ref": behind.name, "what": "configVersion", "is": behind.runs, "wanted": behind.wanted, "why": why, "place": null,
        }));
    }
    let exit = if records.is_empty() { Exit::Ok } else { Exit::Drift };
    if records.is_empty() && matches!(cx.format, Format::Table { .. }) {
        cx.io.out("No drift: the fleet is what is wanted.\n");
        return Ok(exit);
    }
    let columns = vec![
        column("RESOURCE", ".ref"),
        column("WHAT", ".what"),
        column("IS", ".is"),
        column("WANTED", ".wanted"),
        column("WHY", ".why"),
        column("PLACE", ".place"),
    ];
    super::print_all(cx, columns, |record: &Value| super::text(record, "ref"), records)?;
    Ok(exit)
}

fn is_drift(applied: &fleet_proto::pb::apply_response::Applied) -> bool {
    told::is_change(applied) || !applied.conflicts.is_empty() || !applied.yields.is_empty()
}
