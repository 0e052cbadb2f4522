//! API tokens, as hashes.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::{Error, Result};

const TABLE: &str = "api_token";

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Part of the token's text.
    pub id: String,
    /// The organization; none: every one.
    pub org: Option<Uuid>,
    /// What people call it; may be empty.
    pub name: String,
    /// Each as `verb:noun`.
    pub scopes: Vec<String>,
    /// Uids of the only sites where it counts; empty: everywhere.
    pub sites: Vec<String>,
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    /// The User whose permissions bound it; none: nobody's do.
    pub maker: Option<Uuid>,
    /// When it was made.
    pub created_at: Micros,
    /// By whom.
    pub created_by: String,
    /// When it expires.
    pub expires_at: Micros,
    /// It no longer counts.
    pub revoked: bool,
    /// When it was last used; to the minute.
    pub last_used_at: Option<Micros>,
}

fn text(uid: Option<Uuid>) -> String {
    uid.map(|uid| uid.to_string()).unwrap_or_default()
}

fn list_text(list: &[String]) -> String {
    serde_json::json!(list).to_string()
}

/// Adds a token.
pub async fn insert(tx: &mut Tx, token: &ApiToken) -> Result<()> {
    query(
        "insert into api_token (id, org, name, scopes, sites, hash, maker, created_at, created_by, expires_at, revoked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&token.id)
    .bind(text(token.org))
    .bind(&token.name)
    .bind(list_text(&token.scopes))
    .bind(list_text(&token.sites))
    .bind(&token.hash)
    .bind(text(token.maker))
    .bind(token.created_at)
    .bind(&token.created_by)
    .bind(token.expires_at)
    .bind(token.revoked)
    .execute(tx)
    .await?;
    Ok(())
}

/// The token with that id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<ApiToken>> {
    query("select * from api_token where id = $1")
        .bind(id)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The tokens of an organization, or of none; newest first.
pub async fn list(tx: &mut Tx, org: Option<Uuid>) -> Result<Vec<ApiToken>> {
    query("select * from api_token where org = $1 order by created_at desc, id limit 10000")
        .bind(text(org))
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// How many tokens of an organization count.
pub async fn count(tx: &mut Tx, org: Uuid, now: Micros) -> Result<u64> {
    query("select count(*) as n from api_token where org = $1 and revoked = $2 and expires_at > $3")
        .bind(org)
        .bind(false)
        .bind(now)
        .fetch_one(tx)
        .await?
        .count("n")
}

/// Ends a token. False: there is none.
pub async fn revoke(tx: &mut Tx, id: &str) -> Result<bool> {
    let rows = query("update api_token set revoked = $1 where id = $2")
        .bind(true)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Notes that a token was used.
pub async fn used(tx: &mut Tx, id: &str, at: Micros) -> Result<()> {
    query("update api_token set last_used_at = $1 where id = $2")
        .bind(at)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<ApiToken> {
    let corrupt = |column: &str, detail: String| Error::Corrupt {
        table: TABLE,
        column: column.to_owned(),
        detail,
    };
    let uid = |column: &str| -> Result<Option<Uuid>> {
        match row.text(column)?.as_str() {
            "" => Ok(None),
            _ => Ok(Some(row.uuid(TABLE, column)?)),
        }
    };
    let list = |column: &str| -> Result<Vec<String>> {
        serde_json::from_str(&row.text(column)?).map_err(|error| corrupt(column, error.to_string()))
    };
    Ok(ApiToken {
        id: row.text("id")?,
        org: uid("org")?,
        name: row.text("name")?,
        scopes: list("scopes")?,
        sites: list("sites")?,
        hash: row.text("hash")?,
        maker: uid("maker")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        expires_at: row.int("expires_at")?,
        revoked: row.flag("revoked")?,
        last_used_at: row.opt_int("last_used_at")?,
    })
}
