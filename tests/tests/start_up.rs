//! How fleetd starts and ends: one line that says what to do, and an exit code.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, Fleetd, World, process};

/// fleetd on a data directory where it cannot start.
fn refusal(data_dir: &Path, arguments: &[&str]) -> Finished {
    let mut command = Fleetd::command();
    command.arg("--data-dir").arg(data_dir).args(arguments);
    if !arguments.contains(&"--http-listen") {
        command.args(["--http-listen", "127.0.0.1:0"]);
    }
    let said = process::run(&mut command, b"", PATIENCE);
    assert!(said.code > 0, "it must end with an error, and by itself: {said}");
    let last = said.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("fleetd: "), "the last line says what to do: {said}");
    assert!(!said.stderr.contains("panicked"), "{said}");
    said
}

#[test]
fn a_taken_port_is_named() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(&home.path().join("data"), &["--http-listen", &address]);
    assert!(
        said.stderr.contains(&address) && said.stderr.contains("--http-listen"),
        "{said}"
    );
}

#[test]
fn other_machines_are_not_served_without_tls() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    for flag in ["--http-listen", "--grpc-listen"] {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let said = refusal(&data, &[flag, address]);
            assert!(
                said.stderr.contains(flag) && said.stderr.contains("fleetd tls init") && said.stderr.contains(address),
                "{said}"
            );
        }
    }
    assert!(!data.exists(), "nothing was opened");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let init = |dir: &str| {
        let mut command = Fleetd::command();
        command.args(["tls", "init", "--dir"]).arg(home.path().join(dir));
        process::run(&mut command, b"", PATIENCE).ok()
    };
    init("one");
    init("two");
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("one/server.crt"), path("one/server.key"));
    for (arguments, says) in [
        (&["--tls-cert", &certificate][..], "stands alone"),
        (&["--tls-key", &key], "stands alone"),
        (
            &["--tls-cert", &certificate, "--tls-key", &path("two/server.key")],
            "does not belong",
        ),
        (&["--tls-cert", &key, "--tls-key", &key], "holds no certificate"),
        (
            &["--tls-cert", &certificate, "--tls-key", &certificate],
            "holds no private key",
        ),
        (&["--tls-cert", &path("none"), "--tls-key", &key], "none"),
    ] {
        let said = refusal(&data, arguments);
        assert!(
            said.stderr.contains("--tls-") && said.stderr.contains(says),
            "{says}: {said}"
        );
    }
    let mut command = Fleetd::command();
    let said = process::run(
        command.args(["tls", "init", "--host", "a b", "--dir"]).arg(&data),
        b"",
        PATIENCE,
    );
    assert!(said.code > 0 && said.stderr.contains("--host a b"), "{said}");
}

#[test]
fn a_taken_grpc_port_is_named() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(&home.path().join("data"), &["--grpc-listen", &address]);
    assert!(
        said.stderr.contains(&address) && said.stderr.contains("--grpc-listen"),
        "{said}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_one_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    // Modes do not stop root; a file in the way stops everybody.
    for path in [file.clone(), file.join("below"), "/proc/fleetd".into()] {
        let said = refusal(&path, &[]);
        assert!(said.stderr.contains(path.to_str().unwrap()), "{said}");
    }
}

#[test]
fn a_second_process_on_the_same_data_directory_is_refused() {
    let world = World::empty(&[]);
    let said = refusal(world.fleetd.data_dir(), &[]);
    let pid = world.fleetd.pid().to_string();
    assert!(
        said.stderr.contains(&pid) || said.stderr.contains("another fleetd"),
        "{said}"
    );
    // And the first one does not mind.
    let client = reqwest::blocking::Client::new();
    assert_eq!(
        client
            .get(format!("{}/readyz", world.fleetd.http()))
            .send()
            .unwrap()
            .status(),
        200
    );
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let mut world = World::empty(&[]);
    world.fleetd.terminate();
    let database = world.fleetd.data_dir().join("fleetd.db");
    // The tests' python has SQLite; fleetd's own library is not a dependency of this crate.
    let script = "import sqlite3,sys\n\
        db=sqlite3.connect(sys.argv[1])\n\
        assert db.execute('update schema_version set version = version + 1000').rowcount == 1\n\
        db.commit()";
    let mut edit = Command::new(fleet_tests::peers::python());
    process::run(edit.args(["-c", script]).arg(&database), b"", PATIENCE).ok();
    let before = std::fs::read(&database).unwrap();
    let said = refusal(world.fleetd.data_dir(), &[]);
    assert!(said.stderr.contains("newer"), "{said}");
    assert_eq!(
        std::fs::read(&database).unwrap(),
        before,
        "a refused store is not written to"
    );
}

#[test]
fn sigterm_drains_and_what_was_there_is_there_again() {
    let mut world = World::start();
    let device = world.device("drain");
    let reading = serde_json::json!([{"dataType": "v", "value": 1, "timestamp": "2026-01-01T00:00:00Z"}]);
    assert_eq!(device.ingest(&reading)["accepted"], 1);
    let status = world.fleetd.terminate();
    assert!(status.success(), "{status}\n{}", world.fleetd.log());
    assert!(
        !world.fleetd.data_dir().join("run.json").exists(),
        "nothing runs, and nothing says so"
    );
    world.fleetd.restart();
    assert_eq!(device.at(world.fleetd.http()).ingest(&reading)["duplicates"], 1);
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
}

#[test]
fn configuration_says_where_each_value_comes_from() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("fleetd.toml");
    std::fs::write(&file, "log = \"debug\"\n").unwrap();
    let mut command = Fleetd::command();
    command
        .arg("config")
        .arg("--config")
        .arg(&file)
        .env("FLEETD_HTTP_LISTEN", "127.0.0.1:7999")
        .env("FLEETD_GRPC_LISTEN", "127.0.0.1:7998")
        .current_dir(home.path());
    let said = process::run(&mut command, b"", PATIENCE).ok();
    let line = |name: &str| {
        said.stdout
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("no {name}: {said}"))
    };
    assert!(line("127.0.0.1:7999").contains("variable"), "{said}");
    assert!(line("127.0.0.1:7998").contains("variable"), "{said}");
    assert!(line("tls-cert").contains("default"), "{said}");
    assert!(line("debug").contains("file"), "{said}");

    std::fs::write(&file, "lgo = \"debug\"\n").unwrap();
    let mut command = Fleetd::command();
    let said = process::run(command.arg("config").arg("--config").arg(&file), b"", PATIENCE);
    assert!(
        said.code > 0 && said.stderr.contains("lgo"),
        "an unknown key is named: {said}"
    );
}
