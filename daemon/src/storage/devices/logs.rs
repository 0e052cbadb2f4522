//! What devices log.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Tx, query};
use crate::storage::error::Result;

/// Lines kept of one device; older ones go.
pub const KEPT: i64 = 10_000;

/// A line of a device's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// UUIDv7: in order of arrival.
    pub id: String,
    /// When it happened, by the device's clock.
    pub at: Micros,
    /// 0 debug, 1 info, 2 warning, 3 error, 4 help.
    pub level: i64,
    /// Text.
    pub message: String,
}

/// Adds lines.
pub async fn append(tx: &mut Tx, device: Uuid, entries: &[LogEntry]) -> Result<()> {
    for entry in entries {
        query("insert into device_log (id, device, at, level, message) values ($1, $2, $3, $4, $5)")
            .bind(&entry.id)
            .bind(device)
            .bind(entry.at)
            .bind(entry.level)
            .bind(&entry.message)
            .execute(tx)
            .await?;
    }
    // The table is bounded: a device that logs without end costs only its own old lines.
    query(
        "delete from device_log where device = $1 and id <=
            (select id from device_log where device = $1 order by id desc limit 1 offset $2)",
    )
    .bind(device)
    .bind(KEPT)
    .execute(tx)
    .await?;
    Ok(())
}

/// The newest lines of `[from, to)` with at least a level and behind an id, oldest first.
pub async fn list(
    tx: &mut Tx,
    device: Uuid,
    from: Micros,
    to: Micros,
    level: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<LogEntry>> {
    let rows = query(
        "select id, at, level, message from device_log
          where device = $1 and at >= $2 and at < $3 and level >= $4 and id > $5
          order by at desc, id desc limit $6",
    )
    .bind(device)
    .bind(from)
    .bind(to)
    .bind(level)
    .bind(after)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(LogEntry {
                id: row.text("id")?,
                at: row.int("at")?,
                level: row.int("level")?,
                message: row.text("message")?,
            })
        })
        .collect()
}
