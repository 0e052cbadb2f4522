//! Watches: what there is, a mark, then every change in the order of commits.

use std::collections::HashSet;
use std::time::Duration;

use fleet_proto::kinds::Kind;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::list::Filter;
use super::{Resources, permit};
use crate::domain::{Caller, Object, Org};
use crate::services::error::Result;
use crate::storage::changes::{self, Change, Verb};
use crate::storage::resources;

/// Changes read at a time.
const PAGE: u32 = 500;
/// Another replica's commits are seen at the latest after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a watcher is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is this resource, or it was written.
    Put(Box<Object>, u64),
    /// It is gone, or no longer matches; this is what it was.
    Deleted(Box<Object>, u64),
    /// All that existed at this revision has been sent.
    Synced(u64),
}

/// A running watch.
#[derive(Debug)]
pub struct Watch {
    filter: Filter,
    org: Option<Org>,
    /// Uids that the watcher has been told of, so that one that stops to match is reported as gone.
    known: HashSet<Uuid>,
    position: (u64, u64),
}

impl Resources {
    /// Sends events until the receiver is gone. `from_revision` 0: begins with what there is.
    pub async fn watch(
        &self,
        caller: &Caller,
        filter: Filter,
        from_revision: u64,
        events: mpsc::Sender<Event>,
    ) -> Result<()> {
        let mut wake = self.revisions();
        let org = if filter.org.is_empty() {
            None
        } else {
            Some(self.org_for(caller, &filter.org).await?)
        };
        let mut watch = Watch {
            filter,
            org,
            known: HashSet::new(),
            position: (from_revision, u64::MAX >> 1),
        };
        if from_revision == 0 {
            // Changes committed while the snapshot is read come again as deltas: a watcher sees a `Put` twice, never not at all.
            let at = changes::revision(&mut self.db.read().await?).await?;
            let (sender, mut pages) = mpsc::channel(1);
            let (wanted, told, to) = (watch.filter.clone(), &mut watch.known, events.clone());
            // Each side owns its end of the channel: whichever stops first ends the other.
            let reading = async move { self.list(caller, &wanted, 0, &sender).await };
            let forwarding = async move {
                while let Some(page) = pages.recv().await {
                    for object in page {
                        told.insert(object.uid);
                        let revision = object.revision;
                        if to.send(Event::Put(Box::new(object), revision)).await.is_err() {
                            return;
                        }
                    }
                }
            };
            let (read, ()) = tokio::join!(reading, forwarding);
            read?;
            watch.position = (at, u64::MAX >> 1);
            if events.send(Event::Synced(at)).await.is_err() {
                return Ok(());
            }
        }
        loop {
            let page = changes::list_after(&mut self.db.read().await?, "", watch.position, PAGE).await?;
            let full = page.len() == PAGE as usize;
            for change in page {
                watch.position = (change.revision, change.seq);
                if let Some(event) = watch.event(self, caller, change).await?
                    && events.send(event).await.is_err()
                {
                    return Ok(());
                }
            }
            if full {
                continue;
            }
            tokio::select! {
                () = events.closed() => return Ok(()),
                changed = wake.changed() => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

impl Watch {
    async fn event(&mut self, service: &Resources, caller: &Caller, change: Change) -> Result<Option<Event>> {
        let own_org = change.kind == Kind::Organization && self.org.as_ref().is_some_and(|org| org.uid == change.uid);
        let in_org = self.org.as_ref().is_none_or(|org| org.uid.to_string() == change.org) || own_org;
        if !in_org || !self.filter.kinds.contains(&change.kind) {
            return Ok(None);
        }
        let told = self.known.contains(&change.uid);
        let revision = change.revision;
        let matches = |object: &Object| self.filter.lets_through(object);
        let mut tx = service.db.read().await?;
        if !told && !permit::knows_change(&mut tx, caller, &change).await? {
            return Ok(None);
        }
        Ok(match (change.after, change.before) {
            (Some(after), _)
                if matches(&after)
                    && permit::sees(&mut tx, caller, &after).await?
                    && self.refers(service, &after).await? =>
            {
                self.known.insert(after.uid);
                Some(Event::Put(Box::new(after), revision))
            }
            (_, Some(before)) if told || (change.verb == Verb::Delete && self.known.is_empty() && matches(&before)) => {
                self.known.remove(&before.uid);
                Some(Event::Deleted(Box::new(before), revision))
            }
            _ => None,
        })
    }

    async fn refers(&self, service: &Resources, object: &Object) -> Result<bool> {
        let Some((kind, name)) = &self.filter.reference else {
            return Ok(true);
        };
        let org = if kind.is_platform() {
            None
        } else {
            object.org.as_ref().map(|org| org.uid)
        };
        let mut tx = service.db.read().await?;
        Ok(resources::referrers(&mut tx, org, *kind, name)
            .await?
            .iter()
            .any(|row| row.uid == object.uid))
    }
}
