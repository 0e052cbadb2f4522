//! A new key for what is sealed: everything that an older one sealed is sealed anew.

use fleet_proto::kinds::KINDS;
use fleet_proto::reflect;
use rand::Rng as _;
use uuid::Uuid;

use super::access::SIGNING_KEY_PATH;
use super::devices::AUTHORITY_PATH;
use super::error::{Error, Result};
use crate::domain::sealing::{NONCE, Sealer};
use crate::storage::access::sessions;
use crate::storage::devices::authority;
use crate::storage::{Db, Tx, resources};

/// Resources read at a time.
const PAGE: u32 = 500;

/// What was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Resources with secrets.
    pub resources: u64,
    /// Keys of fleetd's own: those that sign access tokens, and the device authority's.
    pub keys: u64,
}

/// Seals everything with the newest key, in one transaction. The history keeps what older keys sealed, so they stay.
pub async fn reseal(db: &Db, sealer: &Sealer) -> Result<Resealed> {
    let mut tx = db.begin().await?;
    let mut done = Resealed::default();
    for row in KINDS.iter().filter(|row| reflect::has_secrets(row.kind)) {
        let mut after = (String::new(), String::new());
        loop {
            let narrow = resources::Narrow::default();
            let page = resources::list(&mut tx, row.kind, &narrow, (&after.0, &after.1), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (
                last.org.as_ref().map(|org| org.uid.to_string()).unwrap_or_default(),
                last.name.clone(),
            );
            for object in page.iter().filter(|object| object.issues.is_empty()) {
                let mut trouble = None;
                let mut touched = false;
                let spec = reflect::map_secrets(&object.spec, &mut |path, stored| match anew(
                    sealer, object.uid, path, stored,
                ) {
                    Ok(Some(sealed)) => {
                        touched = true;
                        sealed
                    }
                    Ok(None) => stored.to_owned(),
                    Err(error) => {
                        trouble = Some(error);
                        stored.to_owned()
                    }
                });
                if let Some(error) = trouble {
                    return Err(error);
                }
                if touched {
                    resources::respec(&mut tx, object.uid, &spec).await?;
                    done.resources += 1;
                }
            }
        }
    }
    done.keys += own_keys(&mut tx, sealer).await?;
    tx.commit().await?;
    Ok(done)
}

async fn own_keys(tx: &mut Tx, sealer: &Sealer) -> Result<u64> {
    let mut done = 0;
    for (id, sealed, ..) in sessions::keys(tx).await? {
        let Ok(uid) = id.parse() else { continue };
        if let Some(sealed) = anew(sealer, uid, SIGNING_KEY_PATH, &sealed)? {
            sessions::reseal_key(tx, &id, &sealed).await?;
            done += 1;
        }
    }
    if let Some(known) = authority::find(tx).await?
        && let Some(sealed) = anew(sealer, known.uid, AUTHORITY_PATH, &known.private_key)?
    {
        authority::reseal(tx, &sealed).await?;
        done += 1;
    }
    Ok(done)
}

/// What is stored, sealed with the newest key; none: it is already, or a key sealed it that is not here.
fn anew(sealer: &Sealer, uid: Uuid, path: &str, stored: &str) -> Result<Option<String>> {
    if !sealer.is_outdated(stored) {
        return Ok(None);
    }
    let failed = |error| Error::Unavailable(format!("a secret cannot be sealed anew: {error}"));
    let text = zeroize::Zeroizing::new(sealer.open(uid, path, stored).map_err(failed)?);
    let mut nonce = [0; NONCE];
    rand::rng().fill_bytes(&mut nonce);
    Ok(Some(sealer.seal(uid, path, &text, nonce).map_err(failed)?))
}
