//! What is written is read again as it was, and what is wrong is told with its place.

use std::fs::File;
use std::io::{Seek as _, Write as _};

use fleet_proto::pb;

use super::{Format, Reader, Writer};

const ALL: [Format; 3] = [Format::Csv, Format::Jsonl, Format::Parquet];

fn reading(change: impl FnOnce(&mut pb::Reading)) -> pb::Reading {
    let mut reading = pb::Reading {
        device: "m-1".to_owned(),
        sensor: "power".to_owned(),
        timestamp_us: 1_767_225_600_000_000,
        value: Some(1.0),
        ..pb::Reading::default()
    };
    change(&mut reading);
    reading
}

fn written(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Number and reading, or what is wrong with it.
type Told = (u64, Result<pb::Reading, String>);

fn read(format: Format, file: File) -> Result<Vec<Told>, String> {
    let mut reader = Reader::open(format, file)?;
    let mut all = Vec::new();
    while let Some(row) = reader.next()? {
        all.push((row.number, row.reading));
    }
    Ok(all)
}

/// Everything that a reading may be, and more of them than fit into a group of rows.
fn every() -> Vec<pb::Reading> {
    let numbers = [
        0.0,
        -0.0,
        0.1 + 0.2,
        1e300,
        5e-324,
        -1.797_693_134_862_315_7e308,
        9_007_199_254_740_993.0,
        std::f64::consts::PI,
    ];
    let mut all: Vec<_> = numbers
        .iter()
        .map(|number| reading(|r| r.value = Some(*number)))
        .collect();
    let texts = [
        "\"open\"",
        "true",
        "{\"b\":[1,2.5,null],\"a\":\"x, \\\"y\\\"\\nz\"}",
        "\"  ü\u{1F50B}\"",
        "[]",
    ];
    for text in texts {
        all.push(reading(|r| (r.value, r.text) = (None, text.to_owned())));
    }
    all.push(reading(|r| {
        (r.value, r.quality, r.reason) = (None, pb::Quality::Bad as i32, "timeout".to_owned());
    }));
    all.push(reading(|r| {
        (r.quality, r.reason) = (pb::Quality::Uncertain as i32, "out_of_range".to_owned());
        r.received_us = r.timestamp_us + 86_400_000_001;
        (r.source, r.unit) = ("main:1".to_owned(), "kWh".to_owned());
    }));
    all.push(reading(|r| r.sensor = "a, \"b\"\nc".to_owned()));
    for at in 0..70_000 {
        all.push(reading(|r| {
            r.timestamp_us += at * 1_000_003;
            r.value = Some(at as f64 * 0.1);
        }));
    }
    all
}

fn same(a: &pb::Reading, b: &pb::Reading) -> bool {
    a == b && a.value.map(f64::to_bits) == b.value.map(f64::to_bits)
}

#[test]
fn what_is_written_is_read_to_the_last_bit() {
    let all = every();
    for format in ALL {
        let file = tempfile::tempfile().unwrap();
        let mut writer = Writer::new(format, file).unwrap();
        for one in &all {
            writer.push(one.clone()).unwrap();
        }
        writer.flush().unwrap();
        let mut file = writer.finish().unwrap();
        file.rewind().unwrap();
        let found = read(format, file).unwrap();
        assert_eq!(found.len(), all.len(), "{format:?}");
        for ((_, found), wanted) in found.iter().zip(&all) {
            assert!(
                same(found.as_ref().unwrap(), wanted),
                "{format:?}: {found:?} {wanted:?}"
            );
        }
    }
}

#[test]
fn a_file_without_readings_is_one() {
    for format in ALL {
        let mut file = Writer::new(format, tempfile::tempfile().unwrap())
            .unwrap()
            .finish()
            .unwrap();
        file.rewind().unwrap();
        assert_eq!(read(format, file).unwrap().len(), 0, "{format:?}");
    }
}

/// Line and complaint of each record that is bad.
fn complaints(format: Format, text: &str) -> Vec<(u64, String)> {
    let found = read(format, written(text.as_bytes())).unwrap();
    found
        .into_iter()
        .filter_map(|(number, reading)| Some((number, reading.err()?)))
        .collect()
}

#[test]
fn bad_csv_is_told_by_its_line() {
    let text = "\u{feff}timestamp,device,sensor,value,quality,text,received
2026-01-01T00:00:00Z,m-1,power,1,,,
2026-01-01T00:00:00Z,m-1,power,one,,,
1767225600000,m-1,power,,bad,,
yesterday,m-1,power,1,,,
2026-01-01T00:00:00Z,,power,1,,,
2026-01-01T00:00:00Z,m-1,power,1,great,,

2026-01-01T00:00:00Z,m-1,power,,,\"\"\"a
b\"\"\",
2026-01-01T00:00:00Z,m-1,power,nan,,,
2026-01-01T00:00:00Z,m-1,power,1,,true,
2026-01-01T00:00:00Z,m-1,power,1
2026-01-01T00:00:00Z,m-1,power,1,,,soon
";
    let told: Vec<String> = complaints(Format::Csv, text)
        .into_iter()
        .map(|(line, text)| format!("{line}: {text}\n"))
        .collect();
    insta::assert_snapshot!(told.concat(), @r#"
    3: value `one` is no number
    5: `yesterday` is no time; RFC 3339 is, such as 2026-01-31T12:00:00Z, and epoch milliseconds
    6: `device` is missing
    7: quality `great` is none of good, uncertain, bad
    9: `text` is no JSON; a text has quotes, such as "open"
    11: `value` is no finite number
    12: `value` and `text` are both given
    13: has 4 fields, and the head 7
    14: `soon` is no time; RFC 3339 is, such as 2026-01-31T12:00:00Z, and epoch milliseconds
    "#);
}

#[test]
fn bad_lines_of_json_are_told() {
    let text = r#"{"device":"m-1","sensor":"power","timestamp":"2026-01-01T00:00:00Z","value":1}

{"device":"m-1","sensor":"power","timestamp":1767225600000,"value":null,"text":null,"received":null}
{"device":"m-1","sensor":"power","timestamp":1767225600000,"valeu":1}
{"device":"m-1","sensor":"power","value":1}
{"device":"m-1","sensor":"power","timestamp":true,"value":1}
{"device":"m-1","sensor":"power","timestamp":1767225600000,"value":"1"}
{"device":"m-1"
[]
"#;
    let told: Vec<String> = complaints(Format::Jsonl, text)
        .into_iter()
        .map(|(line, text)| format!("{line}: {text}\n"))
        .collect();
    insta::assert_snapshot!(told.concat(), @r#"
    4: unknown field `valeu`, expected one of `device`, `sensor`, `source`, `unit`, `timestamp`, `value`, `text`, `quality`, `reason`, `received` (column 66)
    5: missing field `timestamp` (column 43)
    6: `true` is no time; RFC 3339 is, such as 2026-01-31T12:00:00Z, and epoch milliseconds
    7: invalid type: string "1", expected a number (column 70)
    8: EOF while parsing an object (column 15)
    9: it is no JSON object
    "#);
}

#[test]
fn a_file_that_is_another_is_refused_at_once() {
    let refused = |format, text: &str| read(format, written(text.as_bytes())).unwrap_err();
    for (format, text, says) in [
        (Format::Csv, "", "`device` is missing"),
        (Format::Csv, "device;sensor;timestamp;value\n", "`device` is missing"),
        (Format::Csv, "device,sensor,timestamp\n", "`value` is missing"),
        (
            Format::Csv,
            "device,sensor,timestamp,value,qualty\n",
            "`qualty` is not known",
        ),
        (
            Format::Csv,
            "device,sensor,timestamp,value,value\n",
            "stands there twice",
        ),
        (Format::Parquet, "device,sensor\n", "no Parquet file"),
    ] {
        let told = refused(format, text);
        assert!(told.contains(says), "{text}: {told}");
    }
    let open = format!("device,sensor,timestamp,value\nm-1,\"{}", "x\n".repeat(3 << 20));
    assert!(refused(Format::Csv, &open).contains("is a quote not closed?"));
    assert!(refused(Format::Jsonl, &"x".repeat(5 << 20)).contains("line 1 is longer"));
}
