//! Pictures of people.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Tx, query};
use crate::storage::error::{Error, Result};

/// Sets a User's picture.
pub async fn replace(tx: &mut Tx, user: Uuid, media_type: &str, bytes: &[u8], now: Micros) -> Result<()> {
    query(
        "insert into avatar (user_uid, media_type, content, changed_at) values ($1, $2, $3, $4)
         on conflict (user_uid) do update
            set media_type = excluded.media_type, content = excluded.content, changed_at = excluded.changed_at",
    )
    .bind(user)
    .bind(media_type)
    .bind(STANDARD.encode(bytes))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A User's picture: media type and bytes.
pub async fn find(tx: &mut Tx, user: Uuid) -> Result<Option<(String, Vec<u8>)>> {
    let row = query("select media_type, content from avatar where user_uid = $1")
        .bind(user)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let bytes = STANDARD.decode(row.text("content")?).map_err(|error| Error::Corrupt {
        table: "avatar",
        column: "content".to_owned(),
        detail: error.to_string(),
    })?;
    Ok(Some((row.text("media_type")?, bytes)))
}

/// Removes a User's picture.
pub async fn remove(tx: &mut Tx, user: Uuid) -> Result<()> {
    query("delete from avatar where user_uid = $1")
        .bind(user)
        .execute(tx)
        .await?;
    Ok(())
}
