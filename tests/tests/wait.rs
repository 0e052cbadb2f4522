//! `fleetctl wait`: for a reading, for what a resource says, for its end; and what is told where the time is over. On SQLite
//! and PostgreSQL.

use std::sync::atomic::{AtomicBool, Ordering};

use fleet_tests::peers::Postgres;
use fleet_tests::process::Finished;
use fleet_tests::{Device, ORG, World};
use serde_json::{Value, json};

const FLEET: &str = "
apiVersion: fleet/v1
kind: Site
metadata: {org: acme, name: north}
spec: {}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-1}
spec: {serial: M-1, sensors: [{name: power, unit: W}]}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: m-2}
spec: {serial: M-2, sensors: [{name: power, unit: W}]}
";
const POSITIVE: &str = "telemetry(power) > 0";

fn wait(world: &World, what: &[&str], condition: &str, further: &[&str]) -> Finished {
    let words = [&["wait"], what, &["--for", condition, "--org", ORG], further].concat();
    world.fleetctl(&words)
}

fn send(device: &Device, readings: &[(&str, Value)]) {
    let reading = |(at, value): &(&str, Value)| json!({"dataType": "power", "value": value, "timestamp": at});
    let sent: Value = readings.iter().map(reading).collect();
    assert_eq!(device.ingest(&sent)["accepted"], readings.len());
}

/// What is said where the time is over.
#[track_caller]
fn late(said: &Finished) -> &str {
    assert_eq!((said.code, said.stdout.as_str()), (9, ""), "{said}");
    assert!(said.stderr.contains("FLT-2008"), "{said}");
    &said.stderr
}

fn waits(world: &World) {
    world.apply_text(FLEET).ok();
    let (one, two) = (world.device("M-1"), world.device("M-2"));
    let soon = ["--timeout", "1s"];
    let said = wait(world, &["device/m-1"], POSITIVE, &soon);
    assert!(
        late(&said).contains("device/m-1: `telemetry(power) > 0` did not come true in time: it has no reading"),
        "{said}"
    );
    send(&one, &[("2026-01-01T00:00:00Z", json!(0))]);
    let said = wait(world, &["device/m-1"], POSITIVE, &soon);
    assert!(late(&said).contains("the newest reading is 0 W, "), "{said}");
    assert!(said.stderr.contains("d old"), "{said}");

    // The last of each batch is 0: only who follows the stream sees that there was more.
    let over = AtomicBool::new(false);
    let said = std::thread::scope(|scope| {
        scope.spawn(|| {
            for second in 0.. {
                let at = |second: i64| json!(1_767_229_200_000_i64 + second * 1_000);
                let reading =
                    |second, value: i64| json!({"dataType": "power", "value": value, "timestamp": at(second)});
                one.ingest(&json!([reading(2 * second, 7), reading(2 * second + 1, 0)]));
                if over.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        let said = wait(world, &["device/m-1"], POSITIVE, &["-o", "json"]);
        over.store(true, Ordering::SeqCst);
        said
    });
    let record = said.ok().json();
    assert_eq!(
        (
            &record[0]["ref"],
            &record[0]["for"],
            &record[0]["value"],
            &record[0]["unit"]
        ),
        (&json!("device/m-1"), &json!(POSITIVE), &json!(7.0), &json!("W"))
    );

    // Old is as good as new, unless it is said how old it may be.
    send(
        &two,
        &[("2026-01-01T00:00:00Z", json!(5)), ("2026-01-01T00:00:01Z", json!(6))],
    );
    let said = wait(world, &["device", "m-2"], "telemetry(power)>=6", &["-o", "jsonl"]).ok();
    assert_eq!(said.json_lines()[0]["timestamp"], "2026-01-01T00:00:01Z");
    wait(world, &["device/m-2"], "telemetry(power) != 6", &soon).code_is(9);
    let said = wait(
        world,
        &["device/m-2"],
        "telemetry(power) == 6",
        &["--within", "1h", "--timeout", "1s"],
    );
    assert!(late(&said).contains("the newest reading is 6 W, "), "{said}");
    // A late one is not what the sensor says now, and a bad one says nothing.
    send(&two, &[("2026-01-01T00:00:00.5Z", json!(-1))]);
    wait(world, &["device/m-2"], "telemetry(power) < 0", &soon).code_is(9);
    let bad = json!([{"dataType": "power", "value": 9, "quality": "bad", "timestamp": "2026-01-01T00:00:02Z"}]);
    assert_eq!(two.ingest(&bad)["accepted"], 1);
    let said = wait(world, &["device/m-2"], "telemetry(power)", &soon);
    assert!(
        late(&said).contains("the newest reading is 9 W, bad (device), "),
        "{said}"
    );
    resources(world);
}

fn resources(world: &World) {
    let ring = "jq=.metadata.labels.ring == \"a\"";
    let said = wait(world, &["site/north", "device/m-1"], ring, &["--timeout", "1s"]);
    assert!(
        late(&said).contains("site/north") && said.stderr.contains("it gives false"),
        "{said}"
    );
    let said = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(world, &["site/north", "device/m-1"], ring, &["-o", "name"]));
        for what in ["site/north", "device/m-1"] {
            world.fleetctl(&["label", what, "ring=a", "--org", ORG]).ok();
        }
        waiting.join().unwrap()
    });
    assert_eq!(said.ok().stdout, "site/north\ndevice/m-1\n");

    let said = wait(world, &["device/m-1"], "delete", &["--timeout", "1s"]);
    assert!(late(&said).contains("it is still there"), "{said}");
    let said = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(world, &["device/m-1"], "delete", &["-o", "yaml"]));
        world.fleetctl(&["delete", "device/m-1", "--org", ORG, "--yes"]).ok();
        waiting.join().unwrap()
    });
    assert!(said.ok().stdout.contains("ref: device/m-1\n"));
    wait(world, &["device/never"], "delete", &[]).ok();

    wait(world, &["device/never"], POSITIVE, &[]).code_is(6);
    wait(world, &["site/north"], POSITIVE, &[]).code_is(2);
    wait(world, &["devices"], POSITIVE, &[]).code_is(2);
    wait(world, &["device/m-2"], "telemetry(power) > much", &[]).code_is(2);
    wait(world, &["device/m-2"], "jq=.a |", &[]).code_is(2);
    wait(world, &["device/m-2"], "delete", &["--within", "1h"]).code_is(2);
    let csv = wait(world, &["device/never"], "delete", &["-o", "csv"]).ok().stdout;
    assert_eq!(csv, "name,for,value,unit,time\ndevice/never,delete,,,\n");
}

/// A command that must end with a code.
trait Ends {
    fn code_is(&self, code: i32);
}

impl Ends for Finished {
    #[track_caller]
    fn code_is(&self, code: i32) {
        assert_eq!(self.code, code, "{self}");
    }
}

#[test]
fn a_script_waits_for_what_it_needs() {
    waits(&World::start());
}

#[test]
fn a_script_waits_for_what_it_needs_on_postgresql() {
    let server = Postgres::start();
    waits(&World::with(&["--database-url", &server.url()]));
}
