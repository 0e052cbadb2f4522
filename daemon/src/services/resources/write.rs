//! The one way in which resources, their indexes and the log of changes are written.

use std::collections::{BTreeMap, HashMap};

use fleet_proto::pb::Issue;
use fleet_proto::reflect;
use serde_json::json;
use uuid::Uuid;

use super::outcome::{Action, Applied};
use super::{checks, permit};
use crate::domain::audit::Event;
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::storage::changes::{self, Change, Verb};
use crate::storage::resources::{self, Replaced};
use crate::storage::{Tx, audit, ownership};

/// What every change of a transaction has in common.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) revision: u64,
    pub(super) now: Micros,
    /// Who does it.
    pub(super) caller: Caller,
    /// For whom the fields are owned; empty: nobody.
    pub(super) manager: String,
    /// Commit of the version control; may be empty.
    pub(super) commit: String,
}

/// One object as it was and as it is.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// Position in the submission; none: it follows from another write.
    pub(super) index: Option<usize>,
    pub(super) before: Option<Object>,
    pub(super) after: Object,
}

impl Write {
    /// Most changes touch neither labels nor references nor unique values, and leave the indexes alone.
    fn is_indexed_anew(&self) -> bool {
        let Some(before) = &self.before else { return true };
        before.labels != self.after.labels
            || !before.issues.is_empty()
            || reflect::references(&before.spec) != reflect::references(&self.after.spec)
            || reflect::uniques(&before.spec) != reflect::uniques(&self.after.spec)
    }

    /// Marks the object as changed by this transaction.
    pub(super) fn of(index: Option<usize>, before: Object, mut after: Object, stamp: &Stamp) -> Self {
        after.generation = before.generation + u64::from(before.spec != after.spec || !before.issues.is_empty());
        after.revision = stamp.revision;
        after.issues = Vec::new();
        after.updated_at = stamp.now;
        after.updated_by = stamp.caller.actor();
        Self {
            index,
            before: Some(before),
            after,
        }
    }
}

/// Writes objects and removes others, if whoever does it may. What it finds wrong is given; then the transaction must not be committed.
pub(super) async fn all(tx: &mut Tx, stamp: &Stamp, writes: &[Write], doomed: &mut [Object]) -> Result<Vec<Issue>> {
    permit::writes(tx, &stamp.caller, writes, doomed).await?;
    let renamed = |write: &&Write| {
        write
            .before
            .as_ref()
            .is_some_and(|before| before.name != write.after.name)
    };
    if writes.iter().filter(renamed).count() > 1 {
        // Names may change places: each is given up before the first is taken.
        for write in writes.iter().filter(renamed) {
            resources::give_up_name(tx, write.after.uid).await?;
        }
    }
    // Contents before containers: watchers never see an object whose organization is gone.
    doomed.sort_by_key(|object| std::cmp::Reverse(object.kind));
    let mut owners: HashMap<Uuid, String> = HashMap::new();
    for object in doomed.iter() {
        let owned = ownership::owners(tx, object.uid).await?;
        let sets = ownership::apply_sets(tx, object.uid).await?;
        if !(owned.is_empty() && sets.is_empty()) {
            owners.insert(object.uid, ownership::snapshot(&owned, &sets));
        }
        resources::remove(tx, object.uid).await?;
    }
    for write in writes {
        let Some(before) = &write.before else {
            resources::insert(tx, &write.after).await?;
            continue;
        };
        if let Replaced::Stale = resources::replace(tx, &write.after, before.revision).await? {
            return Err(Error::Conflict {
                key: write.after.key(),
                seen: before.revision,
                current: stamp.revision,
            });
        }
        if write.is_indexed_anew() {
            resources::unindex(tx, write.after.uid).await?;
        }
    }
    // Unique values are claimed when all old ones are given back, so that two objects may swap theirs.
    let mut issues = Vec::new();
    for write in writes.iter().filter(|write| write.is_indexed_anew()) {
        let index = write.index.unwrap_or_default();
        issues.append(&mut checks::index(tx, &stamp.caller, index, &write.after).await?);
    }
    let mut seq = 0;
    let mut tally = Tally::default();
    for write in writes {
        let verb = if write.before.is_some() {
            Verb::Update
        } else {
            Verb::Create
        };
        let change = change(stamp, seq, verb, write.before.as_ref(), Some(&write.after), None);
        tally.add(&change, changes::append(tx, &change).await?);
        seq += 1;
    }
    for object in doomed.iter() {
        let change = change(stamp, seq, Verb::Delete, Some(object), None, owners.remove(&object.uid));
        tally.add(&change, changes::append(tx, &change).await?);
        seq += 1;
    }
    audit::append(tx, &tally.events(stamp), stamp.now).await?;
    Ok(issues)
}

/// Notes what only changes hands: adopted as it is, or released as it is. There is no change of it in the log of changes.
pub(super) async fn note_adopted(tx: &mut Tx, stamp: &Stamp, applied: &[Applied]) -> Result<()> {
    let mut by_org: BTreeMap<Option<Uuid>, Vec<&Applied>> = BTreeMap::new();
    for one in applied {
        let is_as_it_was = one.object.revision != stamp.revision;
        if is_as_it_was && (one.adopted || one.action == Action::Released) {
            let org = one.object.org.as_ref().map(|org| org.uid);
            by_org.entry(org).or_default().push(one);
        }
    }
    let event = |(org, all): (Option<Uuid>, Vec<&Applied>)| {
        let first = all
            .first()
            .map(|one| format!("{}/{}", one.object.kind, one.object.name));
        let first = first.unwrap_or_default();
        let object = match all.len() {
            1 => first,
            more => format!("{first} and {} more", more - 1),
        };
        let released = all.iter().filter(|one| one.action == Action::Released).count();
        let detail = json!({
            "adopted": all.len() - released, "released": released, "manager": stamp.manager, "commit": stamp.commit,
        });
        Event::done(&stamp.caller, org, "adopt", object).with(detail)
    };
    let events: Vec<Event> = by_org.into_iter().map(event).collect();
    Ok(audit::append(tx, &events, stamp.now).await?)
}

/// What one transaction does in each organization, for the audit log.
#[derive(Default)]
struct Tally(BTreeMap<Option<Uuid>, Count>);

#[derive(Default)]
struct Count {
    /// The only one, or the first.
    object: String,
    verbs: BTreeMap<&'static str, u64>,
    /// Over what was and what is, in order: the log proves what `history` shows.
    digest: blake3::Hasher,
}

impl Tally {
    fn add(&mut self, change: &Change, digest: [u8; 32]) {
        let count = self.0.entry(change.org.parse().ok()).or_default();
        if count.verbs.is_empty() {
            count.object = format!("{}/{}", change.kind, change.name);
        }
        *count.verbs.entry(change.verb.text()).or_default() += 1;
        count.digest.update(&digest);
    }

    fn events(self, stamp: &Stamp) -> Vec<Event> {
        let event = |(org, count): (Option<Uuid>, Count)| {
            let total: u64 = count.verbs.values().sum();
            let object = match total {
                1 => count.object,
                more => format!("{} and {} more", count.object, more - 1),
            };
            let mut detail = json!(count.verbs);
            detail["revision"] = stamp.revision.into();
            detail["manager"] = stamp.manager.as_str().into();
            detail["digest"] = count.digest.finalize().to_hex().as_str().into();
            Event::done(&stamp.caller, org, "change", object).with(detail)
        };
        self.0.into_iter().map(event).collect()
    }
}

fn change(
    stamp: &Stamp,
    seq: u64,
    verb: Verb,
    before: Option<&Object>,
    after: Option<&Object>,
    owners: Option<String>,
) -> Change {
    let org = |object: &Object| object.org.as_ref().map(|org| org.uid.to_string());
    let of = after.or(before);
    Change {
        revision: stamp.revision,
        seq,
        uid: of.map(|object| object.uid).unwrap_or_default(),
        kind: of.map_or(fleet_proto::kinds::Kind::Device, |object| object.kind),
        org: of.and_then(org).unwrap_or_default(),
        name: of.map(|object| object.name.clone()).unwrap_or_default(),
        verb,
        actor: stamp.caller.actor(),
        manager: stamp.manager.clone(),
        commit: stamp.commit.clone(),
        at: stamp.now,
        before: before.cloned(),
        after: after.cloned(),
        owners,
    }
}
