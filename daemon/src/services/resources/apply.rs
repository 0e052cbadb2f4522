//! Apply: makes what is stored equal to what is submitted; all of it in one transaction, or nothing.
//! A plan is the same without the commit.

use std::collections::{HashMap, HashSet};

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::names;
use fleet_proto::pb::{Issue, OnConflict, OwnershipRule, Submission};
use fleet_proto::reflect::{self, Fields};
use fleet_proto::selector::glob_matches;
use fleet_proto::{diff, pb};
use uuid::Uuid;

use super::doom::{self, Ended};
use super::impact;
use super::outcome::{Action, Applied, Outcome, repeated};
use super::submission::{Mentioned, Wanted, issue, parse};
use super::write::{self, Stamp, Write};
use super::{Reaches, Resources, checks, fits, limits, permit, prune, reach, seal};
use crate::domain::caller::Who;
use crate::domain::ownership::{self, Claim, Manager, Origin, Owners};
use crate::domain::sealing::Sealer;
use crate::domain::{Caller, Key, Object, Org, kinds};
use crate::services::error::{Error, Result};
use crate::services::notes::Notes;
use crate::storage::resources;
use crate::storage::{Tx, changes, ownership as claims};

/// Characters of a saved plan's digest.
const LONGEST_DIGEST: usize = 128;

/// How to apply.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Do everything but commit.
    pub dry_run: bool,
    /// The source of manifests; empty: the caller is the manager.
    pub apply_set: String,
    /// Delete members of the apply set that are not submitted.
    pub prune: bool,
    /// Where no rule says otherwise.
    pub on_conflict: OnConflict,
    /// By path and kind; the first that fits.
    pub ownership: Vec<OwnershipRule>,
    /// Most deletions; none: the greater of 10 and a tenth of the apply set.
    pub max_delete: Option<u32>,
    /// Commit that the manifests come from.
    pub commit: String,
    /// Of the saved plan that is applied; empty: none is.
    pub plan_digest: String,
    /// What the saved plan deletes, each at the revision that it saw.
    pub deletes: Vec<(Key, u64)>,
    /// Submissions are whole resources.
    pub replace: bool,
}

/// A submission beside what is stored.
struct Pair {
    want: Wanted,
    current: Option<Object>,
}

impl Resources {
    /// Applies a bundle. Order does not matter; references inside the bundle are resolved.
    /// [`Error::Invalid`] holds every problem of every submission; a refusal by a conflict or guard is in the outcome.
    pub async fn apply(&self, caller: &Caller, bundle: Vec<Submission>, options: Options) -> Result<Outcome> {
        let (mut tx, caller) = self.begin_as(caller).await?;
        let caller = &caller;
        let manager = manager(caller, &options)?;
        let outcome = self.apply_in(&mut tx, caller, &manager, bundle, &options).await?;
        if outcome.dirty && !options.dry_run && outcome.refusal().is_none() {
            tx.commit().await?;
            self.announce(outcome.revision);
        }
        Ok(outcome)
    }

    /// [`Self::apply`] within a caller's transaction. The caller looks at the refusal, commits, and announces the revision.
    pub async fn apply_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        manager: &Manager,
        bundle: Vec<Submission>,
        options: &Options,
    ) -> Result<Outcome> {
        if !options.plan_digest.is_empty()
            && let Some((revision, unchanged)) = claims::find_plan(tx, &plan_key(caller, options)?).await?
        {
            let outcome = repeated(tx, revision, unchanged).await?;
            for applied in &outcome.applied {
                permit::require(tx, caller, &applied.object).await?;
            }
            return Ok(outcome);
        }
        let stamp = Stamp {
            revision: changes::next_revision(tx).await?,
            now: self.clock.now(),
            caller: caller.clone(),
            manager: manager.to_string(),
            commit: options.commit.clone(),
        };
        let run = Run {
            sealer: &self.sealer,
            reaches: self.reaches(),
            stamp: &stamp,
            manager,
            options,
            notes: (!options.dry_run).then_some(&self.notes),
            issues: Vec::new(),
            mentioned: HashSet::new(),
            orgs: HashMap::new(),
            ended: Ended::default(),
            writes: Vec::new(),
            owned: Vec::new(),
            outcome: Outcome::default(),
        };
        run.go(tx, bundle).await
    }
}

/// The state of one apply.
struct Run<'a> {
    sealer: &'a Sealer,
    reaches: Reaches,
    stamp: &'a Stamp,
    manager: &'a Manager,
    options: &'a Options,
    /// A limit that refuses is told; one that would is not.
    notes: Option<&'a Notes>,
    issues: Vec<Issue>,
    mentioned: Mentioned,
    /// Organizations by name, those of the bundle included.
    orgs: HashMap<String, Option<Org>>,
    ended: Ended,
    writes: Vec<Write>,
    /// Owners before and after.
    owned: Vec<(Uuid, Owners, Owners)>,
    outcome: Outcome,
}

impl Run<'_> {
    async fn go(mut self, tx: &mut Tx, bundle: Vec<Submission>) -> Result<Outcome> {
        let is_empty = bundle.is_empty();
        let mut wanted = parse(bundle, &mut self.mentioned, &mut self.issues);
        wanted.sort_by_key(|want| (want.object.kind, want.index));
        let pairs = self.pair(tx, wanted).await?;
        let positions: HashMap<Uuid, usize> = pairs
            .iter()
            .map(|pair| (pair.want.object.uid, pair.want.index))
            .collect();
        let submitted: HashSet<Uuid> = positions.keys().copied().collect();
        let orgs: HashSet<Uuid> = self.orgs.values().flatten().map(|org| org.uid).collect();
        let mut fallen = prune::fallen(tx, &self.stamp.caller, self.manager, self.options, &submitted, &orgs).await?;
        if is_empty && self.options.prune {
            self.outcome.guards.push(prune::empty());
        }
        self.outcome.guards.append(&mut fallen.guards);
        let mut doomed = std::mem::take(&mut fallen.doom.objects);
        for object in &doomed {
            self.ended.insert(object, None);
        }
        for Pair { want, current } in &pairs {
            if let Some(current) = current.as_ref().filter(|current| current.name != want.object.name) {
                self.ended.insert(current, Some(&want.object.name));
            }
        }
        let members = match self.manager {
            Manager::ApplySet(name) => Some((name, claims::members(tx, name).await?)),
            _ => None,
        };
        let mut joins = Vec::new();
        for Pair { want, current } in pairs {
            let uid = want.object.uid;
            let before = self.outcome.applied.len();
            self.submit(tx, want, current).await?;
            let joins_now = members.as_ref().is_some_and(|(_, members)| !members.contains(&uid));
            if joins_now && self.outcome.applied.len() > before {
                permit::require(tx, &self.stamp.caller, &self.outcome.applied[before].object).await?;
                self.outcome.applied[before].adopted = true;
                joins.push(uid);
            }
        }
        self.follow(tx, &submitted, fallen.doom.cleared).await?;
        let releases = !fallen.released.is_empty();
        for object in fallen.released {
            permit::require(tx, &self.stamp.caller, &object).await?;
            self.release(tx, object).await?;
        }

        self.issues
            .append(&mut permit::unknown_users(tx, &self.stamp.caller, &self.writes).await?);
        let mut found = write::all(tx, self.stamp, &self.writes, &mut doomed).await?;
        self.issues.append(&mut found);
        for (uid, before, after) in &self.owned {
            claims::replace(tx, *uid, before, after).await?;
        }
        write::note_adopted(tx, self.stamp, &self.outcome.applied).await?;
        if let Some((name, _)) = &members {
            for uid in &joins {
                claims::join(tx, name, *uid).await?;
            }
        }
        self.issues
            .append(&mut checks::references(tx, &self.stamp.caller, &self.writes, &self.mentioned).await?);
        let mut missed = checks::missed(tx, &doomed, &positions).await?;
        self.issues.append(&mut missed);
        if self.issues.is_empty() {
            self.issues.append(&mut checks::relations(tx, &self.writes).await?);
            self.issues
                .append(&mut fits::check(tx, self.sealer, &self.writes).await?);
            let unreached = reach::check(tx, self.reaches, &self.writes).await?;
            self.issues.extend(unreached.into_iter().map(|(_, issue)| issue));
        }
        if !self.issues.is_empty() {
            self.issues.sort_by(|a, b| (a.index, &a.path).cmp(&(b.index, &b.path)));
            return Err(Error::Invalid(self.issues));
        }
        limits::check(tx, &self.writes, self.notes).await?;

        let dirty = !(self.writes.is_empty() && doomed.is_empty());
        let mut outcome = self.outcome;
        outcome.impact = impact::of(tx, &self.writes, &doomed).await?;
        outcome
            .applied
            .sort_by_key(|applied| applied.index.unwrap_or(usize::MAX));
        outcome.applied.extend(
            doomed
                .into_iter()
                .map(|object| Applied::of(None, Action::Deleted, object)),
        );
        for (object, reason) in fallen.kept {
            let mut kept = Applied::of(None, Action::Kept, object);
            kept.reason = reason;
            outcome.applied.push(kept);
        }
        outcome.revision = if dirty {
            self.stamp.revision
        } else {
            self.stamp.revision - 1
        };
        outcome.dirty = dirty || releases || !self.owned.is_empty() || !joins.is_empty();
        // A plan that wrote nothing says nothing the second time, either.
        if dirty && !self.options.plan_digest.is_empty() {
            let unchanged = outcome.count(Action::Unchanged) as u64;
            claims::insert_plan(
                tx,
                &plan_key(&self.stamp.caller, self.options)?,
                outcome.revision,
                unchanged,
            )
            .await?;
            outcome.dirty = true;
        }
        Ok(outcome)
    }

    /// Puts each submission beside what is stored, before anything is written.
    async fn pair(&mut self, tx: &mut Tx, wanted: Vec<Wanted>) -> Result<Vec<Pair>> {
        let mut pairs = Vec::with_capacity(wanted.len());
        let mut stale = Vec::new();
        for mut want in wanted {
            if !want.object.kind.is_platform() {
                match self.org(tx, &want.org_name).await? {
                    Some(org) => want.object.org = Some(org),
                    None => {
                        let message = format!("organization `{}` does not exist", want.org_name);
                        let help = "create it, or add its manifest to the bundle";
                        self.issues
                            .push(issue(want.index, "metadata.org", codes::ORG, message, help));
                        continue;
                    }
                }
            }
            let current = self.current(tx, &want).await?;
            permit::may_submit(tx, &self.stamp.caller, &want.object, current.as_ref()).await?;
            let found = current.as_ref().map_or(0, |current| current.revision);
            if want.seen != 0 && found != want.seen {
                return Err(Error::Conflict {
                    key: want.object.key(),
                    seen: want.seen,
                    current: found,
                });
            }
            if let Some(base) = want.base.filter(|base| *base != found) {
                stale.push((want.object.key(), base, found));
            }
            want.object.uid = current.as_ref().map_or_else(Uuid::now_v7, |current| current.uid);
            let mut unsealed = seal::submitted(self.sealer, &mut want, current.as_ref());
            self.issues.append(&mut unsealed);
            if want.object.kind == Kind::Organization {
                let org = Org {
                    uid: want.object.uid,
                    name: want.object.name.clone(),
                };
                self.orgs.insert(org.name.clone(), Some(org));
            }
            pairs.push(Pair { want, current });
        }
        if stale.is_empty() {
            Ok(pairs)
        } else {
            Err(Error::Stale(stale))
        }
    }

    async fn current(&mut self, tx: &mut Tx, want: &Wanted) -> Result<Option<Object>> {
        let org = want.object.org.as_ref().map(|org| org.uid);
        let kind = want.object.kind;
        let current = resources::find(tx, org, kind, &want.object.name).await?;
        if want.renamed_from.is_empty() {
            return Ok(current);
        }
        let submitted = (kind, want.org_name.clone(), want.renamed_from.clone());
        let old = if self.mentioned.contains(&submitted) {
            None
        } else {
            resources::find(tx, org, kind, &want.renamed_from).await?
        };
        if let (Some(_), Some(old)) = (&current, &old) {
            let message = format!("{} and {} both exist", old.key(), want.object.key());
            let help = "remove `renamedFrom`, or delete one of the two first";
            self.issues.push(issue(
                want.index,
                "metadata.renamedFrom",
                codes::SEMANTIC,
                message,
                help,
            ));
        }
        Ok(current.or(old))
    }

    async fn org(&mut self, tx: &mut Tx, name: &str) -> Result<Option<Org>> {
        if let Some(org) = self.orgs.get(name) {
            return Ok(org.clone());
        }
        let found = resources::find_uid(tx, None, Kind::Organization, name).await?;
        let known = found.filter(|uid| self.stamp.caller.knows(*uid));
        let org = known.map(|uid| Org {
            uid,
            name: name.to_owned(),
        });
        self.orgs.insert(name.to_owned(), org.clone());
        Ok(org)
    }

    /// Merges one submission into what is stored.
    async fn submit(&mut self, tx: &mut Tx, want: Wanted, current: Option<Object>) -> Result<()> {
        let (live, owners) = match &current {
            Some(current) => (
                fields(&self.ended.followed(current)),
                claims::owners(tx, current.uid).await?,
            ),
            None => (Fields::default(), Owners::new()),
        };
        let merged = self.merge(&live, &owners, &want.fields, want.object.kind, |path, origin| {
            want.origin(path, origin)
        });
        let index = Some(want.index);
        if !merged.conflicts.is_empty() {
            let mut applied = Applied::of(index, Action::Conflict, current.unwrap_or(want.object));
            applied.conflicts = merged.conflicts;
            applied.yields = merged.yields;
            self.outcome.applied.push(applied);
            return Ok(());
        }
        let Some(current) = current else {
            let created = Object {
                generation: 1,
                revision: self.stamp.revision,
                created_at: self.stamp.now,
                created_by: self.stamp.caller.actor(),
                updated_at: self.stamp.now,
                updated_by: self.stamp.caller.actor(),
                ..want.object
            };
            self.own(created.uid, owners, merged.owners);
            self.outcome
                .applied
                .push(Applied::of(index, Action::Created, created.clone()));
            self.writes.push(Write {
                index,
                before: None,
                after: created,
            });
            return Ok(());
        };
        let is_same =
            current.issues.is_empty() && current.name == want.object.name && merged.fields == fields(&current);
        if is_same {
            let adopted = self.own(current.uid, owners, merged.owners);
            if adopted {
                permit::require(tx, &self.stamp.caller, &current).await?;
            }
            let mut applied = Applied::of(index, Action::Unchanged, current);
            applied.adopted = adopted;
            applied.yields = merged.yields;
            self.outcome.applied.push(applied);
            return Ok(());
        }
        let Some(mut after) = self.built(want.index, &current, &merged.fields) else {
            return Ok(());
        };
        after.name.clone_from(&want.object.name);
        if merged.fields != want.fields {
            self.check(want.index, &after);
        }
        let mut immutable = reflect::immutable_changes(&current.spec, &after.spec);
        immutable.iter_mut().for_each(|issue| issue.index = want.index as u32);
        self.issues.append(&mut immutable);
        self.own(current.uid, owners, merged.owners);
        self.update(index, Action::Updated, current, after);
        if let Some(applied) = self.outcome.applied.last_mut() {
            applied.yields = merged.yields;
        }
        Ok(())
    }

    fn merge(
        &self,
        live: &Fields,
        owners: &Owners,
        wanted: &Fields,
        kind: Kind,
        origin: impl Fn(&str, &Origin) -> Origin,
    ) -> ownership::Merged {
        let of = Origin {
            revision: self.stamp.revision,
            at: self.stamp.now,
            commit: self.stamp.commit.clone(),
            ..Origin::default()
        };
        let claim = Claim {
            manager: self.manager,
            wanted,
            replace: self.options.replace,
            on_conflict: &|path| self.on_conflict(kind, path),
            origin: &|path| origin(path, &of),
        };
        ownership::merge(live, owners, &claim)
    }

    fn on_conflict(&self, kind: Kind, path: &str) -> OnConflict {
        let fits = |rule: &&OwnershipRule| {
            (rule.kind.is_empty() || Kind::find(&rule.kind) == Some(kind)) && glob_matches(&rule.path, path)
        };
        let rule = self.options.ownership.iter().find(fits);
        rule.map_or(self.options.on_conflict, OwnershipRule::on_conflict)
    }

    /// The object that the fields make up.
    fn built(&mut self, index: usize, current: &Object, fields: &Fields) -> Option<Object> {
        let (spec, labels, annotations, protect) = fields.build();
        let text = |entries: serde_json::Map<String, serde_json::Value>| {
            let entry = |(key, value): (String, serde_json::Value)| Some((key, value.as_str()?.to_owned()));
            entries.into_iter().filter_map(entry).collect()
        };
        match reflect::spec_from_json(current.kind, &spec) {
            Ok(spec) => Some(Object {
                spec,
                labels: text(labels),
                annotations: text(annotations),
                protect,
                ..current.clone()
            }),
            Err(mut issues) => {
                issues.iter_mut().for_each(|issue| issue.index = index as u32);
                self.issues.append(&mut issues);
                None
            }
        }
    }

    /// What several managers want together must be as valid as what one wants.
    fn check(&mut self, index: usize, object: &Object) {
        let mut found = reflect::check(&object.spec);
        found.append(&mut kinds::check(&object.spec));
        found.iter_mut().for_each(|issue| issue.index = index as u32);
        self.issues.append(&mut found);
    }

    fn update(&mut self, index: Option<usize>, action: Action, before: Object, after: Object) {
        let write = Write::of(index, before.clone(), after, self.stamp);
        let resource = |object: &Object| pb::Resource::from(object);
        let mut applied = Applied::of(index, action, write.after.clone());
        applied.base = before.revision;
        applied.changes = diff::changes(Some(&resource(&before)), Some(&resource(&write.after)));
        if before.name != write.after.name {
            applied.renamed_from = before.name;
        }
        self.outcome.applied.push(applied);
        self.writes.push(write);
    }

    /// Notes new owners; true: they differ.
    fn own(&mut self, uid: Uuid, before: Owners, after: Owners) -> bool {
        let differ = before != after;
        if differ {
            self.owned.push((uid, before, after));
        }
        differ
    }

    /// What was not submitted and refers to something that is deleted or renamed.
    async fn follow(&mut self, tx: &mut Tx, submitted: &HashSet<Uuid>, cleared: Vec<(Object, Object)>) -> Result<()> {
        let renamed: Vec<Object> = self
            .writes
            .iter()
            .filter_map(|write| write.before.clone().filter(|before| before.name != write.after.name))
            .collect();
        let followers = doom::followers(tx, &renamed, submitted, cleared).await?;
        for before in followers {
            let after = self.ended.followed(&before);
            self.update(None, Action::Followed, before, after);
        }
        Ok(())
    }

    /// Another apply set has the resource, too: what only this one owns is reset.
    async fn release(&mut self, tx: &mut Tx, object: Object) -> Result<()> {
        if let Manager::ApplySet(name) = self.manager {
            claims::leave(tx, name, object.uid).await?;
        }
        let owners = claims::owners(tx, object.uid).await?;
        let live = fields(&self.ended.followed(&object));
        let merged = self.merge(&live, &owners, &Fields::default(), object.kind, |_, origin| {
            origin.clone()
        });
        if merged.fields != fields(&object)
            && let Some(after) = self.built(0, &object, &merged.fields)
        {
            let found = [reflect::check(&after.spec), kinds::check(&after.spec)].concat();
            if let Some(first) = found.first() {
                let message = format!(
                    "{} would be left invalid: {}: {}",
                    object.key(),
                    first.path,
                    first.message
                );
                self.outcome.guards.push(prune::needed(message));
                return Ok(());
            }
        }
        self.own(object.uid, owners, merged.owners);
        if merged.fields == fields(&object) {
            self.outcome.applied.push(Applied::of(None, Action::Released, object));
        } else if let Some(after) = self.built(0, &object, &merged.fields) {
            self.update(None, Action::Released, object, after);
        }
        Ok(())
    }
}

/// The fields of a stored object; one that no longer parses has none.
fn fields(object: &Object) -> Fields {
    Fields::of(&object.spec, &object.labels, &object.annotations, object.protect)
}

/// Under what a saved plan is remembered: another's plan is not one's own, whoever can read its file.
fn plan_key(caller: &Caller, options: &Options) -> Result<String> {
    let digest = &options.plan_digest;
    if digest.len() > LONGEST_DIGEST || !digest.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("is no digest of at most {LONGEST_DIGEST} letters and digits");
        return Err(Error::Invalid(vec![issue(
            0,
            "planDigest",
            codes::OUT_OF_RANGE,
            message,
            "",
        )]));
    }
    Ok(format!("{digest} {}", caller.actor()))
}

fn manager(caller: &Caller, options: &Options) -> Result<Manager> {
    if !options.apply_set.is_empty() {
        if !names::is_name(&options.apply_set) {
            let message = format!("`{}` is no name of an apply set", options.apply_set);
            return Err(Error::Invalid(vec![issue(
                0,
                "",
                codes::NAME,
                message,
                names::NAME_HINT,
            )]));
        }
        return Ok(Manager::ApplySet(options.apply_set.clone()));
    }
    Ok(match caller.who() {
        Who::Fleetd(_) => Manager::Fleetd,
        _ => Manager::Person(caller.actor()),
    })
}
