//! Prometheus of Debian, which scrapes itself and writes remotely.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Prometheus; it ends with this value.
pub struct Prometheus {
    child: Child,
}

impl Prometheus {
    /// Starts one with this configuration, in a folder of the test's own.
    pub fn start(folder: &Path, configuration: &str) -> Self {
        let (config, log) = (folder.join("prometheus.yml"), folder.join("prometheus.log"));
        std::fs::write(&config, configuration).unwrap();
        let file = std::fs::File::create(log).unwrap();
        let mut command = Command::new(super::debian::prometheus());
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Errors here mean that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
