//! One story on both stores: what a person and a gateway see does not depend on the engine below.

use fleet_tests::peers::Postgres;
use fleet_tests::{Device, Finished, ORG, World};
use serde_json::{Value, json};

use crate::round_trip::revision;

#[test]
fn the_story_on_sqlite() {
    let world = World::empty(&[]);
    story(world, "sqlite");
}

#[test]
fn the_story_on_postgresql() {
    let server = Postgres::start();
    let world = World::empty(&["--database-url", &server.url()]);
    story(world, "postgres");
}

fn names(world: &World, arguments: &[&str]) -> Vec<String> {
    let all = [arguments, &["-o", "name"]].concat();
    world.fleetctl(&all).ok().stdout.lines().map(str::to_owned).collect()
}

fn refusal(said: &Finished, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{said}");
    for word in words {
        assert!(said.stderr.contains(word), "no `{word}`: {said}");
    }
}

fn story(mut world: World, engine: &str) {
    let status = world.fleetctl(&["server", "status", "-o", "json"]).ok().json();
    assert!(
        status["store"].as_str().is_some_and(|store| store.starts_with(engine)),
        "{status}"
    );

    resources(&world);
    let device = readings(&world);
    restart(&mut world, &device);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

/// Apply, select, refuse, delete.
fn resources(world: &World) {
    let site = |name: &str, labels: &str, spec: &str| {
        format!(
            "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: {name}, labels: {{{labels}}}}}\nspec: {{{spec}}}\n---\n"
        )
    };
    let organization = format!(
        "apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {ORG}}}\nspec: {{displayName: Ünïcode 🏭}}\n---\n"
    );
    let device = format!(
        "apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: meter}}\nspec: {{serial: AA-1, site: b, configuration: {{x: [1, 2.5, null]}}}}\n---\n"
    );
    // References go forwards and backwards: order is irrelevant.
    let bundle = [
        device,
        site("b", "ring: canary", "parent: a"),
        site("a", "", "timezone: Europe/Vienna"),
        organization,
    ]
    .concat();
    let before = revision(world);
    world
        .fleetctl_with(&["apply", "--dry-run", "-f", "-"], bundle.as_bytes())
        .ok();
    assert_eq!(revision(world), before, "a dry run changes nothing");
    world.apply_text(&bundle).ok();
    let applied = revision(world);
    assert!(applied > before);
    world.apply_text(&bundle).ok();
    assert_eq!(revision(world), applied, "the same again changes nothing");

    assert_eq!(names(world, &["get", "sites", "--org", ORG]), ["site/a", "site/b"]);
    assert_eq!(
        names(world, &["get", "sites", "--org", ORG, "-l", "ring=canary"]),
        ["site/b"]
    );
    assert_eq!(names(world, &["get", "sites", "--org", ORG, "-l", "!ring"]), ["site/a"]);
    assert_eq!(
        names(world, &["get", "devices", "--org", ORG, "--ref", "site/b"]),
        ["device/meter"]
    );
    assert_eq!(
        names(world, &["get", "devices", "--org", ORG, "--name", "m?t*"]),
        ["device/meter"]
    );
    assert_eq!(
        names(world, &["get", "devices", "--org", ORG, "--name", "x*"]),
        Vec::<String>::new()
    );
    let found = world
        .fleetctl(&["get", "device", "meter", "--org", ORG, "-o", "json"])
        .ok()
        .json();
    let found = found.as_array().map_or(found.clone(), |list| list[0].clone());
    assert_eq!(found["spec"]["configuration"], json!({"x": [1, 2.5, null]}), "{found}");
    assert_eq!(found["metadata"]["generation"], 1, "{found}");

    // One transaction: the good half of a bad bundle is not there.
    let half = [site("c", "", ""), site("d", "", "parent: nowhere")].concat();
    refusal(&world.apply_text(&half), 3, &["site/nowhere"]);
    assert_eq!(names(world, &["get", "sites", "--org", ORG]), ["site/a", "site/b"]);
    let taken =
        format!("apiVersion: fleet/v1\nkind: Device\nmetadata: {{org: {ORG}, name: other}}\nspec: {{serial: aa-1}}\n");
    refusal(&world.apply_text(&taken), 3, &["aa-1"]);
    refusal(
        &world.fleetctl(&["delete", "site/a", "--org", ORG, "--yes"]),
        15,
        &["site/b"],
    );
    refusal(&world.fleetctl(&["get", "site", "zzz", "--org", ORG]), 6, &["zzz"]);
}

/// Ingest, latest, raw and aggregated queries.
fn readings(world: &World) -> Device {
    let device = world.device("AA-1");
    let minute = |at: u32, value: Value| json!({"dataType": "power", "value": value, "unit": "W", "timestamp": format!("2026-01-01T00:{at:02}:00Z")});
    let batch: Vec<Value> = (0..10).map(|at| minute(at, json!(f64::from(at) * 1.5))).collect();
    assert_eq!(device.ingest(&json!(batch))["accepted"], 10);
    let again = device.ingest(&json!(batch));
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(10)),
        "{again}"
    );
    // In any order of time, and with a text and a missing value among them.
    let late = json!([minute(30, json!(7)), minute(20, json!("off")), minute(15, Value::Null)]);
    assert_eq!(device.ingest(&late)["accepted"], 3);

    let raw = world.readings(ORG, "meter", "power");
    assert_eq!(raw.len(), 13, "{raw:?}");
    let times: Vec<&str> = raw
        .iter()
        .map(|reading| reading["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(
        (&raw[9]["value"], &raw[9]["quality"]),
        (&json!(13.5), &json!("good")),
        "{:?}",
        raw[9]
    );
    assert!(
        raw[10]["value"].is_null() && raw[10]["quality"] == "bad",
        "missing is missing: {:?}",
        raw[10]
    );

    let range = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:10:00Z"];
    let arguments = [
        &["telemetry", "query", "device/meter", "power", "--org", ORG],
        &range[..],
        &["--every", "5m", "--agg", "mean", "-o", "jsonl"],
    ];
    let buckets = world.fleetctl(&arguments.concat()).ok().json_lines();
    let figures: Vec<_> = buckets
        .iter()
        .map(|bucket| (bucket["value"].as_f64(), bucket["count"].as_u64()))
        .collect();
    assert_eq!(figures, [(Some(3.0), Some(5)), (Some(10.5), Some(5))], "{buckets:?}");

    let latest = world
        .fleetctl(&["telemetry", "latest", "device/meter", "--org", ORG, "-o", "json"])
        .ok()
        .json();
    assert_eq!(
        (&latest[0]["sensor"], &latest[0]["value"]),
        (&json!("power"), &json!(7.0)),
        "{latest}"
    );
    device
}

/// SIGKILL, and everything is there.
fn restart(world: &mut World, device: &Device) {
    let (export, raw, at) = (
        world.export(ORG),
        world.readings(ORG, "meter", "power"),
        revision(world),
    );
    world.fleetd.kill();
    world.fleetd.restart();
    assert_eq!((world.export(ORG), revision(world)), (export, at));
    assert_eq!(world.readings(ORG, "meter", "power"), raw);
    let again = device
        .at(world.fleetd.http())
        .ingest(&json!([{"dataType": "power", "value": 0.0, "timestamp": "2026-01-01T00:00:00Z"}]));
    assert_eq!(
        again["duplicates"], 1,
        "its token and its readings outlive a kill: {again}"
    );

    refusal(&world.fleetctl(&["delete", "organization", ORG, "--yes"]), 15, &[]);
    world
        .fleetctl(&["delete", "organization", ORG, "--cascade", "--yes"])
        .ok();
    assert_eq!(names(world, &["get", "devices", "-A"]), Vec::<String>::new());
    let (status, body) = device.at(world.fleetd.http()).post("/api/telemetry/ingest", &json!([]));
    assert_eq!(status.as_u16(), 401, "{body}");
}
