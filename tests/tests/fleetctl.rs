//! fleetctl in front of a real fleetd: every command in every format, and what scripts rely on.

use std::process::Command;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, ORG, World, process};
use fleetctl::shapes;

/// Every output format, with one that fits any record for the last two.
const FORMATS: &[&str] = &[
    "table",
    "wide",
    "json",
    "jsonl",
    "yaml",
    "csv",
    "name",
    "jq=.",
    "columns=A:.kind,B:.id",
];

fn fleet() -> World {
    let world = World::start();
    world
        .apply_text(&format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant-1, labels: {{ring: canary}}}}\nspec: {{displayName: Plant 1}}\n\
             ---\napiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: meter-1}}\nspec: {{site: plant-1}}\n\
             ---\napiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: meter-2}}\nspec: {{site: plant-1}}\n\
             ---\napiVersion: fleet/v1\nkind: Template\nmetadata: {{org: {ORG}, name: flow}}\nspec: {{templateType: test-flow, schema: {{}}, defaults: {{a: 1}}}}\n\
             ---\napiVersion: fleet/v1\nkind: TrackedVariable\nmetadata: {{org: {ORG}, name: power}}\nspec: {{device: meter-1, sensor: power}}\n"
        ))
        .ok();
    world
}

/// Every command that prints records, in every format. [`every_command_is_put_to_the_test`] says which may be missing.
const LINES: &[&str] = &[
    "get devices",
    "get device/meter-1",
    "get site,device",
    "get all",
    "get organizations",
    "get customers",
    "get device meter-1 meter-2",
    "get devices --at 2",
    "describe device/meter-1",
    "describe device meter-1 meter-2",
    "validate -f site.yaml",
    "fmt -f site.yaml",
    "plan -f site.yaml",
    "apply -f site.yaml --dry-run",
    "diff -f site.yaml",
    "drift",
    "pull -f site.yaml --dry-run",
    "undo --dry-run",
    "rollback --to 1 --dry-run --org acme",
    "history",
    "history site/plant-1",
    "blame site/plant-1",
    "label site/plant-1 a=b --dry-run",
    "annotate site/plant-1 a=b --dry-run",
    "mv site/plant-1 other --dry-run",
    "delete device/meter-2 --dry-run",
    "explain site",
    "explain device --recursive",
    "schema site",
    "schema output get",
    "token create --scope telemetry:write --org acme",
    "token list --org acme",
    "whoami",
    "audit search --org acme",
    "audit verify --org acme",
    "log list --org acme",
    "log add hello --org acme",
    "can-i view devices --org acme",
    "export",
    "export devices",
    "device claim-token create",
    "device claim-token list",
    "device credential list device/meter-1",
    "device credential rotate device/meter-1",
    "device command send device/meter-1 reboot",
    "device command list device/meter-1",
    "device logs device/meter-1",
    "telemetry latest device/meter-1",
    "telemetry samples tracked-variable/power",
    "wait device/meter-1 device/meter-2 --for jq=.metadata.name",
    "template render flow",
    "context set here --server https://fleet.example --org acme",
    "context use here",
    "context list",
    "context show",
    "context rename here here",
    "server status",
    "version",
    "help kinds",
    "help errors",
    "help exit-codes",
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn every_command_has_every_format_or_refuses_it() {
    let world = fleet();
    world.file(
        "site.yaml",
        format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant-1}}\nspec: {{displayName: Plant 2}}\n"),
    );
    for line in LINES {
        for format in FORMATS {
            let mut arguments = words(line);
            arguments.extend(["-o", format]);
            let said = world.fleetctl(&arguments);
            if said.code == 2 {
                assert_eq!(*format, "csv", "{line} -o {format}: {said}");
                assert!(said.stderr.contains("no columns of its own"), "{line}: {said}");
                assert_eq!(said.stdout, "", "{line}: {said}");
                continue;
            }
            let said = said.ok();
            assert_eq!(said.stderr, "", "{line} -o {format}: nobody sits at a terminal: {said}");
            match *format {
                "json" => drop(said.json()),
                "jsonl" | "jq=." => drop(said.json_lines()),
                _ => assert!(!said.stdout.contains('\u{1b}'), "{line} -o {format}: {said}"),
            }
        }
    }
}

/// Every command that has none below it.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name());
        if inner.has_subcommands() {
            leaves(inner, &path, found);
        } else {
            found.push(path.trim_start().to_owned());
        }
    }
}

#[test]
fn every_command_is_put_to_the_test() {
    // Each of these has a story of its own: no end, no record, a terminal, a slave, readings, or something that is gone or there.
    let elsewhere = [
        "watch",
        "telemetry tail",
        "completion",
        "edit",
        "modbus read",
        "telemetry plot",
        "telemetry query",
        "telemetry summary",
        "telemetry retention explain",
        "telemetry export",
        "telemetry import",
        "telemetry series",
        "telemetry gaps",
        "device claim-token revoke",
        "device enroll",
        "device decommission",
        "device credential revoke",
        "token revoke",
        "audit tail",
        "log tail",
        "audit export",
        "login",
        "logout",
        "setup",
        "context delete",
        "session list",
        "session revoke",
        "user set-password",
        "user change-password",
        "user choose-password",
        "user reset",
        "user invite",
        "user qr",
        "user accept",
    ];
    let mut found = Vec::new();
    leaves(
        &<fleetctl::args::Args as clap::CommandFactory>::command(),
        "",
        &mut found,
    );
    assert!(found.len() > 30, "{found:?}");
    for leaf in found {
        let is_tested = LINES
            .iter()
            .any(|line| *line == leaf || line.starts_with(&format!("{leaf} ")));
        let is_text = matches!(leaf.as_str(), "completion" | "help" | "telemetry plot");
        assert_ne!(
            shapes::of(&leaf).is_some(),
            is_text,
            "`{leaf}` has no schema of its output, or prints no records"
        );
        assert_ne!(
            is_tested,
            elsewhere.contains(&leaf.as_str()),
            "`{leaf}` is in neither list, or in both"
        );
    }
}

#[test]
fn a_terminal_has_colour_and_questions_and_a_pipe_has_neither() {
    let world = fleet();
    world.file(
        "site.yaml",
        format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant-1}}\nspec: {{displayName: {}}}\n",
            "x".repeat(90)
        ),
    );
    let plan = ["plan", "-f", "site.yaml"];
    let on_terminal = |arguments: &[&str], set: &[(&str, &str)], input: &str| {
        let mut command = world.fleetctl_command();
        command
            .env_remove("NO_COLOR")
            .env_remove("CI")
            .env("TERM", "xterm")
            .args(arguments);
        command.envs(set.iter().copied());
        process::on_terminal(&command, input.as_bytes(), PATIENCE)
    };
    let shown = on_terminal(&plan, &[], "").ok();
    assert!(shown.stdout.contains("\u{1b}[33m~\u{1b}[0m site/plant-1"), "{shown}");
    assert!(shown.stdout.contains("xxx..."), "long values are cut: {shown}");
    let piped = world.fleetctl(&plan).ok();
    assert!(
        !piped.stdout.contains('\u{1b}') && piped.stdout.contains(&"x".repeat(90)),
        "{piped}"
    );
    for set in [("NO_COLOR", "1"), ("TERM", "dumb"), ("FLEETCTL_COLOR", "never")] {
        let plain = on_terminal(&plan, &[set], "").ok();
        assert!(!plain.stdout.contains('\u{1b}'), "{set:?}: {plain}");
    }
    let mut forced = world.fleetctl_command();
    forced.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").args(plan);
    let forced = process::run(&mut forced, b"", PATIENCE).ok();
    assert!(forced.stdout.contains("\u{1b}[33m~"), "{forced}");

    // Who is not there is not asked; who reads aloud answers with a word.
    let undo = ["undo"];
    let nobody = world.fleetctl(&undo);
    assert_eq!(nobody.code, 16, "{nobody}");
    let in_ci = on_terminal(&undo, &[("CI", "true")], "");
    assert_eq!(in_ci.code, 16, "{in_ci}");
    let aloud = [("FLEETCTL_ACCESSIBLE", "1")];
    let no = on_terminal(&undo, &aloud, "no\n");
    assert_eq!(no.code, 16, "{no}");
    assert!(no.stdout.contains("Type yes or no"), "{no}");
    let yes = on_terminal(&undo, &aloud, "yes\n");
    assert_eq!(yes.code, 0, "{yes}");
    assert_eq!(world.fleetctl(&["get", "devices", "-o", "name"]).ok().stdout, "");
}

#[test]
fn endless_lists_are_lines_and_no_array() {
    let world = fleet();
    for line in [
        "watch devices",
        "telemetry tail",
        "device logs device/meter-1 --follow",
        "log tail",
    ] {
        let mut arguments = words(line);
        arguments.extend(["-o", "json"]);
        let said = world.fleetctl(&arguments);
        assert_eq!(said.code, 2, "{line}: {said}");
        assert!(said.stderr.contains("-o jsonl"), "{line}: {said}");
    }
}

#[test]
fn one_record_is_an_object_and_several_are_an_array() {
    let world = fleet();
    let json = |line: &str| {
        world
            .fleetctl(&[&words(line)[..], &["-o", "json"]].concat())
            .ok()
            .json()
    };
    assert_eq!(json("get device/meter-1")["metadata"]["name"], "meter-1");
    assert_eq!(json("get device meter-1 meter-2").as_array().map(Vec::len), Some(2));
    assert_eq!(json("get devices --name meter-2").as_array().map(Vec::len), Some(1));
    assert_eq!(json("get customers").as_array().map(Vec::len), Some(0));
    assert_eq!(json("get all --limit 2").as_array().map(Vec::len), Some(2));
    assert_eq!(json("describe device/meter-1")["resource"]["kind"], "Device");
    assert_eq!(
        json("describe device meter-1 meter-2").as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn lists_are_narrowed_by_label_reference_and_name() {
    let world = fleet();
    let names = |line: &str| {
        world
            .fleetctl(&[&words(line)[..], &["-o", "name"]].concat())
            .ok()
            .stdout
    };
    assert_eq!(names("get sites -l ring=canary"), "site/plant-1\n");
    assert_eq!(names("get sites -l ring!=canary"), "");
    assert_eq!(
        names("get devices --ref site/plant-1"),
        "device/meter-1\ndevice/meter-2\n"
    );
    assert_eq!(names("get devices --name *-2"), "device/meter-2\n");
}

#[test]
fn the_organization_is_chosen_or_asked_for() {
    let world = World::empty(&[]);
    let none = world.fleetctl(&["get", "sites"]);
    assert_eq!(none.code, 2, "{none}");
    assert!(none.stderr.contains("there is no organization yet"), "{none}");

    // A bundle that brings its organization along needs nobody to name it.
    let bundle = "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: s}\nspec: {}\n---\napiVersion: fleet/v1\nkind: Organization\nmetadata: {name: one}\n";
    world.apply_text(bundle).ok();
    assert_eq!(world.fleetctl(&["get", "sites", "-o", "name"]).ok().stdout, "site/s\n");

    world
        .apply_text("apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: two}\n")
        .ok();
    let many = world.fleetctl(&["get", "sites"]);
    assert_eq!(many.code, 2, "{many}");
    assert!(many.stderr.contains("one, two"), "{many}");
    world.fleetctl(&["get", "sites", "--org", "two"]).ok();
    assert_eq!(
        world.fleetctl(&["get", "sites", "-A", "-o", "name"]).ok().stdout,
        "site/s\n"
    );
    assert_eq!(world.fleetctl(&["get", "sites", "--org", "three"]).code, 6);

    let export = world.export("two");
    assert!(
        export.contains("name: two") && !export.contains("name: one"),
        "{export}"
    );
}

#[test]
fn deleting_takes_the_manifests_that_made_it() {
    let world = World::empty(&[]);
    let bundle = world.file(
        "bundle.yaml",
        "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: one}\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: s}\nspec: {}\n",
    );
    let run = |verb: &str, more: &[&str]| -> Finished {
        let path = bundle.to_str().unwrap();
        world.fleetctl(&[&[verb, "-f", path], more].concat())
    };
    run("apply", &[]).ok();
    let unsure = run("delete", &[]);
    assert_eq!(unsure.code, 16, "{unsure}");
    let tried = run("delete", &["--dry-run"]).ok();
    assert!(tried.stdout.contains("2 deleted, 0 updated (dry run"), "{tried}");
    assert_eq!(
        world.fleetctl(&["get", "all", "-o", "name"]).ok().stdout,
        "organization/one\nsite/s\n"
    );
    let gone = run("delete", &["--yes"]).ok();
    assert!(gone.stdout.contains("- site/s deleted"), "{gone}");
    assert_eq!(world.fleetctl(&["get", "organizations", "-o", "name"]).ok().stdout, "");
}

#[test]
fn a_referred_resource_is_guarded_and_its_referrers_are_data() {
    let world = fleet();
    let said = world.fleetctl(&["delete", "site/plant-1", "--yes", "-o", "json"]);
    assert_eq!(said.code, 15, "{said}");
    let error: serde_json::Value = serde_json::from_str(&said.stderr).unwrap();
    let referrers: Vec<_> = error["error"]["referrers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ref"].as_str().unwrap())
        .collect();
    assert_eq!(referrers, ["device/meter-1", "device/meter-2"], "{said}");
}

#[test]
fn lost_output_is_a_failure_and_a_reader_that_left_is_none() {
    let world = fleet();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = world
        .fleetctl_command()
        .args(["get", "devices"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(1), "{said:?}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command: Command = world.fleetctl_command();
    let said = command.args(["get", "devices"]).stdout(writer).output().unwrap();
    assert_eq!(
        (said.status.code(), said.stderr.as_slice()),
        (Some(0), &b""[..]),
        "{said:?}"
    );
}
