//! Tokens of devices, as hashes.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::Result;

/// Tokens of a device that are valid at once.
pub const LIVE: i64 = 2;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Part of the token's text.
    pub id: String,
    /// Uid of the device.
    pub device: Uuid,
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Micros,
    /// By whom; empty: not known.
    pub created_by: String,
}

/// Adds a token; of the older ones only the newest stays.
pub async fn insert(tx: &mut Tx, token: &Token) -> Result<()> {
    query("insert into device_credential (id, device, hash, created_at, created_by) values ($1, $2, $3, $4, $5)")
        .bind(&token.id)
        .bind(token.device)
        .bind(&token.hash)
        .bind(token.created_at)
        .bind(&token.created_by)
        .execute(tx)
        .await?;
    query(
        "delete from device_credential where device = $1 and id not in
            (select id from device_credential where device = $1 order by created_at desc, id desc limit $2)",
    )
    .bind(token.device)
    .bind(LIVE)
    .execute(tx)
    .await?;
    Ok(())
}

/// The token of that id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Token>> {
    let row = query("select * from device_credential where id = $1")
        .bind(id)
        .fetch_optional(tx)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The tokens of a device, newest first.
pub async fn list(tx: &mut Tx, device: Uuid) -> Result<Vec<Token>> {
    query("select * from device_credential where device = $1 order by created_at desc, id desc")
        .bind(device)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Ends a token of a device. False: there is none.
pub async fn remove(tx: &mut Tx, device: Uuid, id: &str) -> Result<bool> {
    let rows = query("delete from device_credential where device = $1 and id = $2")
        .bind(device)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Ends every token of a device; gives how many.
pub async fn remove_all(tx: &mut Tx, device: Uuid) -> Result<u64> {
    query("delete from device_credential where device = $1")
        .bind(device)
        .execute(tx)
        .await
}

fn read(row: &Row) -> Result<Token> {
    Ok(Token {
        id: row.text("id")?,
        device: row.uuid("device_credential", "device")?,
        hash: row.text("hash")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
    })
}
