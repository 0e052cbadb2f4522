//! WebSockets by a client that others wrote: devices that write, and people and programs that watch.

use fleet_tests::peers::WebSocket;
use fleet_tests::{Device, Http, ORG, World};
use serde_json::{Value, json};

use super::http_management::{login, tenants};

const PASSWORD: &str = "correct battery staple horse";
/// Milliseconds of February 2026.
const THEN: u64 = 1_770_000_000_000;
const FLEET: &str = "
apiVersion: fleet/v1
kind: Organization
metadata: {name: other}
spec: {}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: north}
spec: {}
---
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: south}
spec: {}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: meter-1}
spec: {site: north}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: meter-2}
spec: {site: south}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: other, name: foreign}
spec: {}
";

fn open(world: &World, path: &str, token: &str) -> Result<WebSocket, (u64, Value)> {
    WebSocket::open(
        world.fleetd.http(),
        path,
        &[("authorization", &format!("Bearer {token}"))],
    )
}

fn device(world: &World, device: &Device) -> WebSocket {
    open(world, "/ws/devices", &device.token).unwrap()
}

fn reading(device: &str, at: u64) -> Value {
    json!({"deviceId": device, "readings": [{"dataType": "t", "value": at, "timestamp": THEN + at}]})
}

#[test]
fn a_device_writes_over_a_socket_and_each_message_is_answered_in_order() {
    let world = World::start();
    world.apply_text(FLEET).ok();
    let own = world.device("gw");
    let foreign = Device::provision(world.fleetd.http(), "far", &world.claim_token("other"));
    let mut socket = device(&world, &own);
    let mut message = reading(&own.id, 0);
    message["seq"] = json!(5);
    let said = socket.call(&message);
    assert_eq!(said, json!({"accepted": 1, "rejected": [], "duplicates": 0, "seq": 5}));
    let said = socket.call(&reading(&own.id, 0));
    assert_eq!(said, json!({"accepted": 0, "rejected": [], "duplicates": 1}));
    let said = socket.call(&json!([reading(&own.id, 1), reading(&own.id, 2)]));
    assert_eq!(said["accepted"], 2, "{said}");
    for at in 3..9 {
        let mut message = reading(&own.id, at);
        message["id"] = json!(format!("m{at}"));
        socket.send(&message.to_string());
    }
    for at in 3..9 {
        assert_eq!(socket.receive()["id"], format!("m{at}"));
    }
    // What is wrong is told, and the socket goes on.
    for bad in ["{", "3", "", "nonsense", &"[".repeat(100)] {
        socket.send(bad);
        let said = socket.receive();
        assert_eq!(
            (&said["code"], &said["title"]),
            (&json!("bad_request"), &json!("Bad Request"))
        );
        assert!(!said["detail"].as_str().unwrap().is_empty());
    }
    let missing = "00000000-0000-7000-8000-000000000000";
    let [far, none] = [&foreign.id, missing].map(|id| socket.call(&reading(id, 9)));
    assert_eq!(far["rejected"][0]["code"], "unknown_device", "{far}");
    assert_eq!(far, none, "another organization's device is like none");
    assert_eq!(socket.call(&reading(&own.id, 9))["accepted"], 1);
    assert_eq!(socket.close()["closed"], 1000);
    let stored = world.readings(ORG, "gw", "t");
    let stored: Vec<_> = stored
        .iter()
        .map(|reading| reading["value"].as_f64().unwrap())
        .collect();
    assert_eq!(stored, (0..10).map(f64::from).collect::<Vec<_>>());
    assert_eq!(
        world
            .fleetctl(&["telemetry", "query", "device/far", "t", "--org", "other"])
            .code,
        6,
        "it has none"
    );
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn what_is_no_message_ends_a_device_s_socket_with_a_reason() {
    let world = World::start();
    let own = world.device("gw");
    let ended = |act: &dyn Fn(&mut WebSocket)| {
        let mut socket = device(&world, &own);
        assert_eq!(socket.call(&reading(&own.id, 0))["rejected"], json!([]));
        act(&mut socket);
        socket.end()
    };
    let (code, reason) = ended(&|socket| socket.send_binary(b"{}"));
    assert_eq!(
        (code, reason.as_str()),
        (1003, "send JSON as text, not as binary messages")
    );
    // A frame that is not masked, one of a kind that does not exist, and a text that is none.
    assert_eq!(ended(&|socket| socket.send_raw(&[0x81, 0x01, b'x'])).0, 1002);
    assert_eq!(ended(&|socket| socket.send_raw(&[0x83, 0x80, 0, 0, 0, 0])).0, 1002);
    assert_eq!(
        ended(&|socket| socket.send_raw(&[0x81, 0x81, 0, 0, 0, 0, 0xff])).0,
        1007
    );
    // The head of a message of 8 MiB and a byte: what it says is enough.
    let head = [0x81, 0xff, 0, 0, 0, 0, 0, 0x80, 0, 1, 0, 0, 0, 0, b' '];
    let (code, reason) = ended(&|socket| socket.send_raw(&head));
    assert_eq!((code, reason.as_str()), (1009, "the message is too large"));

    let refused = |token: &str| {
        open(&world, "/ws/devices", token)
            .err()
            .map(|(status, body)| (status, body["code"].clone()))
    };
    assert_eq!(refused("flt_dev_0_0_0"), Some((401, json!("unauthenticated"))));
    assert_eq!(
        refused(&world.token(ORG, &["telemetry:write"], &[])),
        Some((401, json!("unauthenticated")))
    );
    let named = format!("/ws/devices?token={}", own.token);
    let said = WebSocket::open(world.fleetd.http(), &named, &[])
        .err()
        .map(|(status, _)| status);
    assert_eq!(said, Some(401), "a token in an address is none");
    let plain = Http::new(world.fleetd.http())
        .token(&own.token)
        .get("/ws/devices")
        .is(426);
    assert_eq!(plain.body["code"], "upgrade_required");
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn a_device_s_socket_ends_with_its_credential_its_organization_and_fleetd() {
    let mut world = World::start();
    let own = world.device("gw");
    let mut socket = device(&world, &own);
    assert_eq!(socket.call(&reading(&own.id, 0))["accepted"], 1);
    let listed = world
        .fleetctl(&["device", "credential", "list", "gw", "-o", "json"])
        .ok()
        .json();
    let old = listed[0]["id"].as_str().unwrap_or_else(|| panic!("{listed}"));
    let rotated = world
        .fleetctl(&["device", "credential", "rotate", "gw", "-o", "json"])
        .ok()
        .json();
    world
        .fleetctl(&["device", "credential", "revoke", "gw", old, "--yes"])
        .ok();
    let (code, reason) = socket.end();
    assert_eq!(code, 1008, "{reason}");
    assert!(reason.contains("no longer valid"), "{reason}");
    let own = own.with_token(rotated["token"].as_str().unwrap());

    let mut socket = device(&world, &own);
    assert_eq!(socket.call(&reading(&own.id, 1))["accepted"], 1);
    let organization =
        |spec: &str| format!("apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {ORG}}}\nspec: {spec}\n");
    world.apply_text(&organization("{suspended: true}")).ok();
    let (code, reason) = socket.end();
    assert_eq!((code, reason.as_str()), (1008, "organization acme is suspended"));
    world.apply_text(&organization("{suspended: false}")).ok();

    let mut socket = device(&world, &own);
    assert_eq!(socket.call(&reading(&own.id, 2))["accepted"], 1);
    let reading = std::thread::spawn(move || socket.end());
    assert!(world.fleetd.terminate().success());
    assert_eq!(reading.join().unwrap().0, 1001);
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

/// Writes a reading for a device, as a program.
fn write(writer: &Http, device: &str, value: u64) {
    let line = format!("m,device={device} t={value} {}", (THEN + value) * 1_000_000);
    writer.post_bytes("/write", line).is(204);
}

/// Device and value of the readings of an event.
#[track_caller]
fn shown(socket: &mut WebSocket) -> Vec<(String, f64)> {
    let event = socket.receive();
    let readings = event["readings"].as_array().unwrap_or_else(|| panic!("{event}"));
    let one = |reading: &Value| {
        (
            reading["device"].as_str().unwrap().to_owned(),
            reading["value"].as_f64().unwrap(),
        )
    };
    readings.iter().map(one).collect()
}

fn one(device: &str, value: f64) -> Vec<(String, f64)> {
    vec![(device.to_owned(), value)]
}

#[test]
fn a_watcher_sees_what_it_subscribes_to_and_nothing_of_others() {
    let mut world = World::start();
    world.apply_text(FLEET).ok();
    let writer = Http::new(world.fleetd.http()).token(&world.token(ORG, &["telemetry:write"], &[]));
    let token = world.token(ORG, &["view:telemetry"], &[]);
    let mut socket = open(&world, "/ws/live", &token).unwrap();
    let wanted = json!({"org": "", "device": "meter-1", "sensor": "t", "site": ""});
    let said = socket.call(&json!({"subscribe": {"device": "meter-1", "sensor": "t"}}));
    assert_eq!(said, json!({"subscribed": wanted}));
    write(&writer, "meter-2", 1);
    writer
        .post_bytes("/write", "m,device=meter-1 other=1".to_owned())
        .is(204);
    write(&writer, "meter-1", 2);
    let event = socket.receive();
    assert_eq!(event["subscription"], wanted, "{event}");
    let told = &event["readings"][0];
    assert_eq!(
        (&told["device"], &told["sensor"], &told["value"], &told["quality"]),
        (&json!("meter-1"), &json!("t"), &json!(2.0), &json!("good"))
    );
    assert_eq!(
        (event["readings"].as_array().unwrap().len(), event.get("skipped")),
        (1, None)
    );

    // What is wrong is told, and the socket goes on.
    let problem = |said: &Value| {
        (
            said["code"].as_str().unwrap().to_owned(),
            said["detail"].as_str().unwrap().to_owned(),
        )
    };
    for bad in [
        "{",
        "{}",
        "3",
        "{\"subscribe\":{\"colour\":\"red\"}}",
        "{\"publish\":{}}",
    ] {
        socket.send(bad);
        assert_eq!(problem(&socket.receive()).0, "bad_request", "{bad}");
    }
    let again = socket.call(&json!({"subscribe": {"device": "meter-1", "sensor": "t"}}));
    assert_eq!(problem(&again).1, "it is subscribed to already");
    let about = |socket: &mut WebSocket, wanted: Value| problem(&socket.call(&json!({"subscribe": wanted})));
    let (code, foreign) = about(&mut socket, json!({"org": "other"}));
    assert_eq!(code, "not_found");
    assert_eq!(
        about(&mut socket, json!({"org": "nope!"})).1,
        foreign.replace("other", "nope!")
    );
    let (_, foreign) = about(&mut socket, json!({"device": "foreign"}));
    assert_eq!(
        about(&mut socket, json!({"device": "missing"})).1,
        foreign.replace("foreign", "missing")
    );
    assert_eq!(about(&mut socket, json!({"site": "west"})).0, "not_found");
    let said = socket.call(&json!({"unsubscribe": wanted}));
    assert_eq!(said, json!({"unsubscribed": wanted}));
    assert_eq!(problem(&socket.call(&json!({"unsubscribe": wanted}))).0, "bad_request");

    // By site, of those that may be seen; devices that move come and go.
    let mut north = open(
        &world,
        "/ws/live",
        &world.token(ORG, &["view:telemetry"], &["--site", "north"]),
    )
    .unwrap();
    assert!(north.call(&json!({"subscribe": {}})).get("subscribed").is_some());
    assert!(
        socket
            .call(&json!({"subscribe": {"site": "south"}}))
            .get("subscribed")
            .is_some()
    );
    write(&writer, "meter-1", 10);
    write(&writer, "meter-2", 11);
    assert_eq!(
        (shown(&mut north), shown(&mut socket)),
        (one("meter-1", 10.0), one("meter-2", 11.0))
    );
    let at = |device: &str, site: &str| {
        let text = format!(
            "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: acme, name: {device}}}\nspec: {{site: {site}}}\n"
        );
        world.apply_text(&text).ok();
    };
    at("meter-1", "south");
    at("meter-2", "north");
    write(&writer, "meter-1", 12);
    write(&writer, "meter-2", 13);
    assert_eq!(
        (shown(&mut north), shown(&mut socket)),
        (one("meter-2", 13.0), one("meter-1", 12.0))
    );

    let (code, _) = {
        socket.send_binary(b"{}");
        socket.end()
    };
    assert_eq!(code, 1003);
    let mut large = open(&world, "/ws/live", &token).unwrap();
    large.send(&" ".repeat((64 << 10) + 1));
    assert_eq!(large.end().0, 1009);
    let reading = std::thread::spawn(move || north.end());
    assert!(world.fleetd.terminate().success());
    assert_eq!(reading.join().unwrap().0, 1001);
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn a_watcher_s_socket_ends_with_what_it_may_do() {
    let world = tenants(&[], &["umc-admin", "umc-night"]);
    let door = Http::new(world.fleetd.http());
    let refused = |token: &str| open(&world, "/ws/live", token).err().map(|(status, _)| status);
    let device = Device::provision(world.fleetd.http(), "wall", &world.claim_token("umc"));
    assert_eq!(refused("flt_api_0_0_0"), Some(401));
    assert_eq!(refused(&device.token), Some(403));
    assert_eq!(refused(&world.token("umc", &["telemetry:write"], &[])), Some(403));

    // A token that is revoked.
    let create = [
        "token",
        "create",
        "--org",
        "umc",
        "--scope",
        "view:telemetry",
        "-o",
        "json",
    ];
    let made = world.fleetctl(&create).ok().json();
    let mut socket = open(&world, "/ws/live", made["token"].as_str().unwrap()).unwrap();
    assert!(socket.call(&json!({"subscribe": {}})).get("subscribed").is_some());
    world
        .fleetctl(&["token", "revoke", made["id"].as_str().unwrap(), "--org", "umc", "--yes"])
        .ok();
    assert_eq!(socket.end().0, 1008);

    // A role that is taken away.
    let night = login(&world, "umc-night");
    let mut socket = open(
        &world,
        "/ws/live",
        night.header("authorization").trim_start_matches("Bearer "),
    )
    .unwrap();
    assert!(socket.call(&json!({"subscribe": {}})).get("subscribed").is_some());
    let less = "apiVersion: fleet/v1\nkind: RoleBinding\nmetadata: {org: umc, name: night-main}\nspec: {user: umc-night, role: viewer, sites: [main-building]}\n";
    world
        .fleetctl_with(&["apply", "--take", "-f", "-"], less.as_bytes())
        .ok();
    let (code, reason) = socket.end();
    assert_eq!(
        (code, reason.as_str()),
        (1008, "what you may do has changed: call again")
    );

    // A browser sends its cookie for every page; only fleetd's own may watch.
    let session = door
        .post("/api/auth/login", &json!({"user": "umc-admin", "password": PASSWORD}))
        .is(200);
    let cookies: Vec<String> = session
        .cookies()
        .iter()
        .map(|(name, value, _)| format!("{name}={value}"))
        .collect();
    let cookies = cookies.join("; ");
    let browser = |origin: &str| {
        WebSocket::open(
            world.fleetd.http(),
            "/ws/live",
            &[("cookie", cookies.as_str()), ("origin", origin)],
        )
    };
    let (status, body) = browser("https://evil.example").err().unwrap();
    assert_eq!((status, &body["code"]), (403, &json!("foreign_origin")));
    let mut socket = browser(world.fleetd.http()).unwrap();
    assert!(socket.call(&json!({"subscribe": {}})).get("subscribed").is_some());
    let page = door
        .with("cookie", &cookies)
        .with("x-csrf-token", session.body["csrfToken"].as_str().unwrap());
    page.post("/api/auth/logout", &Value::Null).is(204);
    assert_eq!(socket.end().0, 1008);
    assert_eq!(world.fleetd.errors(), [""; 0]);
}
