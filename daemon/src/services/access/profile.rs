//! What people do about themselves: their profile, their picture, and to make themselves known.

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, Issue, Submission};
use fleet_proto::{codes, names, reflect};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::Access;
use crate::domain::audit::Event;
use crate::domain::caller::Who;
use crate::domain::logins::normalised;
use crate::domain::ownership::Manager;
use crate::domain::{Caller, Object, kinds};
use crate::services::error::{Error, Result};
use crate::services::resources::Options;
use crate::storage::access::avatars;
use crate::storage::resources;

/// Fields of a User that it may set itself.
pub const OWN_FIELDS: &[&str] = &[
    "displayName",
    "firstName",
    "lastName",
    "mobileNumber",
    "address",
    "language",
];

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avatar {
    /// `image/png` and the like.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Somebody who wants to be known.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// The name to log in by.
    pub user: String,
    /// Mail address.
    pub email: String,
    /// Of [`OWN_FIELDS`].
    pub fields: Map<String, Json>,
}

fn unknown(name: &str) -> Issue {
    Issue {
        path: name.to_owned(),
        message: format!("`{name}` is not set here"),
        help: format!("known are {}", OWN_FIELDS.join(", ")),
        code: codes::UNKNOWN_FIELD.to_owned(),
        ..Issue::default()
    }
}

/// Refuses what is not among the own fields.
fn own_only(fields: &Map<String, Json>) -> Result<()> {
    let others = fields.keys().filter(|name| !OWN_FIELDS.contains(&name.as_str()));
    let issues: Vec<Issue> = others.map(|name| unknown(name)).collect();
    if issues.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(issues))
    }
}

impl Access {
    fn own(caller: &Caller) -> Result<Uuid> {
        match caller.who() {
            Who::User { uid, .. } => Ok(*uid),
            _ => Err(Error::Denied("only a person who is logged in has a profile".to_owned())),
        }
    }

    /// The User that the caller is; none: it is no person.
    pub async fn own_user(&self, caller: &Caller) -> Result<Option<Object>> {
        let Ok(uid) = Self::own(caller) else { return Ok(None) };
        let mut tx = self.resources.db().read().await?;
        Ok(resources::find_by_uid(&mut tx, uid).await?)
    }

    /// Sets own fields of the caller's own User; null removes one.
    pub async fn change_profile(&self, caller: &Caller, fields: Map<String, Json>) -> Result<Object> {
        own_only(&fields)?;
        let uid = Self::own(caller)?;
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let user = resources::find_by_uid(&mut tx, uid).await?.ok_or_else(super::refused)?;
        let mut spec = reflect::spec_to_json(&user.spec);
        for (name, value) in fields {
            if value.is_null() {
                spec.as_object_mut().map(|spec| spec.shift_remove(&name));
            } else {
                spec[name] = value;
            }
        }
        let submission = Submission {
            resource: Some(pb::Resource {
                metadata: Some(pb::Metadata {
                    name: user.name.clone(),
                    labels: user.labels.clone(),
                    annotations: user.annotations.clone(),
                    protect: user.protect,
                    ..pb::Metadata::default()
                }),
                spec: Some(reflect::spec_from_json(Kind::User, &spec).map_err(Error::Invalid)?),
                ..pb::Resource::default()
            }),
            base: Some(user.revision),
            ..Submission::default()
        };
        let options = Options {
            replace: true,
            ..Options::default()
        };
        let me = Caller::with_everything(Who::Fleetd(caller.actor()));
        let manager = Manager::Person(caller.actor());
        let outcome = self
            .resources
            .apply_in(&mut tx, &me, &manager, vec![submission], &options)
            .await?
            .done()?;
        tx.commit().await?;
        self.resources.announce(outcome.revision);
        let written = outcome.applied.into_iter().next().map(|applied| applied.object);
        written.ok_or_else(|| Error::Unavailable("the user was not written".to_owned()))
    }

    /// The caller's own picture.
    pub async fn avatar(&self, caller: &Caller) -> Result<Avatar> {
        let mut tx = self.resources.db().read().await?;
        let found = avatars::find(&mut tx, Self::own(caller)?).await?;
        let (media_type, bytes) = found.ok_or_else(|| Error::NotFound("a picture of yours".to_owned()))?;
        Ok(Avatar { media_type, bytes })
    }

    /// Sets the caller's own picture; none: removes it.
    pub async fn set_avatar(&self, caller: &Caller, avatar: Option<&Avatar>) -> Result<()> {
        let uid = Self::own(caller)?;
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        match avatar {
            Some(avatar) => {
                avatars::replace(&mut tx, uid, &avatar.media_type, &avatar.bytes, self.clock.now()).await?;
            }
            None => avatars::remove(&mut tx, uid).await?,
        }
        let event = Event::done(caller, None, "avatar", caller.actor());
        self.note(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }

    /// Makes a User without any role or password; who has the name or mail address already is left as it is, and nobody is
    /// told.
    pub async fn register(&self, wanted: Registration) -> Result<()> {
        own_only(&wanted.fields)?;
        let email = normalised(&wanted.email).filter(|email| email.contains('@'));
        let email = email.ok_or_else(|| Error::field("email", "is no mail address".to_owned(), "correct it"))?;
        if !names::is_name(&wanted.user) || kinds::check_name(Kind::User, &wanted.user).is_some() {
            return Err(Error::field(
                "user",
                "is no lower-case name".to_owned(),
                names::NAME_HINT,
            ));
        }
        let mut spec = Json::Object(wanted.fields);
        spec["email"] = email.clone().into();
        let Spec::User(spec) = reflect::spec_from_json(Kind::User, &spec).map_err(Error::Invalid)? else {
            return Ok(());
        };
        // What is wrong is told whether or not somebody is known.
        let mut issues = reflect::check(&Spec::User(spec.clone()));
        issues.append(&mut kinds::check(&Spec::User(spec.clone())));
        if !issues.is_empty() {
            return Err(Error::Invalid(issues));
        }
        let mut tx = self.resources.db().begin().await?;
        let is_known = Self::named(&mut tx, &email).await?.is_some()
            || resources::find(&mut tx, None, Kind::User, &wanted.user)
                .await?
                .is_some();
        // The same is done for somebody who is known, and dropped.
        let (name, spec) = if is_known {
            let unused = Uuid::now_v7().simple().to_string();
            let stand_in = pb::UserSpec { email: None, ..spec };
            (format!("u{unused}"), stand_in)
        } else {
            (wanted.user, spec)
        };
        let me = Caller::with_everything(Who::Fleetd("registration".to_owned()));
        let revision = self.apply_user(&mut tx, &me, &name, Some(spec), Vec::new()).await?;
        if is_known {
            return Ok(());
        }
        tx.commit().await?;
        self.resources.announce(revision);
        Ok(())
    }
}
