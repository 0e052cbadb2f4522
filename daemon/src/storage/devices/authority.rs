//! The authority that issues the certificates of devices. Every replica on a database has the same one.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Tx, query};
use crate::storage::error::Result;

/// The only generation so far.
const FIRST: i64 = 1;

/// An authority as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// The associated data of the sealed key.
    pub uid: Uuid,
    /// PEM.
    pub certificate: String,
    /// PEM, sealed.
    pub private_key: String,
    /// When it was made.
    pub created_at: Micros,
}

/// Adds the authority, unless there is one.
pub async fn insert(tx: &mut Tx, authority: &Authority) -> Result<()> {
    query(
        "insert into device_authority (generation, uid, certificate, private_key, created_at)
         values ($1, $2, $3, $4, $5) on conflict (generation) do nothing",
    )
    .bind(FIRST)
    .bind(authority.uid)
    .bind(&authority.certificate)
    .bind(&authority.private_key)
    .bind(authority.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The authority, once there is one.
pub async fn find(tx: &mut Tx) -> Result<Option<Authority>> {
    let row = query("select * from device_authority where generation = $1")
        .bind(FIRST)
        .fetch_optional(tx)
        .await?;
    row.map(|row| {
        Ok(Authority {
            uid: row.uuid("device_authority", "uid")?,
            certificate: row.text("certificate")?,
            private_key: row.text("private_key")?,
            created_at: row.int("created_at")?,
        })
    })
    .transpose()
}

/// Replaces the sealed text of the private key.
pub async fn reseal(tx: &mut Tx, private_key: &str) -> Result<()> {
    query("update device_authority set private_key = $1 where generation = $2")
        .bind(private_key)
        .bind(FIRST)
        .execute(tx)
        .await?;
    Ok(())
}
