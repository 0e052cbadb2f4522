//! The real `fleetd` as a child process on a data directory of the test's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{paths, process};

/// Generous: debug build, loaded machine. It asserts that something happens, not how fast.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running `fleetd`; killed with this value, its log printed if the test is failing.
pub struct Fleetd {
    data_dir: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    http: String,
    grpc: Option<String>,
    socket: PathBuf,
}

impl Fleetd {
    /// Starts it on a data directory with further arguments; returns when it says that it is ready.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut fleetd = Self {
            data_dir: data_dir.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            child: None,
            http: String::new(),
            grpc: None,
            socket: PathBuf::new(),
        };
        fleetd.restart();
        fleetd
    }

    /// A command for `fleetd` in an environment of its own: none of the caller's settings reach it.
    pub fn command() -> Command {
        let mut command = Command::new(paths::binary("fleetd"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FLEETD_")) {
            command.env_remove(name);
        }
        command.env_remove("RUST_LOG");
        command
    }

    /// Starts it again on the same data directory.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "fleetd runs already");
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = Self::command()
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(["--http-listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        self.child = Some(child);
        let run = self.wait_for("run.json", |fleetd| {
            let text = fs::read_to_string(fleetd.data_dir.join("run.json")).ok()?;
            let run: Value = serde_json::from_str(&text).ok()?;
            // A run that was killed left its own.
            (run["pid"] == pid).then_some(run)
        });
        let http = run["http"].as_str().unwrap_or_else(|| panic!("no http in {run}"));
        self.http = self.url(http);
        self.grpc = run["grpc"].as_str().map(|grpc| self.url(grpc));
        self.socket = PathBuf::from(run["socket"].as_str().unwrap_or_else(|| panic!("no socket in {run}")));
        assert!(run["version"].is_string(), "no version in {run}");
        let client = self.client();
        let ready = format!("{}/readyz", self.http);
        self.wait_for("/readyz", |_| {
            client.get(&ready).send().ok().filter(|answer| answer.status() == 200)
        });
    }

    fn wait_for<T>(&mut self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let found = process::until(PATIENCE, || {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("fleetd ended before {what}: {status}\n{}", self.log());
            }
            ask(self)
        });
        found.unwrap_or_else(|| panic!("no {what} within {PATIENCE:?}\n{}", self.log()))
    }

    /// Beside the certificate, as `fleetd tls init` makes it; none: fleetd serves without TLS.
    pub fn ca(&self) -> Option<PathBuf> {
        let at = self.arguments.iter().position(|argument| argument == "--tls-cert")?;
        Some(Path::new(&self.arguments[at + 1]).with_file_name("ca.crt"))
    }

    fn url(&self, address: &str) -> String {
        // A listener on every address is reached on this machine's own.
        let address = address.replace("0.0.0.0", "127.0.0.1");
        format!("http{}://{address}", if self.ca().is_some() { "s" } else { "" })
    }

    /// An HTTP client that trusts its CA.
    pub fn client(&self) -> reqwest::blocking::Client {
        let builder = reqwest::blocking::Client::builder();
        let builder = match self.ca() {
            None => builder,
            Some(ca) => builder.tls_certs_only([reqwest::Certificate::from_pem(&fs::read(ca).unwrap()).unwrap()]),
        };
        builder.build().unwrap()
    }

    /// `http://127.0.0.1:PORT` of the gRPC listener, or `https://`; fails the test where there is none.
    pub fn grpc(&self) -> &str {
        self.grpc.as_deref().expect("fleetd was started with --grpc-listen")
    }

    /// `http://127.0.0.1:PORT`, or `https://`.
    pub fn http(&self) -> &str {
        &self.http
    }

    /// Path of its Unix socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("fleetd runs").id()
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("fleetd runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; gives how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("fleetd runs");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        process::wait(&mut child, PATIENCE).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("fleetd did not end within {PATIENCE:?} of SIGTERM\n{}", self.log())
        })
    }

    /// Waits until it has ended by itself; gives how.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("fleetd runs");
        process::wait(&mut child, PATIENCE).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("fleetd did not end within {PATIENCE:?}\n{}", self.log())
        })
    }

    fn log_path(&self) -> PathBuf {
        let mut name = self.data_dir.file_name().unwrap().to_owned();
        name.push(".log");
        self.data_dir.with_file_name(name)
    }

    /// Everything that it logged, over all restarts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Lines of the log at level error.
    pub fn errors(&self) -> Vec<String> {
        let is_error = |line: &&str| line.contains("ERROR") || line.contains("panicked at");
        self.log().lines().filter(is_error).map(str::to_owned).collect()
    }
}

impl Drop for Fleetd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Errors here mean that it has just ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of fleetd\n{}---", self.log());
        }
    }
}
