//! `AccessService`.

use fleet_proto::pb;
use fleet_proto::pb::access_service_server::AccessService;
use tonic::{Request, Response, Status};

use super::gate;
use crate::services::access::{Acceptance, Access, Invitation, Login, NewToken, Peer};

pub(super) struct Door {
    access: Access,
}

impl Door {
    pub(super) fn new(access: Access) -> Self {
        Self { access }
    }
}

fn peer<T>(request: &Request<T>) -> Peer {
    let agent = request
        .metadata()
        .get("user-agent")
        .and_then(|agent| agent.to_str().ok());
    Peer {
        address: super::address_of(request),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

#[tonic::async_trait]
impl AccessService for Door {
    async fn login(&self, request: Request<pb::LoginRequest>) -> Result<Response<pb::Tokens>, Status> {
        let peer = peer(&request);
        let pb::LoginRequest { user, password, org } = request.into_inner();
        Ok(Response::new(
            self.access
                .login(
                    &Login {
                        user,
                        password: password.into(),
                        org,
                    },
                    &peer,
                )
                .await?,
        ))
    }

    async fn login_with_code(
        &self,
        request: Request<pb::LoginWithCodeRequest>,
    ) -> Result<Response<pb::Tokens>, Status> {
        let peer = peer(&request);
        Ok(Response::new(
            self.access.login_with_code(&request.get_ref().code, &peer).await?,
        ))
    }

    async fn create_login_code(
        &self,
        request: Request<pb::CreateLoginCodeRequest>,
    ) -> Result<Response<pb::LoginCode>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(
            self.access.create_login_code(&caller, &request.get_ref().user).await?,
        ))
    }

    async fn refresh(&self, request: Request<pb::RefreshRequest>) -> Result<Response<pb::Tokens>, Status> {
        let peer = peer(&request);
        Ok(Response::new(
            self.access.refresh(&request.get_ref().refresh_token, &peer).await?,
        ))
    }

    async fn setup(&self, request: Request<pb::SetupRequest>) -> Result<Response<pb::SetupResponse>, Status> {
        let peer = peer(&request);
        let pb::SetupRequest { token, user, password } = request.into_inner();
        self.access.setup(&token, &user, &password, &peer).await?;
        Ok(Response::new(pb::SetupResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let peer = peer(&request);
        let pb::ResetPasswordRequest { code, password } = request.into_inner();
        let user = self.access.reset_password(&code, &password, &peer).await?;
        Ok(Response::new(pb::ResetPasswordResponse { user }))
    }

    async fn accept_invitation(
        &self,
        request: Request<pb::AcceptInvitationRequest>,
    ) -> Result<Response<pb::Tokens>, Status> {
        let peer = peer(&request);
        let pb::AcceptInvitationRequest { code, user, password } = request.into_inner();
        Ok(Response::new(
            self.access
                .accept(
                    &Acceptance {
                        code: code.into(),
                        user,
                        password: password.into(),
                    },
                    &peer,
                )
                .await?,
        ))
    }

    async fn logout(&self, request: Request<pb::LogoutRequest>) -> Result<Response<pb::LogoutResponse>, Status> {
        self.access.logout(&gate::caller(&request)?).await?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let sessions = self.access.sessions(&caller, &request.get_ref().user).await?;
        Ok(Response::new(pb::ListSessionsResponse { sessions }))
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        let caller = gate::caller(&request)?;
        self.access.revoke_session(&caller, &request.get_ref().id).await?;
        Ok(Response::new(pb::RevokeSessionResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let (caller, peer) = (gate::caller(&request)?, peer(&request));
        let pb::ChangePasswordRequest { old, new } = request.into_inner();
        self.access.change_password(&caller, &old, &new, &peer).await?;
        Ok(Response::new(pb::ChangePasswordResponse {}))
    }

    async fn set_password(
        &self,
        request: Request<pb::SetPasswordRequest>,
    ) -> Result<Response<pb::SetPasswordResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::SetPasswordRequest { user, password } = request.into_inner();
        self.access.set_password(&caller, &user, &password).await?;
        Ok(Response::new(pb::SetPasswordResponse {}))
    }

    async fn create_reset(&self, request: Request<pb::CreateResetRequest>) -> Result<Response<pb::LoginCode>, Status> {
        let caller = gate::caller(&request)?;
        Ok(Response::new(
            self.access.create_reset(&caller, &request.get_ref().user).await?,
        ))
    }

    async fn invite(&self, request: Request<pb::InviteRequest>) -> Result<Response<pb::LoginCode>, Status> {
        let caller = gate::caller(&request)?;
        let pb::InviteRequest {
            org,
            email,
            role,
            sites,
        } = request.into_inner();
        let wanted = Invitation {
            org,
            email,
            role,
            sites,
        };
        Ok(Response::new(self.access.invite(&caller, wanted).await?))
    }

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
