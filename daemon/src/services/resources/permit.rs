//! What a caller may see and do among resources. What may not be seen is answered like what does not exist.

use fleet_proto::access::{self, Permission, Permissions, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, Issue};
use fleet_proto::reflect;
use uuid::Uuid;

use super::Resources;
use super::checks;
use super::write::Write;
use crate::domain::caller::Place;
use crate::domain::{Caller, Object, Org};
use crate::services::error::{Error, Result};
use crate::storage::changes::Change;
use crate::storage::{Tx, resources};

/// The refusal of somebody who may know that the thing exists.
pub(crate) fn denied(permission: Permission, of: &impl std::fmt::Display) -> Error {
    Error::Denied(format!("{permission} is needed for {of}"))
}

/// May the caller do this to an object?
pub(super) async fn may(tx: &mut Tx, caller: &Caller, permission: Permission, object: &Object) -> Result<bool> {
    let place = Place::of(object);
    Ok(match (object.kind, permission.verb) {
        // It is one's own organization as soon as anything in it is.
        (Kind::Organization | Kind::RoleBinding, Verb::View) => caller.may_somewhere(permission, &place),
        (Kind::User, Verb::View) if !caller.may(permission, &place) => {
            caller.user() == Some(object.name.as_str()) || is_among_us(tx, caller, permission, &object.name).await?
        }
        _ => caller.may(permission, &place),
    })
}

/// A User is seen by those who see one of its bindings.
async fn is_among_us(tx: &mut Tx, caller: &Caller, permission: Permission, user: &str) -> Result<bool> {
    for binding in resources::bindings(tx, user).await? {
        if caller.may_somewhere(permission, &Place::of(&binding)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// May the caller know that the object exists?
pub(super) async fn sees(tx: &mut Tx, caller: &Caller, object: &Object) -> Result<bool> {
    may(tx, caller, Permission::of(Verb::View, object.kind), object).await
}

/// Those of a page that the caller may know of.
pub(super) async fn seen(tx: &mut Tx, caller: &Caller, page: Vec<Object>) -> Result<Vec<Object>> {
    // Somebody who sees everything is spared the questions.
    if caller.orgs().is_none() {
        let sees_all = page.iter().all(|object| {
            let view = Permission::of(Verb::View, object.kind);
            caller.may(view, &Place::Platform)
        });
        if sees_all {
            return Ok(page);
        }
    }
    let mut left = Vec::with_capacity(page.len());
    for object in page {
        if asked_of(tx, caller, &object).await? {
            left.push(object);
        }
    }
    Ok(left)
}

/// May the caller know of a change? What somebody may see now decides where there is something now.
pub(super) async fn knows_change(tx: &mut Tx, caller: &Caller, change: &Change) -> Result<bool> {
    match change.after.as_ref().or(change.before.as_ref()) {
        Some(object) => sees(tx, caller, object).await,
        None => Ok(caller.orgs().is_none()),
    }
}

/// May the caller do to an object what it asks for?
async fn asked_of(tx: &mut Tx, caller: &Caller, object: &Object) -> Result<bool> {
    may(tx, caller, caller.asked().for_kind(object.kind), object).await
}

/// An object that was found, if the caller may do to it what it asks for.
pub(super) async fn check(tx: &mut Tx, caller: &Caller, object: Object, missing: Error) -> Result<Object> {
    if asked_of(tx, caller, &object).await? {
        Ok(object)
    } else if sees(tx, caller, &object).await? {
        Err(denied(caller.asked().for_kind(object.kind), &object.key()))
    } else {
        Err(missing)
    }
}

impl Resources {
    /// The organization of that name or uid, if the caller may know of it.
    pub async fn org_for(&self, caller: &Caller, name: &str) -> Result<Org> {
        Self::org_for_in(&mut self.db.read().await?, caller, name).await
    }

    /// [`Self::org_for`] within a transaction.
    pub async fn org_for_in(tx: &mut Tx, caller: &Caller, name: &str) -> Result<Org> {
        let org = Self::org_in(tx, name).await?;
        if caller.knows(org.uid) {
            Ok(org)
        } else {
            Err(Error::NotFound(format!("organization/{name}")))
        }
    }

    /// One resource, by name or uid, to which the caller may do what it asks for. What it may not see is like none.
    pub async fn find_for(tx: &mut Tx, caller: &Caller, org: &str, kind: Kind, name_or_uid: &str) -> Result<Object> {
        if !kind.is_platform() {
            Self::org_for_in(tx, caller, org).await?;
        }
        let object = Self::find_in(tx, org, kind, name_or_uid).await?;
        check(tx, caller, object, Error::NotFound(format!("{kind}/{name_or_uid}"))).await
    }

    /// The organization, if the caller may do there what it asks for: at a site, or in all of it where none is named.
    pub async fn place_for(tx: &mut Tx, caller: &Caller, org: &str, site: &str) -> Result<Org> {
        let org = Self::org_for_in(tx, caller, org).await?;
        if caller.may(caller.asked(), &Place::at(org.uid, site)) {
            return Ok(org);
        }
        let of = if site.is_empty() {
            format!("organization/{}", org.name)
        } else {
            format!("site/{site} of {}", org.name)
        };
        Err(denied(caller.asked(), &of))
    }
}

impl Resources {
    /// Refuses what the caller could not apply as a new resource of an organization.
    pub(crate) async fn may_write(tx: &mut Tx, caller: &Caller, org: &Org, kind: Kind, spec: Spec) -> Result<()> {
        let object = Object {
            uid: Uuid::nil(),
            kind,
            org: Some(org.clone()),
            name: "invitation".to_owned(),
            generation: 0,
            revision: 0,
            labels: std::collections::HashMap::new(),
            annotations: std::collections::HashMap::new(),
            protect: false,
            spec,
            issues: Vec::new(),
            created_at: 0,
            created_by: String::new(),
            updated_at: 0,
            updated_by: String::new(),
        };
        require(tx, caller, &object).await?;
        require_what_is_given(tx, caller, &object, &[]).await
    }
}

/// Users that somebody is to get a role by, and whom the caller may not know: like those who do not exist. To be asked
/// before anything is written, for the binding itself would make them known.
pub(super) async fn unknown_users(tx: &mut Tx, caller: &Caller, writes: &[Write]) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    for write in writes {
        let Spec::RoleBinding(spec) = &write.after.spec else {
            continue;
        };
        let Some(user) = resources::find(tx, None, Kind::User, spec.user()).await? else {
            continue;
        };
        if !sees(tx, caller, &user).await? {
            issues.push(checks::missing(write.index, "spec.user", Kind::User, spec.user()));
        }
    }
    Ok(issues)
}

/// Refuses a set of writes of which the caller may not make every one.
pub(super) async fn writes(tx: &mut Tx, caller: &Caller, writes: &[Write], doomed: &[Object]) -> Result<()> {
    if caller.has_everything() {
        return Ok(());
    }
    for write in writes {
        for object in write.before.iter().chain([&write.after]) {
            require(tx, caller, object).await?;
            require_what_is_given(tx, caller, object, writes).await?;
        }
        if write.after.kind == Kind::Organization {
            own_fields_only(caller, write)?;
        }
        require_secrets(caller, write)?;
        require_control(caller, write)?;
        require_what_it_speaks_for(tx, caller, write, writes).await?;
    }
    for object in doomed {
        require(tx, caller, object).await?;
        require_what_is_given(tx, caller, object, writes).await?;
        if object.kind == Kind::Organization {
            return Err(denied(Permission::of(Verb::Edit, object.kind), &object.key()));
        }
    }
    Ok(())
}

/// Refuses the submission of an object that exists, and of which the caller may not know: a refusal tells no more than
/// that the name cannot be used.
pub(super) async fn may_submit(tx: &mut Tx, caller: &Caller, wanted: &Object, current: Option<&Object>) -> Result<()> {
    match current {
        Some(current) if sees(tx, caller, current).await? => Ok(()),
        Some(_) => Err(denied(caller.asked().for_kind(wanted.kind), &wanted.key())),
        // Whether an Organization or User exists is nobody's business who may not make one.
        None if wanted.kind.is_platform() && !caller.may(caller.asked().for_kind(wanted.kind), &Place::Platform) => {
            Err(denied(caller.asked().for_kind(wanted.kind), &wanted.key()))
        }
        None => Ok(()),
    }
}

/// Refuses what the caller may not do to an object.
pub(super) async fn require(tx: &mut Tx, caller: &Caller, object: &Object) -> Result<()> {
    if asked_of(tx, caller, object).await? {
        Ok(())
    } else {
        Err(denied(caller.asked().for_kind(object.kind), &object.key()))
    }
}

/// A secret's text goes to whatever refers to it: who lets something refer to one must be let to see it.
fn require_secrets(caller: &Caller, write: &Write) -> Result<()> {
    let named = |object: &Object| -> Vec<String> {
        let all = reflect::references(&object.spec).into_iter();
        all.filter(|one| one.kind == Kind::Secret).map(|one| one.name).collect()
    };
    let before = write.before.as_ref().map(named).unwrap_or_default();
    let Some(org) = &write.after.org else { return Ok(()) };
    let view = Permission::of(Verb::View, Kind::Secret);
    match named(&write.after).into_iter().find(|name| !before.contains(name)) {
        Some(name) if !caller.may(view, &Place::Org(org.uid)) => {
            Err(denied(view, &format!("secret/{name} of {}", org.name)))
        }
        _ => Ok(()),
    }
}

/// A site that is opened to operators gives them control: who opens it must have that.
fn require_control(caller: &Caller, write: &Write) -> Result<()> {
    let is_open = |object: &Object| match &object.spec {
        Spec::Site(spec) => spec
            .settings
            .as_ref()
            .is_some_and(pb::site_spec::Settings::operator_control),
        _ => false,
    };
    if !is_open(&write.after) || write.before.as_ref().is_some_and(is_open) {
        return Ok(());
    }
    let place = Place::of(&write.after);
    let given = access::BUILT_IN.iter().flat_map(|role| role.where_operators_control);
    let given = access::union(&given.collect::<Vec<_>>());
    match given.iter().find(|one| !caller.may(*one, &place)) {
        Some(missing) => Err(denied(
            missing,
            &format!("spec.settings.operatorControl of {}", write.after.key()),
        )),
        None => Ok(()),
    }
}

/// A gateway configuration may name devices whose readings its slaves are: who gives it to a device must be let to edit
/// those, too.
async fn require_what_it_speaks_for(tx: &mut Tx, caller: &Caller, write: &Write, writes: &[Write]) -> Result<()> {
    let config = |object: &Object| match &object.spec {
        Spec::Device(spec) => (spec.gateway_config.clone(), spec.profile.clone()),
        _ => (None, None),
    };
    let (config_name, profile) = config(&write.after);
    let unchanged = write
        .before
        .as_ref()
        .is_some_and(|before| config(before) == (config_name.clone(), profile.clone()));
    let Some(org) = write.after.org.as_ref().filter(|_| !unchanged) else {
        return Ok(());
    };
    let mut names: Vec<String> = config_name.into_iter().collect();
    if let Some(profile) = profile
        && let Some(Spec::DeviceProfile(spec)) = is_to_be(tx, org.uid, Kind::DeviceProfile, &profile, writes).await?
    {
        names.extend(spec.gateway_config);
    }
    for name in names {
        let Some(Spec::GatewayConfig(spec)) = is_to_be(tx, org.uid, Kind::GatewayConfig, &name, writes).await? else {
            continue;
        };
        for device in spec.slaves.iter().filter_map(|slave| slave.device.as_deref()) {
            let found = resources::find(tx, Some(org.uid), Kind::Device, device).await?;
            let edit = Permission::of(Verb::Edit, Kind::Device);
            if found.is_some_and(|found| found.uid != write.after.uid && !caller.may(edit, &Place::of(&found))) {
                return Err(denied(
                    edit,
                    &format!("every device whose readings gateway-config/{name} gives"),
                ));
            }
        }
    }
    Ok(())
}

/// The spec of a resource as it is, or is about to be.
async fn is_to_be(tx: &mut Tx, org: Uuid, kind: Kind, name: &str, writes: &[Write]) -> Result<Option<Spec>> {
    let is_it = |object: &&Object| {
        object.kind == kind && object.name == name && object.org.as_ref().map(|org| org.uid) == Some(org)
    };
    match writes.iter().map(|write| &write.after).find(is_it) {
        Some(object) => Ok(Some(object.spec.clone())),
        None => Ok(resources::find(tx, Some(org), kind, name)
            .await?
            .map(|object| object.spec)),
    }
}

/// Nobody gives, or takes, what they do not have themselves.
async fn require_what_is_given(tx: &mut Tx, caller: &Caller, object: &Object, writes: &[Write]) -> Result<()> {
    let given = match &object.spec {
        Spec::Role(spec) => access::union(&spec.permissions),
        Spec::User(spec) => spec
            .platform_roles
            .iter()
            .filter_map(|role| access::built_in(role))
            .fold(Permissions::default(), |all, role| {
                all.with(&access::union(&role.permissions()))
                    .with(&access::union(role.where_operators_control))
            }),
        Spec::RoleBinding(spec) => {
            permissions_of(tx, object.org.as_ref().map(|org| org.uid), spec.role(), writes).await?
        }
        _ => return Ok(()),
    };
    let place = Place::of(object);
    match given.iter().find(|one| !caller.may(*one, &place)) {
        None => Ok(()),
        Some(missing) => Err(Error::Denied(format!(
            "{} holds {missing}, which you do not have {}",
            object.key(),
            match place {
                Place::Platform => "on the platform",
                Place::Org(_) => "in the whole organization",
                Place::Sites(..) => "there",
            }
        ))),
    }
}

/// The permissions of a role as it is, or is about to be.
async fn permissions_of(tx: &mut Tx, org: Option<Uuid>, role: &str, writes: &[Write]) -> Result<Permissions> {
    if let Some(role) = access::built_in(role) {
        // What a site's settings add counts as given: they may change later.
        return Ok(access::union(&role.permissions()).with(&access::union(role.where_operators_control)));
    }
    let is_it = |object: &Object| {
        object.kind == Kind::Role && object.name == role && object.org.as_ref().map(|org| org.uid) == org
    };
    let about_to_be = writes.iter().map(|write| &write.after).find(|after| is_it(after));
    let found = match about_to_be {
        Some(object) => Some(object.clone()),
        None => resources::find(tx, org, Kind::Role, role).await?,
    };
    Ok(match found.map(|object| object.spec) {
        Some(Spec::Role(spec)) => access::union(&spec.permissions),
        _ => Permissions::default(),
    })
}

/// An organization's own people set its name and defaults; its host names and what it has booked are the platform's.
fn own_fields_only(caller: &Caller, write: &Write) -> Result<()> {
    let edit = Permission::of(Verb::Edit, Kind::Organization);
    if caller.may(edit, &Place::Platform) {
        return Ok(());
    }
    let Some(before) = &write.before else {
        return Err(denied(edit, &write.after.key()));
    };
    let (Spec::Organization(was), Spec::Organization(is)) = (&before.spec, &write.after.spec) else {
        return Ok(());
    };
    let refused = [
        ("name", before.name != write.after.name),
        ("spec.domains", was.domains != is.domains),
        ("spec.subscription", was.subscription != is.subscription),
        ("spec.suspended", was.suspended != is.suspended),
        ("spec.owner", was.owner != is.owner),
        ("spec.modbusNetworks", was.modbus_networks != is.modbus_networks),
    ];
    match refused.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((field, _)) => Err(Error::Denied(format!(
            "{field} of {} is set by platform administrators",
            write.after.key()
        ))),
    }
}
