//! `fleetd secrets rotate-key`: composition of what [`crate::services::rekey`] does while fleetd does not serve.

use rand::Rng as _;

use crate::app::{self, Error};
use crate::config::Config;
use crate::domain::sealing::Sealer;
use crate::services::rekey::{self, Resealed};
use crate::storage::keys;

/// Puts a new key into the key file, and seals everything with it. Interrupted, it is repeated: both keys are in the
/// file from the first step on.
pub async fn rotate(config: &Config) -> Result<Resealed, Error> {
    let _lock = app::lock(&config.data_dir)?;
    let path = &config.secret_key_file;
    let wrong = |why| Error::Key(path.clone(), why);
    let mut fresh = [0; 32];
    rand::rng().fill_bytes(&mut fresh);
    let db = app::open(config).await?;
    let keys = keys::rotate(path, &fresh).map_err(wrong)?;
    let done = match keys.split_first() {
        Some((key, older)) => rekey::reseal(&db, &Sealer::with_older(key, older)).await?,
        None => Resealed::default(),
    };
    db.close().await;
    Ok(done)
}
