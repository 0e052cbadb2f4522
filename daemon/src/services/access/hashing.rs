//! Passwords are hashed on as many cores as there are, and few wait for it: what costs an attacker nothing to ask for
//! must not cost fleetd its other work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng as _;
use tokio::sync::Semaphore;

use crate::domain::passwords::{self, Cost, Prepared};
use crate::services::error::{Error, Result};

/// Hashes that may wait for a core.
const MOST_WAITING: usize = 32;
/// When a refused one may ask again, milliseconds.
const AGAIN_MS: u64 = 1_000;

/// Computes hashes of passwords.
#[derive(Clone, Debug)]
pub(super) struct Hashing {
    cost: Cost,
    cores: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hashing {
    pub(super) fn new(cost: Cost) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            cost,
            cores: Arc::new(Semaphore::new(cores)),
            waiting: Arc::default(),
        }
    }

    async fn computed<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::exhausted("hashing", "the time for logins", AGAIN_MS);
        let permit = {
            let before = self.waiting.fetch_add(1, Ordering::SeqCst);
            let _waiting = Waiting(&self.waiting);
            if before >= MOST_WAITING {
                return Err(busy());
            }
            Arc::clone(&self.cores).acquire_owned().await.map_err(|_| busy())?
        };
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| Error::Unavailable("a password could not be hashed; see the fleetd log".to_owned()))
    }

    pub(super) async fn hash(&self, password: Prepared) -> Result<String> {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        let cost = self.cost;
        self.computed(move || passwords::hash(&password, cost, salt))
            .await?
            .map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// Is it the password of a stored hash? Where there is none, it takes as long to say no.
    pub(super) async fn verify(&self, text: String, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let phc = stored.unwrap_or_else(|| passwords::dummy(self.cost));
        let text = zeroize::Zeroizing::new(text);
        Ok(self.computed(move || passwords::verify(&text, &phc)).await? && known)
    }

    pub(super) fn needs_rehash(&self, stored: &str) -> bool {
        passwords::needs_rehash(stored, self.cost)
    }
}
