//! schemathesis: it reads the OpenAPI document of a running fleetd, and sends what that allows and what it does not.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A run against one fleetd in the name of one caller.
pub struct Fuzzer {
    child: Child,
    said: std::path::PathBuf,
    log: std::path::PathBuf,
}

/// What operations answered: method and path, status, how often.
pub type Said = BTreeMap<String, BTreeMap<String, u64>>;

/// How a run is made.
pub struct Run<'a> {
    /// A word for its files.
    pub name: &'a str,
    /// Of the HTTP listener.
    pub base: &'a str,
    /// What the caller shows; none: nothing.
    pub token: Option<&'a str>,
    /// What exists: see `tests/peers/fuzz_hooks.py`.
    pub known: &'a Value,
    /// Further arguments.
    pub arguments: &'a [&'a str],
    /// Where its files go.
    pub folder: &'a Path,
}

impl Fuzzer {
    /// Begins a run.
    pub fn start(run: &Run<'_>) -> Self {
        let python = super::python();
        let (said, log) = (
            run.folder.join(format!("{}.json", run.name)),
            run.folder.join(format!("{}.log", run.name)),
        );
        let hooks = super::source("fuzz_hooks.py");
        let mut command = Command::new(python.with_file_name("schemathesis"));
        command
            .current_dir(run.folder)
            .env("PYTHONPATH", hooks.parent().unwrap())
            .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("FUZZ_KNOWN", run.known.to_string())
            .env("FUZZ_SAID", &said)
            .arg("run")
            .arg(format!("{}/api/openapi.json", run.base))
            .args([
                "--no-color",
                "--seed",
                "1",
                "--generation-database",
                "none",
                "--no-shrink",
            ])
            .args(["--warnings", "off", "--continue-on-failure"])
            .args(run.arguments);
        if let Some(token) = run.token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let file = std::fs::File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, said, log }
    }

    /// Waits for its end; fails the test with what it found.
    pub fn finish(mut self) -> Said {
        let status = self.child.wait().unwrap();
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(status.success(), "{log}");
        serde_json::from_str(&std::fs::read_to_string(&self.said).unwrap()).unwrap()
    }
}

impl Drop for Fuzzer {
    fn drop(&mut self) {
        // Errors here mean that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
