//! Commands to devices: queued → sent → confirmed, rejected, failed or expired.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::Result;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// UUIDv7.
    pub id: String,
    /// Uid of the device.
    pub device: Uuid,
    /// `reboot`, `updateConfig`, or the device's own word.
    pub kind: String,
    /// JSON object.
    pub params: String,
    /// queued, sent, confirmed, rejected, failed, expired.
    pub state: String,
    /// What the device said.
    pub detail: String,
    /// JSON that it read back; may be empty.
    pub readback: String,
    /// When it was queued.
    pub created_at: Micros,
    /// By whom.
    pub created_by: String,
    /// When it was first sent.
    pub sent_at: Option<Micros>,
    /// When it ended.
    pub finished_at: Option<Micros>,
    /// When it is no longer worth sending.
    pub expires_at: Micros,
}

/// Queues a command.
pub async fn insert(tx: &mut Tx, command: &Command) -> Result<()> {
    query(
        "insert into command (id, device, type, params, state, detail, readback, created_at, created_by, sent_at, finished_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&command.id)
    .bind(command.device)
    .bind(&command.kind)
    .bind(&command.params)
    .bind(&command.state)
    .bind(&command.detail)
    .bind(&command.readback)
    .bind(command.created_at)
    .bind(&command.created_by)
    .bind(command.sent_at)
    .bind(command.finished_at)
    .bind(command.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks what is past its time.
pub async fn expire(tx: &mut Tx, device: Uuid, now: Micros) -> Result<u64> {
    query(
        "update command set state = 'expired', finished_at = $1
          where device = $2 and state in ('queued', 'sent') and expires_at <= $1",
    )
    .bind(now)
    .bind(device)
    .execute(tx)
    .await
}

/// Ends every command of a device that waits for a result; gives how many.
pub async fn expire_all(tx: &mut Tx, device: Uuid, now: Micros) -> Result<u64> {
    query(
        "update command set state = 'expired', finished_at = $1
          where device = $2 and state in ('queued', 'sent')",
    )
    .bind(now)
    .bind(device)
    .execute(tx)
    .await
}

/// Commands without a result, oldest first; each is marked as sent.
pub async fn take(tx: &mut Tx, device: Uuid, now: Micros) -> Result<Vec<Command>> {
    query("update command set state = 'sent', sent_at = $1 where device = $2 and state = 'queued'")
        .bind(now)
        .bind(device)
        .execute(tx)
        .await?;
    query("select * from command where device = $1 and state = 'sent' order by created_at, id limit 100")
        .bind(device)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// A command of a device.
pub async fn find(tx: &mut Tx, device: Uuid, id: &str) -> Result<Option<Command>> {
    let row = query("select * from command where id = $1 and device = $2")
        .bind(id)
        .bind(device)
        .fetch_optional(tx)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Ends a command that waits for its result. False: it has ended already.
pub async fn finish(tx: &mut Tx, id: &str, state: &str, detail: &str, readback: &str, now: Micros) -> Result<bool> {
    let rows = query(
        "update command set state = $1, detail = $2, readback = $3, finished_at = $4
          where id = $5 and state in ('queued', 'sent', 'expired')",
    )
    .bind(state)
    .bind(detail)
    .bind(readback)
    .bind(now)
    .bind(id)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Commands of a device, newest first.
pub async fn list(tx: &mut Tx, device: Uuid, now: Micros, limit: u32) -> Result<Vec<Command>> {
    let rows = query("select * from command where device = $1 order by created_at desc, id desc limit $2")
        .bind(device)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter()
        .map(|row| {
            let mut command = read(row)?;
            // Written down when the device asks next.
            if matches!(command.state.as_str(), "queued" | "sent") && command.expires_at <= now {
                "expired".clone_into(&mut command.state);
                command.finished_at = Some(command.expires_at);
            }
            Ok(command)
        })
        .collect()
}

fn read(row: &Row) -> Result<Command> {
    Ok(Command {
        id: row.text("id")?,
        device: row.uuid("command", "device")?,
        kind: row.text("type")?,
        params: row.text("params")?,
        state: row.text("state")?,
        detail: row.text("detail")?,
        readback: row.text("readback")?,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        sent_at: row.opt_int("sent_at")?,
        finished_at: row.opt_int("finished_at")?,
        expires_at: row.int("expires_at")?,
    })
}
