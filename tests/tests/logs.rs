//! The system log: what fleetd tells by itself, who calls for help, and who sees it, on both engines.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::Postgres;
use fleet_tests::{Device, Finished, Http, World, contract, process};
use serde_json::{Value, json};

const PASSWORD: &str = "correct battery staple horse";
const PEOPLE: [&str; 4] = ["root-admin", "umc-admin", "umc-night", "acme-admin"];
const ARGUMENTS: [&str; 4] = ["--grpc-listen", "127.0.0.1:0", "--password-cost", "19456,2,1"];

#[test]
fn the_log_on_sqlite() {
    story(World::empty(&ARGUMENTS));
}

#[test]
fn the_log_on_postgresql() {
    let server = Postgres::start();
    story(World::empty(
        &[&ARGUMENTS[..], &["--database-url", &server.url()]].concat(),
    ));
}

#[test]
fn a_certificate_of_fleetds_own_is_told_of_before_it_ends() {
    let home = tempfile::tempdir().unwrap();
    let soon = jiff::Zoned::now().date().saturating_add(jiff::ToSpan::days(10));
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(
        i32::from(soon.year()),
        soon.month().unsigned_abs(),
        soon.day().unsigned_abs(),
    );
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    file("ca.crt", &certificate);
    let (certificate, key) = (file("own.crt", &certificate), file("own.key", &key.serialize_pem()));
    let mut world = World::empty(&["--tls-cert", &certificate, "--tls-key", &key]);
    let told = |world: &World| {
        let list = ["log", "list", "-A", "--action", "certificate.listeners", "-o", "json"];
        process::until(PATIENCE, || {
            let found = world.fleetctl(&list).ok().json().as_array().unwrap().clone();
            (!found.is_empty()).then_some(found)
        })
    };
    let first = told(&world).expect("it ends within a month");
    assert!(
        first[0]["message"].as_str().unwrap().contains(&soon.to_string()),
        "{first:?}"
    );
    assert_eq!(first[0]["level"], "warning");
    // Once a day, in whichever life; what comes after it at a start is told by then.
    world.fleetd.terminate();
    world.fleetd.restart();
    let starts = process::until(PATIENCE, || {
        let list = ["log", "list", "-A", "--text", "has started", "-o", "json"];
        (world.fleetctl(&list).ok().json().as_array().unwrap().len() == 2).then_some(())
    });
    starts.expect("it has started again");
    assert_eq!(told(&world).unwrap().len(), 1);
}

/// fleetctl of somebody who is logged in over the network.
fn person(world: &World, name: &str, arguments: &[&str], input: &str) -> Finished {
    let mut command = world.fleetctl_command();
    command
        .env("FLEETCTL_SERVER", world.fleetd.grpc())
        .env("XDG_CONFIG_HOME", world.home().join(name))
        .args(arguments);
    let said = process::run(&mut command, input.as_bytes(), PATIENCE);
    contract::hold(&contract::words(arguments), &said);
    said
}

fn list(world: &World, name: &str, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["log", "list", "-o", "json"], arguments].concat();
    let said = person(world, name, &arguments, "").ok().json();
    said.as_array().unwrap().clone()
}

fn messages(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["message"].as_str().unwrap()).collect()
}

/// Waits for an entry that is written beside the work.
fn entry(world: &World, name: &str, arguments: &[&str]) -> Value {
    let found = process::until(PATIENCE, || list(world, name, arguments).pop());
    found.unwrap_or_else(|| panic!("no entry of {arguments:?}: {:#?}", list(world, name, &[])))
}

fn story(mut world: World) {
    world.apply("examples/04-tenants").ok();
    for name in PEOPLE {
        let set = ["user", "set-password", name, "--password-stdin"];
        world.fleetctl_with(&set, PASSWORD.as_bytes()).ok();
        person(&world, name, &["login", "--user", name, "--password-stdin"], PASSWORD).ok();
    }
    let device = Device::provision(world.fleetd.http(), "UMC-0001", &world.claim_token("umc"));
    let made = entry(&world, "umc-admin", &["--action", "device.provision"]);
    assert_eq!(
        (&made["device"], &made["site"]),
        (&json!("esp32-01"), &json!("main-building"))
    );
    assert!(made["user"].as_str().unwrap().starts_with("claim:"), "{made}");
    assert_eq!(made["address"], "127.0.0.1");

    help_is_called_for(&world, &device);
    nobody_sees_what_is_not_theirs(&world);
    fleetd_tells_by_itself(&world, &device);
    over_http(&world);
    a_tail_goes_on(&world);

    world.fleetd.terminate();
    world.fleetd.restart();
    person(
        &world,
        "root-admin",
        &["login", "--user", "root-admin", "--password-stdin"],
        PASSWORD,
    )
    .ok();
    let own = process::until(PATIENCE, || {
        let found = list(&world, "root-admin", &["-A", "--action", "fleetd"]);
        (found.len() == 3).then_some(found)
    });
    let own = own.expect("a start, an end, a start");
    assert_eq!(
        messages(&own),
        [
            "fleetd has started",
            "fleetd ends as it was told to",
            "fleetd has started"
        ]
    );
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

/// A bench operator and a device ask for help.
fn help_is_called_for(world: &World, device: &Device) {
    let add = |arguments: &[&str]| person(world, "umc-night", &[&["log", "add"], arguments].concat(), "");
    let stuck = ["the press is stuck", "--level", "HELP", "--device", "esp32-01"];
    let details = ["--details", "{\"step\": 3}", "-o", "json"];
    let called = add(&[&stuck[..], &details].concat()).ok().json();
    for (field, is) in [
        ("level", json!("help")),
        ("action", json!("help")),
        ("user", json!("user/umc-night")),
        ("device", json!("esp32-01")),
        ("site", json!("main-building")),
        ("details", json!({"step": 3})),
        ("address", json!("127.0.0.1")),
        ("org", json!("umc")),
    ] {
        assert_eq!(called[field], is, "{field}: {called}");
    }
    // The only site where it may add needs no name; where it only looks it adds nothing.
    let noted = add(&["a shift begins", "-o", "json"]).ok().json();
    assert_eq!(
        (&noted["site"], &noted["level"]),
        (&json!("main-building"), &json!("info"))
    );
    let elsewhere = add(&["not mine", "--device", "esp32-02"]);
    assert!(
        elsewhere.code == 5 && elsewhere.stderr.contains("write:log"),
        "{elsewhere}"
    );
    assert_eq!(add(&["not mine", "--site", "clinic-north"]).code, 5);
    assert_eq!(add(&["nobody's", "--device", "esp32-99"]).code, 6);
    assert_eq!(add(&["loud", "--level", "loud"]).code, 2);
    assert_eq!(add(&["x", "--details", "[1]"]).code, 3);
    assert_eq!(add(&[" "]).code, 3);
    let token = world.claim_token("umc");
    let secret = add(&[&format!("use {token}")]);
    assert!(secret.code == 3 && secret.stderr.contains("holds a token"), "{secret}");
    let escaped = format!("{{\"a\": \"\\u0066{}\"}}", &token[1..]);
    assert_eq!(add(&["x", "--details", &escaped]).code, 3);
    assert_eq!(add(&["x", "--action", &token]).code, 3);

    let lines = json!({"entries": [{"level": "HELP", "message": "no water"}, {"level": "error", "message": "dry"}]});
    assert_eq!(device.post("/api/devices/{id}/logs", &lines).0, 200);
    let called = entry(world, "umc-night", &["--action", "device.help"]);
    assert_eq!(
        (&called["message"], &called["user"]),
        (&json!("no water"), &json!("device/esp32-01"))
    );
    let own = ["device", "logs", "esp32-01", "--level", "help", "-o", "json"];
    let own = person(world, "umc-night", &own, "").ok().json();
    assert_eq!(own.as_array().unwrap().len(), 1, "help is above error: {own}");
    assert_eq!(own[0]["level"], "help");
    let help = list(world, "umc-night", &["--level", "help"]);
    assert_eq!(messages(&help), ["the press is stuck", "no water"]);
}

fn nobody_sees_what_is_not_theirs(world: &World) {
    let add = |arguments: &[&str]| person(world, "umc-admin", &[&["log", "add"], arguments].concat(), "").ok();
    add(&["for everybody", "--action", "inspection_1"]);
    add(&["in the clinic", "--site", "clinic-north"]);
    let seen = list(world, "umc-night", &[]);
    assert!(messages(&seen).contains(&"in the clinic"), "a viewer sees its site");
    assert!(!messages(&seen).contains(&"for everybody"), "{seen:?}");
    assert!(messages(&list(world, "umc-admin", &[])).contains(&"for everybody"));
    // Another organization is like none.
    let other = person(world, "acme-admin", &["log", "list", "--org", "umc"], "");
    let none = person(world, "acme-admin", &["log", "list", "--org", "nope"], "");
    assert_eq!((other.code, other.stderr.replace("umc", "nope")), (6, none.stderr));
    assert!(
        list(world, "acme-admin", &["--org", "acme"])
            .iter()
            .all(|entry| entry["org"] == "acme")
    );
    for platform in [&["log", "list", "-A"][..], &["log", "add", "x", "-A"]] {
        assert_eq!(person(world, "umc-admin", platform, "").code, 5);
    }
    let filters: [(&[&str], &[&str]); 7] = [
        (&["--user", "umc-admin"], &["for everybody", "in the clinic"]),
        (&["--action", "inspection_"], &["for everybody"]),
        (&["--action", "inspection%"], &[]),
        (&["--text", "EVERYbody"], &["for everybody"]),
        (&["--text", "\"step\""], &["the press is stuck"]),
        (
            &["--level", "help", "--device", "esp32-01", "--limit", "1"],
            &["no water"],
        ),
        (&["--until", "2020-01-01T00:00:00Z"], &[]),
    ];
    for (arguments, wanted) in filters {
        assert_eq!(messages(&list(world, "umc-admin", arguments)), wanted, "{arguments:?}");
    }
    assert!(!list(world, "umc-admin", &["--since", "-1h"]).is_empty());
}

fn fleetd_tells_by_itself(world: &World, device: &Device) {
    let ahead = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_hours(2))
        .unwrap();
    device.ingest(&json!([{"dataType": "t", "value": 1, "timestamp": ahead.to_string()}]));
    let clock = entry(world, "umc-night", &["--action", "device.clock"]);
    assert!(clock["details"]["aheadSeconds"].as_i64().unwrap() > 7_000, "{clock}");
    assert_eq!(
        (&clock["device"], &clock["level"]),
        (&json!("esp32-01"), &json!("warning"))
    );
    let enroll = ["device", "enroll", "AA:BB", "--site", "clinic-north"];
    person(world, "umc-admin", &enroll, "").ok();
    person(world, "umc-admin", &["device", "decommission", "aabb", "--yes"], "").ok();
    let told = list(world, "umc-night", &["--device", "aabb"]);
    assert_eq!(
        messages(&told),
        ["device/aabb is expected", "device/aabb is out of service"]
    );
    assert!(
        told.iter()
            .all(|entry| entry["user"] == "user/umc-admin" && entry["site"] == "clinic-north")
    );
    world
        .apply_text("apiVersion: fleet/v1\nkind: Organization\nmetadata: {name: full}\nspec: {subscription: {deviceLimit: 0}}\n")
        .ok();
    let device = "apiVersion: fleet/v1\nkind: Device\nmetadata: {org: full, name: one}\nspec: {}\n";
    assert_ne!(world.fleetctl_with(&["plan", "-f", "-"], device.as_bytes()).code, 0);
    assert_ne!(world.apply_text(device).code, 0);
    let limit = entry(world, "root-admin", &["--org", "full"]);
    assert_eq!(
        (&limit["action"], &limit["count"]),
        (&json!("limit.quota"), &json!(1)),
        "not for the plan"
    );
}

fn over_http(world: &World) {
    let login = |name: &str| Http::new(world.fleetd.http()).login(name, PASSWORD);
    let (root, night) = (login("root-admin"), login("umc-night"));
    let called = night
        .post("/api/logs/", &json!({"level": "HELP", "message": "over HTTP"}))
        .is(201);
    assert_eq!(
        (&called.body["user"], &called.body["site"]),
        (&json!("user/umc-night"), &json!("main-building"))
    );
    let first = night.get("/api/logs/?level=help&limit=2").is(200).body;
    let told = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["message"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(told(&first), ["over HTTP", "no water"], "the newest first");
    let next = format!("/api/logs?level=help&limit=2&after={}", first["next"].as_str().unwrap());
    let rest = night.get(&next).is(200).body;
    assert_eq!(
        (told(&rest), &rest["next"]),
        (vec!["the press is stuck".to_owned()], &Value::Null)
    );
    night
        .post("/api/logs/", &json!({"message": "x", "device": "esp32-02"}))
        .is(403);
    night.post("/api/logs/", &json!({"message": ""})).is(400);
    night.get("/api/logs/?level=loud").is(400);
    night.get("/api/logs/?since=yesterday").is(400);
    login("acme-admin").get("/api/logs/?org=umc").is(404);
    // Who is refused writes nothing of its own into the audit log.
    let long = "x".repeat(10_000);
    for nth in 0..15 {
        night.delete(&format!("/api/v1/roles/{nth}{long}")).is(403);
    }
    night.delete(&format!("/api/v1/roles/{long}{long}")).is(414);
    let search = ["audit", "search", "--verb", "call", "--object", "DELETE", "-o", "json"];
    let refused = process::until(PATIENCE, || {
        let found = person(world, "umc-admin", &search, "").ok().json();
        let found = found.as_array().unwrap();
        let all = found.iter().map(|event| {
            let detail: Value = serde_json::from_str(event["detail"].as_str().unwrap()).unwrap();
            detail["count"].as_u64().unwrap()
        });
        (all.sum::<u64>() == 15).then(|| found.clone())
    });
    let refused = refused.expect("one kind of refusal, counted");
    assert!(refused.len() <= 10, "{refused:?}");
    for event in &refused {
        assert_eq!(event["object"], "DELETE /api/v1/{kind}/{name}");
    }
    let platform = root.get("/api/logs/?action=fleetd").is(200).body;
    assert_eq!(told(&platform), ["fleetd has started"]);
}

/// What is written while somebody looks is shown.
fn a_tail_goes_on(world: &World) {
    let mut tail = world
        .fleetctl_command()
        .args(["log", "tail", "--org", "umc", "--text", "tail", "-o", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    world
        .fleetctl(&["log", "add", "the first of the tail", "--org", "umc"])
        .ok();
    let shown: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(shown["message"], "the first of the tail");
    world
        .fleetctl(&["log", "add", "and the second of the tail", "--org", "umc"])
        .ok();
    let shown: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(shown["message"], "and the second of the tail");
    tail.kill().unwrap();
    tail.wait().unwrap();
}
