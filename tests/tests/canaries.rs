//! Secrets of people, programs and devices are found in no answer, log, metric or file, and outlive a new key.

use std::path::Path;

use fleet_tests::device::Device;
use fleet_tests::fleetd::{Fleetd, PATIENCE};
use fleet_tests::{Finished, World, process};
use serde_json::{Value, json};

const PASSWORD: &str = "canary-password-7f3a9c21";
const WIFI: &str = "canary-wifi-51b0c2ee";

fn world() -> World {
    let arguments = [
        "--grpc-listen",
        "127.0.0.1:0",
        "--password-cost",
        "19456,2,1",
        "--log",
        "fleetd=trace,info",
    ];
    let world = World::empty(&arguments);
    world.apply("examples/04-tenants").ok();
    world
}

/// Somebody with sessions of their own.
fn as_person(world: &World, arguments: &[&str], input: &str) -> Finished {
    let mut command = world.fleetctl_command();
    command
        .env("FLEETCTL_SERVER", world.fleetd.grpc())
        .env("XDG_CONFIG_HOME", world.home().join("person"))
        .args(arguments);
    process::run(&mut command, input.as_bytes(), PATIENCE)
}

fn stored(world: &World) -> Value {
    let text = std::fs::read_to_string(world.home().join("person/fleetctl/sessions.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all.as_object().unwrap().values().next().unwrap().clone()
}

fn read_all(dir: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, bytes);
        } else if path.file_name().is_none_or(|name| name != "setup.token") {
            // Sockets hold nothing.
            bytes.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
}

#[test]
fn no_credential_is_found_anywhere() {
    let world = world();
    let mut told = String::new();
    let set = ["user", "set-password", "umc-admin", "--password-stdin"];
    told.push_str(&world.fleetctl_with(&set, PASSWORD.as_bytes()).ok().to_string());
    let login = ["login", "--user", "umc-admin", "--password-stdin"];
    told.push_str(&as_person(&world, &login, PASSWORD).ok().to_string());
    let first = stored(&world);
    let made = |arguments: &[&str], field: &str| {
        let said = as_person(&world, &[arguments, &["-o", "json"]].concat(), "")
            .ok()
            .json();
        said[field].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let token = made(&["token", "create", "--scope", "device:view"], "token");
    let claim = made(&["device", "claim-token", "create", "--site", "main-building"], "token");
    let code = made(&["user", "reset", "umc-night"], "code");
    let device = Device::provision(world.fleetd.http(), "canary-1", &claim);
    device.ingest(&json!([{"dataType": "t", "value": 1}]));
    // What is refused is noted, too: credentials that are wrong, spent, or of another sort.
    for (path, body, bearer) in [
        ("/api/devices/provision", json!({"hwId": "x", "claimToken": claim}), ""),
        ("/api/devices/provision", json!({"hwId": "x", "claimToken": code}), ""),
        (
            "/api/devices/canary1/heartbeat",
            json!({"uptimeSeconds": 1}),
            claim.as_str(),
        ),
    ] {
        let request = reqwest::blocking::Client::new().post(format!("{}{path}", world.fleetd.http()));
        let request = if bearer.is_empty() {
            request
        } else {
            request.bearer_auth(bearer)
        };
        assert_eq!(request.json(&body).send().unwrap().status(), 401);
    }
    let spent = [
        "log",
        "add",
        &format!("is {token} all right?"),
        "--site",
        "main-building",
    ];
    told.push_str(&as_person(&world, &spent, "").to_string());
    let choose = ["user", "choose-password", "--password-stdin"];
    told.push_str(&as_person(&world, &choose, &format!("{claim}\n{PASSWORD}\n")).to_string());
    as_person(&world, &["user", "reset", "acme-admin"], "");
    let mut command = world.fleetctl_command();
    command
        .env("FLEETCTL_TOKEN", &token)
        .args(["get", "sites", "--org", "umc"]);
    told.push_str(&process::run(&mut command, b"", PATIENCE).to_string());
    let mut command = world.fleetctl_command();
    command.env("FLEETCTL_TOKEN", format!("{token}0")).args(["whoami"]);
    told.push_str(&process::run(&mut command, b"", PATIENCE).to_string());

    let mut canaries: Vec<String> = ["accessToken", "refreshToken"]
        .iter()
        .map(|field| first[*field].as_str().unwrap().to_owned())
        .collect();
    // What tells a token from another stands between its last two signs.
    let secret = |text: &str| text.rsplit('_').nth(1).unwrap().to_owned();
    canaries[1] = secret(&canaries[1]);
    canaries.extend(
        [token, claim, code, device.token.clone()]
            .iter()
            .map(|text| secret(text)),
    );
    canaries.push(PASSWORD.to_owned());
    for line in [
        &["get", "all", "-o", "yaml"][..],
        &["export", "--org", "umc"],
        &["history", "-o", "json"],
        &["token", "list", "-o", "json"],
        &["session", "list", "-o", "json"],
        &["device", "claim-token", "list", "-o", "json"],
        &["device", "credential", "list", "device/canary1", "-o", "json"],
        &["audit", "search", "-o", "json"],
        &["log", "list", "-o", "json"],
        &["whoami", "-o", "json"],
    ] {
        told.push_str(&as_person(&world, line, "").ok().to_string());
    }
    told.push_str(
        &world
            .fleetctl(&["audit", "search", "-A", "-o", "json"])
            .ok()
            .to_string(),
    );
    told.push_str(&world.fleetctl(&["log", "list", "-A", "-o", "json"]).ok().to_string());
    told.push_str(&world.fleetctl(&["server", "status", "-o", "json"]).ok().to_string());
    let metrics = reqwest::blocking::get(format!("{}/metrics", world.fleetd.http())).unwrap();
    told.push_str(&metrics.text().unwrap());
    told.push_str(&world.fleetd.log());
    let mut files = Vec::new();
    read_all(world.fleetd.data_dir(), &mut files);
    assert!(
        files.windows(9).any(|part| part == b"umc-admin"),
        "the files are searched"
    );
    for canary in &canaries {
        assert!(canary.len() > 20, "{canary}");
        assert!(!told.contains(canary.as_str()), "{canary} is told");
        let found = files.windows(canary.len()).any(|part| part == canary.as_bytes());
        assert!(!found, "{canary} stands in a file of fleetd");
    }
}

#[test]
fn a_new_key_seals_everything_and_ends_nothing() {
    let mut world = world();
    let lab = |world: &World, arguments: &[&str]| {
        let mut command = world.fleetctl_command();
        command.env("LAB_WIFI_PASSWORD", WIFI).args(arguments);
        process::run(&mut command, b"", PATIENCE)
    };
    let examples = fleet_tests::paths::repository().join("examples/03-test-bench");
    let bench = examples.to_str().unwrap();
    lab(&world, &["apply", "-f", bench]).ok();
    let set = ["user", "set-password", "umc-admin", "--password-stdin"];
    world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
    let login = ["login", "--user", "umc-admin", "--password-stdin"];
    as_person(&world, &login, PASSWORD).ok();
    let export = |world: &World| world.fleetctl(&["export", "--org", "mask-lab"]);
    let before = export(&world).ok().stdout;
    let rotate = |world: &World| {
        let mut command = Fleetd::command();
        command
            .args(["secrets", "rotate-key", "--data-dir"])
            .arg(world.fleetd.data_dir());
        process::run(&mut command, b"", PATIENCE)
    };
    let refused = rotate(&world);
    assert!(
        refused.code == 1 && refused.stderr.contains("in use by another fleetd"),
        "{refused}"
    );
    world.fleetd.terminate();
    let key = world.fleetd.data_dir().join("secret.key");
    let old = std::fs::read_to_string(&key).unwrap();
    let said = rotate(&world).ok();
    assert!(said.stdout.contains("1 resources and 2 keys"), "{said}");
    let both = std::fs::read_to_string(&key).unwrap();
    assert!(both.ends_with(&old) && both.lines().count() == 2);
    world.fleetd.restart();
    // Marks and sessions are what they were; the device is served the same text.
    assert_eq!(export(&world).ok().stdout, before);
    assert_eq!(lab(&world, &["plan", "-f", bench, "--exit-code"]).code, 0);
    let token = world.claim_token("mask-lab");
    let device = Device::provision(world.fleetd.http(), "MT-0001", &token);
    let (status, body) = device.post("/api/devices/{id}/config", &json!({"schemaVersion": 2}));
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["configuration"]["wifi"]["password"], WIFI);
    world.fleetctl(&["audit", "verify", "-A"]).ok();
    assert_eq!(world.fleetd.errors(), [""; 0]);
    // Without the old key nothing is missing but what the history holds.
    world.fleetd.terminate();
    std::fs::write(&key, both.lines().next().unwrap()).unwrap();
    world.fleetd.restart();
    let (status, body) = device
        .at(world.fleetd.http())
        .post("/api/devices/{id}/config", &json!({"schemaVersion": 2}));
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["configuration"]["wifi"]["password"], WIFI);
    assert!(!world.fleetd.log().contains("another key file"));
}
