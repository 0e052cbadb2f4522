//! Questions about readings over HTTP, as front ends ask them: the newest, a history page by page, figures, intervals; and
//! who gets no answer. On SQLite and PostgreSQL.

use fleet_tests::peers::Postgres;
use fleet_tests::{Http, World};
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
metadata: {org: acme, name: ESP32-01, labels: {ring: a}}
spec: {serial: E-1, site: north, sensors: [{name: temperature, unit: °C, min: -40, max: 80}, {name: door, kind: text}]}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: acme, name: ESP32-02, labels: {ring: a}}
spec: {serial: E-2, site: south, sensors: [{name: temperature, unit: °C}]}
---
apiVersion: fleet/v1
kind: Device
metadata: {org: other, name: foreign}
spec: {serial: E-3}
";
/// The first half hour of a year.
const SPAN: &str = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:30:00Z";

fn at(minute: u32) -> String {
    format!("2026-01-01T00:{minute:02}:00Z")
}

/// A field of each row.
fn of<'a>(answer: &'a Value, field: &str) -> Vec<&'a Value> {
    answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row[field])
        .collect()
}

/// What an issue says that a request is refused for.
#[track_caller]
fn refused(http: &Http, path: &str) -> (String, String) {
    let answer = http.get(path).is(400).body;
    let issue = &answer["issues"][0];
    let text = |key: &str| issue[key].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let (message, help) = (text("message"), text("help"));
    assert!(!help.is_empty(), "{answer}");
    (text("path"), message)
}

fn questions(world: &World) {
    world.apply_text(FLEET).ok();
    let viewer =
        |scopes: &[&str], further: &[&str]| Http::new(world.fleetd.http()).token(&world.token("acme", scopes, further));
    let all = viewer(&["view:telemetry"], &[]);
    let (one, two) = (world.device("E-1"), world.device("E-2"));
    assert_eq!(all.get("/ingest/latest/ESP32-01/").is(200).body["data"], json!([]));
    let reading =
        |minute: u32, value: Value| json!({"dataType": "temperature", "value": value, "timestamp": at(minute)});
    one.ingest(&json!([
        reading(1, json!(20)),
        reading(2, json!(22.5)),
        reading(12, json!(300)),
        reading(25, Value::Null),
        {"dataType": "door", "value": "open", "timestamp": at(3)},
        {"dataType": "temperature", "value": 5, "timestamp": at(4), "slaveId": 7, "bus": "main"},
    ]));
    two.ingest(&json!([reading(3, json!(10)), reading(21, json!(12))]));

    newest(&all);
    histories(&all, &one.id);
    figures(&all);
    intervals(&all);
    several(&all);
    wrong(&all);
    strangers(world, &all);
}

fn newest(http: &Http) {
    let told = http.get("/ingest/latest/ESP32-01").is(200).body;
    assert_eq!(
        told["data"],
        json!([
            {"timestamp": at(3), "sensor_type": "door", "unit": "", "value": null, "text": "open", "received": told["data"][0]["received"]},
            {"timestamp": at(25), "sensor_type": "temperature", "unit": "°C", "value": null, "quality": "bad", "reason": "device",
             "received": told["data"][1]["received"]},
            {"timestamp": at(4), "sensor_type": "temperature", "source": "main:7", "unit": "°C", "value": 5.0,
             "received": told["data"][2]["received"]},
        ]),
        "what is missing is no zero"
    );
    assert_eq!(told["device_id"], "ESP32-01");
    let only = http
        .get("/ingest/latest/ESP32-01/?sensor_type=temperature&source=main:7")
        .is(200);
    assert_eq!(of(&only.body, "value"), [&json!(5.0)]);
}

fn histories(http: &Http, id: &str) {
    let path = format!("/ingest/history/ESP32-01/?{SPAN}&sensor_type=temperature");
    let told = http.get(&path).is(200).body;
    assert_eq!(
        of(&told, "value"),
        [&json!(20.0), &json!(22.5), &json!(300.0), &Value::Null]
    );
    assert_eq!(
        of(&told, "timestamp"),
        [&json!(at(1)), &json!(at(2)), &json!(at(12)), &json!(at(25))]
    );
    assert_eq!(
        (&told["data"][2]["quality"], &told["data"][2]["reason"]),
        (&json!("uncertain"), &json!("out_of_range"))
    );
    assert_eq!(told["data"][0].get("quality"), None, "good is not said");
    assert_eq!(told.get("next"), None, "there is no more");
    // The same range in milliseconds, by uid.
    let same = "from=1767225600000&to=1767227400000&sensor_type=temperature";
    let same = http.get(&format!("/ingest/history/{id}/?{same}")).is(200).body;
    assert_eq!((&same["data"], &same["device_id"]), (&told["data"], &json!(id)));
    let nothing = http
        .get("/ingest/history/ESP32-01/?from=-1h&sensor_type=temperature")
        .is(200);
    assert_eq!(nothing.body["data"], json!([]));
    let tens = http.get(&format!("{path}&interval=10m&agg=max")).is(200).body;
    assert_eq!(
        tens["data"],
        json!([
            {"timestamp": at(0), "sensor_type": "temperature", "unit": "°C", "value": 22.5, "count": 2, "bad": 0},
            {"timestamp": at(10), "sensor_type": "temperature", "unit": "°C", "value": 300.0, "count": 1, "bad": 1},
            {"timestamp": at(20), "sensor_type": "temperature", "unit": "°C", "value": null, "count": 0, "bad": 1},
        ])
    );
}

fn figures(http: &Http) {
    let told = http.get(&format!("/ingest/summary/ESP32-01/?{SPAN}")).is(200).body;
    assert_eq!(of(&told, "sensor_type"), ["door", "temperature", "temperature"]);
    let temperature = &told["data"][1];
    assert_eq!(
        (
            &temperature["count"],
            &temperature["bad"],
            &temperature["min"],
            &temperature["max"],
            &temperature["p50"]
        ),
        (&json!(3), &json!(2), &json!(20.0), &json!(300.0), &json!(22.5))
    );
    assert_eq!(
        (&temperature["last_timestamp"], &temperature["mean"]),
        (&json!(at(25)), &json!(342.5 / 3.0))
    );
    assert_eq!(
        (&told["data"][0]["mean"], &told["data"][0]["count"]),
        (&Value::Null, &json!(0))
    );
    let only = http.get(&format!(
        "/ingest/summary/ESP32-01/?{SPAN}&sensor_type=temperature&source=main:7"
    ));
    assert_eq!(of(&only.is(200).body, "mean"), [&json!(5.0)]);
    let empty = http
        .get("/ingest/summary/ESP32-01/?from=-1m&sensor_type=temperature")
        .is(200)
        .body;
    assert_eq!(
        (&empty["data"][0]["count"], &empty["data"][0]["first_timestamp"]),
        (&json!(0), &Value::Null)
    );
}

fn intervals(http: &Http) {
    let told = http
        .get(&format!(
            "/ingest/aggregates/?{SPAN}&sensor_type=temperature&selector=ring%3Da"
        ))
        .is(200);
    assert_eq!(
        of(&told.body, "value"),
        [&json!((20.0 + 22.5 + 300.0 + 10.0 + 12.0) / 5.0)]
    );
    assert_eq!(of(&told.body, "timestamp"), [&json!(at(0))], "an hour unless said");
    let apart = "interval=10m&agg=count&group_by=site&fill=null";
    let told = http
        .get(&format!(
            "/api/telemetry/historical?{SPAN}&sensor_type=temperature&selector=ring&{apart}"
        ))
        .is(200);
    let rows: Vec<_> = of(&told.body, "group")
        .into_iter()
        .zip(of(&told.body, "count"))
        .collect();
    let row = |group: &str, count: u32| (json!(group), json!(count));
    let expected = [
        row("north", 2),
        row("north", 1),
        row("north", 0),
        row("south", 1),
        row("south", 0),
        row("south", 1),
    ];
    assert_eq!(
        rows,
        expected.iter().map(|(group, count)| (group, count)).collect::<Vec<_>>()
    );
}

fn several(http: &Http) {
    let whole = http.get(&format!("/ingest/readings/?{SPAN}")).is(200).body;
    assert_eq!(whole["data"].as_array().unwrap().len(), 8);
    assert_eq!(whole["data"][0]["device_id"], "ESP32-01");
    assert_eq!(http.get(&format!("/ingest/telemetry/?{SPAN}")).is(200).body, whole);
    // Page by page it is the same, whatever the page.
    for limit in 1..=9 {
        let (mut rows, mut after) = (Vec::new(), String::new());
        for page in 1.. {
            assert!(page < 10, "it has an end");
            let told = http
                .get(&format!("/ingest/readings/?{SPAN}&limit={limit}{after}"))
                .is(200)
                .body;
            let page = told["data"].as_array().unwrap();
            assert!(page.len() <= limit);
            rows.extend(page.clone());
            match told["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(json!(rows), whole["data"], "pages of {limit}");
    }
    let south = http
        .get(&format!("/ingest/readings/?{SPAN}&site=south&sensor_type=temperature"))
        .is(200);
    assert_eq!(of(&south.body, "value"), [&json!(10.0), &json!(12.0)]);
}

fn wrong(http: &Http) {
    let ask = |query: &str| refused(http, &format!("/ingest/telemetry/?{query}"));
    let sensor = "sensor_type=temperature";
    assert_eq!(ask("from=yesterday").0, "from");
    assert_eq!(ask("to=99999999999999999999").0, "to");
    assert_eq!(ask("from=now&to=-1h").0, "from");
    assert_eq!(ask("limit=0").0, "limit");
    assert_eq!(ask("limit=10001").0, "limit");
    assert_eq!(ask("after=x").0, "after");
    assert_eq!(ask("colour=blue").0, "colour");
    assert_eq!(ask("site=north&site=south").0, "site");
    assert_eq!(ask("device=ESP32-01&site=north").0, "site");
    assert_eq!(ask("agg=max").0, "agg");
    assert_eq!(ask(&format!("{sensor}&interval=1h&limit=5")).0, "limit");
    assert_eq!(ask(&format!("{sensor}&interval=often")).0, "interval");
    assert_eq!(ask(&format!("{sensor}&interval=1h&agg=most")).0, "agg");
    assert_eq!(ask(&format!("{sensor}&interval=1h&fill=zero")).0, "fill");
    assert_eq!(ask(&format!("{sensor}&interval=1h&group_by=colour")).0, "group_by");
    assert_eq!(ask("interval=1h").0, "sensor_type");
    // A year of minutes is too long, and so is a month of them for each of several devices.
    let long = ask(&format!("{sensor}&interval=1m&from=-365d"));
    assert_eq!(
        long,
        ("interval".to_owned(), "gives more than 10000 intervals".to_owned())
    );
    assert_eq!(
        ask(&format!("{sensor}&interval=1m&from=-6d&group_by=device&agg=count")).0,
        "interval"
    );
    http.get(&format!("/ingest/telemetry/?{sensor}&interval=1m&from=-6d&agg=count"))
        .is(200);
    assert_eq!(refused(http, "/ingest/readings/?interval=1h").0, "interval");
    assert_eq!(refused(http, "/ingest/history/ESP32-01/?device=ESP32-02").0, "device");
    assert_eq!(refused(http, "/ingest/aggregates/?after=x").0, "after");
    http.get(&format!("/ingest/history/ESP32-01/?{SPAN}&sensor_type=pressure"))
        .is(404);
}

fn strangers(world: &World, all: &Http) {
    let paths = |device: &str| {
        let span = format!("{SPAN}&sensor_type=temperature");
        [
            format!("/ingest/latest/{device}/?sensor_type=temperature"),
            format!("/ingest/history/{device}/?{span}"),
            format!("/ingest/history/{device}/?{span}&interval=10m"),
            format!("/ingest/summary/{device}/?{span}"),
            format!("/ingest/telemetry/?{span}&device={device}"),
            format!("/ingest/readings/?{span}&device={device}"),
            format!("/ingest/aggregates/?{span}&device={device}"),
            format!("/api/telemetry/historical?{span}&device={device}"),
        ]
    };
    let north = world.token("acme", &["view:telemetry"], &["--site", "north"]);
    let north = Http::new(world.fleetd.http()).token(&north);
    let other = Http::new(world.fleetd.http()).token(&world.token("other", &["view:telemetry"], &[]));
    let wrong = Http::new(world.fleetd.http()).token(&world.token("acme", &["view:device"], &[]));
    let nobody = Http::new(world.fleetd.http());
    let text = |http: &Http, path: &str, name: &str| http.get(path).is(404).body.to_string().replace(name, "NAME");
    for (((own, hidden), foreign), missing) in paths("ESP32-01")
        .iter()
        .zip(paths("ESP32-02"))
        .zip(paths("foreign"))
        .zip(paths("nothing"))
    {
        assert_eq!(all.get(own).is(200).body, north.get(own).is(200).body, "{own}");
        let nothing = text(&north, &missing, "nothing");
        assert_eq!(text(&north, &hidden, "ESP32-02"), nothing, "another site: {hidden}");
        assert_eq!(
            text(all, &foreign, "foreign"),
            nothing,
            "another organization: {foreign}"
        );
        let beside = |path: &str| format!("{path}&org=acme");
        assert_eq!(
            other.get(&beside(own)).is(404).body.to_string(),
            other
                .get(&beside(own).replace("org=acme", "org=nope"))
                .is(404)
                .body
                .to_string()
                .replace("nope", "acme")
        );
        wrong.get(own).is(403);
        nobody.get(own).is(401);
    }
    // Where nobody is named, others' readings are not there.
    let told = north.get(&format!("/ingest/readings/?{SPAN}")).is(200).body;
    assert!(
        of(&told, "device_id").iter().all(|device| **device == "ESP32-01"),
        "{told}"
    );
    let told = north
        .get(&format!("/ingest/aggregates/?{SPAN}&sensor_type=temperature"))
        .is(200)
        .body;
    assert_eq!(of(&told, "count"), [&json!(3)], "the mean is of what may be seen");
}

#[test]
fn front_ends_ask_about_readings() {
    questions(&World::start());
}

#[test]
fn front_ends_ask_about_readings_on_postgresql() {
    let server = Postgres::start();
    questions(&World::with(&["--database-url", &server.url()]));
}

#[test]
fn a_long_history_comes_in_pages_of_bounded_size() {
    let world = World::start();
    world.apply_text(FLEET).ok();
    let device = world.device("E-1");
    let sent: u32 = 25_000;
    for first in (0..sent).step_by(5_000) {
        let reading = |at: u32| json!({"dataType": "temperature", "value": at % 60, "timestamp": 1_767_225_600_000_u64 + u64::from(at) * 1_000});
        let told = device.ingest(&(first..first + 5_000).map(reading).collect());
        assert_eq!(told["accepted"], 5_000);
    }
    let http = Http::new(world.fleetd.http()).token(&world.token("acme", &["view:telemetry"], &[]));
    let (mut seen, mut after) = (0_u32, String::new());
    loop {
        let path = format!("/ingest/history/ESP32-01/?from=1767225600000&sensor_type=temperature&limit=10000{after}");
        let told = http.get(&path).is(200).body;
        let values = of(&told, "value");
        assert!(values.len() <= 10_000);
        for value in values {
            assert_eq!(value.as_f64(), Some(f64::from(seen % 60)));
            seen += 1;
        }
        match told["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, sent);
    let usual = http.get("/ingest/readings/?from=1767225600000").is(200).body;
    assert_eq!(
        usual["data"].as_array().unwrap().len(),
        1_000,
        "unless it says otherwise"
    );
    assert!(usual["next"].is_string());
}
