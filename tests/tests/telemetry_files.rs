//! Readings go out into files and come back as they were; bad files and refused readings are told with their places.

use std::path::Path;
use std::process::Stdio;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::{Postgres, parquet_read, parquet_write};
use fleet_tests::process::{until, wait};
use fleet_tests::{Finished, ORG, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

/// An organization with a device and the sensors of it.
fn organization(name: &str) -> String {
    format!(
        "
apiVersion: fleet/v1
kind: Organization
metadata: {{name: {name}}}
spec: {{}}
---
apiVersion: fleet/v1
kind: Site
metadata: {{org: {name}, name: north}}
spec: {{}}
---
apiVersion: fleet/v1
kind: Device
metadata: {{org: {name}, name: m-1, labels: {{ring: a}}}}
spec:
  deviceType: meter
  serial: M-1
  site: north
  sensors: [{{name: power, unit: W, max: 1000}}]
---
apiVersion: fleet/v1
kind: Device
metadata: {{org: {name}, name: m-2}}
spec: {{deviceType: meter, serial: M-2}}
"
    )
}

/// Readings of every shape, of two devices.
fn measure(world: &World) {
    world.apply_text(&organization(ORG)).ok();
    let [one, two] = ["M-1", "M-2"].map(|serial| world.device(serial));
    let at = |second: u32| format!("2026-01-01T00:{:02}:{:02}.000{:03}Z", second / 60, second % 60, second);
    let mut items = Vec::new();
    for (second, value) in [
        (1, json!(0.1)),
        (2, json!(-0.0)),
        (3, json!(0.300_000_000_000_000_04)),
        (4, json!(5e-324)),
        (5, json!(-1.797_693_134_862_315_7e308)),
        // Outside of the range: uncertain, with a reason.
        (6, json!(1000.5)),
        (7, Value::Null),
        (8, json!("open, \"half\"\nway ü")),
        (9, json!({"b": [1, 2.5, null], "a": true})),
        (10, json!(false)),
    ] {
        items.push(json!({"dataType": "power", "value": value, "unit": "W", "timestamp": at(second)}));
    }
    items.push(json!({"dataType": "power", "value": 1, "timestamp": at(20), "quality": "uncertain"}));
    items.push(json!({"dataType": "power", "value": 2, "timestamp": at(21), "quality": "bad"}));
    items.push(
        json!({"dataType": "voltage", "value": 230, "unit": "V", "timestamp": at(1), "bus": "main", "slaveId": 1}),
    );
    items.push(
        json!({"dataType": "voltage", "value": 231, "unit": "V", "timestamp": at(1), "bus": "main", "slaveId": 2}),
    );
    // Now: its time of receipt is its own.
    items.push(json!({"dataType": "level", "value": 7.25}));
    assert_eq!(one.ingest(&json!(items))["accepted"], items.len());
    let many: Vec<_> = (0..9_000)
        .map(|nth| {
            json!({"dataType": "flow", "value": f64::from(nth) * 0.1, "timestamp": 1_767_225_600_000_i64 + i64::from(nth) * 1_000})
        })
        .collect();
    for part in many.chunks(1_000) {
        assert_eq!(two.ingest(&json!(part))["accepted"], part.len());
    }
}

fn export(world: &World, org: &str, words: &[&str], file: &Path) -> Value {
    let file = file.to_str().unwrap();
    let all = [
        &["telemetry", "export", "--org", org, "-o", "json", "--file", file],
        words,
    ]
    .concat();
    world.fleetctl(&all).ok().json()
}

fn import(world: &World, org: &str, words: &[&str]) -> Finished {
    world.fleetctl(&[&["telemetry", "import", "--org", org, "-o", "json"], words].concat())
}

/// Readings, accepted, duplicates, rejected, bad.
fn counts(told: &Value) -> [u64; 5] {
    ["readings", "accepted", "duplicates", "rejected", "bad"].map(|name| told[name].as_u64().unwrap())
}

const TOTAL: u64 = 9_015;

fn there_and_back(world: &World) {
    measure(world);
    let lines = world.home().join("all.jsonl");
    assert_eq!(export(world, ORG, &[], &lines)["readings"], TOTAL);
    let wanted = std::fs::read_to_string(&lines).unwrap();
    for format in FORMATS {
        let file = world.home().join(format!("all.{format}"));
        let told = export(world, ORG, &[], &file);
        assert_eq!(told["readings"], TOTAL);
        assert_eq!(told["bytes"], std::fs::metadata(&file).unwrap().len());
        let org = format!("copy-{format}");
        world.apply_text(&organization(&org)).ok();
        let path = file.to_str().unwrap();
        let dry = import(world, &org, &[path, "--dry-run"]).ok().json();
        assert_eq!(counts(&dry), [TOTAL, 0, 0, 0, 0]);
        let nothing = world.home().join("nothing.jsonl");
        assert_eq!(
            export(world, &org, &[], &nothing)["readings"],
            0,
            "a dry run imports nothing"
        );
        let first = import(world, &org, &[path]).ok().json();
        assert_eq!(counts(&first), [TOTAL, TOTAL, 0, 0, 0], "{format}: {first}");
        let back = world.home().join(format!("back-{format}.jsonl"));
        export(world, &org, &[], &back);
        // Every field of every reading, to the last bit: numbers are written so that they are read as they were.
        assert_eq!(std::fs::read_to_string(&back).unwrap(), wanted, "{format}");
        let again = import(world, &org, &[path]).ok().json();
        assert_eq!(counts(&again), [TOTAL, 0, TOTAL, 0, 0], "{format}: the same file twice");
        let same = world.home().join(format!("same.{format}"));
        export(world, &org, &[], &same);
        assert_eq!(std::fs::read(&same).unwrap(), std::fs::read(&file).unwrap(), "{format}");
    }
    let told = |needle: &str| {
        let line = wanted.lines().find(|line| line.contains(needle));
        serde_json::from_str::<Value>(line.unwrap_or_else(|| panic!("no {needle}"))).unwrap()
    };
    assert_eq!(told("00:00:06")["reason"], "out_of_range");
    assert_eq!(told("00:00:07")["value"], Value::Null);
    assert_eq!(told("00:00:08")["text"], "open, \"half\"\nway ü");
    assert!(told("00:00:08")["received"].is_string());
    assert_eq!(told("level").get("received"), None);
    chosen(world);
}

/// What of it is exported.
fn chosen(world: &World) {
    let file = world.home().join("part.csv");
    let count = |words: &[&str]| export(world, ORG, words, &file)["readings"].as_u64().unwrap();
    assert_eq!(count(&["device/m-1"]), 15);
    assert_eq!(count(&["device/m-1", "power"]), 12);
    assert_eq!(count(&["device/m-1", "--source", "main:2"]), 1);
    assert_eq!(count(&["-l", "ring=a", "power"]), 12);
    assert_eq!(count(&["--site", "north"]), 15);
    let span = ["--from", "2026-01-01T00:00:10Z", "--to", "2026-01-01T00:00:20Z"];
    assert_eq!(count(&[&["device/m-2", "flow"], &span[..]].concat()), 10);
    // Several sources: the sensor alone does not say which.
    let several = [
        "telemetry",
        "export",
        "device/m-1",
        "voltage",
        "--org",
        ORG,
        "--file",
        "x.csv",
    ];
    let several = world.fleetctl(&several);
    assert!(
        several.code == 3 && several.stderr.contains("choose one of main:1, main:2"),
        "{several}"
    );
    let printed = world.fleetctl(&[
        "telemetry",
        "export",
        "device/m-1",
        "--org",
        ORG,
        "--file",
        "-",
        "--format",
        "csv",
    ]);
    let printed = printed.ok().stdout;
    assert!(printed.starts_with("device,sensor,source,unit,timestamp,value,text,quality,reason,received\n"));
    assert_eq!(printed.lines().count(), 16, "{printed}");
    let parquet = world.fleetctl(&[
        "telemetry",
        "export",
        "--org",
        ORG,
        "--file",
        "-",
        "--format",
        "parquet",
    ]);
    assert_eq!(parquet.code, 2, "{parquet}");
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    there_and_back(&World::start());
}

#[test]
fn what_is_exported_is_imported_as_it_was_on_postgresql() {
    let server = Postgres::start();
    there_and_back(&World::with(&["--database-url", &server.url()]));
}

#[test]
fn a_file_is_whole_or_absent() {
    let world = World::start();
    measure(&world);
    let folder = world.home().join("files");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("all.csv");
    std::fs::write(&file, "before").unwrap();
    let failed = [
        "telemetry",
        "export",
        "device/m-9",
        "--org",
        ORG,
        "--file",
        file.to_str().unwrap(),
    ];
    let failed = world.fleetctl(&failed);
    assert_eq!(failed.code, 6, "{failed}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    let left = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(left(), 1, "nothing lies about");
    export(&world, ORG, &["device/m-1"], &file);
    assert_eq!(
        (left(), std::fs::read_to_string(&file).unwrap().lines().count()),
        (1, 16)
    );
    for (words, code, says) in [
        (&["--file", "no/such/folder.csv"][..], 1, "cannot be written"),
        (&["--file", "all.txt"], 2, "--format"),
        (&["--file", "x.csv", "--from", "now", "--to", "-1h"], 2, "is not before"),
        (&["device/m-1", "-l", "ring=a", "--file", "x.csv"], 2, "stands beside"),
    ] {
        let said = world.fleetctl(&[&["telemetry", "export", "--org", ORG], words].concat());
        assert!(said.code == code && said.stderr.contains(says), "{words:?}: {said}");
    }
}

#[test]
fn bad_records_stop_an_import_before_it_begins() {
    let world = World::start();
    world.apply_text(&organization(ORG)).ok();
    let text = "device,sensor,timestamp,value
m-1,power,2026-01-01T00:00:00Z,1
m-1,power,2026-01-01T00:00:01Z,much
m-1,power,yesterday,3
m-1,power,2026-01-01T00:00:03Z,4
";
    let good = world.file(
        "good.csv",
        "device,sensor,timestamp,value\nm-1,power,2026-01-01T01:00:00Z,9\n",
    );
    let bad = world.file("bad.csv", text);
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    for words in [&[good, bad][..], &[good, bad, "--dry-run"]] {
        let refused = import(&world, ORG, words);
        assert_eq!(refused.code, 3, "{refused}");
        let error: Value = serde_json::from_str(&refused.stderr).unwrap();
        let places: Vec<_> = error["error"]["issues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| &issue["path"])
            .collect();
        assert_eq!(places, [&json!(format!("{bad}:3")), &json!(format!("{bad}:4"))]);
    }
    let plain = world.fleetctl(&["telemetry", "import", bad, "--org", ORG]);
    assert!(plain.stderr.contains("bad.csv:3: value `much` is no number"), "{plain}");
    assert!(
        plain.stderr.contains("2 records cannot be read; nothing was imported"),
        "{plain}"
    );
    let nothing = world.home().join("nothing.csv");
    let left = export(&world, ORG, &[], &nothing)["readings"].clone();
    assert_eq!(left, 0, "nothing of the good file either");
}

#[test]
fn what_cannot_be_imported_is_told_and_costs_nothing_else() {
    let world = World::start();
    world.apply_text(&organization(ORG)).ok();
    let text = "{\"device\":\"m-1\",\"sensor\":\"power\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":1}
{\"device\":\"m-9\",\"sensor\":\"power\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":1}
{\"device\":\"m-1\",\"sensor\":\"power\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":2}
{\"device\":\"m-1\",\"sensor\":\"power\",\"timestamp\":\"1999-01-01T00:00:00Z\",\"value\":2}
garbage
{\"device\":\"m-1\",\"sensor\":\"power\",\"timestamp\":\"2026-01-01T00:00:01Z\",\"value\":null,\"quality\":\"bad\",\"reason\":\"weather\"}
{\"device\":\"m-1\",\"sensor\":\"power\",\"timestamp\":\"2026-01-01T00:00:02Z\",\"value\":3}
";
    let words = [
        "telemetry",
        "import",
        "-",
        "--format",
        "jsonl",
        "--skip-bad",
        "--org",
        ORG,
        "-o",
        "json",
    ];
    let done = world.fleetctl_with(&words, text.as_bytes());
    assert_eq!(done.code, 14, "{done}");
    let told = done.json();
    assert_eq!(counts(&told), [6, 2, 0, 4, 1], "{told}");
    let problem = |one: &Value| {
        (
            one["place"].as_str().unwrap().to_owned(),
            one["code"].as_str().unwrap().to_owned(),
        )
    };
    let problems: Vec<_> = told["problems"].as_array().unwrap().iter().map(problem).collect();
    let wanted = [
        ("-:5", "bad_record"),
        ("-:2", "unknown_device"),
        ("-:3", "conflict"),
        ("-:4", "bad_timestamp"),
        ("-:6", "bad_item"),
    ];
    assert_eq!(
        problems,
        wanted.map(|(place, code)| (place.to_owned(), code.to_owned()))
    );
    assert!(done.stderr.contains("-:3: conflict: another value is stored"), "{done}");
    assert_eq!(world.readings(ORG, "m-1", "power").len(), 2);
    // Nothing at all went in: that is not "in part".
    let none = world.file(
        "none.csv",
        "device,sensor,timestamp,value\nm-9,power,2026-01-01T00:00:00Z,1\n",
    );
    assert_eq!(import(&world, ORG, &[none.to_str().unwrap()]).code, 3);
}

#[test]
fn who_may_not_write_imports_nothing() {
    let world = World::start();
    world.apply_text(&organization(ORG)).ok();
    world.apply_text(&organization("other")).ok();
    let file = world.file(
        "all.csv",
        "device,sensor,timestamp,value\nm-1,power,2026-01-01T00:00:00Z,1\nm-2,power,2026-01-01T00:00:00Z,1\n",
    );
    let with = |scope: &str, further: &[&str], org: &str| {
        let token = world.file("token", world.token(ORG, &[scope], further));
        import(
            &world,
            org,
            &[file.to_str().unwrap(), "--token-file", token.to_str().unwrap()],
        )
    };
    assert_eq!(with("view:telemetry", &[], ORG).code, 5);
    assert_eq!(with("telemetry:write", &[], "other").code, 6);
    // It does not see what is not at its site.
    let part = with("telemetry:write", &["--site", "north"], ORG);
    assert_eq!(part.code, 14, "{part}");
    assert_eq!(part.json()["problems"][0]["code"], "unknown_device");
    assert_eq!(counts(&with("telemetry:write", &[], ORG).ok().json()), [2, 1, 1, 0, 0]);
}

#[test]
fn an_import_that_is_ended_says_what_is_in() {
    let world = World::empty(&[]);
    // Slow enough that it is not done before it is ended: a hundred readings at once, then ten a second.
    let slow = organization(ORG).replacen("spec: {}", "spec: {subscription: {readingsPerSecond: 10}}", 1);
    world.apply_text(&slow).ok();
    let mut text = String::from("device,sensor,timestamp,value\n");
    for nth in 0..20_000 {
        text += &format!("m-1,power,{},1\n", 1_767_225_600_000_i64 + nth);
    }
    let file = world.file("slow.csv", text);
    let mut command = world.fleetctl_command();
    command.args(["telemetry", "import", file.to_str().unwrap(), "--org", ORG]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let some = || (!world.readings(ORG, "m-1", "power").is_empty()).then_some(());
    // The batch is halved until it fits, which takes a refusal each time.
    until(PATIENCE, || {
        world
            .fleetctl(&["telemetry", "latest", "device/m-1", "--org", ORG])
            .stdout
            .contains("power")
            .then_some(())
    })
    .expect("something is imported");
    some().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut stderr = child.stderr.take().unwrap();
    assert_eq!(wait(&mut child, PATIENCE).unwrap().code(), Some(130));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    let stored = world.readings(ORG, "m-1", "power").len();
    let told: usize = said.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    // The last answer may have been on its way.
    assert!(told <= stored && stored < 20_000, "{told} {stored}: {said}");
    assert!(said.contains("the command goes on where it ended"), "{said}");
}

#[test]
fn parquet_is_that_of_others() {
    let world = World::start();
    measure(&world);
    let file = world.home().join("all.parquet");
    export(&world, ORG, &["device/m-1"], &file);
    let seen = parquet_read(&file);
    let wanted = json!({
        "device": "string", "sensor": "string", "source": "string", "unit": "string",
        "timestamp": "timestamp[us, tz=UTC]", "value": "double", "text": "string", "quality": "string",
        "reason": "string", "received": "timestamp[us, tz=UTC]",
    });
    assert_eq!(seen["types"], wanted);
    let codings: Vec<_> = seen["encodings"]["sensor"].as_array().unwrap().iter().collect();
    assert!(
        codings
            .iter()
            .any(|coding| coding.as_str().unwrap().contains("DICTIONARY")),
        "{codings:?}"
    );
    assert_eq!(seen["compression"]["value"], "ZSTD");
    // Each row is the line of JSON, with null where nothing is.
    let lines = world.home().join("all.jsonl");
    export(&world, ORG, &["device/m-1"], &lines);
    let lines = std::fs::read_to_string(&lines).unwrap();
    let rows = seen["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 15);
    for (row, line) in rows.iter().zip(lines.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let or_null = |value: &Value| if value == "" { Value::Null } else { value.clone() };
        for name in ["device", "sensor", "source", "unit", "value", "quality", "reason"] {
            assert_eq!(row[name], or_null(&line[name]), "{name}: {row} {line}");
        }
        let text = line.get("text").map(|text| json!(text.to_string()));
        assert_eq!(row["text"], text.unwrap_or_default());
        let micros = line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(row["timestamp"], micros.as_microsecond());
    }
    // And theirs are ours: other codings, other units of time, a dictionary type, nulls, no optional columns.
    let foreign = world.home().join("foreign.parquet");
    parquet_write(&foreign, "plain");
    let told = import(&world, ORG, &[foreign.to_str().unwrap()]).ok().json();
    assert_eq!(counts(&told), [4, 4, 0, 0, 0]);
    let found = world.readings(ORG, "m-2", "humidity");
    let found: Vec<_> = found
        .iter()
        .map(|one| (one["timestamp"].as_str().unwrap(), one["value"].clone()))
        .collect();
    assert_eq!(
        found,
        [
            ("2026-02-01T00:00:00.001Z", json!(40.0)),
            ("2026-02-01T00:00:01Z", json!(41.0)),
            ("2026-02-01T00:00:02Z", Value::Null),
            ("2026-02-01T00:00:03Z", json!(43.0)),
        ]
    );
    for (how, says) in [
        ("naive", "have no zone"),
        ("nested", "is not known"),
        ("text", "has a type that is not read"),
    ] {
        parquet_write(&foreign, how);
        let refused = import(&world, ORG, &[foreign.to_str().unwrap()]);
        assert!(refused.code == 3 && refused.stderr.contains(says), "{how}: {refused}");
    }
}
