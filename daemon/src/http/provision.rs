//! Provisioning, and the renewal of certificates.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::Problem;
use super::devices::{bearer, parse, server_time, shown};
use super::extract::{Path, RawBody};
use super::{Peer, Shared};
use crate::domain::object::timestamp;
use crate::services::devices::{Credential, Given, HEARTBEAT_MS, Provision};

/// Time between two deliveries of readings that gateways are asked for.
const TELEMETRY_MS: u64 = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProvisionBody {
    hw_id: String,
    #[serde(default)]
    model: String,
    firmware_version: Option<String>,
    csr: Option<String>,
    #[serde(default)]
    claim_token: String,
}

pub(super) async fn provision(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    let body: ProvisionBody = parse(body)?;
    if body.hw_id.chars().count() > 100 || body.model.chars().count() > 100 {
        return Err(Problem::bad_request("`hwId` and `model` have at most 100 characters"));
    }
    let request = Provision {
        hw_id: body.hw_id,
        model: body.model,
        firmware_version: body.firmware_version.unwrap_or_default(),
        csr: body.csr,
        claim_token: body.claim_token.into(),
        bearer: bearer(&headers).unwrap_or_default().into(),
        address: peer.address.ip().to_string(),
        certificate: peer.certificate.clone(),
    };
    // A genuine claim token, too, waits while a flood of wrong ones comes from its network.
    let is_familiar = || services.devices.is_familiar(shown(&peer, &headers));
    let provisioned = Box::pin(services.devices.provision(request));
    let address = peer.address.ip();
    let provisioned = services.rates.looked_up(address, is_familiar, provisioned).await?;
    let mut answer = json!({
        "deviceId": provisioned.identity.uid,
        "name": provisioned.identity.name,
        "configVersion": services.devices.config_version(&provisioned.identity).await?,
        "serverTime": server_time(&services),
        "polling": {"telemetryMs": TELEMETRY_MS, "heartbeatMs": HEARTBEAT_MS},
    });
    match provisioned.credential {
        Credential::Token(token) => answer["token"] = token.reveal().into(),
        Credential::Certificate(given) => write(&mut answer, given),
    }
    Ok(Json(answer))
}

#[derive(Deserialize)]
pub(super) struct RenewBody {
    csr: String,
}

pub(super) async fn renew(
    State(services): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Json<Value>, Problem> {
    // Who may not ask is told nothing about its body.
    super::devices::calling(&services, &peer, &headers).await?;
    let body: RenewBody = parse(body)?;
    let given = services
        .devices
        .renew_certificate(shown(&peer, &headers), &id, &body.csr, &peer.address.ip().to_string())
        .await?;
    let mut answer = json!({});
    write(&mut answer, given);
    Ok(Json(answer))
}

fn write(answer: &mut Value, given: Given) {
    answer["certificate"] = given.certificate.into();
    answer["caChain"] = given.ca_chain.into();
    answer["notAfter"] = timestamp(given.not_after).to_string().into();
}
