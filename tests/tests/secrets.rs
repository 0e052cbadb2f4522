//! Templates and secrets from the manifest to the device: the text reaches the device, and nobody else, on both engines.

use std::path::Path;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::Postgres;
use fleet_tests::{Device, Finished, World, paths, process};
use serde_json::{Value, json};

const LAB: &str = "mask-lab";
const CANARY: &str = "canary-7f3a-not-for-anybody";
const NEXT: &str = "canary-91bd-not-for-anybody";

#[test]
fn secrets_on_sqlite() {
    story(World::empty(&[]));
}

#[test]
fn secrets_on_postgresql() {
    let server = Postgres::start();
    story(World::empty(&["--database-url", &server.url()]));
}

/// fleetctl beside a copy of the example, with the password in its environment.
fn lab(world: &World, password: &str, arguments: &[&str]) -> Finished {
    let mut command = world.fleetctl_command();
    command
        .current_dir(world.home())
        .env("LAB_WIFI_PASSWORD", password)
        .args(arguments);
    process::run(&mut command, b"", PATIENCE)
}

fn apply(world: &World, password: &str) -> Finished {
    lab(world, password, &["apply", "-f", "lab"])
}

fn copy(world: &World) {
    let from = paths::repository().join("examples/03-test-bench");
    let mut command = std::process::Command::new("cp");
    command.arg("-r").arg(from).arg(world.home().join("lab"));
    process::run(&mut command, b"", PATIENCE).ok();
}

fn change(world: &World, file: &str, from: &str, to: &str) {
    let path = world.home().join("lab").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// What a device is served: its version and its settings.
fn served(device: &Device) -> (String, Value) {
    let (status, body) = device.post("/api/devices/{id}/config", &json!({"schemaVersion": 2}));
    assert_eq!(status, 200, "{body}");
    (
        body["configVersion"].as_str().unwrap().to_owned(),
        body["configuration"].clone(),
    )
}

fn story(mut world: World) {
    copy(&world);
    let unset = apply(&world, "");
    assert_eq!(unset.code, 3, "{unset}");
    assert!(
        unset.stderr.contains("FLT-3035") && unset.stderr.contains("templates.yaml:30:10"),
        "{unset}"
    );
    lab(&world, "", &["validate", "-f", "lab"]).ok();
    apply(&world, CANARY).ok();

    let token = world.claim_token(LAB);
    let device = |serial: &str| Device::provision(world.fleetd.http(), serial, &token);
    let (one, two) = (device("MT-0001"), device("MT-0002"));
    let (version, settings) = served(&one);
    assert_eq!(
        settings,
        json!({
            "wifi": {"ssid": "lab", "password": CANARY},
            "flow": {"testPressure": 100, "testDuration": 60, "calibrationEnabled": true},
        })
    );
    assert_eq!(served(&two).1["flow"]["testPressure"], 150);
    assert_eq!(served(&two).1["flow"]["testDuration"], 60);
    let (_, first) = one.post("/api/devices/{id}/config", &json!({"schemaVersion": 1}));
    assert_eq!(first["configuration"], Value::Null, "schemaVersion 1 is a fixed shape");
    let beat = json!({"uptimeSeconds": 1, "configVersion": version});
    assert_eq!(one.post("/api/devices/{id}/heartbeat", &beat).0, 200);

    // Compared, and never shown.
    let plan = |password: &str, more: &[&str]| lab(&world, password, &[&["plan", "-f", "lab"], more].concat());
    assert_eq!(plan(CANARY, &["--exit-code"]).code, 0);
    let planned = plan(NEXT, &["--out", "plan.json"]).ok();
    assert!(
        planned.stdout.contains("spec.value: \"(secret)\" → \"(secret)\""),
        "{planned}"
    );
    assert!(planned.stdout.contains("2 devices"), "{planned}");
    let saved = lab(&world, "", &["apply", "--plan", "plan.json"]);
    assert!(
        saved.code == 3 && saved.stderr.contains("FLT-3035"),
        "the text is read again: {saved}"
    );
    let other = lab(&world, "something else", &["apply", "--plan", "plan.json"]);
    assert!(
        other.code == 3 && other.stderr.contains("another text than the plan saw"),
        "{other}"
    );
    lab(&world, NEXT, &["apply", "--plan", "plan.json"]).ok();
    let (changed, settings) = served(&one);
    assert_ne!(changed, version, "a new text is a new configuration");
    assert_eq!(settings["wifi"]["password"], NEXT);
    once_for_each_text(&world, &one);
    let drift = lab(&world, NEXT, &["drift", "-f", "lab", "--org", LAB]);
    assert_eq!(drift.code, 12, "one device still runs the old version: {drift}");

    // What was read may be written back, and a name does not matter.
    let exported = world.export(LAB);
    assert!(
        exported.contains("value: \"flt-secret:") || exported.contains("value: flt-secret:"),
        "{exported}"
    );
    let exported = world.file("exported.yaml", exported);
    let again = world.fleetctl(&["plan", "-f", exported.to_str().unwrap(), "--exit-code"]);
    assert_eq!(again.code, 0, "export and apply are the identity: {again}");
    world.fleetctl(&["label", "secret/lab-wifi", "seen=yes"]).ok();
    world.fleetctl(&["mv", "secret/lab-wifi", "wifi"]).ok();
    assert_eq!(served(&one), (changed, settings), "who refers to it follows");
    world.fleetctl(&["undo", "--yes"]).ok();

    nobody_was_told(&world);
    templates(&world, &one);

    // Taken back: the old text is served again.
    apply(&world, NEXT).ok();
    let before = served(&one);
    apply(&world, CANARY).ok();
    assert_eq!(served(&one).1["wifi"]["password"], CANARY);
    world.fleetctl(&["undo", "--yes"]).ok();
    assert_eq!(served(&one), before);

    // Another key file: nothing is served that is not whole, and applying the secret heals it.
    world.fleetd.terminate();
    let key = world.fleetd.data_dir().join("secret.key");
    std::fs::remove_file(&key).unwrap();
    world.fleetd.restart();
    assert!(
        world
            .fleetd
            .log()
            .contains("sealed with another key file and cannot be served")
    );
    let one = one.at(world.fleetd.http());
    let (status, body) = one.post("/api/devices/{id}/config", &json!({"schemaVersion": 2}));
    assert_eq!(status, 503, "{body}");
    assert!(body.to_string().contains("sealed with another key file"), "{body}");
    apply(&world, NEXT).ok();
    assert_eq!(served(&one).1["wifi"]["password"], NEXT);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

/// Whoever asks every minute is one row of the audit log, and a new text is another.
fn once_for_each_text(world: &World, one: &Device) {
    for _ in 0..3 {
        served(one);
    }
    let search = ["audit", "search", "--org", LAB, "--verb", "secret.serve", "-o", "json"];
    let told = world.fleetctl(&search).ok().json();
    let of_one: Vec<&Value> = told
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["object"] == "device/tester-1")
        .collect();
    assert_eq!(of_one.len(), 2, "{told}");
    assert_eq!(of_one[0]["actor"], "device/tester-1");
    let detail: Value = serde_json::from_str(of_one[0]["detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["secrets"], json!(["lab-wifi"]), "{detail}");
}

/// The texts stand in no answer, file or log.
fn nobody_was_told(world: &World) {
    let mut said = String::new();
    for line in [
        "get secret/lab-wifi",
        "get all --at 3",
        "describe secret/lab-wifi",
        "history",
        "blame secret/lab-wifi",
        "export",
        "plan -f lab",
        "diff -f lab",
        "apply -f lab --dry-run",
        "drift -f lab",
        "undo --dry-run",
        "rollback --to 3 --dry-run",
        "delete secret/lab-wifi --dry-run",
    ] {
        for format in ["table", "json", "yaml"] {
            let arguments: Vec<&str> = line.split(' ').chain(["--org", LAB, "-o", format]).collect();
            let finished = lab(world, CANARY, &arguments);
            said += &finished.stdout;
            said += &finished.stderr;
        }
    }
    assert!(said.contains("flt-secret:"));
    said += &world.fleetd.log();
    said += &std::fs::read_to_string(world.home().join("plan.json")).unwrap();
    said += &reqwest::blocking::get(format!("{}/metrics", world.fleetd.http()))
        .unwrap()
        .text()
        .unwrap();
    for text in [CANARY, NEXT] {
        assert!(!said.contains(text), "{text} was told");
    }
    assert!(!said.contains("sealed:v1:"), "what is stored was told");
    let mut bytes = Vec::new();
    read_all(world.fleetd.data_dir(), &mut bytes);
    assert!(bytes.len() > 50);
    for text in [CANARY, NEXT] {
        let hex = fleetd::domain::tokens::hex(text.as_bytes());
        let found = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found(text) && !found(&hex), "{text} is on the disk");
    }
}

fn read_all(dir: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            read_all(&entry.path(), bytes);
        } else if kind.is_file() {
            bytes.extend(std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Values are held against the schema where they stand, and a schema against those who use it.
fn templates(world: &World, one: &Device) {
    let refused = |said: &Finished, place: &str, what: &str| {
        assert_eq!(said.code, 3, "{said}");
        assert!(
            said.stderr.contains("FLT-3034") && said.stderr.contains(place),
            "{said}"
        );
        assert!(said.stderr.contains(what), "{said}");
    };
    change(world, "testers.yaml", "testPressure: 150", "testPressure: 900");
    let said = apply(world, NEXT);
    refused(
        &said,
        "testers.yaml:30:67",
        "spec.configuration.flow.values.testPressure",
    );
    let offline = lab(world, "", &["validate", "-f", "lab"]);
    refused(
        &offline,
        "testers.yaml:30:67",
        "spec.configuration.flow.values.testPressure",
    );
    change(world, "testers.yaml", "testPressure: 900", "testPressure: 150");
    change(world, "testers.yaml", "testDuration: 30", "testDurations: 30");
    refused(&apply(world, NEXT), "testers.yaml:40:10", "testDuration");
    change(world, "testers.yaml", "testDurations: 30", "testDuration: 30");

    change(world, "templates.yaml", "testDuration: 60", "testDuration: 0");
    let said = apply(world, NEXT);
    assert!(said.code == 3 && said.stderr.contains("templates.yaml:20:19"), "{said}");
    change(world, "templates.yaml", "testDuration: 0", "testDuration: 45");
    apply(world, NEXT).ok();
    assert_eq!(
        served(one).1["flow"]["testDuration"],
        45,
        "new defaults reach whoever uses them"
    );

    let only = lab(
        world,
        NEXT,
        &["get", "tpl/mask-tester-flow", "--org", LAB, "-o", "yaml"],
    )
    .ok()
    .stdout;
    let export = lab(world, NEXT, &["export", "tpl/mask-tester-flow", "--org", LAB])
        .ok()
        .stdout;
    assert!(only.contains("maximum: 500"), "{only}");
    let narrow = world.fleetctl_with(
        &["apply", "-f", "-", "--take"],
        export.replace("maximum: 500", "maximum: 140").as_bytes(),
    );
    refused(&narrow, "-:", "device/tester-2");
    let gone = world.fleetctl(&["delete", "template/mask-tester-flow", "--yes"]);
    assert_eq!(gone.code, 15, "{gone}");
    let gone = world.fleetctl(&["delete", "secret/lab-wifi", "--yes"]);
    assert_eq!(gone.code, 15, "{gone}");

    let retired = export.replace("spec:\n", "spec:\n  active: false\n");
    world.fleetctl_with(&["apply", "-f", "-"], retired.as_bytes()).ok();
    assert_eq!(
        lab(world, NEXT, &["plan", "-f", "lab/testers.yaml", "--exit-code"]).code,
        0,
        "who uses it goes on"
    );
    let begins = "apiVersion: fleet/v1\nkind: Device\nmetadata: {name: tester-3}\nspec: {configuration: {a: [{fromTemplate: mask-tester-flow}]}}\n";
    refused(&world.apply_text(begins), "-:4:43", "is not active");
    world.fleetctl(&["undo", "--yes"]).ok();

    // An answer that depends on a secret's text would tell it bit by bit.
    let oracle = "apiVersion: fleet/v1\nkind: Template\nmetadata: {name: oracle}\nspec:\n  templateType: device-config\n  schema: {properties: {p: {allOf: [{not: {pattern: ^canary}}, {not: {pattern: ^other}}, {maxLength: 3}]}}}\n---\napiVersion: fleet/v1\nkind: Configuration\nmetadata: {name: oracle}\nspec: {key: oracle, schema: oracle, value: {p: {secretRef: lab-wifi}, q: {fromTemplate: oracle, values: {p: {secretRef: lab-wifi}}}}}\n";
    world.apply_text(oracle).ok();
    world.fleetctl(&["undo", "--yes"]).ok();

    // A short value may stand for a very long one.
    let many = "{secretRef: lab-wifi},".repeat(9_000);
    let many = format!(
        "apiVersion: fleet/v1\nkind: Configuration\nmetadata: {{name: many}}\nspec: {{key: many, value: [{many}]}}\n"
    );
    refused(&world.apply_text(&many), "-:4", "comes to more than 1048576 bytes");

    let render = |more: &[&str]| lab(world, "", &[&["template", "render", "mask-tester-flow"], more].concat());
    let told = render(&["--set", "testPressure=7.5", "-o", "json"]).ok().json();
    assert_eq!(
        told,
        json!({"testPressure": 7.5, "testDuration": 45, "calibrationEnabled": true})
    );
    assert_eq!(render(&["--set", "testPressure=high"]).code, 3);
    assert_eq!(render(&["-f", "lab"]).ok().stdout, render(&[]).ok().stdout);
    assert_eq!(lab(world, "", &["template", "render", "none"]).code, 6);
}

#[test]
fn a_secret_stands_in_no_manifest() {
    let world = World::start();
    let secret = |value: &str| {
        format!("apiVersion: fleet/v1\nkind: Secret\nmetadata: {{org: acme, name: s}}\nspec:\n  value: {value}\n")
    };
    for (value, says) in [
        ("geheim", "does not stand in a manifest"),
        ("[a]", "does not stand in a manifest"),
        ("{fromEnv: A, fromFile: b}", "does not stand in a manifest"),
        ("{fromEnv: FLEET_NO_SUCH}", "FLEET_NO_SUCH is not set"),
        ("{fromFile: none.txt}", "none.txt: "),
        (
            "flt-secret:00112233445566778899aabbccddeeff",
            "the mark of another secret",
        ),
    ] {
        let said = world.apply_text(&secret(value));
        assert_eq!(said.code, 3, "{value}: {said}");
        assert!(
            said.stderr.contains("-:5:10") && said.stderr.contains(says),
            "{value}: {said}"
        );
        assert!(
            !said.stderr.contains("geheim"),
            "a secret that stands there is not told on: {said}"
        );
    }
    let quoted = world.apply_text(&secret("\"geheim geheim\""));
    assert!(quoted.code == 3 && !quoted.stderr.contains("geheim"), "{quoted}");
    world.file("secret.txt", "sealed:v1:no\n");
    let manifest = world.file("secret.yaml", secret("{fromFile: secret.txt}"));
    let path = manifest.to_str().unwrap();
    let said = world.fleetctl(&["apply", "-f", path]);
    assert!(said.code == 3 && said.stderr.contains("may begin with"), "{said}");
    world.file("secret.txt", "plain enough\n");
    world.fleetctl(&["apply", "-f", path]).ok();
    assert_eq!(world.fleetctl(&["plan", "-f", path, "--exit-code"]).code, 0);
}
