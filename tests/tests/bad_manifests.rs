//! Manifests that are wrong: every problem at its place, exit code 3, and nothing changed.

use std::fs::File;

use fleet_tests::{Finished, ORG, World};

use crate::round_trip::revision;

/// A manifest of a site with these lines as its spec.
fn site(name: &str, spec: &str) -> String {
    format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: {name}}}\nspec:\n{spec}")
}

/// Applies a file together with a good one, which must not be applied either.
fn refused(world: &World, what: &str, manifest: &[u8]) -> Finished {
    let before = revision(world);
    let good = world.file("good.yaml", site("good", "  displayName: Good\n"));
    let bad = world.file("bad.yaml", manifest);
    let said = world.fleetctl(&[
        "apply".as_ref(),
        "-f".as_ref(),
        good.as_os_str(),
        "-f".as_ref(),
        bad.as_os_str(),
    ]);
    assert_eq!(said.code, 3, "{what}: {said}");
    assert_eq!(revision(world), before, "{what}: something was changed");
    assert_eq!(
        world.fleetctl(&["get", "site", "good", "--org", ORG]).code,
        6,
        "{what}: half of it was applied"
    );
    assert!(said.stderr.contains("error[FLT-3"), "{what}: {said}");
    said
}

#[test]
fn every_mistake_has_its_place() {
    let world = World::start();
    let device =
        |spec: &str| format!("apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: d}}\nspec:\n{spec}");
    // (what, manifest, line:column, words of the message)
    let table: &[(&str, String, &str, &[&str])] = &[
        ("unknown field", site("s", "  adress: x\n"), "5:3", &["adress", "address"]),
        ("unknown field below", site("s", "  location: {latitude: 1, longitude: 2, hight: 3}\n"), "5:41", &["hight"]),
        ("unknown kind", "apiVersion: fleet/v1\nkind: Sight\nmetadata: {name: s}\nspec: {}\n".into(), "2:7", &["Sight", "Site"]),
        ("unknown version", "apiVersion: fleet/v9\nkind: Site\nmetadata: {name: s}\nspec: {}\n".into(), "1:13", &["fleet/v1"]),
        ("unknown reference", device("  site: nowhere\n"), "5:9", &["site/nowhere"]),
        ("unknown word", device("  state: sleeping\n"), "5:10", &["sleeping", "maintenance"]),
        ("duplicate key", site("s", "  address: a\n  address: b\n"), "6:3", &["address"]),
        ("wrong type", site("s", "  location: {latitude: north, longitude: 2}\n"), "5:24", &["number"]),
        ("text for a list", device("  projects: pilot\n"), "5:13", &["list"]),
        ("out of range", site("s", "  location: {latitude: 91, longitude: 2}\n"), "5:24", &["90"]),
        ("missing field", site("s", "  location: {latitude: 1}\n"), "5:", &["longitude"]),
        ("bad name", "apiVersion: fleet/v1\nkind: Site\nmetadata: {org: acme, name: a b}\nspec: {}\n".into(), "3:29", &["name"]),
        ("unknown organization", "apiVersion: fleet/v1\nkind: Site\nmetadata: {org: nobody, name: s}\nspec: {}\n".into(), "3:17", &["nobody"]),
        ("no YAML", site("s", "  address: \"open\n"), "5:", &[]),
        ("a tab", site("s", "\taddress: a\n"), "5:", &[]),
        ("an alias", site("s", "  displayName: &a x\n  address: *a\n"), "5:", &[]),
        ("a merge key", site("s", "  <<: {address: x}\n"), "5:3", &[]),
        ("wrong unit of time", "apiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {org: acme, name: g}\nspec:\n  slaves:\n    - {slaveId: 1, pollingIntervalMs: 5s}\n".into(), "6:39", &["number"]),
        ("cycle", format!("{}---\n{}", site("a", "  parent: b\n"), site("b", "  parent: a\n")), "5:11", &["ancestor"]),
        ("twice", format!("{}---\n{}", site("a", "  address: x\n"), site("a", "  address: y\n")), "9:", &["twice"]),
    ];
    for (what, manifest, place, words) in table {
        let said = refused(&world, what, manifest.as_bytes());
        assert!(
            said.stderr.contains(&format!("bad.yaml:{place}")),
            "{what} stands at {place}: {said}"
        );
        for word in *words {
            assert!(said.stderr.contains(word), "{what}: no `{word}` in {said}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let world = World::start();
    let unknown = site("a", "  adress: x\n  displayNaem: y\n");
    let manifest = [
        unknown,
        site("b", "  location: {latitude: 91, longitude: 2}\n"),
        site("c", "  parent: nowhere\n"),
    ]
    .join("---\n");
    let said = refused(&world, "four mistakes", manifest.as_bytes());
    for place in ["bad.yaml:5:3", "bad.yaml:6:3", "bad.yaml:12:24", "bad.yaml:18:11"] {
        assert!(said.stderr.contains(place), "{place}: {said}");
    }
}

#[test]
fn files_that_are_no_manifests_are_refused() {
    let world = World::start();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
        d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let braces = "{a: ".repeat(100_000);
    let indented: Vec<String> = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let indented = indented.concat();
    for (what, bytes) in [
        ("a YAML bomb", bomb.as_bytes()),
        ("a deep list", deep.as_bytes()),
        ("open braces", braces.as_bytes()),
        ("deep maps", indented.as_bytes()),
        ("no UTF-8", b"kind: \xff\xfe\n"),
        (
            "UTF-16",
            &"\u{feff}kind: Site"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>(),
        ),
        ("zero bytes", &[0; 64]),
        ("a list", b"- apiVersion: fleet/v1\n"),
        ("a word", b"hello\n"),
    ] {
        let said = refused(&world, what, bytes);
        assert!(said.stderr.contains("bad.yaml:"), "{what}: {said}");
    }
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let world = World::start();
    let before = revision(&world);
    let path = world.home().join("huge.yaml");
    // 200 MB that take no room on the disk.
    File::create(&path).unwrap().set_len(200 << 20).unwrap();
    let said = world.fleetctl(&["apply".as_ref(), "-f".as_ref(), path.as_os_str()]);
    assert_eq!(said.code, 3, "{said}");
    assert!(
        said.stderr.contains("huge.yaml") && said.stderr.contains("16 MiB"),
        "{said}"
    );
    assert_eq!(revision(&world), before);
}

#[test]
fn a_byte_order_mark_does_no_harm() {
    let world = World::start();
    let manifest = format!(
        "\u{feff}{}",
        site("with-bom", "  address: x\r\n")
            .replace('\n', "\r\n")
            .replace("\r\r", "\r")
    );
    let path = world.file("bom.yaml", manifest);
    world
        .fleetctl(&["apply".as_ref(), "-f".as_ref(), path.as_os_str()])
        .ok();
    world.fleetctl(&["get", "site", "with-bom", "--org", ORG]).ok();
}

#[test]
fn a_path_that_is_not_there_is_said() {
    let world = World::start();
    let said = world.fleetctl(&["apply", "-f", "no-such-file.yaml"]);
    assert!(
        matches!(said.code, 1..=3) && said.stderr.contains("no-such-file.yaml"),
        "{said}"
    );
}
