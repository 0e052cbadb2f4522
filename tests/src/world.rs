//! A fleetd of a test's own, and a person with fleetctl before it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::device::Device;
use crate::fleetd::{Fleetd, PATIENCE};
use crate::process::{self, Finished};
use crate::rpc::Rpc;
use crate::{contract, paths};

/// Organization that [`World::start`] makes.
pub const ORG: &str = "acme";

/// fleetd on an empty store with one organization, [`ORG`].
pub struct World {
    /// The daemon.
    pub fleetd: Fleetd,
    // Dropped after fleetd.
    home: TempDir,
}

impl World {
    /// On the embedded store.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With further arguments for fleetd, such as `--database-url`.
    pub fn with(arguments: &[&str]) -> Self {
        let world = Self::empty(arguments);
        let organization = format!("apiVersion: fleet/v1\nkind: Organization\nmetadata: {{name: {ORG}}}\nspec: {{}}\n");
        world.rpc().apply(&organization);
        world
    }

    /// Without any organization.
    pub fn empty(arguments: &[&str]) -> Self {
        let home = tempfile::Builder::new().prefix("fleet-").tempdir().unwrap();
        let fleetd = Fleetd::start(&home.path().join("data"), arguments);
        Self { fleetd, home }
    }

    /// A folder of the test's own that is removed at its end.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into [`Self::home`].
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// A command for `fleetctl` that reaches this fleetd and none of the caller's settings.
    pub fn fleetctl_command(&self) -> Command {
        let mut command = Command::new(paths::binary("fleetctl"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FLEETCTL_")) {
            command.env_remove(name);
        }
        command
            .current_dir(self.home())
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join("config"))
            .env("FLEETCTL_SERVER", format!("unix://{}", self.fleetd.socket().display()))
            // Nothing of a test reaches the keyring of whoever runs it.
            .env("FLEETCTL_SESSION_STORE", "file")
            .env("NO_COLOR", "1")
            // What examples/03-test-bench reads.
            .env("LAB_WIFI_PASSWORD", "for tests only");
        command
    }

    /// Runs `fleetctl`.
    pub fn fleetctl<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.fleetctl_with(arguments, b"")
    }

    /// Runs `fleetctl` with standard input. What it prints as JSON is held against its schema.
    pub fn fleetctl_with<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Finished {
        let said = process::run(self.fleetctl_command().args(arguments), input, PATIENCE);
        contract::hold(&contract::words(arguments), &said);
        said
    }

    /// `fleetctl apply -f PATH`, relative to the repository.
    pub fn apply(&self, path: &str) -> Finished {
        self.fleetctl(&[
            "apply".as_ref(),
            "-f".as_ref(),
            paths::repository().join(path).as_os_str(),
        ])
    }

    /// `fleetctl apply -f -`.
    pub fn apply_text(&self, manifests: &str) -> Finished {
        self.fleetctl_with(&["apply", "-f", "-"], manifests.as_bytes())
    }

    /// Every resource of an organization as YAML.
    pub fn export(&self, org: &str) -> String {
        self.fleetctl(&["export", "--org", org]).ok().stdout
    }

    /// The socket without fleetctl: for what happens before the story.
    pub fn rpc(&self) -> Rpc {
        Rpc::new(self.fleetd.socket())
    }

    /// A claim token of an organization, for any number of devices that a test needs.
    pub fn claim_token(&self, org: &str) -> String {
        self.rpc().claim_token(org)
    }

    /// An API token of an organization, with these scopes and further arguments of `token create`.
    pub fn token(&self, org: &str, scopes: &[&str], further: &[&str]) -> String {
        let mut arguments = vec!["token", "create", "--org", org, "-o", "json"];
        arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        arguments.extend(further);
        let made = self.fleetctl(&arguments).ok().json();
        made["token"].as_str().unwrap().to_owned()
    }

    /// A provisioned device of [`ORG`].
    pub fn device(&self, hw_id: &str) -> Device {
        Device::provision(self.fleetd.http(), hw_id, &self.claim_token(ORG))
    }

    /// All readings of a sensor in a year, as `telemetry query --raw -o jsonl` gives them.
    pub fn readings(&self, org: &str, device: &str, sensor: &str) -> Vec<serde_json::Value> {
        let device = format!("device/{device}");
        let range = ["--from", "2022-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];
        let arguments = [
            &["telemetry", "query", &device, sensor, "--org", org],
            &range[..],
            &["--raw", "-o", "jsonl"],
        ];
        self.fleetctl(&arguments.concat()).ok().json_lines()
    }
}
