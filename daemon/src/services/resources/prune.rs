//! What an apply deletes: members of its apply set that are no longer submitted, never by label.

use std::collections::HashSet;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::{Issue, OnDelete};
use fleet_proto::reflect;
use uuid::Uuid;

use super::Resources;
use super::apply::Options;
use super::doom::Doom;
use crate::domain::ownership::Manager;
use crate::domain::{Caller, Object};
use crate::services::error::{self, Error, Result};
use crate::storage::resources;
use crate::storage::{Tx, ownership as claims};

/// So many may be deleted however small the apply set is.
const ALWAYS: usize = 10;
/// Else one in so many.
const SHARE: usize = 10;

/// Members that are not submitted any more.
#[derive(Debug, Default)]
pub(super) struct Fallen {
    /// What is deleted.
    pub(super) doom: Doom,
    /// What stays, and why.
    pub(super) kept: Vec<(Object, String)>,
    /// What another apply set has, too.
    pub(super) released: Vec<Object>,
    /// What forbids the deletions.
    pub(super) guards: Vec<Issue>,
}

/// The guard of a submission that holds nothing: a wrong path must not empty a fleet.
pub(super) fn empty() -> Issue {
    guard(
        codes::EMPTY,
        "there is nothing in the submission, so every member of the apply set would be deleted".to_owned(),
        "look at the paths; to end an apply set, delete its resources by name",
    )
}

/// The guard of a resource that another apply set could not keep without this one's fields.
pub(super) fn needed(message: String) -> Issue {
    let help = "submit it again, or add what is missing to the other apply set first";
    guard(codes::IN_USE, message, help)
}

/// Finds what falls. Only organizations that the bundle mentions are looked at: a set of manifests
/// for one of them says nothing about another.
pub(super) async fn fallen(
    tx: &mut Tx,
    caller: &Caller,
    manager: &Manager,
    options: &Options,
    submitted: &HashSet<Uuid>,
    orgs: &HashSet<Uuid>,
) -> Result<Fallen> {
    let mut fallen = Fallen::default();
    let mut candidates = Vec::new();
    let mut size = 0;
    if let Manager::ApplySet(name) = manager {
        let members = claims::members(tx, name).await?;
        size = members.len();
        if options.prune {
            let mut gone: Vec<Uuid> = members.difference(submitted).copied().collect();
            gone.sort();
            for uid in gone {
                let Some(object) = resources::find_by_uid(tx, uid).await? else {
                    continue;
                };
                let home = object.org.as_ref().map_or(object.uid, |org| org.uid);
                if !orgs.contains(&home) {
                    continue;
                }
                if claims::apply_sets(tx, uid).await?.len() > 1 {
                    fallen.released.push(object);
                } else {
                    candidates.push(object);
                }
            }
        }
    }
    candidates.append(&mut planned(tx, caller, options).await?);
    fallen.keep(&mut candidates);
    let most = options
        .max_delete
        .map_or(ALWAYS.max(size / SHARE), |most| most as usize);
    if candidates.len() > most {
        fallen.guards.push(guard(
            codes::MANY_DELETIONS,
            format!(
                "{} resources would be deleted, and at most {most} may",
                candidates.len()
            ),
            &format!("if that is meant, repeat with `--max-delete {}`", candidates.len()),
        ));
    }
    let doom = Doom::of(tx, caller, candidates, submitted).await?;
    for (key, referrers) in &doom.in_use {
        fallen.guards.push(guard(
            codes::IN_USE,
            format!(
                "{key} is no longer submitted, but {} still refers to it",
                error::named(referrers)
            ),
            "submit it again, or change what refers to it first",
        ));
    }
    for key in &doom.protected {
        let message = format!("{key} would go along, and it is protected");
        fallen
            .guards
            .push(guard(codes::PROTECTED, message, "set `metadata.protect: false` first"));
    }
    fallen.doom = doom;
    Ok(fallen)
}

/// What a saved plan deletes; something that changed since makes the plan stale.
async fn planned(tx: &mut Tx, caller: &Caller, options: &Options) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    let mut stale = Vec::new();
    for (key, seen) in &options.deletes {
        // What may not be seen is as gone as what does not exist.
        match Resources::find_for(tx, caller, &key.org, key.kind, &key.name).await {
            Ok(object) if object.revision == *seen => found.push(object),
            Ok(object) => stale.push((key.clone(), *seen, object.revision)),
            Err(Error::NotFound(_)) => stale.push((key.clone(), *seen, 0)),
            Err(error) => return Err(error),
        }
    }
    if stale.is_empty() {
        Ok(found)
    } else {
        Err(Error::Stale(stale))
    }
}

impl Fallen {
    /// Protection keeps a resource and what it refers to; everything else goes on.
    fn keep(&mut self, candidates: &mut Vec<Object>) {
        let stay = |candidates: &mut Vec<Object>, test: &dyn Fn(&Object) -> bool| -> Vec<Object> {
            let (stay, go) = std::mem::take(candidates).into_iter().partition(|object| test(object));
            *candidates = go;
            stay
        };
        let mut found: Vec<(Object, String)> = stay(candidates, &|object| object.protect)
            .into_iter()
            .map(|object| (object, "it is protected".to_owned()))
            .collect();
        while let Some((keeper, reason)) = found.pop() {
            let needed: HashSet<(Kind, String)> = reflect::references(&keeper.spec)
                .into_iter()
                .filter(|reference| reference.on_delete == OnDelete::Restrict)
                .map(|reference| (reference.kind, reference.name))
                .collect();
            let is_needed = |object: &Object| {
                let is_org = keeper.org.as_ref().is_some_and(|org| org.uid == object.uid);
                is_org || (object.org == keeper.org && needed.contains(&(object.kind, object.name.clone())))
            };
            for object in stay(candidates, &is_needed) {
                found.push((
                    object,
                    format!("{}/{} needs it, which is kept", keeper.kind, keeper.name),
                ));
            }
            self.kept.push((keeper, reason));
        }
        self.kept.sort_by_key(|(object, _)| object.key().to_string());
    }
}

fn guard(code: &str, message: String, help: &str) -> Issue {
    Issue {
        index: 0,
        path: String::new(),
        message,
        help: help.to_owned(),
        code: code.to_owned(),
    }
}
