//! Plan, apply, prune, rename, undo as a person and a pipeline see them, on both engines.

use std::path::Path;

use fleet_tests::peers::Postgres;
use fleet_tests::{Finished, ORG, World};
use serde_json::Value;

use crate::round_trip::revision;

#[test]
fn apply_sets_on_sqlite() {
    story(&World::start());
}

#[test]
fn apply_sets_on_postgresql() {
    let server = Postgres::start();
    story(&World::with(&["--database-url", &server.url()]));
}

fn site(name: &str, spec: &str) -> String {
    format!("---\napiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: {name}}}\nspec: {{{spec}}}\n")
}

fn asset(name: &str, site: &str) -> String {
    format!("---\napiVersion: fleet/v1\nkind: Asset\nmetadata: {{org: {ORG}, name: {name}}}\nspec: {{site: {site}}}\n")
}

/// A command in the project's directory.
fn in_project(world: &World, arguments: &[&str]) -> Finished {
    let mut command = world.fleetctl_command();
    command.current_dir(world.home().join("project")).args(arguments);
    fleet_tests::process::run(&mut command, b"", fleet_tests::fleetd::PATIENCE)
}

fn manifest(world: &World, name: &str, text: &str) {
    std::fs::write(world.home().join("project/manifests").join(name), text).unwrap();
}

fn project(world: &World) {
    std::fs::create_dir_all(world.home().join("project/manifests")).unwrap();
    let file = format!("applySet: plant\norg: {ORG}\nexclude: [\"*draft*\"]\nguards: {{maxDelete: 2}}\n");
    std::fs::write(world.home().join("project/fleetctl.yaml"), file).unwrap();
}

fn story(world: &World) {
    project(world);
    let run = |arguments: &[&str]| in_project(world, arguments);
    manifest(world, "places.yaml", &(site("a", "address: x") + &site("b", "")));
    manifest(world, "draft.yaml", "this is not even YAML: [\n");

    // What a pipeline goes on by.
    let planned = run(&["plan", "--exit-code", "--out", "plan.json"]);
    assert_eq!(planned.code, 10, "{planned}");
    assert!(
        planned.stdout.contains("+ site/a  manifests/places.yaml:2"),
        "{planned}"
    );
    assert!(
        planned
            .stdout
            .ends_with("Plan: 2 to create, 0 unchanged\nReaches: 2 sites\n"),
        "{planned}"
    );
    let plan = std::fs::read(world.home().join("project/plan.json")).unwrap();
    run(&["plan", "--out", "again.json"]).ok();
    let again = std::fs::read(world.home().join("project/again.json")).unwrap();
    assert_eq!(plan, again, "the same plan is the same bytes");
    let applied = run(&["apply", "--plan", "plan.json"]).ok();
    assert!(applied.stdout.contains("Applied: 2 created"), "{applied}");
    let repeated = run(&["apply", "--plan", "plan.json"]).ok();
    assert!(repeated.stdout.contains("applied before: 2 created"), "{repeated}");
    let nothing = run(&["plan", "--exit-code"]).ok();
    assert_eq!(nothing.stdout, "No changes: 2 unchanged\n");
    assert_eq!(run(&["diff", "--exit-code"]).ok().stdout, "");
    assert_eq!(run(&["drift"]).code, 0);

    two_appliers(world);
    conflicts(world);
    deletions(world);
    past(world);
}

/// A touched resource makes the later plan stale, an untouched one does not.
fn two_appliers(world: &World) {
    let run = |arguments: &[&str]| in_project(world, arguments);
    let places = |a: &str, b: &str| site("a", &format!("address: {a}")) + &site("b", &format!("address: {b}"));
    manifest(world, "places.yaml", &places("one", "x"));
    run(&["plan", "--out", "one.json"]).ok();
    manifest(world, "places.yaml", &places("two", "x"));
    run(&["plan", "--out", "two.json"]).ok();
    world.fleetctl(&["label", "--org", ORG, "site/b", "by=hand"]).ok();
    let stale = run(&["apply", "--plan", "one.json"]);
    assert_eq!(stale.code, 7, "{stale}");
    assert!(stale.stderr.contains("site/b of acme was at revision"), "{stale}");
    assert!(stale.stderr.contains("FLT-4015"), "{stale}");

    manifest(world, "places.yaml", &site("a", "address: one").replace("---\n", ""));
    let b = site("b", "");
    manifest(world, "b.yaml", &b);
    run(&["plan", "--out", "one.json"]).ok();
    world.fleetctl(&["label", "--org", ORG, "site/b", "by-"]).ok();
    run(&["apply", "--plan", "one.json"]).ok();

    let text = std::fs::read_to_string(world.home().join("project/two.json")).unwrap();
    let forged = text.replace("\"two\"", "\"forged\"");
    assert_ne!(text, forged);
    std::fs::write(world.home().join("project/two.json"), forged).unwrap();
    let refused = run(&["apply", "--plan", "two.json"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert!(refused.stderr.contains("was changed after it was made"), "{refused}");
}

fn conflicts(world: &World) {
    let run = |arguments: &[&str]| in_project(world, arguments);
    let before = revision(world);
    let mine = world.file("mine.yaml", site("a", "address: mine, displayName: A"));
    let other = |more: &[&str]| {
        let mine = mine.to_str().unwrap();
        world.fleetctl(&[&["apply", "-f", mine, "--apply-set", "other", "--org", ORG], more].concat())
    };
    let refused = other(&[]);
    assert_eq!(refused.code, 7, "{refused}");
    assert!(
        refused
            .stdout
            .contains("spec.address: \"one\" → \"mine\": applyset/plant owns it since 20"),
        "{refused}"
    );
    assert!(refused.stderr.contains("FLT-4014"), "{refused}");
    let data = other(&["-o", "json"]);
    let error: Value = serde_json::from_str(&data.stderr).unwrap();
    assert_eq!(
        error["error"]["issues"][0]["conflicts"][0]["owner"], "applyset/plant",
        "{data}"
    );
    assert_eq!(revision(world), before, "a refused apply changes nothing");
    other(&["--yield"]).ok();
    assert_eq!(run(&["plan", "--exit-code"]).code, 0, "what is not mine is not shown");
    other(&["--take"]).ok();
    let drift = run(&["drift"]);
    assert_eq!(drift.code, 12, "{drift}");
    assert!(drift.stdout.contains("applyset/other owns it"), "{drift}");
    run(&["apply", "--take"]).ok();
    assert_eq!(run(&["drift"]).code, 0);
}

fn deletions(world: &World) {
    let run = |arguments: &[&str]| in_project(world, arguments);
    manifest(
        world,
        "more.yaml",
        &(site("c", "") + &site("d", "") + &asset("pump", "c")),
    );
    run(&["apply"]).ok();
    world.apply_text(&asset("by-hand", "d")).ok();
    manifest(world, "more.yaml", &site("d", ""));
    let asked = run(&["apply"]);
    assert_eq!(asked.code, 16, "{asked}");
    let pending = run(&["plan", "--exit-code"]);
    assert_eq!(pending.code, 11, "{pending}");
    assert!(pending.stdout.contains("- site/c\n- asset/pump\n") || pending.stdout.contains("- asset/pump\n- site/c\n"));
    run(&["apply", "--yes"]).ok();

    std::fs::remove_file(world.home().join("project/manifests/more.yaml")).unwrap();
    let needed = run(&["apply", "--yes"]);
    assert_eq!(needed.code, 15, "{needed}");
    assert!(needed.stdout.contains("asset/by-hand still refers to it"), "{needed}");
    world.fleetctl(&["delete", "asset/by-hand", "--org", ORG, "--yes"]).ok();
    run(&["apply", "--yes"]).ok();

    std::fs::remove_file(world.home().join("project/manifests/b.yaml")).unwrap();
    manifest(world, "places.yaml", "");
    let empty = run(&["apply", "--yes"]);
    assert_eq!(empty.code, 15, "{empty}");
    assert!(empty.stderr.contains("FLT-4018"), "{empty}");
    manifest(world, "places.yaml", &(site("a", "address: one") + &site("b", "")));
    manifest(
        world,
        "three.yaml",
        &(site("t1", "") + &site("t2", "") + &site("t3", "")),
    );
    run(&["apply"]).ok();
    std::fs::remove_file(world.home().join("project/manifests/three.yaml")).unwrap();
    let many = run(&["apply", "--yes"]);
    assert_eq!(many.code, 15, "{many}");
    assert!(many.stderr.contains("--max-delete 3"), "{many}");
    let shown: Vec<Value> = run(&["plan", "--max-delete", "3", "-o", "jsonl"]).ok().json_lines();
    assert!(shown.iter().all(|record| record["action"] == "delete"), "{shown:?}");
    run(&["apply", "--yes", "--max-delete", "3"]).ok();
}

fn past(world: &World) {
    let run = |arguments: &[&str]| in_project(world, arguments);
    let before = revision(world);
    let uid = |name: &str| {
        let found = world
            .fleetctl(&["get", &format!("site/{name}"), "--org", ORG, "-o", "json"])
            .ok();
        found.json()["metadata"]["uid"].as_str().unwrap().to_owned()
    };
    let was = uid("a");
    world.apply_text(&asset("fan", "a")).ok();
    let renamed = site("north", "address: one").replace("name: north", "name: north, renamedFrom: a");
    manifest(world, "places.yaml", &(renamed + &site("b", "")));
    let shown = run(&["plan"]).ok();
    assert!(shown.stdout.contains("± site/north  (was a)"), "{shown}");
    assert!(shown.stdout.contains("~ asset/fan  (follows)"), "{shown}");
    run(&["apply", "--yes"]).ok();
    assert_eq!(uid("north"), was);
    world.fleetctl(&["mv", "site/north", "south", "--org", ORG]).ok();
    assert_eq!(uid("south"), was);
    let history = world
        .fleetctl(&["history", "site/south", "--org", ORG, "-o", "jsonl"])
        .ok()
        .json_lines();
    assert_eq!(history[0]["changes"][0]["before"], "north", "{history:?}");
    assert_eq!(history.last().unwrap()["name"], "a");
    let at = world
        .fleetctl(&["get", "sites", "--org", ORG, "--at", &before.to_string(), "-o", "name"])
        .ok();
    assert_eq!(at.stdout, "site/a\nsite/b\n");

    let asked = world.fleetctl(&["undo"]);
    assert_eq!(asked.code, 16, "{asked}");
    world.fleetctl(&["undo", "--yes"]).ok();
    assert_eq!(uid("north"), was);
    let whole = ["rollback", "--to", &before.to_string(), "--org", ORG, "--yes"];
    world.fleetctl(&whole).ok();
    assert_eq!(uid("a"), was);
    assert_eq!(world.fleetctl(&["get", "asset/fan", "--org", ORG]).code, 6);
    assert!(world.fleetctl(&whole).ok().stdout.starts_with("No changes"));

    let blame = world
        .fleetctl(&["blame", "site/a", "--org", ORG, "-o", "json"])
        .ok()
        .json();
    assert_eq!(blame[0]["path"], "spec.address");
    assert_eq!(blame[0]["manager"], "applyset/plant");
    assert!(
        Path::new(blame[0]["file"].as_str().unwrap()).ends_with("places.yaml"),
        "{blame}"
    );
}

#[test]
fn an_editor_is_asked_again_until_it_is_right() {
    let world = World::start();
    world.apply_text(&site("a", "address: x")).ok();
    // The first time the editor makes a mistake, the second time it finds the note and mends it.
    let editor = world.file(
        "editor.sh",
        "#!/bin/sh\nif grep -q '^#: error' \"$1\"; then sed -i 's/adress/address/' \"$1\"; else sed -i 's/address: x/adress: y/' \"$1\"; fi\n",
    );
    let edit = |editor: &str| {
        let mut command = world.fleetctl_command();
        command.env("EDITOR", editor).args(["edit", "site/a", "--org", ORG]);
        fleet_tests::process::on_terminal(&command, b"", fleet_tests::fleetd::PATIENCE)
    };
    let done = edit(&format!("sh {}", editor.display()));
    assert_eq!(done.code, 0, "{done}");
    let stored = world
        .fleetctl(&["get", "site/a", "--org", ORG, "-o", "jq=.spec.address"])
        .ok();
    assert_eq!(stored.stdout, "y\n", "{done}");
    let same = edit("true");
    assert!(same.stdout.contains("nothing was changed"), "{same}");
    let broken = edit("sed -i s/address/adress/");
    assert_eq!(broken.code, 3, "{broken}");
    assert!(broken.stdout.contains("what you wrote is in"), "{broken}");
    let failed = edit("false");
    assert_eq!(failed.code, 2, "{failed}");
}

#[test]
fn committed_is_not_converged_until_the_gateway_says_so() {
    let world = World::start();
    let config = |interval: u32| {
        format!(
            "apiVersion: fleet/v1\nkind: GatewayConfig\nmetadata: {{org: {ORG}, name: serial}}\nspec:\n  buses: [{{name: main, device: /dev/ttyUSB0}}]\n  \
             slaves: [{{slaveId: 1, pollingIntervalMs: {interval}, registers: [{{label: u, address: 0}}]}}]\n"
        )
    };
    let file = world.file("config.yaml", config(1000));
    let apply = |more: &[&str]| world.fleetctl(&[&["apply", "-f", file.to_str().unwrap()], more].concat());
    apply(&[]).ok();
    let gateway = world.device("gateway-1");
    let name = world
        .fleetctl(&["get", "devices", "--org", ORG, "-o", "name"])
        .ok()
        .stdout;
    let name = name.trim().trim_start_matches("device/").to_owned();
    let device = format!(
        "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: {name}}}\nspec: {{gatewayConfig: serial}}\n"
    );
    let changed = world.apply_text(&device).ok();
    assert!(
        changed
            .stdout
            .contains("1 device, 1 of them online, 1 with another gateway configuration"),
        "{changed}"
    );

    let beat = |version: &str| {
        let body = serde_json::json!({"uptimeSeconds": 5, "configVersion": version});
        let (status, answer) = gateway.post("/api/devices/{id}/heartbeat", &body);
        assert_eq!(status, 200, "{answer}");
    };
    let drift = || world.fleetctl(&["drift", "--org", ORG, "-o", "json"]);
    let found = drift();
    assert_eq!(found.code, 12, "{found}");
    assert_eq!(found.json()[0]["why"], "has not reported a configuration");
    beat("old");
    assert_eq!(drift().json()[0]["is"], "old");
    let wanted = drift().json()[0]["wanted"].as_str().unwrap().to_owned();
    beat(&wanted);
    assert_eq!(drift().code, 0);

    std::fs::write(&file, config(2000)).unwrap();
    let late = apply(&["--wait", "1s", "--org", ORG]);
    assert_eq!(late.code, 9, "{late}");
    assert!(
        late.stderr.contains("is committed, but 1 device does not run it yet"),
        "{late}"
    );
    let wanted = drift().json()[0]["wanted"].as_str().unwrap().to_owned();
    beat(&wanted);
    apply(&["--wait", "--org", ORG]).ok();
}

#[test]
fn what_others_changed_is_written_back_at_its_line() {
    let world = World::start();
    project(&world);
    let run = |arguments: &[&str]| in_project(&world, arguments);
    let before = "# the meter of the plant\napiVersion: fleet/v1\nkind: Device\nmetadata:\n  name: meter\n  labels: {ring: canary, team: blue} # who\nspec:\n  \
        serial: AA-1 # on its plate\n  deviceNumber: \"7\"\n  endpoint:\n    host: 192.0.2.1\n    port: 502\n  sensors:\n    # volts\n    - name: u\n      unit: V\n    \
        - {name: i, unit: A, max: 5}\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: a}\nspec: {address: x}\n";
    manifest(&world, "meter.yaml", before);
    run(&["apply"]).ok();
    assert!(
        run(&["pull"]).ok().stdout.contains("Nobody changed"),
        "nothing to write"
    );
    let by_hand = format!(
        "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: meter, labels: {{ring: stable}}}}\nspec:\n  serial: BB-2\n  \
         endpoint: {{host: 192.0.2.9}}\n  sensors: [{{name: u, unit: kV}}, {{name: i, max: 6.5}}]\n"
    );
    world
        .fleetctl_with(&["apply", "--take", "-f", "-"], by_hand.as_bytes())
        .ok();
    assert_eq!(run(&["plan"]).code, 7);
    let shown = run(&["pull", "--dry-run", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(
        shown.len(),
        6,
        "host and port of the endpoint are told apart: {shown:?}"
    );
    let file = world.home().join("project/manifests/meter.yaml");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        before,
        "a dry run writes nothing"
    );
    run(&["pull"]).ok();
    let after = before
        .replace("ring: canary", "ring: stable")
        .replace("serial: AA-1 #", "serial: BB-2 #")
        .replace("    host: 192.0.2.1\n    port: 502\n", "    host: \"192.0.2.9\"\n")
        .replace("unit: V\n", "unit: kV\n")
        .replace("max: 5}", "max: 6.5}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    assert_eq!(
        run(&["plan", "--exit-code"]).code,
        0,
        "what is written back is no difference"
    );

    // A form that is not understood is left to people, and no file is touched.
    let odd = after.replace("serial: BB-2 # on its plate", "serial: \"BB-2\\\n    \" # on two lines");
    manifest(&world, "meter.yaml", &odd);
    run(&["apply"]).ok();
    world
        .fleetctl_with(
            &["apply", "--take", "-f", "-"],
            by_hand.replace("BB-2", "CC-3").as_bytes(),
        )
        .ok();
    let refused = run(&["pull"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(
        refused
            .stderr
            .contains("meter.yaml:8: cannot be written: the value spans several lines"),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), odd);
}
