//! The audit log, and what it proves.

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Device, World, process};
use fleetd::domain::tokens::{self, TokenKind};
use serde_json::{Value, json};

use super::{PASSWORD, Person, person, says, tenants, tenants_with};

#[test]
fn the_audit_log_tells_who_did_what_and_cannot_be_changed() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    let night = person(&world, "umc-night");
    admin.run(&["label", "device/esp32-01", "audited=yes"], "").ok();
    says(
        &night.run(&["label", "device/esp32-01", "audited=no"], ""),
        5,
        "nowhere",
    );
    says(
        &night.run(&["device", "command", "send", "esp32-02", "reboot"], ""),
        5,
        "control:device",
    );
    let token = admin
        .run(&["token", "create", "--scope", "device:view", "-o", "json"], "")
        .ok()
        .json();
    elsewhere_fails(&world);
    let search = |arguments: &[&str]| {
        let all = [&["audit", "search", "-o", "json"], arguments].concat();
        world.fleetctl(&all).ok().json().as_array().unwrap().clone()
    };
    // Refusals are written beside the calls.
    let denied = process::until(PATIENCE, || {
        let found = search(&["--org", "umc", "--outcome", "denied"]);
        (found.len() == 2).then_some(found)
    });
    let denied = denied.expect("both refusals are written");
    assert!(
        denied.iter().all(|event| event["actor"] == "user/umc-night"),
        "{denied:?}"
    );
    assert_eq!(denied[0]["address"], "127.0.0.1");
    let changes = search(&["--org", "umc", "--verb", "change", "--actor", "umc-admin"]);
    assert_eq!(changes[0]["object"], "device/esp32-01", "{changes:?}");
    assert!(changes[0]["requestId"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(search(&["--org", "umc", "--verb", "token.create"]).len(), 1);
    assert_eq!(search(&["-A", "--verb", "login", "--outcome", "failed"]).len(), 1);
    assert_eq!(search(&["-A", "--verb", "password.set"]).len(), 2);
    let everything = format!("{:?}{:?}", search(&["--org", "umc"]), search(&["-A"]));
    for secret in [PASSWORD, "not the password", token["token"].as_str().unwrap()] {
        assert!(!everything.contains(secret), "{secret}");
    }
    // Who may not see it does not; an administrator sees the own organization's.
    says(&night.run(&["audit", "search"], ""), 5, "view:audit");
    assert!(
        !admin
            .run(&["audit", "search", "-o", "json"], "")
            .ok()
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(admin.run(&["audit", "search", "--org", "acme"], "").code, 6);
    says(
        &admin.run(&["audit", "search", "-A"], ""),
        5,
        "view:audit is needed for the platform",
    );
    // It proves itself, here and elsewhere.
    for log in [&["--org", "umc"][..], &["--org", "acme"], &["-A"]] {
        let said = world
            .fleetctl(&[&["audit", "verify", "-o", "json"], log].concat())
            .ok()
            .json();
        assert_eq!(said["valid"], true, "{said}");
        assert!(said["events"].as_u64().unwrap() > 0);
    }
    let file = world.home().join("umc.audit");
    let path = file.to_str().unwrap();
    let exported = world
        .fleetctl(&["audit", "export", path, "--org", "umc", "-o", "json"])
        .ok()
        .json();
    let key = exported["key"].as_str().unwrap();
    let verify = |path: &str, key: &str| {
        let mut command = world.fleetctl_command();
        // Nothing of fleetd is needed.
        command.env("FLEETCTL_SERVER", "unix:///nowhere");
        process::run(command.args(["audit", "verify", path, "--key", key]), b"", PATIENCE)
    };
    verify(path, key).ok();
    assert_eq!(verify(path, &key.replace(['0', '1'], "2")).code, 13);
    let lines: Vec<String> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let broken = |lines: &[String], what: &str| {
        let path = world.file("broken.audit", lines.join("\n"));
        let said = verify(path.to_str().unwrap(), key);
        assert_eq!(said.code, 13, "{what}: {said}");
    };
    let changed: Vec<_> = lines
        .iter()
        .map(|line| line.replace("user/umc-night", "user/nobody"))
        .collect();
    assert_ne!(changed, lines);
    broken(&changed, "changed");
    broken(&[&lines[..1], &lines[2..]].concat(), "left out");
    broken(&lines[..lines.len() - 1], "without its end");
    broken(
        &[&lines[..lines.len() - 2], &lines[lines.len() - 1..]].concat(),
        "cut off",
    );
}

/// A wrong password.
fn elsewhere_fails(world: &World) {
    let stranger = Person {
        world,
        name: "stranger",
    };
    let said = stranger.run(
        &["login", "--user", "umc-admin", "--password-stdin"],
        "not the password",
    );
    says(&said, 4, "wrong");
}

/// The genuine id of a token with another secret.
fn forged(kind: TokenKind, genuine: &str) -> String {
    let id = genuine.split('_').nth(2).unwrap();
    let mut random = [7; 48];
    for (at, byte) in random.iter_mut().take(16).enumerate() {
        *byte = u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap();
    }
    tokens::make(kind, random).text.reveal()
}

#[test]
fn what_strangers_try_and_devices_are_refused_is_noted_in_numbers() {
    // More than strangers may: what is refused for that is not looked at.
    let world = tenants_with(&["--rate-stranger", "off"]);
    let claim = world.claim_token("umc");
    let device = Device::provision(world.fleetd.http(), "UMC-0001", &claim);
    let post = |body: Value| {
        let url = format!("{}/api/devices/provision", world.fleetd.http());
        reqwest::blocking::Client::new()
            .post(url)
            .json(&body)
            .send()
            .unwrap()
            .status()
            .as_u16()
    };
    let try_token = |token: &str| {
        device
            .with_token(token)
            .post("/api/devices/{id}/heartbeat", &json!({"uptimeSeconds": 1}))
            .0
            .as_u16()
    };
    // Each far more often than there may be rows.
    for _ in 0..40 {
        assert_eq!(try_token("flt_dev_1_2_3"), 401);
        assert_eq!(try_token(&forged(TokenKind::Device, &device.token)), 401);
        assert_eq!(post(json!({"hwId": "x", "claimToken": "flt_claim_1_2_3"})), 401);
    }
    assert_eq!(
        post(json!({"hwId": "x", "claimToken": forged(TokenKind::Claim, &claim)})),
        401
    );
    assert_eq!(post(json!({"hwId": "x", "claimToken": claim, "csr": "none"})), 400);
    assert_eq!(post(json!({"hwId": "UMC-0001", "claimToken": claim})), 409);
    let (status, _) = device.post("/api/devices/{id}/certificate", &json!({"csr": "none"}));
    assert_eq!(status, 400);
    let stranger = Person {
        world: &world,
        name: "stranger",
    };
    let wrong = forged(TokenKind::Setup, &claim);
    let file = world.file("setup", &wrong);
    let setup = [
        "setup",
        "--setup-token",
        file.to_str().unwrap(),
        "--user",
        "eve",
        "--password-stdin",
    ];
    says(&stranger.run(&setup, PASSWORD), 4, "setup token");
    let code = forged(TokenKind::Code, &claim);
    says(&stranger.run(&["login", "--code-stdin"], &code), 4, "code");
    let both = format!("{code}\n{PASSWORD}\n");
    says(
        &stranger.run(&["user", "choose-password", "--password-stdin"], &both),
        4,
        "code",
    );
    says(
        &stranger.run(&["user", "accept", "--user", "eve", "--password-stdin"], &both),
        4,
        "code",
    );

    let search = |log: &[&str], verb: &str, outcome: &str| {
        let fixed = ["audit", "search", "-o", "json", "--verb", verb, "--outcome", outcome];
        world
            .fleetctl(&[&fixed[..], log].concat())
            .ok()
            .json()
            .as_array()
            .unwrap()
            .clone()
    };
    let detail = |event: &Value| -> Value { serde_json::from_str(event["detail"].as_str().unwrap()).unwrap() };
    let expect = |log: &[&str], verb: &str, outcome: &str, object: &str, actor: &str| -> Value {
        let found = process::until(PATIENCE, || {
            let found = search(log, verb, outcome);
            found.into_iter().find(|event| event["object"] == object)
        });
        let event = found.unwrap_or_else(|| panic!("{verb} {object}: {:#?}", search(log, verb, outcome)));
        assert_eq!(
            (&event["actor"], &event["address"]),
            (&json!(actor), &json!("127.0.0.1")),
            "{event}"
        );
        detail(&event)
    };
    let (umc, platform) = (&["--org", "umc"][..], &["-A"][..]);
    let own = format!("claim:{}", claim.split('_').nth(2).unwrap());
    let claimed = own.replace("claim:", "claim-token/");
    expect(platform, "device.login", "failed", "device", "unknown");
    expect(umc, "device.login", "failed", "device/esp32-01", "unknown");
    expect(platform, "device.provision", "failed", "claim-token", "unknown");
    expect(umc, "device.provision", "failed", &claimed, "unknown");
    let refused = expect(umc, "device.provision", "denied", &claimed, &own);
    assert!(refused["hwId"] == "x" || refused["hwId"] == "UMC-0001", "{refused}");
    let refused = expect(umc, "credential.issue", "denied", "device/esp32-01", "device/esp32-01");
    assert!(refused["why"].as_str().unwrap().contains("csr"), "{refused}");
    expect(platform, "setup", "failed", "setup-token", "unknown");
    expect(platform, "login", "failed", "login-code", "unknown");
    expect(platform, "password.reset", "failed", "reset-code", "unknown");
    expect(platform, "invite.accept", "failed", "invite-code", "unknown");
    // Forty attempts are few rows that come to forty.
    for (log, verb, object) in [
        (platform, "device.login", "device"),
        (umc, "device.login", "device/esp32-01"),
        (platform, "device.provision", "claim-token"),
    ] {
        let counted = process::until(PATIENCE, || {
            let found = search(log, verb, "failed");
            let rows: Vec<u64> = found
                .iter()
                .filter(|event| event["object"] == object)
                .map(|event| detail(event)["count"].as_u64().unwrap())
                .collect();
            (rows.iter().sum::<u64>() == 40).then_some(rows)
        });
        let rows = counted.unwrap_or_else(|| panic!("{object}: {:#?}", search(log, verb, "failed")));
        assert!(rows.len() <= 10, "{rows:?}");
    }
    for log in [umc, platform] {
        world.fleetctl(&[&["audit", "verify"], log].concat()).ok();
    }
}

#[test]
fn reads_by_hand_and_what_only_changes_hands_are_in_the_audit_log() {
    let world = tenants();
    let admin = person(&world, "umc-admin");
    let search = |verb: &str| {
        let fixed = ["audit", "search", "--org", "umc", "--verb", verb, "-o", "json"];
        world.fleetctl(&fixed).ok().json().as_array().unwrap().clone()
    };
    let example = fleet_tests::paths::repository().join("examples/04-tenants");
    let example = example.to_str().unwrap();
    let adopt = |more: &[&str]| {
        world
            .fleetctl(&[&["apply", "-f", example, "--apply-set", "infra", "--take"], more].concat())
            .ok()
    };
    adopt(&["--dry-run"]);
    assert_eq!(search("adopt").len(), 0);
    let changes = search("change").len();
    adopt(&[]);
    assert_eq!(search("change").len(), changes, "nothing but hands is changed");
    let adopted = search("adopt");
    assert_eq!(adopted.len(), 1, "{adopted:?}");
    let detail = adopted[0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("infra") && detail.contains("\"released\":0"),
        "{detail}"
    );
    adopt(&[]);
    assert_eq!(search("adopt").len(), 1, "the same again is no news");

    let endpoint = "apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: umc}\nspec: {modbusNetworks: [127.0.0.0/8]}\n---\napiVersion: fleet/v1\nkind: Device\nmetadata: {org: umc, name: esp32-01}\nspec: {serial: UMC-0001, deviceType: gateway, site: main-building, endpoint: {host: 127.0.0.1, port: 9}}\n";
    world.apply_text(endpoint).ok();
    says(
        &admin.run(&["modbus", "read", "device/esp32-01", "--address", "3"], ""),
        8,
        "",
    );
    let read = search("modbus.read");
    assert_eq!(read.len(), 1, "{read:?}");
    assert_eq!(
        (&read[0]["actor"], &read[0]["object"]),
        (&json!("user/umc-admin"), &json!("device/esp32-01"))
    );
    assert!(
        read[0]["detail"].as_str().unwrap().contains("\"address\":3"),
        "{read:?}"
    );
    world.fleetctl(&["audit", "verify", "--org", "umc"]).ok();
}
