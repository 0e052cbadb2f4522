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
            other.apply_text(&exported).ok();
            assert_eq!(
                other.export(&org),
                exported,
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
