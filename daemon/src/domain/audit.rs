//! What the audit log is told.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Caller;
use super::caller::Origin;
use super::plain;

/// Characters of a reason that are kept: a caller may have chosen them.
const LONGEST: usize = 200;
/// And of an actor or an object.
const LONGEST_NAME: usize = 500;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// The caller is known and may not.
    Denied,
    /// The caller could not show who it is.
    Failed,
}

impl Outcome {
    /// As it is stored and shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// Something that somebody did, or was refused.
#[derive(Clone, Debug)]
pub struct Event {
    /// In which organization; none: on the platform.
    pub org: Option<Uuid>,
    /// Such as `user/ada`.
    pub actor: String,
    /// Such as `change`, `login`, `token.create`.
    pub verb: &'static str,
    /// To what, such as `device/meter-1`.
    pub object: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What else there is to say: a JSON object without secrets.
    pub detail: Json,
    /// From where.
    pub origin: Origin,
}

impl Event {
    /// Something that a caller did.
    pub fn done(caller: &Caller, org: Option<Uuid>, verb: &'static str, object: impl Into<String>) -> Self {
        Self {
            org,
            actor: caller.actor(),
            verb,
            object: object.into(),
            outcome: Outcome::Done,
            detail: json!({}),
            origin: caller.origin().clone(),
        }
    }

    /// With more to say.
    pub fn with(self, detail: Json) -> Self {
        Self { detail, ..self }
    }

    /// The same, which the caller may not.
    pub fn refused(self, why: &str) -> Self {
        let outcome = Outcome::Denied;
        Self { outcome, ..self }.because(why)
    }

    /// The same, by somebody who could not show who it is.
    pub fn failed(self, why: &str) -> Self {
        let outcome = Outcome::Failed;
        Self { outcome, ..self }.because(why)
    }

    /// As the log keeps it: what others have chosen holds no token and nothing that a store cannot hold.
    pub fn plain(&self) -> Self {
        Self {
            actor: plain::line(&self.actor, LONGEST_NAME),
            object: plain::line(&self.object, LONGEST_NAME),
            detail: plain::json(&self.detail),
            origin: Origin {
                address: plain::line(&self.origin.address, LONGEST),
                request_id: plain::line(&self.origin.request_id, LONGEST),
            },
            ..*self
        }
    }

    fn because(mut self, why: &str) -> Self {
        self.detail["why"] = why.chars().take(LONGEST).collect::<String>().into();
        self
    }
}
