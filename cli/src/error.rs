//! What a command can fail with, in words that a person can act on.

use fleet_proto::{codes, pb};
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
}

impl Error {
    /// An error without details.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into(), help: help.into(), rendered: Vec::new(), issues: Vec::new() }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, codes::USAGE, message, help)
    }

    /// Lines for people; ends in a newline.
    pub fn text(&self) -> String {
        let mut text: String = self.rendered.concat();
        if self.rendered.is_empty() {
            text.push_str(&format!("error[{}]: {}\n", self.code, self.message));
            for issue in &self.issues {
                let part = |name: &str| issue[name].as_str().unwrap_or_default().to_owned();
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
        json!({"error": {"code": self.code, "exit": self.exit as u8, "message": self.message, "help": self.help, "issues": self.issues}}).to_string() + "\n"
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let detail = pb::ErrorDetail::decode(status.details()).unwrap_or_default();
        let (exit, code) = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => (Exit::Invalid, codes::SEMANTIC),
            Code::Unauthenticated => (Exit::NotLoggedIn, codes::LOGIN),
            Code::PermissionDenied => (Exit::Denied, codes::DENIED),
            Code::NotFound => (Exit::NotFound, codes::NOT_FOUND),
            Code::Aborted | Code::AlreadyExists => (Exit::Conflict, codes::CONFLICT),
            Code::FailedPrecondition => (Exit::Guarded, codes::IN_USE),
            Code::ResourceExhausted if detail.code == codes::LIMIT && detail.retry_after_ms == 0 => (Exit::Guarded, codes::LIMIT),
            Code::ResourceExhausted | Code::Unavailable => (Exit::Unavailable, codes::OVERLOADED),
            Code::DeadlineExceeded => (Exit::TimedOut, codes::TIMEOUT),
            _ => (Exit::Failure, codes::INTERNAL),
        };
        let code = if detail.code.is_empty() { code } else { &detail.code };
        let help = match (detail.help.as_str(), codes::find(code)) {
            ("", Some(row)) => row.help.to_owned(),
            (help, _) => help.to_owned(),
        };
        let mut error = Self::new(exit, code, status.message(), help);
        error.issues = match detail.issues.as_slice() {
            // The message holds the only one already.
            [_] => Vec::new(),
            all => all.iter().map(|issue| json!({"path": issue.path, "message": issue.message, "help": issue.help, "code": issue.code})).collect(),
        };
        error
    }
}
