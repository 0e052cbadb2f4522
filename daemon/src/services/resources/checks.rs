//! The checks of an apply that need to see what is stored: uniqueness, references, cycles.

use std::collections::{HashMap, HashSet};

use fleet_proto::access;
use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::Issue;
use fleet_proto::pb::resource::Spec;
use fleet_proto::reflect;
use uuid::Uuid;

use super::permit;
use super::submission::issue;
use super::write::Write;
use crate::domain::{Caller, Object, kinds};
use crate::services::error::Result;
use crate::storage::{Tx, resources};

/// Deepest chain of parents.
const DEEPEST: usize = 64;

/// Writes the indexes of an object. A unique value that another object has is an issue.
pub(super) async fn index(tx: &mut Tx, caller: &Caller, index: usize, object: &Object) -> Result<Vec<Issue>> {
    resources::index(tx, object, &reflect::references(&object.spec)).await?;
    let mut issues = Vec::new();
    for value in reflect::uniques(&object.spec) {
        let Some(holder) = resources::claim_unique(tx, object, &value).await? else {
            continue;
        };
        if holder == object.uid {
            issues.push(issue(
                index,
                &value.path,
                codes::NOT_UNIQUE,
                format!("`{}` stands there twice", value.value),
                "remove one of them",
            ));
            continue;
        }
        // The holder may belong to another organization, or to a site of which the caller may not know.
        let name = match resources::find_by_uid(tx, holder).await? {
            Some(other) if permit::sees(tx, caller, &other).await? => format!("{}/{}", other.kind, other.name),
            _ => "somebody else".to_owned(),
        };
        issues.push(issue(
            index,
            &value.path,
            codes::NOT_UNIQUE,
            format!("`{}` is already that of {name}", value.value),
            "choose another value, or change the other one first",
        ));
    }
    Ok(issues)
}

/// Every reference of a written object must name something that exists at the end of the transaction.
/// What stands in the bundle but is itself in error is not reported a second time.
pub(super) async fn references(
    tx: &mut Tx,
    caller: &Caller,
    written: &[Write],
    mentioned: &HashSet<(Kind, String, String)>,
) -> Result<Vec<Issue>> {
    let mut known: HashMap<(Option<Uuid>, Kind, String), bool> = written
        .iter()
        .map(|w| {
            (
                (w.after.org.as_ref().map(|o| o.uid), w.after.kind, w.after.name.clone()),
                true,
            )
        })
        .collect();
    let mut issues = Vec::new();
    for write in written {
        for reference in reflect::references(&write.after.spec) {
            let org = if reference.kind.is_platform() {
                None
            } else {
                write.after.org.as_ref()
            };
            let in_bundle = (
                reference.kind,
                org.map(|o| o.name.clone()).unwrap_or_default(),
                reference.name.clone(),
            );
            if mentioned.contains(&in_bundle) {
                continue;
            }
            let key = (org.map(|o| o.uid), reference.kind, reference.name.clone());
            let exists = match known.get(&key) {
                Some(exists) => *exists,
                None => {
                    let exists = exists(tx, caller, &key).await?;
                    known.insert(key, exists);
                    exists
                }
            };
            if !exists {
                issues.push(missing(write.index, &reference.path, reference.kind, &reference.name));
            }
        }
    }
    Ok(issues)
}

/// What a field names does not exist.
pub(super) fn missing(index: Option<usize>, path: &str, kind: Kind, name: &str) -> Issue {
    let help = "create it, or add its manifest to the bundle";
    let message = format!("{kind}/{name} does not exist");
    issue(index.unwrap_or_default(), path, codes::MISSING_REFERENCE, message, help)
}

/// A built-in role stands in no table; a user whom the caller may not see is like none.
async fn exists(tx: &mut Tx, caller: &Caller, key: &(Option<Uuid>, Kind, String)) -> Result<bool> {
    let (org, kind, name) = key;
    Ok(match kind {
        Kind::Role if access::built_in(name).is_some() => true,
        Kind::User => match resources::find(tx, *org, *kind, name).await? {
            Some(user) => permit::sees(tx, caller, &user).await?,
            None => false,
        },
        _ => resources::find_uid(tx, *org, *kind, name).await?.is_some(),
    })
}

/// What was deleted must not be missed by what was submitted as it is, and so was not written. `submitted` gives the
/// positions; of others the deletion itself takes care.
pub(super) async fn missed(tx: &mut Tx, deleted: &[Object], submitted: &HashMap<Uuid, usize>) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    for object in deleted {
        let org = object.org.as_ref().map(|org| org.uid);
        if resources::find_uid(tx, org, object.kind, &object.name).await?.is_some() {
            continue;
        }
        for row in resources::referrers(tx, org, object.kind, &object.name).await? {
            let Some(index) = submitted.get(&row.uid) else {
                continue;
            };
            let message = format!("{}/{} would no longer exist", object.kind, object.name);
            let help = "submit it again, or change what refers to it first";
            issues.push(issue(*index, &row.path, codes::MISSING_REFERENCE, message, help));
        }
    }
    Ok(issues)
}

/// What must hold between objects: parents form no cycle, a shared configuration says whose readings it gives.
pub(super) async fn relations(tx: &mut Tx, written: &[Write]) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    let mut configs: HashMap<(Option<Uuid>, String), usize> = HashMap::new();
    for write in written {
        let object = &write.after;
        let org = object.org.as_ref().map(|o| o.uid);
        if parent(object).is_some() && in_cycle(tx, object).await? {
            issues.push(issue(
                write.index.unwrap_or_default(),
                "spec.parent",
                codes::CYCLE,
                format!("{}/{} would be its own ancestor", object.kind, object.name),
                "choose a parent that is not below it",
            ));
        }
        match &object.spec {
            Spec::GatewayConfig(_) => {
                configs
                    .entry((org, object.name.clone()))
                    .or_insert(write.index.unwrap_or_default());
            }
            Spec::Device(device) => {
                if let Some(config) = &device.gateway_config {
                    configs
                        .entry((org, config.clone()))
                        .or_insert(write.index.unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    for ((org, name), index) in configs {
        let Some(config) = resources::find(tx, org, Kind::GatewayConfig, &name).await? else {
            continue;
        };
        let users = resources::referrers(tx, org, Kind::GatewayConfig, &name).await?;
        let devices: Vec<_> = users
            .iter()
            .filter(|row| row.kind == Kind::Device)
            .map(|row| row.name.clone())
            .collect();
        let Spec::GatewayConfig(spec) = &config.spec else {
            continue;
        };
        if let Some(message) = kinds::gateway_config_sharing(spec, &devices) {
            issues.push(issue(
                index,
                "spec",
                codes::SEMANTIC,
                message,
                "give every slave its `device`, or each device a configuration of its own",
            ));
        }
    }
    Ok(issues)
}

fn parent(object: &Object) -> Option<&str> {
    match &object.spec {
        Spec::Site(site) => site.parent.as_deref(),
        Spec::Asset(asset) => asset.parent.as_deref(),
        _ => None,
    }
}

async fn in_cycle(tx: &mut Tx, object: &Object) -> Result<bool> {
    let org = object.org.as_ref().map(|o| o.uid);
    let mut at = parent(object).map(str::to_owned);
    for _ in 0..DEEPEST {
        let Some(name) = at else { return Ok(false) };
        if name == object.name {
            return Ok(true);
        }
        at = resources::find(tx, org, object.kind, &name)
            .await?
            .and_then(|o| parent(&o).map(str::to_owned));
    }
    // Deeper than anything real: as good as a cycle.
    Ok(true)
}
