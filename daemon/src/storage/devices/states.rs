//! What is observed of devices.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Tx, query};
use crate::storage::error::Result;

/// The last that a device said of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceState {
    /// When it was provisioned.
    pub provisioned_at: Option<Micros>,
    /// Time of the last call.
    pub last_seen: Option<Micros>,
    /// Time of the last heartbeat.
    pub beat_at: Option<Micros>,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Its software.
    pub firmware_version: String,
    /// The configuration that it runs.
    pub config_version: String,
    /// Received signal strength, dBm.
    pub rssi: Option<i64>,
    /// Free memory, bytes.
    pub free_heap: Option<i64>,
    /// Address of the last call.
    pub address: String,
    /// Errors that it reported.
    pub errors: Vec<String>,
}

/// Writes the state of a device.
pub async fn replace(tx: &mut Tx, device: Uuid, state: &DeviceState) -> Result<()> {
    query(
        "insert into device_state (device, provisioned_at, last_seen, uptime_seconds, firmware_version, config_version, rssi, free_heap, address, errors, beat_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (device) do update set provisioned_at = excluded.provisioned_at, last_seen = excluded.last_seen,
            uptime_seconds = excluded.uptime_seconds, firmware_version = excluded.firmware_version,
            config_version = excluded.config_version, rssi = excluded.rssi, free_heap = excluded.free_heap,
            address = excluded.address, errors = excluded.errors, beat_at = excluded.beat_at",
    )
    .bind(device)
    .bind(state.provisioned_at)
    .bind(state.last_seen)
    .bind(state.uptime_seconds)
    .bind(&state.firmware_version)
    .bind(&state.config_version)
    .bind(state.rssi)
    .bind(state.free_heap)
    .bind(&state.address)
    .bind(serde_json::json!(state.errors).to_string())
    .bind(state.beat_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The state of a device, where it has been heard of.
pub async fn find(tx: &mut Tx, device: Uuid) -> Result<Option<DeviceState>> {
    let row = query("select * from device_state where device = $1")
        .bind(device)
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        Ok(DeviceState {
            provisioned_at: row.opt_int("provisioned_at")?,
            last_seen: row.opt_int("last_seen")?,
            beat_at: row.opt_int("beat_at")?,
            uptime_seconds: row.count("uptime_seconds")?,
            firmware_version: row.text("firmware_version")?,
            config_version: row.text("config_version")?,
            rssi: row.opt_int("rssi")?,
            free_heap: row.opt_int("free_heap")?,
            address: row.text("address")?,
            errors: serde_json::from_str(&row.text("errors")?).unwrap_or_default(),
        })
    })
    .transpose()
}

/// Devices that send heartbeats, and whether it was told that one has fallen silent.
pub async fn beating(tx: &mut Tx) -> Result<Vec<(Uuid, bool)>> {
    let rows = query("select device, silent from device_state where beat_at is not null")
        .fetch_all(tx)
        .await?;
    rows.iter()
        .map(|row| Ok((row.uuid("device_state", "device")?, row.flag("silent")?)))
        .collect()
}

/// Notes that it was told that a device has fallen silent, or come back.
pub async fn silence(tx: &mut Tx, device: Uuid, silent: bool) -> Result<()> {
    query("update device_state set silent = $1 where device = $2")
        .bind(silent)
        .bind(device)
        .execute(tx)
        .await?;
    Ok(())
}
