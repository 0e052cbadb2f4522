//! Who asks, and what they may do where. A door makes a `Caller` from a credential; services decide by it.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleet_proto::access::{Permission, Permissions, Verb};
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use uuid::Uuid;

use super::object::Object;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// fleetd by itself, or in the name of something smaller, such as `claim:ID`.
    Fleetd(String),
    /// Somebody at the local socket, by the user id of the operating system.
    Socket(u32),
    /// A person who logged in.
    User {
        /// Uid of the User.
        uid: Uuid,
        /// Its name.
        name: String,
        /// Id of the session.
        session: String,
    },
    /// An API token.
    Token {
        /// Its id.
        id: String,
        /// What people call it.
        name: String,
    },
}

/// Permissions in a part of the fleet. What somebody may do is the union of such pairs, never their cross product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In which organization; none: in all, and on the platform.
    pub org: Option<Uuid>,
    /// At which sites; none: everywhere, and what belongs to no site.
    pub sites: Option<BTreeSet<String>>,
    /// What.
    pub permissions: Permissions,
    /// Where it comes from, such as `role viewer by role-binding/night-shift`.
    pub origin: String,
}

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It belongs to no organization.
    Platform,
    /// It belongs to an organization as a whole.
    Org(Uuid),
    /// It belongs to sites of an organization; never empty.
    Sites(Uuid, Vec<String>),
}

impl Place {
    /// Where an object is. An Organization is in itself; what it may not change of itself is decided by field.
    pub fn of(object: &Object) -> Self {
        let Some(org) = &object.org else {
            return match object.kind {
                Kind::Organization => Self::Org(object.uid),
                _ => Self::Platform,
            };
        };
        let at = |site: &Option<String>| match site.as_deref() {
            None | Some("") => Self::Org(org.uid),
            Some(site) => Self::Sites(org.uid, vec![site.to_owned()]),
        };
        match &object.spec {
            Spec::Site(_) => Self::Sites(org.uid, vec![object.name.clone()]),
            Spec::Asset(spec) => at(&spec.site),
            Spec::Device(spec) => at(&spec.site),
            Spec::TrackedVariable(spec) => at(&spec.site),
            Spec::RoleBinding(spec) if !spec.all_sites() && !spec.sites.is_empty() => {
                Self::Sites(org.uid, spec.sites.clone())
            }
            _ => Self::Org(org.uid),
        }
    }

    /// The place of something that a site may be named for; empty: none is.
    pub fn at(org: Uuid, site: &str) -> Self {
        if site.is_empty() {
            Self::Org(org)
        } else {
            Self::Sites(org, vec![site.to_owned()])
        }
    }
}

impl Grant {
    fn reaches(&self, org: Option<Uuid>, site: Option<&str>) -> bool {
        let in_org = self.org.is_none() || (org.is_some() && self.org == org);
        let at_site = match (&self.sites, site) {
            (None, _) => true,
            (Some(sites), Some(site)) => sites.contains(site),
            (Some(_), None) => false,
        };
        in_org && at_site
    }
}

/// From where a call comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Address of the peer; empty at the local socket.
    pub address: String,
    /// Of this one call.
    pub request_id: String,
}

/// Who asks, what for, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    who: Who,
    grants: Arc<Vec<Grant>>,
    /// Whoever made a token may do no less than the token: what they lose, it loses.
    maker: Option<Arc<Vec<Grant>>>,
    /// What the called method needs.
    asked: Permission,
    origin: Origin,
    /// The only organization that the call is about, where the door says so.
    narrowed: Option<Uuid>,
    /// Revision of the resources that the grants were read from.
    as_of: u64,
}

impl Caller {
    /// A caller who asks for nothing yet.
    pub fn new(who: Who, grants: Arc<Vec<Grant>>, maker: Option<Arc<Vec<Grant>>>) -> Self {
        Self {
            who,
            grants,
            maker,
            asked: Permission::of(Verb::View, Kind::Organization),
            origin: Origin::default(),
            narrowed: None,
            as_of: 0,
        }
    }

    /// The same caller, whose grants were read at a revision.
    pub fn read_at(self, revision: u64) -> Self {
        Self {
            as_of: revision,
            ..self
        }
    }

    /// The revision of the resources that the grants were read from.
    pub fn as_of(&self) -> u64 {
        self.as_of
    }

    /// The same call, with what its caller may do by now.
    pub fn renewed(self, now: &Self) -> Self {
        let renewed = Self {
            grants: Arc::clone(&now.grants),
            maker: now.maker.clone(),
            ..self
        };
        match renewed.narrowed {
            Some(org) => renewed.within(org),
            None => renewed,
        }
    }

    /// The same caller, asking for what a method needs.
    pub fn asking(self, asked: Permission, origin: Origin) -> Self {
        Self { asked, origin, ..self }
    }

    /// The same caller, calling from an address.
    pub fn from(self, address: &str) -> Self {
        let origin = Origin {
            address: address.to_owned(),
            ..self.origin
        };
        Self { origin, ..self }
    }

    /// The same caller, with what it may do in one organization and nothing else.
    pub fn within(self, org: Uuid) -> Self {
        let narrowed = |grants: &[Grant]| {
            let own = grants.iter().filter(|grant| grant.org.is_none_or(|own| own == org));
            let own = own.cloned().map(|grant| Grant {
                org: Some(org),
                ..grant
            });
            Arc::new(own.collect::<Vec<_>>())
        };
        Self {
            grants: narrowed(&self.grants),
            maker: self.maker.as_ref().map(|maker| narrowed(maker)),
            narrowed: Some(org),
            ..self
        }
    }

    /// Somebody who may do everything.
    pub fn with_everything(who: Who) -> Self {
        // fleetd asks by no method, so what it asks for may be of any noun.
        let edit = Permission {
            verb: Verb::Edit,
            noun: fleet_proto::access::RESOURCE,
        };
        let everything = Grant {
            org: None,
            sites: None,
            permissions: Permissions::all().with(&std::iter::once(edit).collect()),
            origin: "the local socket".to_owned(),
        };
        Self::new(who, Arc::new(vec![everything]), None).asking(edit, Origin::default())
    }

    /// fleetd acting by itself.
    pub fn fleetd() -> Self {
        Self::with_everything(Who::Fleetd("fleetd".to_owned()))
    }

    /// Who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// From where it asks.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the called method needs.
    pub fn asked(&self) -> Permission {
        self.asked
    }

    /// How the history names it.
    pub fn actor(&self) -> String {
        match &self.who {
            Who::Fleetd(name) => name.clone(),
            Who::Socket(uid) => format!("uid:{uid}"),
            Who::User { name, .. } => format!("user/{name}"),
            Who::Token { id, name } if name.is_empty() => format!("token/{id}"),
            Who::Token { name, .. } => format!("token/{name}"),
        }
    }

    /// The grants that hold.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    fn has_at(&self, permission: Permission, org: Option<Uuid>, site: Option<&str>) -> bool {
        let has = |grants: &[Grant]| {
            grants
                .iter()
                .any(|grant| grant.permissions.has(permission) && grant.reaches(org, site))
        };
        has(&self.grants) && self.maker.as_ref().is_none_or(|maker| has(maker))
    }

    /// May it do this in the whole of a place?
    pub fn may(&self, permission: Permission, place: &Place) -> bool {
        match place {
            Place::Platform => self.has_at(permission, None, None),
            Place::Org(org) => self.has_at(permission, Some(*org), None),
            Place::Sites(org, sites) => sites.iter().all(|site| self.has_at(permission, Some(*org), Some(site))),
        }
    }

    /// May it do this in some part of a place?
    pub fn may_somewhere(&self, permission: Permission, place: &Place) -> bool {
        match place {
            Place::Sites(org, sites) => sites.iter().any(|site| self.has_at(permission, Some(*org), Some(site))),
            Place::Org(org) => {
                let all = self
                    .grants
                    .iter()
                    .chain(self.maker.iter().flat_map(|maker| maker.iter()));
                let sites = all.flat_map(|grant| grant.sites.iter().flatten());
                self.has_at(permission, Some(*org), None)
                    || sites
                        .into_iter()
                        .any(|site| self.has_at(permission, Some(*org), Some(site)))
            }
            Place::Platform => self.may(permission, place),
        }
    }

    /// The sites of an organization where it may do this, in order; none: in all of the organization.
    pub fn sites(&self, permission: Permission, org: Uuid) -> Option<Vec<String>> {
        if self.may(permission, &Place::Org(org)) {
            return None;
        }
        let all = self
            .grants
            .iter()
            .chain(self.maker.iter().flat_map(|maker| maker.iter()));
        let named: BTreeSet<&String> = all.flat_map(|grant| grant.sites.iter().flatten()).collect();
        let here = |site: &&String| self.has_at(permission, Some(org), Some(site));
        Some(named.into_iter().filter(here).cloned().collect())
    }

    /// Does it hold the permission anywhere at all? With [`fleet_proto::access::RESOURCE`]: for any kind.
    pub fn holds(&self, permission: Permission) -> bool {
        let has = |grants: &[Grant]| {
            grants.iter().any(|grant| {
                if permission.noun == fleet_proto::access::RESOURCE {
                    grant.permissions.has_any_kind(permission.verb)
                } else {
                    grant.permissions.has(permission)
                }
            })
        };
        has(&self.grants) && self.maker.as_ref().is_none_or(|maker| has(maker))
    }

    /// May it do everything everywhere?
    pub fn has_everything(&self) -> bool {
        self.orgs().is_none() && Permissions::all().iter().all(|one| self.may(one, &Place::Platform))
    }

    /// Does it hold everything that others were given?
    pub fn holds_all_of(&self, others: &[Grant]) -> bool {
        others.iter().all(|grant| {
            let place = match (grant.org, &grant.sites) {
                (None, _) => Place::Platform,
                (Some(org), None) => Place::Org(org),
                (Some(_), Some(sites)) if sites.is_empty() => return true,
                (Some(org), Some(sites)) => Place::Sites(org, sites.iter().cloned().collect()),
            };
            grant.permissions.iter().all(|one| self.may(one, &place))
        })
    }

    /// Does it know that the organization exists?
    pub fn knows(&self, org: Uuid) -> bool {
        self.grants.iter().any(|grant| grant.org.is_none_or(|own| own == org))
    }

    /// The organization that its calls are about; none: it has several, or all.
    pub fn home(&self) -> Option<Uuid> {
        let mut orgs = self.orgs()?.into_iter();
        orgs.next().filter(|_| orgs.next().is_none())
    }

    /// The organizations that it knows of; none: all.
    pub fn orgs(&self) -> Option<BTreeSet<Uuid>> {
        self.grants.iter().map(|grant| grant.org).collect()
    }

    /// What bounds the grants; none: nothing does.
    pub fn maker(&self) -> Option<&[Grant]> {
        self.maker.as_ref().map(|maker| maker.as_slice())
    }

    /// The User that it is.
    pub fn user(&self) -> Option<&str> {
        match &self.who {
            Who::User { name, .. } => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(org: Option<u128>, sites: Option<&[&str]>, permissions: &[&str]) -> Grant {
        Grant {
            org: org.map(Uuid::from_u128),
            sites: sites.map(|sites| sites.iter().map(|&site| site.to_owned()).collect()),
            permissions: fleet_proto::access::union(permissions),
            origin: String::new(),
        }
    }

    fn caller(grants: Vec<Grant>, maker: Option<Vec<Grant>>) -> Caller {
        Caller::new(Who::Socket(1), Arc::new(grants), maker.map(Arc::new))
    }

    #[test]
    fn grants_are_pairs_and_never_their_cross_product() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let view = Permission::of(Verb::View, Kind::Device);
        let control = Permission::of(Verb::Control, Kind::Device);
        let at = |org, site: &str| Place::at(org, site);
        let both = caller(
            vec![
                grant(Some(1), Some(&["a"]), &["view:device"]),
                grant(Some(1), Some(&["b"]), &["control:device"]),
                grant(Some(2), None, &["view:device"]),
            ],
            None,
        );
        assert!(both.may(view, &at(one, "a")) && !both.may(control, &at(one, "a")));
        assert!(both.may(control, &at(one, "b")) && !both.may(view, &at(one, "b")));
        assert!(!both.may(view, &Place::Org(one)), "what belongs to no site");
        assert!(both.may(view, &Place::Org(two)) && both.may(view, &at(two, "a")));
        assert!(!both.may(view, &Place::Platform), "no organization holds the platform");
        let sites = |names: &[&str]| Place::Sites(one, names.iter().map(|&name| name.to_owned()).collect());
        assert!(!both.may(view, &sites(&["a", "b"])), "all of it");
        assert!(both.may_somewhere(view, &sites(&["a", "b"])));
        assert_eq!(both.sites(control, one), Some(vec!["b".to_owned()]));
        assert_eq!(
            (both.sites(view, two), both.sites(control, two)),
            (None, Some(Vec::new()))
        );
        assert!(
            both.may_somewhere(view, &Place::Org(one)) && !both.may_somewhere(view, &Place::Org(Uuid::from_u128(3)))
        );
        assert_eq!(both.orgs(), Some([one, two].into()));
        assert!(both.knows(one) && !both.knows(Uuid::from_u128(3)));
    }

    #[test]
    fn a_token_may_no_more_than_its_maker() {
        let one = Uuid::from_u128(1);
        let view = Permission::of(Verb::View, Kind::Device);
        let all = vec![grant(Some(1), None, &["view:*"])];
        let less = caller(all.clone(), Some(vec![grant(Some(1), Some(&["a"]), &["view:device"])]));
        assert!(less.may(view, &Place::at(one, "a")));
        assert!(!less.may(view, &Place::at(one, "b")) && !less.may(view, &Place::Org(one)));
        assert!(less.may_somewhere(view, &Place::Org(one)));
        assert!(!less.holds(Permission::of(Verb::View, Kind::Site)));
        let nothing = caller(all, Some(Vec::new()));
        assert!(!nothing.holds(view) && !nothing.may(view, &Place::at(one, "a")));
    }

    #[test]
    fn within_an_organization_nothing_of_others_is_left() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let view = Permission::of(Verb::View, Kind::Device);
        let both = vec![grant(Some(1), None, &["view:*"]), grant(Some(2), None, &["view:*"])];
        let narrowed = caller(both.clone(), Some(both)).within(one);
        assert!(narrowed.may(view, &Place::Org(one)) && !narrowed.may(view, &Place::Org(two)));
        let admin = Caller::fleetd().within(one);
        assert!(admin.may(view, &Place::at(one, "s")) && !admin.may(view, &Place::Platform));
        assert_eq!(admin.orgs(), Some([one].into()));
    }

    #[test]
    fn everything_reaches_everywhere() {
        let me = Caller::fleetd();
        assert_eq!(me.orgs(), None);
        for place in [Place::Platform, Place::Org(Uuid::nil()), Place::at(Uuid::nil(), "x")] {
            assert!(me.may(Permission::of(Verb::Edit, Kind::User), &place));
        }
    }
}
