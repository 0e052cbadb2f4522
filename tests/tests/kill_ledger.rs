//! Acknowledged means on disk: fleetd is killed again and again while readings arrive, and while they are compacted.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet_tests::{Seeded, World, ledger, paths, process};

/// Kills, unless FLEET_TEST_KILLS says how many.
const CYCLES: usize = 50;
/// Kills that met no batch in flight prove nothing and do not count; so many times as many are tried.
const ATTEMPTS: usize = 3;
const CONNECTIONS: usize = 4;
const BATCH: u64 = 20;
/// Batches that must be acknowledged in a cycle before the kill.
const LOAD: usize = 8;
/// One of so many cycles must end while readings are moved from segments into chunks.
const COMPACTING: usize = 4;

fn wanted() -> usize {
    match std::env::var("FLEET_TEST_KILLS") {
        Ok(kills) => kills.parse().expect("FLEET_TEST_KILLS is a number"),
        Err(_) => CYCLES,
    }
}

fn seed() -> u64 {
    match std::env::var("FLEET_TEST_SEED") {
        Ok(seed) => seed.parse().expect("FLEET_TEST_SEED is a number"),
        #[expect(clippy::disallowed_methods, reason = "a fresh seed for each run; it is printed")]
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
    }
}

#[test]
fn every_acknowledged_reading_survives_every_kill_exactly_once() {
    let seed = seed();
    println!("replay: FLEET_TEST_SEED={seed} cargo test -p fleet-tests --test main kill_ledger");
    let mut random = Seeded::new(seed);
    let mut world = World::start();
    let device = world.device("kill-ledger-1");
    let file = world.home().join("ledger");
    let wanted = wanted();
    let (mut cycles, mut compacting, mut compacted) = (0, 0, 0);
    for attempt in 0.. {
        if cycles >= wanted && compacting >= wanted / COMPACTING && compacted > 0 {
            break;
        }
        assert!(
            attempt < wanted * ATTEMPTS,
            "of {attempt} kills {cycles} met a batch in flight, {compacting} of them while readings were compacted"
        );
        let before = ledger::read(&file);
        let mut sender = send(world.fleetd.http(), &device.id, &device.token, &file);
        let loaded = process::until(fleet_tests::fleetd::PATIENCE, || {
            if let Some(status) = sender.try_wait().unwrap() {
                panic!("the ledger ended by itself: {status}");
            }
            (ledger::read(&file).acked() >= before.acked() + LOAD).then_some(())
        });
        loaded.expect("batches are acknowledged");
        let is_compacting = if attempt % 2 == 0 {
            let begun = process::until(fleet_tests::fleetd::PATIENCE, || {
                // Every other time, only after something was moved already.
                let is_due = attempt % 4 == 0 || figure(&world, "fleetd_readings_compacted_total") > 0;
                (is_due && figure(&world, "fleetd_compacting") == 1).then_some(())
            });
            begun.expect("readings are compacted");
            compacted += figure(&world, "fleetd_readings_compacted_total");
            // Still, at the last look before the kill.
            figure(&world, "fleetd_compacting") == 1
        } else {
            // The moment of the kill is what is random here; nothing waits for something to be ready.
            std::thread::sleep(Duration::from_micros(random.below(150_000)));
            false
        };
        world.fleetd.kill();
        let status = process::wait(&mut sender, fleet_tests::fleetd::PATIENCE).expect("the ledger ends without fleetd");
        assert!(status.success(), "the ledger found something wrong: {status}");
        let in_flight = ledger::read(&file).cuts() > before.cuts();
        cycles += usize::from(in_flight);
        compacting += usize::from(in_flight && is_compacting);
        world.fleetd.restart();
    }
    let ledger = ledger::read(&file);
    assert!(ledger.acked() >= wanted * LOAD);
    for connection in 0..CONNECTIONS as u64 {
        compare(&world, &ledger, connection);
    }
}

/// A figure that fleetd tells of itself.
fn figure(world: &World, name: &str) -> u64 {
    let told = reqwest::blocking::get(format!("{}/metrics", world.fleetd.http())).unwrap();
    let text = told.text().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

fn send(http: &str, device: &str, token: &str, file: &std::path::Path) -> Child {
    let address = http.trim_start_matches("http://");
    Command::new(paths::binary("ledger"))
        .args([address, device, token])
        .arg(file)
        .args([CONNECTIONS.to_string(), BATCH.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// acknowledged ⊆ stored ⊆ sent, each key once, values equal.
fn compare(world: &World, ledger: &ledger::Ledger, connection: u64) {
    let batches = &ledger.0[&connection];
    let mut stored: BTreeMap<u64, f64> = BTreeMap::new();
    for reading in world.readings(fleet_tests::ORG, "killledger1", &ledger::sensor(connection)) {
        let timestamp = millis(reading["timestamp"].as_str().unwrap());
        let value = reading["value"]
            .as_f64()
            .unwrap_or_else(|| panic!("no number in {reading}"));
        assert_eq!(reading["quality"], "good", "{reading}");
        assert!(stored.insert(timestamp, value).is_none(), "{reading} is there twice");
    }
    let expand = |number: &u64| (number * BATCH..(number + 1) * BATCH).map(|at| ledger::reading(connection, at));
    for (timestamp, value) in batches.acked.iter().flat_map(expand) {
        let found = stored.get(&timestamp);
        assert_eq!(
            found,
            Some(&value),
            "acknowledged and lost: sensor c{connection} at {timestamp}"
        );
    }
    let sent: BTreeMap<u64, f64> = batches.sent.iter().flat_map(expand).collect();
    for (timestamp, value) in &stored {
        assert_eq!(
            sent.get(timestamp),
            Some(value),
            "stored and never sent: sensor c{connection} at {timestamp}"
        );
    }
}

/// Epoch milliseconds of an RFC 3339 time.
fn millis(text: &str) -> u64 {
    let timestamp: jiff::Timestamp = text.parse().unwrap();
    timestamp.as_millisecond() as u64
}
