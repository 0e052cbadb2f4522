//! Hashes of passwords, and codes by which people get in once.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::{Error, Result};

/// Sets the hash of a User's password.
pub async fn replace(tx: &mut Tx, user: Uuid, hash: &str, now: Micros) -> Result<()> {
    query(
        "insert into password (user_uid, hash, changed_at) values ($1, $2, $3)
         on conflict (user_uid) do update set hash = excluded.hash, changed_at = excluded.changed_at",
    )
    .bind(user)
    .bind(hash)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The hash of a User's password; none: it has none.
pub async fn find(tx: &mut Tx, user: Uuid) -> Result<Option<String>> {
    query("select hash from password where user_uid = $1")
        .bind(user)
        .fetch_optional(tx)
        .await?
        .map(|row| row.text("hash"))
        .transpose()
}

/// Does anybody have a password?
pub async fn is_any(tx: &mut Tx) -> Result<bool> {
    Ok(query("select 1 as one from password limit 1")
        .fetch_optional(tx)
        .await?
        .is_some())
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// To choose a new password.
    Reset,
    /// To accept an invitation.
    Invite,
    /// To log in elsewhere.
    Login,
}

impl CodeKind {
    fn text(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::Login => "login",
        }
    }
}

/// A code, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Part of the code's text.
    pub id: String,
    /// What it is for.
    pub kind: CodeKind,
    /// SHA-256 of the code, hexadecimal.
    pub hash: String,
    /// Uid of the User; the mail address of an invited person.
    pub subject: String,
    /// Of an invitation: into which organization.
    pub org: Option<Uuid>,
    /// Of an invitation: as what.
    pub role: String,
    /// Of an invitation: uids of the sites where; empty: at all.
    pub sites: Vec<String>,
    /// Of a login: the session that drew it; empty: none did.
    pub session: String,
    /// The User who made it; none: nobody's rights bound it.
    pub maker: Option<Uuid>,
    /// When it was made.
    pub created_at: Micros,
    /// By whom.
    pub created_by: String,
    /// When it expires.
    pub expires_at: Micros,
}

fn text(uid: Option<Uuid>) -> String {
    uid.map(|uid| uid.to_string()).unwrap_or_default()
}

/// Adds a code.
pub async fn insert_code(tx: &mut Tx, code: &Code) -> Result<()> {
    query(
        "insert into login_code (id, kind, hash, subject, org, role, sites, maker, created_at, created_by, expires_at, used, session)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&code.id)
    .bind(code.kind.text())
    .bind(&code.hash)
    .bind(&code.subject)
    .bind(text(code.org))
    .bind(&code.role)
    .bind(serde_json::json!(code.sites).to_string())
    .bind(text(code.maker))
    .bind(code.created_at)
    .bind(&code.created_by)
    .bind(code.expires_at)
    .bind(false)
    .bind(&code.session)
    .execute(tx)
    .await?;
    Ok(())
}

/// The code with that id that was not used yet.
pub async fn find_code(tx: &mut Tx, id: &str) -> Result<Option<Code>> {
    query("select * from login_code where id = $1 and used = $2")
        .bind(id)
        .bind(false)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// Ends every code of a user that was not used, but invitations.
pub async fn end_codes(tx: &mut Tx, user: Uuid) -> Result<u64> {
    query("delete from login_code where subject = $1 and kind in ('reset', 'login')")
        .bind(user)
        .execute(tx)
        .await
}

/// Forgets codes that expired before `before`.
pub async fn prune_codes(tx: &mut Tx, before: Micros) -> Result<u64> {
    query("delete from login_code where expires_at < $1")
        .bind(before)
        .execute(tx)
        .await
}

/// Replaces a hash by another of the same password, if it is still the one that was verified.
pub async fn rehash(tx: &mut Tx, user: Uuid, old: &str, new: &str) -> Result<bool> {
    let rows = query("update password set hash = $1 where user_uid = $2 and hash = $3")
        .bind(new)
        .bind(user)
        .bind(old)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Uses a code up. False: somebody else did.
pub async fn use_code(tx: &mut Tx, id: &str) -> Result<bool> {
    let rows = query("update login_code set used = $1 where id = $2 and used = $3")
        .bind(true)
        .bind(id)
        .bind(false)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Code> {
    const TABLE: &str = "login_code";
    let uid = |column: &str| -> Result<Option<Uuid>> {
        match row.text(column)?.as_str() {
            "" => Ok(None),
            _ => Ok(Some(row.uuid(TABLE, column)?)),
        }
    };
    Ok(Code {
        id: row.text("id")?,
        kind: match row.text("kind")?.as_str() {
            "reset" => CodeKind::Reset,
            "login" => CodeKind::Login,
            _ => CodeKind::Invite,
        },
        hash: row.text("hash")?,
        subject: row.text("subject")?,
        org: uid("org")?,
        role: row.text("role")?,
        sites: serde_json::from_str(&row.text("sites")?).map_err(|error| Error::Corrupt {
            table: TABLE,
            column: "sites".to_owned(),
            detail: error.to_string(),
        })?,
        maker: uid("maker")?,
        created_at: row.int("created_at")?,
        session: row.text("session")?,
        created_by: row.text("created_by")?,
        expires_at: row.int("expires_at")?,
    })
}
