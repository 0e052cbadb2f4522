//! Parts of requests, whose refusals are problems like any other.

use axum::extract::{FromRequestParts, rejection};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use axum::{body::Bytes, extract};
use fleet_proto::times::{self, Micros};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::Problem;
use crate::services::Error;

/// Parameters of the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(extract::Path(found)) => Ok(Self(found)),
            Err(_) => Err(Problem::bad_request("the path is not UTF-8")),
        }
    }
}

/// Parameters of the query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(extract::Query(found)) => Ok(Self(found)),
            Err(error) => Err(Problem::bad_request(format!(
                "the query is wrong: {}",
                error.body_text()
            ))),
        }
    }
}

/// A moment of the query; none where the parameter is empty.
pub(super) fn moment(name: &str, text: &str, now: Micros) -> Result<Option<Micros>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    match times::parse(text, now) {
        Ok(at) => Ok(Some(at)),
        Err(why) => Err(Error::field(name, why, "a `+` in an address is written as %2B").into()),
    }
}

/// A body as it came.
pub(super) type RawBody = Result<Bytes, rejection::BytesRejection>;

/// The body, or why there is none.
pub(super) fn bytes(body: RawBody) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is too large, counted after decompression",
        ),
        _ => Problem::bad_request("the body cannot be read"),
    })
}

/// A body of JSON; what another site's form could send without asking is refused.
pub(super) fn json(headers: &HeaderMap, body: RawBody) -> Result<Value, Problem> {
    let media = headers
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    let essence = media.map(|media| media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if let Some(essence) = essence
        && !matches!(essence.as_str(), "application/json" | "application/merge-patch+json")
    {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send application/json",
        ));
    }
    let body = bytes(body)?;
    super::parse::shallow(&body).map_err(Problem::bad_request)?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad_request(format!("the body is not valid JSON: {error}")))
}

/// A body of JSON of one form.
pub(super) fn form<T: DeserializeOwned>(headers: &HeaderMap, body: RawBody) -> Result<T, Problem> {
    serde_json::from_value(json(headers, body)?)
        .map_err(|error| Problem::bad_request(format!("the body is not what this call takes: {error}")))
}
