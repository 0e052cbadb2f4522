//! `AccessService`.

use fleet_proto::pb;
use fleet_proto::pb::access_service_server::AccessService;
use tonic::{Request, Response, Status};

use super::gate;
use crate::services::access::{Access, NewToken};

pub(super) struct Door {
    access: Access,
}

impl Door {
    pub(super) fn new(access: Access) -> Self {
        Self { access }
    }
}

#[tonic::async_trait]
impl AccessService for Door {
    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(self.access.who_am_i(&caller).await?))
    }

    async fn can_i(&self, request: Request<pb::CanIRequest>) -> Result<Response<pb::CanIResponse>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(self.access.can_i(&caller, request.get_ref()).await?))
    }

    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::CreateTokenRequest {
            org,
            name,
            scopes,
            sites,
            expires_in_seconds,
        } = request.into_inner();
        let wanted = NewToken {
            org,
            name,
            scopes,
            sites,
            expires_in_seconds,
        };
        let (api_token, token) = self.access.create_token(&caller, wanted).await?;
        Ok(Response::new(pb::CreateTokenResponse {
            api_token: Some(api_token),
            token,
        }))
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        let caller = gate::caller(&request)?;
        let api_tokens = self.access.tokens(&caller, &request.get_ref().org).await?;
        Ok(Response::new(pb::ListTokensResponse { api_tokens }))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::RevokeTokenRequest { org, id } = request.into_inner();
        let api_token = self.access.revoke_token(&caller, &org, &id).await?;
        Ok(Response::new(pb::RevokeTokenResponse {
            api_token: Some(api_token),
        }))
    }
}
