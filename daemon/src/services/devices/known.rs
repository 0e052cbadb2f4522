//! Credentials that were looked up, while nothing has changed that could matter.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

use super::Identity;
use crate::domain::certificates::Presented;
use crate::domain::telemetry::Micros;
use crate::domain::tokens::{self, TokenKind};

/// Credentials that are remembered.
const MOST: usize = 200_000;

/// What a device shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// The text behind `Bearer`.
    Token(&'a str),
    /// A certificate whose chain and key the TLS layer has verified.
    Certificate(&'a Presented),
}

/// What shows that a credential is genuine.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// The hash of a token.
    Hash(String),
    /// What a certificate says.
    Certificate(Presented),
}

impl Proof {
    /// Is it this what is shown, and does it still count?
    pub(super) fn fits(&self, shown: &Shown<'_>, now: Micros) -> bool {
        match (self, shown) {
            (Self::Hash(hash), Shown::Token(text)) => tokens::matches(text, hash),
            (Self::Certificate(own), Shown::Certificate(shown)) => own == *shown && now <= own.not_after,
            _ => false,
        }
    }
}

/// A credential with its device.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) proof: Proof,
    pub(super) identity: Identity,
    /// Resources as of this revision decided.
    pub(super) revision: u64,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<String, Arc<Known>>,
    /// Counts what was forgotten.
    forgotten: u64,
}

/// What is known, by the id of a token or the serial number of a certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<RwLock<All>>);

impl Memory {
    pub(super) fn find(&self, id: &str, revision: u64) -> Option<Arc<Known>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.by_id.get(id).filter(|known| known.revision == revision).cloned()
    }

    /// Was this genuine when it was last looked up, or made?
    pub(super) fn is_familiar(&self, id: &str, shown: &Shown<'_>, now: Micros) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.by_id.get(id).is_some_and(|known| known.proof.fits(shown, now))
    }

    /// To be asked for before the database is, and given to [`Self::insert`].
    pub(super) fn moment(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).forgotten
    }

    /// Remembers what was looked up, unless something was forgotten since: it may be just this.
    pub(super) fn insert(&self, id: &str, known: Known, moment: u64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.forgotten != moment {
            return;
        }
        if all.by_id.len() >= MOST {
            all.by_id.clear();
        }
        all.by_id.insert(id.to_owned(), Arc::new(known));
    }

    /// Makes a token familiar that was just made. It is looked up all the same: at revision 0 nothing counts.
    pub(super) fn expect(&self, text: &str, identity: &Identity) {
        let Some(id) = tokens::id(TokenKind::Device, text) else {
            return;
        };
        let known = Known {
            proof: Proof::Hash(tokens::hash(text)),
            identity: identity.clone(),
            revision: 0,
        };
        self.insert(id, known, self.moment());
    }

    /// Forgets the credentials of a device, after the transaction that ended one of them.
    pub(super) fn forget(&self, device: Uuid) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.forgotten += 1;
        all.by_id.retain(|_, known| known.identity.uid != device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Org;

    fn known(device: u128) -> Known {
        Known {
            proof: Proof::Hash("h".into()),
            identity: Identity {
                org: Org {
                    uid: Uuid::nil(),
                    name: "acme".into(),
                },
                uid: Uuid::from_u128(device),
                name: "d".into(),
            },
            revision: 1,
        }
    }

    #[test]
    fn what_was_looked_up_before_a_revocation_is_not_remembered_after_it() {
        let memory = Memory::default();
        let moment = memory.moment();
        memory.insert("a", known(1), moment);
        assert!(memory.find("a", 1).is_some());
        assert!(memory.find("a", 2).is_none(), "resources have changed");
        memory.forget(Uuid::from_u128(1));
        assert!(memory.find("a", 1).is_none());
        memory.insert("a", known(1), moment);
        assert!(memory.find("a", 1).is_none(), "the look-up began before");
        memory.insert("a", known(1), memory.moment());
        assert!(memory.find("a", 1).is_some());
    }
}
