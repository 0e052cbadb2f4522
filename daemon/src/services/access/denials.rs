//! What the audit log is told of people: what they do, in the transaction that does it; what they are refused, and what
//! strangers try, beside the calls.

use std::net::IpAddr;
use std::sync::Arc;

use super::sessions::Peer;
use super::{Access, Error, Result};
use crate::domain::Caller;
use crate::domain::audit::Event;
use crate::domain::caller::{Origin, Who};
use crate::domain::tokens::{self as texts, TokenKind};
use crate::storage::Tx;
use crate::storage::access::tokens;

impl Access {
    /// Notes that a caller was refused a method.
    pub fn refused(&self, caller: &Caller, method: &str, why: &str) {
        self.resources.notes().refused(caller, method, why);
    }

    /// Notes that a caller has to wait.
    pub fn held_up(&self, caller: &Caller) {
        self.resources.notes().held_up(caller);
    }

    /// Notes what is done in a transaction: without its row in the log it is not done.
    pub(super) async fn note(&self, tx: &mut Tx, event: Event) -> Result<()> {
        self.resources.note(tx, event).await
    }

    /// Notes an attempt of somebody who is not known.
    pub(super) async fn note_failure(&self, verb: &'static str, object: &str, peer: &Peer) -> Result<()> {
        let event = by_stranger(verb, &format!("user/{object}"), peer).failed("the name or the password is wrong");
        let mut tx = self.resources.db().begin().await?;
        self.note(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Notes a token that let nobody in; where its id is known, in the log of its organization. Sessions that are over are
    /// everyday, and what is no token of ours tells nothing.
    pub(super) async fn note_wrong(&self, text: &str, address: IpAddr, why: &str) {
        let Some(id) = texts::id(TokenKind::Api, text) else {
            return;
        };
        let peer = Peer {
            address: address.to_string(),
            agent: String::new(),
        };
        // What cannot be looked up is nobody's.
        let known = match self.resources.db().read().await {
            Ok(mut tx) => tokens::find(&mut tx, id).await.ok().flatten(),
            Err(_) => None,
        };
        let object = known
            .as_ref()
            .map_or_else(|| "token".to_owned(), |token| format!("token/{}", token.id));
        let event = Event {
            org: known.and_then(|token| token.org),
            ..by_stranger("login", &object, &peer)
        };
        self.resources.notes().audit(event.failed(why));
    }

    /// Notes a token or code that was not what it should be: beside the call, as whoever tries has no limit of its own.
    pub(super) fn noting<T>(&self, done: Result<T>, verb: &'static str, object: &str, peer: &Peer) -> Result<T> {
        if let Err(Error::Unauthenticated(why)) = &done {
            self.resources
                .notes()
                .audit(by_stranger(verb, object, peer).failed(why));
        }
        done
    }
}

/// Something that a person does who has just shown who it is.
pub(super) fn by_person(user: &str, verb: &'static str, peer: &Peer) -> Event {
    let object = format!("user/{user}");
    Event {
        actor: object.clone(),
        ..by_stranger(verb, &object, peer)
    }
}

/// Something that somebody tries who is not known.
fn by_stranger(verb: &'static str, object: &str, peer: &Peer) -> Event {
    let caller = Caller::new(Who::Fleetd("unknown".to_owned()), Arc::default(), None);
    let origin = Origin {
        address: peer.address.clone(),
        request_id: String::new(),
    };
    let asked = caller.asked();
    Event::done(&caller.asking(asked, origin), None, verb, object)
}
