//! Which secrets devices were last served, as far as the audit log must tell them apart.

use uuid::Uuid;

use crate::storage::db::{Tx, query};
use crate::storage::error::Result;

/// The digest of what a reader was last served of a device; none: nothing yet.
pub async fn find(tx: &mut Tx, device: Uuid, reader: Uuid) -> Result<Option<String>> {
    query("select digest from secrets_served where device = $1 and reader = $2")
        .bind(device)
        .bind(reader)
        .fetch_optional(tx)
        .await?
        .map(|row| row.text("digest"))
        .transpose()
}

/// Notes what a reader is served of a device.
pub async fn replace(tx: &mut Tx, device: Uuid, reader: Uuid, digest: &str) -> Result<()> {
    query(
        "insert into secrets_served (device, reader, digest) values ($1, $2, $3)
         on conflict (device, reader) do update set digest = excluded.digest",
    )
    .bind(device)
    .bind(reader)
    .bind(digest)
    .execute(tx)
    .await?;
    Ok(())
}
