//! Heartbeats, commands, logs.

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb::{self, Issue};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Devices, Identity};
use crate::domain::log::Entry;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::domain::{Caller, Object};
use crate::services::error::{Error, Result};
use crate::services::resources::Resources;
use crate::storage::devices::commands::{self, Command};
use crate::storage::devices::logs::{self, LogEntry};
use crate::storage::devices::states;
use crate::storage::resources;

const DAY_SECONDS: u64 = 86_400;
/// A follower looks for new lines this often.
const FOLLOW: std::time::Duration = std::time::Duration::from_millis(500);

/// What a device says of itself.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Its software; empty: as before.
    pub firmware_version: String,
    /// The configuration that it runs; empty: as before.
    pub config_version: String,
    /// Free memory, bytes.
    pub free_heap: Option<i64>,
    /// Received signal strength, dBm.
    pub rssi: Option<i64>,
    /// Errors since the last heartbeat.
    pub errors: Vec<String>,
    /// Address that it calls from.
    pub address: String,
}

/// A command that is wanted.
#[derive(Clone, Debug, Default)]
pub struct NewCommand {
    /// Name of the organization.
    pub org: String,
    /// Name or uid of the device.
    pub device: String,
    /// What to do.
    pub kind: String,
    /// JSON object; empty: {}.
    pub params: String,
    /// Seconds; 0: one day.
    pub expires_in_seconds: u64,
}

/// Which lines of a device's log.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Name of the organization.
    pub org: String,
    /// Name or uid of the device.
    pub device: String,
    /// From, inclusive.
    pub from: Micros,
    /// To, exclusive; 0: no bound.
    pub to: Micros,
    /// Least level; empty: all.
    pub level: String,
    /// The newest so many; 0: 1,000.
    pub limit: u32,
    /// Go on with new lines.
    pub follow: bool,
}

impl Devices {
    /// Takes a heartbeat; gives the commands that wait for a result. One that was sent before is sent again
    /// until its result arrives, so a device must tell commands apart by their id.
    pub async fn heartbeat(&self, identity: &Identity, device: &str, beat: Heartbeat) -> Result<Vec<Command>> {
        let object = self.on_behalf(identity, device).await?;
        let now = self.clock.now();
        let mut tx = self.resources.begin_in(identity.org.uid).await?;
        let mut state = states::find(&mut tx, object.uid).await?.unwrap_or_default();
        (state.last_seen, state.beat_at) = (Some(now), Some(now));
        state.uptime_seconds = beat.uptime_seconds;
        if !beat.firmware_version.is_empty() {
            state.firmware_version = beat.firmware_version;
        }
        if !beat.config_version.is_empty() {
            state.config_version = beat.config_version;
        }
        (state.free_heap, state.rssi) = (beat.free_heap, beat.rssi);
        (state.errors, state.address) = (beat.errors, beat.address);
        states::replace(&mut tx, object.uid, &state).await?;
        commands::expire(&mut tx, object.uid, now).await?;
        let waiting = commands::take(&mut tx, object.uid, now).await?;
        tx.commit().await?;
        self.saw(object.uid);
        self.beats(object.uid);
        Ok(waiting)
    }

    /// Takes a command's result. Repeating it is harmless; another result for an ended command changes nothing.
    pub async fn command_result(
        &self,
        identity: &Identity,
        device: &str,
        id: &str,
        state: &str,
        detail: &str,
        readback: &str,
    ) -> Result<()> {
        let object = self.on_behalf(identity, device).await?;
        let mut tx = self.resources.begin_in(identity.org.uid).await?;
        commands::find(&mut tx, object.uid, id)
            .await?
            .ok_or_else(|| Error::NotFound("the command".to_owned()))?;
        commands::finish(&mut tx, id, state, detail, readback, self.clock.now()).await?;
        tx.commit().await?;
        self.saw(object.uid);
        Ok(())
    }

    /// Adds lines to a device's log. The last call for help of each device is told in the system log, too.
    pub async fn log(
        &self,
        identity: &Identity,
        device: &str,
        entries: Vec<(Micros, Level, String)>,
        address: &str,
    ) -> Result<()> {
        let object = self.on_behalf(identity, device).await?;
        let help = entries.iter().rev().find(|(_, level, _)| *level == Level::Help);
        let help = help.map(|(_, level, message)| {
            Entry::new(*level, "device.help", message.as_str())
                .about_object(&object)
                .by_device(&identity.name, address)
        });
        let mut tx = self.resources.begin_in(identity.org.uid).await?;
        // Behind this, ids are made in the order of commits, which is that of whoever follows.
        resources::lock(&mut tx, object.uid).await?;
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(at, level, message)| LogEntry {
                id: Uuid::now_v7().to_string(),
                at,
                level: level.number(),
                message,
            })
            .collect();
        logs::append(&mut tx, object.uid, &entries).await?;
        tx.commit().await?;
        if let Some(help) = help {
            self.resources.notes().log(help);
        }
        self.saw(object.uid);
        Ok(())
    }

    /// Queues a command.
    pub async fn send_command(&self, caller: &Caller, wanted: NewCommand) -> Result<pb::Command> {
        let invalid = |path: &str, message: &str, help: &str| {
            Error::Invalid(vec![Issue {
                index: 0,
                path: path.to_owned(),
                message: message.to_owned(),
                help: help.to_owned(),
                code: codes::OUT_OF_RANGE.to_owned(),
            }])
        };
        if wanted.kind.is_empty() || wanted.kind.chars().count() > 64 {
            return Err(invalid(
                "type",
                "has 1 to 64 characters",
                "such as reboot or updateConfig",
            ));
        }
        let params = if wanted.params.is_empty() {
            "{}".to_owned()
        } else {
            wanted.params
        };
        if !serde_json::from_str::<serde_json::Value>(&params).is_ok_and(|value| value.is_object())
            || params.len() > 65_536
        {
            return Err(invalid(
                "params",
                "is no JSON object of at most 64 KiB",
                "such as '{\"delay\": 5}'",
            ));
        }
        let (mut tx, caller) = self.resources.begin_as(caller).await?;
        let caller = &caller;
        let device = Resources::find_for(&mut tx, caller, &wanted.org, Kind::Device, &wanted.device).await?;
        let now = self.clock.now();
        let lifetime = if wanted.expires_in_seconds == 0 {
            DAY_SECONDS
        } else {
            wanted.expires_in_seconds.min(366 * DAY_SECONDS)
        };
        let command = Command {
            id: Uuid::now_v7().to_string(),
            device: device.uid,
            kind: wanted.kind,
            params,
            state: "queued".to_owned(),
            detail: String::new(),
            readback: String::new(),
            created_at: now,
            created_by: caller.actor(),
            sent_at: None,
            finished_at: None,
            expires_at: now + (lifetime * 1_000_000) as i64,
        };
        commands::insert(&mut tx, &command).await?;
        let detail = json!({"command": command.id, "type": command.kind});
        self.note(&mut tx, caller, "device.command", &device, detail).await?;
        tx.commit().await?;
        Ok(shown(&device, command))
    }

    /// Commands of a device, newest first.
    pub async fn commands(&self, caller: &Caller, org: &str, device: &str, limit: u32) -> Result<Vec<pb::Command>> {
        let mut tx = self.resources.db().read().await?;
        let device = Resources::find_for(&mut tx, caller, org, Kind::Device, device).await?;
        let limit = if limit == 0 { 100 } else { limit.min(10_000) };
        let all = commands::list(&mut tx, device.uid, self.clock.now(), limit).await?;
        Ok(all.into_iter().map(|command| shown(&device, command)).collect())
    }

    /// Sends lines of a device's log, oldest first; with `follow` until the receiver is gone.
    pub async fn logs(&self, caller: &Caller, wanted: LogQuery, pages: mpsc::Sender<Vec<pb::LogEntry>>) -> Result<()> {
        let device = self
            .resources
            .find(caller, &wanted.org, Kind::Device, &wanted.device)
            .await?;
        let level = Level::find(&wanted.level).unwrap_or(Level::Debug).number();
        let to = if wanted.to == 0 { i64::MAX } else { wanted.to };
        let mut limit = if wanted.limit == 0 {
            1_000
        } else {
            wanted.limit.min(10_000)
        };
        let mut after = String::new();
        loop {
            let page = logs::list(
                &mut self.resources.db().read().await?,
                device.uid,
                wanted.from,
                to,
                level,
                &after,
                limit,
            )
            .await?;
            if let Some(newest) = page.iter().map(|entry| &entry.id).max() {
                after.clone_from(newest);
                let shown = page.iter().map(|entry| pb::LogEntry {
                    timestamp_us: entry.at,
                    level: Level::of_number(entry.level).text().to_owned(),
                    message: entry.message.clone(),
                });
                if pages.send(shown.collect()).await.is_err() {
                    return Ok(());
                }
            }
            if !wanted.follow {
                return Ok(());
            }
            limit = 10_000;
            tokio::select! {
                () = pages.closed() => return Ok(()),
                () = tokio::time::sleep(FOLLOW) => {}
            }
        }
    }
}

fn shown(device: &Object, command: Command) -> pb::Command {
    pb::Command {
        id: command.id,
        org: device.org.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
        device: device.name.clone(),
        r#type: command.kind,
        params: command.params,
        state: command.state,
        detail: command.detail,
        readback: command.readback,
        created_at: Some(timestamp(command.created_at)),
        created_by: command.created_by,
        sent_at: command.sent_at.map(timestamp),
        finished_at: command.finished_at.map(timestamp),
        expires_at: Some(timestamp(command.expires_at)),
    }
}
