//! Claim tokens: with one of them a device provisions itself.

use fleet_proto::codes;
use fleet_proto::names;
use fleet_proto::pb::{self, Issue};
use serde_json::json;

use super::identity::refuse_suspended;
use super::provision::normalised;
use super::{Devices, Provision};
use crate::domain::audit::Event;
use crate::domain::caller::Place;
use crate::domain::object::timestamp;
use crate::domain::tokens::{self, TokenKind};
use crate::domain::{Caller, Org};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::devices::claim_tokens::{self, ClaimToken};
use crate::storage::{Tx, audit, resources};

const HOUR: u64 = 3_600;
/// A claim token lives at most a year.
const LONGEST: u64 = 366 * 24 * HOUR;

/// A claim token that is wanted.
#[derive(Clone, Debug, Default)]
pub struct ClaimRequest {
    /// Name of the organization.
    pub org: String,
    /// Site that devices are put at; may be empty.
    pub site: String,
    /// Only devices of this model; empty: any.
    pub model: String,
    /// Only the device with this serial; empty: any.
    pub serial: String,
    /// Seconds; 0: one hour.
    pub expires_in_seconds: u64,
    /// 0: one.
    pub max_uses: u32,
}

impl Devices {
    /// Makes a claim token. Its text is shown here and never again.
    pub async fn create_claim_token(&self, caller: &Caller, request: ClaimRequest) -> Result<(pb::ClaimToken, String)> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let made = self.create_claim_token_in(&mut tx, caller, request).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// [`Self::create_claim_token`] within a transaction; the caller asks for the right to make one.
    pub(super) async fn create_claim_token_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        request: ClaimRequest,
    ) -> Result<(pb::ClaimToken, String)> {
        let invalid = |path: &str, message: String| {
            Error::Invalid(vec![Issue {
                path: path.to_owned(),
                message,
                code: codes::OUT_OF_RANGE.to_owned(),
                ..Issue::default()
            }])
        };
        if request.expires_in_seconds > LONGEST {
            return Err(invalid("expires_in_seconds", "is longer than a year".to_owned()));
        }
        let now = self.clock.now();
        let fresh = Self::fresh_token(TokenKind::Claim);
        let org = Resources::place_for(tx, caller, &request.org, &request.site).await?;
        let site = match request.site.as_str() {
            "" => String::new(),
            name => Resources::site_in(tx, &org.name, name).await?,
        };
        let lifetime = if request.expires_in_seconds == 0 {
            HOUR
        } else {
            request.expires_in_seconds
        };
        let token = ClaimToken {
            id: fresh.id,
            org: org.uid,
            site,
            model: request.model,
            serial: request.serial,
            hash: fresh.hash,
            uses_left: u64::from(request.max_uses.max(1)),
            expires_at: now + (lifetime * 1_000_000) as i64,
            created_at: now,
            created_by: caller.actor(),
            revoked: false,
        };
        claim_tokens::insert(tx, &token).await?;
        let event = Event::done(
            caller,
            Some(org.uid),
            "claim-token.create",
            format!("claim-token/{}", token.id),
        );
        let detail =
            json!({"site": request.site, "model": token.model, "serial": token.serial, "uses": token.uses_left});
        audit::append(tx, &[event.with(detail)], now).await?;
        let token = ClaimToken {
            site: request.site,
            ..token
        };
        Ok((shown(&org, token), fresh.text.reveal()))
    }

    /// The claim tokens of an organization, newest first.
    pub async fn claim_tokens(&self, caller: &Caller, org: &str) -> Result<Vec<pb::ClaimToken>> {
        let mut tx = self.resources.db().read().await?;
        let org = Resources::org_for_in(&mut tx, caller, org).await?;
        let mut theirs = Vec::new();
        for token in claim_tokens::list(&mut tx, org.uid).await? {
            let token = named(&mut tx, token).await?;
            if caller.may(caller.asked(), &Place::at(org.uid, &token.site)) {
                theirs.push(shown(&org, token));
            }
        }
        Ok(theirs)
    }

    /// Ends a claim token.
    pub async fn revoke_claim_token(&self, caller: &Caller, org: &str, id: &str) -> Result<pb::ClaimToken> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let org = Resources::org_for_in(&mut tx, caller, org).await?;
        let missing = || Error::NotFound(format!("claim token {id}"));
        let token = claim_tokens::find(&mut tx, id).await?.ok_or_else(missing)?;
        let token = named(&mut tx, token).await?;
        if token.org != org.uid || !caller.may(caller.asked(), &Place::at(org.uid, &token.site)) {
            return Err(missing());
        }
        if !claim_tokens::revoke(&mut tx, org.uid, id).await? {
            return Err(missing());
        }
        let token = ClaimToken { revoked: true, ..token };
        let event = Event::done(caller, Some(org.uid), "claim-token.revoke", format!("claim-token/{id}"));
        audit::append(&mut tx, &[event], self.clock.now()).await?;
        tx.commit().await?;
        Ok(shown(&org, token))
    }

    /// The claim token that a text names, genuine or not.
    pub(super) async fn named_claim(&self, text: &str) -> Result<Option<ClaimToken>> {
        let Some(id) = tokens::id(TokenKind::Claim, text) else {
            return Ok(None);
        };
        Ok(claim_tokens::find(&mut self.resources.db().read().await?, id).await?)
    }

    /// The claim token of a device, if it is genuine and for such a device. Whether it is used up or expired is looked
    /// at where something is given for it.
    pub(super) async fn claim_in(&self, tx: &mut Tx, request: &Provision) -> Result<(Org, ClaimToken)> {
        let id = tokens::id(TokenKind::Claim, &request.claim_token).ok_or_else(refused)?;
        let claim = claim_tokens::find(tx, id).await?.ok_or_else(refused)?;
        let serial_fits = claim.serial.is_empty() || normalised(&claim.serial) == normalised(&request.hw_id);
        let model_fits = claim.model.is_empty() || claim.model == request.model;
        // One answer for everything that is wrong: a guesser learns nothing.
        if !(tokens::matches(&request.claim_token, &claim.hash) && !claim.revoked && serial_fits && model_fits) {
            return Err(refused());
        }
        let org = Resources::org_in(tx, &claim.org.to_string()).await?;
        refuse_suspended(tx, &org).await?;
        let claim = named(tx, claim).await?;
        if names::is_uuid(&claim.site) {
            return Err(refused());
        }
        Ok((org, claim))
    }
}

/// A claim token with its site by name.
async fn named(tx: &mut Tx, token: ClaimToken) -> Result<ClaimToken> {
    let site = resources::site_name(tx, token.site).await?;
    Ok(ClaimToken { site, ..token })
}

pub(super) fn refused() -> Error {
    Error::Unauthenticated("the claim token is missing, wrong, expired, used up, or not for this device".to_owned())
}

fn shown(org: &Org, token: ClaimToken) -> pb::ClaimToken {
    pb::ClaimToken {
        id: token.id,
        org: org.name.clone(),
        site: token.site,
        model: token.model,
        serial: token.serial,
        uses_left: u32::try_from(token.uses_left).unwrap_or(u32::MAX),
        expires_at: Some(timestamp(token.expires_at)),
        created_at: Some(timestamp(token.created_at)),
        created_by: token.created_by,
        revoked: token.revoked,
    }
}
