//! Tokens of devices, as hashes.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Tx, query};
use crate::storage::error::Result;

/// Tokens of a device that are valid at once.
pub const LIVE: i64 = 2;

/// Adds a token; of the older ones only the newest stays.
pub async fn insert(tx: &mut Tx, id: &str, device: Uuid, hash: &str, now: Micros) -> Result<()> {
    query("insert into device_credential (id, device, hash, created_at) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(device)
        .bind(hash)
        .bind(now)
        .execute(tx)
        .await?;
    query(
        "delete from device_credential where device = $1 and id not in
            (select id from device_credential where device = $1 order by created_at desc, id desc limit $2)",
    )
    .bind(device)
    .bind(LIVE)
    .execute(tx)
    .await?;
    Ok(())
}

/// The device and hash of a token's id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<(Uuid, String)>> {
    let row = query("select device, hash from device_credential where id = $1").bind(id).fetch_optional(tx).await?;
    row.map(|row| Ok((row.uuid("device_credential", "device")?, row.text("hash")?))).transpose()
}

/// Does the device have a valid token?
pub async fn exists(tx: &mut Tx, device: Uuid) -> Result<bool> {
    Ok(query("select count(*) as n from device_credential where device = $1").bind(device).fetch_one(tx).await?.count("n")? > 0)
}
