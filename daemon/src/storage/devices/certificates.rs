//! Certificates of devices, and which key belongs to whom.

use uuid::Uuid;

use crate::domain::telemetry::Micros;
use crate::storage::db::{Row, Tx, query};
use crate::storage::error::Result;

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 32 hexadecimal digits.
    pub serial: String,
    /// Uid of the device.
    pub device: Uuid,
    /// Uid of its organization.
    pub org: Uuid,
    /// SHA-256 of the key as SubjectPublicKeyInfo, hexadecimal.
    pub key_id: String,
    /// The certificate alone.
    pub pem: String,
    /// Begin of its validity.
    pub not_before: Micros,
    /// Its last moment.
    pub not_after: Micros,
    /// When it was issued.
    pub issued_at: Micros,
    /// By whom.
    pub issued_by: String,
    /// When it was revoked, and by whom.
    pub revoked: Option<(Micros, String)>,
}

impl Certificate {
    /// Does it count?
    pub fn is_live(&self, now: Micros) -> bool {
        self.revoked.is_none() && now <= self.not_after
    }
}

/// Binds a key to a device, unless it is bound; gives the device whose it is. Whoever comes at the same moment waits.
pub async fn bind_key(tx: &mut Tx, key_id: &str, device: Uuid) -> Result<Uuid> {
    query("insert into device_key (id, device) values ($1, $2) on conflict (id) do nothing")
        .bind(key_id)
        .bind(device)
        .execute(tx)
        .await?;
    query("select device from device_key where id = $1")
        .bind(key_id)
        .fetch_one(tx)
        .await?
        .uuid("device_key", "device")
}

/// Adds a certificate.
pub async fn insert(tx: &mut Tx, certificate: &Certificate) -> Result<()> {
    query(
        "insert into device_certificate (serial, device, org, key_id, pem, not_before, not_after, issued_at, issued_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&certificate.serial)
    .bind(certificate.device)
    .bind(certificate.org)
    .bind(&certificate.key_id)
    .bind(&certificate.pem)
    .bind(certificate.not_before)
    .bind(certificate.not_after)
    .bind(certificate.issued_at)
    .bind(&certificate.issued_by)
    .execute(tx)
    .await?;
    Ok(())
}

/// The certificate of that serial number.
pub async fn find(tx: &mut Tx, serial: &str) -> Result<Option<Certificate>> {
    query("select * from device_certificate where serial = $1")
        .bind(serial)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The certificates of a device, newest first.
pub async fn list(tx: &mut Tx, device: Uuid) -> Result<Vec<Certificate>> {
    query("select * from device_certificate where device = $1 order by issued_at desc, serial limit 10000")
        .bind(device)
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Certificates that count, are the last of their devices, end between two moments, and were not told of.
pub async fn ending(tx: &mut Tx, from: Micros, to: Micros, limit: u32) -> Result<Vec<Certificate>> {
    query(
        "select * from device_certificate as one
          where not_after > $1 and not_after < $2 and revoked_at is null and not ending_told
            and not exists (select 1 from device_certificate as other
                             where other.device = one.device and other.revoked_at is null
                               and other.not_after > one.not_after)
          order by not_after, serial limit $3",
    )
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(tx)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Notes that it was told that a certificate ends.
pub async fn ending_told(tx: &mut Tx, serial: &str) -> Result<()> {
    query("update device_certificate set ending_told = true where serial = $1")
        .bind(serial)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends a certificate. False: it has ended already, or there is none.
pub async fn revoke(tx: &mut Tx, serial: &str, now: Micros, by: &str) -> Result<bool> {
    let rows = query(
        "update device_certificate set revoked_at = $1, revoked_by = $2 where serial = $3 and revoked_at is null",
    )
    .bind(now)
    .bind(by)
    .bind(serial)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Ends every certificate of a device that counts; gives how many.
pub async fn revoke_all(tx: &mut Tx, device: Uuid, now: Micros, by: &str) -> Result<u64> {
    query(
        "update device_certificate set revoked_at = $1, revoked_by = $2
          where device = $3 and revoked_at is null and not_after >= $1",
    )
    .bind(now)
    .bind(by)
    .bind(device)
    .execute(tx)
    .await
}

/// Drops what expired before a moment, and keys that were in nothing else. What was revoked stays: its key must not
/// come back.
pub async fn remove_expired(tx: &mut Tx, device: Uuid, before: Micros) -> Result<()> {
    query("delete from device_certificate where device = $1 and not_after < $2 and revoked_at is null")
        .bind(device)
        .bind(before)
        .execute(tx)
        .await?;
    query(
        "delete from device_key where device = $1 and id not in
            (select key_id from device_certificate where device = $1)",
    )
    .bind(device)
    .execute(tx)
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Certificate> {
    Ok(Certificate {
        serial: row.text("serial")?,
        device: row.uuid("device_certificate", "device")?,
        org: row.uuid("device_certificate", "org")?,
        key_id: row.text("key_id")?,
        pem: row.text("pem")?,
        not_before: row.int("not_before")?,
        not_after: row.int("not_after")?,
        issued_at: row.int("issued_at")?,
        issued_by: row.text("issued_by")?,
        revoked: row
            .opt_int("revoked_at")?
            .zip(Some(row.opt_text("revoked_by")?.unwrap_or_default())),
    })
}
