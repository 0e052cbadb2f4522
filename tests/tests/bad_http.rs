//! What hostile or broken devices send: the right status, a reason for each item, the good ones kept, and nothing in
//! the log at level error that is theirs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet_tests::{Device, World};
use reqwest::StatusCode;
use serde_json::{Value, json};

const INGEST: &str = "/api/telemetry/ingest";

/// A refusal is a problem object, whatever the status.
fn refused(device: &Device, path: &str, body: &[u8], headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let answer = device.post_raw(path, body.to_vec(), headers).unwrap();
    let status = answer.status();
    let text = answer.text().unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {error}: {text}"));
    for key in ["code", "title", "detail"] {
        assert!(
            problem[key].as_str().is_some_and(|text| !text.is_empty()),
            "{status}: no {key} in {problem}"
        );
    }
    (status, problem)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_that_do_not_parse_are_400() {
    let world = World::start();
    let device = world.device("bad-bodies");
    let id = &device.id;
    let deep = format!("{{\"deviceId\":\"{id}\",\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let bottomless = "[".repeat(1 << 20);
    let objects = "{\"a\":".repeat(200_000);
    let nan = format!("{{\"deviceId\":\"{id}\",\"dataType\":\"v\",\"value\":NaN}}");
    let infinity = format!("{{\"deviceId\":\"{id}\",\"dataType\":\"v\",\"value\":-Infinity}}");
    let cut = format!("{{\"deviceId\":\"{id}\",\"readings\":[{{\"dataType\":\"v\",\"value\":1}},{{\"dataTy");
    let bodies: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("an open brace", b"{"),
        ("a word", b"hello"),
        ("a number", b"7"),
        ("not UTF-8", b"{\"deviceId\":\"\xff\xfe\"}"),
        ("a bare NaN", nan.as_bytes()),
        ("a bare -Infinity", infinity.as_bytes()),
        ("cut in the middle", cut.as_bytes()),
        ("deeper than 32", deep.as_bytes()),
        ("a million brackets", bottomless.as_bytes()),
        ("objects without end", objects.as_bytes()),
    ];
    for (what, body) in bodies {
        let (status, problem) = refused(&device, INGEST, body, &[]);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {problem}");
    }
    for path in [
        "/api/devices/{id}/heartbeat",
        "/api/devices/{id}/config",
        "/api/devices/{id}/logs",
    ] {
        for (what, body) in bodies
            .iter()
            .filter(|(what, _)| !what.contains("NaN") && !what.contains("Infinity"))
        {
            let (status, problem) = refused(&device, path, body, &[]);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {what}: {problem}");
        }
    }
    device.ingest(&json!([{"dataType": "v", "value": 1}]));
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn who_is_nobody_or_somebody_else_is_refused() {
    let world = World::start();
    let (own, other) = (world.device("own"), world.device("other"));
    let body = |id: &str| {
        json!({"deviceId": id, "dataType": "v", "value": 1})
            .to_string()
            .into_bytes()
    };

    for token in [
        "",
        "wrong",
        "\u{e4}",
        &format!("{}x", own.token),
        &own.token[..own.token.len() - 1],
    ] {
        let device = own.with_token(token);
        for path in [
            INGEST,
            "/api/devices/{id}/heartbeat",
            "/api/devices/{id}/config",
            "/api/devices/{id}/logs",
        ] {
            let (status, problem) = refused(&device, path, &body(&own.id), &[]);
            assert_eq!(status, StatusCode::UNAUTHORIZED, "token `{token}`, {path}: {problem}");
        }
    }

    // Somebody else's id in the path looks like one that does not exist.
    let mut problems = Vec::new();
    for id in [other.id.as_str(), "01930e0a-0000-7000-8000-000000000000"] {
        let foreign = own.with_id(id);
        let (status, problem) = refused(&foreign, "/api/devices/{id}/config", b"{}", &[]);
        assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
        problems.push(problem.to_string().replace(id, "ID"));
    }
    assert_eq!(problems[0], problems[1], "the answer tells which ids exist");

    // In a batch it costs that item, and no other.
    let batch =
        json!([{"deviceId": own.id, "dataType": "v", "value": 1}, {"deviceId": other.id, "dataType": "v", "value": 2}]);
    let (status, answer) = own.post(INGEST, &batch);
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["accepted"], 1, "{answer}");
    assert_eq!(answer["rejected"][0]["index"], 1, "{answer}");
    assert_eq!(answer["rejected"][0]["code"], "unknown_device", "{answer}");

    let claim = json!({"hwId": "x", "model": "m", "claimToken": "wrong"}).to_string();
    let nobody = own.with_token("");
    let (status, problem) = refused(&nobody, "/api/devices/provision", claim.as_bytes(), &[]);
    assert!(matches!(status.as_u16(), 401 | 403), "{status} {problem}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn a_bad_item_never_costs_the_good_ones() {
    let world = World::start();
    let device = world.device("bad-items");
    #[expect(
        clippy::disallowed_methods,
        reason = "what is too old or too new is measured from now"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let day = 86_400_000;
    let readings = json!([
        {"dataType": "good", "value": 1.5, "timestamp": now - 1},
        {"dataType": "v", "value": 1, "timestamp": "9999-12-31T23:59:59Z"},
        {"dataType": "v", "value": 1, "timestamp": "1970-01-01T00:00:00Z"},
        {"dataType": "v", "value": 1, "timestamp": now - 6 * 366 * day},
        {"dataType": "v", "value": 1, "timestamp": now + 2 * day},
        {"dataType": "v", "value": 1, "timestamp": now / 1000},
        {"dataType": "v", "value": 1, "timestamp": "yesterday"},
        {"dataType": "v", "value": 1, "timestamp": 1e300},
        {"dataType": "v", "value": 1, "timestamp": {}},
        {"dataType": "v"},
        {"value": 1},
        {"dataType": 7, "value": 1},
        "not an object",
        {"dataType": "good", "value": "kept as it is", "timestamp": now - 2},
        {"dataType": "good", "value": null, "timestamp": now - 3},
        {"dataType": "good", "value": 2, "timestamp": now + day / 2},
    ]);
    let answer = device.ingest(&readings);
    assert_eq!(answer["accepted"], 4, "{answer}");
    let rejected = answer["rejected"].as_array().unwrap();
    let indices: Vec<u64> = rejected.iter().map(|item| item["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, (1..=12).collect::<Vec<u64>>(), "{answer}");
    for item in rejected {
        let index = item["index"].as_u64().unwrap();
        let code = item["code"].as_str().unwrap();
        let expected: &[&str] = match index {
            1..=8 => &["bad_timestamp"],
            9 => &["bad_value"],
            _ => &["bad_item"],
        };
        assert!(expected.contains(&code), "item {index}: {item}");
        assert!(
            item["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{item}"
        );
    }
    // The same again: what was taken is there already, and what was refused is refused again.
    let again = device.ingest(&readings);
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(4)),
        "{again}"
    );
    assert_eq!(again["rejected"], answer["rejected"]);
    // Another value at a known time: the first one wins, and it is said.
    let conflict = device.ingest(&json!([{"dataType": "good", "value": 9, "timestamp": now - 1}]));
    assert_eq!(
        (&conflict["accepted"], &conflict["duplicates"]),
        (&json!(0), &json!(0)),
        "{conflict}"
    );
    assert_eq!(conflict["rejected"][0]["code"], "conflict", "{conflict}");
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn bodies_that_are_too_large_are_413() {
    let world = World::start();
    let device = world.device("large-bodies");
    let padded = |bytes: usize| {
        format!(
            "{{\"deviceId\":\"{}\",\"readings\":[],\"x\":\"{}\"}}",
            device.id,
            "x".repeat(bytes)
        )
    };

    let bomb = gzip(padded(200 << 20).as_bytes());
    assert!(bomb.len() < 1 << 20, "a bomb is small: {}", bomb.len());
    let (status, problem) = refused(&device, INGEST, &bomb, &[("content-encoding", "gzip")]);
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    let bomb = zstd::encode_all(padded(200 << 20).as_bytes(), 1).unwrap();
    let (status, problem) = refused(&device, INGEST, &bomb, &[("content-encoding", "zstd")]);
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    let (status, problem) = refused(&device, INGEST, b"this is no gzip", &[("content-encoding", "gzip")]);
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");

    for (path, bytes) in [(INGEST, 10 << 20), ("/api/devices/{id}/heartbeat", 5 << 20)] {
        assert_eq!(oversized(&world, &device, path, bytes), 413, "{path}");
    }
    // A compressed batch is taken.
    let batch = json!({"deviceId": device.id, "readings": [{"dataType": "v", "value": 1}]}).to_string();
    for (name, body) in [
        ("gzip", gzip(batch.as_bytes())),
        ("zstd", zstd::encode_all(batch.as_bytes(), 1).unwrap()),
    ] {
        let answer = device.post_raw(INGEST, body, &[("content-encoding", name)]).unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
    }
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

/// Sends a body of so many bytes, as far as it is taken: the status that comes back.
fn oversized(world: &World, device: &Device, path: &str, bytes: usize) -> u16 {
    let mut stream = TcpStream::connect(world.fleetd.http().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n",
        path.replace("{id}", &device.id),
        device.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    // fleetd may hang up before the end.
    let sender = std::thread::spawn(move || drop(writer.write_all(&vec![b' '; bytes])));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    sender.join().unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn paths_and_methods_that_do_not_exist_say_so_in_json() {
    let world = World::start();
    let device = world.device("no-such-path");
    assert_eq!(refused(&device, "/api/nothing", b"{}", &[]).0, StatusCode::NOT_FOUND);
    assert_eq!(
        refused(&device, "/healthz", b"{}", &[]).0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let long = "x".repeat(20_000);
    let answer = device.post_raw(INGEST, b"{}".to_vec(), &[("x-long", &long)]).unwrap();
    assert!(
        matches!(answer.status().as_u16(), 431 | 400),
        "a header of 20 kB: {}",
        answer.status()
    );
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}
