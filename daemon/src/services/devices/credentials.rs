//! Tokens and certificates of a device: looked at, revoked, made anew.

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use serde_json::json;
use uuid::Uuid;

use super::Devices;
use super::certificates::refuse_inactive;
use crate::domain::hidden::Hidden;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::tokens::TokenKind;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::devices::certificates::{self, Certificate};
use crate::storage::devices::credentials::{self, Token};
use crate::storage::{Tx, resources};

impl Devices {
    /// The credentials of a device, newest first; never the secrets.
    pub async fn credentials(&self, caller: &Caller, org: &str, device: &str) -> Result<Vec<pb::DeviceCredential>> {
        let mut tx = self.resources.db().read().await?;
        let device = Resources::find_for(&mut tx, caller, org, Kind::Device, device).await?;
        let now = self.clock.now();
        let tokens = credentials::list(&mut tx, device.uid).await?;
        let certificates = certificates::list(&mut tx, device.uid).await?;
        let mut all: Vec<(Micros, pb::DeviceCredential)> = tokens
            .iter()
            .map(|token| (token.created_at, of_token(&device, token)))
            .chain(
                certificates
                    .iter()
                    .map(|one| (one.issued_at, of_certificate(&device, one, now))),
            )
            .collect();
        all.sort_by_key(|(created_at, _)| std::cmp::Reverse(*created_at));
        Ok(all.into_iter().map(|(_, credential)| credential).collect())
    }

    /// Ends a token or certificate of a device; from the answer on it is refused, on open connections, too.
    pub async fn revoke_credential(
        &self,
        caller: &Caller,
        org: &str,
        device: &str,
        id: &str,
    ) -> Result<pb::DeviceCredential> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let device = Resources::find_for(&mut tx, caller, org, Kind::Device, device).await?;
        resources::lock(&mut tx, device.uid).await?;
        let ended = match credentials::find(&mut tx, id).await? {
            Some(token) if token.device == device.uid => self.end_token(&mut tx, caller, &device, &token).await?,
            _ => self.end_certificate(&mut tx, caller, &device, id).await?,
        };
        let detail = json!({"credential": ended.id, "type": ended.r#type});
        self.note(&mut tx, caller, "credential.revoke", &device, detail).await?;
        tx.commit().await?;
        self.known.forget(device.uid);
        Ok(ended)
    }

    async fn end_token(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        device: &Object,
        token: &Token,
    ) -> Result<pb::DeviceCredential> {
        credentials::remove(tx, device.uid, &token.id).await?;
        Ok(pb::DeviceCredential {
            state: "revoked".to_owned(),
            revoked_at: Some(timestamp(self.clock.now())),
            revoked_by: caller.actor(),
            ..of_token(device, token)
        })
    }

    async fn end_certificate(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        device: &Object,
        serial: &str,
    ) -> Result<pb::DeviceCredential> {
        let missing = || Error::NotFound(format!("credential {serial} of device/{}", device.name));
        let now = self.clock.now();
        let found = certificates::find(tx, serial).await?;
        let mut found = found.filter(|one| one.device == device.uid).ok_or_else(missing)?;
        // Repeating it is harmless, and leaves who was first.
        if certificates::revoke(tx, serial, now, &caller.actor()).await? {
            found.revoked = Some((now, caller.actor()));
        }
        Ok(of_certificate(device, &found, now))
    }

    /// Makes another token of a device beside its newest one, and gives it with its text, which is shown here and
    /// never again.
    pub async fn rotate_token(
        &self,
        caller: &Caller,
        org: &str,
        device: &str,
    ) -> Result<(pb::DeviceCredential, String)> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let device = Resources::find_for(&mut tx, caller, org, Kind::Device, device).await?;
        refuse_inactive(&device)?;
        resources::lock(&mut tx, device.uid).await?;
        let (token, text) = self.insert_token(&mut tx, device.uid, &caller.actor()).await?;
        let detail = json!({"credential": token.id, "type": "token"});
        self.note(&mut tx, caller, "credential.issue", &device, detail).await?;
        tx.commit().await?;
        // One may have been pushed out by it.
        self.known.forget(device.uid);
        Ok((of_token(&device, &token), text.reveal()))
    }

    /// A new token, and its text.
    pub(super) async fn insert_token(&self, tx: &mut Tx, device: Uuid, by: &str) -> Result<(Token, Hidden)> {
        let fresh = Self::fresh_token(TokenKind::Device);
        let token = Token {
            id: fresh.id,
            device,
            hash: fresh.hash,
            created_at: self.clock.now(),
            created_by: by.to_owned(),
        };
        credentials::insert(tx, &token).await?;
        Ok((token, fresh.text))
    }
}

fn of(device: &Object) -> pb::DeviceCredential {
    pb::DeviceCredential {
        org: device.org.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
        device: device.name.clone(),
        ..pb::DeviceCredential::default()
    }
}

fn of_token(device: &Object, token: &Token) -> pb::DeviceCredential {
    pb::DeviceCredential {
        id: token.id.clone(),
        r#type: "token".to_owned(),
        state: "live".to_owned(),
        created_at: Some(timestamp(token.created_at)),
        created_by: token.created_by.clone(),
        ..of(device)
    }
}

fn of_certificate(device: &Object, one: &Certificate, now: Micros) -> pb::DeviceCredential {
    let state = match &one.revoked {
        Some(_) => "revoked",
        None if one.is_live(now) => "live",
        None => "expired",
    };
    pb::DeviceCredential {
        id: one.serial.clone(),
        r#type: "certificate".to_owned(),
        state: state.to_owned(),
        created_at: Some(timestamp(one.issued_at)),
        created_by: one.issued_by.clone(),
        expires_at: Some(timestamp(one.not_after)),
        revoked_at: one.revoked.as_ref().map(|(at, _)| timestamp(*at)),
        revoked_by: one.revoked.as_ref().map(|(_, by)| by.clone()).unwrap_or_default(),
        key_id: one.key_id.clone(),
        ..of(device)
    }
}
