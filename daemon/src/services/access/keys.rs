//! The keys that sign access tokens: made at first start, sealed at rest, changed every month.

use std::sync::{Arc, RwLock};

use rand::Rng as _;
use uuid::Uuid;

use super::{read, write};
use crate::domain::access_token::{self, Claims, Expected, Keys, LEEWAY, LIFETIME};
use crate::domain::sealing::{NONCE, Sealer};
use crate::domain::telemetry::Micros;
use crate::domain::tokens::hex;
use crate::services::error::{Error, Result};
use crate::storage::access::sessions;
use crate::storage::{Db, Tx};

/// Where a seed stands, for what seals it.
pub const SIGNING_KEY_PATH: &str = "signing_key.seed";
/// Microseconds for which a key signs.
const AGE: Micros = 30 * 86_400 * 1_000_000;
/// Microseconds from its retirement to its end.
const OVERLAP: Micros = (LIFETIME + LEEWAY) * 1_000_000;
const OURS: Expected<'static> = Expected {
    issuer: "fleetd",
    audience: "fleetd",
};

struct Signing {
    keys: Keys,
    made_at: Micros,
}

/// Issues and verifies access tokens.
#[derive(Clone)]
pub(super) struct Signer(Arc<RwLock<Signing>>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?})", read(&self.0).keys)
    }
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    seed
}

fn opened(sealer: &Sealer, id: &str, sealed: &str) -> Option<[u8; 32]> {
    let text = sealer.open(id.parse().ok()?, SIGNING_KEY_PATH, sealed).ok()?;
    let mut seed = [0; 32];
    for (at, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(seed)
}

async fn add(tx: &mut Tx, sealer: &Sealer, seed: &[u8; 32], now: Micros) -> Result<()> {
    let id = Uuid::now_v7();
    let mut nonce = [0; NONCE];
    rand::rng().fill_bytes(&mut nonce);
    let sealed = sealer
        .seal(id, SIGNING_KEY_PATH, &hex(seed), nonce)
        .map_err(|error| Error::Unavailable(format!("a signing key cannot be sealed: {error}")))?;
    Ok(sessions::insert_key(tx, &id.to_string(), &sealed, now, now + OVERLAP).await?)
}

impl Signer {
    /// Reads the keys, or makes the first one. Keys that another key file sealed are left behind: people log in again.
    pub(super) async fn open(db: &Db, sealer: &Sealer, now: Micros) -> Result<Self> {
        let mut tx = db.begin().await?;
        let stored = sessions::keys(&mut tx).await?;
        let mut signing: Option<Signing> = None;
        let mut older = Vec::new();
        for (id, sealed, made_at, retires_at) in stored {
            let Some(seed) = opened(sealer, &id, &sealed) else {
                continue;
            };
            match retires_at {
                None => {
                    signing = Some(Signing {
                        keys: Keys::new(&seed),
                        made_at,
                    });
                }
                Some(until) if now < until => older.push((seed, until)),
                Some(_) => {}
            }
        }
        let mut signing = match signing {
            Some(signing) => signing,
            None => {
                let fresh = seed();
                add(&mut tx, sealer, &fresh, now).await?;
                Signing {
                    keys: Keys::new(&fresh),
                    made_at: now,
                }
            }
        };
        for (seed, until) in older {
            signing.keys = signing.keys.and_older(&seed, until);
        }
        tx.commit().await?;
        Ok(Self(Arc::new(RwLock::new(signing))))
    }

    /// Changes the key when it has signed for long enough.
    pub(super) async fn rotate(&self, tx: &mut Tx, sealer: &Sealer, now: Micros) -> Result<Option<[u8; 32]>> {
        if now - read(&self.0).made_at < AGE {
            return Ok(None);
        }
        let fresh = seed();
        add(tx, sealer, &fresh, now).await?;
        Ok(Some(fresh))
    }

    /// Signs with a key that [`Self::rotate`] made, once that is committed.
    pub(super) fn take(&self, fresh: &[u8; 32], now: Micros) {
        let mut signing = write(&self.0);
        signing.keys.rotate(fresh, now);
        signing.made_at = now;
    }

    pub(super) fn issue(&self, claims: Claims, now: Micros) -> String {
        let claims = Claims {
            iss: OURS.issuer.to_owned(),
            aud: OURS.audience.to_owned(),
            ..claims
        };
        access_token::issue(&read(&self.0).keys, &claims.issued(now))
    }

    pub(super) fn verify(&self, text: &str, now: Micros) -> Option<Claims> {
        match access_token::verify(&read(&self.0).keys, text, OURS, now) {
            Ok(claims) => Some(claims),
            Err(refused) => {
                tracing::debug!(reason = %refused.reason(), "an access token was refused");
                None
            }
        }
    }
}
