//! The mechanism against a real database.

mod laws;
mod ownership;

use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::{manifest, pb};

use super::*;
use crate::domain::Key;
use crate::domain::clock::ManualClock;

async fn open(dir: &tempfile::TempDir) -> Resources {
    let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
    let sealer = Arc::new(Sealer::new(&[7; 32]));
    Resources::open(db, Arc::new(ManualClock::at(1_000_000)), sealer)
        .await
        .unwrap()
}

/// The text of a secret is where it would be read.
#[derive(Debug)]
struct Named;

impl manifest::Secrets for Named {
    fn read(&self, source: manifest::SecretSource<'_>, _: &str) -> std::result::Result<String, (String, String)> {
        Ok(format!("{source:?}"))
    }
}

fn bundle(text: &str) -> Vec<pb::Submission> {
    let source = manifest::Source {
        name: "test.yaml".into(),
        text: text.as_bytes().to_vec(),
    };
    let reading = manifest::Reading {
        secrets: Some(&Named),
        ..manifest::Reading::default()
    };
    let bundle = manifest::read_with(vec![source], reading);
    assert!(bundle.problems.is_empty(), "{:?}", bundle.problems);
    bundle.submissions()
}

fn me() -> Caller {
    Caller::with_everything(crate::domain::caller::Who::Socket(0))
}

const ACME: &str = "
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: meter-1, labels: {ring: canary}}
spec: {site: plant, serial: AA-01, projects: [north]}
---
apiVersion: fleet/v1
kind: Project
metadata: {org: acme, name: north}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: plant}
spec: {customer: jane}
---
apiVersion: fleet/v1
kind: Customer
metadata: {org: acme, name: jane}
spec: {company: Jane Ltd}
---
apiVersion: fleet/v1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme}
";

async fn all(service: &Resources, filter: pb::Filter) -> Vec<String> {
    let (sender, mut pages) = tokio::sync::mpsc::channel(100);
    service
        .list(&me(), &filter.try_into().unwrap(), 0, &sender)
        .await
        .unwrap();
    drop(sender);
    let mut names = Vec::new();
    while let Some(page) = pages.recv().await {
        names.extend(page.iter().map(|object| format!("{}/{}", object.kind, object.name)));
    }
    names
}

#[tokio::test]
async fn a_bundle_goes_in_in_any_order_and_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let first = service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    assert_eq!(first.count(Action::Created), 5);
    let again = service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    assert_eq!(again.count(Action::Unchanged), 5);
    assert_eq!(again.revision, first.revision);
    let names = all(
        &service,
        pb::Filter {
            org: "acme".into(),
            ..Default::default()
        },
    )
    .await;
    assert_eq!(
        names,
        [
            "organization/acme",
            "customer/jane",
            "site/plant",
            "project/north",
            "device/meter-1"
        ]
    );
    let selected = all(
        &service,
        pb::Filter {
            org: "acme".into(),
            kind: "dev".into(),
            selector: "ring=canary".into(),
            reference: "site/plant".into(),
            name_glob: "m*".into(),
        },
    )
    .await;
    assert_eq!(selected, ["device/meter-1"]);
}

#[tokio::test]
async fn indexes_follow_what_changes() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let found = |selector: &str, reference: &str| {
        let filter = pb::Filter {
            org: "acme".into(),
            kind: "device".into(),
            selector: selector.into(),
            reference: reference.into(),
            ..Default::default()
        };
        all(&service, filter)
    };
    for (from, to, selector, reference) in [
        ("ring: canary", "ring: stable", "ring=stable", ""),
        ("projects: [north]", "projects: []", "ring=stable", "site/plant"),
    ] {
        let text = ACME.replace("ring: canary", "ring: stable").replace(from, to);
        service
            .apply(&me(), bundle(&text), Options::default())
            .await
            .unwrap()
            .done()
            .unwrap();
        assert_eq!(found(selector, reference).await, ["device/meter-1"], "{to}");
    }
    assert!(found("ring=canary", "").await.is_empty());
    assert!(found("", "project/north").await.is_empty());
    // A value that was given back may be another's.
    let text = ACME.replace("serial: AA-01", "serial: BB-01");
    service
        .apply(&me(), bundle(&text), Options::default())
        .await
        .unwrap()
        .done()
        .unwrap();
    let device = |serial: &str| {
        bundle(&format!(
            "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: acme, name: other}}\nspec: {{serial: {serial}}}\n"
        ))
    };
    service
        .apply(&me(), device("AA-01"), Options::default())
        .await
        .unwrap()
        .done()
        .unwrap();
    let taken = service.apply(&me(), device("BB-01"), Options::default()).await;
    assert!(matches!(taken, Err(Error::Invalid(_))), "{taken:?}");
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let outcome = service
        .apply(
            &me(),
            bundle(ACME),
            Options {
                dry_run: true,
                ..Options::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(outcome.count(Action::Created), 5);
    assert!(matches!(
        service.find(&me(), "", Kind::Organization, "acme").await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test]
async fn every_problem_is_told_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let bad = "
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: meter-2}
spec: {site: nowhere, serial: aa-01}
---
apiVersion: fleet/v1
kind: Customer
metadata: {org: acme, name: joe}
spec: {email: nonsense}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: other, name: x}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: a}
spec: {parent: b}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: b}
spec: {parent: a, timezone: Mars/Base}
";
    let Err(Error::Invalid(issues)) = service.apply(&me(), bundle(bad), Options::default()).await else {
        panic!()
    };
    let found: Vec<_> = issues.iter().map(|issue| (issue.index, issue.path.as_str())).collect();
    assert_eq!(
        found,
        [
            (0, "spec.serial"),
            (0, "spec.site"),
            (1, "spec"),
            (1, "spec.email"),
            (2, "metadata.org"),
            (4, "spec.timezone")
        ]
    );
    assert_eq!(
        all(
            &service,
            pb::Filter {
                org: "acme".into(),
                ..Default::default()
            }
        )
        .await
        .len(),
        5
    );
}

#[tokio::test]
async fn a_cycle_of_parents_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let site = |name: &str, parent: &str| {
        format!(
            "---\napiVersion: fleet/v1\nkind: Site\nmetadata: {{org: acme, name: {name}}}\nspec: {{parent: {parent}}}\n"
        )
    };
    let Err(Error::Invalid(issues)) = service
        .apply(&me(), bundle(&(site("a", "b") + &site("b", "a"))), Options::default())
        .await
    else {
        panic!()
    };
    assert_eq!(issues[0].code, fleet_proto::codes::CYCLE);
}

#[tokio::test]
async fn what_the_caller_may_not_see_is_not_named_to_it() {
    use crate::domain::caller::{Grant, Origin, Who};
    use fleet_proto::access::{self, Permission, Verb};

    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let org = Resources::org_in(&mut service.db().read().await.unwrap(), "acme").await;
    let narrow = |permissions: &[&str]| {
        let grant = Grant {
            org: Some(org.as_ref().unwrap().uid),
            sites: None,
            permissions: access::union(permissions),
            origin: String::new(),
        };
        let edit = Permission::of(Verb::Edit, Kind::Site);
        Caller::new(Who::Socket(1), Arc::new(vec![grant]), None).asking(edit, Origin::default())
    };
    let told = async |permissions: &[&str]| {
        let caller = narrow(permissions);
        let key = Key {
            org: "acme".into(),
            kind: Kind::Site,
            name: "plant".into(),
        };
        let request = DeleteRequest {
            keys: vec![(key, 0)],
            ..Default::default()
        };
        service.delete(&caller, request).await.unwrap_err().to_string()
    };
    assert_eq!(
        told(&["view:site", "edit:site"]).await,
        "site/plant of acme is still referred to by a device that you may not see"
    );
    assert!(
        told(&["view:site", "edit:site", "view:device"])
            .await
            .contains("device/meter-1")
    );
    let same_serial = "
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: other}
spec: {serial: AA-01}
";
    for (permissions, says) in [
        (&["edit:device"][..], "somebody else"),
        (&["edit:device", "view:device"], "device/meter-1"),
    ] {
        let writer = narrow(permissions).asking(Permission::of(Verb::Edit, Kind::Device), Origin::default());
        let refused = service
            .apply(&writer, bundle(same_serial), Options::default())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
}

#[tokio::test]
async fn what_is_referred_to_stays_and_what_is_cleared_loses_the_field() {
    static CALLER: std::sync::LazyLock<Caller> = std::sync::LazyLock::new(me);
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let key = |kind, name: &str| {
        (
            Key {
                org: "acme".into(),
                kind,
                name: name.into(),
            },
            0,
        )
    };
    let delete = |keys| {
        service.delete(
            &CALLER,
            DeleteRequest {
                keys,
                ..Default::default()
            },
        )
    };
    let Err(Error::InUse { referrers, .. }) = delete(vec![key(Kind::Site, "plant")]).await else {
        panic!()
    };
    assert_eq!(
        (referrers[0].name.as_str(), referrers[0].path.as_str()),
        ("meter-1", "spec.site")
    );
    let gone = delete(vec![key(Kind::Customer, "jane")]).await.unwrap();
    assert_eq!(gone.cleared.len(), 1);
    let plant = service.find(&me(), "acme", Kind::Site, "plant").await.unwrap();
    assert!(matches!(&plant.spec, pb::resource::Spec::Site(site) if site.customer.is_none()));
    assert_eq!(plant.generation, 2);
    let both = delete(vec![key(Kind::Site, "plant"), key(Kind::Device, "meter-1")])
        .await
        .unwrap();
    assert_eq!(both.deleted.len(), 2);
    let org = (
        Key {
            org: String::new(),
            kind: Kind::Organization,
            name: "acme".into(),
        },
        0,
    );
    assert!(matches!(delete(vec![org.clone()]).await, Err(Error::InUse { .. })));
    let all_gone = service
        .delete(
            &me(),
            DeleteRequest {
                keys: vec![org],
                cascade: true,
                dry_run: false,
            },
        )
        .await
        .unwrap();
    assert_eq!(all_gone.deleted.len(), 2);
}

#[tokio::test]
async fn a_stale_revision_loses() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let seen = service.find(&me(), "acme", Kind::Site, "plant").await.unwrap().revision;
    let write = |revision: u64, text: &str| {
        bundle(&format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: acme, name: plant, revision: {revision}}}\nspec: {{address: {text}}}"
        ))
    };
    service
        .apply(&me(), write(seen, "first"), Options::default())
        .await
        .unwrap();
    assert!(matches!(
        service.apply(&me(), write(seen, "second"), Options::default()).await,
        Err(Error::Conflict { .. })
    ));
}

#[tokio::test]
async fn unique_values_may_be_swapped_in_one_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let device = |name: &str, serial: &str| {
        format!(
            "---\napiVersion: fleet/v1\nkind: Device\nmetadata: {{org: acme, name: {name}}}\nspec: {{serial: {serial}}}\n"
        )
    };
    service
        .apply(
            &me(),
            bundle(&(device("a", "s1") + &device("b", "s2"))),
            Options::default(),
        )
        .await
        .unwrap();
    service
        .apply(
            &me(),
            bundle(&(device("a", "s2") + &device("b", "s1"))),
            Options::default(),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_watcher_sees_what_there_is_then_every_change() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
    let filter: Filter = pb::Filter {
        org: "acme".into(),
        kind: "device".into(),
        selector: "ring=canary".into(),
        ..Default::default()
    }
    .try_into()
    .unwrap();
    let (sender, mut events) = tokio::sync::mpsc::channel(8);
    let (watched, caller) = (service.clone(), me());
    let watching = async move { watched.watch(&caller, filter, 0, sender).await };
    let story = async move {
        assert!(matches!(events.recv().await, Some(Event::Put(object, _)) if object.name == "meter-1"));
        assert!(matches!(events.recv().await, Some(Event::Synced(_))));
        let relabelled = ACME.replace("ring: canary", "ring: stable");
        service
            .apply(&me(), bundle(&relabelled), Options::default())
            .await
            .unwrap();
        assert!(matches!(events.recv().await, Some(Event::Deleted(object, _)) if object.name == "meter-1"));
        service.apply(&me(), bundle(ACME), Options::default()).await.unwrap();
        assert!(matches!(events.recv().await, Some(Event::Put(..))));
    };
    let (watch, ()) = tokio::join!(watching, story);
    watch.unwrap();
}
