//! apply → export → apply changes nothing, for every kind.

use std::collections::BTreeSet;

use fleet_proto::kinds::KINDS;
use fleet_tests::World;

use super::examples;

/// Revision of the last write; 0, which JSON leaves out: there was none.
pub fn revision(world: &World) -> u64 {
    let status = world.fleetctl(&["server", "status", "-o", "json"]).ok().json();
    status["revision"].as_u64().unwrap_or_default()
}

/// Organizations that the manifests of a folder declare.
fn organizations(site: &str) -> Vec<String> {
    let texts = examples::manifests(site)
        .into_iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    let documents = texts.flat_map(|text| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>());
    let organizations = documents.filter(|document| document.lines().any(|line| line == "kind: Organization"));
    let read = |document: String| {
        let manifest: serde_json::Value = serde_yaml::from_str(&document).unwrap();
        manifest["metadata"]["name"].as_str().unwrap().to_owned()
    };
    organizations.map(read).collect()
}

/// An export whose marks are replaced by where the test has the texts, and how many there were.
fn with_secrets(exported: &str) -> (usize, String) {
    let mut marks = 0;
    let line = |line: &str| match line.split_once("\"flt-secret:") {
        Some((key, _)) => {
            marks += 1;
            format!("{key}{{fromEnv: LAB_WIFI_PASSWORD}}\n")
        }
        None => format!("{line}\n"),
    };
    let text = exported.lines().map(line).collect();
    (marks, text)
}

#[test]
fn what_is_exported_applies_to_itself() {
    let mut kinds = BTreeSet::new();
    for site in examples::sites() {
        let world = World::empty(&[]);
        world.apply(&format!("examples/{site}")).ok();
        let again = revision(&world);
        assert!(again > 0);
        world.apply(&format!("examples/{site}")).ok();
        assert_eq!(revision(&world), again, "applying {site} twice is applying it once");

        for org in organizations(&site) {
            let exported = world.export(&org);
            kinds.extend(
                exported
                    .lines()
                    .filter_map(|line| line.strip_prefix("kind: "))
                    .map(str::to_owned),
            );
            let before = revision(&world);
            world.apply_text(&exported).ok();
            assert_eq!(
                revision(&world),
                before,
                "{site}: applying the export changed something\n{exported}"
            );
            assert_eq!(world.export(&org), exported);

            let other = World::empty(&[]);
            // The mark of a secret means nothing to another fleetd: there the text is given.
            let (marks, text) = with_secrets(&exported);
            if marks > 0 {
                assert_eq!(other.apply_text(&exported).code, 3);
            }
            other.apply_text(&text).ok();
            assert_eq!(
                with_secrets(&other.export(&org)).1,
                text,
                "{site}: an export does not build the same organization"
            );
        }
    }
    assert_eq!(
        kinds,
        KINDS.iter().map(|row| row.title.to_owned()).collect(),
        "every kind is exported"
    );
}
