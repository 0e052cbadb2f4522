//! Aggregates of several devices: put together, told apart, gaps filled, counters that roll over, units that differ; on
//! SQLite and PostgreSQL.

use fleet_tests::peers::Postgres;
use fleet_tests::{Device, ORG, World};
use serde_json::{Value, json};

const FLEET: &str = "
apiVersion: fleet/v1
kind: Customer
metadata: {org: acme, name: c-1}
spec: {company: First}
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
metadata: {org: acme, name: m-1, labels: {ring: a}}
spec:
  deviceType: meter
  serial: M-1
  site: north
  customer: c-1
  sensors: [{name: power, unit: W}, {name: energy, unit: kWh, rollover: 1000}]
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-2, labels: {ring: a}}
spec:
  deviceType: meter
  serial: M-2
  site: north
  sensors: [{name: power, unit: kW}, {name: energy, unit: kWh}]
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-3, labels: {ring: b}}
spec:
  deviceType: meter
  serial: M-3
  site: south
  sensors: [{name: power, unit: V}]
";

/// Sends what was read at minutes of an hour.
fn send(device: &Device, sensor: &str, readings: &[(u32, Value)]) {
    let reading = |(minute, value): &(u32, Value)| json!({"dataType": sensor, "value": value, "timestamp": format!("2026-01-01T00:{minute:02}:00Z")});
    let readings: Vec<_> = readings.iter().map(reading).collect();
    assert_eq!(
        device.ingest(&json!(readings))["accepted"],
        readings.len(),
        "{readings:?}"
    );
}

/// What a query of the first half hour in steps of ten minutes gives: group, minute, value.
fn query(world: &World, words: &[&str]) -> Vec<(String, u32, Option<f64>)> {
    let span = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-01-01T00:30:00Z",
        "--every",
        "10m",
    ];
    let all = [&["telemetry", "query", "--org", ORG], words, &span, &["-o", "jsonl"]].concat();
    let told = |bucket: &Value| {
        let time = bucket["bucket"].as_str().unwrap();
        let minute = time[14..16].parse().unwrap();
        (
            bucket["group"].as_str().unwrap().to_owned(),
            minute,
            bucket["value"].as_f64(),
        )
    };
    world.fleetctl(&all).ok().json_lines().iter().map(told).collect()
}

fn queries(world: &World) {
    world.apply_text(FLEET).ok();
    let [one, two, three] = ["M-1", "M-2", "M-3"].map(|serial| world.device(serial));
    send(
        &one,
        "power",
        &[(1, json!(100)), (2, json!(300)), (12, json!(500)), (25, Value::Null)],
    );
    send(&two, "power", &[(3, json!(0.5)), (21, json!(0.7))]);
    send(&three, "power", &[(5, json!(230))]);
    send(
        &one,
        "energy",
        &[(0, json!(990)), (9, json!(995)), (11, json!(5)), (21, json!(8))],
    );
    send(&two, "energy", &[(0, json!(50)), (9, json!(60)), (11, json!(4))]);

    let group = |name: &str, rows: &[(u32, Option<f64>)]| -> Vec<(String, u32, Option<f64>)> {
        rows.iter()
            .map(|(minute, value)| (name.to_owned(), *minute, *value))
            .collect()
    };
    // Watts and kilowatts go together, in the first one's unit.
    assert_eq!(
        query(world, &["power", "-l", "ring=a"]),
        group("", &[(0, Some(300.0)), (10, Some(500.0)), (20, Some(700.0))])
    );
    assert_eq!(
        query(
            world,
            &[
                "power",
                "--site",
                "north",
                "--agg",
                "max",
                "--group-by",
                "device",
                "--fill",
                "previous"
            ]
        ),
        [
            group("m-1", &[(0, Some(300.0)), (10, Some(500.0)), (20, Some(500.0))]),
            group("m-2", &[(0, Some(500.0)), (10, Some(500.0)), (20, Some(700.0))]),
        ]
        .concat()
    );
    assert_eq!(
        query(
            world,
            &[
                "power",
                "-l",
                "ring",
                "--agg",
                "count",
                "--group-by",
                "site",
                "--fill",
                "null"
            ]
        ),
        [
            group("north", &[(0, Some(3.0)), (10, Some(1.0)), (20, Some(1.0))]),
            group("south", &[(0, Some(1.0)), (10, Some(0.0)), (20, Some(0.0))]),
        ]
        .concat()
    );
    assert_eq!(
        query(world, &["power", "--customer", "c-1", "--fill", "linear"]),
        group("", &[(0, Some(200.0)), (10, Some(500.0)), (20, None)]),
        "behind the last value there is no line"
    );
    assert_eq!(
        query(
            world,
            &[
                "power",
                "--site",
                "north",
                "--customer",
                "c-1",
                "--group-by",
                "label:ring"
            ]
        )[0],
        ("a".to_owned(), 0, Some(200.0))
    );
    // 990, 995, over 1000 to 5, 8; and 50, 60, anew to 4.
    assert_eq!(
        query(
            world,
            &["energy", "-l", "ring=a", "--agg", "delta", "--group-by", "device"]
        ),
        [
            group("m-1", &[(0, Some(5.0)), (10, Some(10.0)), (20, Some(3.0))]),
            group("m-2", &[(0, Some(10.0)), (10, Some(4.0))]),
        ]
        .concat()
    );
    assert_eq!(
        query(world, &["energy", "-l", "ring=a", "--agg", "delta"]),
        group("", &[(0, Some(15.0)), (10, Some(14.0)), (20, Some(3.0))])
    );
    let rate = query(world, &["device/m-1", "energy", "--agg", "rate"]);
    assert!((rate[1].2.unwrap() - 10.0 / 120.0).abs() < 1e-12, "{rate:?}");
    // 100 for a minute, 300 for nine; then 300 for two and 500 for eight; 500 until what is missing.
    assert_eq!(
        query(world, &["device/m-1", "power", "--agg", "twa"]),
        group(
            "",
            &[
                (0, Some((100.0 + 8.0 * 300.0) / 9.0)),
                (10, Some(460.0)),
                (20, Some(500.0))
            ]
        )
    );
    plots(world);
    refused(world);
}

fn plots(world: &World) {
    let span = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:30:00Z"];
    let plot = |words: &[&str]| world.fleetctl(&[&["telemetry", "plot", "--org", ORG], words, &span].concat());
    let drawn = plot(&["power", "-l", "ring=a", "--group-by", "device", "--height", "6"])
        .ok()
        .stdout;
    let is_dot = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
    assert!(
        drawn.starts_with("power of ring=a (mean) [W]\n") && drawn.ends_with("m-1   m-2\n"),
        "{drawn}"
    );
    assert!(
        drawn.contains("500 ┤") && drawn.contains('!') && drawn.contains(is_dot),
        "{drawn}"
    );
    let path = world.home().join("power.svg");
    plot(&["device/m-1", "power", "--svg", path.to_str().unwrap()]).ok();
    let picture = std::fs::read_to_string(&path).unwrap();
    assert!(
        picture.contains("class=\"bad\"") && picture.contains("<polyline"),
        "{picture}"
    );
    let path = world.home().join("power.png");
    plot(&["device/m-1", "power", "--png", path.to_str().unwrap()]).ok();
    let picture = std::fs::read(&path).unwrap();
    assert_eq!(picture[..8], *b"\x89PNG\r\n\x1a\n");
    let said = world
        .fleetctl_command()
        .args([
            "telemetry",
            "plot",
            "device/m-1",
            "power",
            "--org",
            ORG,
            "--every",
            "10m",
        ])
        .args(span)
        .env("FLEETCTL_ACCESSIBLE", "1")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        "power of device/m-1 (mean): from 200 W to 500 W, least 200 W, greatest 500 W; not all readings were good in 1 of 3 intervals\n"
    );
    let none = plot(&["device/m-1", "power", "--from", "2025-01-01T00:00:00Z"]);
    assert_eq!(none.code, 2, "{}", none.stderr);
    assert_eq!(plot(&["device/m-1", "power", "-o", "json"]).code, 2);
}

fn refused(world: &World) {
    let ask = |words: &[&str]| {
        let said = world.fleetctl(&[&["telemetry", "query", "--org", ORG], words].concat());
        assert_eq!(said.code, 3, "{words:?}: {}", said.stderr);
        said.stderr
    };
    let span = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-01-01T01:00:00Z",
        "--every",
        "10m",
    ];
    let units = ask(&[&["power", "-l", "ring"], &span[..]].concat());
    assert!(units.contains("device/m-1 has W, device/m-3 has V"), "{units}");
    let word = ask(&[&["power", "-l", "ring", "--group-by", "colour"], &span[..]].concat());
    assert!(word.contains("known are device, site, customer, label:KEY"), "{word}");
    let many = ask(&["power", "-l", "ring", "--from", "-30d", "--every", "1s"]);
    assert!(many.contains("choose wider intervals"), "{many}");
    // As many do for all devices together, and not for each.
    let each = ["-l", "ring", "--from", "-5d", "--every", "1s", "--agg", "count"];
    let each = ask(&[&["power"], &each[..], &["--group-by", "device"]].concat());
    assert!(each.contains("fewer groups"), "{each}");
    let site = world.fleetctl(&["telemetry", "query", "power", "--site", "nroth", "--org", ORG]);
    assert_eq!(site.code, 6, "{}", site.stderr);
    assert!(site.stderr.contains("site/nroth"), "{}", site.stderr);
}

#[test]
fn several_devices_are_asked_at_once() {
    queries(&World::start());
}

#[test]
fn several_devices_are_asked_at_once_on_postgresql() {
    let server = Postgres::start();
    queries(&World::with(&["--database-url", &server.url()]));
}
