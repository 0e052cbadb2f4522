//! API tokens: what programs call with.

use fleet_proto::access::Permissions;
use fleet_proto::pb;
use rand::Rng as _;
use serde_json::json;
use uuid::Uuid;

use super::Access;
use crate::domain::Caller;
use crate::domain::audit::Event;
use crate::domain::caller::{Place, Who};
use crate::domain::object::timestamp;
use crate::domain::tokens::{self as texts, TokenKind};
use crate::services::error::{Error, Result};
use crate::services::resources::{Resources, denied};
use crate::storage::access::tokens::{self, ApiToken};
use crate::storage::{Tx, resources};

const DAY: u64 = 86_400;
/// Unless said otherwise.
const LIFETIME_DAYS: u64 = 90;
/// A token lives at most two years.
const LONGEST_DAYS: u64 = 731;
/// Sites of a token or invitation.
pub(super) const MOST_SITES: usize = 100;
/// Characters of a name.
const LONGEST_NAME: usize = 100;

/// A token that is wanted.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    /// Name of the organization; empty: every one.
    pub org: String,
    /// What people call it.
    pub name: String,
    /// Each as `verb:noun` or `noun:verb`.
    pub scopes: Vec<String>,
    /// Only at these sites; empty: everywhere.
    pub sites: Vec<String>,
    /// Seconds; 0: 90 days.
    pub expires_in_seconds: u64,
}

impl Access {
    /// Makes a token. It may no more than whoever makes it, now and later. Its text is shown here and never again.
    pub async fn create_token(&self, caller: &Caller, wanted: NewToken) -> Result<(pb::ApiToken, String)> {
        if let Who::Token { .. } = caller.who() {
            // It would outlive the token that made it.
            return Err(Error::Denied("a token makes no tokens: log in to make one".to_owned()));
        }
        let permissions = scopes(&wanted.scopes)?;
        if wanted.sites.len() > MOST_SITES {
            return Err(Error::field(
                "sites",
                format!("names more than {MOST_SITES} sites"),
                "leave it out for all of them",
            ));
        }
        if wanted.name.chars().count() > LONGEST_NAME || wanted.name.chars().any(char::is_control) {
            return Err(Error::field(
                "name",
                format!("has at most {LONGEST_NAME} characters"),
                "shorten it",
            ));
        }
        if wanted.expires_in_seconds > LONGEST_DAYS * DAY {
            return Err(Error::field(
                "expires_in_seconds",
                "is longer than two years".to_owned(),
                "choose less",
            ));
        }
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let (org, place) = self.place(&mut tx, caller, &wanted.org, &wanted.sites).await?;
        let mut sites = Vec::with_capacity(wanted.sites.len());
        for site in &wanted.sites {
            sites.push(Resources::site_in(&mut tx, &wanted.org, site).await?);
        }
        let missing = permissions.iter().find(|one| !caller.may(*one, &place));
        if let Some(missing) = missing {
            return Err(Error::Denied(format!(
                "you do not have {missing} there, so no token of yours can"
            )));
        }
        let now = self.clock.now();
        if let Some(org) = org {
            Resources::may_add_token(&mut tx, org, now).await?;
        }
        let mut random = [0; 48];
        rand::rng().fill_bytes(&mut random);
        let fresh = texts::make(TokenKind::Api, random);
        let lifetime = match wanted.expires_in_seconds {
            0 => LIFETIME_DAYS * DAY,
            seconds => seconds,
        };
        let token = ApiToken {
            id: fresh.id,
            org,
            name: wanted.name,
            scopes: permissions.iter().map(|one| one.to_string()).collect(),
            sites,
            hash: fresh.hash,
            maker: self.maker(&mut tx, caller).await?,
            created_at: now,
            created_by: caller.actor(),
            expires_at: now + (lifetime * 1_000_000) as i64,
            revoked: false,
            last_used_at: None,
        };
        tokens::insert(&mut tx, &token).await?;
        let event = Event::done(caller, token.org, "token.create", format!("token/{}", token.id));
        let detail = json!({"name": token.name, "scopes": token.scopes, "sites": wanted.sites});
        self.note(&mut tx, event.with(detail)).await?;
        tx.commit().await?;
        let token = ApiToken {
            sites: wanted.sites,
            ..token
        };
        Ok((shown(&wanted.org, token), fresh.text.reveal()))
    }

    /// Where a token would count; the caller may make tokens there.
    async fn place(&self, tx: &mut Tx, caller: &Caller, org: &str, sites: &[String]) -> Result<(Option<Uuid>, Place)> {
        if org.is_empty() {
            if caller.may(caller.asked(), &Place::Platform) {
                return Ok((None, Place::Platform));
            }
            return Err(denied(caller.asked(), &"the platform"));
        }
        let org = Resources::org_for_in(tx, caller, org).await?;
        for site in sites {
            Resources::place_for(tx, caller, &org.name, site).await?;
        }
        if sites.is_empty() {
            Resources::place_for(tx, caller, &org.name, "").await?;
            return Ok((Some(org.uid), Place::Org(org.uid)));
        }
        Ok((Some(org.uid), Place::Sites(org.uid, sites.to_vec())))
    }

    /// The tokens of an organization, or those of none; newest first.
    pub async fn tokens(&self, caller: &Caller, org: &str) -> Result<Vec<pb::ApiToken>> {
        let mut tx = self.resources.db().read().await?;
        let uid = match org {
            "" if caller.may(caller.asked(), &Place::Platform) => None,
            "" => return Err(denied(caller.asked(), &"the platform")),
            name => Some(Resources::org_for_in(&mut tx, caller, name).await?.uid),
        };
        let mut theirs = Vec::new();
        for mut token in tokens::list(&mut tx, uid).await? {
            token.sites = resources::site_names(&mut tx, &token.sites).await?;
            if caller.may(caller.asked(), &place_of(&token)) {
                theirs.push(shown(org, token));
            }
        }
        Ok(theirs)
    }

    /// Ends a token.
    pub async fn revoke_token(&self, caller: &Caller, org: &str, id: &str) -> Result<pb::ApiToken> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let missing = || Error::NotFound(format!("token {id}"));
        let uid = match org {
            "" => None,
            name => Some(Resources::org_for_in(&mut tx, caller, name).await?.uid),
        };
        let mut token = tokens::find(&mut tx, id).await?.ok_or_else(missing)?;
        token.sites = resources::site_names(&mut tx, &token.sites).await?;
        if token.org != uid || !caller.may(caller.asked(), &place_of(&token)) {
            return Err(missing());
        }
        tokens::revoke(&mut tx, id).await?;
        let event = Event::done(caller, token.org, "token.revoke", format!("token/{id}"));
        self.note(&mut tx, event).await?;
        tx.commit().await?;
        self.forget(id);
        token.revoked = true;
        Ok(shown(org, token))
    }
}

fn scopes(texts: &[String]) -> Result<Permissions> {
    if texts.is_empty() {
        let help = "name what the token is for with --scope, such as --scope telemetry:write";
        return Err(Error::field("scopes", "is empty".to_owned(), help));
    }
    let mut all = Permissions::default();
    for (at, text) in texts.iter().enumerate() {
        let some = Permissions::parse(text).map_err(|message| {
            Error::field(
                &format!("scopes[{at}]"),
                message,
                "`fleetctl help permissions` lists them",
            )
        })?;
        all = all.with(&some);
    }
    Ok(all)
}

/// Where a token counts, with its sites by name.
fn place_of(token: &ApiToken) -> Place {
    match token.org {
        None => Place::Platform,
        Some(org) if token.sites.is_empty() => Place::Org(org),
        Some(org) => Place::Sites(org, token.sites.clone()),
    }
}

fn shown(org: &str, token: ApiToken) -> pb::ApiToken {
    pb::ApiToken {
        id: token.id,
        org: org.to_owned(),
        name: token.name,
        scopes: token.scopes,
        sites: token.sites,
        expires_at: Some(timestamp(token.expires_at)),
        created_at: Some(timestamp(token.created_at)),
        created_by: token.created_by,
        revoked: token.revoked,
        last_used_at: token.last_used_at.map(timestamp),
    }
}
