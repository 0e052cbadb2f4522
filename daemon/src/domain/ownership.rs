//! Who owns which field of a resource, and what becomes of the fields when a manager submits its own.

use std::collections::BTreeMap;

use fleet_proto::pb::OnConflict;
use fleet_proto::reflect::{Fields, PROTECT};
use serde_json::Value as Json;

use super::telemetry::Micros;

/// Where an owned value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Of the transaction that set or adopted it.
    pub revision: u64,
    /// When that was.
    pub at: Micros,
    /// The manifest's file, as the submitter named it; may be empty.
    pub file: String,
    /// Commit of the version control; may be empty.
    pub commit: String,
    /// Line in the file; 0: not known.
    pub line: u32,
}

/// The fields of one manager.
pub type Claims = BTreeMap<String, Origin>;

/// The fields of every manager of a resource.
pub type Owners = BTreeMap<String, Claims>;

/// Who submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manager {
    /// fleetd itself: owns nothing, and what it writes others may change.
    Fleetd,
    /// A person: owns what it changes, until an apply set adopts the value.
    Person(String),
    /// A source of manifests, by its name.
    ApplySet(String),
}

impl std::fmt::Display for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fleetd => Ok(()),
            Self::Person(name) => write!(f, "person/{name}"),
            Self::ApplySet(name) => write!(f, "applyset/{name}"),
        }
    }
}

/// A field that somebody else owns and that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Which field.
    pub path: String,
    /// Whose it is.
    pub manager: String,
    /// Since when.
    pub since: Origin,
    /// The owner's value; none: the owner wants it to be absent.
    pub theirs: Option<Json>,
    /// The value that was submitted.
    pub wanted: Option<Json>,
}

/// How a submission meets what is there.
pub struct Claim<'a> {
    /// Who submits.
    pub manager: &'a Manager,
    /// What it submits.
    pub wanted: &'a Fields,
    /// The submission is the whole resource: what it lacks is removed, what others own is taken,
    /// and only what it changes is owned.
    pub replace: bool,
    /// What to do with a conflict at a path.
    pub on_conflict: &'a dyn Fn(&str) -> OnConflict,
    /// Where the value at a path comes from.
    pub origin: &'a dyn Fn(&str) -> Origin,
}

/// What becomes of a resource's fields.
#[derive(Debug)]
pub struct Merged {
    /// The fields now.
    pub fields: Fields,
    /// The owners now.
    pub owners: Owners,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// What was left to others.
    pub yields: Vec<Conflict>,
}

/// Merges a submission into what is there.
pub fn merge(live: &Fields, owners: &Owners, claim: &Claim<'_>) -> Merged {
    let me = claim.manager.to_string();
    let mut merged = Merged {
        fields: live.clone(),
        owners: owners.clone(),
        conflicts: Vec::new(),
        yields: Vec::new(),
    };
    for (path, want) in claim.wanted.iter() {
        merged.want(live, claim, &me, path, want);
    }
    if claim.replace {
        for (path, _) in live.iter().filter(|(path, _)| claim.wanted.get(path).is_none()) {
            merged.fields.remove(path);
            if merged.take(path, &me) {
                merged.own(claim, &me, path);
            }
        }
    } else if let Some(mine) = owners.get(&me) {
        for path in mine.keys().filter(|path| claim.wanted.get(path).is_none()) {
            merged.disown(&me, path);
            if others(&merged.owners, &me, path).next().is_none() {
                merged.fields.remove(path);
            }
        }
    }
    // What is wanted empty was there by what was in it: when that goes, it stays by itself.
    for (path, _) in claim.wanted.iter().filter(|(_, want)| is_empty_map(want)) {
        if live.has_below(path) && !merged.fields.has_below(path) {
            merged.fields.copy(claim.wanted, path);
        }
    }
    merged.fields.order_by(claim.wanted);
    merged.owners.retain(|_, claims| !claims.is_empty());
    merged
}

impl Merged {
    fn want(&mut self, live: &Fields, claim: &Claim<'_>, me: &str, path: &str, want: &Json) {
        let is_set = matches!(claim.manager, Manager::ApplySet(_));
        let mine = self.owners.get(me).is_some_and(|claims| claims.contains_key(path));
        let foreign = others(&self.owners, me, path).next().is_some();
        if is_same(live, path, want) {
            // A person owns what it changes. An apply set shares what it finds, and ends the claims of persons on it.
            if !mine && (is_set || !(foreign || claim.replace)) {
                self.own(claim, me, path);
            }
            if is_set {
                self.owners
                    .iter_mut()
                    .filter(|(manager, _)| manager.starts_with("person/"))
                    .for_each(|(_, claims)| drop(claims.remove(path)));
            }
            return;
        }
        let act = if !foreign || claim.replace || *claim.manager == Manager::Fleetd {
            OnConflict::Take
        } else {
            (claim.on_conflict)(path)
        };
        match act {
            OnConflict::Take => {
                if is_nothing(path, want) {
                    self.fields.remove(path);
                } else {
                    self.fields.copy(claim.wanted, path);
                }
                self.take(path, me);
                self.own(claim, me, path);
            }
            OnConflict::Yield => {
                let found = self.found(live, me, path, want);
                self.yields.extend(found);
                self.disown(me, path);
            }
            OnConflict::Refuse => {
                let found = self.found(live, me, path, want);
                self.conflicts.extend(found);
            }
        }
    }

    /// Who else owns a field that differs.
    fn found(&self, live: &Fields, me: &str, path: &str, want: &Json) -> Vec<Conflict> {
        others(&self.owners, me, path)
            .map(|(manager, since)| Conflict {
                path: path.to_owned(),
                manager: manager.clone(),
                since: since.clone(),
                theirs: live.get(path).cloned(),
                wanted: Some(want.clone()),
            })
            .collect()
    }

    /// Ends everybody else's claim; true: there was one.
    fn take(&mut self, path: &str, me: &str) -> bool {
        let mut taken = false;
        for (_, claims) in self.owners.iter_mut().filter(|(manager, _)| *manager != me) {
            taken |= claims.remove(path).is_some();
        }
        taken
    }

    fn own(&mut self, claim: &Claim<'_>, me: &str, path: &str) {
        if *claim.manager != Manager::Fleetd {
            self.owners
                .entry(me.to_owned())
                .or_default()
                .insert(path.to_owned(), (claim.origin)(path));
        }
    }

    fn disown(&mut self, me: &str, path: &str) {
        if let Some(claims) = self.owners.get_mut(me) {
            claims.remove(path);
        }
    }
}

fn others<'a>(owners: &'a Owners, me: &'a str, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Origin)> {
    owners
        .iter()
        .filter(move |(manager, _)| *manager != me)
        .filter_map(move |(manager, claims)| Some((manager, claims.get(path)?)))
}

/// An empty message is there when anything of it is; an empty list and no protection are there when nothing is.
fn is_same(live: &Fields, path: &str, want: &Json) -> bool {
    match live.get(path) {
        Some(value) => value == want,
        None => is_nothing(path, want) || (is_empty_map(want) && live.has_below(path)),
    }
}

fn is_nothing(path: &str, want: &Json) -> bool {
    match want {
        Json::Array(items) => items.is_empty(),
        Json::Bool(false) => path == PROTECT,
        _ => false,
    }
}

fn is_empty_map(want: &Json) -> bool {
    want.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_proto::kinds::Kind;
    use fleet_proto::reflect;
    use serde_json::json;
    use std::collections::HashMap;

    fn fields(spec: &Json) -> Fields {
        let spec = reflect::spec_from_json(Kind::Device, spec).unwrap();
        Fields::of(&spec, &HashMap::new(), &HashMap::new(), false)
    }

    /// Submits to a state of (fields, owners); gives the next state, or the conflicts.
    fn submit(
        state: &(Fields, Owners),
        manager: &Manager,
        spec: &Json,
        on_conflict: OnConflict,
    ) -> Result<(Fields, Owners), Vec<String>> {
        let wanted = fields(spec);
        let merged = merge(
            &state.0,
            &state.1,
            &Claim {
                manager,
                wanted: &wanted,
                replace: false,
                on_conflict: &|_| on_conflict,
                origin: &|_| Origin::default(),
            },
        );
        if merged.conflicts.is_empty() {
            Ok((merged.fields, merged.owners))
        } else {
            Err(merged
                .conflicts
                .into_iter()
                .map(|conflict| format!("{} of {}", conflict.path, conflict.manager))
                .collect())
        }
    }

    fn spec(state: &(Fields, Owners)) -> Json {
        state.0.build().0
    }

    #[test]
    fn fields_belong_to_whoever_submitted_them() {
        let (a, b) = (Manager::ApplySet("a".into()), Manager::ApplySet("b".into()));
        let refuse = OnConflict::Refuse;
        let none = (Fields::default(), Owners::new());
        let one = submit(&none, &a, &json!({"serial": "1", "displayName": "A"}), refuse).unwrap();
        let two = submit(&one, &b, &json!({"site": "s", "serial": "1"}), refuse).unwrap();
        assert_eq!(spec(&two), json!({"displayName": "A", "serial": "1", "site": "s"}));

        // What a dropped is reset; what b has, too, stays; what was never a's is untouched.
        let three = submit(&two, &a, &json!({}), refuse).unwrap();
        assert_eq!(spec(&three), json!({"serial": "1", "site": "s"}));

        let conflict = submit(&two, &a, &json!({"site": "t", "serial": "2"}), refuse).unwrap_err();
        assert_eq!(conflict, ["spec.serial of applyset/b", "spec.site of applyset/b"]);
        let taken = submit(&two, &a, &json!({"site": "t"}), OnConflict::Take).unwrap();
        assert_eq!(spec(&taken)["site"], "t");
        assert!(!taken.1["applyset/b"].contains_key("spec.site"));
        let yielded = submit(&two, &a, &json!({"site": "t", "serial": "2"}), OnConflict::Yield).unwrap();
        assert_eq!(spec(&yielded), json!({"serial": "1", "site": "s"}));
        assert!(!yielded.1.contains_key("applyset/a"), "{:?}", yielded.1);
    }

    #[test]
    fn a_message_that_is_emptied_stays() {
        let set = Manager::ApplySet("a".into());
        let none = (Fields::default(), Owners::new());
        let refuse = OnConflict::Refuse;
        let one = submit(&none, &set, &json!({"endpoint": {"host": "h"}}), refuse).unwrap();
        let two = submit(&one, &set, &json!({"endpoint": {}}), refuse).unwrap();
        assert_eq!(spec(&two), json!({"endpoint": {}}));
        let three = submit(&two, &set, &json!({"endpoint": {}}), refuse).unwrap();
        assert_eq!(three.0, two.0);
    }

    #[test]
    fn elements_of_lists_have_owners_of_their_own() {
        let (a, b) = (Manager::ApplySet("a".into()), Manager::ApplySet("b".into()));
        let refuse = OnConflict::Refuse;
        let none = (Fields::default(), Owners::new());
        let sensors = json!({"sensors": [{"name": "u", "unit": "V"}, {"name": "i"}], "projects": ["p"]});
        let one = submit(&none, &a, &sensors, refuse).unwrap();
        let extra = json!({"sensors": [{"name": "u", "max": 9.0}], "projects": ["q"]});
        let two = submit(&one, &b, &extra, refuse).unwrap();
        assert_eq!(
            spec(&two),
            json!({"projects": ["p", "q"], "sensors": [{"name": "u", "max": 9.0, "unit": "V"}, {"name": "i"}]})
        );
        let three = submit(&two, &a, &json!({}), refuse).unwrap();
        assert_eq!(
            spec(&three),
            json!({"projects": ["q"], "sensors": [{"name": "u", "max": 9.0}]})
        );
    }

    #[test]
    fn a_persons_claim_ends_when_a_set_adopts_the_value() {
        let (set, person) = (Manager::ApplySet("a".into()), Manager::Person("jo".into()));
        let refuse = OnConflict::Refuse;
        let none = (Fields::default(), Owners::new());
        let one = submit(&none, &set, &json!({"site": "s"}), refuse).unwrap();
        let two = submit(&one, &person, &json!({"site": "t"}), OnConflict::Take).unwrap();
        assert_eq!(
            submit(&two, &set, &json!({"site": "s"}), refuse).unwrap_err(),
            ["spec.site of person/jo"]
        );
        let three = submit(&two, &set, &json!({"site": "t"}), refuse).unwrap();
        let four = submit(&three, &set, &json!({"site": "u"}), refuse).unwrap();
        assert_eq!(spec(&four), json!({"site": "u"}));
    }
}
