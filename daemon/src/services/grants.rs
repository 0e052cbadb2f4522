//! What a User or token may do, from the roles that are stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleet_proto::access::{self, Permissions};
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::site_spec::Settings;
use fleet_proto::pb::{RoleBindingSpec, SiteSpec};
use uuid::Uuid;

use super::error::{Error, Result};
use crate::domain::caller::{Grant, Who};
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Object, Org};
use crate::storage::access::sessions::{self, Session};
use crate::storage::access::tokens::{self, ApiToken};
use crate::storage::resources::{self, Narrow};
use crate::storage::{Tx, access as storage};

/// Sites read at a time.
const PAGE: u32 = 1_000;

/// One answer for every credential that does not count.
pub(super) fn refused() -> Error {
    Error::Unauthenticated("the credential is wrong, expired or revoked".to_owned())
}

/// The caller with what it may do now, and no more with what it could when it asked: in a transaction that has waited for
/// the writer much may have been taken from it.
pub(super) async fn renewed(tx: &mut Tx, caller: &Caller, now: Micros) -> Result<Caller> {
    let fresh = match caller.who() {
        Who::Fleetd(_) | Who::Socket(_) => return Ok(caller.clone()),
        Who::User { session, .. } => {
            let session = live_session(tx, session, now).await?;
            if is_unchanged(tx, caller).await? {
                return Ok(caller.clone());
            }
            caller_of_session(tx, &session).await?
        }
        Who::Token { id, .. } => {
            let token = live_token(tx, id, now).await?;
            if is_unchanged(tx, caller).await? {
                return Ok(caller.clone());
            }
            caller_of_token(tx, &token).await?
        }
    };
    Ok(caller.clone().renewed(&fresh))
}

/// Has nothing that decides access changed since the caller's grants were read?
async fn is_unchanged(tx: &mut Tx, caller: &Caller) -> Result<bool> {
    Ok(storage::changed_after(tx, caller.as_of()).await?.is_none())
}

/// The session of that id, if it has not ended.
pub(super) async fn live_session(tx: &mut Tx, id: &str, now: Micros) -> Result<Session> {
    let found = sessions::find(tx, id).await?;
    found
        .filter(|session| !session.revoked && session.expires_at > now)
        .ok_or_else(refused)
}

/// The token of that id, if it still counts.
pub(super) async fn live_token(tx: &mut Tx, id: &str, now: Micros) -> Result<ApiToken> {
    let found = tokens::find(tx, id).await?;
    found
        .filter(|token| !token.revoked && token.expires_at > now)
        .ok_or_else(refused)
}

/// The person of a session.
pub(super) async fn caller_of_session(tx: &mut Tx, session: &Session) -> Result<Caller> {
    let user = active(tx, session.user).await?;
    let granted = grants_of(tx, &user).await?;
    let who = Who::User {
        uid: user.uid,
        name: user.name,
        session: session.id.clone(),
    };
    let caller = Caller::new(who, Arc::new(granted), None);
    Ok(match session.org {
        Some(org) => caller.within(org),
        None => caller,
    })
}

/// The program of a token.
pub(super) async fn caller_of_token(tx: &mut Tx, token: &ApiToken) -> Result<Caller> {
    if let Some(org) = token.org {
        let org = resources::find_by_uid(tx, org).await?.ok_or_else(refused)?;
        refuse_suspended(&org)?;
    }
    let maker = match token.maker {
        None => None,
        Some(uid) => {
            let maker = active(tx, uid).await?;
            Some(Arc::new(grants_of(tx, &maker).await?))
        }
    };
    let sites = resources::site_names(tx, &token.sites).await?;
    let grant = Grant {
        org: token.org,
        sites: (!sites.is_empty()).then(|| sites.into_iter().collect()),
        permissions: access::union(&token.scopes),
        origin: format!("token/{}", token.id),
    };
    let who = Who::Token {
        id: token.id.clone(),
        name: token.name.clone(),
    };
    Ok(Caller::new(who, Arc::new(vec![grant]), maker))
}

/// A User who may call.
pub(super) async fn active(tx: &mut Tx, uid: Uuid) -> Result<Object> {
    let user = resources::find_by_uid(tx, uid).await?.ok_or_else(refused)?;
    match &user.spec {
        Spec::User(spec) if spec.active != Some(false) => Ok(user),
        _ => Err(refused()),
    }
}

fn refuse_suspended(org: &Object) -> Result<()> {
    match &org.spec {
        Spec::Organization(spec) if spec.suspended() => {
            Err(Error::Denied(format!("organization {} is suspended", org.name)))
        }
        _ => Ok(()),
    }
}

/// Everything that a User may do: one grant for each role at each place. Suspended organizations give nothing; who has
/// nothing else is told so.
pub(super) async fn grants_of(tx: &mut Tx, user: &Object) -> Result<Vec<Grant>> {
    let (mut grants, mut suspended) = (Vec::new(), None);
    for (grant, refusal) in every_grant(tx, user).await? {
        match refusal {
            None => grants.push(grant),
            Some(error) => suspended = Some(error),
        }
    }
    match suspended {
        Some(error) if grants.is_empty() => Err(error),
        _ => Ok(grants),
    }
}

/// Everything that a User was given, suspended organizations included: those with why it does not count.
pub(super) async fn every_grant(tx: &mut Tx, user: &Object) -> Result<Vec<(Grant, Option<Error>)>> {
    let mut grants = Vec::new();
    if let Spec::User(spec) = &user.spec {
        for role in &spec.platform_roles {
            let Some(role) = access::built_in(role) else { continue };
            grants.push(Grant {
                org: None,
                sites: None,
                permissions: access::union(&role.permissions()).with(&access::union(role.where_operators_control)),
                origin: format!("role {} by platformRoles of user/{}", role.name, user.name),
            });
        }
    }
    let mut grants: Vec<(Grant, Option<Error>)> = grants.into_iter().map(|grant| (grant, None)).collect();
    for binding in resources::bindings(tx, &user.name).await? {
        let (Some(org), Spec::RoleBinding(spec)) = (&binding.org, &binding.spec) else {
            continue;
        };
        let home = resources::find_by_uid(tx, org.uid).await?;
        for grant in by_binding(tx, org, &binding.name, spec).await? {
            let refusal = home.as_ref().and_then(|home| refuse_suspended(home).err());
            grants.push((grant, refusal));
        }
    }
    Ok(grants)
}

async fn by_binding(tx: &mut Tx, org: &Org, name: &str, spec: &RoleBindingSpec) -> Result<Vec<Grant>> {
    let origin = format!("role {} by role-binding/{name} of {}", spec.role(), org.name);
    // A binding whose sites are all gone reaches none of them; only `allSites` means everywhere.
    let sites: Option<BTreeSet<String>> = (!spec.all_sites()).then(|| spec.sites.iter().cloned().collect());
    let grant = |permissions: Permissions, sites: Option<BTreeSet<String>>, origin: String| Grant {
        org: Some(org.uid),
        sites,
        permissions,
        origin,
    };
    let Some(role) = access::built_in(spec.role()) else {
        let found = resources::find(tx, Some(org.uid), Kind::Role, spec.role()).await?;
        return Ok(match found.map(|object| object.spec) {
            Some(Spec::Role(role)) => vec![grant(access::union(&role.permissions), sites, origin)],
            _ => Vec::new(),
        });
    };
    let mut grants = vec![grant(access::union(&role.permissions()), sites.clone(), origin.clone())];
    if !role.where_operators_control.is_empty() {
        let allowed = sites_of_operators(tx, org.uid, sites.as_ref()).await?;
        if !allowed.is_empty() {
            let more = access::union(role.where_operators_control);
            grants.push(grant(
                more,
                Some(allowed),
                format!("{origin}, at sites with operatorControl"),
            ));
        }
    }
    Ok(grants)
}

/// Of these sites, or of all, those whose settings let operators control devices.
async fn sites_of_operators(tx: &mut Tx, org: Uuid, sites: Option<&BTreeSet<String>>) -> Result<BTreeSet<String>> {
    let lets = |spec: &SiteSpec| spec.settings.as_ref().is_some_and(Settings::operator_control);
    let mut found = BTreeSet::new();
    if let Some(sites) = sites {
        for name in sites {
            let site = resources::find(tx, Some(org), Kind::Site, name).await?;
            if site.is_some_and(|site| matches!(&site.spec, Spec::Site(spec) if lets(spec))) {
                found.insert(name.clone());
            }
        }
        return Ok(found);
    }
    let narrow = Narrow {
        org: org.to_string(),
        ..Narrow::default()
    };
    let mut after = String::new();
    loop {
        let page = resources::list(tx, Kind::Site, &narrow, ("", &after), PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after.clone_from(&last.name);
        let open = page
            .iter()
            .filter(|site| matches!(&site.spec, Spec::Site(spec) if lets(spec)));
        found.extend(open.map(|site| site.name.clone()));
    }
}
