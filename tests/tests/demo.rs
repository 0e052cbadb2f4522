//! The first command of the README.

use std::time::Duration;

use fleet_tests::{Fleetd, process};

#[test]
fn the_demo_shows_live_readings_and_ends_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Fleetd::command();
    command
        .arg("demo")
        .args(["--for", "8s"])
        .arg("--data-dir")
        .arg(home.path().join("data"))
        .current_dir(home.path());
    let said = process::run(&mut command, b"", Duration::from_secs(120)).ok();
    for shown in ["http://127.0.0.1:", "fleetctl", "l1Voltage", "acPower"] {
        assert!(said.stdout.contains(shown), "the demo does not show {shown}\n{said}");
    }
}
