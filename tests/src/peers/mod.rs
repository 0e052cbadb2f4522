//! Third-party peers that tests need: one python environment under `target/peers/`, and servers that run in it; beside
//! it programs from Debian's packages.
//!
//! The environment is made once, from PyPI, without root, under a lock that processes share. A changed
//! `tests/peers/requirements.txt` makes it anew. Where it cannot be made the test fails and says what to install.

mod debian;
mod fuzzer;
mod influx;
mod keyring;
mod modbus;
mod parquet;
mod postgres;
mod prometheus;
mod script;
mod websocket;

pub use fuzzer::{Fuzzer, Run, Said};
pub use influx::influx;
pub use keyring::{Item, Keyring};
pub use modbus::{ModbusServer, Request};
pub use parquet::{parquet_read, parquet_write};
pub use postgres::Postgres;
pub use prometheus::Prometheus;
pub use websocket::WebSocket;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::paths;

/// strace, of the machine or from Debian.
pub fn strace() -> std::process::Command {
    debian::strace()
}

/// The interpreter of the environment; makes the environment where it is missing or old.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| locked(environment))
}

/// Makes something in `target/peers/` while no other process does.
fn locked<T>(make: impl FnOnce(&Path) -> T) -> T {
    let home = paths::target().join("peers");
    fs::create_dir_all(&home).unwrap_or_else(|error| panic!("{}: {error}", home.display()));
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    make(&home)
}

/// The path of a script in `tests/peers/`.
fn source(name: &str) -> PathBuf {
    paths::repository().join("tests/peers").join(name)
}

fn environment(home: &Path) -> PathBuf {
    let wanted = fs::read_to_string(source("requirements.txt")).unwrap();
    let venv = home.join("venv");
    let python = venv.join("bin/python3");
    let stamp = home.join("installed.txt");
    // The stamp is written last: a half-made environment has none.
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return python;
    }
    for gone in [fs::remove_file(&stamp), fs::remove_dir_all(&venv)] {
        if let Err(error) = gone {
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::NotFound,
                "cannot renew {}: {error}",
                home.display()
            );
        }
    }
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
        "install python3 (3.10 or newer) with its venv module; on Debian: apt install python3-venv",
    );
    run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
                "--no-deps",
                "-r",
            ])
            .arg(source("requirements.txt")),
        "tests fetch these packages from PyPI once: check the network, or set PIP_INDEX_URL to a mirror",
    );
    fs::write(&stamp, wanted).unwrap();
    python
}

fn run(command: &mut Command, help: &str) {
    let said = match command.output() {
        Ok(output) if output.status.success() => return,
        Ok(output) => {
            format!(
                "{}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        }
        Err(error) => error.to_string(),
    };
    panic!("the tests' peers cannot be made\n  command: {command:?}\n  {said}\n  help: {help}");
}
