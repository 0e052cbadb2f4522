//! Table one of the resource mechanism: what every part needs to know of a kind without knowing its fields.
//!
//! A kind is a row here, an arm of `Resource.spec`, and a row of `daemon/src/domain/kinds/mod.rs`.

use crate::pb::resource::Spec;

/// A kind of resource. The order is the order in which kinds are applied and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "the names are the kinds'; their meaning stands in the proto files"
)]
pub enum Kind {
    Organization,
    User,
    Role,
    Customer,
    Site,
    RoleBinding,
    Asset,
    Project,
    Secret,
    Template,
    GatewayConfig,
    DeviceProfile,
    Device,
    Configuration,
    Translation,
    TrackedVariable,
}

/// A column of the table that `fleetctl get` prints.
#[derive(Debug)]
pub struct Column {
    /// Heading, upper case.
    pub title: &'static str,
    /// Path in the resource's JSON form, such as `.spec.serial`.
    pub path: &'static str,
    /// Shown with `-o wide` only.
    pub wide: bool,
}

/// A row of the kinds table.
#[derive(Debug)]
pub struct Row {
    /// Which kind this is.
    pub kind: Kind,
    /// As manifests write it: `GatewayConfig`.
    pub title: &'static str,
    /// As references write it: `gateway-config`.
    pub singular: &'static str,
    /// `gateway-configs`.
    pub plural: &'static str,
    /// `gwc`.
    pub short: &'static [&'static str],
    /// Belongs to the platform and not to an organization.
    pub platform: bool,
    /// Name of the arm of `Resource.spec`.
    pub field: &'static str,
    /// Columns between NAME and AGE.
    pub columns: &'static [Column],
}

const fn col(title: &'static str, path: &'static str) -> Column {
    Column {
        title,
        path,
        wide: false,
    }
}
const fn wide(title: &'static str, path: &'static str) -> Column {
    Column {
        title,
        path,
        wide: true,
    }
}

/// Every kind, in the order of [`Kind`].
pub const KINDS: &[Row] = &[
    Row {
        kind: Kind::Organization,
        title: "Organization",
        singular: "organization",
        plural: "organizations",
        short: &["org", "orgs"],
        platform: true,
        field: "organization",
        columns: &[
            col("DISPLAY NAME", ".spec.displayName"),
            col("TIER", ".spec.subscription.tier"),
            col("SUSPENDED", ".spec.suspended"),
            wide("DEVICE LIMIT", ".spec.subscription.deviceLimit"),
        ],
    },
    Row {
        kind: Kind::User,
        title: "User",
        singular: "user",
        plural: "users",
        short: &[],
        platform: true,
        field: "user",
        columns: &[
            col("DISPLAY NAME", ".spec.displayName"),
            col("EMAIL", ".spec.email"),
            col("ACTIVE", ".spec.active"),
            wide("LANGUAGE", ".spec.language"),
        ],
    },
    Row {
        kind: Kind::Role,
        title: "Role",
        singular: "role",
        plural: "roles",
        short: &[],
        platform: false,
        field: "role",
        columns: &[
            col("PERMISSIONS", ".spec.permissions"),
            wide("DESCRIPTION", ".spec.description"),
        ],
    },
    Row {
        kind: Kind::Customer,
        title: "Customer",
        singular: "customer",
        plural: "customers",
        short: &["cust"],
        platform: false,
        field: "customer",
        columns: &[
            col("COMPANY", ".spec.company"),
            col("LAST NAME", ".spec.lastName"),
            col("EMAIL", ".spec.email"),
            wide("FIRST NAME", ".spec.firstName"),
            wide("PHONE", ".spec.mobileNumber"),
        ],
    },
    Row {
        kind: Kind::Site,
        title: "Site",
        singular: "site",
        plural: "sites",
        short: &[],
        platform: false,
        field: "site",
        columns: &[
            col("DISPLAY NAME", ".spec.displayName"),
            col("CUSTOMER", ".spec.customer"),
            col("TIMEZONE", ".spec.timezone"),
            wide("PARENT", ".spec.parent"),
            wide("ADDRESS", ".spec.address"),
        ],
    },
    Row {
        kind: Kind::RoleBinding,
        title: "RoleBinding",
        singular: "role-binding",
        plural: "role-bindings",
        short: &["rb"],
        platform: false,
        field: "role_binding",
        columns: &[
            col("USER", ".spec.user"),
            col("ROLE", ".spec.role"),
            col("SITES", ".spec.sites"),
            col("ALL SITES", ".spec.allSites"),
        ],
    },
    Row {
        kind: Kind::Asset,
        title: "Asset",
        singular: "asset",
        plural: "assets",
        short: &[],
        platform: false,
        field: "asset",
        columns: &[
            col("TYPE", ".spec.assetType"),
            col("SITE", ".spec.site"),
            col("PARENT", ".spec.parent"),
            wide("MANUFACTURER", ".spec.manufacturer"),
            wide("MODEL", ".spec.model"),
        ],
    },
    Row {
        kind: Kind::Project,
        title: "Project",
        singular: "project",
        plural: "projects",
        short: &["proj"],
        platform: false,
        field: "project",
        columns: &[col("DISPLAY NAME", ".spec.displayName")],
    },
    Row {
        kind: Kind::Secret,
        title: "Secret",
        singular: "secret",
        plural: "secrets",
        short: &[],
        platform: false,
        field: "secret",
        columns: &[col("DESCRIPTION", ".spec.description")],
    },
    Row {
        kind: Kind::Template,
        title: "Template",
        singular: "template",
        plural: "templates",
        short: &["tpl"],
        platform: false,
        field: "template",
        columns: &[
            col("TYPE", ".spec.templateType"),
            col("CATEGORY", ".spec.category"),
            col("ACTIVE", ".spec.active"),
        ],
    },
    Row {
        kind: Kind::GatewayConfig,
        title: "GatewayConfig",
        singular: "gateway-config",
        plural: "gateway-configs",
        short: &["gwc"],
        platform: false,
        field: "gateway_config",
        columns: &[
            col("POLLER", ".spec.poller"),
            col("DESCRIPTION", ".spec.description"),
            wide("GENERATION", ".metadata.generation"),
        ],
    },
    Row {
        kind: Kind::DeviceProfile,
        title: "DeviceProfile",
        singular: "device-profile",
        plural: "device-profiles",
        short: &["prof", "profile", "profiles"],
        platform: false,
        field: "device_profile",
        columns: &[col("TYPE", ".spec.deviceType"), col("CONFIG", ".spec.gatewayConfig")],
    },
    Row {
        kind: Kind::Device,
        title: "Device",
        singular: "device",
        plural: "devices",
        short: &["dev"],
        platform: false,
        field: "device",
        columns: &[
            col("TYPE", ".spec.deviceType"),
            col("SITE", ".spec.site"),
            col("STATUS", ".status.connection"),
            col("LAST SEEN", ".status.lastSeen"),
            wide("SERIAL", ".spec.serial"),
            wide("GATEWAY", ".spec.gateway"),
            wide("CONFIG", ".spec.gatewayConfig"),
            wide("FIRMWARE", ".status.firmwareVersion"),
        ],
    },
    Row {
        kind: Kind::Configuration,
        title: "Configuration",
        singular: "configuration",
        plural: "configurations",
        short: &["cfg"],
        platform: false,
        field: "configuration",
        columns: &[
            col("KEY", ".spec.key"),
            col("COMPONENT", ".spec.component"),
            wide("VALUE", ".spec.value"),
        ],
    },
    Row {
        kind: Kind::Translation,
        title: "Translation",
        singular: "translation",
        plural: "translations",
        short: &["tr"],
        platform: false,
        field: "translation",
        columns: &[col("LANGUAGE", ".spec.language"), col("COMPONENT", ".spec.component")],
    },
    Row {
        kind: Kind::TrackedVariable,
        title: "TrackedVariable",
        singular: "tracked-variable",
        plural: "tracked-variables",
        short: &["tv"],
        platform: false,
        field: "tracked_variable",
        columns: &[
            col("DEVICE", ".spec.device"),
            col("SENSOR", ".spec.sensor"),
            col("SAMPLES", ".spec.maxSamples"),
            wide("SOURCE", ".spec.source"),
            wide("SITE", ".spec.site"),
        ],
    },
];

impl Kind {
    /// The kind's row.
    pub fn row(self) -> &'static Row {
        &KINDS[self as usize]
    }

    /// Finds a kind by any of its names, in any letter case.
    pub fn find(name: &str) -> Option<Self> {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        KINDS
            .iter()
            .find(|row| same(row.title) || same(row.singular) || same(row.plural) || row.short.iter().any(|s| same(s)))
            .map(|row| row.kind)
    }

    /// The kind of a spec.
    pub fn of(spec: &Spec) -> Self {
        match spec {
            Spec::Organization(_) => Self::Organization,
            Spec::User(_) => Self::User,
            Spec::Role(_) => Self::Role,
            Spec::RoleBinding(_) => Self::RoleBinding,
            Spec::Customer(_) => Self::Customer,
            Spec::Site(_) => Self::Site,
            Spec::Asset(_) => Self::Asset,
            Spec::Project(_) => Self::Project,
            Spec::Secret(_) => Self::Secret,
            Spec::Template(_) => Self::Template,
            Spec::GatewayConfig(_) => Self::GatewayConfig,
            Spec::DeviceProfile(_) => Self::DeviceProfile,
            Spec::Device(_) => Self::Device,
            Spec::Configuration(_) => Self::Configuration,
            Spec::Translation(_) => Self::Translation,
            Spec::TrackedVariable(_) => Self::TrackedVariable,
        }
    }

    /// As references write it: `gateway-config`.
    pub fn singular(self) -> &'static str {
        self.row().singular
    }

    /// Belongs to the platform and not to an organization.
    pub fn is_platform(self) -> bool {
        self.row().platform
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.singular())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_kind_and_no_name_means_two() {
        let mut seen = std::collections::HashSet::new();
        for (at, row) in KINDS.iter().enumerate() {
            assert_eq!(row.kind as usize, at);
            let names: std::collections::HashSet<_> = [row.singular, row.plural]
                .into_iter()
                .chain(row.short.iter().copied())
                .chain([row.title])
                .map(str::to_ascii_lowercase)
                .collect();
            for name in names {
                assert!(seen.insert(name.clone()), "{name} names two kinds");
            }
        }
    }
}
