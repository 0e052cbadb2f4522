//! `examples/gateway.sh`: a gateway in curl.

use std::path::Path;
use std::process::Command;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, ORG, World, paths, process};
use serde_json::Value;

fn gateway(world: &World, settings: &[(&str, &str)]) -> Finished {
    let mut command = Command::new("sh");
    command
        .arg(paths::repository().join("examples/gateway.sh"))
        .current_dir(world.home())
        .env("FLEETD_URL", world.fleetd.http())
        .env_remove("CLAIM_TOKEN")
        .env_remove("HW_ID")
        .env_remove("STATE_FILE")
        .envs(settings.iter().copied());
    process::run(&mut command, b"", PATIENCE)
}

/// (time, value) of readings, in order of time.
fn points(readings: &[Value]) -> Vec<(&str, &Value)> {
    readings
        .iter()
        .map(|reading| (reading["timestamp"].as_str().unwrap(), &reading["value"]))
        .collect()
}

#[test]
fn a_gateway_in_curl_reports_and_repeating_it_adds_nothing() {
    let world = World::empty(&[]);
    world.apply("examples/01-first-site").ok();
    let claim = world.claim_token("acme-energy");

    let first = gateway(&world, &[("CLAIM_TOKEN", &claim)]).ok();
    assert!(first.stdout.contains("configuration esp32-boiler-room"), "{first}");
    assert!(first.stdout.contains(r#""accepted":21"#), "{first}");
    let flow = world.readings("acme-energy", "heat-meter-1", "flowTemperature");
    assert_eq!(flow.len(), 5, "{flow:?}");
    assert_eq!(points(&flow)[0].1.as_f64(), Some(60.5));
    assert_eq!(points(&flow)[4].1.as_f64(), Some(64.5));
    assert!(points(&flow)[4].0.starts_with("2026-01-01T00:04:00"), "{flow:?}");
    let own = world.readings("acme-energy", "gateway-1", "boardTemperature");
    assert_eq!(own.len(), 5, "{own:?}");

    // Its state file holds the token that the claim token was exchanged for.
    let second = gateway(&world, &[]).ok();
    assert!(second.stdout.contains(r#""accepted":0"#), "{second}");
    assert!(second.stdout.contains(r#""duplicates":21"#), "{second}");
    assert_eq!(world.readings("acme-energy", "heat-meter-1", "flowTemperature"), flow);
    assert_eq!(world.readings("acme-energy", "gateway-1", "boardTemperature"), own);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn a_gateway_that_nobody_declared_becomes_a_device_of_its_own() {
    let world = World::start();
    let claim = world.claim_token(ORG);
    let said = gateway(&world, &[("CLAIM_TOKEN", &claim), ("HW_ID", "AA:BB:CC:00:11:22")]).ok();
    assert!(said.stdout.contains("no configuration yet"), "{said}");
    assert_eq!(world.readings(ORG, "aabbcc001122", "heatPower").len(), 5);
}

#[test]
fn a_gateway_says_what_is_missing() {
    let world = World::start();
    let said = gateway(&world, &[]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("claim-token create"), "{said}");

    let said = gateway(&world, &[("CLAIM_TOKEN", "wrong")]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("provisioning"), "{said}");
    assert!(
        !Path::new(&world.home().join("gateway-state")).exists(),
        "a refusal leaves no state"
    );
}
