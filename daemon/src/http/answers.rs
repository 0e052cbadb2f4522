//! Answers: JSON, and problems as `{code, title, detail, retryAfter?}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fleet_proto::pb::Issue;
use serde_json::{Value, json};

use crate::domain::Key;
use crate::services::Error;

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_ms: Option<u64>,
    issues: Vec<Issue>,
}

/// Issues that one answer lists.
const MOST_ISSUES: usize = 1_000;

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after_ms: None,
            issues: Vec::new(),
        }
    }

    /// Of what must not exist yet: a conflict is that it does.
    pub(super) fn or_exists(self, key: &Key) -> Self {
        if self.code == "stale" {
            return Error::AlreadyExists(key.to_string()).into();
        }
        self
    }

    /// What was asked about does not exist, or may not be known of.
    pub(super) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// What is told of it, wherever.
    pub(super) fn body(&self) -> Value {
        let title = self.status.canonical_reason().unwrap_or("error");
        let mut body = json!({"code": self.code, "title": title, "detail": self.detail});
        if let Some(ms) = self.retry_after_ms {
            body["retryAfter"] = json!(ms.div_ceil(1_000).max(1));
        }
        if !self.issues.is_empty() {
            body["issues"] = self.issues.iter().take(MOST_ISSUES).map(told).collect();
        }
        body
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(ms) = self.retry_after_ms {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000).max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn told(issue: &Issue) -> Value {
    let mut told = json!({"path": issue.path, "message": issue.message, "code": issue.code});
    if !issue.help.is_empty() {
        told["help"] = issue.help.as_str().into();
    }
    told
}

/// The one place that knows HTTP's status codes.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let problem = |status, code| Self::new(status, code, detail.clone());
        match error {
            Error::NotFound(_) => problem(StatusCode::NOT_FOUND, "not_found"),
            Error::Stale(_) => problem(StatusCode::CONFLICT, "stale"),
            Error::AlreadyExists(_)
            | Error::Conflict { .. }
            | Error::Touched(_)
            | Error::Owned { .. }
            | Error::Guarded(_)
            | Error::InUse { .. }
            | Error::Protected(_) => problem(StatusCode::CONFLICT, "conflict"),
            Error::Invalid(issues) => Self {
                issues,
                ..problem(StatusCode::BAD_REQUEST, "invalid")
            },
            Error::Denied(_) => problem(StatusCode::FORBIDDEN, "denied"),
            Error::Unauthenticated(_) => problem(StatusCode::UNAUTHORIZED, "unauthenticated"),
            Error::Exhausted { retry_after_ms: 0, .. } => problem(StatusCode::FORBIDDEN, "limit_reached"),
            Error::Exhausted { retry_after_ms, .. } => Self {
                retry_after_ms: Some(retry_after_ms),
                ..problem(StatusCode::TOO_MANY_REQUESTS, "overloaded")
            },
            Error::Unavailable(_) => Self {
                retry_after_ms: Some(1_000),
                ..problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            },
            Error::Full => problem(StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
            Error::Storage(cause) => {
                tracing::error!(error = &cause as &dyn std::error::Error, "request failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "internal error; see the fleetd log",
                )
            }
        }
    }
}
