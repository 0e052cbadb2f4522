//! Readings are kept as long as their organization says, and refused before the disk is full.

use std::fs;
use std::time::Duration;

use fleet_tests::{ORG, Seeded, World, process};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;
/// Bytes that are left for whoever else writes to the disk meanwhile.
const LEFT: u64 = 512 << 20;

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Noon (UTC) of a day that lies so many before today.
fn noon(days: i64) -> i64 {
    (now().div_euclid(DAY) - days) * DAY + DAY / 2
}

fn organization(spec: &str) -> String {
    format!("apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {ORG}}}\nspec: {spec}\n")
}

fn files(world: &World) -> Vec<String> {
    let dir = world.fleetd.data_dir().join("telemetry");
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<String> = names.filter(|name| name.strip_suffix(".db").is_some()).collect();
    days.sort();
    days
}

fn rule<'a>(rules: &'a [Value], sensors: &str) -> &'a Value {
    let found = rules.iter().find(|rule| rule["sensors"] == sensors);
    found.unwrap_or_else(|| panic!("no rule of {sensors} in {rules:?}"))
}

#[test]
fn readings_that_are_over_are_gone_after_a_kill_too_and_are_refused_when_they_are_sent_again() {
    let mut world = World::start();
    let device = world.device("keeper-1");
    let reading = |sensor: &str, days: i64| json!({"dataType": sensor, "value": 1.5, "timestamp": noon(days)});
    let sent = json!({"readings": [
        reading("power", 1), reading("power", 5), reading("power", 40),
        reading("vibrationX", 1), reading("vibrationX", 5), reading("vibrationX", 40),
    ]});
    let (status, answer) = device.post("/api/telemetry/ingest", &sent);
    assert_eq!((status.as_u16(), &answer["accepted"]), (200, &json!(6)), "{answer}");
    assert_eq!(files(&world).len(), 3);

    let spec =
        "{subscription: {storageDays: 30}, retention: [{sensors: 'vibration*', days: 2}, {sensors: '*', days: 90}]}";
    world.apply_text(&organization(spec)).ok();
    let explain = ["telemetry", "retention", "explain", "--org", ORG, "-o", "json"];
    let rules = world.fleetctl(&explain).ok().json();
    let rules = rules.as_array().unwrap().clone();
    assert_eq!(rule(&rules, "vibration*")["days"], 2);
    assert_eq!(rule(&rules, "vibration*")["says"], "spec.retention[0]");
    assert_eq!(
        (&rule(&rules, "*")["days"], &rule(&rules, "*")["says"]),
        (&json!(30), &json!("spec.subscription.storageDays"))
    );
    let of_device = world
        .fleetctl(&[&explain[..3], &["device/keeper1", "power"], &explain[3..]].concat())
        .ok()
        .json();
    assert_eq!(
        (&of_device[0]["sensors"], &of_device[0]["days"]),
        (&json!("power"), &json!(30))
    );

    // Perhaps while it drops them.
    let mut random = Seeded::new(7);
    for _ in 0..6 {
        world.fleetd.kill();
        world.fleetd.restart();
        std::thread::sleep(Duration::from_micros(random.below(300_000)));
    }
    // 40 days are over for every sensor, 5 days for one of them.
    let gone = process::until(fleet_tests::fleetd::PATIENCE, || {
        let has = |sensor| world.readings(ORG, "keeper1", sensor).len();
        (files(&world).len() == 2 && has("power") == 2 && has("vibrationX") == 1).then_some(())
    });
    gone.unwrap_or_else(|| panic!("{:?}\n{}", files(&world), world.fleetd.log()));

    let device = device.at(world.fleetd.http());
    let (status, answer) = device.post(
        "/api/telemetry/ingest",
        &json!({"readings": [reading("power", 40), reading("vibrationX", 5), reading("power", 5)]}),
    );
    assert_eq!(
        (status.as_u16(), &answer["accepted"], &answer["duplicates"]),
        (200, &json!(0), &json!(1)),
        "{answer}"
    );
    let codes: Vec<&Value> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["code"])
        .collect();
    assert_eq!(codes, ["expired", "expired"]);
    assert_eq!(files(&world).len(), 2);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn readings_are_refused_before_the_disk_is_full_and_everything_else_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(home.path()).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    let world = World::with(&["--disk-reserve", &format!("{}", free.saturating_sub(LEFT))]);
    let device = world.device("roomless-1");
    let reading = |at: i64| json!({"readings": [{"dataType": "power", "value": 1.0, "timestamp": at}]});
    assert_eq!(device.post("/api/telemetry/ingest", &reading(now() - 2_000)).0, 200);

    // Somebody else fills the disk.
    let filler = fs::File::create(home.path().join("filler")).unwrap();
    rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, 2 * LEFT).unwrap();
    let refused = process::until(fleet_tests::fleetd::PATIENCE, || {
        let (status, answer) = device.post("/api/telemetry/ingest", &reading(now() - 1_000));
        (status == 507).then_some(answer)
    });
    let answer = refused.unwrap_or_else(|| panic!("{}", world.fleetd.log()));
    assert_eq!(answer["code"], "disk_full", "{answer}");
    let status = world.fleetctl(&["server", "status", "-o", "json"]).ok().json();
    assert_eq!(status["telemetry"]["lowOnRoom"], true, "{status}");
    let ready = reqwest::blocking::get(format!("{}/readyz", world.fleetd.http())).unwrap();
    assert_eq!(ready.status(), 503);
    let stored = world.readings(ORG, "roomless1", "power").len();
    assert!(stored >= 1);
    world.apply_text(&organization("{description: still written}")).ok();

    drop(filler);
    fs::remove_file(home.path().join("filler")).unwrap();
    let taken = process::until(fleet_tests::fleetd::PATIENCE, || {
        (device.post("/api/telemetry/ingest", &reading(now() - 500)).0 == 200).then_some(())
    });
    taken.unwrap_or_else(|| panic!("{}", world.fleetd.log()));
    assert_eq!(world.readings(ORG, "roomless1", "power").len(), stored + 1);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}
