//! The figures of the README, with client and server on the same machine: `cargo bench -p fleet-tests`.
//!
//! `cargo bench -p fleet-tests -- ingest list` prints some of them: ingest, line, stream, live, single, apply, change, fleet, list, version, idle, revoke. Each is
//! the median of three runs, on a store of its own, in the release profile.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints, and ends where it cannot go on"
)]

mod changes;
mod commands;
mod load;
mod revoke;
mod streams;

use std::fmt::Write as _;

use fleet_tests::World;

/// Runs of each measurement.
const RUNS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without optimisation; run: cargo bench -p fleet-tests");
        return;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let figures: [(&str, fn()); 12] = [
        ("ingest", ingest),
        ("line", line),
        ("stream", streams::stream),
        ("live", streams::live),
        ("single", single),
        ("apply", apply),
        ("change", changes::change),
        ("fleet", changes::fleet),
        ("list", list),
        ("version", version),
        ("idle", idle),
        ("revoke", revoke::revoke),
    ];
    for (name, measure) in figures {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            measure();
        }
    }
}

/// The run in the middle, by a key.
fn median<T>(mut runs: Vec<T>, key: impl Fn(&T) -> f64) -> T {
    runs.sort_by(|a, b| key(a).total_cmp(&key(b)));
    runs.remove(runs.len() / 2)
}

fn figure(name: &str, value: &str, bar: &str) {
    println!("{name:<44} {value:<58} bar: {bar}");
}

fn loaded(batch: usize, requests: usize) -> load::Outcome {
    let world = World::start();
    let devices: Vec<_> = (0..load::CONNECTIONS)
        .map(|at| world.device(&format!("load-{at:02}")))
        .collect();
    let outcome = load::run(world.fleetd.http(), &devices, batch, requests);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
    outcome
}

fn ingest() {
    let runs = (0..RUNS).map(|_| loaded(100, 800)).collect();
    let middle = median(runs, |run: &load::Outcome| run.requests_per_second());
    let readings = middle.requests_per_second() * 100.0;
    let text = format!(
        "{:.2} million readings/s, p50 {:.1} ms, p99 {:.1} ms",
        readings / 1e6,
        middle.quantile(0.5),
        middle.quantile(0.99)
    );
    figure(
        "durable ingest, batches of 100, 32 connections",
        &text,
        ">= 1 million/s, p99 <= 20 ms",
    );
}

fn line() {
    // As many readings in each, with a bar of 1.2 times what victoria-metrics took without waiting for a disk.
    for (batch, requests, bar) in [(100, 1_600, ">= 3.2 million/s"), (1_000, 300, ">= 5.8 million/s")] {
        let run = |_| {
            let world = World::start();
            let devices: Vec<_> = (0..load::CONNECTIONS)
                .map(|at| world.device(&format!("load-{at:02}")))
                .collect();
            let token = world.token(fleet_tests::ORG, &["telemetry:write"], &[]);
            let outcome = load::lines(world.fleetd.http(), &devices, batch, requests, &token);
            assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
            outcome
        };
        let middle = median((0..RUNS).map(run).collect(), |run: &load::Outcome| {
            run.requests_per_second()
        });
        let text = format!(
            "{:.2} million readings/s, p50 {:.1} ms, p99 {:.1} ms",
            middle.requests_per_second() * batch as f64 / 1e6,
            middle.quantile(0.5),
            middle.quantile(0.99)
        );
        figure(
            &format!("durable line protocol, batches of {batch}, 32 connections"),
            &text,
            bar,
        );
    }
}

fn single() {
    let runs = (0..RUNS).map(|_| loaded(1, 2_000)).collect();
    let middle = median(runs, |run: &load::Outcome| run.requests_per_second());
    let text = format!(
        "{:.0} requests/s, p50 {:.1} ms, p99 {:.1} ms",
        middle.requests_per_second(),
        middle.quantile(0.5),
        middle.quantile(0.99)
    );
    figure(
        "durable ingest, single readings, 32 connections",
        &text,
        ">= 15,000 requests/s",
    );
}

/// Manifests of devices, numbered from `first`.
fn devices(first: usize, count: usize) -> String {
    let mut text = String::new();
    for at in first..first + count {
        write!(
            text,
            "apiVersion: fleet/v1\nkind: Device\nmetadata:\n  org: {}\n  name: device-{at:06}\n  labels: {{ring: r{}}}\nspec:\n  \
             serial: SN-{at:06}\n  deviceType: meter\n  site: plant\n  sensors:\n    - {{name: power, unit: W}}\n---\n",
            fleet_tests::ORG,
            at % 10
        )
        .unwrap();
    }
    text
}

/// A world with the site that [`devices`] stand at.
fn site() -> World {
    let world = World::start();
    let site = format!(
        "apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {}, name: plant}}\nspec: {{}}\n",
        fleet_tests::ORG
    );
    world.rpc().apply(&site);
    world
}

fn apply() {
    let run = |_| {
        let world = site();
        let path = world.file("devices.yaml", devices(0, 10_000));
        commands::measure(
            world
                .fleetctl_command()
                .args(["--timeout", "10m", "apply", "-o", "name", "-f"])
                .arg(path),
        )
    };
    let middle = median((0..RUNS).map(run).collect(), |run: &commands::Measured| {
        run.total.as_secs_f64()
    });
    assert_eq!(middle.lines, 10_000, "every device is printed");
    figure(
        "apply of 10,000 new devices",
        &format!("{:.2} s", middle.total.as_secs_f64()),
        "<= 10 s",
    );
}

fn list() {
    let world = site();
    for part in 0..10 {
        let path = world.file("devices.yaml", devices(part * 10_000, 10_000));
        commands::measure(
            world
                .fleetctl_command()
                .args(["--timeout", "10m", "apply", "-o", "name", "-f"])
                .arg(path),
        );
        eprintln!("({} of 100,000 devices)", (part + 1) * 10_000);
    }
    let run = |_| {
        commands::measure(world.fleetctl_command().args([
            "--timeout",
            "10m",
            "get",
            "devices",
            "--org",
            fleet_tests::ORG,
        ]))
    };
    let middle = median((0..RUNS).map(run).collect(), |run: &commands::Measured| {
        run.first.as_secs_f64()
    });
    assert!(middle.lines >= 100_000, "every device is printed: {}", middle.lines);
    let text = format!(
        "first row {:.0} ms, all {:.2} s, fleetctl {:.0} MB",
        middle.first.as_secs_f64() * 1e3,
        middle.total.as_secs_f64(),
        middle.peak as f64 / 1e6
    );
    figure("list of 100,000 devices", &text, "first row <= 150 ms, <= 40 MB");
}

fn version() {
    let world = World::empty(&[]);
    let run = |_| commands::measure(world.fleetctl_command().arg("version"));
    let middle = median((0..21).map(run).collect(), |run: &commands::Measured| {
        run.total.as_secs_f64()
    });
    figure(
        "fleetctl version",
        &format!("{:.1} ms", middle.total.as_secs_f64() * 1e3),
        "<= 10 ms",
    );
}

fn idle() {
    let run = |_| {
        let world = World::start();
        fleet_tests::process::resident(world.fleetd.pid(), "VmRSS").unwrap()
    };
    let middle = median((0..RUNS).map(run).collect(), |bytes| *bytes as f64);
    figure("idle fleetd", &format!("{:.0} MB", middle as f64 / 1e6), "<= 60 MB");
}
