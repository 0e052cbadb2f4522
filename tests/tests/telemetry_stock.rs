//! What is stored and what is missing: the catalogue of series, and gaps.

use fleet_tests::peers::Postgres;
use fleet_tests::{ORG, World};
use serde_json::{Value, json};

const FLEET: &str = "
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: north}
spec: {}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-1, labels: {ring: a}}
spec: {deviceType: meter, serial: M-1, site: north}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-2}
spec: {deviceType: meter, serial: M-2}
";

fn moment(second: i64) -> String {
    jiff::Timestamp::from_second(1_767_225_600 + second)
        .unwrap()
        .to_string()
}

fn send(device: &fleet_tests::Device, readings: &[Value]) {
    for part in readings.chunks(500) {
        assert_eq!(device.ingest(&json!(part))["accepted"], part.len());
    }
}

fn measure(world: &World) {
    world.apply_text(FLEET).ok();
    let [one, two] = ["M-1", "M-2"].map(|serial| world.device(serial));
    // Every ten seconds for an hour, but for ten minutes from 600 on; then bad ones, each of two kinds, for five minutes.
    let power = (0..360_i64)
        .map(|nth| nth * 10)
        .filter(|second| !(600..1_200).contains(second))
        .map(|second| {
            let mut reading = json!({"dataType": "power", "value": second, "unit": "W", "timestamp": moment(second)});
            if (1_800..2_100).contains(&second) {
                reading["value"] = Value::Null;
            }
            reading
        });
    send(&one, &power.collect::<Vec<_>>());
    let flow = |slave: u8| {
        (0..100_i64).map(move |nth| json!({"dataType": "flow", "value": 1, "timestamp": moment(nth), "bus": "main", "slaveId": slave}))
    };
    send(&one, &flow(1).chain(flow(2)).collect::<Vec<_>>());
    // Two days: several files.
    send(
        &two,
        &[json!({"dataType": "level", "value": 1, "timestamp": moment(0)})],
    );
    send(
        &two,
        &[json!({"dataType": "level", "value": 2, "timestamp": moment(86_400)})],
    );
}

fn catalogue(world: &World) {
    let ask = |words: &[&str]| {
        let said = world.fleetctl(&[&["telemetry", "series", "--org", ORG, "-o", "jsonl"], words].concat());
        said.ok().json_lines()
    };
    let rows = |found: &[Value]| -> Vec<(String, u64, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found
            .iter()
            .map(|row| {
                let name = format!(
                    "{}/{}/{}",
                    text(&row["device"]),
                    text(&row["sensor"]),
                    text(&row["source"])
                );
                (
                    name,
                    row["readings"].as_u64().unwrap(),
                    text(&row["first"]),
                    text(&row["last"]),
                )
            })
            .collect()
    };
    let all = ask(&[]);
    let row = |name: &str, readings, first, last| (name.to_owned(), readings, moment(first), moment(last));
    assert_eq!(
        rows(&all),
        [
            row("m-1/flow/main:1", 100, 0, 99),
            row("m-1/flow/main:2", 100, 0, 99),
            row("m-1/power/", 300, 0, 3_590),
            row("m-2/level/", 2, 0, 86_400),
        ]
    );
    assert_eq!(all[2]["unit"], "W");
    for one in &all {
        let (bytes, readings) = (one["bytes"].as_u64().unwrap(), one["readings"].as_u64().unwrap());
        // Some of a byte, and no more than a row of a database.
        assert!(bytes * 10 >= readings && bytes <= readings * 200, "{one}");
    }
    assert_eq!(ask(&["device/m-1", "flow"]).len(), 2);
    assert_eq!(ask(&["device/m-1", "--source", "main:2"]).len(), 1);
    assert_eq!(ask(&["-l", "ring=a", "power"]).len(), 1);
    assert_eq!(ask(&["--site", "north"]).len(), 3);
    for word in ["device/m-9", "device/m-1 nope"] {
        let words: Vec<_> = ["telemetry", "series", "--org", ORG]
            .into_iter()
            .chain(word.split(' '))
            .collect();
        assert_eq!(world.fleetctl(&words).code, 6, "{word}");
    }
}

fn gaps(world: &World) {
    let ask = |words: &[&str]| {
        let span = ["--from", &moment(0), "--to", &moment(3_600)];
        world.fleetctl(&[&["telemetry", "gaps", "--org", ORG, "-o", "jsonl"], words, &span].concat())
    };
    let rows = |words: &[&str]| -> Vec<(String, String, f64, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let told = |row: &Value| {
            (
                text(&row["from"]),
                text(&row["to"]),
                row["seconds"].as_f64().unwrap(),
                text(&row["why"]),
            )
        };
        ask(words).ok().json_lines().iter().map(told).collect()
    };
    let row = |from, to, why: &str| (moment(from), moment(to), (to - from) as f64, why.to_owned());
    let silence = row(590, 1_200, "no readings");
    let bad = row(1_790, 2_100, "30 readings are not good: device");
    assert_eq!(rows(&["device/m-1", "power"]), [silence.clone(), bad.clone()]);
    assert_eq!(rows(&["device/m-1", "power", "--longer", "10m"]), [silence]);
    // Of every sensor: those that were read every second are silent after the first hundred.
    let all = ask(&["device/m-1"]).ok().json_lines();
    let sensors: Vec<_> = all
        .iter()
        .map(|row| (row["sensor"].as_str().unwrap(), row["source"].as_str().unwrap()))
        .collect();
    assert_eq!(
        sensors,
        [("flow", "main:1"), ("flow", "main:2"), ("power", ""), ("power", "")]
    );
    assert_eq!(all[0]["why"], "no readings, to the end of the time");
    assert_eq!(
        rows(&["device/m-2", "level", "--longer", "1m"]),
        [row(0, 3_600, "no readings, to the end of the time")]
    );
    let table = world.fleetctl(&[
        "telemetry",
        "gaps",
        "device/m-1",
        "power",
        "--org",
        ORG,
        "--from",
        &moment(0),
        "--to",
        &moment(3_600),
    ]);
    assert!(table.ok().stdout.contains("10m 10s"));
    assert_eq!(ask(&["device/m-1", "nope"]).code, 6);
    assert_eq!(ask(&["device/m-1", "power", "--longer", "0s"]).code, 2);
}

#[test]
fn what_is_stored_and_what_is_missing_is_told() {
    let world = World::start();
    measure(&world);
    catalogue(&world);
    gaps(&world);
}

#[test]
fn what_is_stored_and_what_is_missing_is_told_on_postgresql() {
    let server = Postgres::start();
    let world = World::with(&["--database-url", &server.url()]);
    measure(&world);
    catalogue(&world);
    gaps(&world);
}

/// The lines of `get devices --spark`.
#[test]
fn devices_are_shown_with_what_a_sensor_did() {
    let world = World::start();
    world.apply_text(FLEET).ok();
    let [one, two] = ["M-1", "M-2"].map(|serial| world.device(serial));
    let now = jiff::Timestamp::now();
    let ago = |minutes: i64| (now - jiff::SignedDuration::from_mins(minutes)).to_string();
    // Up over a day, and nothing for its second quarter; one bad reading, an hour old.
    let up = (0..24_i64).filter(|hour| !(6..12).contains(hour));
    let up = up
        .map(|hour| json!({"dataType": "power", "unit": "W", "value": hour, "timestamp": ago((24 - hour) * 60 - 30)}));
    send(&one, &up.collect::<Vec<_>>());
    send(
        &one,
        &[json!({"dataType": "power", "value": Value::Null, "timestamp": ago(60)})],
    );
    send(&two, &[json!({"dataType": "level", "value": 1, "timestamp": ago(5)})]);
    let get = |words: &[&str]| world.fleetctl(&[&["get"], words, &["--org", ORG]].concat());
    let devices = get(&["devices", "--spark", "power:24h", "-o", "json"]).ok().json();
    let spark = |nth: usize| devices[nth]["spark"].clone();
    let numbers = |spark: &Value| -> Vec<f64> {
        spark["values"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect()
    };
    assert_eq!(
        (spark(0)["sensor"].as_str(), spark(0)["unit"].as_str()),
        (Some("power"), Some("W"))
    );
    assert_eq!(spark(0)["everySeconds"], 3_600.0);
    let values = numbers(&spark(0));
    assert!(
        values.is_sorted() && values.len() >= 17 && values.len() <= 18,
        "{values:?}"
    );
    assert!(
        spark(0)["values"].as_array().unwrap().len() > values.len() + 4,
        "the gap is told: {}",
        spark(0)
    );
    assert_eq!(spark(1)["values"], json!([]), "it has no such sensor");
    // Off a terminal numbers, at a terminal bars, for those who hear it words.
    let table = get(&["devices", "--spark", "power:24h"]).ok().stdout;
    assert!(
        table.lines().next().unwrap().contains("POWER:24H") && table.contains("20,21,22,23"),
        "{table}"
    );
    let mut command = world.fleetctl_command();
    command.args(["get", "devices", "--org", ORG, "--spark", "power:24h"]);
    let shown = fleet_tests::process::on_terminal(&command, b"", fleet_tests::fleetd::PATIENCE)
        .ok()
        .stdout;
    assert!(
        shown.contains('▁') && shown.contains('█') && shown.contains("    "),
        "{shown}"
    );
    let said = command.env("FLEETCTL_ACCESSIBLE", "1").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("power: from ")
            && said.contains("to 23 W")
            && said.contains("with 1 gap; not all readings were good in 1 of"),
        "{said}"
    );
    // Only what is shown is asked for; without the column nothing is.
    let one = get(&["device/m-1", "--spark", "power:24h", "-o", "json"]).ok().json();
    assert_eq!(numbers(&one["spark"]), values);
    let labelled = get(&["devices", "-l", "ring=a", "--spark", "power:24h", "-o", "jsonl"])
        .ok()
        .json_lines();
    assert_eq!(labelled.len(), 1);
    assert!(get(&["devices", "-o", "json"]).ok().json()[0].get("spark").is_none());
    for (words, code, says) in [
        (&["sites", "--spark", "power:24h"][..], 2, "readings of devices"),
        (&["devices", "--spark", "power"], 2, "is no SENSOR:TIME"),
        (
            &["devices", "--spark", "power:24h", "--at", "1"],
            2,
            "cannot be used with",
        ),
    ] {
        let refused = get(words);
        assert!(
            refused.code == code && refused.stderr.contains(says),
            "{words:?}: {refused}"
        );
    }
    let none = get(&["devices", "--spark", "nope:1h"]).ok();
    assert!(none.stderr.contains("no device has readings of `nope`"), "{none}");
}
