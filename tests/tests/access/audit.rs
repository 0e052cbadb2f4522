//! The audit log, and what it proves.

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{World, process};

use super::{PASSWORD, Person, person, says, tenants};

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
