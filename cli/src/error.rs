//! What a command can fail with, in words that a person can act on.

use fleet_proto::{codes, names, pb};
use prost::Message as _;
use serde_json::json;
use tonic::{Code, Status};

use crate::exit::Exit;

/// Result of a command's part.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a command failed.
#[derive(Debug)]
pub struct Error {
    /// How the process ends.
    pub exit: Exit,
    /// `FLT-NNNN`.
    pub code: String,
    /// What, a lower-case fragment.
    pub message: String,
    /// The next step; may be empty.
    pub help: String,
    /// Problems that were found, each already as lines of text.
    pub rendered: Vec<String>,
    /// The same as data.
    pub issues: Vec<serde_json::Value>,
    /// What stands in the way, as data.
    pub referrers: Vec<serde_json::Value>,
    /// When a repeat may succeed, milliseconds; 0: not said.
    pub retry_after_ms: u64,
}

impl Error {
    /// An error without details.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.to_owned(),
            message: message.into(),
            help: help.into(),
            rendered: Vec::new(),
            issues: Vec::new(),
            referrers: Vec::new(),
            retry_after_ms: 0,
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, codes::USAGE, message, help)
    }

    /// Lines for people; ends in a newline.
    pub fn text(&self) -> String {
        let mut text: String = self.rendered.concat();
        if self.rendered.is_empty() {
            text.push_str(&format!("error[{}]: {}\n", self.code, clean(&self.message)));
            // The message holds the only one already.
            for issue in self.issues.iter().filter(|_| self.issues.len() > 1) {
                let part = |name: &str| clean(issue[name].as_str().unwrap_or_default());
                text.push_str(&format!("  {}: {}\n", part("path"), part("message")));
            }
        } else {
            text.push_str(&format!("error: {}\n", self.message));
        }
        if !self.help.is_empty() {
            text.push_str(&format!("  help: {}\n", self.help));
        }
        text
    }

    /// The same for scripts; one line.
    pub fn json(&self) -> String {
        let mut error = json!({
            "code": self.code, "exit": self.exit as u8, "message": self.message, "help": self.help,
            "issues": self.issues,
        });
        if !self.referrers.is_empty() {
            error["referrers"] = self.referrers.clone().into();
        }
        if self.retry_after_ms > 0 {
            error["retryAfterMs"] = self.retry_after_ms.into();
        }
        json!({ "error": error }).to_string() + "\n"
    }
}

/// Text of others without what would steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        // Only what fails on this side of the connection has a source; its texts name libraries.
        if std::error::Error::source(&status).is_some() {
            return Self::new(
                Exit::Unavailable,
                codes::CONNECT,
                "the connection to fleetd was lost",
                "see whether fleetd runs with `fleetctl server status`; a change that was under way is committed whole or not at all",
            );
        }
        // Answers that are not gRPC become statuses on this side, too: of these texts.
        let foreign = ["protocol error: ", "grpc-status header missing"];
        if status.code() == Code::Unimplemented || foreign.iter().any(|text| status.message().starts_with(text)) {
            return Self::new(
                Exit::Unavailable,
                codes::CONNECT,
                "what answers does not know this call: it is an older fleetd, or no gRPC listener",
                "look whether --server names fleetd's socket, or the port of its --grpc-listen; `fleetctl server status` tells the version",
            );
        }
        let detail = pb::ErrorDetail::decode(status.details()).unwrap_or_default();
        let (exit, code) = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => (Exit::Invalid, codes::SEMANTIC),
            Code::Unauthenticated => (Exit::NotLoggedIn, codes::LOGIN),
            Code::PermissionDenied => (Exit::Denied, codes::DENIED),
            Code::NotFound => (Exit::NotFound, codes::NOT_FOUND),
            Code::Aborted | Code::AlreadyExists => (Exit::Conflict, codes::CONFLICT),
            Code::FailedPrecondition => (Exit::Guarded, codes::IN_USE),
            Code::ResourceExhausted if detail.code == codes::LIMIT && detail.retry_after_ms == 0 => {
                (Exit::Guarded, codes::LIMIT)
            }
            Code::ResourceExhausted | Code::Unavailable => (Exit::Unavailable, codes::OVERLOADED),
            Code::DeadlineExceeded => (Exit::TimedOut, codes::TIMEOUT),
            _ => (Exit::Failure, codes::INTERNAL),
        };
        let code = if detail.code.is_empty() { code } else { &detail.code };
        let help = match (detail.help.as_str(), codes::find(code)) {
            ("", Some(row)) => row.help.to_owned(),
            (help, _) => help.to_owned(),
        };
        let help = match detail.retry_after_ms {
            wait if wait > 0 && exit == Exit::Unavailable => format!("repeat it in {} s", wait.div_ceil(1_000)),
            _ => help,
        };
        let mut error = Self::new(exit, code, status.message(), help);
        error.issues = detail
            .issues
            .iter()
            .map(|issue| json!({"path": issue.path, "message": issue.message, "help": issue.help, "code": issue.code}))
            .collect();
        error.referrers = detail
            .referrers
            .iter()
            .map(|one| json!({"org": one.org, "ref": names::referrer(one), "path": one.path}))
            .collect();
        error.retry_after_ms = detail.retry_after_ms;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, detail: &pb::ErrorDetail) -> Error {
        Status::with_details(code, "it \u{1b}[31mfailed", detail.encode_to_vec().into()).into()
    }

    #[test]
    fn each_status_has_its_exit_code() {
        let none = pb::ErrorDetail::default();
        let limit = pb::ErrorDetail {
            code: codes::LIMIT.into(),
            ..Default::default()
        };
        for (code, detail, exit) in [
            (Code::InvalidArgument, &none, Exit::Invalid),
            (Code::Unauthenticated, &none, Exit::NotLoggedIn),
            (Code::PermissionDenied, &none, Exit::Denied),
            (Code::NotFound, &none, Exit::NotFound),
            (Code::Aborted, &none, Exit::Conflict),
            (Code::FailedPrecondition, &none, Exit::Guarded),
            (Code::ResourceExhausted, &none, Exit::Unavailable),
            (Code::ResourceExhausted, &limit, Exit::Guarded),
            (Code::Unavailable, &none, Exit::Unavailable),
            (Code::DeadlineExceeded, &none, Exit::TimedOut),
            (Code::Unimplemented, &none, Exit::Unavailable),
            (Code::Internal, &none, Exit::Failure),
        ] {
            assert_eq!(status(code, detail).exit, exit, "{code:?}");
        }
    }

    #[test]
    fn details_reach_people_and_scripts() {
        let issue = |path: &str| pb::Issue {
            path: path.into(),
            message: "is wrong".into(),
            code: codes::WRONG_TYPE.into(),
            ..Default::default()
        };
        let detail = pb::ErrorDetail {
            code: codes::IN_USE.into(),
            issues: vec![issue("spec.a"), issue("spec.b")],
            referrers: vec![pb::Referrer {
                org: "o".into(),
                kind: "site".into(),
                name: "s".into(),
                path: "spec.customer".into(),
            }],
            retry_after_ms: 250,
            help: String::new(),
        };
        let error = status(Code::FailedPrecondition, &detail);
        insta::assert_snapshot!(error.text(), @r"
        error[FLT-4010]: it  [31mfailed
          spec.a: is wrong
          spec.b: is wrong
          help: Delete the resources that the message names first, or in the same command.
        ");
        let json: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
        assert_eq!(json["error"]["exit"], 15);
        assert_eq!(json["error"]["issues"][1]["path"], "spec.b");
        assert_eq!(json["error"]["referrers"][0]["ref"], "site/s");
        assert_eq!(json["error"]["retryAfterMs"], 250);
    }

    #[test]
    fn a_lost_connection_names_no_library() {
        let cause: Box<dyn std::error::Error + Send + Sync> = "h2 protocol error".into();
        let error = Error::from(Status::from_error(cause));
        assert_eq!(error.exit, Exit::Unavailable);
        assert!(!error.text().contains("h2"), "{}", error.text());
    }
}
