//! Apply sets: who owns what, what is pruned, what keeps its name, and what is taken back.

use super::*;
use fleet_proto::codes;
use fleet_proto::pb::OnConflict;

pub(super) fn set(name: &str) -> Options {
    Options {
        apply_set: name.into(),
        prune: true,
        ..Options::default()
    }
}

pub(super) fn manifest(kind: &str, name: &str, spec: &str) -> String {
    let org = if kind == "Organization" { "" } else { "org: acme, " };
    format!("---\napiVersion: fleet/v1\nkind: {kind}\nmetadata: {{{org}name: {name}}}\nspec: {{{spec}}}\n")
}

pub(super) fn site(name: &str, spec: &str) -> String {
    manifest("Site", name, spec)
}

fn org() -> String {
    manifest("Organization", "acme", "")
}

/// What became of each resource but those that are unchanged, such as `Deleted site/a`.
pub(super) fn told(outcome: &Outcome) -> Vec<String> {
    let told = |applied: &Applied| format!("{:?} {}/{}", applied.action, applied.object.kind, applied.object.name);
    let changed = outcome
        .applied
        .iter()
        .filter(|applied| applied.action != Action::Unchanged);
    changed.map(told).collect()
}

async fn apply(service: &Resources, text: &str, options: &Options) -> Outcome {
    service.apply(&me(), bundle(text), options.clone()).await.unwrap()
}

#[tokio::test]
async fn what_is_no_longer_submitted_goes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let first = org() + &site("a", "") + &site("b", "");
    apply(&service, &first, &set("plant")).await.done().unwrap();
    apply(&service, &site("mine", ""), &Options::default())
        .await
        .done()
        .unwrap();
    apply(&service, &site("b", "address: x"), &set("other"))
        .await
        .done()
        .unwrap();

    let second = org() + &site("c", "");
    let plan = Options {
        dry_run: true,
        ..set("plant")
    };
    for options in [plan, set("plant")] {
        let outcome = apply(&service, &second, &options).await;
        assert_eq!(told(&outcome), ["Created site/c", "Released site/b", "Deleted site/a"]);
    }
    let names = all(
        &service,
        pb::Filter {
            org: "acme".into(),
            kind: "site".into(),
            ..Default::default()
        },
    );
    assert_eq!(names.await, ["site/b", "site/c", "site/mine"]);
    let again = apply(&service, &second, &set("plant")).await;
    assert!(told(&again).is_empty(), "{:?}", told(&again));

    // A set for another organization says nothing about this one.
    let elsewhere = manifest("Organization", "beta", "");
    let outcome = apply(&service, &elsewhere, &set("plant")).await;
    assert_eq!(told(&outcome), ["Created organization/beta"]);
}

#[tokio::test]
async fn leaving_a_set_is_remembered_though_nothing_else_changes() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    for name in ["one", "two"] {
        apply(&service, &(org() + &site("shared", "")), &set(name))
            .await
            .done()
            .unwrap();
    }
    let outcome = apply(&service, &org(), &set("one")).await.done().unwrap();
    assert_eq!(told(&outcome), ["Released site/shared"]);
    let again = apply(&service, &org(), &set("one")).await.done().unwrap();
    assert!(told(&again).is_empty(), "{:?}", told(&again));
    let owned = service.owners(&me(), "acme", Kind::Site, "shared").await.unwrap();
    assert_eq!(owned.apply_sets, ["two"]);
}

#[tokio::test]
async fn guards_stop_what_a_mistake_would_delete() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let sites: String = (0..12).map(|n| site(&format!("s{n:02}"), "")).collect();
    apply(&service, &(org() + &sites), &set("plant")).await.done().unwrap();

    let outcome = apply(&service, "", &set("plant")).await;
    assert_eq!(outcome.guards[0].code, codes::EMPTY);
    let outcome = apply(&service, &org(), &set("plant")).await;
    assert_eq!(outcome.guards[0].code, codes::MANY_DELETIONS);
    assert_eq!(outcome.count(Action::Deleted), 12, "the plan is shown even so");
    assert!(matches!(outcome.refusal(), Some(Error::Guarded(_))));
    service.find(&me(), "acme", Kind::Site, "s00").await.unwrap();

    // Something else needs a site: nothing is done, and it is named.
    let needs = manifest("Asset", "pump", "site: s00");
    apply(&service, &needs, &Options::default()).await.done().unwrap();
    let many = Options {
        max_delete: Some(12),
        ..set("plant")
    };
    let outcome = apply(&service, &org(), &many).await;
    assert_eq!(outcome.guards[0].code, codes::IN_USE);
    assert!(outcome.guards[0].message.contains("asset/pump"), "{:?}", outcome.guards);

    // Protection keeps what it stands on, and no more.
    let parent = site("s00", "parent: s01").replace("name: s00", "name: s00, protect: true");
    let rest: String = (1..12).map(|n| site(&format!("s{n:02}"), "")).collect();
    apply(&service, &(org() + &parent + &rest), &set("plant"))
        .await
        .done()
        .unwrap();
    let outcome = apply(&service, &org(), &many).await.done().unwrap();
    assert_eq!(outcome.count(Action::Deleted), 10);
    let kept: Vec<_> = outcome
        .applied
        .iter()
        .filter(|applied| applied.action == Action::Kept)
        .collect();
    assert_eq!(
        (kept[0].object.name.as_str(), kept[0].reason.as_str()),
        ("s00", "it is protected")
    );
    assert_eq!(kept[1].reason, "site/s00 needs it, which is kept");
    let again = apply(&service, &org(), &many).await;
    assert_eq!(again.count(Action::Deleted), 0);
}

#[tokio::test]
async fn nothing_is_pruned_that_an_unchanged_submission_needs() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let needs = manifest("Asset", "pump", "site: a");
    apply(&service, &(org() + &site("a", "") + &needs), &set("plant"))
        .await
        .done()
        .unwrap();
    let refused = service.apply(&me(), bundle(&(org() + &needs)), set("plant")).await;
    let Err(Error::Invalid(issues)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (issues[0].index, issues[0].path.as_str(), issues[0].code.as_str()),
        (1, "spec.site", codes::MISSING_REFERENCE)
    );
    service.find(&me(), "acme", Kind::Site, "a").await.unwrap();
}

#[tokio::test]
async fn a_field_of_somebody_else_is_a_conflict_that_names_the_owner() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    apply(&service, &(org() + &site("a", "address: x")), &set("plant"))
        .await
        .done()
        .unwrap();
    let outcome = apply(&service, &site("a", "address: y, displayName: A"), &set("other")).await;
    let conflict = &outcome.applied[0].conflicts[0];
    assert_eq!(
        (conflict.path.as_str(), conflict.manager.as_str()),
        ("spec.address", "applyset/plant")
    );
    assert_eq!(conflict.since.revision, 1);
    assert!(matches!(outcome.refusal(), Some(Error::Owned { .. })));
    let stored = service.find(&me(), "acme", Kind::Site, "a").await.unwrap();
    assert_eq!(stored.revision, 1, "nothing of it was done");

    let rule = pb::OwnershipRule {
        path: "spec.addr*".into(),
        kind: "site".into(),
        on_conflict: OnConflict::Yield as i32,
    };
    let yields = Options {
        ownership: vec![rule],
        ..set("other")
    };
    let outcome = apply(&service, &site("a", "address: y, displayName: A"), &yields)
        .await
        .done()
        .unwrap();
    let changed: Vec<_> = outcome.applied[0]
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    assert_eq!(changed, ["spec.displayName"]);
    let takes = Options {
        on_conflict: OnConflict::Take,
        ..set("other")
    };
    apply(&service, &site("a", "address: y, displayName: A"), &takes)
        .await
        .done()
        .unwrap();
    let owned = service.owners(&me(), "acme", Kind::Site, "a").await.unwrap();
    let owners: Vec<_> = owned
        .fields
        .iter()
        .map(|field| (field.path.as_str(), field.manager.as_str()))
        .collect();
    assert_eq!(
        owners,
        [
            ("spec.address", "applyset/other"),
            ("spec.displayName", "applyset/other")
        ]
    );
    assert_eq!(owned.apply_sets, ["other", "plant"]);
}

#[tokio::test]
async fn a_renamed_resource_keeps_its_uid_and_what_refers_to_it_follows() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let first = org() + &site("a", "") + &site("b", "") + &manifest("Asset", "pump", "site: a");
    apply(&service, &first, &set("plant")).await.done().unwrap();
    apply(&service, &manifest("Asset", "fan", "site: a"), &Options::default())
        .await
        .done()
        .unwrap();
    let uid = service.find(&me(), "acme", Kind::Site, "a").await.unwrap().uid;
    let renamed = |name: &str, from: &str| site(name, "").replace("name: ", &format!("renamedFrom: {from}, name: "));
    // Two names change places, and a third is new.
    let second = org() + &renamed("b", "a") + &renamed("a", "b") + &manifest("Asset", "pump", "site: b");
    let outcome = service.apply(&me(), bundle(&second), set("plant")).await;
    assert!(
        outcome.unwrap().refusal().is_none(),
        "both exist and both are submitted: nothing is renamed"
    );
    let third = org() + &renamed("c", "a") + &site("b", "") + &manifest("Asset", "pump", "site: c");
    let outcome = apply(&service, &third, &set("plant")).await.done().unwrap();
    assert_eq!(
        told(&outcome),
        ["Updated site/c", "Updated asset/pump", "Followed asset/fan"]
    );
    assert_eq!(
        outcome
            .applied
            .iter()
            .find(|a| a.object.name == "c")
            .unwrap()
            .renamed_from,
        "a"
    );
    assert_eq!(service.find(&me(), "acme", Kind::Site, "c").await.unwrap().uid, uid);
    let again = apply(&service, &third, &set("plant")).await;
    assert!(told(&again).is_empty(), "{:?}", told(&again));
    let (sender, mut pages) = tokio::sync::mpsc::channel(8);
    let request = pb::HistoryRequest {
        org: "acme".into(),
        kind: "site".into(),
        name: "c".into(),
        ..Default::default()
    };
    service.history(&me(), &request, &sender).await.unwrap();
    let names: Vec<_> = pages
        .recv()
        .await
        .unwrap()
        .into_iter()
        .map(|change| change.name)
        .collect();
    assert_eq!(
        names.last().unwrap(),
        "a",
        "the history goes back to its first name: {names:?}"
    );
}

#[tokio::test]
async fn a_plan_holds_until_somebody_touches_what_it_touches() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    apply(&service, &(org() + &site("a", "") + &site("b", "")), &set("plant"))
        .await
        .done()
        .unwrap();
    let planned = |text: &str, base: u64, digest: &str| {
        let mut submissions = bundle(text);
        submissions
            .iter_mut()
            .for_each(|submission| submission.base = Some(base));
        let options = Options {
            prune: false,
            plan_digest: digest.into(),
            ..set("plant")
        };
        (submissions, options)
    };
    let (one, options) = planned(&site("a", "address: x"), 1, "d1");
    let (two, options_two) = planned(&site("a", "address: y"), 1, "d2");
    let (other, options_other) = planned(&site("b", "address: z"), 1, "d3");
    let first = service.apply(&me(), one.clone(), options.clone()).await.unwrap();
    assert!(matches!(service.apply(&me(), two, options_two).await, Err(Error::Stale(stale)) if stale.len() == 1));
    service.apply(&me(), other, options_other).await.unwrap();
    let again = service.apply(&me(), one, options).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.revision, told(&again)), (first.revision, told(&first)));

    let gone = Options {
        deletes: vec![(
            Key {
                org: "acme".into(),
                kind: Kind::Site,
                name: "b".into(),
            },
            1,
        )],
        prune: false,
        ..set("plant")
    };
    assert!(matches!(
        service.apply(&me(), Vec::new(), gone.clone()).await,
        Err(Error::Stale(_))
    ));
    let revision = service.find(&me(), "acme", Kind::Site, "b").await.unwrap().revision;
    let gone = Options {
        deletes: gone.deletes.into_iter().map(|(key, _)| (key, revision)).collect(),
        ..gone
    };
    let outcome = service.apply(&me(), Vec::new(), gone).await.unwrap();
    assert_eq!(told(&outcome), ["Deleted site/b"]);
}

#[tokio::test]
async fn what_was_taken_back_is_as_it_was_and_says_who_touched_it_since() {
    let dir = tempfile::tempdir().unwrap();
    let service = open(&dir).await;
    let first = org() + &site("a", "address: x") + &site("b", "");
    apply(&service, &first, &set("plant")).await.done().unwrap();
    let second = org() + &site("a", "address: y") + &site("c", "");
    let at = apply(&service, &second, &set("plant")).await.done().unwrap().revision;
    let undo = |revision| RestoreRequest {
        target: RestoreTarget::Undo(revision),
        dry_run: false,
        force: false,
    };
    apply(&service, &site("c", "address: touched"), &Options::default())
        .await
        .done()
        .unwrap();
    assert!(matches!(
        service.restore(&me(), &undo(at)).await,
        Err(Error::Touched(_))
    ));
    let outcome = service.restore(&me(), &undo(0)).await.unwrap();
    assert_eq!(told(&outcome), ["Updated site/c"]);
    let forced = RestoreRequest {
        force: true,
        ..undo(at)
    };
    let outcome = service.restore(&me(), &forced).await.unwrap();
    assert_eq!(told(&outcome), ["Updated site/a", "Created site/b", "Deleted site/c"]);
    let again = apply(&service, &first, &set("plant")).await;
    assert!(told(&again).is_empty(), "before is before: {:?}", told(&again));
    let owned = service.owners(&me(), "acme", Kind::Site, "b").await.unwrap();
    assert_eq!(
        owned.apply_sets,
        ["plant"],
        "a deletion that is taken back brings its owner back"
    );

    let to = RestoreRequest {
        target: RestoreTarget::To {
            revision: at,
            org: "acme".into(),
            keys: Vec::new(),
        },
        ..undo(0)
    };
    let outcome = service.restore(&me(), &to).await.unwrap();
    assert_eq!(told(&outcome).len(), 3);
    let again = apply(&service, &second, &set("plant")).await;
    assert!(told(&again).is_empty(), "{:?}", told(&again));
    let past = service
        .find_at(&me(), "acme", Kind::Site, "b", At::Revision(1))
        .await
        .unwrap();
    assert_eq!(past.revision, 1);
    let filter: Filter = pb::Filter {
        org: "acme".into(),
        kind: "site".into(),
        ..Default::default()
    }
    .try_into()
    .unwrap();
    let (sender, mut pages) = tokio::sync::mpsc::channel(8);
    service
        .list_at(&me(), &filter, 0, At::Revision(1), &sender)
        .await
        .unwrap();
    let past = pages.recv().await.unwrap();
    assert_eq!(
        past.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
}
