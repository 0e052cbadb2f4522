//! `DeviceService`.

use std::pin::Pin;

use fleet_proto::pb;
use fleet_proto::pb::device_service_server::DeviceService;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::{driven, gate};
use crate::services::devices::{ClaimRequest, Devices, Enrolment, LogQuery, NewCommand};

pub(super) struct Door {
    devices: Devices,
}

impl Door {
    pub(super) fn new(devices: Devices) -> Self {
        Self { devices }
    }
}

#[tonic::async_trait]
impl DeviceService for Door {
    type LogsStream = Pin<Box<dyn Stream<Item = Result<pb::LogsResponse, Status>> + Send>>;

    async fn create_claim_token(
        &self,
        request: Request<pb::CreateClaimTokenRequest>,
    ) -> Result<Response<pb::CreateClaimTokenResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::CreateClaimTokenRequest {
            org,
            site,
            model,
            serial,
            expires_in_seconds,
            max_uses,
        } = request.into_inner();
        let wanted = ClaimRequest {
            org,
            site,
            model,
            serial,
            expires_in_seconds,
            max_uses,
        };
        let (claim_token, token) = self.devices.create_claim_token(&caller, wanted).await?;
        Ok(Response::new(pb::CreateClaimTokenResponse {
            claim_token: Some(claim_token),
            token,
        }))
    }

    async fn list_claim_tokens(
        &self,
        request: Request<pb::ListClaimTokensRequest>,
    ) -> Result<Response<pb::ListClaimTokensResponse>, Status> {
        let caller = gate::caller(&request)?;
        let claim_tokens = self.devices.claim_tokens(&caller, &request.into_inner().org).await?;
        Ok(Response::new(pb::ListClaimTokensResponse { claim_tokens }))
    }

    async fn revoke_claim_token(
        &self,
        request: Request<pb::RevokeClaimTokenRequest>,
    ) -> Result<Response<pb::RevokeClaimTokenResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::RevokeClaimTokenRequest { org, id } = request.into_inner();
        let claim_token = self.devices.revoke_claim_token(&caller, &org, &id).await?;
        Ok(Response::new(pb::RevokeClaimTokenResponse {
            claim_token: Some(claim_token),
        }))
    }

    async fn enroll(&self, request: Request<pb::EnrollRequest>) -> Result<Response<pb::EnrollResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::EnrollRequest {
            org,
            hw_id,
            site,
            model,
            name,
            expires_in_seconds,
        } = request.into_inner();
        let wanted = Enrolment {
            org,
            hw_id,
            site,
            model,
            name,
            expires_in_seconds,
        };
        let enrolled = self.devices.enroll(&caller, wanted).await?;
        Ok(Response::new(pb::EnrollResponse {
            device: enrolled.device.name,
            device_uid: enrolled.device.uid.to_string(),
            claim_token: Some(enrolled.claim_token),
            token: enrolled.text.reveal(),
        }))
    }

    async fn decommission(
        &self,
        request: Request<pb::DecommissionRequest>,
    ) -> Result<Response<pb::DecommissionResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::DecommissionRequest { org, device } = request.into_inner();
        let done = self.devices.decommission(&caller, &org, &device).await?;
        Ok(Response::new(pb::DecommissionResponse {
            org: done.device.org.map(|org| org.name).unwrap_or_default(),
            device: done.device.name,
            tokens: done.tokens as u32,
            certificates: done.certificates as u32,
            commands: done.commands as u32,
        }))
    }

    async fn list_credentials(
        &self,
        request: Request<pb::ListCredentialsRequest>,
    ) -> Result<Response<pb::ListCredentialsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::ListCredentialsRequest { org, device } = request.into_inner();
        let credentials = self.devices.credentials(&caller, &org, &device).await?;
        Ok(Response::new(pb::ListCredentialsResponse { credentials }))
    }

    async fn revoke_credential(
        &self,
        request: Request<pb::RevokeCredentialRequest>,
    ) -> Result<Response<pb::RevokeCredentialResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::RevokeCredentialRequest { org, device, id } = request.into_inner();
        let credential = self.devices.revoke_credential(&caller, &org, &device, &id).await?;
        Ok(Response::new(pb::RevokeCredentialResponse {
            credential: Some(credential),
        }))
    }

    async fn rotate_token(
        &self,
        request: Request<pb::RotateTokenRequest>,
    ) -> Result<Response<pb::RotateTokenResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::RotateTokenRequest { org, device } = request.into_inner();
        let (credential, token) = self.devices.rotate_token(&caller, &org, &device).await?;
        Ok(Response::new(pb::RotateTokenResponse {
            credential: Some(credential),
            token,
        }))
    }

    async fn send_command(
        &self,
        request: Request<pb::SendCommandRequest>,
    ) -> Result<Response<pb::SendCommandResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::SendCommandRequest {
            org,
            device,
            r#type: kind,
            params,
            expires_in_seconds,
        } = request.into_inner();
        let command = self
            .devices
            .send_command(
                &caller,
                NewCommand {
                    org,
                    device,
                    kind,
                    params,
                    expires_in_seconds,
                },
            )
            .await?;
        Ok(Response::new(pb::SendCommandResponse { command: Some(command) }))
    }

    async fn list_commands(
        &self,
        request: Request<pb::ListCommandsRequest>,
    ) -> Result<Response<pb::ListCommandsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::ListCommandsRequest { org, device, limit } = request.into_inner();
        let commands = self.devices.commands(&caller, &org, &device, limit).await?;
        Ok(Response::new(pb::ListCommandsResponse { commands }))
    }

    async fn logs(&self, request: Request<pb::LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
        let caller = gate::caller(&request)?;
        let pb::LogsRequest {
            org,
            device,
            from_us,
            to_us,
            level,
            limit,
            follow,
        } = request.into_inner();
        let wanted = LogQuery {
            org,
            device,
            from: from_us,
            to: to_us,
            level,
            limit,
            follow,
        };
        let (sender, receiver) = mpsc::channel(4);
        let devices = self.devices.clone();
        let pages = driven(async move { devices.logs(&caller, wanted, sender).await }, receiver);
        Ok(Response::new(Box::pin(
            pages.map(|page| page.map(|entries| pb::LogsResponse { entries })),
        )))
    }
}
