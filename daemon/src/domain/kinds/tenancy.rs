//! Organization and Customer.

use fleet_proto::kinds::Kind;
use fleet_proto::pb::{CustomerSpec, Issue, OrganizationSpec};

use super::{issue, networks, places};

pub(super) fn organization(spec: &OrganizationSpec) -> Vec<Issue> {
    let mut issues = Vec::new();
    if spec.domains.iter().filter(|domain| domain.primary()).count() > 1 {
        issues.push(issue(
            "spec.domains",
            "more than one domain is primary",
            "leave `primary: true` at one of them",
        ));
    }
    if let Some(zone) = spec.defaults.as_ref().and_then(|defaults| defaults.timezone.as_deref()) {
        issues.extend(places::timezone("spec.defaults.timezone", zone));
    }
    let quotas = spec.subscription.iter().flat_map(|subscription| &subscription.quotas);
    for (at, quota) in quotas.enumerate() {
        let path = format!("spec.subscription.quotas[{at}].kind");
        match Kind::find(quota.kind()) {
            Some(kind) if !kind.is_platform() && kind.singular() == quota.kind() => {}
            Some(kind) if !kind.is_platform() => issues.push(issue(
                path,
                format!("`{}` is another name of {kind}", quota.kind()),
                format!("write `{kind}`"),
            )),
            _ => issues.push(issue(
                path,
                format!("`{}` is no kind that belongs to an organization", quota.kind()),
                "`fleetctl help kinds` lists them",
            )),
        }
    }
    issues.extend(networks("spec.modbusNetworks", &spec.modbus_networks));
    issues
}

pub(super) fn customer(spec: &CustomerSpec) -> Vec<Issue> {
    let filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let mut issues = Vec::new();
    let person = filled(&spec.first_name) && filled(&spec.last_name);
    if !filled(&spec.company) && !person {
        issues.push(issue(
            "spec",
            "a customer has a company, or a first and a last name",
            "set `company`, or `firstName` and `lastName`",
        ));
    }
    issues.extend(json_object("spec.contactInfo", spec.contact_info.as_deref()));
    issues
}

/// A free map is a JSON object.
pub(super) fn json_object(path: &str, text: Option<&str>) -> Option<Issue> {
    let value: serde_json::Value = serde_json::from_str(text?).ok()?;
    let is_map = value.is_object() && value.get("secretRef").is_none();
    (!is_map).then(|| issue(path, "is not a map", "write `key: value` lines below it"))
}
