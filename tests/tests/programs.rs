//! What programs write for the devices of an organization: doors, grants, and what real clients send.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use fleet_tests::http::Answer;
use fleet_tests::peers::{Prometheus, influx};
use fleet_tests::{Http, World, remote_write};
use serde_json::{Value, json};

use super::http_management::tenants;

/// Nanoseconds of February 2026.
const THEN: u64 = 1_770_000_000_000_000_000;
const WRITE: &str = "telemetry:write";
const SITES: &str = "
apiVersion: fleet/v1
kind: Organization
metadata: {name: acme}
spec: {defaults: {rangePolicy: reject}}
---
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
spec: {site: north, sensors: [{name: voltage, unit: V, min: 0, max: 300}]}
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

fn world() -> World {
    let world = World::empty(&["--password-cost", "19456,2,1"]);
    world.apply_text(SITES).ok();
    world
}

/// A program with a token.
fn program(world: &World, scopes: &[&str], further: &[&str]) -> Http {
    Http::new(world.fleetd.http()).token(&world.token("acme", scopes, further))
}

/// Line, code and detail of each refusal.
fn refused(answer: &Answer) -> Vec<(u64, String, String)> {
    let rejected = answer.body["rejected"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.body));
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    rejected
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), text(one, "code"), text(one, "detail")))
        .collect()
}

fn values(world: &World, device: &str, sensor: &str) -> Vec<Value> {
    let read = world.readings("acme", device, sensor);
    let value = |reading: &Value| reading.get("text").unwrap_or(&reading["value"]).clone();
    read.iter().map(value).collect()
}

#[test]
fn lines_are_durable_and_what_is_wrong_is_named() {
    let world = world();
    let program = program(&world, &[WRITE], &[]);
    let line = |fields: &str, at: u64| format!("power,device=meter-1 {fields} {}\n", THEN + at * 1_000_000_000);
    program
        .post_bytes(
            "/write?org=acme&db=any&rp=",
            line("voltage=230.5,state=\"on\",relay=true,count=7i", 0),
        )
        .is(204);
    // As clients of InfluxDB write it: the same again is no error, in gzip neither.
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed
        .write_all((line("voltage=230.5", 0) + &line("voltage=231", 1)).as_bytes())
        .unwrap();
    let influx = program.without("authorization").with(
        "authorization",
        &program.header("authorization").replace("Bearer", "Token"),
    );
    let packed = influx
        .with("content-encoding", "gzip")
        .post_bytes("/api/v2/write?org=acme&bucket=b&precision=ns", packed.finish().unwrap());
    packed.is(204);
    assert_eq!(values(&world, "meter-1", "voltage"), [230.5, 231.0]);
    assert_eq!(values(&world, "meter-1", "state"), ["on"]);
    assert_eq!(values(&world, "meter-1", "relay"), [true]);
    // The only organization of the token needs no name; what has no time is measured now.
    program.post_bytes("/write", "power,device=meter-1 now=1").is(204);
    assert_eq!(values(&world, "meter-1", "now"), [1.0]);
    program
        .post_bytes(
            "/write?precision=ms",
            format!(
                "power,device=meter-1,phase=a v=1 {0}\npower,device=meter-1,phase=b v=2 {0}",
                THEN / 1_000_000
            ),
        )
        .is(204);
    let latest = world
        .fleetctl(&["telemetry", "latest", "device/meter-1", "--org", "acme", "-o", "json"])
        .ok()
        .json();
    let rows = latest.as_array().unwrap().iter().filter(|row| row["sensor"] == "v");
    let sources: Vec<&Value> = rows.map(|row| &row["source"]).collect();
    assert_eq!(sources, ["phase=a", "phase=b"], "other tags tell series apart");

    let mixed = [
        &line("voltage=229", 2),
        "power,device=meter-1 voltage=1e999 1\n",
        &line("voltage=400", 3),
        "power,device=nobody v=1\n",
        "nonsense\n",
        &line("voltage=1", 0),
        "power,device=foreign v=1\n",
        &line("voltage=228", 4),
    ]
    .concat();
    let answer = program.post_bytes("/write?org=acme", mixed).is(400);
    let told = refused(&answer);
    let told: Vec<(u64, &str)> = told.iter().map(|(line, code, _)| (*line, code.as_str())).collect();
    let wanted = [
        (2, "bad_value"),
        (3, "out_of_range"),
        (4, "unknown_device"),
        (5, "bad_item"),
        (6, "conflict"),
        (7, "unknown_device"),
    ];
    assert_eq!(told, wanted, "{}", answer.body);
    assert_eq!(
        (&answer.body["accepted"], &answer.body["error"]),
        (&json!(2), &answer.body["message"])
    );
    let message = answer.body["message"].as_str().unwrap();
    assert!(
        message.starts_with("partial write, 2 readings are stored: line 2: `1e999` of the field `voltage`"),
        "{message}"
    );
    assert!(message.ends_with("; and 3 more"), "{message}");
    assert_eq!(
        values(&world, "meter-1", "voltage"),
        [230.5, 231.0, 229.0, 228.0],
        "the good ones are durable"
    );

    let latin = program
        .post_bytes(
            "/write?org=acme",
            [b"m,device=meter-1 a=1\nm,device=meter-1 s=\"\xff\"".as_slice()].concat(),
        )
        .is(400);
    assert!(
        latin.body["detail"]
            .as_str()
            .unwrap()
            .starts_with("line 2 is not UTF-8"),
        "{}",
        latin.body
    );
    let many = "m,device=meter-1 ".to_owned() + &vec!["a=1"; 100_001].join(",");
    program.post_bytes("/write?org=acme", many).is(413);
    program.post_bytes("/write?org=acme", "#".repeat((8 << 20) + 1)).is(413);
    program
        .post_bytes("/write?org=acme&precision=d", "m,device=meter-1 a=1")
        .is(400);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn a_token_writes_where_its_grants_reach_and_learns_nothing_of_the_rest() {
    let world = world();
    let all = program(&world, &[WRITE], &[]);
    let line = |device: &str| format!("m,device={device} v=1 {THEN}");
    let about = |http: &Http, device: &str| {
        let answer = http.post_bytes("/write?org=acme", line(device)).is(400);
        refused(&answer)
    };
    // Another organization's device, by name and uid, is like none.
    let uid = |org: &str, device: &str| {
        let got = world
            .fleetctl(&["get", "device", device, "--org", org, "-o", "json"])
            .ok()
            .json();
        got.pointer("/metadata/uid")
            .or(got.pointer("/0/metadata/uid"))
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let foreign = uid("other", "foreign");
    let missing = about(&all, "nobody");
    assert_eq!(missing[0].1, "unknown_device");
    for device in ["foreign", &foreign, "01930e0a-0000-7000-8000-000000000000"] {
        assert_eq!(about(&all, device), missing, "{device}");
    }
    let other = all.post_bytes("/write?org=other", line("foreign")).is(404);
    let nowhere = all.post_bytes("/write?org=nowhere", line("foreign")).is(404);
    assert_eq!(
        other.body.to_string().replace("other", "nowhere"),
        nowhere.body.to_string()
    );

    let north = program(&world, &[WRITE], &["--site", "north"]);
    north.post_bytes("/write?org=acme", line("meter-1")).is(204);
    assert_eq!(about(&north, "meter-2"), missing, "what it may not see");
    let sees = program(&world, &[WRITE, "view:device"], &[]);
    sees.post_bytes("/write?org=acme", line(&uid("acme", "meter-2")))
        .is(204);

    let reader = program(&world, &["view:telemetry", "view:device"], &[]);
    let denied = reader.post_bytes("/write?org=acme", line("meter-1")).is(403);
    assert!(
        denied.body["detail"].as_str().unwrap().contains("write:telemetry"),
        "{}",
        denied.body
    );
    let nobody = all.without("authorization");
    nobody.post_bytes("/write?org=acme", line("meter-1")).is(401);
    nobody
        .with("authorization", "Basic dXNlcjpwYXNz")
        .post_bytes("/write?org=acme", line("meter-1"))
        .is(401);
    let said = nobody
        .with("authorization", "Token flt_api_0_0_0")
        .post_bytes("/write?org=acme", line("meter-1"))
        .is(401);
    assert!(!said.body.to_string().contains("flt_api"), "{}", said.body);
    let secret = all.post_bytes("/write?org=acme&u=me&p=secret", line("meter-1")).is(400);
    assert!(
        secret.body["detail"].as_str().unwrap().contains("Authorization"),
        "{}",
        secret.body
    );
    // A token that is revoked writes no more.
    let listed = world
        .fleetctl(&["token", "list", "--org", "acme", "-o", "json"])
        .ok()
        .json();
    for token in listed.as_array().unwrap() {
        world
            .fleetctl(&[
                "token",
                "revoke",
                token["id"].as_str().unwrap(),
                "--org",
                "acme",
                "--yes",
            ])
            .ok();
    }
    all.post_bytes("/write?org=acme", line("meter-1")).is(401);
    assert_eq!(values(&world, "meter-2", "v"), [1.0]);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn unknown_devices_are_made_where_the_organization_and_the_grants_say_so() {
    let world = world();
    let writer = program(&world, &[WRITE], &[]);
    let maker = program(&world, &[WRITE, "edit:device"], &["--name", "telegraf"]);
    let two = format!("cpu,host=srv-1 idle=98.5 {THEN}\ncpu,host=srv-2 idle=97 {THEN}\ncpu,host=b\\ ad idle=1 {THEN}");
    assert_eq!(
        refused(&maker.post_bytes("/write", two.clone()).is(400)).len(),
        3,
        "rejected unless said"
    );
    let organization = SITES.split("---").next().unwrap();
    let creating = organization.replace("defaults: {", "defaults: {unknownDevice: create, ");
    world.apply_text(&creating).ok();
    let denied = refused(&writer.post_bytes("/write", two.clone()).is(400));
    assert!(denied[0].2.contains("edit:device is needed"), "{denied:?}");

    let made = refused(&maker.post_bytes("/write", two.clone()).is(400));
    assert_eq!(
        (made.len(), made[0].0, made[0].1.as_str()),
        (1, 3, "unknown_device"),
        "no name of a device: {made:?}"
    );
    assert_eq!(values(&world, "srv-1", "cpu_idle"), [98.5]);
    writer
        .post_bytes("/write", format!("cpu,host=srv-2 idle=97 {THEN}"))
        .is(204);
    let exported = world.export("acme");
    let device = exported.split("---").find(|part| part.contains("name: srv-1")).unwrap();
    assert!(device.contains("virtual: true"), "{device}");
    let history = world
        .fleetctl(&["history", "device/srv-1", "--org", "acme"])
        .ok()
        .stdout;
    assert!(history.contains("token/telegraf"), "{history}");
    let log = world.fleetctl(&["log", "list", "--org", "acme"]).ok().stdout;
    assert!(log.contains("device/srv-2 is new here"), "{log}");

    // What is booked holds for these, too.
    world
        .apply_text(&creating.replace("spec: {", "spec: {subscription: {deviceLimit: 4}, "))
        .ok();
    let full = refused(
        &maker
            .post_bytes("/write", format!("m,device=srv-3 v=1\nm,device=srv-1 v=1 {THEN}"))
            .is(400),
    );
    assert_eq!((full.len(), full[0].1.as_str()), (1, "device_limit"), "{full:?}");
    assert!(full[0].2.contains("device limit of organization acme (4)"), "{full:?}");
    assert_eq!(values(&world, "srv-1", "v"), [1.0]);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn readings_of_programs_have_the_rates_of_their_organization_and_its_host() {
    let world = tenants(&["--rate-caller", "1,5", "--rate-org", "1,5"], &[]);
    let token = world.token("umc", &[WRITE], &[]);
    let umc = Http::new(world.fleetd.http()).token(&token).hasty();
    let line = |at: u64| format!("m,device=esp32-01 v=1 {}", THEN + at * 1_000_000_000);
    for at in 0..50 {
        umc.post_bytes("/write?org=umc", line(at)).is(204);
    }
    // Another tenant's host lets it in nowhere, and its own names the organization.
    umc.with("host", "acme.localhost")
        .post_bytes("/write", line(50))
        .is(404);
    umc.with("host", "umc.localhost").post_bytes("/write", line(50)).is(204);
    let limited =
        std::fs::read_to_string(fleet_tests::paths::repository().join("examples/04-tenants/umc.yaml")).unwrap();
    let organization = limited
        .split("\n---\n")
        .find(|part| part.contains("kind: Organization"))
        .unwrap();
    let organization = organization.replace("subscription: {", "subscription: {readingsPerSecond: 1, ");
    world.apply_text(&organization).ok();
    let many: String = (100..111).map(|at| line(at) + "\n").collect();
    let refused = umc.post_bytes("/write?org=umc", many).is(429);
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("the rate of organization umc (1 readings per second)"),
        "{}",
        refused.body
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn the_client_of_influxdb_writes_and_shows_what_did_not_go_in() {
    let world = world();
    world
        .apply_text(
            &SITES
                .split("---")
                .next()
                .unwrap()
                .replace("defaults: {", "defaults: {unknownDevice: create, "),
        )
        .ok();
    let token = world.token("acme", &[WRITE, "edit:device"], &[]);
    let time = THEN / 1_000_000;
    let point = |device: &str, fields: Value, at: u64| json!({"measurement": "a, b=c", "tags": {"device": device}, "fields": fields, "time": time + at});
    let tricky =
        json!({"te mp,=": 21.5, "state": "say \"on\" \\ off,\nthen=x", "count": 7, "relay": true, "tiny": 5e-324});
    for gzip in [false, true] {
        let writes = json!([
            [
                point("meter-1", tricky.clone(), 0),
                point("meter-1", json!({"te mp,=": -1.25e-3}), 1)
            ],
            [
                point("meter-1", json!({"voltage": 230.0}), 0),
                point("meter-1", json!({"voltage": 999.0}), 1),
                point("meter-1", json!({"voltage": 231.0}), 2)
            ],
        ]);
        let wanted = json!({"url": world.fleetd.http(), "token": token, "org": "acme", "gzip": gzip, "writes": writes, "many": 2_000});
        let said = influx(&wanted);
        assert_eq!(said[0], json!({"status": 204, "message": ""}), "gzip {gzip}");
        let message = said[1]["message"].as_str().unwrap();
        assert_eq!(said[1]["status"], 400);
        assert_eq!(
            message,
            "partial write, 2 readings are stored: line 2: 999 is outside the sensor's range"
        );
        assert_eq!(said[2], json!({"status": 204, "message": ""}), "gzip {gzip}");
    }
    assert_eq!(values(&world, "meter-1", "te mp,="), [21.5, -1.25e-3]);
    assert_eq!(values(&world, "meter-1", "state"), ["say \"on\" \\ off,\nthen=x"]);
    assert_eq!(values(&world, "meter-1", "tiny"), [5e-324]);
    assert_eq!(values(&world, "meter-1", "relay"), [true]);
    let counted: Vec<Value> = (0..200).map(|at| json!(at as f64 * 10.0 + 3.0)).collect();
    assert_eq!(values(&world, "d3", "count"), counted);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn a_broker_sends_what_devices_published() {
    let world = world();
    let broker = program(&world, &[WRITE], &[]);
    let message = |device: &str, value: Value, at: u64| {
        json!({
            "device_id": device, "sensor_id": "temp_001", "tenant": "acme", "value": value, "unit": "°C",
            "timestamp": THEN / 1_000_000 + at,
        })
    };
    let first = broker.post("/ingest/", &message("meter-1", json!(23.5), 0)).is(201);
    assert_eq!(first.body, json!({"accepted": 1, "duplicates": 0}));
    let again = broker.post("/ingest", &message("meter-1", json!(23.5), 0)).is(201);
    assert_eq!(again.body, json!({"accepted": 0, "duplicates": 1}));
    // As a rule selects it: the topic says whose it is.
    let topic = json!({"topic": "tenants/acme/devices/meter-2/sensors/temp_001", "value": 19, "timestamp": "2026-02-02T02:40:00Z"});
    broker
        .post("/ingest/", &json!([topic, message("meter-1", json!("open"), 1)]))
        .is(201);
    assert_eq!(values(&world, "meter-1", "temp_001"), [json!(23.5), json!("open")]);
    assert_eq!(values(&world, "meter-2", "temp_001"), [19.0]);

    let mut elsewhere = message("foreign", json!(1), 2);
    elsewhere["tenant"] = json!("other");
    let mut nowhere = message("foreign", json!(1), 2);
    nowhere["tenant"] = json!("nowhere");
    let mixed =
        json!([message("meter-1", json!(24), 3), message("foreign", json!(1), 3), elsewhere, nowhere, 7, {"value": 1}]);
    let answer = broker.post("/ingest/", &mixed).is(400);
    let rejected = answer.body["rejected"].as_array().unwrap();
    let told: Vec<(u64, &str)> = rejected
        .iter()
        .map(|one| (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap()))
        .collect();
    let wanted = [
        (1, "unknown_device"),
        (2, "unknown_tenant"),
        (3, "unknown_tenant"),
        (4, "bad_item"),
        (5, "bad_item"),
    ];
    assert_eq!(told, wanted, "{}", answer.body);
    assert_eq!(
        rejected[1]["detail"], rejected[2]["detail"],
        "another tenant is like none"
    );
    assert_eq!(
        values(&world, "meter-1", "temp_001").len(),
        3,
        "the good one is durable"
    );
    broker
        .without("authorization")
        .post("/ingest/", &message("meter-1", json!(1), 9))
        .is(401);
    let reader = program(&world, &["view:telemetry"], &[]);
    reader.post("/ingest/", &message("meter-1", json!(1), 9)).is(403);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn samples_that_can_never_go_in_are_refused_once_and_the_same_again_is_no_error() {
    let world = world();
    let program = program(&world, &[WRITE], &[]).hasty();
    let program = program
        .with("content-encoding", "snappy")
        .with("content-type", "application/x-protobuf");
    let write = |device: &str, samples: &[(f64, u64)]| {
        let labels = [("__name__", "voltage"), ("device", device)];
        program.post_bytes("/api/prom/write?org=acme", remote_write(&labels, samples))
    };
    let then = THEN / 1_000_000;
    write("meter-1", &[(230.5, then + 2_000), (231.0, then + 1_000)]).is(204);
    write("meter-1", &[(231.0, then + 1_000), (229.0, then)]).is(204);
    write(
        "meter-1",
        &[
            (f64::NAN, then + 3_000),
            (f64::from_bits(0x7ff0_0000_0000_0002), then + 4_000),
        ],
    )
    .is(204);
    assert_eq!(
        values(&world, "meter-1", "voltage"),
        [json!(229.0), json!(231.0), json!(230.5), Value::Null, Value::Null]
    );
    let answer = write("meter-1", &[(1.0, then), (228.0, then + 5_000)]).is(400);
    assert_eq!(
        (&answer.body["accepted"], &answer.body["rejected"][0]["code"]),
        (&json!(1), &json!("conflict"))
    );
    for device in ["foreign", "nobody"] {
        let answer = write(device, &[(1.0, then)]).is(400);
        assert_eq!(answer.body["rejected"][0]["code"], "unknown_device", "{device}");
    }
    program.post_bytes("/api/prom/write?org=acme", "no snappy").is(400);
    // It says that it is larger than it may be.
    program
        .post_bytes("/api/prom/write?org=acme", [0xff, 0xff, 0xff, 0x7f, 0].as_slice())
        .is(413);
    let second = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    program
        .without("content-type")
        .with("content-type", second)
        .post_bytes("/api/prom/write?org=acme", "")
        .is(415);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn prometheus_writes_what_it_scrapes() {
    let world = world();
    let token = world.token("acme", &[WRITE], &[]);
    let home = world.home().join("peer");
    std::fs::create_dir(&home).unwrap();
    // It scrapes fleetd and names the device by a label of its own; what it scrapes is written as it comes.
    let (base, address) = (world.fleetd.http(), world.fleetd.http().trim_start_matches("http://"));
    let configuration = format!(
        "global: {{scrape_interval: 1s, external_labels: {{device: meter-1}}}}\n\
         scrape_configs:\n  - {{job_name: fleetd, static_configs: [{{targets: ['{address}']}}]}}\n\
         remote_write:\n  - url: {base}/api/prom/write?org=acme\n    authorization: {{credentials: {token}}}\n    queue_config: {{batch_send_deadline: 200ms}}\n"
    );
    let _prometheus = Prometheus::start(&home, &configuration);
    let until = std::time::Instant::now() + fleet_tests::fleetd::PATIENCE;
    let latest = || {
        let latest = ["telemetry", "latest", "device/meter-1", "--org", "acme", "-o", "json"];
        world.fleetctl(&latest).ok().json()
    };
    let is_up = |latest: &Value| latest.as_array().unwrap().iter().any(|row| row["sensor"] == "up");
    while !is_up(&latest()) || values(&world, "meter-1", "up").len() < 3 {
        let log = || std::fs::read_to_string(home.join("prometheus.log")).unwrap();
        assert!(std::time::Instant::now() < until, "nothing is written: {}", log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let up = values(&world, "meter-1", "up");
    assert!(up.iter().all(|value| *value == 1.0), "{up:?}");
    let latest = latest();
    let rows = latest.as_array().unwrap();
    let of_up = rows.iter().find(|row| row["sensor"] == "up").unwrap();
    assert_eq!(of_up["source"], format!("instance={address},job=fleetd"));
    assert!(rows.len() > 10, "{latest}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}
