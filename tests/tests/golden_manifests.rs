//! Nine manifests, each broken in its way: every problem at its exact place, exit 3, nothing changed.
//! `UPDATE=1` writes the golden file anew.

use fleet_tests::{World, paths};

use crate::round_trip::revision;

#[test]
fn nine_broken_manifests_say_what_is_wrong_and_where() {
    let fixtures = paths::repository().join("tests/fixtures");
    let golden = fixtures.join("broken.golden");
    let mut names: Vec<String> = std::fs::read_dir(fixtures.join("broken"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 9);
    let world = World::start();
    let mut told = String::new();
    for name in names {
        let text = std::fs::read(fixtures.join("broken").join(&name)).unwrap();
        world.file(&name, text);
        let before = revision(&world);
        let refused = world.fleetctl(&["apply", "-f", &name]);
        assert_eq!(refused.code, 3, "{name}: {refused}");
        assert_eq!(refused.stdout, "", "{name}");
        assert_eq!(revision(&world), before, "{name}: something was changed");
        let planned = world.fleetctl(&["plan", "-f", &name]);
        assert_eq!(
            (planned.code, &planned.stderr),
            (3, &refused.stderr),
            "{name}: a plan says the same"
        );
        told.push_str(&format!("### {name}\n\n{}\n", refused.stderr));
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &told).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(
        told,
        expected,
        "`UPDATE=1 cargo test -p fleet-tests --test main golden` writes {}",
        golden.display()
    );
}
