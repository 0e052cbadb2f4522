//! What an apply, plan or restore is told, and what it answers; the history and owners of resources.

use fleet_proto::{diff, pb, reflect};
use serde_json::Value as Json;
use tonic::Status;

use super::resource::{BATCH, key, kind_of};
use crate::domain::object::timestamp;
use crate::domain::{Key, ownership};
use crate::services::Result as Done;
use crate::services::resources::{Action, Applied, At, Options, Outcome, Owned, RestoreRequest, RestoreTarget};
use crate::storage::changes::Change;

/// Characters of a commit that are kept.
const LONGEST_COMMIT: usize = 80;

pub(super) fn options(options: pb::apply_request::Options) -> Done<Options> {
    Ok(Options {
        dry_run: options.dry_run,
        on_conflict: options.on_conflict(),
        apply_set: options.apply_set,
        prune: options.prune,
        ownership: options.ownership,
        max_delete: options.max_delete,
        commit: options.commit.chars().take(LONGEST_COMMIT).collect(),
        plan_digest: options.plan_digest,
        deletes: options.deletes.into_iter().map(key).collect::<Done<_>>()?,
        replace: options.replace,
    })
}

pub(super) fn restore(request: pb::RestoreRequest) -> Done<RestoreRequest> {
    let named = |key: pb::delete_request::Key| {
        Ok(Key {
            org: key.org,
            kind: kind_of(&key.kind)?,
            name: key.name,
        })
    };
    Ok(RestoreRequest {
        target: if request.undo {
            RestoreTarget::Undo(request.revision)
        } else {
            RestoreTarget::To {
                revision: request.revision,
                org: request.org,
                keys: request.keys.into_iter().map(named).collect::<Done<_>>()?,
            }
        },
        dry_run: request.dry_run,
        force: request.force,
    })
}

pub(super) fn at(at: Option<pb::Moment>) -> Result<Option<At>, Status> {
    use pb::moment::Moment;
    match at.map(|at| at.moment) {
        None => Ok(None),
        Some(Some(Moment::Revision(revision))) => Ok(Some(At::Revision(revision))),
        Some(Some(Moment::Time(time))) => {
            let micros = time.seconds.saturating_mul(1_000_000);
            Ok(Some(At::Time(micros.saturating_add(i64::from(time.nanos / 1_000)))))
        }
        Some(None) => Err(Status::invalid_argument("at: is empty")),
    }
}

/// The messages of an answer: what becomes of each resource, then the summary.
pub(super) fn answer(outcome: &Outcome, dry_run: bool, online: usize) -> Vec<pb::ApplyResponse> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let count = |action| number(outcome.count(action));
    let impact = &outcome.impact;
    let renamed = outcome
        .applied
        .iter()
        .filter(|applied| !applied.renamed_from.is_empty());
    let summary = pb::apply_response::Summary {
        created: count(Action::Created),
        updated: number(outcome.count(Action::Updated) + outcome.count(Action::Followed)),
        unchanged: count(Action::Unchanged),
        dry_run,
        revision: outcome.revision,
        deleted: count(Action::Deleted),
        renamed: number(renamed.count()),
        conflicts: number(outcome.applied.iter().map(|applied| applied.conflicts.len()).sum()),
        kept: count(Action::Kept),
        impact: Some(pb::apply_response::Impact {
            devices: number(impact.devices.len() + impact.fresh),
            online: number(online),
            reconfigured: number(impact.reconfigured.len()),
            sites: number(impact.sites.len()),
            customers: number(impact.customers.len()),
        }),
        repeated: outcome.repeated,
    };
    let last = pb::ApplyResponse {
        summary: Some(summary),
        guards: outcome.guards.clone(),
        ..Default::default()
    };
    let page = |applied: &[Applied]| pb::ApplyResponse {
        applied: applied.iter().map(applied_message).collect(),
        ..Default::default()
    };
    outcome.applied.chunks(BATCH).map(page).chain([last]).collect()
}

fn applied_message(applied: &Applied) -> pb::apply_response::Applied {
    use pb::apply_response::Action as Told;
    let action = match applied.action {
        Action::Unchanged => Told::Unchanged,
        Action::Created => Told::Created,
        Action::Updated => Told::Updated,
        Action::Deleted => Told::Deleted,
        Action::Conflict => Told::Conflict,
        Action::Kept => Told::Kept,
        Action::Released => Told::Released,
        Action::Followed => Told::Followed,
    };
    pb::apply_response::Applied {
        index: applied.index.and_then(|index| u32::try_from(index).ok()),
        action: action as i32,
        resource: Some(pb::Resource::from(&applied.object)),
        changes: applied.changes.clone(),
        conflicts: applied.conflicts.iter().map(conflict).collect(),
        yields: applied.yields.iter().map(conflict).collect(),
        renamed_from: applied.renamed_from.clone(),
        base: applied.base,
        adopted: applied.adopted,
        reason: applied.reason.clone(),
    }
}

fn conflict(conflict: &ownership::Conflict) -> pb::Conflict {
    pb::Conflict {
        path: conflict.path.clone(),
        manager: conflict.manager.clone(),
        since: Some(timestamp(conflict.since.at)),
        revision: conflict.since.revision,
        theirs: conflict.theirs.clone().map(told),
        wanted: conflict.wanted.clone().map(told),
    }
}

pub(super) fn history(page: Vec<Change>) -> pb::HistoryResponse {
    let entry = |change: Change| {
        let resource = |object: &Option<_>| object.as_ref().map(pb::Resource::from);
        let (before, after) = (resource(&change.before), resource(&change.after));
        let org = change
            .after
            .as_ref()
            .or(change.before.as_ref())
            .and_then(|object| object.org.clone());
        let changes = match (&before, &after) {
            (Some(_), Some(_)) => diff::changes(before.as_ref(), after.as_ref()),
            _ => Vec::new(),
        };
        pb::history_response::Entry {
            revision: change.revision,
            at: Some(timestamp(change.at)),
            actor: change.actor,
            manager: change.manager,
            commit: change.commit,
            verb: change.verb.text().to_owned(),
            org: org.map(|org| org.name).unwrap_or_default(),
            kind: change.kind.to_string(),
            name: change.name,
            uid: change.uid.to_string(),
            changes,
        }
    };
    pb::HistoryResponse {
        entries: page.into_iter().map(entry).collect(),
    }
}

pub(super) fn owned(owned: Owned) -> pb::OwnersResponse {
    let fields = owned.fields.into_iter().map(|field| pb::owners_response::Field {
        path: field.path,
        value: field.value.map(told),
        at: (!field.manager.is_empty()).then(|| timestamp(field.origin.at)),
        manager: field.manager,
        revision: field.origin.revision,
        file: field.origin.file,
        line: field.origin.line,
        commit: field.origin.commit,
    });
    pb::OwnersResponse {
        fields: fields.collect(),
        apply_sets: owned.apply_sets,
    }
}

/// A value of a field as it is told: a secret by its mark.
fn told(value: Json) -> String {
    reflect::masked_value(value).to_string()
}
