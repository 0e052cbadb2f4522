//! Lists: paged by key in the store, narrowed by what SQL cannot do, handed on page by page.

use std::collections::BTreeSet;

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::names;
use fleet_proto::pb;
use fleet_proto::selector::{Requirement, Selector, glob_matches};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Resources, permit};
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::storage::Tx;
use crate::storage::resources::{self, Narrow};

/// Rows read at a time: the first page is small, so that the first row comes soon.
const FIRST_PAGE: u32 = 100;
const PAGE: u32 = 1_000;

/// What a list or watch is narrowed to.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(super) org: String,
    pub(super) kinds: Vec<Kind>,
    pub(super) selector: Selector,
    pub(super) reference: Option<(Kind, String)>,
    pub(super) name_glob: String,
    /// Only what stands behind this one; none: from the beginning.
    after: Option<(Option<Uuid>, String)>,
}

impl TryFrom<pb::Filter> for Filter {
    type Error = Error;

    fn try_from(filter: pb::Filter) -> Result<Self> {
        let invalid = |path: &str, message: String| {
            Error::Invalid(vec![pb::Issue {
                path: path.to_owned(),
                message,
                ..Default::default()
            }])
        };
        let kinds = if filter.kind.is_empty() {
            KINDS.iter().map(|row| row.kind).collect()
        } else {
            vec![Kind::find(&filter.kind).ok_or_else(|| invalid("kind", format!("`{}` is no kind", filter.kind)))?]
        };
        let selector = Selector::parse(&filter.selector).map_err(|message| invalid("selector", message))?;
        let reference = match filter.reference.as_str() {
            "" => None,
            text => Some(
                names::parse_reference(text)
                    .map(|(kind, name)| (kind, name.to_owned()))
                    .ok_or_else(|| invalid("reference", format!("`{text}` is no `kind/name`")))?,
            ),
        };
        Ok(Self {
            org: filter.org,
            kinds,
            selector,
            reference,
            name_glob: filter.name_glob,
            after: None,
        })
    }
}

impl Filter {
    /// Name or uid of the organization; empty: every one.
    pub fn org(&self) -> &str {
        &self.org
    }

    /// The same, from behind the last object of a page on. For a filter of a single kind.
    pub fn after(mut self, org: Option<Uuid>, name: &str) -> Self {
        self.after = Some((org, name.to_owned()));
        self
    }

    /// Does the part that SQL does not decide let it through?
    pub(super) fn lets_through(&self, object: &Object) -> bool {
        self.selector.matches(&object.labels)
            && (self.name_glob.is_empty() || glob_matches(&self.name_glob, &object.name))
    }

    fn narrow(&self, org: String) -> Narrow {
        let label = self
            .selector
            .requirements()
            .iter()
            .find_map(|requirement| match requirement {
                Requirement::Equals(key, value) => Some((key.clone(), value.clone())),
                _ => None,
            });
        Narrow {
            org,
            label,
            reference: self.reference.clone(),
        }
    }
}

impl Resources {
    /// What matches and may be seen, at most `limit`.
    pub async fn page(&self, caller: &Caller, filter: &Filter, limit: u32) -> Result<Vec<Object>> {
        let (sender, mut pages) = mpsc::channel(1);
        let mut found = Vec::new();
        let reading = async move { self.list(caller, filter, limit, &sender).await };
        let collecting = async {
            while let Some(page) = pages.recv().await {
                found.extend(page);
            }
        };
        tokio::join!(reading, collecting).0?;
        Ok(found)
    }

    /// Sends what matches and may be seen, in order of kind, organization and name, page by page. `limit` 0: all.
    /// Ends quietly when the receiver is gone.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        limit: u32,
        pages: &mpsc::Sender<Vec<Object>>,
    ) -> Result<()> {
        let orgs: Option<Vec<Uuid>> = match filter.org.as_str() {
            "" => caller.orgs().map(|orgs| orgs.into_iter().collect()),
            name => Some(vec![self.org_for(caller, name).await?.uid]),
        };
        let mut sending = Sending {
            service: self,
            caller,
            filter,
            left: if limit == 0 { usize::MAX } else { limit as usize },
            pages,
        };
        for kind in &filter.kinds {
            let goes_on = match &orgs {
                None => sending.paged(*kind, "").await?,
                Some(orgs) if kind.is_platform() => {
                    let mut found = of_platform(&mut self.db.read().await?, *kind, orgs).await?;
                    if let Some((_, after)) = &filter.after {
                        found.retain(|object| object.name > *after);
                    }
                    sending.send(found).await?
                }
                Some(orgs) => {
                    let mut goes_on = true;
                    let first = filter.after.as_ref().and_then(|(org, _)| *org);
                    for org in orgs.iter().filter(|org| first.is_none_or(|first| first <= **org)) {
                        goes_on = goes_on && sending.paged(*kind, &org.to_string()).await?;
                    }
                    goes_on
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}

/// What of the platform's own resources belongs to the list of organizations: they themselves, and their people.
async fn of_platform(tx: &mut Tx, kind: Kind, orgs: &[Uuid]) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    if kind == Kind::Organization {
        for org in orgs {
            found.extend(resources::find_by_uid(tx, *org).await?);
        }
    } else {
        let mut names = BTreeSet::new();
        for org in orgs {
            names.extend(resources::bound_users(tx, *org).await?);
        }
        for name in names {
            found.extend(resources::find(tx, None, kind, &name).await?);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A list on its way.
struct Sending<'a> {
    service: &'a Resources,
    caller: &'a Caller,
    filter: &'a Filter,
    left: usize,
    pages: &'a mpsc::Sender<Vec<Object>>,
}

impl Sending<'_> {
    /// Sends a kind of one organization, or of all. False: that was enough.
    async fn paged(&mut self, kind: Kind, org: &str) -> Result<bool> {
        let narrow = self.filter.narrow(org.to_owned());
        let mut after = (String::new(), String::new());
        if let Some((first, name)) = &self.filter.after {
            let first = first.map(|org| org.to_string()).unwrap_or_default();
            if org.is_empty() || org == first {
                after = (first, name.clone());
            }
        }
        let mut size = FIRST_PAGE;
        loop {
            let page = {
                let mut tx = self.service.db.read().await?;
                resources::list(&mut tx, kind, &narrow, (&after.0, &after.1), size).await?
            };
            let last_page = page.len() < size as usize;
            if let Some(last) = page.last() {
                after = (
                    last.org.as_ref().map(|o| o.uid.to_string()).unwrap_or_default(),
                    last.name.clone(),
                );
            }
            if !self.send(page).await? {
                return Ok(false);
            }
            if last_page {
                return Ok(true);
            }
            size = PAGE;
        }
    }

    async fn send(&mut self, page: Vec<Object>) -> Result<bool> {
        let found = page
            .into_iter()
            .filter(|object| self.filter.lets_through(object))
            .collect();
        let mut matching = permit::seen(&mut self.service.db.read().await?, self.caller, found).await?;
        matching.truncate(self.left);
        self.left -= matching.len();
        let gone = !matching.is_empty() && self.pages.send(matching).await.is_err();
        Ok(!gone && self.left > 0)
    }
}
