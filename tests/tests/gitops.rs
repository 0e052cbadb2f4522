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
    run(&world, &["--env", "production", "apply"]).ok();
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
