//! fleetd polls a meter that it does not know to be pymodbus.

use std::collections::HashMap;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::peers::{ModbusServer, Request};
use fleet_tests::{World, process, sdm630};
use serde_json::Value;

const ORG: &str = "acme-energy";

/// The example's site and meter, with the meter at the server's port.
fn apply_meter(world: &World, port: u16) {
    for file in ["organization.yaml", "places.yaml"] {
        world.apply(&format!("examples/01-first-site/{file}")).ok();
    }
    let path = fleet_tests::paths::repository().join("examples/01-first-site/meter.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("port: 5020"), "the example's meter is at port 5020");
    world
        .apply_text(&text.replace("port: 5020", &format!("port: {port}")))
        .ok();
}

fn latest(world: &World) -> HashMap<String, Value> {
    let found = world
        .fleetctl(&["telemetry", "latest", "device/meter-1", "--org", ORG, "-o", "json"])
        .ok()
        .json();
    let items = found.as_array().unwrap_or_else(|| panic!("no list: {found}")).clone();
    items
        .into_iter()
        .map(|item| (item["sensor"].as_str().unwrap().to_owned(), item))
        .collect()
}

/// Waits until all 51 sensors have a reading of which this holds.
fn all(world: &World, what: &str, holds: impl Fn(&Value) -> bool) -> HashMap<String, Value> {
    let mut last = HashMap::new();
    let found = process::until(PATIENCE, || {
        last = latest(world);
        (last.len() == sdm630::SENSORS.len() && last.values().all(&holds)).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("not all sensors are {what}: {last:#?}"))
}

fn check_values(found: &HashMap<String, Value>) {
    for ((sensor, _), (_, served)) in sdm630::SENSORS.iter().zip(sdm630::values()) {
        let served = f64::from(served);
        let value = found[*sensor]["value"]
            .as_f64()
            .unwrap_or_else(|| panic!("{sensor} has no number"));
        assert!(
            (value - served).abs() <= served.abs() * 1e-4,
            "{sensor}: {value}, and {served} was served"
        );
    }
    assert_eq!(found["l1Voltage"]["unit"], "V");
    assert_eq!(found["importEnergy"]["unit"], "kWh");
}

/// Whole sweeps, each from a request that covers register 0 up to the next.
fn sweeps(asked: &[Request]) -> Vec<&[Request]> {
    let begins: Vec<usize> = (0..asked.len()).filter(|at| asked[*at].address == 0).collect();
    begins.windows(2).map(|pair| &asked[pair[0]..pair[1]]).collect()
}

#[test]
fn a_pymodbus_meter_is_read_in_three_requests_dies_and_heals() {
    let mut server = ModbusServer::start(&sdm630::BLOCKS, &sdm630::values());
    let world = World::empty(&[]);
    apply_meter(&world, server.port());

    let is_good = |reading: &Value| reading["quality"] == "good" && reading["value"].is_number();
    check_values(&all(&world, "good", is_good));

    let mut asked = Vec::new();
    let complete = process::until(PATIENCE, || {
        asked.extend(server.requests());
        (sweeps(&asked).len() >= 3).then_some(())
    });
    complete.unwrap_or_else(|| panic!("no three sweeps: {asked:?}"));
    for sweep in sweeps(&asked) {
        assert!(sweep.len() <= 3, "{} requests in a sweep: {sweep:?}", sweep.len());
        for (sensor, address) in sdm630::SENSORS {
            let address = u64::from(address);
            let covers =
                |r: &Request| r.function_code == 4 && r.address <= address && address + 2 <= r.address + r.count;
            assert!(sweep.iter().any(covers), "{sensor} was not asked for in {sweep:?}");
        }
    }

    server.kill();
    let dead = all(&world, "bad", |reading| reading["quality"] == "bad");
    for (sensor, reading) in &dead {
        assert!(
            reading["value"].is_null(),
            "{sensor} has a number while its meter is dead: {reading}"
        );
        let reason = reading["reason"].as_str().unwrap_or_default();
        assert!(
            ["connection", "timeout", "breaker_open"].contains(&reason),
            "{sensor}: {reading}"
        );
    }

    turned(&world, "bus.down", "error");

    server.restart();
    check_values(&all(&world, "good again", is_good));
    turned(&world, "bus.up", "info");
    assert!(
        world.fleetd.errors().is_empty(),
        "a dead meter is no error of fleetd's: {:?}",
        world.fleetd.errors()
    );
}

/// The system log tells of the bus, at the site of its meter.
fn turned(world: &World, action: &str, level: &str) {
    let list = ["log", "list", "--org", ORG, "--action", action, "-o", "json"];
    let told = process::until(PATIENCE, || {
        let found = world.fleetctl(&list).ok().json();
        found.as_array().and_then(|all| all.last().cloned())
    });
    let told = told.unwrap_or_else(|| panic!("no {action}"));
    assert_eq!(
        (&told["level"], &told["site"]),
        (&level.into(), &"plant-1".into()),
        "{told}"
    );
    assert_eq!(told["details"]["gatewayConfig"], "sdm630");
}
