//! What an apply, plan or restore comes to.

use fleet_proto::pb::{FieldChange, Issue};
use fleet_proto::{diff, pb};

use super::impact::Impact;
use crate::domain::Object;
use crate::domain::ownership::Conflict;
use crate::services::error::{Error, Result};
use crate::storage::Tx;
use crate::storage::changes;

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the contract's `Action` says it")]
pub enum Action {
    Unchanged,
    Created,
    Updated,
    Deleted,
    Conflict,
    Kept,
    Released,
    Followed,
}

/// What becomes of one resource.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Position in the submission; none: it was not submitted.
    pub index: Option<usize>,
    /// What becomes of it.
    pub action: Action,
    /// As it is now; as it was where it is deleted.
    pub object: Object,
    /// Fields of an update.
    pub changes: Vec<FieldChange>,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// What was left to its owners.
    pub yields: Vec<Conflict>,
    /// Its name before, where it is renamed.
    pub renamed_from: String,
    /// Revision before; 0: it did not exist.
    pub base: u64,
    /// Ownership or membership changes.
    pub adopted: bool,
    /// Why, where the action needs a reason.
    pub reason: String,
}

/// The result of a whole submission.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order of submission, then the others.
    pub applied: Vec<Applied>,
    /// Why nothing may be committed although the input is valid.
    pub guards: Vec<Issue>,
    /// Of this transaction; the current one where nothing changed.
    pub revision: u64,
    /// Whom it reaches.
    pub impact: Impact,
    /// The plan was applied before; this is the first result.
    pub repeated: bool,
    /// Resources that a repeated plan left as they were.
    pub(super) unchanged_before: usize,
    /// There is something to commit.
    pub(super) dirty: bool,
}

impl Outcome {
    /// How many resources end so.
    pub fn count(&self, action: Action) -> usize {
        let found = self.applied.iter().filter(|applied| applied.action == action).count();
        found
            + if action == Action::Unchanged {
                self.unchanged_before
            } else {
                0
            }
    }

    /// Why it was not committed, if it was not.
    pub fn refusal(&self) -> Option<Error> {
        let conflicts: Vec<_> = self
            .applied
            .iter()
            .flat_map(|applied| {
                applied
                    .conflicts
                    .iter()
                    .map(|conflict| (applied.object.key(), conflict))
            })
            .collect();
        if let Some((key, conflict)) = conflicts.first() {
            return Some(Error::Owned {
                key: key.clone(),
                path: conflict.path.clone(),
                manager: conflict.manager.clone(),
                more: conflicts.len() - 1,
            });
        }
        (!self.guards.is_empty()).then(|| Error::Guarded(self.guards.clone()))
    }

    /// The result of a caller that has no use for one that was refused.
    pub fn done(self) -> Result<Self> {
        self.refusal().map_or(Ok(self), Err)
    }
}

impl Applied {
    pub(super) fn of(index: Option<usize>, action: Action, object: Object) -> Self {
        Self {
            index,
            action,
            base: if action == Action::Created { 0 } else { object.revision },
            object,
            changes: Vec::new(),
            conflicts: Vec::new(),
            yields: Vec::new(),
            renamed_from: String::new(),
            adopted: false,
            reason: String::new(),
        }
    }
}

/// The result of a plan that was applied before, from the log of changes.
pub(super) async fn repeated(tx: &mut Tx, revision: u64, unchanged: u64) -> Result<Outcome> {
    let mut outcome = Outcome {
        revision,
        repeated: true,
        unchanged_before: usize::try_from(unchanged).unwrap_or(usize::MAX),
        ..Outcome::default()
    };
    for change in changes::list_of(tx, revision).await? {
        let resource = |object: &Option<Object>| object.as_ref().map(pb::Resource::from);
        let changed = diff::changes(resource(&change.before).as_ref(), resource(&change.after).as_ref());
        let (action, object, base) = match (change.before, change.after) {
            (None, Some(after)) => (Action::Created, after, 0),
            (Some(before), Some(after)) => (Action::Updated, after, before.revision),
            (Some(before), None) => (Action::Deleted, before.clone(), before.revision),
            (None, None) => continue,
        };
        let mut applied = Applied::of(None, action, object);
        applied.base = base;
        if action == Action::Updated {
            applied.changes = changed;
        }
        outcome.applied.push(applied);
    }
    Ok(outcome)
}
