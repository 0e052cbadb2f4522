//! The authority that issues the certificates of devices: made at the first start, its key sealed in the database.

use rand::Rng as _;
use uuid::Uuid;

use crate::domain::certificates::{self, Authority};
use crate::domain::sealing::{self, Sealer};
use crate::domain::telemetry::Micros;
use crate::services::error::{Error, Result};
use crate::storage::Db;
use crate::storage::devices::authority as stored;

/// Names table and column in the associated data of the sealed key; the row is named by its uid.
pub const PLACE: &str = "device_authority.private_key";

/// The authority as this process has it.
#[derive(Debug)]
pub(super) struct Issuer {
    certificate: String,
    /// Or why nothing can be issued. What was issued before is verified all the same.
    authority: std::result::Result<Authority, String>,
}

impl Issuer {
    /// Reads the authority, or makes it. Of several processes that begin at once, all get the same.
    pub(super) async fn open(db: &Db, sealer: &Sealer, now: Micros) -> Result<Self> {
        let found = stored::find(&mut db.read().await?).await?;
        let row = match found {
            Some(row) => row,
            None => make(db, sealer, now).await?,
        };
        let authority = sealer
            .open(row.uid, PLACE, &row.private_key)
            .map_err(unreadable)
            .and_then(|key| Authority::load(&row.certificate, &key).map_err(|error| error.to_string()));
        Ok(Self {
            certificate: row.certificate,
            authority,
        })
    }

    /// The certificate against which those of devices are verified, PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Why nothing can be issued.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.authority.as_ref().err().map(String::as_str)
    }

    /// The last moment of its certificate.
    pub(super) fn not_after(&self) -> Option<Micros> {
        self.authority.as_ref().ok().map(Authority::not_after)
    }

    /// Writes a certificate.
    pub(super) fn issue(
        &self,
        request: &certificates::Request,
        subject: certificates::Subject,
        now: Micros,
        lifetime: Micros,
    ) -> Result<certificates::Issued> {
        let unavailable = |why: &str| Error::Unavailable(format!("no certificate can be issued: {why}"));
        let authority = self.authority.as_ref().map_err(|why| unavailable(why))?;
        let mut serial = [0; 16];
        rand::rng().fill_bytes(&mut serial);
        authority
            .issue(request, subject, now, lifetime, serial)
            .map_err(|error| unavailable(&error.to_string()))
    }
}

async fn make(db: &Db, sealer: &Sealer, now: Micros) -> Result<stored::Authority> {
    let failed =
        |error: &dyn std::fmt::Display| Error::Unavailable(format!("the device authority cannot be made: {error}"));
    let fresh = Authority::make(now).map_err(|error| failed(&error))?;
    let uid = Uuid::now_v7();
    let mut nonce = [0; sealing::NONCE];
    rand::rng().fill_bytes(&mut nonce);
    let mut tx = db.begin().await?;
    let row = stored::Authority {
        uid,
        certificate: fresh.chain_pem().to_owned(),
        private_key: sealer
            .seal(uid, PLACE, &fresh.key_pem(), nonce)
            .map_err(|error| failed(&error))?,
        created_at: now,
    };
    stored::insert(&mut tx, &row).await?;
    // A replica may have been first.
    let row = stored::find(&mut tx).await?.unwrap_or(row);
    tx.commit().await?;
    Ok(row)
}

fn unreadable(error: sealing::Error) -> String {
    match error {
        sealing::Error::OtherKey => {
            "the key of the device authority was sealed with another key file: put that file back".to_owned()
        }
        sealing::Error::Damaged => "the key of the device authority is damaged: restore the database".to_owned(),
    }
}
