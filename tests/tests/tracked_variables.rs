//! What a widget follows: a variable from git, its samples over gRPC and HTTP, and who gets none. On SQLite and PostgreSQL.

use fleet_tests::peers::Postgres;
use fleet_tests::{Http, ORG, World};
use serde_json::{Value, json};

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
metadata: {org: acme, name: m-1}
spec: {serial: M-1, site: north, sensors: [{name: power, unit: W}]}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-2}
spec: {serial: M-2, site: south}
---
apiVersion: fleet/v1
kind: TrackedVariable
metadata: {org: acme, name: widget-1}
spec: {device: m-1, sensor: power, maxSamples: 3, site: north}
---
apiVersion: fleet/v1
kind: TrackedVariable
metadata: {org: acme, name: usual}
spec: {device: m-1, sensor: power}
---
apiVersion: fleet/v1
kind: TrackedVariable
metadata: {org: acme, name: early}
spec: {device: m-1, sensor: pressure, site: north}
---
apiVersion: fleet/v1
kind: TrackedVariable
metadata: {org: acme, name: borrowed}
spec: {device: m-2, sensor: power, site: north}
";

fn values(rows: &[Value]) -> Vec<&Value> {
    rows.iter().map(|row| &row["value"]).collect()
}

fn follows(world: &World) {
    world.apply_text(FLEET).ok();
    let samples = |variable: &str| world.fleetctl(&["telemetry", "samples", variable, "--org", ORG, "-o", "json"]);
    let [one, two] = ["M-1", "M-2"].map(|serial| world.device(serial));
    assert_eq!(samples("tracked-variable/widget-1").ok().json(), json!([]));
    // One a day, so that the newest of them lie in several files.
    let reading = |day: u32, value: Value| json!({"dataType": "power", "value": value, "timestamp": format!("2026-0{}-{:02}T12:00:00Z", 1 + day / 28, 1 + day % 28)});
    let mut readings: Vec<Value> = (0..60).map(|day| reading(day, json!(day))).collect();
    readings.push(reading(60, Value::Null));
    one.ingest(&json!(readings));
    two.ingest(&json!([reading(1, json!(1))]));

    let told = samples("trackedvariable/widget-1").ok().json();
    let told = told.as_array().unwrap();
    assert_eq!(
        values(told),
        [&json!(58.0), &json!(59.0), &Value::Null],
        "what is missing is no zero"
    );
    assert_eq!(
        (&told[2]["quality"], &told[0]["device"]),
        (&json!("bad"), &json!("m-1"))
    );
    let usual = samples("usual").ok().json();
    assert_eq!(usual.as_array().unwrap().len(), 50);
    assert_eq!(usual[0]["value"], 11.0);
    assert_eq!(samples("early").ok().json(), json!([]));
    assert_eq!(samples("device/m-1").code, 2);
    assert_eq!(samples("never").code, 6);

    let viewer = |org: &str, further: &[&str]| {
        Http::new(world.fleetd.http()).token(&world.token(org, &["view:telemetry"], further))
    };
    let path = |variable: &str| format!("/api/tracked-variables/{variable}/samples?org=acme");
    let north = viewer("acme", &["--site", "north"]);
    let over_http = north.get(&path("widget-1")).is(200).body;
    assert_eq!(values(over_http["data"].as_array().unwrap()), values(told));
    assert_eq!(
        (&over_http["device_id"], &over_http["data"][0]["sensor_type"]),
        (&json!("m-1"), &json!("power"))
    );
    // Nobody sees another site's readings by a variable of one's own.
    let missing = |http: &Http, variable: &str| {
        http.get(&path(variable))
            .is(404)
            .body
            .to_string()
            .replace(variable, "NAME")
    };
    let nothing = missing(&north, "nothing");
    for hidden in ["borrowed", "usual"] {
        assert_eq!(missing(&north, hidden), nothing, "{hidden}");
    }
    let other = viewer("other", &[]);
    assert_eq!(missing(&other, "widget-1"), missing(&other, "nothing"));
    let wrong = world.token("acme", &["view:tracked-variable"], &[]);
    Http::new(world.fleetd.http())
        .token(&wrong)
        .get(&path("widget-1"))
        .is(403);
    viewer("acme", &[]).get(&path("borrowed")).is(200);

    refused(world);
    // A variable goes with its device.
    world.fleetctl(&["delete", "device/m-1", "--org", ORG, "--yes"]).ok();
    let left = world
        .fleetctl(&["get", "tracked-variables", "--org", ORG, "-o", "name"])
        .ok();
    assert_eq!(left.stdout, "tracked-variable/borrowed\n");
}

fn refused(world: &World) {
    let apply = |spec: &str| {
        let manifest = format!(
            "apiVersion: fleet/v1\nkind: TrackedVariable\nmetadata: {{org: acme, name: wrong}}\nspec: {spec}\n"
        );
        let said = world.apply_text(&manifest);
        assert_eq!(said.code, 3, "{said}");
        said.stderr
    };
    assert!(apply("{device: m-9, sensor: power}").contains("m-9"));
    assert!(apply("{device: m-1}").contains("spec.sensor"));
    assert!(apply("{device: m-1, sensor: power, maxSamples: 0}").contains("maxSamples"));
    assert!(apply("{device: m-1, sensor: power, maxSamples: 10001}").contains("10000"));
}

#[test]
fn a_widget_follows_a_sensor() {
    follows(&World::start());
}

#[test]
fn a_widget_follows_a_sensor_on_postgresql() {
    let server = Postgres::start();
    follows(&World::with(&["--database-url", &server.url()]));
}
