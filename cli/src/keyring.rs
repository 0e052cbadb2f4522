//! The keyring of the operating system: the Secret Service of the desktop, over D-Bus, or the Keychain of macOS.
//!
//! Nothing waits for it without bound, and only a person at a terminal is asked to unlock it.

use std::time::Duration;

/// How long an answer of the keyring may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a person may take to unlock it.
const PERSON: Duration = Duration::from_secs(60);

/// Which secret is meant.
#[derive(Clone, Debug)]
pub struct Key {
    /// The configuration folder that knows of it: two of one user share the keyring, and no secret.
    pub folder: String,
    /// What it is for.
    pub server: String,
}

/// Why the keyring gives and takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is none.
    Absent,
    /// It is locked, and nobody unlocked it.
    Locked,
    /// It does not answer.
    Silent,
    /// It refuses.
    Failed(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none here"),
            Self::Locked => f.write_str("it is locked"),
            Self::Silent => write!(f, "it did not answer within {} s", PATIENCE.as_secs()),
            Self::Failed(why) => write!(f, "it refuses: {why}"),
        }
    }
}

/// Result of asking the keyring.
type Result<T> = std::result::Result<T, Unusable>;

#[cfg(not(target_os = "macos"))]
pub use secret_service_keyring::{read, remove, unlock, write};

#[cfg(not(target_os = "macos"))]
mod secret_service_keyring {
    use std::collections::HashMap;
    use std::sync::Arc;

    use secret_service::{Collection, EncryptionType, Error, Item, SecretService};

    use super::{Key, PATIENCE, PERSON, Result, Unusable};

    impl From<Error> for Unusable {
        fn from(error: Error) -> Self {
            // The names are D-Bus's own: nobody answers to the service's name, or could be started for it.
            const NOBODY: [&str; 3] = ["ServiceUnknown", "NameHasNoOwner", "DBus.Error.Spawn"];
            match error {
                Error::Unavailable | Error::NoResult => Self::Absent,
                Error::Locked | Error::Prompt | Error::PromptDisconnected => Self::Locked,
                error => {
                    let said = error.to_string();
                    if NOBODY.iter().any(|name| said.contains(name)) || is_unconnected(&error) {
                        Self::Absent
                    } else if said.contains("IsLocked") {
                        Self::Locked
                    } else {
                        Self::Failed("it does not speak as the Secret Service does".to_owned())
                    }
                }
            }
        }
    }

    /// Nobody listens where the session's bus should be.
    fn is_unconnected(error: &Error) -> bool {
        let mut cause = Some(error as &dyn std::error::Error);
        while let Some(one) = cause {
            if one.is::<std::io::Error>() || one.is::<Arc<std::io::Error>>() {
                return true;
            }
            cause = one.source();
        }
        false
    }

    impl Key {
        fn attributes(&self) -> HashMap<&str, &str> {
            HashMap::from([
                ("application", "fleetctl"),
                ("folder", self.folder.as_str()),
                ("server", self.server.as_str()),
            ])
        }
    }

    async fn soon<T>(answer: impl Future<Output = std::result::Result<T, Error>>) -> Result<T> {
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Unusable::Silent),
        }
    }

    async fn connect() -> Result<SecretService<'static>> {
        soon(SecretService::connect(EncryptionType::Dh)).await
    }

    /// Its owner is asked at a terminal only.
    async fn unlocked(collection: &Collection<'_>, ask: bool) -> Result<()> {
        if !soon(collection.is_locked()).await? {
            return Ok(());
        }
        if !ask {
            return Err(Unusable::Locked);
        }
        match tokio::time::timeout(PERSON, collection.unlock()).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Unusable::Locked),
        }
    }

    async fn find<'a>(service: &'a SecretService<'_>, key: &Key, ask: bool) -> Result<Option<Item<'a>>> {
        let mut found = soon(service.search_items(key.attributes())).await?;
        if found.unlocked.is_empty() && !found.locked.is_empty() {
            let collection = soon(service.get_default_collection()).await?;
            unlocked(&collection, ask).await?;
            found = soon(service.search_items(key.attributes())).await?;
            if found.unlocked.is_empty() && !found.locked.is_empty() {
                return Err(Unusable::Locked);
            }
        }
        Ok(found.unlocked.into_iter().next())
    }

    /// The secret; none: the keyring has none.
    pub async fn read(key: &Key, ask: bool) -> Result<Option<Vec<u8>>> {
        let service = connect().await?;
        match find(&service, key, ask).await? {
            Some(item) => Ok(Some(soon(item.get_secret()).await?)),
            None => Ok(None),
        }
    }

    /// Lets its owner unlock it.
    pub async fn unlock() -> Result<()> {
        let service = connect().await?;
        let collection = soon(service.get_default_collection()).await?;
        unlocked(&collection, true).await
    }

    /// Keeps a secret, in place of the one before. `label` is what people see.
    pub async fn write(key: &Key, label: &str, secret: &[u8]) -> Result<()> {
        let service = connect().await?;
        let collection = soon(service.get_default_collection()).await?;
        unlocked(&collection, false).await?;
        soon(collection.create_item(label, key.attributes(), secret, true, "application/json"))
            .await
            .map(drop)
    }

    /// Forgets a secret.
    pub async fn remove(key: &Key) -> Result<()> {
        let service = connect().await?;
        match find(&service, key, false).await? {
            Some(item) => soon(item.delete()).await,
            None => Ok(()),
        }
    }
}

#[cfg(target_os = "macos")]
pub use keychain::{read, remove, unlock, write};

#[cfg(target_os = "macos")]
mod keychain {
    use security_framework::base::Error;
    use security_framework::os::macos::keychain::SecKeychain;
    use security_framework::passwords;

    use super::{Key, PATIENCE, PERSON, Result, Unusable};

    /// `errSecItemNotFound`, `errSecInteractionNotAllowed`, `errSecUserCanceled`, `errSecAuthFailed`,
    /// `errSecNotAvailable` of Security.framework.
    const NOT_FOUND: i32 = -25300;
    const LOCKED: [i32; 3] = [-25308, -128, -25293];
    const NOT_AVAILABLE: i32 = -25291;

    impl From<Error> for Unusable {
        fn from(error: Error) -> Self {
            match error.code() {
                NOT_AVAILABLE => Self::Absent,
                code if LOCKED.contains(&code) => Self::Locked,
                _ => Self::Failed(error.message().unwrap_or_else(|| "it says no reason".to_owned())),
            }
        }
    }

    impl Key {
        fn account(&self) -> String {
            format!("{} {}", self.server, self.folder)
        }
    }

    /// The Keychain asks its owner by itself, and blocks meanwhile: on a thread of its own, so that Ctrl-C is heard.
    async fn asked<T: Send + 'static>(
        ask: bool,
        question: impl FnOnce() -> std::result::Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>> {
        let patience = if ask { PERSON } else { PATIENCE };
        match tokio::time::timeout(patience, tokio::task::spawn_blocking(question)).await {
            Ok(Ok(Ok(answer))) => Ok(Some(answer)),
            Ok(Ok(Err(error))) if error.code() == NOT_FOUND => Ok(None),
            Ok(Ok(Err(error))) => Err(error.into()),
            Ok(Err(_)) | Err(_) => Err(Unusable::Silent),
        }
    }

    /// The secret; none: the keyring has none.
    pub async fn read(key: &Key, ask: bool) -> Result<Option<Vec<u8>>> {
        let account = key.account();
        asked(ask, move || passwords::get_generic_password("fleetctl", &account)).await
    }

    /// Lets its owner unlock it.
    pub async fn unlock() -> Result<()> {
        asked(true, || SecKeychain::default()?.unlock(None)).await.map(drop)
    }

    /// Keeps a secret, in place of the one before.
    pub async fn write(key: &Key, _: &str, secret: &[u8]) -> Result<()> {
        let (account, secret) = (key.account(), secret.to_vec());
        asked(false, move || {
            passwords::set_generic_password("fleetctl", &account, &secret)
        })
        .await
        .map(drop)
    }

    /// Forgets a secret.
    pub async fn remove(key: &Key) -> Result<()> {
        let account = key.account();
        asked(false, move || passwords::delete_generic_password("fleetctl", &account))
            .await
            .map(drop)
    }
}
