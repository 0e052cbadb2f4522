//! What organizations have booked: how much of it there may be, and how much there is.

use std::collections::BTreeMap;

use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb::organization_spec::Subscription;
use fleet_proto::pb::organization_status::Budget;
use fleet_proto::pb::resource::Spec;
use uuid::Uuid;

use super::Resources;
use super::write::Write;
use crate::domain::log::Entry;
use crate::domain::telemetry::Micros;
use crate::domain::{Object, Org};
use crate::services::error::{Error, Result};
use crate::services::notes::Notes;
use crate::storage::access::tokens;
use crate::storage::{Tx, resources};

/// What can be counted in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// Resources of a kind.
    Kind(Kind),
    /// Users that have a role.
    Users,
}

/// A limit on it, by the name that its owner knows it by.
struct Limit {
    of: Counted,
    most: u32,
    name: String,
}

impl Counted {
    async fn count(self, tx: &mut Tx, org: Uuid) -> Result<u64> {
        Ok(match self {
            Self::Kind(kind) => resources::count(tx, Some(org), kind).await?,
            Self::Users => resources::bound_users(tx, org).await?.len() as u64,
        })
    }

    /// What a write adds to it, if it does.
    fn added(write: &Write) -> Vec<Self> {
        let mut added = Vec::new();
        if write.before.is_none() {
            added.push(Self::Kind(write.after.kind));
        }
        let user = |object: &Object| match &object.spec {
            Spec::RoleBinding(spec) => spec.user.clone(),
            _ => None,
        };
        if user(&write.after).is_some() && write.before.as_ref().and_then(user) != user(&write.after) {
            added.push(Self::Users);
        }
        added
    }
}

fn limits_of(booked: &Subscription) -> Vec<Limit> {
    let limit = |of, most, name: &str| Limit {
        of,
        most,
        name: name.to_owned(),
    };
    let devices = booked.device_limit;
    let mut limits: Vec<Limit> = devices
        .map(|most| limit(Counted::Kind(Kind::Device), most, "device limit"))
        .into_iter()
        .chain(booked.user_limit.map(|most| limit(Counted::Users, most, "user limit")))
        .collect();
    for quota in &booked.quotas {
        if let Some(kind) = Kind::find(quota.kind()) {
            limits.push(limit(Counted::Kind(kind), quota.limit(), &format!("{kind} quota")));
        }
    }
    limits
}

fn reached(name: &str, of: &str, most: u32) -> Error {
    Error::exhausted("quota", format!("the {name} of organization {of} ({most})"), 0)
}

/// Refuses what makes more than is booked. A limit that is below what there is refuses only what is new.
/// With notes, a refusal is told.
pub(super) async fn check(tx: &mut Tx, written: &[Write], notes: Option<&Notes>) -> Result<()> {
    let mut grown: BTreeMap<Uuid, (Org, Vec<Counted>)> = BTreeMap::new();
    for write in written {
        let Some(org) = &write.after.org else { continue };
        let added = Counted::added(write);
        if !added.is_empty() {
            grown
                .entry(org.uid)
                .or_insert((org.clone(), Vec::new()))
                .1
                .extend(added);
        }
    }
    for (org, added) in grown.into_values() {
        check_org(tx, &org, &added).await.inspect_err(|error| {
            if let (Some(notes), Error::Exhausted { .. }) = (notes, error) {
                let message = format!("something new is refused: {error}");
                notes.log(Entry::new(Level::Warning, "limit.quota", message).of(org.uid));
            }
        })?;
    }
    Ok(())
}

async fn check_org(tx: &mut Tx, org: &Org, added: &[Counted]) -> Result<()> {
    let Some(Object {
        spec: Spec::Organization(spec),
        ..
    }) = resources::find_by_uid(tx, org.uid).await?
    else {
        return Ok(());
    };
    if let Some(owner) = &spec.owner
        && added.contains(&Counted::Kind(Kind::Device))
    {
        check_owner(tx, owner).await?;
    }
    for limit in limits_of(&spec.subscription.unwrap_or_default()) {
        if added.contains(&limit.of) && limit.of.count(tx, org.uid).await? > u64::from(limit.most) {
            return Err(reached(&limit.name, &org.name, limit.most));
        }
    }
    Ok(())
}

/// What the owner of organizations has booked for all of them together.
async fn check_owner(tx: &mut Tx, owner: &str) -> Result<()> {
    let Some(Object {
        spec: Spec::User(spec), ..
    }) = resources::find(tx, None, Kind::User, owner).await?
    else {
        return Ok(());
    };
    let Some(limit) = spec.subscription.and_then(|s| s.device_limit) else {
        return Ok(());
    };
    let mut devices = 0;
    for row in resources::referrers(tx, None, Kind::User, owner).await? {
        if row.kind == Kind::Organization && row.path == "spec.owner" {
            devices += resources::count(tx, Some(row.uid), Kind::Device).await?;
        }
    }
    if devices > u64::from(limit) {
        let budget = format!("the device limit of user {owner} ({limit}), over all organizations that it owns");
        return Err(Error::exhausted("quota", budget, 0));
    }
    Ok(())
}

pub(super) async fn booked(tx: &mut Tx, org: Uuid) -> Result<Subscription> {
    Ok(match resources::find_by_uid(tx, org).await?.map(|object| object.spec) {
        Some(Spec::Organization(spec)) => spec.subscription.unwrap_or_default(),
        _ => Subscription::default(),
    })
}

impl Resources {
    /// Refuses another API token where an organization has as many as it has booked.
    pub(crate) async fn may_add_token(tx: &mut Tx, org: Uuid, now: Micros) -> Result<()> {
        let Some(most) = booked(tx, org).await?.token_limit else {
            return Ok(());
        };
        // Two at once are one after the other.
        resources::lock(tx, org).await?;
        if tokens::count(tx, org, now).await? < u64::from(most) {
            return Ok(());
        }
        let name = resources::find_by_uid(tx, org).await?.map(|object| object.name);
        Err(reached("token limit", &name.unwrap_or_default(), most))
    }

    /// What an organization uses of what it has booked; `series` it has.
    pub(crate) async fn budgets(tx: &mut Tx, org: Uuid, series: u64, now: Micros) -> Result<Vec<Budget>> {
        let booked = booked(tx, org).await?;
        let limits = limits_of(&booked);
        let mut counted = vec![Counted::Kind(Kind::Device), Counted::Users];
        counted.extend(limits.iter().map(|limit| limit.of));
        let mut budgets: Vec<Budget> = Vec::new();
        for of in counted {
            let name = match of {
                Counted::Kind(kind) => kind.row().plural,
                Counted::Users => "users",
            };
            if budgets.iter().any(|known| known.name == name) {
                continue;
            }
            let most = limits
                .iter()
                .filter(|limit| limit.of == of)
                .map(|limit| limit.most)
                .min();
            budgets.push(Budget {
                name: name.to_owned(),
                used: of.count(tx, org).await?,
                limit: most.map(u64::from),
            });
        }
        let tokens = tokens::count(tx, org, now).await?;
        for (name, used, limit) in [
            ("tokens", tokens, booked.token_limit),
            ("series", series, booked.series_limit),
        ] {
            budgets.push(Budget {
                name: name.to_owned(),
                used,
                limit: limit.map(u64::from),
            });
        }
        Ok(budgets)
    }
}
