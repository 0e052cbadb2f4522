//! The check that values satisfy the schemas of their templates: of what is written, and of what uses what is written.

use std::collections::HashSet;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::Issue;
use fleet_proto::pb::resource::Spec;
use fleet_proto::reflect;
use serde_json::Value as Json;
use uuid::Uuid;

use super::submission::issue;
use super::write::Write;
use crate::domain::Object;
use crate::domain::sealing::Sealer;
use crate::services::composed::{Filler, Show};
use crate::services::error::Result;
use crate::storage::{Tx, resources};

/// Users of a template that are told, where they would no longer fit.
const MOST: usize = 20;

/// What is wrong at a path, and what to do.
struct Wrong {
    path: String,
    message: String,
    help: String,
}

pub(super) async fn check(tx: &mut Tx, sealer: &Sealer, written: &[Write]) -> Result<Vec<Issue>> {
    let mut filler = Filler::new(sealer);
    let mut issues = Vec::new();
    let fresh: HashSet<Uuid> = written.iter().map(|write| write.after.uid).collect();
    for write in written {
        let index = write.index.unwrap_or_default();
        let mut found = fits(tx, &mut filler, &write.after).await?;
        if write.index.is_some() {
            found.extend(begins(tx, &mut filler, write).await?);
        }
        let told = |wrong: Wrong| issue(index, &wrong.path, codes::TEMPLATE, wrong.message, &wrong.help);
        issues.extend(found.into_iter().map(told));
        if write.before.is_some() && write.after.kind == Kind::Template {
            issues.extend(users(tx, &mut filler, write, &fresh).await?);
        }
    }
    Ok(issues)
}

/// What the templates that an object uses say against it.
async fn fits(tx: &mut Tx, filler: &mut Filler<'_>, object: &Object) -> Result<Vec<Wrong>> {
    let org = object.org.as_ref().map(|org| org.uid);
    let mut found = Vec::new();
    let wrong = |path: String, message: String| Wrong {
        path,
        message,
        help: "change the value; `fleetctl template render NAME` tries values".to_owned(),
    };
    for (path, json) in reflect::composed_values(&object.spec) {
        let filled = filler.fill(tx, org, &path, json, Show::Mark).await?;
        found.extend(filled.mismatches.into_iter().map(|(path, why)| wrong(path, why)));
    }
    if let Spec::Configuration(spec) = &object.spec
        && let Some(name) = &spec.schema
        && let Some(template) = filler.template(tx, org, name).await?
    {
        let json: Json = serde_json::from_str(spec.value()).unwrap_or_default();
        let filled = filler.fill(tx, org, "spec.value", json, Show::Mark).await?;
        let told = |(path, why)| wrong(format!("spec.value{path}"), why);
        found.extend(template.check(&filled.value).into_iter().map(told));
    }
    Ok(found)
}

/// Uses of templates that nobody may begin to use.
async fn begins(tx: &mut Tx, filler: &mut Filler<'_>, write: &Write) -> Result<Vec<Wrong>> {
    let of = |object: &Object| {
        let all = reflect::references(&object.spec).into_iter();
        all.filter(|one| one.kind == Kind::Template).collect::<Vec<_>>()
    };
    let known: HashSet<String> = write.before.iter().flat_map(of).map(|one| one.name).collect();
    let org = write.after.org.as_ref().map(|org| org.uid);
    let mut found = Vec::new();
    for reference in of(&write.after).into_iter().filter(|one| !known.contains(&one.name)) {
        let template = filler.template(tx, org, &reference.name).await?;
        if template.is_some_and(|template| !template.active) {
            found.push(Wrong {
                path: reference.path,
                message: format!("template/{} is not active", reference.name),
                help: "use another template, or set its `active: true`".to_owned(),
            });
        }
    }
    Ok(found)
}

/// What was not written and no longer fits what it uses.
async fn users(tx: &mut Tx, filler: &mut Filler<'_>, write: &Write, fresh: &HashSet<Uuid>) -> Result<Vec<Issue>> {
    let used = &write.after;
    let org = used.org.as_ref().map(|org| org.uid);
    let mut issues = Vec::new();
    let mut seen = HashSet::new();
    for row in resources::referrers(tx, org, used.kind, &used.name).await? {
        if fresh.contains(&row.uid) || !seen.insert(row.uid) {
            continue;
        }
        let Some(object) = resources::find_by_uid(tx, row.uid).await? else {
            continue;
        };
        if let Some(wrong) = fits(tx, filler, &object).await?.into_iter().next() {
            let message = format!(
                "{} would no longer fit: {}: {}",
                object.key(),
                wrong.path,
                wrong.message
            );
            let help = "change it in the same bundle";
            issues.push(issue(
                write.index.unwrap_or_default(),
                "spec.schema",
                codes::TEMPLATE,
                message,
                help,
            ));
        }
        if issues.len() == MOST {
            break;
        }
    }
    Ok(issues)
}
