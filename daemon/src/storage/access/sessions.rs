//! Sessions of people, and the keys that sign their access tokens.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::Result;

const TABLE: &str = "session";

/// A login, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Part of its refresh tokens' text.
    pub id: String,
    /// Whose.
    pub user: Uuid,
    /// The only organization that it reaches; none: as many as its user.
    pub org: Option<Uuid>,
    /// SHA-256 of the refresh token, hexadecimal.
    pub current: String,
    /// Of the one before it; empty: there was none.
    pub previous: String,
    /// When it began.
    pub created_at: Micros,
    /// When its token was last renewed.
    pub last_used_at: Micros,
    /// When it ends by itself.
    pub expires_at: Micros,
    /// From where.
    pub address: String,
    /// With which program.
    pub agent: String,
    /// It was ended.
    pub revoked: bool,
}

/// Adds a session.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<()> {
    query(
        "insert into session (id, user_uid, org, current, previous, created_at, last_used_at, expires_at, address, agent, revoked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&session.id)
    .bind(session.user)
    .bind(session.org.map(|org| org.to_string()).unwrap_or_default())
    .bind(&session.current)
    .bind(&session.previous)
    .bind(session.created_at)
    .bind(session.last_used_at)
    .bind(session.expires_at)
    .bind(&session.address)
    .bind(&session.agent)
    .bind(session.revoked)
    .execute(tx)
    .await?;
    Ok(())
}

/// The session with that id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Session>> {
    query("select * from session where id = $1")
        .bind(id)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The sessions of a user that may still be used, newest first.
pub async fn list(tx: &mut Tx, user: Uuid, now: Micros) -> Result<Vec<Session>> {
    query("select * from session where user_uid = $1 and revoked = $2 and expires_at > $3 order by created_at desc, id")
        .bind(user)
        .bind(false)
        .bind(now)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Who has logged in from where, as far as it is remembered: uid of the User, and address.
pub async fn places(tx: &mut Tx, most: u32) -> Result<Vec<(String, String)>> {
    let rows = query(
        "select user_uid, address, max(last_used_at) as last from session
          where address <> '' group by user_uid, address order by max(last_used_at) desc limit $1",
    )
    .bind(most)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| Ok((row.text("user_uid")?, row.text("address")?)))
        .collect()
}

/// Gives a session its next refresh token; `used_up` is the hash of the one that no longer counts.
pub async fn rotate(tx: &mut Tx, session: &Session, used_up: &str) -> Result<()> {
    query("update session set current = $1, previous = $2, last_used_at = $3, expires_at = $4, address = $5 where id = $6")
        .bind(&session.current)
        .bind(&session.previous)
        .bind(session.last_used_at)
        .bind(session.expires_at)
        .bind(&session.address)
        .bind(&session.id)
        .execute(tx)
        .await?;
    if !used_up.is_empty() {
        query("insert into session_used (hash, session) values ($1, $2) on conflict (hash) do nothing")
            .bind(used_up)
            .bind(&session.id)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Was this once a refresh token of the session?
pub async fn was_used(tx: &mut Tx, id: &str, hash: &str) -> Result<bool> {
    Ok(
        query("select 1 as one from session_used where hash = $1 and session = $2")
            .bind(hash)
            .bind(id)
            .fetch_optional(tx)
            .await?
            .is_some(),
    )
}

/// Ends a session. False: there is none, or it had ended.
pub async fn revoke(tx: &mut Tx, id: &str) -> Result<bool> {
    let rows = query("update session set revoked = $1 where id = $2 and revoked = $3")
        .bind(true)
        .bind(id)
        .bind(false)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Forgets sessions that ended before `before`.
pub async fn prune(tx: &mut Tx, before: Micros) -> Result<u64> {
    query("delete from session where expires_at < $1")
        .bind(before)
        .execute(tx)
        .await
}

/// A key that signs access tokens, sealed; in order of age, the one that signs last.
pub async fn keys(tx: &mut Tx) -> Result<Vec<(String, String, Micros, Option<Micros>)>> {
    query("select id, seed, created_at, retires_at from signing_key order by created_at, id")
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| {
            Ok((
                row.text("id")?,
                row.text("seed")?,
                row.int("created_at")?,
                row.opt_int("retires_at")?,
            ))
        })
        .collect()
}

/// Adds the key that signs from now on; the others retire at `retire`.
pub async fn insert_key(tx: &mut Tx, id: &str, seed: &str, now: Micros, retire: Micros) -> Result<()> {
    query("delete from signing_key where retires_at < $1")
        .bind(now)
        .execute(tx)
        .await?;
    query("update signing_key set retires_at = $1 where retires_at is null")
        .bind(retire)
        .execute(tx)
        .await?;
    query("insert into signing_key (id, seed, created_at) values ($1, $2, $3)")
        .bind(id)
        .bind(seed)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Replaces the sealed text of a key.
pub async fn reseal_key(tx: &mut Tx, id: &str, seed: &str) -> Result<()> {
    query("update signing_key set seed = $1 where id = $2")
        .bind(seed)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Session> {
    Ok(Session {
        id: row.text("id")?,
        user: row.uuid(TABLE, "user_uid")?,
        org: match row.text("org")?.as_str() {
            "" => None,
            _ => Some(row.uuid(TABLE, "org")?),
        },
        current: row.text("current")?,
        previous: row.text("previous")?,
        created_at: row.int("created_at")?,
        last_used_at: row.int("last_used_at")?,
        expires_at: row.int("expires_at")?,
        address: row.text("address")?,
        agent: row.text("agent")?,
        revoked: row.flag("revoked")?,
    })
}
