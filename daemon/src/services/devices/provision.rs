//! Provisioning: a claim token makes a device known, and gives it a token of its own.

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, DeviceSpec, Issue};
use uuid::Uuid;

use super::{Devices, Identity};
use crate::domain::caller::{Place, Who};
use crate::domain::object::timestamp;
use crate::domain::ownership::Manager;
use crate::domain::tokens::{self, TokenKind};
use crate::domain::{Caller, Object, Org};
use crate::services::error::{Error, Result};
use crate::services::resources::{Options, Resources};
use crate::storage::devices::claim_tokens::{self, ClaimToken};
use crate::storage::devices::{credentials, states};
use crate::storage::{Tx, resources};

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

/// What a device says to be provisioned.
#[derive(Clone, Debug, Default)]
pub struct Provision {
    /// MAC address or serial number.
    pub hw_id: String,
    /// The maker's name of the model.
    pub model: String,
    /// Its software; may be empty.
    pub firmware_version: String,
    /// The claim token; may be empty where the current token is shown.
    pub claim_token: String,
    /// The current device token; may be empty.
    pub bearer: String,
    /// Address that it calls from.
    pub address: String,
}

/// A provisioned device.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// Who it is.
    pub identity: Identity,
    /// Its new token, shown once.
    pub token: String,
}

/// A hardware id as a name: without separators, lower case.
pub fn normalised(hw_id: &str) -> String {
    hw_id
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.' | ' ' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Devices {
    /// Makes a claim token. Its text is shown here and never again.
    pub async fn create_claim_token(&self, caller: &Caller, request: ClaimRequest) -> Result<(pb::ClaimToken, String)> {
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
        let mut tx = self.resources.db().begin().await?;
        let org = Resources::place_for(&mut tx, caller, &request.org, &request.site).await?;
        if !request.site.is_empty() {
            Resources::find_in(&mut tx, &org.name, Kind::Site, &request.site).await?;
        }
        let lifetime = if request.expires_in_seconds == 0 {
            HOUR
        } else {
            request.expires_in_seconds
        };
        let token = ClaimToken {
            id: fresh.id,
            org: org.uid,
            site: request.site,
            model: request.model,
            serial: request.serial,
            hash: fresh.hash,
            uses_left: u64::from(request.max_uses.max(1)),
            expires_at: now + (lifetime * 1_000_000) as i64,
            created_at: now,
            created_by: caller.actor(),
            revoked: false,
        };
        claim_tokens::insert(&mut tx, &token).await?;
        tx.commit().await?;
        Ok((shown(&org, token), fresh.text))
    }

    /// The claim tokens of an organization, newest first.
    pub async fn claim_tokens(&self, caller: &Caller, org: &str) -> Result<Vec<pb::ClaimToken>> {
        let mut tx = self.resources.db().read().await?;
        let org = Resources::org_for_in(&mut tx, caller, org).await?;
        let theirs = |token: &ClaimToken| caller.may(caller.asked(), &Place::at(org.uid, &token.site));
        Ok(claim_tokens::list(&mut tx, org.uid)
            .await?
            .into_iter()
            .filter(theirs)
            .map(|token| shown(&org, token))
            .collect())
    }

    /// Ends a claim token.
    pub async fn revoke_claim_token(&self, caller: &Caller, org: &str, id: &str) -> Result<pb::ClaimToken> {
        let mut tx = self.resources.db().begin().await?;
        let org = Resources::org_for_in(&mut tx, caller, org).await?;
        let missing = || Error::NotFound(format!("claim token {id}"));
        let token = claim_tokens::find(&mut tx, id).await?.ok_or_else(missing)?;
        if token.org != org.uid || !caller.may(caller.asked(), &Place::at(org.uid, &token.site)) {
            return Err(missing());
        }
        if !claim_tokens::revoke(&mut tx, org.uid, id).await? {
            return Err(missing());
        }
        let token = claim_tokens::find(&mut tx, id).await?.ok_or_else(missing)?;
        tx.commit().await?;
        Ok(shown(&org, token))
    }

    /// Makes a device known, or gives a known one a new token. All in one transaction: a use of the
    /// claim token is taken only when the device exists with its credential.
    pub async fn provision(&self, request: Provision) -> Result<Provisioned> {
        let name = normalised(&request.hw_id);
        let now = self.clock.now();
        let mut tx = self.resources.db().begin().await?;
        let bearer = if request.bearer.is_empty() {
            None
        } else {
            Some(self.authenticate_in(&mut tx, &request.bearer).await?)
        };
        let (org, claim) = match &bearer {
            Some(identity) => (identity.org.clone(), None),
            None => {
                let (org, claim) = self.claim_in(&mut tx, &request).await?;
                (org, Some(claim))
            }
        };
        if name.is_empty() {
            return Err(Error::Invalid(vec![Issue {
                path: "hwId".into(),
                message: "is missing".into(),
                code: codes::MISSING_FIELD.into(),
                ..Issue::default()
            }]));
        }
        let existing = find_by_serial(&mut tx, &org, &request.hw_id).await?;
        let mut revision = None;
        let device = match existing {
            Some(device) => {
                let own = bearer.as_ref().is_some_and(|identity| identity.uid == device.uid);
                if !own && credentials::exists(&mut tx, device.uid).await? {
                    return Err(Error::AlreadyExists(format!(
                        "a device with hwId {} has a token; it must show it as Bearer to get a new one, or be deleted first; it",
                        request.hw_id
                    )));
                }
                device
            }
            None if bearer.is_some() => return Err(Error::NotFound(format!("a device with hwId {}", request.hw_id))),
            None => {
                let site = claim
                    .as_ref()
                    .map(|claim| claim.site.clone())
                    .filter(|site| !site.is_empty());
                let spec = DeviceSpec {
                    serial: Some(request.hw_id.clone()),
                    site,
                    device_type: Some("gateway".to_owned()),
                    kind_of_device: Some(request.model.clone()).filter(|model| !model.is_empty()),
                    ..DeviceSpec::default()
                };
                let metadata = pb::Metadata {
                    org: org.name.clone(),
                    name: name.clone(),
                    ..pb::Metadata::default()
                };
                if resources::find_uid(&mut tx, Some(org.uid), Kind::Device, &name)
                    .await?
                    .is_some()
                {
                    return Err(Error::AlreadyExists(format!("device/{name} with another serial")));
                }
                let resource = pb::Resource {
                    metadata: Some(metadata),
                    spec: Some(Spec::Device(spec)),
                    ..pb::Resource::default()
                };
                let claim_id = claim.as_ref().map(|claim| claim.id.as_str()).unwrap_or_default();
                let actor = Caller::with_everything(Who::Fleetd(format!("claim:{claim_id}")));
                let outcome = self
                    .resources
                    .apply_in(
                        &mut tx,
                        &actor,
                        &Manager::Fleetd,
                        vec![pb::Submission {
                            resource: Some(resource),
                            ..pb::Submission::default()
                        }],
                        &Options::default(),
                    )
                    .await?
                    .done()?;
                revision = Some(outcome.revision);
                outcome
                    .applied
                    .into_iter()
                    .next()
                    .map(|applied| applied.object)
                    .ok_or_else(|| Error::Unavailable("the device was not created".to_owned()))?
            }
        };
        if let Some(claim) = &claim
            && !claim_tokens::take_use(&mut tx, &claim.id).await?
        {
            return Err(refused());
        }
        let fresh = Self::fresh_token(TokenKind::Device);
        credentials::insert(&mut tx, &fresh.id, device.uid, &fresh.hash, now).await?;
        let mut state = states::find(&mut tx, device.uid).await?.unwrap_or_default();
        state.provisioned_at = state.provisioned_at.or(Some(now));
        state.last_seen = Some(now);
        state.firmware_version = request.firmware_version;
        state.address = request.address;
        states::replace(&mut tx, device.uid, &state).await?;
        tx.commit().await?;
        if let Some(revision) = revision {
            self.resources.announce(revision);
        }
        // A token that was pushed out by the new one must not live on in memory.
        super::write(&self.known).retain(|_, known| known.identity.uid != device.uid);
        Ok(Provisioned {
            identity: Identity {
                org,
                uid: device.uid,
                name: device.name,
            },
            token: fresh.text,
        })
    }

    async fn authenticate_in(&self, tx: &mut Tx, token: &str) -> Result<Identity> {
        let wrong = || Error::Unauthenticated("the device token is wrong or no longer valid".to_owned());
        let id = tokens::id(TokenKind::Device, token).ok_or_else(wrong)?;
        let (device, hash) = credentials::find(tx, id).await?.ok_or_else(wrong)?;
        if !tokens::matches(token, &hash) {
            return Err(wrong());
        }
        let object = resources::find_by_uid(tx, device).await?.ok_or_else(wrong)?;
        Ok(Identity {
            org: object.org.ok_or_else(wrong)?,
            uid: device,
            name: object.name,
        })
    }

    async fn claim_in(&self, tx: &mut Tx, request: &Provision) -> Result<(Org, ClaimToken)> {
        let id = tokens::id(TokenKind::Claim, &request.claim_token).ok_or_else(refused)?;
        let claim = claim_tokens::find(tx, id).await?.ok_or_else(refused)?;
        let serial_fits = claim.serial.is_empty() || normalised(&claim.serial) == normalised(&request.hw_id);
        let model_fits = claim.model.is_empty() || claim.model == request.model;
        let live = !claim.revoked && claim.uses_left > 0 && claim.expires_at > self.clock.now();
        // One answer for everything that is wrong: a guesser learns nothing.
        if !(tokens::matches(&request.claim_token, &claim.hash) && live && serial_fits && model_fits) {
            return Err(refused());
        }
        let org = Resources::org_in(tx, &claim.org.to_string()).await?;
        Ok((org, claim))
    }
}

fn refused() -> Error {
    Error::Unauthenticated("the claim token is missing, wrong, expired, used up, or not for this device".to_owned())
}

/// Serial numbers are written in many ways: as sent, bare, and in pairs.
async fn find_by_serial(tx: &mut Tx, org: &Org, hw_id: &str) -> Result<Option<Object>> {
    let bare = normalised(hw_id);
    let pairs = |separator: &str| {
        let chars: Vec<char> = bare.chars().collect();
        chars
            .chunks(2)
            .map(|pair| pair.iter().collect::<String>())
            .collect::<Vec<_>>()
            .join(separator)
    };
    for form in [hw_id.to_lowercase(), bare.clone(), pairs(":"), pairs("-")] {
        let holder: Option<Uuid> =
            resources::holder_of_unique(tx, &org.uid.to_string(), Kind::Device, "spec.serial", &form).await?;
        if let Some(uid) = holder {
            return Ok(resources::find_by_uid(tx, uid).await?);
        }
    }
    Ok(None)
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
