//! Permissions and built-in roles: who may do what, in words that manifests, tokens and the gate share.

use std::collections::BTreeSet;

use crate::kinds::{KINDS, Kind};
use crate::suggest::closest;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Look at it.
    View,
    /// Make, change and delete it.
    Edit,
    /// Make it do something: commands, reads over a bus.
    Control,
    /// Send readings in its name, or add to it.
    Write,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 4] = [Self::View, Self::Edit, Self::Control, Self::Write];

    /// As permissions write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Edit => "edit",
            Self::Control => "control",
            Self::Write => "write",
        }
    }

    fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.text() == text)
    }
}

/// What is not a kind and has permissions of its own, each with its verbs.
const FURTHER: &[(&str, &[Verb])] = &[
    ("kind", &[Verb::View]),
    ("claim-token", &[Verb::View, Verb::Edit]),
    ("token", &[Verb::View, Verb::Edit]),
    ("telemetry", &[Verb::View, Verb::Write]),
    ("modbus", &[Verb::Control]),
    ("audit", &[Verb::View]),
    ("log", &[Verb::View, Verb::Write]),
    ("system", &[Verb::View, Verb::Edit]),
];

/// Stands in the contract for the kind that a request names.
pub const RESOURCE: &str = "resource";

/// `verb:noun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    /// What is done.
    pub verb: Verb,
    /// To what: a kind's singular name, or one of the further nouns.
    pub noun: &'static str,
}

impl Permission {
    /// To do something to resources of a kind.
    pub fn of(verb: Verb, kind: Kind) -> Self {
        Self {
            verb,
            noun: kind.singular(),
        }
    }

    /// Reads the permission of a method: a single one, or that of whatever kind the request names.
    pub fn of_method(text: &str) -> Option<Self> {
        let (verb, noun) = text.split_once(':')?;
        let verb = Verb::find(verb)?;
        if noun == RESOURCE {
            return Some(Self { verb, noun: RESOURCE });
        }
        every().find(|one| one.verb == verb && one.noun == noun)
    }

    /// The permission that is meant where the request is about a kind.
    pub fn for_kind(self, kind: Kind) -> Self {
        if self.noun == RESOURCE {
            Self::of(self.verb, kind)
        } else {
            self
        }
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.verb.text(), self.noun)
    }
}

/// Every permission that there is.
pub fn every() -> impl Iterator<Item = Permission> {
    let of_kinds = KINDS.iter().flat_map(|row| {
        let control = (row.kind == Kind::Device).then_some(Verb::Control);
        [Verb::View, Verb::Edit]
            .into_iter()
            .chain(control)
            .map(|verb| Permission::of(verb, row.kind))
    });
    let further = FURTHER
        .iter()
        .flat_map(|(noun, verbs)| verbs.iter().map(|&verb| Permission { verb, noun }));
    of_kinds.chain(further)
}

/// A set of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    /// All of them.
    pub fn all() -> Self {
        Self(every().collect())
    }

    /// Reads `verb:noun`, in a token's scope also `noun:verb`; `*` stands for every verb or noun.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (first, second) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` is no permission: write verb:kind, such as view:device"))?;
        let turned = Verb::find(first).is_none() && Verb::find(second).is_some() && second != "*";
        let (verb, noun) = if turned || (first != "*" && second == "*" && Verb::find(first).is_none()) {
            (second, first)
        } else {
            (first, second)
        };
        let noun_of_kind = Kind::find(noun).map_or_else(|| noun.to_owned(), |kind| kind.singular().to_owned());
        let found: BTreeSet<Permission> = every()
            .filter(|one| (verb == "*" || one.verb.text() == verb) && (noun == "*" || one.noun == noun_of_kind))
            .collect();
        if !found.is_empty() {
            return Ok(Self(found));
        }
        if verb != "*" && Verb::find(verb).is_none() {
            let known = Verb::ALL.map(Verb::text);
            let near = closest(verb, known).map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(format!("`{verb}` is no verb of permissions; {near}"));
        }
        if every().any(|one| one.noun == noun_of_kind) {
            return Err(format!("there is no permission to {verb} {noun}"));
        }
        let near = closest(noun, every().map(|one| one.noun))
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Err(format!(
            "`{noun}` is neither a kind nor another thing with permissions{near}"
        ))
    }

    /// Is it among them?
    pub fn has(&self, one: Permission) -> bool {
        self.0.contains(&one)
    }

    /// Is there one with this verb, for any kind of resource?
    pub fn has_any_kind(&self, verb: Verb) -> bool {
        self.0
            .iter()
            .any(|one| one.verb == verb && Kind::find(one.noun).is_some())
    }

    /// Those of both.
    pub fn with(mut self, others: &Self) -> Self {
        self.0.extend(others.iter());
        self
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().copied()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().collect())
    }
}

/// A role that every organization has, and nobody edits.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Permissions, as a Role holds them, in lists that roles share.
    pub holds: &'static [&'static [&'static str]],
    /// Permissions at sites whose settings say `operatorControl`.
    pub where_operators_control: &'static [&'static str],
}

impl BuiltIn {
    /// Permissions, as a Role holds them.
    pub fn permissions(&self) -> Vec<&'static str> {
        self.holds.concat()
    }
}

/// The built-in roles, from least to most.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "viewer",
        description: "sees what there is, and its readings",
        holds: &[EQUIPMENT, CUSTOMERS],
        where_operators_control: &[],
    },
    BuiltIn {
        name: "operator",
        description: "a viewer who also adds to the log, and controls devices at sites whose settings allow it",
        holds: &[EQUIPMENT, CUSTOMERS, LOG],
        where_operators_control: &["control:device", "control:modbus"],
    },
    BuiltIn {
        name: "site-manager",
        description: "manages sites, their devices and the people there",
        holds: &[
            EQUIPMENT,
            CUSTOMERS,
            LOG,
            &[
                "view:user",
                "view:role",
                "view:role-binding",
                "view:claim-token",
                "edit:site",
                "edit:asset",
                "edit:device",
                "edit:tracked-variable",
                "edit:role-binding",
                "edit:claim-token",
                "control:*",
            ],
        ],
        where_operators_control: &[],
    },
    BuiltIn {
        name: "developer",
        description: "works on configurations and test data; sees neither customers nor people",
        holds: &[
            EQUIPMENT,
            LOG,
            &[
                "edit:site",
                "edit:asset",
                "edit:project",
                "edit:template",
                "edit:gateway-config",
                "edit:device-profile",
                "edit:device",
                "edit:configuration",
                "edit:translation",
                "edit:tracked-variable",
                "write:telemetry",
                "control:*",
            ],
        ],
        where_operators_control: &[],
    },
    BuiltIn {
        name: "org-admin",
        description: "everything in one organization",
        holds: &[&["*:*"]],
        where_operators_control: &[],
    },
    BuiltIn {
        name: PLATFORM_ADMIN,
        description: "everything, in every organization; given by `platformRoles` of a User",
        holds: &[&["*:*"]],
        where_operators_control: &[],
    },
];

/// The role that holds over the whole platform.
pub const PLATFORM_ADMIN: &str = "platform-admin";

/// What there is to see at sites, readings included.
const EQUIPMENT: &[&str] = &[
    "view:organization",
    "view:site",
    "view:asset",
    "view:project",
    "view:template",
    "view:gateway-config",
    "view:device-profile",
    "view:device",
    "view:configuration",
    "view:translation",
    "view:tracked-variable",
    "view:kind",
    "view:telemetry",
    "view:log",
];
const CUSTOMERS: &[&str] = &["view:customer"];
const LOG: &[&str] = &["write:log"];

/// The built-in role of that name.
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|role| role.name == name)
}

/// The union of what texts say; what is no permission is left out, for it was refused where it was written.
pub fn union<T: AsRef<str>>(texts: &[T]) -> Permissions {
    texts
        .iter()
        .filter_map(|text| Permissions::parse(text.as_ref()).ok())
        .fold(Permissions::default(), |all, some| all.with(&some))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_mean_the_same_and_stars_stand_for_all() {
        let write = Permissions::parse("write:telemetry").unwrap();
        assert_eq!(write, Permissions::parse("telemetry:write").unwrap());
        assert_eq!(
            Permissions::parse("view:devices").unwrap(),
            Permissions::parse("view:device").unwrap()
        );
        assert_eq!(
            Permissions::parse("device:*").unwrap(),
            Permissions::parse("*:device").unwrap()
        );
        assert_eq!(Permissions::parse("*:*").unwrap(), Permissions::all());
        assert!(
            Permissions::parse("view:*")
                .unwrap()
                .iter()
                .all(|one| one.verb == Verb::View)
        );
        for (wrong, says) in [
            ("device", "verb:kind"),
            ("veiw:device", "did you mean `view`"),
            ("view:devcie", "did you mean `device`"),
            ("write:device", "no permission to write device"),
            ("", "verb:kind"),
            (":", "is no verb"),
            ("view:", "neither a kind"),
        ] {
            let said = Permissions::parse(wrong).unwrap_err();
            assert!(said.contains(says), "{wrong}: {said}");
        }
    }

    #[test]
    fn built_in_roles_hold_what_they_say() {
        for role in BUILT_IN {
            for text in role.permissions().iter().chain(role.where_operators_control) {
                assert!(Permissions::parse(text).is_ok(), "{}: {text}", role.name);
            }
        }
        let viewer = union(&built_in("viewer").unwrap().permissions());
        let operator = union(&built_in("operator").unwrap().permissions());
        assert!(viewer.iter().all(|one| operator.has(one)), "an operator is a viewer");
        assert!(viewer.iter().all(|one| one.verb == Verb::View));
        for hidden in [Kind::Secret, Kind::User, Kind::RoleBinding] {
            assert!(!viewer.has(Permission::of(Verb::View, hidden)), "{hidden}");
        }
        assert!(Permission::of_method("view:resource").is_some());
        assert!(Permission::of_method("view:nothing").is_none());
    }
}
