//! Passwords: set by an administrator, changed by their owner, chosen with a code; and the very first one.

use fleet_proto::access::PLATFORM_ADMIN;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, Submission};
use rand::Rng as _;

use super::denials::by_person;
use super::sessions::Peer;
use super::{Access, grants, read, refused, write};
use crate::domain::audit::Event;
use crate::domain::caller::{Place, Who};
use crate::domain::object::timestamp;
use crate::domain::ownership::Manager;
use crate::domain::passwords::{Prepared, Refusal, prepared};
use crate::domain::telemetry::Micros;
use crate::domain::tokens::{self as texts, TokenKind};
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::resources::{Options, Resources, denied};
use crate::storage::access::passwords::{self, Code, CodeKind};
use crate::storage::access::{sessions, tokens};
use crate::storage::{Tx, resources};

const MINUTE: Micros = 60 * 1_000_000;
/// Microseconds for which the first administrator may be made.
pub const SETUP: Micros = 15 * MINUTE;
/// Microseconds for which a code to log in elsewhere holds.
const QR: Micros = MINUTE;
/// Microseconds for which a code to choose a new password holds.
const RESET: Micros = 60 * MINUTE;

/// A token for the first administrator.
#[derive(Clone, Debug)]
pub(super) struct SetupToken {
    hash: String,
    expires_at: Micros,
}

/// A code in words, with its hash.
pub(super) fn fresh_code(kind: TokenKind) -> texts::Fresh {
    let mut random = [0; 48];
    rand::rng().fill_bytes(&mut random);
    texts::make(kind, random)
}

/// A new password of a user, if it may be one.
pub(super) fn new_password(text: &str, name: &str, email: &str) -> Result<Prepared> {
    prepared(text, &[name, email]).map_err(|refusal| {
        let help = match refusal {
            Refusal::TooShort => "a few words in a row are easy to keep, and hard to guess",
            _ => "choose another one",
        };
        Error::field("password", refusal.to_string(), help)
    })
}

fn email_of(user: &Object) -> &str {
    match &user.spec {
        Spec::User(spec) => spec.email(),
        _ => "",
    }
}

impl Access {
    /// The hash of a user's new password, if it may be one.
    async fn hash_of(&self, user: &Object, text: &str) -> Result<String> {
        let prepared = new_password(text, &user.name, email_of(user))?;
        self.hashing.hash(prepared).await
    }

    /// Writes a user's password, and ends its sessions but one.
    async fn store(&self, mut tx: Tx, user: &Object, hash: &str, but: &str, event: Event) -> Result<()> {
        let ended = self.store_in(&mut tx, user, hash, but).await?;
        self.note(&mut tx, event).await?;
        tx.commit().await?;
        ended.iter().for_each(|id| self.forget(id));
        Ok(())
    }

    async fn store_in(&self, tx: &mut Tx, user: &Object, hash: &str, but: &str) -> Result<Vec<String>> {
        passwords::replace(tx, user.uid, hash, self.clock.now()).await?;
        passwords::end_codes(tx, user.uid).await?;
        self.end_sessions(tx, user.uid, but).await
    }

    /// Gives a user a password; its sessions end.
    pub async fn set_password(&self, caller: &Caller, user: &str, text: &str) -> Result<()> {
        let found = self
            .settable(&mut self.resources.db().read().await?, caller, user)
            .await?;
        let hash = self.hash_of(&found, text).await?;
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        // Hashing takes long enough for roles to change.
        let user = self.settable(&mut tx, &caller, user).await?;
        let event = Event::done(&caller, None, "password.set", format!("user/{}", user.name));
        self.store(tx, &user, &hash, "", event).await
    }

    /// A user to whom the caller may give a password.
    async fn settable(&self, tx: &mut Tx, caller: &Caller, user: &str) -> Result<Object> {
        if !caller.may(caller.asked(), &Place::Platform) {
            return Err(denied(caller.asked(), &"the platform"));
        }
        let user = Resources::find_for(tx, caller, "", Kind::User, user).await?;
        self.may_stand_for(tx, caller, &user).await?;
        Ok(user)
    }

    /// Changes the caller's own password; its other sessions end.
    pub async fn change_password(&self, caller: &Caller, old: &str, new: &str, peer: &Peer) -> Result<()> {
        let Who::User { name, session, .. } = caller.who() else {
            return Err(Error::Denied(
                "only a person who is logged in has a password".to_owned(),
            ));
        };
        let wrong = || Error::Denied("the present password is wrong".to_owned());
        let proven = self.proven(name, old, peer).await.map_err(|error| match error {
            Error::Unauthenticated(_) => wrong(),
            error => error,
        })?;
        let user = proven.user;
        let hash = self.hash_of(&user, new).await?;
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        if passwords::find(&mut tx, user.uid).await?.as_ref() != Some(&proven.hash) {
            return Err(wrong());
        }
        let event = Event::done(&caller, None, "password.change", format!("user/{}", user.name));
        self.store(tx, &user, &hash, session, event).await
    }

    /// Whoever can log in as somebody has what they have: it must have all of it already.
    pub(super) async fn may_stand_for(&self, tx: &mut Tx, caller: &Caller, user: &Object) -> Result<()> {
        let given = grants::every_grant(tx, user).await?;
        let given: Vec<_> = given.into_iter().map(|(grant, _)| grant).collect();
        if caller.holds_all_of(&given) {
            Ok(())
        } else {
            Err(Error::Denied(format!(
                "user/{} has roles that you do not manage: ask a platform administrator",
                user.name
            )))
        }
    }

    /// Makes a code with which a user chooses a new password. Platform administrators may for everybody; others for those
    /// who have roles only where they themselves manage users.
    pub async fn create_reset(&self, caller: &Caller, user: &str) -> Result<pb::LoginCode> {
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let missing = || Error::NotFound(format!("user/{user}"));
        let found = resources::find(&mut tx, None, Kind::User, user)
            .await?
            .ok_or_else(missing)?;
        if !caller.may(caller.asked(), &Place::Platform) {
            let given = grants::every_grant(&mut tx, &found).await?;
            let knows = |org| caller.may(caller.asked(), &Place::Org(org));
            if !given.iter().any(|(grant, _)| grant.org.is_some_and(knows)) {
                return Err(missing());
            }
        }
        self.may_stand_for(&mut tx, caller, &found).await?;
        let now = self.clock.now();
        let fresh = fresh_code(TokenKind::Code);
        let code = Code {
            id: fresh.id,
            kind: CodeKind::Reset,
            hash: fresh.hash,
            subject: found.uid.to_string(),
            org: None,
            role: String::new(),
            sites: Vec::new(),
            session: String::new(),
            maker: self.maker(&mut tx, caller).await?,
            created_at: now,
            created_by: caller.actor(),
            expires_at: now + RESET,
        };
        passwords::insert_code(&mut tx, &code).await?;
        let event = Event::done(caller, None, "password.code", format!("user/{user}"));
        self.note(&mut tx, event).await?;
        tx.commit().await?;
        Ok(pb::LoginCode {
            code: fresh.text.reveal(),
            expires_at: Some(timestamp(code.expires_at)),
        })
    }

    /// Makes a code with which the caller, or a user whom it may edit, logs in elsewhere, once and within a minute.
    pub async fn create_login_code(&self, caller: &Caller, user: &str) -> Result<pb::LoginCode> {
        if let Who::Token { .. } = caller.who() {
            // The session would outlive the token.
            return Err(Error::Denied(
                "a token logs nobody in: log in to draw a code".to_owned(),
            ));
        }
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let user = self.subject(&mut tx, caller, user).await?;
        if caller.user() != Some(user.name.as_str()) {
            self.may_stand_for(&mut tx, caller, &user).await?;
        }
        // A session that reaches one organization begins none that reaches more, and none after its end.
        let session = match caller.who() {
            Who::User { session, .. } => sessions::find(&mut tx, session).await?,
            _ => None,
        };
        let (session, org) = session.map_or((String::new(), None), |session| (session.id, session.org));
        let now = self.clock.now();
        let fresh = fresh_code(TokenKind::Code);
        let code = Code {
            id: fresh.id,
            kind: CodeKind::Login,
            hash: fresh.hash,
            subject: user.uid.to_string(),
            org,
            role: String::new(),
            sites: Vec::new(),
            session,
            maker: self.maker(&mut tx, caller).await?,
            created_at: now,
            created_by: caller.actor(),
            expires_at: now + QR,
        };
        passwords::insert_code(&mut tx, &code).await?;
        let event = Event::done(caller, None, "login.code", format!("user/{}", user.name));
        self.note(&mut tx, event).await?;
        tx.commit().await?;
        Ok(pb::LoginCode {
            code: fresh.text.reveal(),
            expires_at: Some(timestamp(code.expires_at)),
        })
    }

    /// Begins a session with a code that was drawn elsewhere, if the session that drew it still is.
    pub async fn login_with_code(&self, text: &str, peer: &Peer) -> Result<pb::Tokens> {
        let done = self.begin_with_code(text, peer).await;
        self.noting(done, "login", "login-code", peer)
    }

    async fn begin_with_code(&self, text: &str, peer: &Peer) -> Result<pb::Tokens> {
        let mut tx = self.resources.db().begin().await?;
        let code = self.valid_code(&mut tx, CodeKind::Login, text).await?;
        let uid = code.subject.parse().map_err(|_| refused())?;
        let user = grants::active(&mut tx, uid).await?;
        let drawn_by = sessions::find(&mut tx, &code.session).await?;
        let ended = drawn_by.is_none_or(|session| session.revoked || session.expires_at <= self.clock.now());
        if !code.session.is_empty() && ended || !passwords::use_code(&mut tx, &code.id).await? {
            return Err(refused());
        }
        if let Some(maker) = self.as_maker(&mut tx, &code).await?
            && maker.user() != Some(user.name.as_str())
        {
            self.may_stand_for(&mut tx, &maker, &user).await?;
        }
        let org = code.org.map(|org| org.to_string()).unwrap_or_default();
        self.begin_in(tx, &user, &org, peer).await
    }

    /// The User whose rights bound what a caller makes.
    pub(super) async fn maker(&self, tx: &mut Tx, caller: &Caller) -> Result<Option<uuid::Uuid>> {
        Ok(match caller.who() {
            Who::User { uid, .. } => Some(*uid),
            Who::Token { id, .. } => tokens::find(tx, id).await?.and_then(|token| token.maker),
            _ => None,
        })
    }

    /// Whoever made a code, as it is now; none: nobody's rights bound it.
    pub(super) async fn as_maker(&self, tx: &mut Tx, code: &Code) -> Result<Option<Caller>> {
        let Some(maker) = code.maker else { return Ok(None) };
        let maker = grants::active(tx, maker).await?;
        let granted = grants::grants_of(tx, &maker).await?;
        let who = Who::User {
            uid: maker.uid,
            name: maker.name,
            session: String::new(),
        };
        Ok(Some(Caller::new(who, std::sync::Arc::new(granted), None)))
    }

    /// The code that a text is, if it still counts.
    pub(super) async fn valid_code(&self, tx: &mut Tx, kind: CodeKind, text: &str) -> Result<Code> {
        let wrong = || Error::Unauthenticated("the code is wrong, expired, or used up".to_owned());
        let id = texts::id(TokenKind::Code, text).ok_or_else(wrong)?;
        let code = passwords::find_code(tx, id).await?.ok_or_else(wrong)?;
        if code.kind == kind && code.expires_at > self.clock.now() && texts::matches(text, &code.hash) {
            Ok(code)
        } else {
            Err(wrong())
        }
    }

    /// The code, and the user who may choose a password with it: whoever made it must still hold all that the user does.
    async fn resettable(&self, tx: &mut Tx, text: &str) -> Result<(Code, Object)> {
        let code = self.valid_code(tx, CodeKind::Reset, text).await?;
        let uid = code.subject.parse().map_err(|_| refused())?;
        let user = grants::active(tx, uid).await?;
        if let Some(maker) = self.as_maker(tx, &code).await? {
            self.may_stand_for(tx, &maker, &user).await?;
        }
        Ok((code, user))
    }

    /// Chooses a new password with a code; every session of the user ends. Gives the user's name.
    pub async fn reset_password(&self, text: &str, password: &str, peer: &Peer) -> Result<String> {
        let done = self.choose_password(text, password, peer).await;
        self.noting(done, "password.reset", "reset-code", peer)
    }

    async fn choose_password(&self, text: &str, password: &str, peer: &Peer) -> Result<String> {
        let db = self.resources.db();
        let (_, user) = self.resettable(&mut db.read().await?, text).await?;
        let hash = self
            .hashing
            .hash(new_password(password, &user.name, email_of(&user))?)
            .await?;
        let mut tx = db.begin().await?;
        // Hashing takes long enough for roles to change.
        let (code, user) = self.resettable(&mut tx, text).await?;
        if !passwords::use_code(&mut tx, &code.id).await? {
            return Err(refused());
        }
        let ended = self.store_in(&mut tx, &user, &hash, "").await?;
        self.note(&mut tx, by_person(&user.name, "password.reset", peer))
            .await?;
        tx.commit().await?;
        ended.iter().for_each(|id| self.forget(id));
        Ok(user.name)
    }

    /// A token with which the first administrator may be made, if nobody has a password yet.
    pub async fn offer_setup(&self) -> Result<Option<String>> {
        if passwords::is_any(&mut self.resources.db().read().await?).await? {
            return Ok(None);
        }
        let fresh = fresh_code(TokenKind::Setup);
        *write(&self.setup) = Some(SetupToken {
            hash: fresh.hash,
            expires_at: self.clock.now() + SETUP,
        });
        Ok(Some(fresh.text.reveal()))
    }

    /// Makes the first administrator, or gives an existing user of that name the role. Works once, within 15 minutes.
    pub async fn setup(&self, token: &str, name: &str, password: &str, peer: &Peer) -> Result<()> {
        let done = self.make_first(token, name, password, peer).await;
        self.noting(done, "setup", "setup-token", peer)
    }

    async fn make_first(&self, token: &str, name: &str, password: &str, peer: &Peer) -> Result<()> {
        let wrong = || Error::Unauthenticated("the setup token is wrong, expired, or used up".to_owned());
        let fits = |offered: &SetupToken| {
            texts::id(TokenKind::Setup, token).is_some()
                && texts::matches(token, &offered.hash)
                && offered.expires_at > self.clock.now()
        };
        if !read(&self.setup).as_ref().is_some_and(fits) {
            return Err(wrong());
        }
        let hash = self.hashing.hash(new_password(password, name, "")?).await?;
        let mut tx = self.resources.db().begin().await?;
        if passwords::is_any(&mut tx).await? {
            return Err(wrong());
        }
        let me = Caller::with_everything(Who::Fleetd("setup".to_owned()));
        let existing = resources::find(&mut tx, None, Kind::User, name).await?;
        let mut spec = match existing.map(|user| user.spec) {
            Some(Spec::User(spec)) => spec,
            _ => pb::UserSpec::default(),
        };
        if !spec.platform_roles.iter().any(|role| role == PLATFORM_ADMIN) {
            spec.platform_roles.push(PLATFORM_ADMIN.to_owned());
        }
        let revision = self.apply_user(&mut tx, &me, name, Some(spec), Vec::new()).await?;
        let user = resources::find(&mut tx, None, Kind::User, name)
            .await?
            .ok_or_else(wrong)?;
        let uid = user.uid;
        passwords::replace(&mut tx, uid, &hash, self.clock.now()).await?;
        self.note(&mut tx, by_person(name, "setup", peer)).await?;
        tx.commit().await?;
        *write(&self.setup) = None;
        self.resources.announce(revision);
        Ok(())
    }

    /// Writes a User, and what comes with it, within a transaction: the revision to announce.
    pub(super) async fn apply_user(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        name: &str,
        spec: Option<pb::UserSpec>,
        further: Vec<pb::Resource>,
    ) -> Result<u64> {
        let user = spec.map(|spec| pb::Resource {
            metadata: Some(pb::Metadata {
                name: name.to_owned(),
                ..pb::Metadata::default()
            }),
            spec: Some(Spec::User(spec)),
            ..pb::Resource::default()
        });
        let submission = |resource| Submission {
            resource: Some(resource),
            ..Submission::default()
        };
        let bundle = user.into_iter().chain(further).map(submission).collect();
        let outcome = self
            .resources
            .apply_in(tx, caller, &Manager::Fleetd, bundle, &Options::default())
            .await?
            .done()?;
        Ok(outcome.revision)
    }
}
