//! Free values with their templates and secrets filled in.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::reflect::{self, Part};
use fleet_proto::template::{Mismatch, Template};
use serde_json::Value as Json;
use uuid::Uuid;

use super::error::Result;
use crate::domain::sealing::{Error as Unreadable, Sealer};
use crate::storage::{Tx, resources};

/// Bytes that a value may come to when its templates and secrets, as stored, are written out: parts could multiply them.
const LARGEST: usize = 1 << 20;

/// The one secret field of kind Secret.
const VALUE: &str = "spec.value";

/// What stands in place of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Its text: for the device that is served it, and for nothing else.
    Text,
    /// Its mark. Schemas are held against marks, too: an answer that depends on a text tells it, bit by bit.
    Mark,
}

/// By organization and name.
type Named = (Option<Uuid>, String);

/// A stored secret: whose, and sealed.
type Sealed = (Uuid, String);

/// Fills values in; what several of them name is read once.
#[derive(Debug)]
pub struct Filler<'a> {
    sealer: &'a Sealer,
    templates: HashMap<Named, Option<Arc<Template>>>,
    secrets: HashMap<Named, Option<Sealed>>,
    opened: BTreeSet<String>,
}

/// A value with everything filled in, and what is wrong with it, each at its path.
#[derive(Debug)]
pub struct Filled {
    /// The value.
    pub value: Json,
    /// What the schemas of templates say against it.
    pub mismatches: Vec<Mismatch>,
    /// Secrets that could not be read: name, and why.
    pub unreadable: Vec<(String, Unreadable)>,
}

impl<'a> Filler<'a> {
    /// Opens secrets with `sealer`.
    pub fn new(sealer: &'a Sealer) -> Self {
        Self {
            sealer,
            templates: HashMap::new(),
            secrets: HashMap::new(),
            opened: BTreeSet::new(),
        }
    }

    /// Names of the secrets whose texts were filled in.
    pub fn opened(&self) -> &BTreeSet<String> {
        &self.opened
    }

    /// A template of the organization; none: there is none, or it can no longer be used.
    pub async fn template(&mut self, tx: &mut Tx, org: Option<Uuid>, name: &str) -> Result<Option<Arc<Template>>> {
        let key = (org, name.to_owned());
        if let Some(known) = self.templates.get(&key) {
            return Ok(known.clone());
        }
        let found = resources::find(tx, org, Kind::Template, name).await?;
        let template = match found.map(|object| object.spec) {
            Some(Spec::Template(spec)) => Template::of(&spec).ok().map(Arc::new),
            _ => None,
        };
        self.templates.insert(key, template.clone());
        Ok(template)
    }

    async fn secret(&mut self, tx: &mut Tx, org: Option<Uuid>, name: &str) -> Result<()> {
        if let Entry::Vacant(place) = self.secrets.entry((org, name.to_owned())) {
            let found = resources::find(tx, org, Kind::Secret, name).await?;
            place.insert(found.and_then(|object| match object.spec {
                Spec::Secret(spec) => Some((object.uid, spec.value.unwrap_or_default())),
                _ => None,
            }));
        }
        Ok(())
    }

    /// Fills a value of an organization in; paths begin with `path`. What does not exist becomes null.
    pub async fn fill(&mut self, tx: &mut Tx, org: Option<Uuid>, path: &str, json: Json, show: Show) -> Result<Filled> {
        let mut named = Vec::new();
        reflect::parts(&json, path, &mut |_, part| {
            named.push(match part {
                Part::Template(name, _) => (Kind::Template, name.to_owned()),
                Part::Secret(name) => (Kind::Secret, name.to_owned()),
            });
        });
        for (kind, name) in named {
            match kind {
                Kind::Template => drop(self.template(tx, org, &name).await?),
                _ => self.secret(tx, org, &name).await?,
            }
        }
        let (mut mismatches, mut unreadable, mut left) = (Vec::new(), Vec::new(), LARGEST);
        let value = reflect::filled(json, path, &mut |path, part| match part {
            Part::Template(name, values) => {
                let Some(Some(template)) = self.templates.get(&(org, name.to_owned())) else {
                    return Json::Null;
                };
                let Some(rest) = left.checked_sub(template.size) else {
                    mismatches.push((path.to_owned(), too_large()));
                    return Json::Null;
                };
                left = rest;
                let whole = template.render(values);
                if show == Show::Mark {
                    let wrong = template.check(&whole).into_iter();
                    mismatches.extend(wrong.map(|(below, why)| (format!("{path}.values{below}"), why)));
                }
                whole
            }
            Part::Secret(name) => {
                let Some(Some((uid, stored))) = self.secrets.get(&(org, name.to_owned())) else {
                    return Json::Null;
                };
                let Some(rest) = left.checked_sub(stored.len()) else {
                    mismatches.push((path.to_owned(), too_large()));
                    return Json::Null;
                };
                left = rest;
                if show == Show::Mark {
                    return reflect::mark_of(stored).into();
                }
                match self.sealer.open(*uid, VALUE, stored) {
                    Ok(text) => {
                        self.opened.insert(name.to_owned());
                        text.into()
                    }
                    Err(why) => {
                        unreadable.push((name.to_owned(), why));
                        Json::Null
                    }
                }
            }
        });
        Ok(Filled {
            value,
            mismatches,
            unreadable,
        })
    }
}

fn too_large() -> String {
    format!("comes to more than {LARGEST} bytes when its templates and secrets are written out")
}
