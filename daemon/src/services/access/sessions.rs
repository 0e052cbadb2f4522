//! Logins of people: a password for an access token of minutes and a refresh token of days.

use std::net::{IpAddr, Ipv6Addr};

use fleet_proto::access::{Permission, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use rand::Rng as _;
use serde_json::json;
use uuid::Uuid;

use super::denials::by_person;
use super::{Access, Known, grants, refused};
use crate::domain::access_token::{Claims, LIFETIME};
use crate::domain::audit::{Event, Outcome};
use crate::domain::caller::{Place, Who};
use crate::domain::hidden::Hidden;
use crate::domain::logins::normalised;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::throttle::Attempt;
use crate::domain::tokens::{self as texts, TokenKind};
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::resources::{Resources, denied};
use crate::storage::access::sessions::Session;
use crate::storage::access::{passwords, sessions};
use crate::storage::{Tx, resources};

const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;
/// A session that is not used for so long ends.
const IDLE: Micros = 7 * DAY;
/// A session ends after so long in any case.
const LONGEST: Micros = 30 * DAY;
/// Characters of a program's name that are kept.
const LONGEST_AGENT: usize = 200;

/// Who logs in, from where.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Address; empty at the local socket.
    pub address: String,
    /// What the program calls itself.
    pub agent: String,
}

impl Peer {
    pub(super) fn ip(&self) -> IpAddr {
        self.address.parse().unwrap_or(IpAddr::V6(Ipv6Addr::LOCALHOST))
    }
}

/// What somebody logs in with.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Name or mail address.
    pub user: String,
    /// As it was typed.
    pub password: Hidden,
    /// Name of the only organization that the session is to reach; empty: as many as the user.
    pub org: String,
}

/// A user who has shown the password, and the hash that it had.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) user: Object,
    pub(super) hash: String,
}

fn wrong() -> Error {
    Error::Unauthenticated("the name or the password is wrong".to_owned())
}

impl Access {
    /// The User that a login name means, whatever its case, spaces and Unicode forms.
    pub(super) async fn named(tx: &mut Tx, name: &str) -> Result<Option<Object>> {
        let Some(name) = normalised(name) else { return Ok(None) };
        if name.contains('@') {
            let holder = resources::holder_of_unique(tx, "", Kind::User, "spec.email", &name).await?;
            return Ok(match holder {
                Some(uid) => resources::find_by_uid(tx, uid).await?,
                None => None,
            });
        }
        Ok(resources::find(tx, None, Kind::User, &name).await?)
    }

    /// Counts an attempt, unless there were too many for now.
    pub(super) fn attempt(&self, account: &str, peer: &Peer) -> Result<Attempt> {
        let attempt = self.throttle().check(account, peer.ip(), self.clock.now());
        attempt.map_err(|wait| Error::exhausted("logins", "the number of logins for now", wait.milliseconds))
    }

    /// Is this the password of the user? What is tried too often has to wait; a name that is unknown costs as long as a
    /// known one.
    pub(super) async fn proven(&self, name: &str, password: &str, peer: &Peer) -> Result<Proven> {
        let (user, stored) = {
            let mut tx = self.resources.db().read().await?;
            let user = Self::named(&mut tx, name).await?;
            let stored = match &user {
                Some(user) => passwords::find(&mut tx, user.uid).await?,
                None => None,
            };
            (user, stored)
        };
        // A name and the mail address of one person are one account.
        let account = match &user {
            Some(user) => user.uid.to_string(),
            None => normalised(name).unwrap_or_default(),
        };
        let attempt = self.attempt(&account, peer)?;
        let fits = match self.hashing.verify(password.to_owned(), stored.clone()).await {
            Ok(fits) => fits,
            Err(error) => {
                self.throttle().withdrawn(attempt);
                return Err(error);
            }
        };
        let known = user.as_ref().map(|user| user.name.clone());
        let is_active = |user: &Object| matches!(&user.spec, Spec::User(spec) if spec.active != Some(false));
        match user.filter(|user| fits && is_active(user)) {
            Some(user) => {
                self.throttle().succeeded(attempt);
                let mut hash = stored.unwrap_or_default();
                if self.hashing.needs_rehash(&hash) {
                    hash = self.rehash(&user, password, hash).await?;
                }
                Ok(Proven { user, hash })
            }
            None => {
                self.throttle().failed(attempt, self.clock.now());
                // What was typed is kept of known names only: people type passwords there, too.
                let object = known.unwrap_or_else(|| "user".to_owned());
                self.note_failure("login", &object, peer).await?;
                Err(wrong())
            }
        }
    }

    /// Hashes a password anew, unless it was changed meanwhile; gives the hash that is stored if nobody did.
    async fn rehash(&self, user: &Object, password: &str, old: String) -> Result<String> {
        // One that is too short by today's rules still logs in, with the hash that it has.
        let Ok(prepared) = crate::domain::passwords::prepared(password, &[]) else {
            return Ok(old);
        };
        let hash = self.hashing.hash(prepared).await?;
        let mut tx = self.resources.db().begin().await?;
        let replaced = passwords::rehash(&mut tx, user.uid, &old, &hash).await?;
        tx.commit().await?;
        Ok(if replaced { hash } else { old })
    }

    /// Begins a session.
    pub async fn login(&self, login: &Login, peer: &Peer) -> Result<pb::Tokens> {
        let proven = self.proven(&login.user, &login.password, peer).await?;
        self.begin(&proven, &login.org, peer).await
    }

    /// Begins a session of somebody who has proven to be the user, if what was proven still holds: hashing takes long
    /// enough for a password to be changed, or its user to be deactivated.
    pub(super) async fn begin(&self, proven: &Proven, org: &str, peer: &Peer) -> Result<pb::Tokens> {
        let mut tx = self.resources.db().begin().await?;
        let user = grants::active(&mut tx, proven.user.uid).await.map_err(|_| wrong())?;
        if passwords::find(&mut tx, user.uid).await?.as_ref() != Some(&proven.hash) {
            return Err(wrong());
        }
        self.begin_in(tx, &user, org, peer).await
    }

    /// Begins a session in a transaction that has looked at the user, and commits it.
    pub(super) async fn begin_in(&self, mut tx: Tx, user: &Object, org: &str, peer: &Peer) -> Result<pb::Tokens> {
        let now = self.clock.now();
        let org = match org {
            "" => None,
            name => {
                let found = Resources::org_in(&mut tx, name).await;
                let reached = grants::grants_of(&mut tx, user).await?;
                // Whoever has nothing there is told what whoever names none is told.
                let org = found
                    .ok()
                    .filter(|org| reached.iter().any(|grant| grant.org.is_none_or(|own| own == org.uid)));
                Some(org.ok_or_else(wrong)?.uid)
            }
        };
        let fresh = refresh_token(None);
        let session = Session {
            id: fresh.id,
            user: user.uid,
            org,
            current: fresh.hash,
            previous: String::new(),
            created_at: now,
            last_used_at: now,
            expires_at: now + IDLE,
            address: peer.address.clone(),
            agent: peer
                .agent
                .chars()
                .filter(|c| !c.is_control())
                .take(LONGEST_AGENT)
                .collect(),
            revoked: false,
        };
        sessions::prune(&mut tx, now - LONGEST).await?;
        passwords::prune_codes(&mut tx, now - LONGEST).await?;
        sessions::insert(&mut tx, &session).await?;
        let event = by_person(&user.name, "login", peer).with(json!({"session": session.id, "agent": session.agent}));
        self.note(&mut tx, event).await?;
        let rotated = self.signer.rotate(&mut tx, self.resources.sealer(), now).await?;
        tx.commit().await?;
        if let Some(seed) = rotated {
            self.signer.take(&seed, now);
        }
        Ok(self.tokens_of(&session, user, fresh.text.reveal(), now))
    }

    fn tokens_of(&self, session: &Session, user: &Object, refresh: String, now: Micros) -> pb::Tokens {
        let claims = Claims {
            exp: 0,
            nbf: 0,
            iat: 0,
            iss: String::new(),
            aud: String::new(),
            sub: user.uid.to_string(),
            jti: Uuid::now_v7().to_string(),
            sid: session.id.clone(),
            org: session.org.map(|org| org.to_string()).unwrap_or_default(),
        };
        pb::Tokens {
            user: user.name.clone(),
            access_token: self.signer.issue(claims, now),
            access_expires_at: Some(timestamp(now + LIFETIME * SECOND)),
            refresh_token: refresh,
            refresh_expires_at: Some(timestamp(session.expires_at)),
            session: session.id.clone(),
        }
    }

    /// Gives new tokens for a refresh token. One that was used up ends the session: two have it, and one is a thief. Only
    /// the last one may come again while its successor was not shown yet: its answer may have been lost.
    pub async fn refresh(&self, text: &str, peer: &Peer) -> Result<pb::Tokens> {
        let id = texts::id(TokenKind::Refresh, text).ok_or_else(refused)?;
        let now = self.clock.now();
        // Whoever makes tokens up does not get as far as the writer.
        let known = sessions::find(&mut self.resources.db().read().await?, id).await?;
        known.filter(|session| !session.revoked).ok_or_else(refused)?;
        let mut tx = self.resources.db().begin().await?;
        let found = sessions::find(&mut tx, id).await?;
        let mut session = found
            .filter(|session| !session.revoked && session.expires_at > now)
            .ok_or_else(refused)?;
        let is_current = texts::matches(text, &session.current);
        let is_previous = !session.previous.is_empty() && texts::matches(text, &session.previous);
        if !(is_current || is_previous) {
            if sessions::was_used(&mut tx, id, &texts::hash(text)).await? {
                tracing::warn!(session = id, "a refresh token was used twice: its session is ended");
                sessions::revoke(&mut tx, id).await?;
                let event = by_person("unknown", "session.reuse", peer).with(json!({"session": id}));
                let event = Event {
                    outcome: Outcome::Failed,
                    ..event
                };
                self.note(&mut tx, event).await?;
                tx.commit().await?;
                self.forget(id);
            }
            return Err(refused());
        }
        let user = grants::active(&mut tx, session.user).await?;
        let fresh = refresh_token(Some(id));
        // What nobody will show again: the predecessor of the one before, or the successor that was never seen.
        let used_up = if is_current {
            let older = std::mem::replace(&mut session.previous, session.current.clone());
            session.current.clone_from(&fresh.hash);
            older
        } else {
            std::mem::replace(&mut session.current, fresh.hash.clone())
        };
        session.last_used_at = now;
        session.expires_at = (now + IDLE).min(session.created_at + LONGEST);
        session.address.clone_from(&peer.address);
        sessions::rotate(&mut tx, &session, &used_up).await?;
        tx.commit().await?;
        // What is remembered of it ends at its old time.
        super::write(&self.known).remove(id);
        Ok(self.tokens_of(&session, &user, fresh.text.reveal(), now))
    }

    /// Who shows an access token.
    pub(super) async fn caller_of_session(&self, text: &str, newest: u64) -> Result<Caller> {
        let claims = self.signer.verify(text, self.clock.now()).ok_or_else(refused)?;
        let known = super::read(&self.known)
            .get(&claims.sid)
            .filter(|known| known.revision >= newest && known.expires_at > self.clock.now())
            .cloned();
        let known = match known {
            Some(known) => known,
            None => self.look_up_session(&claims.sid).await?,
        };
        let is_its_own = matches!(known.caller.who(), Who::User { uid, .. } if uid.to_string() == claims.sub);
        if is_its_own && known.expires_at > self.clock.now() {
            Ok(known.caller)
        } else {
            Err(refused())
        }
    }

    async fn look_up_session(&self, id: &str) -> Result<Known> {
        let (revision, ends) = self.moment();
        let mut tx = self.resources.db().read().await?;
        let session = grants::live_session(&mut tx, id, self.clock.now()).await?;
        let known = Known {
            hash: String::new(),
            caller: grants::caller_of_session(&mut tx, &session).await?,
            expires_at: session.expires_at,
            revision,
        };
        self.remember(id, &known, ends);
        Ok(known)
    }

    /// Ends the caller's own session.
    pub async fn logout(&self, caller: &Caller) -> Result<()> {
        let Who::User { session, .. } = caller.who() else {
            return Err(Error::Denied(
                "this credential has no session that could be ended".to_owned(),
            ));
        };
        let mut tx = self.resources.db().begin().await?;
        sessions::revoke(&mut tx, session).await?;
        self.note(
            &mut tx,
            Event::done(caller, None, "logout", format!("session/{session}")),
        )
        .await?;
        tx.commit().await?;
        self.forget(session);
        Ok(())
    }

    /// The user whose sessions the caller may look at and end: itself, or whom it may edit.
    pub(super) async fn subject(&self, tx: &mut Tx, caller: &Caller, user: &str) -> Result<Object> {
        let own = caller.user().unwrap_or_default();
        let name = if user.is_empty() { own } else { user };
        if name.is_empty() {
            return Err(Error::NotFound("a user of this credential".to_owned()));
        }
        let edit = Permission::of(Verb::Edit, Kind::User);
        if name != own && !caller.may(edit, &Place::Platform) {
            return Err(denied(edit, &"the sessions of others"));
        }
        let found = resources::find(tx, None, Kind::User, name).await?;
        found.ok_or_else(|| Error::NotFound(format!("user/{name}")))
    }

    /// Sessions of the caller, or of a user whom it may edit, newest first.
    pub async fn sessions(&self, caller: &Caller, user: &str) -> Result<Vec<pb::Session>> {
        let mut tx = self.resources.db().read().await?;
        let user = self.subject(&mut tx, caller, user).await?;
        let found = sessions::list(&mut tx, user.uid, self.clock.now()).await?;
        Ok(found.into_iter().map(|session| shown(&user, session, caller)).collect())
    }

    /// Ends a session.
    pub async fn revoke_session(&self, caller: &Caller, id: &str) -> Result<()> {
        let missing = || Error::NotFound(format!("session {id}"));
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let session = sessions::find(&mut tx, id).await?.ok_or_else(missing)?;
        let user = resources::find_by_uid(&mut tx, session.user)
            .await?
            .ok_or_else(missing)?;
        self.subject(&mut tx, caller, &user.name).await.map_err(|_| missing())?;
        sessions::revoke(&mut tx, id).await?;
        let event = Event::done(caller, None, "session.revoke", format!("session/{id}"));
        self.note(&mut tx, event.with(json!({"user": user.name}))).await?;
        tx.commit().await?;
        self.forget(id);
        Ok(())
    }

    /// Ends every session of a user but one.
    pub(super) async fn end_sessions(&self, tx: &mut Tx, user: Uuid, but: &str) -> Result<Vec<String>> {
        let mut ended = Vec::new();
        for session in sessions::list(tx, user, self.clock.now()).await? {
            if session.id != but && sessions::revoke(tx, &session.id).await? {
                ended.push(session.id);
            }
        }
        Ok(ended)
    }
}

/// A refresh token; those of a session have its id.
fn refresh_token(session: Option<&str>) -> texts::Fresh {
    let mut random = [0; 48];
    rand::rng().fill_bytes(&mut random);
    if let Some(id) = session {
        for (at, byte) in random.iter_mut().take(16).enumerate() {
            let digits = id.get(at * 2..at * 2 + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
    }
    texts::make(TokenKind::Refresh, random)
}

fn shown(user: &Object, session: Session, caller: &Caller) -> pb::Session {
    let own = matches!(caller.who(), Who::User { session: own, .. } if *own == session.id);
    pb::Session {
        id: session.id,
        user: user.name.clone(),
        address: session.address,
        agent: session.agent,
        created_at: Some(timestamp(session.created_at)),
        last_used_at: Some(timestamp(session.last_used_at)),
        expires_at: Some(timestamp(session.expires_at)),
        own,
    }
}
