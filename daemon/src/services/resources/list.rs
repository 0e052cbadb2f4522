//! Lists: paged by key in the store, narrowed by what SQL cannot do, handed on page by page.

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::names;
use fleet_proto::pb;
use fleet_proto::selector::{Requirement, Selector, glob_matches};
use tokio::sync::mpsc;

use super::{Resources, may_administer};
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
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
        })
    }
}

impl Filter {
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
    /// Sends what matches, in order of kind, organization and name, page by page. `limit` 0: all.
    /// Ends quietly when the receiver is gone.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        limit: u32,
        pages: &mpsc::Sender<Vec<Object>>,
    ) -> Result<()> {
        may_administer(caller)?;
        let org = if filter.org.is_empty() {
            None
        } else {
            Some(self.org(&filter.org).await?)
        };
        let mut left = if limit == 0 { usize::MAX } else { limit as usize };
        for kind in &filter.kinds {
            // The organization itself belongs to the list of its resources.
            let narrow = filter.narrow(if kind.is_platform() {
                String::new()
            } else {
                org.as_ref().map(|o| o.uid.to_string()).unwrap_or_default()
            });
            let mut after = (String::new(), String::new());
            let mut size = FIRST_PAGE;
            loop {
                let page = {
                    let mut tx = self.db.read().await?;
                    resources::list(&mut tx, *kind, &narrow, (&after.0, &after.1), size).await?
                };
                let last_page = page.len() < size as usize;
                if let Some(last) = page.last() {
                    after = (
                        last.org.as_ref().map(|o| o.uid.to_string()).unwrap_or_default(),
                        last.name.clone(),
                    );
                }
                let mut matching: Vec<_> = page
                    .into_iter()
                    .filter(|object| filter.lets_through(object))
                    .filter(|object| !kind.is_platform() || org.as_ref().is_none_or(|org| org.uid == object.uid))
                    .collect();
                matching.truncate(left);
                left -= matching.len();
                if !matching.is_empty() && pages.send(matching).await.is_err() {
                    return Ok(());
                }
                if last_page || left == 0 {
                    break;
                }
                size = PAGE;
            }
            if left == 0 {
                break;
            }
        }
        Ok(())
    }
}
