//! A disk that does not take what it was given: fleetd acknowledges nothing, and ends.

use std::fs;
use std::process::{Command, Stdio};

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{ORG, World, peers, process};
use serde_json::json;

/// Is every thread of a process traced?
fn is_traced(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
        .all(|status| {
            status
                .lines()
                .any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        })
}

#[test]
fn a_failed_fsync_acknowledges_nothing_and_ends_fleetd_which_then_has_all_that_it_acknowledged() {
    let mut world = World::start();
    let device = world.device("fsync-1");
    let begin = jiff::Timestamp::now().as_millisecond() - 600_000;
    let reading = |at: i64| json!([{"dataType": "power", "value": at as f64, "timestamp": begin + at}]);
    for at in 0..20 {
        assert_eq!(device.ingest(&reading(at))["accepted"], 1);
    }
    let told = world.home().join("strace");
    let mut strace: Command = peers::strace();
    let pid = world.fleetd.pid();
    let mut strace = strace
        .args([
            "-f",
            "-q",
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            "inject=fsync,fdatasync:error=EIO",
        ])
        .args(["-p", &pid.to_string(), "-o"])
        .arg(&told)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    process::until(PATIENCE, || is_traced(pid).then_some(())).expect("strace traces fleetd");

    let answer = device.post_raw(
        "/api/telemetry/ingest",
        reading(100).to_string().into_bytes(),
        &[("content-type", "application/json")],
    );
    // Either an answer that it is not stored, or none.
    assert!(answer.is_err() || answer.is_ok_and(|answer| !answer.status().is_success()));
    let status = world.fleetd.ended();
    assert!(!status.success(), "{status}\n{}", world.fleetd.log());
    process::wait(&mut strace, PATIENCE).expect("strace ends with what it traces");
    let told = fs::read_to_string(told).unwrap();
    assert!(told.contains("EIO") && told.contains("INJECTED"), "{told}");

    world.fleetd.restart();
    let device = device.at(world.fleetd.http());
    let stored: Vec<f64> = world
        .readings(ORG, "fsync1", "power")
        .iter()
        .map(|reading| reading["value"].as_f64().unwrap())
        .collect();
    let acknowledged: Vec<f64> = (0..20).map(f64::from).collect();
    // What was not acknowledged may be there, too.
    assert!(stored.starts_with(&acknowledged) && stored.len() <= 21, "{stored:?}");
    assert_eq!(device.ingest(&reading(101))["accepted"], 1);
}
