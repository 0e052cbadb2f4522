//! What goes along with a deletion, and what stands in its way.

use std::collections::{HashMap, HashSet};

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::pb::{OnDelete, Referrer};
use fleet_proto::reflect;
use uuid::Uuid;

use super::permit;
use crate::domain::{Caller, Key, Object};
use crate::services::error::Result;
use crate::storage::Tx;
use crate::storage::resources::{self, Narrow, ReferrerRow};

/// Referrers of one resource that are named.
const MOST_NAMED: usize = 20;

/// Deletions, with what follows from them.
#[derive(Debug, Default)]
pub(super) struct Doom {
    /// What goes, cascades included.
    pub(super) objects: Vec<Object>,
    /// What loses a reference: before and after.
    pub(super) cleared: Vec<(Object, Object)>,
    /// What cannot go, and what refers to it.
    pub(super) in_use: Vec<(Key, Vec<Referrer>)>,
    /// What would go along and is protected.
    pub(super) protected: Vec<Key>,
}

impl Doom {
    /// Follows the references to what is to go; what the caller may not see is not named to it. `submitted` are written in the same transaction:
    /// whether they may refer to something is checked when they are.
    pub(super) async fn of(
        tx: &mut Tx,
        caller: &Caller,
        objects: Vec<Object>,
        submitted: &HashSet<Uuid>,
    ) -> Result<Self> {
        let mut doom = Self {
            objects,
            ..Self::default()
        };
        let mut going: HashSet<Uuid> = doom.objects.iter().map(|object| object.uid).collect();
        let mut at = 0;
        while at < doom.objects.len() {
            let object = doom.objects[at].clone();
            at += 1;
            let org = object.org.as_ref().map(|org| org.uid);
            let rows: Vec<ReferrerRow> = resources::referrers(tx, org, object.kind, &object.name)
                .await?
                .into_iter()
                .filter(|row| !going.contains(&row.uid) && !submitted.contains(&row.uid))
                .collect();
            let mut refusing = Vec::new();
            for row in rows.iter().filter(|row| row.on_delete == OnDelete::Restrict) {
                refusing.push(referrer(tx, caller, &object, row, refusing.len()).await?);
            }
            if !refusing.is_empty() {
                doom.in_use.push((object.key(), refusing));
                continue;
            }
            for row in rows {
                if row.on_delete == OnDelete::Clear {
                    doom.clear(tx, &object, row.uid).await?;
                } else if let Some(next) = resources::find_by_uid(tx, row.uid).await? {
                    if next.protect {
                        doom.protected.push(next.key());
                    } else {
                        going.insert(next.uid);
                        doom.objects.push(next);
                    }
                }
            }
        }
        for org in doom.objects.iter().filter(|object| object.kind == Kind::Organization) {
            let mut outside = contents(tx, org).await?;
            outside.retain(|object| !going.contains(&object.uid));
            if !outside.is_empty() {
                doom.in_use.push((org.key(), inside(org, &outside)));
            }
        }
        doom.cleared.retain(|(_, after)| !going.contains(&after.uid));
        Ok(doom)
    }

    /// Takes the reference to `target` out of an object, which may lose several in one transaction.
    async fn clear(&mut self, tx: &mut Tx, target: &Object, uid: Uuid) -> Result<()> {
        let at = match self.cleared.iter().position(|(_, after)| after.uid == uid) {
            Some(at) => at,
            None => {
                let Some(before) = resources::find_by_uid(tx, uid).await? else {
                    return Ok(());
                };
                self.cleared.push((before.clone(), before));
                self.cleared.len() - 1
            }
        };
        reflect::clear_reference(&mut self.cleared[at].1.spec, target.kind, &target.name);
        Ok(())
    }
}

/// One that refers, with its name if the caller may see it: `before` it there are so many.
async fn referrer(tx: &mut Tx, caller: &Caller, target: &Object, row: &ReferrerRow, before: usize) -> Result<Referrer> {
    let mut is_seen = false;
    // Nobody is told more names: the rest need not be looked at.
    if before < MOST_NAMED
        && let Some(object) = resources::find_by_uid(tx, row.uid).await?
    {
        is_seen = permit::sees(tx, caller, &object).await?;
    }
    Ok(Referrer {
        org: target.org.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
        kind: row.kind.to_string(),
        name: if is_seen { row.name.clone() } else { String::new() },
        path: row.path.clone(),
    })
}

/// What would be left without its organization.
fn inside(org: &Object, contents: &[Object]) -> Vec<Referrer> {
    let referrer = |object: &Object| Referrer {
        org: org.name.clone(),
        kind: object.kind.to_string(),
        name: object.name.clone(),
        path: "metadata.org".into(),
    };
    contents.iter().map(referrer).collect()
}

/// Everything that belongs to an organization.
pub(super) async fn contents(tx: &mut Tx, org: &Object) -> Result<Vec<Object>> {
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

/// What is not written itself and refers to something that is renamed or goes: as it is stored.
pub(super) async fn followers(
    tx: &mut Tx,
    renamed: &[Object],
    submitted: &HashSet<Uuid>,
    cleared: Vec<(Object, Object)>,
) -> Result<Vec<Object>> {
    let mut followers: Vec<Object> = cleared.into_iter().map(|(before, _)| before).collect();
    for target in renamed {
        let org = target.org.as_ref().map(|org| org.uid);
        for row in resources::referrers(tx, org, target.kind, &target.name).await? {
            let is_known = followers.iter().any(|known| known.uid == row.uid);
            if !submitted.contains(&row.uid) && !is_known {
                followers.extend(resources::find_by_uid(tx, row.uid).await?);
            }
        }
    }
    Ok(followers)
}

/// Names that end in a transaction: what is deleted has no new one.
#[derive(Debug, Default)]
pub(super) struct Ended(HashMap<(Option<Uuid>, Kind, String), Option<String>>);

impl Ended {
    pub(super) fn insert(&mut self, object: &Object, new: Option<&str>) {
        let org = object.org.as_ref().map(|org| org.uid);
        self.0
            .insert((org, object.kind, object.name.clone()), new.map(str::to_owned));
    }

    /// The object as it is once references to ended names are cleared, or follow the new name.
    pub(super) fn followed(&self, object: &Object) -> Object {
        let mut after = object.clone();
        if self.0.is_empty() {
            return after;
        }
        for reference in reflect::references(&object.spec) {
            let org = object
                .org
                .as_ref()
                .map(|org| org.uid)
                .filter(|_| !reference.kind.is_platform());
            match self.0.get(&(org, reference.kind, reference.name.clone())) {
                Some(Some(new)) => {
                    reflect::rename_reference(&mut after.spec, reference.kind, &reference.name, new);
                }
                Some(None) => {
                    reflect::clear_reference(&mut after.spec, reference.kind, &reference.name);
                }
                None => {}
            }
        }
        after
    }
}
