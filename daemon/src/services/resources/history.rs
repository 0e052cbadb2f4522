//! What was: the log of changes, resources at a moment of the past, and where the fields of one come from.

use fleet_proto::kinds::Kind;
use fleet_proto::names;
use fleet_proto::pb;
use fleet_proto::reflect::Fields;
use serde_json::Value as Json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::list::Filter;
use super::restore::NEWEST;
use super::{Resources, permit};
use crate::domain::ownership::Origin;
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::storage::changes::{self, Change, Narrow};
use crate::storage::{Tx, ownership as claims};

/// Changes read at a time.
const PAGE: u32 = 200;

/// A moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After the transaction of this revision.
    Revision(u64),
    /// At this time.
    Time(Micros),
}

/// A field of a resource with one of its owners.
#[derive(Clone, Debug)]
pub struct FieldOwner {
    /// Which field.
    pub path: String,
    /// Its value; none: its owner wants it to be absent.
    pub value: Option<Json>,
    /// Whose; empty: nobody's.
    pub manager: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Who owns what of a resource.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Every field, once for each owner, in order of path.
    pub fields: Vec<FieldOwner>,
    /// Apply sets that it is a member of.
    pub apply_sets: Vec<String>,
}

impl Resources {
    /// Sends changes, newest first, at most `limit`; 0: all. Ends quietly when the receiver is gone.
    pub async fn history(
        &self,
        caller: &Caller,
        request: &pb::HistoryRequest,
        pages: &mpsc::Sender<Vec<Change>>,
    ) -> Result<()> {
        let kind = match request.kind.as_str() {
            "" => None,
            text => Some(Kind::find(text).ok_or_else(|| Error::NotFound(format!("kind `{text}`")))?),
        };
        let org = match request.org.as_str() {
            "" => String::new(),
            _ if kind.is_some_and(Kind::is_platform) => String::new(),
            name => self.org_for(caller, name).await?.uid.to_string(),
        };
        let mut left = if request.limit == 0 { u32::MAX } else { request.limit };
        if let (Some(kind), false) = (kind, request.name.is_empty()) {
            let found = self
                .history_of(caller, &org, kind, &request.name, request.revision)
                .await?;
            let page = found.into_iter().take(left as usize).collect();
            // Whoever asked may be gone already.
            let _ = pages.send(page).await;
            return Ok(());
        }
        let narrow = Narrow {
            org,
            kind,
            revision: request.revision,
        };
        let mut before = NEWEST;
        loop {
            let mut tx = self.db().read().await?;
            let page = changes::list(&mut tx, &narrow, before, PAGE.min(left)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = (last.revision, last.seq);
            let mut known = Vec::with_capacity(page.len());
            for change in page {
                if permit::knows_change(&mut tx, caller, &change).await? {
                    known.push(change);
                }
            }
            drop(tx);
            left -= known.len() as u32;
            if !known.is_empty() && pages.send(known).await.is_err() || left == 0 {
                return Ok(());
            }
        }
    }

    /// The changes of whatever has or had a name, newest first.
    async fn history_of(
        &self,
        caller: &Caller,
        org: &str,
        kind: Kind,
        name: &str,
        revision: u64,
    ) -> Result<Vec<Change>> {
        let mut tx = self.db().read().await?;
        let mut found = Vec::new();
        for uid in named(&mut tx, kind, org, name).await? {
            let mut before = NEWEST;
            loop {
                let page = changes::list_of_resource(&mut tx, uid, before, PAGE).await?;
                let Some(last) = page.last() else { break };
                before = (last.revision, last.seq);
                for change in page {
                    if permit::knows_change(&mut tx, caller, &change).await? {
                        found.push(change);
                    }
                }
            }
        }
        if found.is_empty() {
            return Err(Error::NotFound(format!("{kind}/{name}")));
        }
        found.retain(|change| revision == 0 || change.revision == revision);
        found.sort_by_key(|change| std::cmp::Reverse((change.revision, change.seq)));
        Ok(found)
    }

    async fn revision_of(&self, at: At) -> Result<u64> {
        match at {
            At::Revision(revision) => {
                let last = changes::revision(&mut self.db().read().await?).await?;
                if revision > last {
                    return Err(Error::NotFound(format!("revision {revision} (the last is {last})")));
                }
                Ok(revision)
            }
            At::Time(at) => Ok(changes::revision_at(&mut self.db().read().await?, at).await?),
        }
    }

    /// One resource as it was.
    pub async fn find_at(&self, caller: &Caller, org: &str, kind: Kind, name: &str, at: At) -> Result<Object> {
        let org = if kind.is_platform() {
            String::new()
        } else {
            self.org_for(caller, org).await?.uid.to_string()
        };
        let revision = self.revision_of(at).await?;
        let mut tx = self.db().read().await?;
        for uid in named(&mut tx, kind, &org, name).await? {
            let was = changes::at(&mut tx, uid, revision).await?;
            if let Some(object) = was.filter(|object| object.name == name || object.uid.to_string() == name) {
                let missing = Error::NotFound(format!("{kind}/{name} at revision {revision}"));
                return permit::check(&mut tx, caller, object, missing).await;
            }
        }
        Err(Error::NotFound(format!("{kind}/{name} at revision {revision}")))
    }

    /// Sends what matched then, in order of kind, organization and name, at most `limit`; 0: all.
    pub async fn list_at(
        &self,
        caller: &Caller,
        filter: &Filter,
        limit: u32,
        at: At,
        pages: &mpsc::Sender<Vec<Object>>,
    ) -> Result<()> {
        if filter.reference.is_some() {
            let message = "the past is not indexed by reference".to_owned();
            let help = "leave --ref or --at out".to_owned();
            return Err(Error::Invalid(vec![pb::Issue {
                path: "reference".to_owned(),
                message,
                help,
                ..pb::Issue::default()
            }]));
        }
        let org = match filter.org.as_str() {
            "" => String::new(),
            name => self.org_for(caller, name).await?.uid.to_string(),
        };
        let revision = self.revision_of(at).await?;
        let mut left = if limit == 0 { usize::MAX } else { limit as usize };
        for kind in &filter.kinds {
            let mut after = (String::new(), String::new());
            loop {
                let behind = (after.0.as_str(), after.1.as_str());
                let page = {
                    let mut tx = self.db().read().await?;
                    changes::list_at(&mut tx, *kind, &org, revision, behind, PAGE).await?
                };
                let Some(last) = page.last() else { break };
                after = (
                    last.org.as_ref().map(|org| org.uid.to_string()).unwrap_or_default(),
                    last.name.clone(),
                );
                let is_last = page.len() < PAGE as usize;
                let mut found: Vec<_> = page.into_iter().filter(|object| filter.lets_through(object)).collect();
                found = permit::seen(&mut self.db().read().await?, caller, found).await?;
                found.truncate(left);
                left -= found.len();
                if !found.is_empty() && pages.send(found).await.is_err() || left == 0 {
                    return Ok(());
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Who owns which field, and where each value comes from.
    pub async fn owners(&self, caller: &Caller, org: &str, kind: Kind, name: &str) -> Result<Owned> {
        let mut tx = self.db().read().await?;
        let object = Self::find_for(&mut tx, caller, org, kind, name).await?;
        let owners = claims::owners(&mut tx, object.uid).await?;
        let live = Fields::of(&object.spec, &object.labels, &object.annotations, object.protect);
        let mut fields = Vec::new();
        for (path, value) in live.iter() {
            let owned = owners.values().any(|claims| claims.contains_key(path));
            if !owned {
                fields.push(FieldOwner {
                    path: path.clone(),
                    value: Some(value.clone()),
                    manager: String::new(),
                    origin: Origin::default(),
                });
            }
        }
        for (manager, claims) in &owners {
            for (path, origin) in claims {
                fields.push(FieldOwner {
                    path: path.clone(),
                    value: live.get(path).cloned(),
                    manager: manager.clone(),
                    origin: origin.clone(),
                });
            }
        }
        fields.sort_by(|a, b| (&a.path, &a.manager).cmp(&(&b.path, &b.manager)));
        Ok(Owned {
            fields,
            apply_sets: claims::apply_sets(&mut tx, object.uid).await?,
        })
    }
}

/// The resources that a name, or uid, may mean; those of another organization are not among them.
async fn named(tx: &mut Tx, kind: Kind, org: &str, name: &str) -> Result<Vec<Uuid>> {
    let Some(uid) = name.parse::<Uuid>().ok().filter(|_| names::is_uuid(name)) else {
        return Ok(changes::named(tx, kind, org, name).await?);
    };
    let last = changes::list_of_resource(tx, uid, NEWEST, 1).await?;
    Ok(last
        .into_iter()
        .filter(|change| change.kind == kind && change.org == org)
        .map(|change| change.uid)
        .collect())
}
