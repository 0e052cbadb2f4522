//! The one place that knows gRPC codes, and the one that hides causes.

use fleet_proto::{codes, pb};
use prost::Message as _;
use tonic::{Code, Status};

use crate::services::Error;

/// Issues carried in a status: it travels in a header. Apply sends all of them in its answer.
const MOST_ISSUES: usize = 20;

fn code(error: &Error) -> (Code, &'static str) {
    match error {
        Error::NotFound(_) => (Code::NotFound, codes::NOT_FOUND),
        Error::AlreadyExists(_) => (Code::AlreadyExists, codes::CONFLICT),
        Error::Conflict { .. } => (Code::Aborted, codes::CONFLICT),
        Error::Stale(_) | Error::Touched(_) => (Code::Aborted, codes::STALE),
        Error::Owned { .. } => (Code::Aborted, codes::OWNED),
        Error::Guarded(_) => (Code::FailedPrecondition, codes::GUARDED),
        Error::Invalid(_) => (Code::InvalidArgument, codes::SEMANTIC),
        Error::InUse { .. } => (Code::FailedPrecondition, codes::IN_USE),
        Error::Protected(_) => (Code::FailedPrecondition, codes::PROTECTED),
        Error::Denied(_) => (Code::PermissionDenied, codes::DENIED),
        Error::Unauthenticated(_) => (Code::Unauthenticated, codes::LOGIN),
        Error::Exhausted { .. } => (Code::ResourceExhausted, codes::LIMIT),
        Error::Unavailable(_) => (Code::Unavailable, codes::OVERLOADED),
        Error::Full => (Code::ResourceExhausted, codes::DISK_FULL),
        Error::Storage(_) => (Code::Internal, codes::INTERNAL),
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, flt) = code(&error);
        let mut detail = pb::ErrorDetail {
            code: flt.to_owned(),
            ..pb::ErrorDetail::default()
        };
        let mut message = error.to_string();
        match &error {
            Error::Invalid(issues) | Error::Guarded(issues) => {
                detail.issues = issues.iter().take(MOST_ISSUES).cloned().collect();
                if let [only] = issues.as_slice() {
                    if !only.code.is_empty() {
                        detail.code.clone_from(&only.code);
                    }
                    detail.help.clone_from(&only.help);
                }
            }
            Error::Touched(_) => {
                "look with `fleetctl history`; --force takes it back all the same".clone_into(&mut detail.help);
            }
            Error::InUse { referrers, .. } => detail.referrers = referrers.iter().take(MOST_ISSUES).cloned().collect(),
            Error::Exhausted { retry_after_ms, .. } => detail.retry_after_ms = *retry_after_ms,
            Error::Storage(cause) => {
                // The cause belongs in the log: it may hold SQL, paths, or addresses.
                tracing::error!(error = cause as &dyn std::error::Error, "request failed");
                "internal error; see the fleetd log".clone_into(&mut message);
            }
            _ => {}
        }
        Self::with_details(code, message, detail.encode_to_vec().into())
    }
}
