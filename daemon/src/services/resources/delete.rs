//! Delete: refused while referenced, with the referrers; all that is named goes in one transaction, or nothing.

use std::collections::HashSet;

use fleet_proto::kinds::Kind;

use super::Resources;
use super::doom::{Doom, contents};
use super::write::{self, Write};
use crate::domain::{Caller, Key, Object};
use crate::services::error::{Error, Result};
use crate::storage::Tx;

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
        let (mut tx, caller) = self.begin_as(caller).await?;
        let caller = &caller;
        let stamp = self.stamp(&mut tx, caller).await?;
        let named = collect(&mut tx, caller, &request).await?;
        let mut doom = Doom::of(&mut tx, caller, named, &HashSet::new()).await?;
        if let Some((key, referrers)) = doom.in_use.into_iter().next() {
            return Err(Error::InUse { key, referrers });
        }
        if let Some(key) = doom.protected.into_iter().next() {
            return Err(Error::Protected(key));
        }
        let writes: Vec<Write> = doom
            .cleared
            .into_iter()
            .map(|(before, after)| Write::of(None, before, after, &stamp))
            .collect();
        let issues = write::all(&mut tx, &stamp, &writes, &mut doom.objects).await?;
        if !issues.is_empty() {
            return Err(Error::Invalid(issues));
        }
        let mut revision = stamp.revision;
        if request.dry_run {
            revision -= 1;
        } else {
            tx.commit().await?;
            self.announce(revision);
        }
        Ok(Deleted {
            deleted: doom.objects,
            cleared: writes.into_iter().map(|write| write.after).collect(),
            revision,
        })
    }
}

async fn collect(tx: &mut Tx, caller: &Caller, request: &Request) -> Result<Vec<Object>> {
    let mut doomed: Vec<Object> = Vec::new();
    for (key, seen) in &request.keys {
        let object = Resources::find_for(tx, caller, &key.org, key.kind, &key.name).await?;
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
            let named = |inner: &Object| request.keys.iter().any(|(key, _)| *key == inner.key());
            let contents = if request.cascade {
                contents
            } else {
                contents.into_iter().filter(named).collect()
            };
            for inner in contents {
                refuse_protected(&inner)?;
                doomed.push(inner);
            }
        }
        doomed.push(object);
    }
    let mut seen = HashSet::new();
    doomed.retain(|object| seen.insert(object.uid));
    Ok(doomed)
}

fn refuse_protected(object: &Object) -> Result<()> {
    if object.protect {
        Err(Error::Protected(object.key()))
    } else {
        Ok(())
    }
}
