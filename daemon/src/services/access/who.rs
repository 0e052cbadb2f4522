//! What a caller is told of itself, and of what others may do.

use fleet_proto::access::{Permission, Permissions};
use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::{self, Issue};

use super::{Access, grants};
use crate::domain::Caller;
use crate::domain::caller::{Grant, Place, Who};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::Tx;

impl Access {
    /// Who the caller is, and where it may do what.
    pub async fn who_am_i(&self, caller: &Caller) -> Result<pb::WhoAmIResponse> {
        let mut tx = self.resources.db().read().await?;
        let mut told = Vec::new();
        for grant in caller.grants() {
            let org = match grant.org {
                None => String::new(),
                Some(uid) => Resources::org_in(&mut tx, &uid.to_string()).await?.name,
            };
            told.push(pb::Grant {
                org,
                sites: grant.sites.iter().flatten().cloned().collect(),
                nowhere: grant.sites.as_ref().is_some_and(std::collections::BTreeSet::is_empty),
                permissions: compact(&grant.permissions),
                origin: grant.origin.clone(),
            });
        }
        Ok(pb::WhoAmIResponse {
            actor: caller.actor(),
            grants: told,
        })
    }

    /// May somebody do something somewhere? About others only those may ask who see all of an organization's bindings.
    pub async fn can_i(&self, caller: &Caller, asked: &pb::CanIRequest) -> Result<pb::CanIResponse> {
        let wanted = Permissions::parse(&asked.permission).map_err(|message| {
            Error::Invalid(vec![Issue {
                path: "permission".to_owned(),
                message,
                help: "`fleetctl help permissions` lists them".to_owned(),
                code: codes::UNKNOWN_VALUE.to_owned(),
                ..Issue::default()
            }])
        })?;
        let mut tx = self.resources.db().read().await?;
        let place = self.asked_place(&mut tx, caller, asked, &wanted).await?;
        let of = if asked.user.is_empty() {
            caller.clone()
        } else {
            self.other(&mut tx, caller, &asked.user, &place).await?
        };
        let one_of = |grant: &Grant, permission: Permission| {
            let alone = Caller::new(of.who().clone(), std::sync::Arc::new(vec![grant.clone()]), None);
            alone.may(permission, &place)
        };
        let because = of
            .grants()
            .iter()
            .filter(|grant| wanted.iter().any(|permission| one_of(grant, permission)))
            .map(|grant| grant.origin.clone());
        let allowed = wanted.iter().all(|permission| of.may(permission, &place));
        Ok(pb::CanIResponse {
            allowed,
            because: if allowed { because.collect() } else { Vec::new() },
        })
    }

    async fn asked_place(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        asked: &pb::CanIRequest,
        wanted: &Permissions,
    ) -> Result<Place> {
        if asked.org.is_empty() {
            return Ok(Place::Platform);
        }
        let org = Resources::org_for_in(tx, caller, &asked.org).await?;
        if asked.name.is_empty() {
            return Ok(Place::at(org.uid, &asked.site));
        }
        let kind = wanted
            .iter()
            .find_map(|one| Kind::find(one.noun))
            .unwrap_or(Kind::Device);
        let view = Permission::of(fleet_proto::access::Verb::View, kind);
        let caller = caller.clone().asking(view, caller.origin().clone());
        Ok(Place::of(
            &Resources::find_for(tx, &caller, &asked.org, kind, &asked.name).await?,
        ))
    }

    async fn other(&self, tx: &mut Tx, caller: &Caller, user: &str, place: &Place) -> Result<Caller> {
        let view = Permission::of(fleet_proto::access::Verb::View, Kind::RoleBinding);
        if caller.user() != Some(user) && !caller.may(view, place) {
            return Err(Error::Denied(format!("{view} is needed to ask about others")));
        }
        let view = Permission::of(fleet_proto::access::Verb::View, Kind::User);
        let asking = caller.clone().asking(view, caller.origin().clone());
        let found = Resources::find_for(tx, &asking, "", Kind::User, user).await?;
        let grants = grants::grants_of(tx, &found).await?;
        let who = Who::User {
            uid: found.uid,
            name: found.name,
            session: String::new(),
        };
        Ok(Caller::new(who, std::sync::Arc::new(grants), None))
    }
}

/// `*:*` instead of a list of everything.
fn compact(permissions: &Permissions) -> Vec<String> {
    if Permissions::all().iter().all(|one| permissions.has(one)) {
        return vec!["*:*".to_owned()];
    }
    permissions.iter().map(|one| one.to_string()).collect()
}
