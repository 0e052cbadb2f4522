//! Claim tokens: with one of them a device provisions itself.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::Result;

/// A claim token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimToken {
    /// Part of the token's text.
    pub id: String,
    /// Uid of the organization.
    pub org: Uuid,
    /// Uid of the site that provisioned devices are put at; may be empty.
    pub site: String,
    /// Only devices of this model; empty: any.
    pub model: String,
    /// Only the device with this serial; empty: any.
    pub serial: String,
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    /// Uses left.
    pub uses_left: u64,
    /// When it expires.
    pub expires_at: Micros,
    /// When it was made.
    pub created_at: Micros,
    /// By whom.
    pub created_by: String,
    /// It no longer counts.
    pub revoked: bool,
}

/// Adds a token.
pub async fn insert(tx: &mut Tx, token: &ClaimToken) -> Result<()> {
    query(
        "insert into claim_token (id, org, site, model, serial, hash, uses_left, expires_at, created_at, created_by, revoked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&token.id)
    .bind(token.org)
    .bind(&token.site)
    .bind(&token.model)
    .bind(&token.serial)
    .bind(&token.hash)
    .bind(token.uses_left)
    .bind(token.expires_at)
    .bind(token.created_at)
    .bind(&token.created_by)
    .bind(token.revoked)
    .execute(tx)
    .await?;
    Ok(())
}

/// The token with that id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<ClaimToken>> {
    query("select * from claim_token where id = $1")
        .bind(id)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The tokens of an organization, newest first.
pub async fn list(tx: &mut Tx, org: Uuid) -> Result<Vec<ClaimToken>> {
    query("select * from claim_token where org = $1 order by created_at desc, id limit 1000")
        .bind(org)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Takes one use. False: there is none left, or somebody else took it.
pub async fn take_use(tx: &mut Tx, id: &str) -> Result<bool> {
    let rows =
        query("update claim_token set uses_left = uses_left - 1 where id = $1 and uses_left > 0 and revoked = $2")
            .bind(id)
            .bind(false)
            .execute(tx)
            .await?;
    Ok(rows == 1)
}

/// Ends a token of an organization. False: there is none.
pub async fn revoke(tx: &mut Tx, org: Uuid, id: &str) -> Result<bool> {
    let rows = query("update claim_token set revoked = $1 where id = $2 and org = $3")
        .bind(true)
        .bind(id)
        .bind(org)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<ClaimToken> {
    Ok(ClaimToken {
        id: row.text("id")?,
        org: row.uuid("claim_token", "org")?,
        site: row.text("site")?,
        model: row.text("model")?,
        serial: row.text("serial")?,
        hash: row.text("hash")?,
        uses_left: row.count("uses_left")?,
        expires_at: row.int("expires_at")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        revoked: row.flag("revoked")?,
    })
}
