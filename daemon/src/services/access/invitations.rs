//! Invitations: a role for somebody by mail address. Whether the address is known already, nobody is told.

use fleet_proto::kinds::Kind;
use fleet_proto::names;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, RoleBindingSpec};
use serde_json::json;

use super::denials::by_person;
use super::passwords::{fresh_code, new_password};
use super::sessions::{Peer, Proven};
use super::tokens::MOST_SITES;
use super::{Access, refused};
use crate::domain::audit::Event;
use crate::domain::caller::Who;
use crate::domain::hidden::Hidden;
use crate::domain::logins::normalised;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::tokens::TokenKind;
use crate::domain::{Caller, Org, kinds};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::access::passwords::{self, Code, CodeKind};
use crate::storage::{Tx, resources};

/// Microseconds for which an invitation holds.
const LIFETIME: Micros = 7 * 86_400 * 1_000_000;

/// An invitation that is wanted.
#[derive(Clone, Debug, Default)]
pub struct Invitation {
    /// Name of the organization.
    pub org: String,
    /// Mail address.
    pub email: String,
    /// As what.
    pub role: String,
    /// Where; empty: at all sites.
    pub sites: Vec<String>,
}

/// How an invited person begins.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    /// The code.
    pub code: Hidden,
    /// The name to log in by; of somebody new.
    pub user: String,
    /// The password: a new one, or that of whoever has the mail address already.
    pub password: Hidden,
}

fn binding(user: &str, role: &str, sites: &[String]) -> RoleBindingSpec {
    RoleBindingSpec {
        user: Some(user.to_owned()),
        role: Some(role.to_owned()),
        sites: sites.to_vec(),
        all_sites: sites.is_empty().then_some(true),
        ..RoleBindingSpec::default()
    }
}

impl Access {
    /// Makes an invitation to an organization. Nobody invites to more than they have themselves.
    pub async fn invite(&self, caller: &Caller, wanted: Invitation) -> Result<pb::LoginCode> {
        let email = normalised(&wanted.email).filter(|email| email.contains('@'));
        let email = email
            .ok_or_else(|| Error::field("email", format!("`{}` is no mail address", wanted.email), "correct it"))?;
        if wanted.sites.len() > MOST_SITES {
            return Err(Error::field(
                "sites",
                format!("names more than {MOST_SITES} sites"),
                "leave it out for all of them",
            ));
        }
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let org = Resources::org_for_in(&mut tx, caller, &wanted.org).await?;
        let mut sites = Vec::with_capacity(wanted.sites.len());
        for site in &wanted.sites {
            sites.push(Resources::site_in(&mut tx, &org.name, site).await?);
        }
        if fleet_proto::access::built_in(&wanted.role).is_none() {
            Resources::find_in(&mut tx, &org.name, Kind::Role, &wanted.role).await?;
        }
        let issues = kinds::check(&Spec::RoleBinding(binding("invited", &wanted.role, &wanted.sites)));
        if !issues.is_empty() {
            return Err(Error::Invalid(issues));
        }
        self.may_give(&mut tx, caller, &org, &wanted.role, &wanted.sites)
            .await?;
        let now = self.clock.now();
        let fresh = fresh_code(TokenKind::Code);
        let code = Code {
            id: fresh.id,
            kind: CodeKind::Invite,
            hash: fresh.hash,
            subject: email,
            org: Some(org.uid),
            role: wanted.role,
            sites,
            session: String::new(),
            maker: self.maker(&mut tx, caller).await?,
            created_at: now,
            created_by: caller.actor(),
            expires_at: now + LIFETIME,
        };
        passwords::insert_code(&mut tx, &code).await?;
        let event = Event::done(caller, Some(org.uid), "invite", code.subject.as_str());
        let detail = json!({"role": code.role, "sites": wanted.sites, "code": code.id});
        self.note(&mut tx, event.with(detail)).await?;
        tx.commit().await?;
        Ok(pb::LoginCode {
            code: fresh.text.reveal(),
            expires_at: Some(timestamp(code.expires_at)),
        })
    }

    async fn may_give(&self, tx: &mut Tx, caller: &Caller, org: &Org, role: &str, sites: &[String]) -> Result<()> {
        let spec = Spec::RoleBinding(binding("invited", role, sites));
        Resources::may_write(tx, caller, org, Kind::RoleBinding, spec).await
    }

    /// Takes an invitation up: somebody new gets a User with this name and password; whoever has the mail address already
    /// proves it with the password.
    pub async fn accept(&self, wanted: &Acceptance, peer: &Peer) -> Result<pb::Tokens> {
        let db = self.resources.db();
        let (code, known) = {
            let mut tx = db.read().await?;
            let code = self.valid_code(&mut tx, CodeKind::Invite, &wanted.code).await;
            let code = self.noting(code, "invite.accept", "invite-code", peer)?;
            let known = Self::named(&mut tx, &code.subject).await?;
            (code, known)
        };
        // Before anything else, so that the answer tells nobody whether the address is known.
        let password = new_password(&wanted.password, &wanted.user, &code.subject)?;
        let (name, hash, attempt) = match &known {
            Some(_) => {
                let Proven { user, hash } = self.proven(&code.subject, &wanted.password, peer).await?;
                (user.name, hash, None)
            }
            // Names are the whole platform's: an invitation must not become a way to try which are taken.
            None => {
                let attempt = self.attempt(&format!("invitation {}", code.id), peer)?;
                (wanted.user.clone(), self.hashing.hash(password).await?, Some(attempt))
            }
        };
        let mut tx = db.begin().await?;
        if !passwords::use_code(&mut tx, &code.id).await? {
            return self.noting(Err(refused()), "invite.accept", "invite-code", peer);
        }
        if known.is_none() && resources::find(&mut tx, None, Kind::User, &name).await?.is_some() {
            return Err(Error::field(
                "user",
                format!("`{name}` is taken"),
                "choose another name",
            ));
        }
        let org = code.org.ok_or_else(refused)?;
        let org = Resources::org_in(&mut tx, &org.to_string()).await?;
        let sites = resources::site_names(&mut tx, &code.sites).await?;
        if sites.iter().any(|site| names::is_uuid(site)) {
            return Err(Error::Denied(
                "a site of the invitation is gone: ask for another one".to_owned(),
            ));
        }
        self.still_given(&mut tx, &code, &org, &sites).await?;
        let metadata = pb::Metadata {
            org: org.name.clone(),
            name: format!("invite-{}", &code.id[..12.min(code.id.len())]),
            ..pb::Metadata::default()
        };
        let role_binding = pb::Resource {
            metadata: Some(metadata),
            spec: Some(Spec::RoleBinding(binding(&name, &code.role, &sites))),
            ..pb::Resource::default()
        };
        // What a known user is, stays as it is by then.
        let user = known.is_none().then(|| pb::UserSpec {
            email: Some(code.subject.clone()),
            ..pb::UserSpec::default()
        });
        let me = Caller::with_everything(Who::Fleetd(format!("invite:{} by {}", code.id, code.created_by)));
        let revision = self.apply_user(&mut tx, &me, &name, user, vec![role_binding]).await?;
        let user = resources::find(&mut tx, None, Kind::User, &name)
            .await?
            .ok_or_else(refused)?;
        if known.is_none() {
            passwords::replace(&mut tx, user.uid, &hash, self.clock.now()).await?;
        }
        let event = by_person(&name, "invite.accept", peer).with(json!({"code": code.id}));
        let event = Event {
            org: Some(org.uid),
            ..event
        };
        self.note(&mut tx, event).await?;
        tx.commit().await?;
        if let Some(attempt) = attempt {
            self.throttle().withdrawn(attempt);
        }
        self.resources.announce(revision);
        self.begin(&Proven { user, hash }, "", peer).await
    }

    /// Whoever invited must still have what they gave.
    async fn still_given(&self, tx: &mut Tx, code: &Code, org: &Org, sites: &[String]) -> Result<()> {
        let Some(maker) = self.as_maker(tx, code).await? else {
            return Ok(());
        };
        let asking = fleet_proto::access::Permission::of(fleet_proto::access::Verb::Edit, Kind::RoleBinding);
        let inviter = maker.asking(asking, crate::domain::caller::Origin::default());
        self.may_give(tx, &inviter, org, &code.role, sites)
            .await
            .map_err(|_| Error::Denied("whoever invited you may no longer do so".to_owned()))
    }
}
