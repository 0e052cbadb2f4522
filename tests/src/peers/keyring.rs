//! GNOME Keyring on a D-Bus session bus of its own.

use std::collections::HashMap;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use secret_service::{EncryptionType, SecretService};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::debian;
use super::script::Script;

/// An unlocked, empty keyring. It ends with this value.
pub struct Keyring {
    _script: Script,
    address: String,
    folder: String,
    pid: Pid,
    runtime: Runtime,
}

/// What the keyring keeps: attributes and the secret.
pub type Item = (HashMap<String, String>, Value);

impl Keyring {
    /// Starts it; returns when it answers.
    pub fn start() -> Self {
        let programs = debian::programs();
        let wanted = json!({
            "programs": {"dbus-daemon": programs.bus, "gnome-keyring-daemon": programs.keyring},
            "libraries": programs.libraries,
        });
        let (script, first) = Script::start("keyring_server.py", &wanted);
        let text = |key: &str| first[key].as_str().unwrap().to_owned();
        let pid = i32::try_from(first["pid"].as_i64().unwrap()).unwrap();
        let keyring = Self {
            _script: script,
            address: text("address"),
            folder: text("folder"),
            pid: Pid::from_raw(pid).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        };
        let up = crate::process::until(crate::fleetd::PATIENCE, || {
            let asked = async {
                let service = keyring.connect().await.ok()?;
                service.get_default_collection().await.map(drop).ok()
            };
            keyring.runtime.block_on(asked)
        });
        up.expect("the keyring answers");
        keyring
    }

    /// Lets a command find it, as it would in a desktop session.
    pub fn reach(&self, command: &mut Command) {
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_RUNTIME_DIR", &self.folder);
    }

    async fn connect(&self) -> Result<SecretService<'static>, secret_service::Error> {
        let connection = zbus::connection::Builder::address(self.address.as_str())?
            .build()
            .await?;
        SecretService::connect_with_existing(EncryptionType::Plain, connection).await
    }

    /// Everything that it keeps.
    pub fn items(&self) -> Vec<Item> {
        self.runtime.block_on(async {
            let service = self.connect().await.unwrap();
            let collection = service.get_default_collection().await.unwrap();
            let mut items = Vec::new();
            for item in collection.get_all_items().await.unwrap() {
                let secret = item.get_secret().await.unwrap();
                let attributes = item.get_attributes().await.unwrap();
                items.push((attributes, serde_json::from_slice(&secret).unwrap()));
            }
            items
        })
    }

    /// Puts another secret in the place of each.
    pub fn change(&self, change: impl Fn(&mut Value)) {
        self.runtime.block_on(async {
            let service = self.connect().await.unwrap();
            let collection = service.get_default_collection().await.unwrap();
            for item in collection.get_all_items().await.unwrap() {
                let mut secret = serde_json::from_slice(&item.get_secret().await.unwrap()).unwrap();
                change(&mut secret);
                item.set_secret(secret.to_string().as_bytes(), "application/json")
                    .await
                    .unwrap();
            }
        });
    }

    /// Locks it. Nobody here could unlock it.
    pub fn lock(&self) {
        self.runtime.block_on(async {
            let service = self.connect().await.unwrap();
            let collection = service.get_default_collection().await.unwrap();
            collection.lock().await.unwrap();
        });
    }

    /// It neither answers nor ends.
    pub fn hang(&self) {
        kill_process(self.pid, Signal::STOP).unwrap();
    }

    /// It answers again.
    pub fn wake(&self) {
        kill_process(self.pid, Signal::CONT).unwrap();
    }

    /// Ends it; nobody answers on its bus any more.
    pub fn end(&self) {
        kill_process(self.pid, Signal::KILL).unwrap();
        let gone = crate::process::until(crate::fleetd::PATIENCE, || {
            let asked = self.runtime.block_on(self.connect());
            asked.err()
        });
        gone.expect("the bus hears that it has ended");
    }
}
