//! User, Role, RoleBinding.

use fleet_proto::access::{self, Permissions};
use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::{Issue, RoleBindingSpec, RoleSpec, UserSpec};

use super::issue;

/// What is wrong with the name of a resource of the kind, beyond what holds for every name.
pub fn name(kind: Kind, name: &str) -> Option<Issue> {
    let wrong = |message: String, help: &str| {
        Some(Issue {
            code: codes::NAME.to_owned(),
            ..issue("metadata.name", message, help)
        })
    };
    match kind {
        Kind::User if name.chars().any(|c| c.is_ascii_uppercase()) => wrong(
            format!("`{name}` has upper-case letters: one logs in by this name, and case must not matter"),
            "write it in lower case, and the name as people write it as `displayName`",
        ),
        Kind::Role if access::built_in(name).is_some() => wrong(
            format!("`{name}` is a built-in role"),
            "choose another name; `fleetctl help roles` shows what the built-in ones hold",
        ),
        _ => None,
    }
}

pub(super) fn user(spec: &UserSpec) -> Vec<Issue> {
    let unknown = |(at, role): (usize, &String)| {
        (access::built_in(role).is_none()).then(|| {
            let known: Vec<_> = access::BUILT_IN.iter().map(|role| role.name).collect();
            issue(
                format!("spec.platformRoles[{at}]"),
                format!("`{role}` is no built-in role"),
                format!("known are {}", known.join(", ")),
            )
        })
    };
    spec.platform_roles.iter().enumerate().filter_map(unknown).collect()
}

pub(super) fn role(spec: &RoleSpec) -> Vec<Issue> {
    let wrong = |(at, text): (usize, &String)| {
        let message = Permissions::parse(text).err()?;
        Some(issue(
            format!("spec.permissions[{at}]"),
            message,
            "`fleetctl help permissions` lists them",
        ))
    };
    spec.permissions.iter().enumerate().filter_map(wrong).collect()
}

pub(super) fn role_binding(spec: &RoleBindingSpec) -> Vec<Issue> {
    let mut issues = Vec::new();
    if spec.all_sites() && !spec.sites.is_empty() {
        issues.push(issue(
            "spec.sites",
            "stands beside `allSites: true`",
            "leave one of them out",
        ));
    }
    if spec.role() == access::PLATFORM_ADMIN {
        issues.push(issue(
            "spec.role",
            format!(
                "`{}` holds over the whole platform, and not in an organization",
                access::PLATFORM_ADMIN
            ),
            "use `org-admin`, or set `platformRoles` of the User",
        ));
    }
    issues
}
