//! Plans and applies: of ten thousand resources, and of a small bundle in a large fleet.

use std::path::Path;
use std::thread;
use std::time::Duration;

use fleet_tests::{ORG, World};

use super::{RUNS, commands, devices, figure, load, median, site};

/// Devices of the large fleet.
const FLEET: usize = 1_000_000;
/// Devices of one apply while the large fleet is made.
const PART: usize = 20_000;

fn seconds(runs: Vec<commands::Measured>) -> f64 {
    median(runs, |run| run.total.as_secs_f64()).total.as_secs_f64()
}

fn fleetctl(world: &World, command: &str, path: &Path, more: &[&str]) -> commands::Measured {
    let mut fleetctl = world.fleetctl_command();
    fleetctl.args(["--timeout", "10m", command, "-f"]).arg(path).args(more);
    commands::measure(&mut fleetctl)
}

pub fn change() {
    let world = site();
    let path = world.file("devices.yaml", devices(0, 10_000));
    let text = devices(0, 10_000);
    fleetctl(&world, "apply", &path, &["--apply-set", "bench", "-o", "name"]);

    let runs = (0..RUNS)
        .map(|_| fleetctl(&world, "validate", &path, &["-o", "json"]))
        .collect();
    figure(
        "validate of 10,000 manifests",
        &format!("{:.2} s", seconds(runs)),
        "<= 0.5 s",
    );
    let set = ["--apply-set", "bench"];
    let runs = (0..RUNS).map(|_| fleetctl(&world, "plan", &path, &set)).collect();
    figure("plan of 10,000 unchanged", &format!("{:.2} s", seconds(runs)), "<= 3 s");

    let changed = |run: usize| {
        world.file(
            "changed.yaml",
            text.replace("deviceType: meter", &format!("deviceType: type-{run}")),
        )
    };
    let apply = |run: usize| fleetctl(&world, "apply", &changed(run), &["--apply-set", "bench", "-o", "name"]);
    let runs = (0..RUNS).map(apply).collect();
    figure(
        "apply of 10,000 changes, one transaction",
        &format!("{:.2} s", seconds(runs)),
        "<= 10 s",
    );

    // A steady 80,000 readings a second: what is measured is whether an apply stands in the way of readings.
    let senders: Vec<_> = (0..8).map(|at| world.device(&format!("load-{at}"))).collect();
    let load = || load::paced(world.fleetd.http(), &senders, 100, 400, Duration::from_millis(10));
    let alone = median((0..RUNS).map(|_| load()).collect(), |run| run.quantile(0.99));
    let beside = |run: usize| {
        let path = changed(RUNS + run);
        thread::scope(|scope| {
            let applying = scope.spawn(|| fleetctl(&world, "apply", &path, &["--apply-set", "bench", "-o", "name"]));
            let beside = load();
            (beside, applying.join().unwrap().total.as_secs_f64())
        })
    };
    let beside = median((0..RUNS).map(beside).collect(), |run| run.0.quantile(0.99));
    let text = format!(
        "p99 {:.1} ms alone, {:.1} ms beside an apply of {:.1} s",
        alone.quantile(0.99),
        beside.0.quantile(0.99),
        beside.1
    );
    figure(
        "80,000 readings/s beside an apply of 10,000",
        &text,
        "p99 at most doubled",
    );
}

pub fn fleet() {
    let world = site();
    for part in 0..FLEET / PART {
        let path = world.file("devices.yaml", devices(part * PART, PART));
        fleetctl(&world, "apply", &path, &["-o", "name"]);
        eprintln!("({} of {FLEET} devices)", (part + 1) * PART);
    }
    let mut bundle = devices(500_000, 50).replace("deviceType: meter", "deviceType: other");
    bundle += &devices(FLEET, 50);
    let path = world.file("bundle.yaml", &bundle);
    let set = ["--apply-set", "small", "--prune", "--take", "--org", ORG];
    let runs = (0..RUNS * 3).map(|_| fleetctl(&world, "plan", &path, &set)).collect();
    let text = format!("{:.0} ms", seconds(runs) * 1e3);
    figure("plan of 100 resources in a fleet of 1,000,000", &text, "<= 200 ms");
}
