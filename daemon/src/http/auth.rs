//! Sessions of people: in cookies for browsers, in bodies for programs.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use fleet_proto::pb;
use fleet_proto::prost_types::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::Problem;
use super::extract::{RawBody, form};
use super::gate::Tenant;
use super::{Services, Shared, browsers, cookies};
use crate::domain::Caller;
use crate::services::Error;
use crate::services::access::{Access, Login, Peer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    user: String,
    password: String,
    #[serde(default)]
    org: String,
    #[serde(default)]
    tokens: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RefreshBody {
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ChangePasswordBody {
    old_password: String,
    new_password: String,
}

pub(super) fn peer(address: SocketAddr, headers: &HeaderMap) -> Peer {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Peer {
        address: address.ip().to_string(),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

pub(super) async fn login(
    State(services): State<Shared>,
    Extension(connection): Extension<super::Peer>,
    Extension(tenant): Extension<Tenant>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let body: LoginBody = form(&headers, body)?;
    let org = match tenant.0 {
        Some(own) if body.org.is_empty() || body.org == own.name => own.uid.to_string(),
        // No session reaches another organization from here; which ones there are, nobody is told.
        Some(_) => "-".to_owned(),
        None => body.org,
    };
    let login = Login {
        user: body.user,
        password: body.password.into(),
        org,
    };
    let tokens = services
        .access
        .login(&login, &peer(connection.address, &headers))
        .await?;
    Ok(begun(&services, &tokens, body.tokens))
}

pub(super) async fn refresh(
    State(services): State<Shared>,
    Extension(connection): Extension<super::Peer>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let body: RefreshBody = match &body {
        Ok(bytes) if bytes.is_empty() => RefreshBody::default(),
        _ => form(&headers, body)?,
    };
    let unknown = || Problem::from(Error::Unauthenticated("there is no refresh token".to_owned()));
    let (text, in_body) = match &body.refresh_token {
        Some(text) => (text.as_str(), true),
        None => (cookies::find(&headers, cookies::REFRESH).ok_or_else(unknown)?, false),
    };
    if !in_body {
        let session = Access::session_of(text).ok_or_else(unknown)?;
        if !services.access.is_own_form(session, browsers::form_header(&headers)) {
            return Err(browsers::foreign_form());
        }
    }
    let tokens = services
        .access
        .refresh(text, &peer(connection.address, &headers))
        .await?;
    Ok(begun(&services, &tokens, in_body))
}

fn seconds(at: Option<&Timestamp>) -> i64 {
    at.map_or(0, |at| at.seconds)
}

fn text(at: Option<&Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

/// The answer to a login: tokens in cookies that no script reads, or in the body for whoever asked for that.
fn begun(services: &Services, tokens: &pb::Tokens, in_body: bool) -> Response {
    let form = services.access.form_token(&tokens.session);
    let mut body = json!({
        "user": tokens.user,
        "accessExpiresAt": text(tokens.access_expires_at.as_ref()),
        "refreshExpiresAt": text(tokens.refresh_expires_at.as_ref()),
        "csrfToken": form,
    });
    if in_body {
        body["accessToken"] = tokens.access_token.as_str().into();
        body["refreshToken"] = tokens.refresh_token.as_str().into();
        return Json(body).into_response();
    }
    let now = services.devices.now() / 1_000_000;
    let short = seconds(tokens.access_expires_at.as_ref()) - now;
    let long = seconds(tokens.refresh_expires_at.as_ref()) - now;
    let secure = services.settings.secure;
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    cookies::set(headers, cookies::ACCESS, &tokens.access_token, short, secure);
    cookies::set(headers, cookies::REFRESH, &tokens.refresh_token, long, secure);
    cookies::set(headers, cookies::FORM, &form, long, secure);
    response
}

pub(super) async fn logout(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    services.access.logout(&caller).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies::clear(response.headers_mut(), services.settings.secure);
    Ok(response)
}

pub(super) async fn change_password(
    State(services): State<Shared>,
    Extension(connection): Extension<super::Peer>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<StatusCode, Problem> {
    let body: ChangePasswordBody = form(&headers, body)?;
    let peer = peer(connection.address, &headers);
    let changed = services
        .access
        .change_password(&caller, &body.old_password, &body.new_password, &peer);
    changed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a caller may do what, as other services ask for it.
pub(super) async fn validate(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    let grants = grants(&services, &caller).await?;
    let mut permissions: Vec<&str> = Vec::new();
    let mut sites: Vec<Value> = Vec::new();
    for grant in &grants {
        permissions.extend(grant.permissions.iter().map(String::as_str));
        if grant.nowhere {
            continue;
        }
        if grant.sites.is_empty() {
            sites.push(json!({"org": grant.org, "allSites": true}));
        }
        sites.extend(grant.sites.iter().map(|site| json!({"org": grant.org, "site": site})));
    }
    permissions.sort_unstable();
    permissions.dedup();
    sites.sort_by_key(Value::to_string);
    sites.dedup();
    Ok(Json(json!({
        "valid": true,
        "actor": caller.actor(),
        "user": caller.user(),
        "permissions": permissions,
        "sites": sites,
        "grants": grants.iter().map(grant_json).collect::<Vec<_>>(),
    })))
}

pub(super) async fn grants(services: &Services, caller: &Caller) -> Result<Vec<pb::Grant>, Problem> {
    Ok(services.access.who_am_i(caller).await?.grants)
}

pub(super) fn grant_json(grant: &pb::Grant) -> Value {
    json!({
        "org": grant.org,
        "sites": grant.sites,
        "nowhere": grant.nowhere,
        "permissions": grant.permissions,
        "origin": grant.origin,
    })
}
