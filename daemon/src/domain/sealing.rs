//! Secrets at rest: XChaCha20-Poly1305 with the resource and field as associated data, and a keyed hash by which two
//! texts are compared without being read. Stored as `sealed:v1:KEY:MARK:NONCE_AND_CIPHERTEXT`, hexadecimal.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use fleet_proto::reflect::SEALED;
use uuid::Uuid;

use super::tokens::hex;

/// Bytes of a nonce.
pub const NONCE: usize = 24;

/// Why a stored secret cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key file is not the one with which it was sealed.
    #[error("it was sealed with another key file")]
    OtherKey,
    /// It was changed, or belongs to another resource or field.
    #[error("it is damaged")]
    Damaged,
}

/// Seals with one key, and opens what older ones sealed, too.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// Names and ciphers of older keys.
    older: Vec<(String, XChaCha20Poly1305)>,
    marks: [u8; 32],
    root: zeroize::Zeroizing<[u8; 32]>,
    forms: [u8; 32],
    id: String,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.id)
    }
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&blake3::derive_key("fleetd secrets at rest", key).into())
}

fn name(key: &[u8; 32]) -> String {
    hex(&blake3::derive_key("fleetd name of a key", key)[..4])
}

impl Sealer {
    /// Works with a key of 256 random bits.
    pub fn new(key: &[u8; 32]) -> Self {
        Self::with_older(key, &[])
    }

    /// Seals with `key`; `older` ones are there to open, the oldest last. Marks and derived keys are those of the oldest:
    /// a mark in a manifest, and a signature under a copy of the audit log, outlive a new key.
    pub fn with_older(key: &[u8; 32], older: &[[u8; 32]]) -> Self {
        let oldest = older.last().unwrap_or(key);
        Self {
            cipher: cipher(key),
            older: older.iter().map(|key| (name(key), cipher(key))).collect(),
            marks: blake3::derive_key("fleetd marks of secrets", oldest),
            root: zeroize::Zeroizing::new(*oldest),
            forms: blake3::derive_key("fleetd tokens of forms", oldest),
            id: name(key),
        }
    }

    /// Must it be sealed anew, for the key that sealed it is an older one of ours?
    pub fn is_outdated(&self, stored: &str) -> bool {
        self.older.iter().any(|(id, _)| key_of(stored) == Some(id))
    }

    /// A key of its own for another purpose, always the same for one key file.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, self.root.as_slice())
    }

    /// The keyed hash of a text in its place: equal texts in other places have other marks.
    pub fn mark(&self, uid: Uuid, path: &str, text: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.marks);
        hasher.update(place(uid, path).as_bytes()).update(text.as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// What only a page that may read the answers for a session can know of it.
    pub fn form_token(&self, session: &str) -> String {
        blake3::keyed_hash(&self.forms, session.as_bytes()).to_hex()[..32].to_owned()
    }

    /// What is stored of a text.
    pub fn seal(&self, uid: Uuid, path: &str, text: &str, nonce: [u8; NONCE]) -> Result<String, Error> {
        let place = place(uid, path);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::Damaged)?;
        let mark = self.mark(uid, path, text);
        Ok(format!("{SEALED}{}:{mark}:{}{}", self.id, hex(&nonce), hex(&sealed)))
    }

    /// Was it sealed with a key that is here?
    pub fn is_own(&self, stored: &str) -> bool {
        key_of(stored) == Some(&self.id) || self.is_outdated(stored)
    }

    /// The text of what is stored.
    pub fn open(&self, uid: Uuid, path: &str, stored: &str) -> Result<String, Error> {
        let mut parts = stored.strip_prefix(SEALED).ok_or(Error::Damaged)?.split(':');
        let (Some(id), Some(_), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Damaged);
        };
        let cipher = if id == self.id {
            &self.cipher
        } else {
            let older = self.older.iter().find(|(older, _)| older == id);
            &older.ok_or(Error::OtherKey)?.1
        };
        let data = unhex(data).ok_or(Error::Damaged)?;
        let (nonce, sealed) = data.split_first_chunk::<NONCE>().ok_or(Error::Damaged)?;
        let place = place(uid, path);
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let text = cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Error::Damaged)?;
        String::from_utf8(text).map_err(|_| Error::Damaged)
    }
}

/// Name of the key with which something was sealed.
fn key_of(stored: &str) -> Option<&str> {
    stored.strip_prefix(SEALED)?.split(':').next()
}

fn place(uid: Uuid, path: &str) -> String {
    format!("resource|{uid}|{path}|")
}

/// The bytes of a hexadecimal text.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_and_with_its_key_alone() {
        let (sealer, other) = (Sealer::new(&[1; 32]), Sealer::new(&[2; 32]));
        let uid = Uuid::from_u128(7);
        let stored = sealer.seal(uid, "spec.value", "geheim", [9; NONCE]).unwrap();
        assert!(!stored.contains("geheim") && !stored.contains(&hex(b"geheim")));
        assert_eq!(sealer.open(uid, "spec.value", &stored), Ok("geheim".to_owned()));
        assert_eq!(sealer.open(uid, "spec.other", &stored), Err(Error::Damaged));
        assert_eq!(
            sealer.open(Uuid::from_u128(8), "spec.value", &stored),
            Err(Error::Damaged)
        );
        assert_eq!(other.open(uid, "spec.value", &stored), Err(Error::OtherKey));
        let last = if stored.ends_with('0') { '1' } else { '0' };
        let bent = format!("{}{last}", &stored[..stored.len() - 1]);
        assert_eq!(sealer.open(uid, "spec.value", &bent), Err(Error::Damaged));
        assert_eq!(sealer.open(uid, "spec.value", "sealed:v1:"), Err(Error::Damaged));
    }

    #[test]
    fn a_new_key_opens_what_the_old_one_sealed_and_keeps_its_marks() {
        let (old, uid) = (Sealer::new(&[1; 32]), Uuid::from_u128(7));
        let new = Sealer::with_older(&[2; 32], &[[1; 32]]);
        let stored = old.seal(uid, "spec.value", "geheim", [9; NONCE]).unwrap();
        assert!(new.is_own(&stored) && new.is_outdated(&stored) && !old.is_outdated(&stored));
        assert_eq!(new.open(uid, "spec.value", &stored), Ok("geheim".to_owned()));
        assert_eq!(
            new.mark(uid, "spec.value", "geheim"),
            old.mark(uid, "spec.value", "geheim")
        );
        assert_eq!(new.derived("x"), old.derived("x"));
        let anew = new.seal(uid, "spec.value", "geheim", [9; NONCE]).unwrap();
        assert!(new.is_own(&anew) && !new.is_outdated(&anew));
        assert_eq!(old.open(uid, "spec.value", &anew), Err(Error::OtherKey));
        let third = Sealer::with_older(&[3; 32], &[[2; 32], [1; 32]]);
        assert_eq!(third.open(uid, "spec.value", &anew), Ok("geheim".to_owned()));
        assert_eq!(third.open(uid, "spec.value", &stored), Ok("geheim".to_owned()));
    }

    #[test]
    fn equal_texts_have_equal_marks_only_in_one_place() {
        let sealer = Sealer::new(&[1; 32]);
        let mark = |uid, text| sealer.mark(Uuid::from_u128(uid), "spec.value", text);
        assert_eq!(mark(1, "a"), mark(1, "a"));
        assert_ne!(mark(1, "a"), mark(1, "b"));
        assert_ne!(mark(1, "a"), mark(2, "a"));
        assert_ne!(
            mark(1, "a"),
            Sealer::new(&[2; 32]).mark(Uuid::from_u128(1), "spec.value", "a")
        );
    }
}
