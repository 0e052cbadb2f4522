//! A python script that runs until its standard input ends, and says one JSON object a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Generous: a loaded machine starts a PostgreSQL server within it.
const START: Duration = Duration::from_secs(180);
/// Longer than the scripts themselves wait.
const ANSWER: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(30);

pub(super) struct Script {
    child: Child,
    lines: Receiver<Value>,
}

impl Script {
    /// Starts the script with a first line of input; gives it and the first line that it says.
    pub(super) fn start(name: &str, input: &Value) -> (Self, Value) {
        let path = super::source(name);
        let mut child = spawn(super::python(), &path);
        let stdin = child.stdin.as_mut().unwrap();
        // A script that died at once is reported below, with the reason that it printed.
        let _ = writeln!(stdin, "{input}");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else {
                    continue;
                };
                if send.send(value).is_err() {
                    break;
                }
            }
        });
        let script = Self { child, lines };
        match script.lines.recv_timeout(START) {
            Ok(first) => (script, first),
            Err(RecvTimeoutError::Timeout) => panic!("{} said nothing for {START:?}", path.display()),
            Err(RecvTimeoutError::Disconnected) => panic!("{} ended at once; the reason stands above", path.display()),
        }
    }

    /// What it said since the last call. The script answers each line of input with `{"mark": true}`.
    pub(super) fn said(&mut self) -> Vec<Value> {
        writeln!(self.child.stdin.as_mut().unwrap(), "mark").unwrap();
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(STOP).expect("the script answers a mark") {
                mark if mark["mark"] == true => return said,
                line => said.push(line),
            }
        }
    }

    /// What it answers to a line of input.
    pub(super) fn ask(&mut self, line: &Value) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.lines.recv_timeout(ANSWER).expect("the script answers a line")
    }

    /// SIGKILL: nothing is said or cleaned up.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn spawn(python: &Path, script: &Path) -> Child {
    Command::new(python)
        .arg("-u")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", python.display()))
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let until = Instant::now() + STOP;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                _ => return,
            }
        }
        // Errors here mean that it has just ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
