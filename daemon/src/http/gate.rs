//! The gate in front of every route that is not a device's: who calls, for which tenant, how often, and whether they hold
//! what the row of the route needs.

use std::net::SocketAddr;

use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{RequestPartsExt as _, response};
use fleet_proto::access::Permission;
use fleet_proto::kinds::Kind;

use super::answers::Problem;
use super::routes::{Needs, READINGS};
use super::{Services, Shared, browsers, cookies};
use crate::domain::caller::Origin;
use crate::domain::{Caller, Org};
use crate::services::Error;
use crate::services::access::{self, Credential};

/// The organization that the host name selects.
#[derive(Clone, Debug)]
pub(super) struct Tenant(pub(super) Option<Org>);

/// What somebody shows.
enum Shown {
    /// By itself: no other site can make a browser do so.
    Bearer(String),
    /// A browser sends it along with whatever a page asks for.
    Cookie(String),
}

/// Lets in whom the row lets in.
pub(super) async fn enter(
    State((services, needs)): State<(Shared, Needs)>,
    request: Request,
    next: Next,
) -> response::Response {
    let (mut parts, body) = request.into_parts();
    match admit(&services, needs, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => refused(&parts, problem),
    }
}

fn refused(parts: &Parts, problem: Problem) -> Response {
    tracing::debug!(path = parts.uri.path(), ?problem, "a call was refused");
    problem.into_response()
}

async fn admit(services: &Services, needs: Needs, parts: &mut Parts) -> Result<(), Problem> {
    let host = browsers::host(&parts.uri, &parts.headers)?;
    let tenant = match &host {
        Some(host) => services.access.tenant(host).await?,
        None => None,
    };
    let permission = match needs {
        Needs::Nothing | Needs::Device => return Ok(()),
        Needs::Stranger => {
            services.rates.stranger(peer(parts).ip())?;
            if !parts.method.is_safe() {
                browsers::own_origin(&services.settings, &parts.uri, &parts.headers)?;
            }
            parts.extensions.insert(Tenant(tenant));
            return Ok(());
        }
        Needs::Caller => None,
        Needs::Permission(permission) => Some(permission),
        Needs::Readings => Some(READINGS),
    };
    let caller = known(services, parts).await?;
    let waits = |_: &Error| {
        let caller = caller.clone().from(&peer(parts).ip().to_string());
        services.access.held_up(&caller);
    };
    let is_counted = needs != Needs::Readings;
    if is_counted {
        services.rates.caller(&caller).inspect_err(waits)?;
    }
    let caller = within(caller, tenant.as_ref(), host.as_deref())?;
    if is_counted {
        services.rates.organization(&caller)?;
    }
    let of = kind(parts, permission).await?;
    let refused = caller.clone().asking(caller.asked(), origin(parts));
    let caller = access::admitted(caller, permission, of, origin(parts)).inspect_err(|error| {
        // The row's path, and not what was asked for: who calls chooses no texts of the log.
        let path = parts.extensions.get::<MatchedPath>();
        let route = format!("{} {}", parts.method, path.map_or("", MatchedPath::as_str));
        services.access.refused(&refused, &route, &error.to_string());
    })?;
    parts.extensions.insert(Tenant(tenant));
    parts.extensions.insert(caller);
    Ok(())
}

/// Whoever shows a credential.
async fn known(services: &Services, parts: &Parts) -> Result<Caller, Problem> {
    let found = credential(&parts.headers);
    let is_cookie = matches!(found, Ok((_, true)));
    let credential = found.map(|(credential, _)| credential);
    let caller = services
        .access
        .authenticate_at(&services.rates, peer(parts).ip(), credential);
    let (_, caller) = caller.await?;
    if is_cookie && !parts.method.is_safe() {
        browsers::own_origin(&services.settings, &parts.uri, &parts.headers)?;
        let form = browsers::form_header(&parts.headers);
        if !access::session(&caller).is_some_and(|session| services.access.is_own_form(session, form)) {
            return Err(browsers::foreign_form());
        }
    }
    Ok(caller)
}

/// The credential of a request, and whether a browser sent it by itself.
pub(super) fn credential(headers: &HeaderMap) -> Result<(Credential, bool), Error> {
    Ok(match shown(headers)? {
        Shown::Bearer(text) => (Credential::Bearer(text.into()), false),
        Shown::Cookie(text) => (Credential::Bearer(text.into()), true),
    })
}

/// What a request shows; a cookie counts only where nothing else is shown.
fn shown(headers: &HeaderMap) -> Result<Shown, Error> {
    let unknown = |detail: &str| Error::Unauthenticated(detail.to_owned());
    if let Some(value) = headers.get(AUTHORIZATION) {
        return match value.to_str().ok().and_then(|text| text.split_once(' ')) {
            // InfluxDB's clients write `Token`.
            Some((scheme, token))
                if ["bearer", "token"]
                    .iter()
                    .any(|known| scheme.eq_ignore_ascii_case(known)) =>
            {
                Ok(Shown::Bearer(token.trim().to_owned()))
            }
            _ => Err(unknown(
                "`Authorization` holds no Bearer token: write `Bearer TOKEN` or `Token TOKEN`",
            )),
        };
    }
    cookies::find(headers, cookies::ACCESS)
        .map(|text| Shown::Cookie(text.to_owned()))
        .ok_or_else(|| unknown("no credential: log in, or give a token"))
}

/// The caller in the tenant of the host; whoever has nothing there is told what is told of an unknown organization.
fn within(caller: Caller, tenant: Option<&Org>, host: Option<&str>) -> Result<Caller, Problem> {
    match tenant {
        None => Ok(caller),
        Some(org) if caller.knows(org.uid) => Ok(caller.within(org.uid)),
        Some(_) => Err(Error::NotFound(format!("organization/{}", host.unwrap_or_default())).into()),
    }
}

/// The kind in the path, if the route is about one.
async fn kind(parts: &mut Parts, permission: Option<Permission>) -> Result<Option<Kind>, Problem> {
    if permission.is_none_or(|permission| permission.noun != fleet_proto::access::RESOURCE) {
        return Ok(None);
    }
    let parameters = parts.extract::<RawPathParams>().await;
    let parameters = parameters.map_err(|_| Problem::bad_request("the path is not UTF-8"))?;
    let text = parameters.iter().find(|(name, _)| *name == "kind");
    let text = text.map(|(_, text)| text).unwrap_or_default();
    let kind = Kind::find(text).ok_or_else(|| Error::NotFound(format!("kind `{text}`")))?;
    Ok(Some(kind))
}

/// The peer of the connection: headers that name another one are never believed.
fn peer(parts: &Parts) -> SocketAddr {
    let peer = parts.extensions.get::<super::Peer>();
    peer.map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |peer| peer.address)
}

fn origin(parts: &Parts) -> Origin {
    let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    Origin {
        address: peer(parts).ip().to_string(),
        request_id: id.unwrap_or_default().to_owned(),
    }
}
