//! Delete: refused while referenced, with the referrers; all that is named goes in one transaction, or nothing.

use std::collections::HashSet;

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::pb::{OnDelete, Referrer};
use fleet_proto::reflect;
use uuid::Uuid;

use super::{Resources, may_administer};
use crate::domain::{Caller, Key, Object};
use crate::services::error::{Error, Result};
use crate::storage::Tx;
use crate::storage::changes::{self, Change, Verb};
use crate::storage::resources::{self, Narrow, ReferrerRow, Replaced};

/// What is to be deleted.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Each with the revision that was seen; 0: any.
    pub keys: Vec<(Key, u64)>,
    /// Do everything but commit.
    pub dry_run: bool,
    /// Take the contents of an organization along.
    pub cascade: bool,
}

/// What was deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// Cascades included.
    pub deleted: Vec<Object>,
    /// What lost a reference.
    pub cleared: Vec<Object>,
    /// Of this transaction.
    pub revision: u64,
}

impl Resources {
    /// Deletes what is named and what the field rules take along.
    pub async fn delete(&self, caller: &Caller, request: Request) -> Result<Deleted> {
        may_administer(caller)?;
        let now = self.clock.now();
        let mut tx = self.db().begin().await?;
        let revision = changes::next_revision(&mut tx).await?;
        let mut doomed = collect(&mut tx, &request).await?;
        let mut cleared: Vec<(Object, Object)> = Vec::new();
        let mut at = 0;
        while at < doomed.len() {
            let object = doomed[at].clone();
            at += 1;
            let uids: HashSet<Uuid> = doomed.iter().map(|o| o.uid).collect();
            let org = object.org.as_ref().map(|o| o.uid);
            let rows: Vec<ReferrerRow> = resources::referrers(&mut tx, org, object.kind, &object.name)
                .await?
                .into_iter()
                .filter(|row| !uids.contains(&row.uid))
                .collect();
            let refusing: Vec<_> = rows
                .iter()
                .filter(|row| row.on_delete == OnDelete::Restrict)
                .map(|row| referrer(&object, row))
                .collect();
            if !refusing.is_empty() {
                return Err(Error::InUse {
                    key: object.key(),
                    referrers: refusing,
                });
            }
            for row in rows {
                if row.on_delete == OnDelete::Cascade {
                    if let Some(next) = resources::find_by_uid(&mut tx, row.uid).await? {
                        refuse_protected(&next)?;
                        doomed.push(next);
                    }
                } else {
                    clear(&mut tx, &mut cleared, &object, row.uid).await?;
                }
            }
        }
        let gone: HashSet<Uuid> = doomed.iter().map(|o| o.uid).collect();
        cleared.retain(|(_, after)| !gone.contains(&after.uid));

        let actor = caller.actor();
        let mut seq = 0;
        for (before, after) in &mut cleared {
            after.revision = revision;
            after.generation = before.generation + 1;
            after.updated_at = now;
            after.updated_by.clone_from(&actor);
            if let Replaced::Stale = resources::replace(&mut tx, after, before.revision).await? {
                return Err(Error::Conflict {
                    key: after.key(),
                    seen: before.revision,
                    current: revision,
                });
            }
            resources::unindex(&mut tx, after.uid).await?;
            super::checks::index(&mut tx, 0, after).await?;
            changes::append(
                &mut tx,
                &change(
                    revision,
                    seq,
                    Verb::Update,
                    &actor,
                    now,
                    Some(before.clone()),
                    Some(after.clone()),
                ),
            )
            .await?;
            seq += 1;
        }
        // Contents before containers: watchers never see an object whose organization is gone.
        doomed.sort_by_key(|o| std::cmp::Reverse(o.kind));
        for object in &doomed {
            resources::remove(&mut tx, object.uid).await?;
            changes::append(
                &mut tx,
                &change(revision, seq, Verb::Delete, &actor, now, Some(object.clone()), None),
            )
            .await?;
            seq += 1;
        }
        if request.dry_run {
            return Ok(Deleted {
                deleted: doomed,
                cleared: cleared.into_iter().map(|(_, after)| after).collect(),
                revision: revision - 1,
            });
        }
        tx.commit().await?;
        self.announce(revision);
        Ok(Deleted {
            deleted: doomed,
            cleared: cleared.into_iter().map(|(_, after)| after).collect(),
            revision,
        })
    }
}

async fn collect(tx: &mut Tx, request: &Request) -> Result<Vec<Object>> {
    let mut doomed: Vec<Object> = Vec::new();
    for (key, seen) in &request.keys {
        let object = Resources::find_in(tx, &key.org, key.kind, &key.name).await?;
        if *seen != 0 && *seen != object.revision {
            return Err(Error::Conflict {
                key: object.key(),
                seen: *seen,
                current: object.revision,
            });
        }
        refuse_protected(&object)?;
        if object.kind == Kind::Organization {
            let contents = contents(tx, &object).await?;
            let outside: Vec<_> = contents
                .iter()
                .filter(|o| {
                    !request
                        .keys
                        .iter()
                        .any(|(k, _)| k.kind == o.kind && k.name == o.name && k.org == object.name)
                })
                .collect();
            if !request.cascade && !outside.is_empty() {
                let referrers = outside
                    .iter()
                    .map(|o| Referrer {
                        org: object.name.clone(),
                        kind: o.kind.to_string(),
                        name: o.name.clone(),
                        path: "metadata.org".into(),
                    })
                    .collect();
                return Err(Error::InUse {
                    key: object.key(),
                    referrers,
                });
            }
            for inner in contents {
                refuse_protected(&inner)?;
                doomed.push(inner);
            }
        }
        doomed.push(object);
    }
    let mut seen = HashSet::new();
    doomed.retain(|o| seen.insert(o.uid));
    Ok(doomed)
}

async fn contents(tx: &mut Tx, org: &Object) -> Result<Vec<Object>> {
    let mut all = Vec::new();
    let narrow = Narrow {
        org: org.uid.to_string(),
        ..Narrow::default()
    };
    for row in KINDS.iter().filter(|row| !row.platform) {
        let mut after = String::new();
        loop {
            let page = resources::list(tx, row.kind, &narrow, ("", &after), 1_000).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.name);
            all.extend(page);
        }
    }
    Ok(all)
}

fn refuse_protected(object: &Object) -> Result<()> {
    if object.protect {
        Err(Error::Protected(object.key()))
    } else {
        Ok(())
    }
}

fn referrer(target: &Object, row: &ReferrerRow) -> Referrer {
    Referrer {
        org: target.org.as_ref().map(|o| o.name.clone()).unwrap_or_default(),
        kind: row.kind.to_string(),
        name: row.name.clone(),
        path: row.path.clone(),
    }
}

/// Takes the reference to `target` out of an object, which may lose several in one transaction.
async fn clear(tx: &mut Tx, cleared: &mut Vec<(Object, Object)>, target: &Object, uid: Uuid) -> Result<()> {
    let at = match cleared.iter().position(|(_, after)| after.uid == uid) {
        Some(at) => at,
        None => {
            let Some(before) = resources::find_by_uid(tx, uid).await? else {
                return Ok(());
            };
            cleared.push((before.clone(), before));
            cleared.len() - 1
        }
    };
    reflect::clear_reference(&mut cleared[at].1.spec, target.kind, &target.name);
    Ok(())
}

fn change(
    revision: u64,
    seq: u64,
    verb: Verb,
    actor: &str,
    at: i64,
    before: Option<Object>,
    after: Option<Object>,
) -> Change {
    let of = after.as_ref().or(before.as_ref());
    Change {
        revision,
        seq,
        uid: of.map(|o| o.uid).unwrap_or_default(),
        kind: of.map_or(Kind::Device, |o| o.kind),
        org: of
            .and_then(|o| o.org.as_ref())
            .map(|o| o.uid.to_string())
            .unwrap_or_default(),
        name: of.map(|o| o.name.clone()).unwrap_or_default(),
        verb,
        actor: actor.to_owned(),
        at,
        before,
        after,
    }
}
