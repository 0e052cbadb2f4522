//! Readings over a gRPC stream: what is acknowledged, what is not taken, and how a stream ends.

use std::collections::BTreeMap;
use std::time::Duration;

use fleet_proto::pb;
use fleet_tests::World;
use fleet_tests::stream::{Writer, columns, series};
use serde_json::json;
use tonic::Code;

/// Microseconds of February 2026.
const THEN: i64 = 1_770_000_000_000_000;
const WRITE: &str = "telemetry:write";
const FLEET: &str = "
apiVersion: fleet/v1
kind: Organization
metadata: {name: acme}
spec: {defaults: {rangePolicy: reject, unitPolicy: convert}}
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
    let world = World::empty(&["--grpc-listen", "127.0.0.1:0"]);
    world.apply_text(FLEET).ok();
    world
}

fn open(world: &World, token: &str) -> Writer {
    Writer::open(world.fleetd.grpc(), token).unwrap()
}

fn declaring(sequence: u64, declared: Vec<pb::WrittenSeries>, readings: &[(u32, i64, f64)]) -> pb::WriteRequest {
    pb::WriteRequest {
        declared,
        ..columns(sequence, readings)
    }
}

/// Sequence, index and code of what was not taken.
fn refused(answer: &pb::WriteResponse) -> Vec<(u64, u32, &str)> {
    let told = |one: &pb::RejectedReading| !one.detail.is_empty();
    assert!(answer.rejected.iter().all(told), "{answer:?}");
    let rejected = answer.rejected.iter();
    rejected
        .map(|one| (one.sequence, one.index, one.code.as_str()))
        .collect()
}

fn values(world: &World, device: &str, sensor: &str) -> Vec<serde_json::Value> {
    let read = world.readings("acme", device, sensor);
    read.iter()
        .map(|reading| reading.get("text").unwrap_or(&reading["value"]).clone())
        .collect()
}

#[test]
fn requests_are_acknowledged_up_to_a_number_and_each_bad_reading_is_told() {
    let world = world();
    let token = world.token("acme", &[WRITE], &[]);
    let mut writer = open(&world, &token);
    // Several at once; the numbers of requests begin where the caller likes.
    let declared = vec![series(1, "meter-1", "voltage"), series(2, "meter-2", "power")];
    writer.send(declaring(7, declared, &[(1, THEN, 230.5), (2, THEN, -4.0)]));
    writer.send(columns(
        8,
        &[(1, THEN + 1, 231.0), (2, THEN + 1, -5.0), (1, THEN + 2, 232.0)],
    ));
    writer.send(columns(9, &[]));
    let all = writer.until(9);
    assert_eq!((all.accepted, all.duplicates, all.rejected_total), (5, 0, 0));
    assert_eq!(values(&world, "meter-1", "voltage"), [230.5, 231.0, 232.0]);

    let other = |series, value, text: &str, quality| pb::WrittenReading {
        series,
        timestamp_us: THEN + 10,
        value,
        text: text.to_owned(),
        quality,
    };
    writer.send(pb::WriteRequest {
        declared: vec![
            series(3, "nobody", "t"),
            series(4, "foreign", "t"),
            series(5, "meter-2", ""),
            pb::WrittenSeries {
                unit: "mV".to_owned(),
                ..series(6, "meter-1", "voltage")
            },
        ],
        others: vec![
            other(2, None, "\"on\"", 0),
            other(2, Some(1.0), "", 7),
            other(1, None, "{", 0),
            other(2, Some(1.0), "true", 0),
            other(99, Some(1.0), "", 0),
            other(1, Some(100.0), "", 2),
        ],
        ..columns(
            10,
            &[
                (1, THEN, 230.5),
                (1, THEN, 1.0),
                (1, THEN + 3, 301.0),
                (9, THEN, 1.0),
                (0, THEN, 1.0),
                (3, THEN, 1.0),
                (4, THEN, 1.0),
                (5, THEN, 1.0),
                (2, THEN + 4, f64::NAN),
                (2, 1, 1.0),
                (2, i64::MIN, 1.0),
                (2, i64::MAX, 1.0),
                (6, THEN + 5, 229_000.0),
                (u32::MAX, THEN, 1.0),
            ],
        )
    });
    let said = writer.until(10);
    let expected = [
        (1, "conflict"),
        (2, "out_of_range"),
        (3, "unknown_series"),
        (4, "unknown_series"),
        (5, "unknown_device"),
        (6, "unknown_device"),
        (7, "bad_item"),
        (8, "bad_value"),
        (9, "bad_timestamp"),
        (10, "bad_timestamp"),
        (11, "bad_timestamp"),
        (13, "unknown_series"),
        (15, "bad_item"),
        (16, "bad_value"),
        (17, "bad_value"),
        (18, "unknown_series"),
    ];
    assert_eq!(refused(&said), expected.map(|(index, code)| (10, index, code)));
    assert_eq!((said.accepted, said.duplicates, said.rejected_total), (3, 1, 16));
    // Another organization's device is like none.
    let detail = |index| &said.rejected.iter().find(|one| one.index == index).unwrap().detail;
    assert_eq!(detail(5), detail(6));
    assert_eq!(
        values(&world, "meter-1", "voltage"),
        [230.5, 231.0, 232.0, 229.0, 100.0]
    );
    assert_eq!(
        values(&world, "meter-2", "power"),
        [json!(-4.0), json!(-5.0), json!("on")]
    );
    writer.close();
    assert_eq!(writer.answer().unwrap(), None, "it ends well");

    // All of it again, over a new stream.
    let mut again = open(&world, &token);
    let declared = vec![series(8, "meter-1", "voltage")];
    again.send(declaring(1, declared, &[(8, THEN, 230.5), (8, THEN + 1, 231.0)]));
    let said = again.until(1);
    assert_eq!((said.accepted, said.duplicates), (0, 2));
    // More than are listed are counted.
    again.send(columns(2, &vec![(9, THEN, 0.0); 1_500]));
    let said = again.until(2);
    assert_eq!((said.rejected.len(), said.rejected_total), (1_000, 1_500));
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn what_stands_before_a_bad_request_is_acknowledged_and_the_stream_says_what_is_wrong() {
    let world = world();
    let token = world.token("acme", &[WRITE], &[]);
    let declared = || vec![series(1, "meter-2", "power")];
    let bad: Vec<(pb::WriteRequest, &str)> = vec![
        (columns(4, &[]), "is 4 where 3 comes next"),
        (columns(2, &[]), "is 2 where 3 comes next"),
        (
            pb::WriteRequest {
                values: vec![1.0],
                ..columns(3, &[])
            },
            "0 entries beside 0 timestamps and 1 values",
        ),
        (
            declaring(3, vec![series(1, "meter-1", "power")], &[]),
            "number 1 means another series already",
        ),
        (declaring(3, vec![series(0, "meter-1", "x")], &[]), "number 0"),
        (declaring(3, vec![series(16_385, "meter-1", "x")], &[]), "number 16385"),
        (
            declaring(3, vec![series(2, &"x".repeat(513), "x")], &[]),
            "a text that is too long",
        ),
        (
            pb::WriteRequest {
                org: "other".to_owned(),
                ..columns(3, &[])
            },
            "is another one than before",
        ),
        (columns(3, &vec![(1, THEN, 0.0); 65_537]), "is one of 65537 readings"),
    ];
    for (at, (request, wanted)) in (0_i64..).zip(bad) {
        let mut writer = open(&world, &token);
        writer.send(declaring(1, declared(), &[(1, THEN + at, 1.0)]));
        // The same number for the same series is no mistake.
        writer.send(declaring(2, declared(), &[(1, THEN - 1 - at, 1.0)]));
        writer.send(request);
        let (acknowledged, status) = writer.end();
        assert_eq!((acknowledged, status.code()), (2, Code::InvalidArgument), "{status}");
        assert!(status.message().contains(wanted), "{wanted}: {status}");
    }
    assert_eq!(values(&world, "meter-2", "power").len(), 18);
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

#[test]
fn a_stream_writes_what_its_token_may_and_ends_with_it() {
    let world = world();
    let ended = |token: &str, org: &str| {
        let mut writer = open(&world, token);
        writer.send(pb::WriteRequest {
            org: org.to_owned(),
            ..declaring(1, vec![series(1, "foreign", "t")], &[(1, THEN, 1.0)])
        });
        writer.end().1
    };
    let token = world.token("acme", &[WRITE], &[]);
    let (foreign, missing) = (ended(&token, "other"), ended(&token, "nope!"));
    assert_eq!((foreign.code(), missing.code()), (Code::NotFound, Code::NotFound));
    assert_eq!(foreign.message().replace("other", "nope!"), missing.message());
    let reader = world.token("acme", &["view:telemetry"], &[]);
    assert_eq!(
        Writer::open(world.fleetd.grpc(), &reader)
            .err()
            .map(|status| status.code()),
        Some(Code::PermissionDenied)
    );
    assert_eq!(
        Writer::open(world.fleetd.grpc(), "flt_api_0_0_0")
            .err()
            .map(|status| status.code()),
        Some(Code::Unauthenticated)
    );

    // A device that moves out of the token's site is gone from it, in the middle of a stream.
    let north = world.token("acme", &[WRITE], &["--site", "north"]);
    let mut writer = open(&world, &north);
    let declared = vec![series(1, "meter-1", "power"), series(2, "meter-2", "power")];
    writer.send(declaring(1, declared, &[(1, THEN, 1.0), (2, THEN, 1.0)]));
    assert_eq!(refused(&writer.until(1)), [(1, 1, "unknown_device")]);
    let moved = "apiVersion: fleet/v1\nkind: Device\nmetadata: {org: acme, name: meter-1}\nspec: {site: south}\n";
    world.apply_text(moved).ok();
    writer.send(columns(2, &[(1, THEN + 1, 2.0)]));
    assert_eq!(refused(&writer.until(2)), [(2, 0, "unknown_device")]);
    assert_eq!(values(&world, "meter-1", "power"), [1.0]);

    // Revoked while it is open.
    let made = world
        .fleetctl(&["token", "create", "--org", "acme", "--scope", WRITE, "-o", "json"])
        .ok()
        .json();
    let mut writer = open(&world, made["token"].as_str().unwrap());
    writer.send(declaring(1, vec![series(1, "meter-2", "power")], &[(1, THEN, 1.0)]));
    writer.until(1);
    world
        .fleetctl(&[
            "token",
            "revoke",
            made["id"].as_str().unwrap(),
            "--org",
            "acme",
            "--yes",
        ])
        .ok();
    let (_, status) = writer.end();
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    writer.send(columns(2, &[(1, THEN + 1, 2.0)]));
    assert_eq!(values(&world, "meter-2", "power"), [1.0]);

    // The rate of the organization, and its end.
    let booked = FLEET.split("---").next().unwrap();
    let booking = booked.replace("spec: {", "spec: {subscription: {readingsPerSecond: 10}, ");
    world.apply_text(&booking).ok();
    let mut writer = open(&world, &token);
    writer.send(declaring(1, vec![series(1, "meter-2", "rate")], &[(1, THEN, 1.0)]));
    writer.until(1);
    let many: Vec<_> = (0..200).map(|at| (1, THEN + at, 1.0)).collect();
    writer.send(columns(2, &many));
    let (_, status) = writer.end();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("the rate of organization acme"), "{status}");
    let mut writer = open(&world, &token);
    writer.send(declaring(1, vec![series(1, "meter-2", "rate")], &[]));
    writer.until(1);
    world
        .apply_text(&booked.replace("spec: {", "spec: {suspended: true, "))
        .ok();
    let (_, status) = writer.end();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    assert_eq!(world.fleetd.errors(), [""; 0]);
}

/// Requests in flight at the kill.
const WINDOW: u64 = 6;
const BATCH: i64 = 200;

fn request(sequence: u64) -> pb::WriteRequest {
    let begin = (sequence as i64 - 1) * BATCH;
    let readings: Vec<_> = (begin..begin + BATCH)
        .map(|at| (1, THEN + at * 60_000_000, at as f64))
        .collect();
    declaring(sequence, vec![series(1, "meter-2", "killed")], &readings)
}

#[test]
fn what_is_acknowledged_survives_kills_in_the_middle_of_a_stream() {
    let mut world = world();
    let token = world.token("acme", &[WRITE], &[]);
    let (mut acknowledged, mut sent, mut cut) = (0_u64, 0_u64, 0);
    for round in 0..40_u64 {
        if cut >= 5 {
            break;
        }
        let mut writer = open(&world, &token);
        // What is not acknowledged is sent again.
        let mut next = acknowledged + 1;
        let until = acknowledged + 5 + round % 7;
        loop {
            while next <= acknowledged + WINDOW {
                writer.send(request(next));
                next += 1;
            }
            acknowledged = writer.answer().unwrap().expect("an answer").sequence;
            if acknowledged >= until {
                break;
            }
        }
        while next <= acknowledged + WINDOW {
            writer.send(request(next));
            next += 1;
        }
        // The moment of the kill is what differs here.
        writer.idle(Duration::from_micros(200 * (round % 9)));
        sent = sent.max(next - 1);
        world.fleetd.kill();
        loop {
            match writer.answer() {
                Ok(Some(answer)) => acknowledged = answer.sequence,
                Ok(None) => panic!("a killed fleetd ends no stream well"),
                Err(_) => break,
            }
        }
        cut += usize::from(acknowledged < sent);
        world.fleetd.restart();
    }
    assert!(cut >= 5, "{cut} kills met requests under way");
    let mut stored = BTreeMap::new();
    for reading in world.readings("acme", "meter-2", "killed") {
        let time: jiff::Timestamp = reading["timestamp"].as_str().unwrap().parse().unwrap();
        let before = stored.insert(time.as_microsecond(), reading["value"].as_f64().unwrap());
        assert_eq!(before, None, "{reading} is there twice");
    }
    let all = |until: u64| (0..until as i64 * BATCH).map(|at| (THEN + at * 60_000_000, at as f64));
    for (time, value) in all(acknowledged) {
        assert_eq!(stored.get(&time), Some(&value), "acknowledged and lost: {time}");
    }
    let sent: BTreeMap<i64, f64> = all(sent).collect();
    for (time, value) in &stored {
        assert_eq!(sent.get(time), Some(value), "stored and never sent: {time}");
    }
}

#[test]
fn a_fleetd_that_ends_acknowledges_what_it_took_and_says_so() {
    let mut world = world();
    let token = world.token("acme", &[WRITE], &[]);
    let mut writer = open(&world, &token);
    for sequence in 1..=3 {
        writer.send(request(sequence));
    }
    let first = writer.until(1);
    assert_eq!(first.rejected_total, 0);
    let reading = std::thread::spawn(move || writer.end());
    assert!(world.fleetd.terminate().success());
    let (acknowledged, status) = reading.join().unwrap();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    world.fleetd.restart();
    // Nothing is left that was stored and not acknowledged.
    let acknowledged = acknowledged.max(first.sequence) as usize;
    assert_eq!(values(&world, "meter-2", "killed").len(), acknowledged * BATCH as usize);
}
