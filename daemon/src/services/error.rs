//! What a use case can answer besides success. It knows no transport.

use fleet_proto::codes;
use fleet_proto::names;
use fleet_proto::pb::{Issue, Referrer};

use crate::domain::Key;
use crate::storage;

/// Result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or the caller may not know that it does.
    #[error("{0} does not exist")]
    NotFound(String),
    /// It exists and must not.
    #[error("{0} exists already")]
    AlreadyExists(String),
    /// Somebody else wrote it since it was read.
    #[error("{key} is at revision {current}, not at {seen}: somebody else wrote it since")]
    Conflict {
        /// What.
        key: Key,
        /// Revision that the caller saw.
        seen: u64,
        /// Revision now.
        current: u64,
    },
    /// A plan saw other revisions than there are: key, the one that it saw, the one that is; 0: it did not or does not exist.
    #[error("the plan is stale: {}", stale(.0))]
    Stale(Vec<(Key, u64, u64)>),
    /// What is to be taken back was written by somebody since: key, the revision that was left, the one that is.
    #[error("somebody wrote the same since: {}", stale(.0))]
    Touched(Vec<(Key, u64, u64)>),
    /// A field belongs to another manager.
    #[error("{key}: {path} belongs to {manager}{}", and_more(*.more))]
    Owned {
        /// Of what.
        key: Key,
        /// Which field.
        path: String,
        /// Whose it is.
        manager: String,
        /// So many more conflicts.
        more: usize,
    },
    /// A guard refuses although the input is valid.
    #[error("{}", invalid(.0))]
    Guarded(Vec<Issue>),
    /// The input is wrong; nothing was changed.
    #[error("{}", invalid(.0))]
    Invalid(Vec<Issue>),
    /// It cannot be deleted while these refer to it.
    #[error("{key} is still referred to by {}", named(.referrers))]
    InUse {
        /// What.
        key: Key,
        /// By whom.
        referrers: Vec<Referrer>,
    },
    /// It is protected against deletion.
    #[error("{0} is protected; set `metadata.protect: false` first")]
    Protected(Key),
    /// The caller is known and may not.
    #[error("{0}")]
    Denied(String),
    /// The caller is not known.
    #[error("{0}")]
    Unauthenticated(String),
    /// A budget is used up.
    #[error("{budget} is used up")]
    Exhausted {
        /// Which, such as `devices of organization acme (10)`.
        budget: String,
        /// When a repeat may succeed, milliseconds; 0: not by waiting.
        retry_after_ms: u64,
    },
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
    /// The disk is full; reads and deletes go on.
    #[error("the disk is full; free space and repeat")]
    Full,
    /// The store failed; the cause belongs in the log.
    #[error("internal error")]
    Storage(#[source] storage::Error),
}

impl Error {
    /// A field of a request that is not what it may be, and what to do about it.
    pub fn field(path: &str, message: impl Into<String>, help: &str) -> Self {
        Self::Invalid(vec![Issue {
            path: path.to_owned(),
            message: message.into(),
            help: help.to_owned(),
            code: codes::OUT_OF_RANGE.to_owned(),
            ..Issue::default()
        }])
    }

    /// Is it an answer to what was asked, and not fleetd's own trouble?
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Unavailable(_) | Self::Full | Self::Storage(_))
    }

    /// A budget that is used up. The figures count it by what kind of budget it is, one word, never by whose it is.
    pub fn exhausted(kind: &'static str, budget: impl Into<String>, retry_after_ms: u64) -> Self {
        metrics::counter!("fleetd_refused_total", "budget" => kind).increment(1);
        Self::Exhausted {
            budget: budget.into(),
            retry_after_ms,
        }
    }
}

fn stale(found: &[(Key, u64, u64)]) -> String {
    let told = found.iter().take(5).map(|(key, seen, current)| match (seen, current) {
        (0, _) => format!("{key} has been created since"),
        (_, 0) => format!("{key} is gone"),
        (seen, current) => format!("{key} was at revision {seen} and is at {current}"),
    });
    told.collect::<Vec<_>>().join(", ") + &and_more(found.len().saturating_sub(5))
}

fn and_more(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(" (and {count} more)")
    }
}

fn invalid(issues: &[Issue]) -> String {
    match issues {
        [] => "the input is invalid".to_owned(),
        [one] if one.path.is_empty() => one.message.clone(),
        [first, rest @ ..] if first.path.is_empty() => format!("{}{}", first.message, and_more(rest.len())),
        [one] => format!("{}: {}", one.path, one.message),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.path, first.message, rest.len()),
    }
}

/// Some of those who refer to something, and how many more there are.
pub(super) fn named(list: &[Referrer]) -> String {
    let mut names: Vec<_> = list.iter().take(5).map(names::referrer).collect();
    if list.len() > names.len() {
        names.push(format!("{} more", list.len() - names.len()));
    }
    names.join(", ")
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Full(_) => Self::Full,
            storage::Error::Busy => Self::exhausted("writes", "the share of what may wait to be written", 1_000),
            error => Self::Storage(error),
        }
    }
}
