//! The example of a repository: both environments apply, converge and stay apart; its pipelines say what fleetctl knows.

use std::process::Command;

use clap::CommandFactory as _;
use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, World, paths, process};
use fleetctl::args::Args;

fn copy(world: &World) {
    let from = paths::repository().join("examples/02-gitops");
    let mut command = Command::new("cp");
    command.arg("-r").arg(from).arg(world.home().join("gitops"));
    process::run(&mut command, b"", PATIENCE).ok();
}

fn run(world: &World, arguments: &[&str]) -> Finished {
    let mut command = world.fleetctl_command();
    command
        .current_dir(world.home().join("gitops/environments"))
        .args(arguments);
    process::run(&mut command, b"", PATIENCE)
}

#[test]
fn both_environments_apply_and_stay_apart() {
    let world = World::empty(&[]);
    copy(&world);
    for (environment, org, polling) in [
        ("staging", "cold-store-staging", 1000),
        ("production", "cold-store", 5000),
    ] {
        let run = |arguments: &[&str]| run(&world, &[&["--env", environment], arguments].concat());
        run(&["validate"]).ok();
        assert_eq!(run(&["plan", "--exit-code"]).code, 10);
        run(&["apply"]).ok();
        assert_eq!(run(&["plan", "--exit-code"]).code, 0);
        let config = world
            .fleetctl(&["get", "gwc/chiller", "--org", org, "-o", "json"])
            .ok()
            .json();
        assert_eq!(config["spec"]["slaves"][0]["pollingIntervalMs"], polling);
        let project = world
            .fleetctl(&["get", "project/monitoring", "--org", org, "-o", "json"])
            .ok()
            .json();
        let phase = if environment == "staging" { "pilot" } else { "live" };
        assert_eq!(project["metadata"]["labels"]["phase"], phase);
        assert_eq!(
            project["spec"]["displayName"],
            format!("Monitoring of the cold stores ({phase})")
        );
    }
    overlays_lie_over_manifests(&world);
    // One set in two organizations: the other environment is not what this one no longer has.
    assert_eq!(run(&world, &["--env", "staging", "plan", "--exit-code"]).code, 0);
    assert_eq!(run(&world, &["plan"]).code, 2, "an environment must be chosen");
    run(&world, &["get", "devices", "--org", "cold-store"]).ok();
    assert_eq!(
        run(&world, &["get", "devices"]).code,
        2,
        "which organization depends on the environment"
    );
    let unknown = run(&world, &["--env", "prod", "plan"]);
    assert!(unknown.stderr.contains("known are production, staging"), "{unknown}");

    // The limits of sensors are left to whoever commissions.
    let tuned = "apiVersion: fleet/v1\nkind: Device\nmetadata: {org: cold-store, name: chiller-1}\nspec: {sensors: [{name: electricPower, max: 9000}]}\n";
    world.apply_text(tuned).ok();
    let places = world.home().join("gitops/environments/production/places.yaml");
    let text = std::fs::read_to_string(&places).unwrap();
    let wanted = text.replacen(
        "serial: CH-0001",
        "serial: CH-0001\n  sensors: [{name: electricPower, max: 8000}]",
        1,
    );
    std::fs::write(&places, wanted).unwrap();
    let applied = run(&world, &["--env", "production", "apply"]).ok();
    let left = "= device/chiller-1  (gives way)";
    assert!(
        applied.stdout.contains(left) && applied.stdout.contains("it is left to them"),
        "{applied}"
    );
    let drift = run(&world, &["--env", "production", "drift"]);
    assert!(
        drift.code == 12 && drift.stdout.contains("and a rule gives way"),
        "{drift}"
    );
    let device = world
        .fleetctl(&["get", "device/chiller-1", "--org", "cold-store", "-o", "json"])
        .ok()
        .json();
    assert_eq!(device["spec"]["sensors"][0]["max"], 9000.0);

    // Values are checked where they stand.
    let manifest = world.home().join("gitops/manifests/chillers.yaml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("values.pollingMs", "values.polingMs")).unwrap();
    let wrong = run(&world, &["--env", "staging", "validate"]);
    assert_eq!(wrong.code, 3, "{wrong}");
    assert!(wrong.stderr.contains("chillers.yaml:12:26"), "{wrong}");
    assert!(wrong.stderr.contains("did you mean `pollingMs`?"), "{wrong}");
}

/// Production has its overlay: its own value, its own place in blame, and what is pulled is written there.
fn overlays_lie_over_manifests(world: &World) {
    let max = |org: &str| {
        let profile = world
            .fleetctl(&["get", "profile/chiller", "--org", org, "-o", "json"])
            .ok()
            .json();
        profile["spec"]["sensors"][0]["max"].clone()
    };
    assert_eq!(
        (max("cold-store-staging"), max("cold-store")),
        (40.0.into(), 25.0.into())
    );
    let sources = |field: &str| {
        let words = ["blame", "profile/chiller", "--field", field, "-o", "json"];
        let blamed = run(world, &[&["--env", "production"], &words[..]].concat()).ok().json();
        blamed[0]["source"].as_str().unwrap().to_owned()
    };
    assert!(sources("spec.sensors[name=supplyTemperature].max").ends_with("overlays/production/chillers.yaml:8"));
    assert!(sources("spec.sensors[name=supplyTemperature].min").ends_with("manifests/chillers.yaml:25"));

    let theirs = "apiVersion: fleet/v1\nkind: DeviceProfile\nmetadata: {org: cold-store, name: chiller}\nspec: {sensors: [{name: supplyTemperature, max: 22}]}\n";
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], theirs.as_bytes())
        .ok();
    run(world, &["--env", "production", "pull"]).ok();
    let overlay = world.home().join("gitops/overlays/production/chillers.yaml");
    let text = std::fs::read_to_string(&overlay).unwrap();
    assert!(
        text.contains("{name: supplyTemperature, max: 22") && text.starts_with("# Laid over"),
        "{text}"
    );
    run(world, &["--env", "production", "apply"]).ok();
    run(world, &["--env", "production", "fmt", "--check"]).ok();

    // Of a list that is one value, only what differs is written: comments and values of the project stay.
    let maps = world.home().join("gitops/manifests/chillers.yaml");
    let original = std::fs::read_to_string(&maps).unwrap();
    let before = original.replace(
        "dataType: uint32, unit: W}",
        "dataType: uint32, unit: W}  # from the nameplate",
    );
    std::fs::write(&maps, &before).unwrap();
    let export = world
        .fleetctl(&["export", "gwc/chiller", "--org", "cold-store"])
        .ok()
        .stdout;
    let theirs = export.replace("address: 10", "address: 12");
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], theirs.as_bytes())
        .ok();
    run(world, &["--env", "production", "pull"]).ok();
    let pulled = std::fs::read_to_string(&maps).unwrap();
    assert_eq!(pulled, before.replace("address: 10,", "address: 12,"));
    run(world, &["--env", "production", "apply"]).ok();
    let theirs = theirs.replace("pollingIntervalMs: 5000", "pollingIntervalMs: 7000");
    world
        .fleetctl_with(&["apply", "-f", "-", "--take"], theirs.as_bytes())
        .ok();
    let refused = run(world, &["--env", "production", "pull"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("chillers.yaml:12: cannot be written"),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&maps).unwrap(), pulled);
    let planned = run(world, &["--env", "production", "plan"]);
    let leaf = "    spec.slaves[0].pollingIntervalMs: 7000 → 5000: person";
    assert!(planned.code == 7 && planned.stdout.contains(leaf), "{planned}");
    reports_tell_what_refuses(world);
    std::fs::write(&maps, original).unwrap();
    run(world, &["--env", "production", "apply", "--take"]).ok();

    std::fs::write(&overlay, text.replace("name: chiller\n", "name: chillr\n")).unwrap();
    let lost = run(world, &["--env", "production", "validate"]);
    assert_eq!(lost.code, 3, "{lost}");
    assert!(
        lost.stderr.contains("FLT-3032") && lost.stderr.contains("chillers.yaml:2:1"),
        "{lost}"
    );
    std::fs::write(&overlay, text).unwrap();
}

/// A pipeline that is shown green while the plan is refused is lied to.
fn reports_tell_what_refuses(world: &World) {
    let said = |arguments: &[&str]| run(world, &[&["--env", "production"], arguments].concat());
    let conflict = said(&["plan", "--report", "junit"]);
    assert_eq!(conflict.code, 7, "{conflict}");
    assert!(
        conflict.stdout.contains("failures=\"1\"") && conflict.stdout.contains("FLT-4014"),
        "{conflict}"
    );
    let guarded = said(&[
        "apply",
        "--take",
        "--yes",
        "--max-delete",
        "0",
        "--report",
        "json=report.json",
        "-q",
    ]);
    assert_eq!(guarded.code, 0, "{guarded}");
    let places = world.home().join("gitops/environments/production/places.yaml");
    let text = std::fs::read_to_string(&places).unwrap();
    std::fs::write(
        &places,
        text.replace("name: chiller-2", "name: chiller-4")
            .replace("CH-0002", "CH-0004"),
    )
    .unwrap();
    let guarded = said(&["apply", "--yes", "--max-delete", "0", "--report", "json=report.json"]);
    assert_eq!(guarded.code, 15, "{guarded}");
    let report = std::fs::read_to_string(world.home().join("gitops/environments/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["valid"], &report["problems"][0]["code"]),
        (&false.into(), &"FLT-4017".into())
    );
    std::fs::write(&places, text).unwrap();
    let fine = said(&["apply", "--yes", "--report", "json"]);
    let lines = fine.stdout.matches("\"valid\": true").count();
    assert_eq!((fine.code, lines), (0, 1), "told once: {fine}");
    let elsewhere = said(&["plan", "--org", "cold-store-staging"]);
    assert!(
        elsewhere.code == 2 && elsewhere.stderr.contains("is for organization cold-store"),
        "{elsewhere}"
    );
}

#[test]
fn the_pipelines_of_the_example_are_what_fleetctl_knows() {
    let example = paths::repository().join("examples/02-gitops");
    let mut commands = 0;
    for file in [".github/workflows/fleet.yml", ".gitlab-ci.yml", "README.md"] {
        let text = std::fs::read_to_string(example.join(file)).unwrap();
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("- ").trim_start_matches("run: ");
            let Some(words) = line.split('#').next().filter(|line| line.starts_with("fleetctl ")) else {
                continue;
            };
            commands += 1;
            let parsed = Args::command().try_get_matches_from(words.split_whitespace());
            assert!(parsed.is_ok(), "{file}: {words}: {}", parsed.unwrap_err());
        }
    }
    assert!(commands >= 10, "{commands}");
}
