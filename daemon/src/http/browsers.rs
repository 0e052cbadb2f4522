//! What keeps pages of other sites out: origins that may ask, headers of every answer.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::Settings;
use super::answers::Problem;

/// With each change that a page asks for.
pub(super) const FORM_HEADER: &str = "x-csrf-token";
/// How long a browser may remember what an origin may ask, seconds.
const REMEMBERED: &str = "600";
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "authorization, content-type, if-match, x-csrf-token, x-request-id";
const EXPOSED: &str = "etag, retry-after, x-request-id";

/// The host that a request is for: lower case, without port. It selects a tenant and is used for nothing else.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(authority) = authority(uri, headers)? else {
        return Ok(None);
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    Ok((!host.is_empty()).then_some(host))
}

fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<&'a str>, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err(Problem::bad_request("there are two Host headers"));
    }
    match first.map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Problem::bad_request("the Host header is not text")),
    }
}

/// Refuses a change that a page of another site asks for. Programs name no origin.
pub(super) fn own_origin(settings: &Settings, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let scheme = if settings.secure { "https" } else { "http" };
    let own = authority(uri, headers)?.map(|authority| format!("{scheme}://{authority}"));
    let is_own = origin
        .to_str()
        .is_ok_and(|origin| own.is_some_and(|own| own.eq_ignore_ascii_case(origin)));
    if is_own || settings.lets_in(origin) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "a page of another site asks for a change; its origin can be allowed with --cors-origin",
    ))
}

/// What a request must show whose cookie says who it is, since the browser sends that by itself.
pub(super) fn form_header(headers: &HeaderMap) -> &str {
    headers
        .get(FORM_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The refusal of a request that does not show it.
pub(super) fn foreign_form() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "csrf",
        "a change that is asked for with a cookie needs the header X-CSRF-Token with the session's token",
    )
}

impl Settings {
    fn lets_in(&self, origin: &HeaderValue) -> bool {
        self.cors_origins
            .iter()
            .any(|known| known.as_bytes() == origin.as_bytes())
    }
}

/// The answer to a browser that asks whether a page may ask; none: it is no such question.
pub(super) fn preflight(settings: &Settings, method: &Method, headers: &HeaderMap) -> Option<Response> {
    let asks = method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let origin = headers.get(header::ORIGIN).filter(|_| asks)?;
    if !settings.lets_in(origin) {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answered = response.headers_mut();
    answered.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    answered.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    answered.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    Some(response)
}

/// Headers that every answer has.
pub(super) fn mark(settings: &Settings, origin: Option<&HeaderValue>, answered: &mut HeaderMap) {
    const FIXED: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in FIXED {
        answered.insert(name, HeaderValue::from_static(value));
    }
    answered
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if settings.secure {
        let year = HeaderValue::from_static("max-age=31536000");
        answered.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if settings.cors_origins.is_empty() {
        return;
    }
    answered.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin.filter(|origin| settings.lets_in(origin)) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answered.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        answered.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(text: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(text));
        host(&Uri::from_static("/"), &headers).unwrap()
    }

    #[test]
    fn a_host_is_read_without_port_and_case() {
        assert_eq!(host_of("UMC.localhost:7080").as_deref(), Some("umc.localhost"));
        assert_eq!(host_of("umc.localhost.").as_deref(), Some("umc.localhost"));
        assert_eq!(host_of("[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(host_of("[::1]").as_deref(), Some("[::1]"));
        assert_eq!(host_of(""), None);
        let mut two = HeaderMap::new();
        two.append(header::HOST, HeaderValue::from_static("a"));
        two.append(header::HOST, HeaderValue::from_static("b"));
        assert!(host(&Uri::from_static("/"), &two).is_err());
    }
}
