//! Undo and rollback: resources become what they were, in a new transaction.

use std::collections::{HashMap, HashSet};

use fleet_proto::codes;
use fleet_proto::{diff, pb};
use uuid::Uuid;

use super::doom::{self, Doom, Ended};
use super::outcome::{Action, Applied, Outcome};
use super::submission::issue;
use super::write::{self, Stamp, Write};
use super::{Reaches, Resources, checks, fits, impact, limits, permit, reach};
use crate::domain::sealing::Sealer;
use crate::domain::{Caller, Key, Object};
use crate::services::error::{Error, Result};
use crate::storage::changes::{self, Change};
use crate::storage::{Db, Tx, ownership as claims, resources};

/// Changes read at a time.
const PAGE: u32 = 500;

/// Behind every change.
pub(super) const NEWEST: (u64, u64) = (u64::MAX >> 1, 0);

/// What is to become what.
#[derive(Clone, Debug)]
pub enum Target {
    /// What a transaction changed becomes what it was before it; 0: the last one.
    Undo(u64),
    /// Resources become what they were after a transaction.
    To {
        /// The transaction.
        revision: u64,
        /// The organization, where no keys are given.
        org: String,
        /// These resources; empty: the whole organization.
        keys: Vec<Key>,
    },
}

/// What to restore, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to become what.
    pub target: Target,
    /// Do everything but commit.
    pub dry_run: bool,
    /// Do it although somebody wrote the same resources since the transaction that is taken back.
    pub force: bool,
}

/// What a resource was: none, it did not exist.
struct Past {
    uid: Uuid,
    object: Option<Object>,
    owners: Option<String>,
    /// Revision at which undo expects it.
    expected: Option<u64>,
}

impl Resources {
    /// Takes transactions back. Who owns the fields does not change, so that the next plan shows the difference.
    pub async fn restore(&self, caller: &Caller, request: &Request) -> Result<Outcome> {
        // The log is walked before the writer is waited for: it is as long as what everybody did.
        let found = match &request.target {
            Target::Undo(0) => Found::Transaction(last(self.db(), caller).await?),
            Target::Undo(revision) => Found::Transaction(*revision),
            Target::To { revision, org, keys } => {
                let mut walk = Walk::behind(&mut self.db().read().await?, caller, *revision, org, keys).await?;
                // Page by page: a reader that stays long holds up others.
                while !walk.step(&mut self.db().read().await?).await? {}
                Found::Walked(walk)
            }
        };
        let (mut tx, caller) = self.begin_as(caller).await?;
        let past = match found {
            Found::Transaction(revision) => before(&mut tx, &caller, revision).await?,
            Found::Walked(mut walk) => {
                while !walk.step(&mut tx).await? {}
                walk.end()
            }
        };
        let stamp = self.stamp(&mut tx, &caller).await?;
        let outcome = restore(&mut tx, (self.sealer(), self.reaches()), &stamp, past, request.force).await?;
        let changed = outcome
            .applied
            .iter()
            .any(|applied| applied.action != Action::Unchanged);
        if changed && !request.dry_run && outcome.refusal().is_none() {
            tx.commit().await?;
            self.announce(outcome.revision);
        }
        Ok(outcome)
    }
}

/// May the caller know of a resource, as it is or as it last was?
async fn is_known(tx: &mut Tx, caller: &Caller, uid: Uuid) -> Result<bool> {
    for change in changes::list_of_resource(tx, uid, NEWEST, 1).await? {
        if permit::knows_change(tx, caller, &change).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The newest transaction that changed something of the caller's, found page by page.
async fn last(db: &Db, caller: &Caller) -> Result<u64> {
    let Some(orgs) = caller.orgs() else {
        return Ok(changes::last(&mut db.read().await?).await?);
    };
    let mut newest = None;
    for org in orgs {
        newest = newest.max(last_of(db, caller, org).await?);
    }
    newest.ok_or_else(|| Error::NotFound("a transaction to take back".to_owned()))
}

async fn last_of(db: &Db, caller: &Caller, org: Uuid) -> Result<Option<u64>> {
    let mut position = NEWEST;
    loop {
        let mut tx = db.read().await?;
        let page = changes::list_of_org(&mut tx, org, position, PAGE).await?;
        let Some(oldest) = page.last() else { return Ok(None) };
        position = (oldest.revision, oldest.seq);
        for change in page {
            if permit::knows_change(&mut tx, caller, &change).await? {
                return Ok(Some(change.revision));
            }
        }
    }
}

async fn before(tx: &mut Tx, caller: &Caller, revision: u64) -> Result<Vec<Past>> {
    let found = changes::list_of(tx, revision).await?;
    // A transaction that reaches further than the caller sees is not one that it takes back.
    let mut known = !found.is_empty();
    for change in &found {
        known &= permit::knows_change(tx, caller, change).await?;
    }
    if !known {
        return Err(Error::NotFound(format!("a transaction with revision {revision}")));
    }
    let past = |change: Change| Past {
        uid: change.uid,
        object: change.before,
        owners: change.owners,
        expected: Some(change.after.map_or(0, |after| after.revision)),
    };
    Ok(found.into_iter().map(past).collect())
}

/// What is looked for in the log before the writer is waited for.
enum Found {
    Transaction(u64),
    Walked(Walk),
}

/// A walk through the log behind a transaction: the first change of a resource tells what it was until then.
struct Walk {
    position: (u64, u64),
    /// Uid of the organization whose resources all count; empty: those that are named.
    org: String,
    named: HashSet<Uuid>,
    first: HashMap<Uuid, Past>,
    order: Vec<Uuid>,
}

impl Walk {
    async fn behind(tx: &mut Tx, caller: &Caller, revision: u64, org: &str, keys: &[Key]) -> Result<Self> {
        let newest = changes::last(tx).await?;
        if revision > newest {
            return Err(Error::NotFound(format!("revision {revision} (the last is {newest})")));
        }
        let org = match keys {
            [] => Resources::org_for_in(tx, caller, org).await?.uid.to_string(),
            _ => String::new(),
        };
        let mut named = HashSet::new();
        for key in keys {
            let org = match key.org.as_str() {
                "" => String::new(),
                name => Resources::org_for_in(tx, caller, name).await?.uid.to_string(),
            };
            let mut exists = false;
            for uid in changes::named(tx, key.kind, &org, &key.name).await? {
                if is_known(tx, caller, uid).await? {
                    named.insert(uid);
                    exists = true;
                }
            }
            if !exists {
                return Err(Error::NotFound(key.to_string()));
            }
        }
        Ok(Self {
            position: (revision, u64::MAX >> 1),
            org,
            named,
            first: HashMap::new(),
            order: Vec::new(),
        })
    }

    /// Walks a page; true: it was the last one that the transaction sees.
    async fn step(&mut self, tx: &mut Tx) -> Result<bool> {
        let page = changes::list_after(tx, &self.org, self.position, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        for change in page {
            self.position = (change.revision, change.seq);
            if !self.org.is_empty() || self.named.contains(&change.uid) {
                self.take(change);
            }
        }
        Ok(is_last)
    }

    fn take(&mut self, change: Change) {
        let uid = change.uid;
        let order = &mut self.order;
        let past = self.first.entry(uid).or_insert_with(|| {
            order.push(uid);
            Past {
                uid,
                object: change.before,
                owners: None,
                expected: None,
            }
        });
        past.owners = change.owners.or(past.owners.take());
    }

    fn end(mut self) -> Vec<Past> {
        self.order.iter().filter_map(|uid| self.first.remove(uid)).collect()
    }
}

async fn restore(
    tx: &mut Tx,
    (sealer, reaches): (&Sealer, Reaches),
    stamp: &Stamp,
    past: Vec<Past>,
    force: bool,
) -> Result<Outcome> {
    let mut writes = Vec::new();
    let mut falling = Vec::new();
    let mut stale = Vec::new();
    let mut owners = Vec::new();
    let concerned: HashSet<Uuid> = past.iter().map(|past| past.uid).collect();
    let mut issues = Vec::new();
    for past in past {
        let current = resources::find_by_uid(tx, past.uid).await?;
        let found = current.as_ref().map_or(0, |current| current.revision);
        if let Some(expected) = past.expected.filter(|expected| *expected != found && !force) {
            let key = current.as_ref().or(past.object.as_ref()).map(Object::key);
            stale.extend(key.map(|key| (key, expected, found)));
            continue;
        }
        match (current, past.object) {
            (Some(current), Some(old)) => {
                let after = Object {
                    name: old.name,
                    labels: old.labels,
                    annotations: old.annotations,
                    protect: old.protect,
                    spec: old.spec,
                    ..current.clone()
                };
                if after != current {
                    writes.push(Write::of(Some(0), current, after, stamp));
                }
            }
            (None, Some(old)) => {
                if let Some(org) = &old.org
                    && !concerned.contains(&org.uid)
                    && resources::find_by_uid(tx, org.uid).await?.is_none()
                {
                    let message = format!("organization `{}` of {} is gone", org.name, old.key());
                    issues.push(issue(0, "", codes::ORG, message, "restore the organization first"));
                    continue;
                }
                if let Some(text) = &past.owners {
                    owners.push((old.uid, claims::from_snapshot(text)?));
                }
                writes.push(Write {
                    index: Some(0),
                    before: None,
                    after: Object {
                        generation: old.generation + 1,
                        revision: stamp.revision,
                        updated_at: stamp.now,
                        updated_by: stamp.caller.actor(),
                        ..old
                    },
                });
            }
            (Some(current), None) => falling.push(current),
            (None, None) => {}
        }
    }
    if !stale.is_empty() {
        return Err(Error::Touched(stale));
    }
    if let Some(protected) = falling.iter().find(|object| object.protect) {
        return Err(Error::Protected(protected.key()));
    }
    let mut doom = Doom::of(tx, &stamp.caller, falling, &concerned).await?;
    if let Some((key, referrers)) = doom.in_use.into_iter().next() {
        return Err(Error::InUse { key, referrers });
    }
    if let Some(key) = doom.protected.into_iter().next() {
        return Err(Error::Protected(key));
    }
    let mut ended = Ended::default();
    doom.objects.iter().for_each(|object| ended.insert(object, None));
    let mut renamed = Vec::new();
    for write in &writes {
        if let Some(before) = write.before.as_ref().filter(|before| before.name != write.after.name) {
            ended.insert(before, Some(&write.after.name));
            renamed.push(before.clone());
        }
    }
    for before in doom::followers(tx, &renamed, &concerned, doom.cleared).await? {
        let after = ended.followed(&before);
        writes.push(Write::of(None, before, after, stamp));
    }
    issues.append(&mut write::all(tx, stamp, &writes, &mut doom.objects).await?);
    issues.append(&mut checks::references(tx, &stamp.caller, &writes, &HashSet::new()).await?);
    let all = concerned.iter().map(|uid| (*uid, 0)).collect();
    issues.append(&mut checks::missed(tx, &doom.objects, &all).await?);
    if issues.is_empty() {
        issues.append(&mut checks::relations(tx, &writes).await?);
        issues.append(&mut fits::check(tx, sealer, &writes).await?);
        // Nobody has written these addresses just now: it is said whose they are.
        for (key, mut issue) in reach::check(tx, reaches, &writes).await? {
            issue.message = format!("{key}: {}", issue.message);
            issues.push(issue);
        }
    }
    if !issues.is_empty() {
        return Err(Error::Invalid(issues));
    }
    limits::check(tx, &writes, None).await?;
    for (uid, (owned, sets)) in owners {
        let before = claims::owners(tx, uid).await?;
        claims::replace(tx, uid, &before, &owned).await?;
        for set in sets {
            claims::join(tx, &set, uid).await?;
        }
    }
    let changed = !(writes.is_empty() && doom.objects.is_empty());
    Ok(Outcome {
        impact: impact::of(tx, &writes, &doom.objects).await?,
        revision: if changed { stamp.revision } else { stamp.revision - 1 },
        applied: applied(writes, doom.objects),
        ..Outcome::default()
    })
}

fn applied(writes: Vec<Write>, doomed: Vec<Object>) -> Vec<Applied> {
    let of = |write: Write| {
        let action = match (&write.before, write.index) {
            (None, _) => Action::Created,
            (Some(_), Some(_)) => Action::Updated,
            (Some(_), None) => Action::Followed,
        };
        let mut applied = Applied::of(None, action, write.after);
        if let Some(before) = write.before {
            let resource = |object: &Object| pb::Resource::from(object);
            applied.changes = diff::changes(Some(&resource(&before)), Some(&resource(&applied.object)));
            applied.base = before.revision;
            if before.name != applied.object.name {
                applied.renamed_from = before.name;
            }
        }
        applied
    };
    let gone = |object: Object| Applied::of(None, Action::Deleted, object);
    writes.into_iter().map(of).chain(doomed.into_iter().map(gone)).collect()
}
