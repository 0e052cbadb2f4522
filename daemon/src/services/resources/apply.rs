//! Apply: makes what is stored equal to what is submitted; all of it in one transaction, or nothing.

use std::collections::{HashMap, HashSet};

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::{Issue, Submission};
use fleet_proto::reflect;
use uuid::Uuid;

use super::{Resources, checks, may_administer};
use crate::domain::{Caller, Object, Org, kinds};
use crate::services::error::{Error, Result};
use crate::storage::Tx;
use crate::storage::changes::{self, Change, Verb};
use crate::storage::resources::{self, Replaced};

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Do everything but commit.
    pub dry_run: bool,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Action {
    Unchanged,
    Created,
    Updated,
}

/// One submission's result.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Position in the submission.
    pub index: usize,
    /// What became of it.
    pub action: Action,
    /// As it is stored now.
    pub object: Object,
}

/// The result of a whole submission.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In the order of submission.
    pub applied: Vec<Applied>,
    /// Of this transaction; the current one where nothing changed.
    pub revision: u64,
}

impl Outcome {
    /// How many submissions ended so.
    pub fn count(&self, action: Action) -> usize {
        self.applied.iter().filter(|applied| applied.action == action).count()
    }
}

/// A submission that is sane by itself.
struct Wanted {
    index: usize,
    object: Object,
    /// Revision that the submitter saw; 0: any.
    seen: u64,
    org_name: String,
}

impl Resources {
    /// Applies a bundle. Order does not matter; references inside the bundle are resolved.
    /// [`Error::Invalid`] holds every problem of every submission.
    pub async fn apply(&self, caller: &Caller, bundle: Vec<Submission>, options: Options) -> Result<Outcome> {
        may_administer(caller)?;
        let mut tx = self.db().begin().await?;
        let outcome = self.apply_in(&mut tx, &caller.actor(), bundle).await?;
        let changed = outcome
            .applied
            .iter()
            .any(|applied| applied.action != Action::Unchanged);
        if changed && !options.dry_run {
            tx.commit().await?;
            self.announce(outcome.revision);
        }
        Ok(outcome)
    }

    /// [`Self::apply`] within a caller's transaction. The caller commits, and then announces the revision.
    pub async fn apply_in(&self, tx: &mut Tx, actor: &str, bundle: Vec<Submission>) -> Result<Outcome> {
        let now = self.clock.now();
        let revision = changes::next_revision(tx).await?;
        let mut issues = Vec::new();
        let mut mentioned = HashSet::new();
        let mut wanted = parse(bundle, &mut mentioned, &mut issues);
        wanted.sort_by_key(|w| (w.object.kind, w.index));

        let mut orgs: HashMap<String, Option<Org>> = HashMap::new();
        let mut applied = Vec::with_capacity(wanted.len());
        let mut written = Vec::new();
        for mut want in wanted {
            if !want.object.kind.is_platform() {
                match org_of(tx, &mut orgs, &want.org_name).await? {
                    Some(org) => want.object.org = Some(org),
                    None => {
                        issues.push(issue(
                            want.index,
                            "metadata.org",
                            codes::ORG,
                            format!("organization `{}` does not exist", want.org_name),
                            "create it, or add its manifest to the bundle",
                        ));
                        continue;
                    }
                }
            }
            let org_uid = want.object.org.as_ref().map(|org| org.uid);
            let current = resources::find(tx, org_uid, want.object.kind, &want.object.name).await?;
            if want.seen != 0 {
                let found = current.as_ref().map_or(0, |current| current.revision);
                if found != want.seen {
                    return Err(Error::Conflict {
                        key: want.object.key(),
                        seen: want.seen,
                        current: found,
                    });
                }
            }
            let Some(current) = current else {
                want.object.uid = Uuid::now_v7();
                want.object.generation = 1;
                want.object.revision = revision;
                (want.object.created_at, want.object.updated_at) = (now, now);
                (want.object.created_by, want.object.updated_by) = (actor.to_owned(), actor.to_owned());
                resources::insert(tx, &want.object).await?;
                if want.object.kind == Kind::Organization {
                    let org = Org {
                        uid: want.object.uid,
                        name: want.object.name.clone(),
                    };
                    orgs.insert(org.name.clone(), Some(org));
                }
                written.push(Write {
                    index: want.index,
                    before: None,
                    after: want.object.clone(),
                });
                applied.push(Applied {
                    index: want.index,
                    action: Action::Created,
                    object: want.object,
                });
                continue;
            };
            if same(&current, &want.object) {
                if current.kind == Kind::Organization {
                    orgs.insert(
                        current.name.clone(),
                        Some(Org {
                            uid: current.uid,
                            name: current.name.clone(),
                        }),
                    );
                }
                applied.push(Applied {
                    index: want.index,
                    action: Action::Unchanged,
                    object: current,
                });
                continue;
            }
            let mut immutable = reflect::immutable_changes(&current.spec, &want.object.spec);
            immutable.iter_mut().for_each(|issue| issue.index = want.index as u32);
            issues.append(&mut immutable);
            let next = Object {
                generation: current.generation
                    + u64::from(current.spec != want.object.spec || !current.issues.is_empty()),
                revision,
                labels: want.object.labels,
                annotations: want.object.annotations,
                protect: want.object.protect,
                spec: want.object.spec,
                issues: Vec::new(),
                updated_at: now,
                updated_by: actor.to_owned(),
                ..current.clone()
            };
            if let Replaced::Stale = resources::replace(tx, &next, current.revision).await? {
                return Err(Error::Conflict {
                    key: next.key(),
                    seen: current.revision,
                    current: revision,
                });
            }
            resources::unindex(tx, next.uid).await?;
            written.push(Write {
                index: want.index,
                before: Some(current),
                after: next.clone(),
            });
            applied.push(Applied {
                index: want.index,
                action: Action::Updated,
                object: next,
            });
        }
        // Unique values are claimed when all old ones are given back, so that two objects of a bundle may swap theirs.
        for (seq, write) in written.iter().enumerate() {
            issues.append(&mut checks::index(tx, write.index, &write.after).await?);
            changes::append(tx, &write.change(actor, revision, seq)).await?;
        }
        issues.append(&mut checks::references(tx, &written, &mentioned).await?);
        if issues.is_empty() {
            issues.append(&mut checks::relations(tx, &written).await?);
        }
        if !issues.is_empty() {
            issues.sort_by(|a, b| (a.index, &a.path).cmp(&(b.index, &b.path)));
            return Err(Error::Invalid(issues));
        }
        checks::limits(tx, &written).await?;
        applied.sort_by_key(|applied| applied.index);
        let revision = if written.is_empty() { revision - 1 } else { revision };
        Ok(Outcome { applied, revision })
    }
}

/// One object as it was and as it is.
pub(super) struct Write {
    pub(super) index: usize,
    pub(super) before: Option<Object>,
    pub(super) after: Object,
}

impl Write {
    fn change(&self, actor: &str, revision: u64, seq: usize) -> Change {
        Change {
            revision,
            seq: seq as u64,
            uid: self.after.uid,
            kind: self.after.kind,
            org: self
                .after
                .org
                .as_ref()
                .map(|org| org.uid.to_string())
                .unwrap_or_default(),
            name: self.after.name.clone(),
            verb: if self.before.is_some() {
                Verb::Update
            } else {
                Verb::Create
            },
            actor: actor.to_owned(),
            at: self.after.updated_at,
            before: self.before.clone(),
            after: Some(self.after.clone()),
        }
    }
}

/// An equal spec, equal labels: not a change.
fn same(current: &Object, wanted: &Object) -> bool {
    current.issues.is_empty()
        && current.spec == wanted.spec
        && current.labels == wanted.labels
        && current.annotations == wanted.annotations
        && current.protect == wanted.protect
}

async fn org_of(tx: &mut Tx, known: &mut HashMap<String, Option<Org>>, name: &str) -> Result<Option<Org>> {
    if let Some(org) = known.get(name) {
        return Ok(org.clone());
    }
    let found = resources::find_uid(tx, None, Kind::Organization, name).await?;
    let org = found.map(|uid| Org {
        uid,
        name: name.to_owned(),
    });
    known.insert(name.to_owned(), org.clone());
    Ok(org)
}

/// The checks that need nothing but the submission itself.
fn parse(
    bundle: Vec<Submission>,
    mentioned: &mut HashSet<(Kind, String, String)>,
    issues: &mut Vec<Issue>,
) -> Vec<Wanted> {
    let mut wanted = Vec::with_capacity(bundle.len());
    for (index, submission) in bundle.into_iter().enumerate() {
        let resource = submission.resource.unwrap_or_default();
        let metadata = resource.metadata.unwrap_or_default();
        let Some(spec) = resource.spec else {
            issues.push(issue(
                index,
                "spec",
                codes::MISSING_FIELD,
                "is missing".to_owned(),
                "a manifest holds `spec:`",
            ));
            continue;
        };
        let kind = Kind::of(&spec);
        let mut found = reflect::check_metadata(&metadata);
        found.append(&mut reflect::check(&spec));
        found.append(&mut kinds::check(&spec));
        if kind.is_platform() && !metadata.org.is_empty() {
            found.push(issue(
                index,
                "metadata.org",
                codes::ORG,
                format!("kind {kind} belongs to no organization"),
                "remove it",
            ));
        }
        if !kind.is_platform() && metadata.org.is_empty() {
            found.push(issue(
                index,
                "metadata.org",
                codes::ORG,
                "is missing".to_owned(),
                "set it, or name the organization with --org",
            ));
        }
        if !mentioned.insert((kind, metadata.org.clone(), metadata.name.clone())) {
            found.push(issue(
                index,
                "metadata.name",
                codes::TWICE,
                format!("{kind}/{} is in the bundle twice", metadata.name),
                "remove one of them",
            ));
        }
        found.iter_mut().for_each(|issue| issue.index = index as u32);
        let sane = found.is_empty();
        issues.append(&mut found);
        if sane {
            let object = Object {
                uid: Uuid::nil(),
                kind,
                org: None,
                name: metadata.name,
                generation: 0,
                revision: 0,
                labels: metadata.labels,
                annotations: metadata.annotations,
                protect: metadata.protect,
                spec,
                issues: Vec::new(),
                created_at: 0,
                created_by: String::new(),
                updated_at: 0,
                updated_by: String::new(),
            };
            wanted.push(Wanted {
                index,
                object,
                seen: metadata.revision,
                org_name: metadata.org,
            });
        }
    }
    wanted
}

pub(super) fn issue(index: usize, path: &str, code: &str, message: String, help: &str) -> Issue {
    Issue {
        index: index as u32,
        path: path.to_owned(),
        message,
        help: help.to_owned(),
        code: code.to_owned(),
    }
}
