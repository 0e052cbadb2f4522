//! Passwords: what one may be, and argon2id hashes of them in the PHC string format.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Bytes of a password in NFC, at most.
pub const LONGEST: usize = 1024;
/// Characters of a new password, at least.
pub const SHORTEST: usize = 12;
/// Memory of one hash in KiB, at most; a stored hash that asks for more is not computed.
pub const MOST_MEMORY: u32 = 64 * 1024;

const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 4;
const SALT: usize = 16;
const OUTPUT: usize = 32;
/// NFC shortens a text to a third at most, so that a longer one need not be composed to be refused.
const TYPED: usize = 4 * LONGEST;
/// Texts of [`SHORTEST`] characters and more that every list of leaked passwords has, in lower case.
const COMMON: [&str; 24] = [
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "123456789012",
    "1234567890123",
    "12345678901234",
    "012345678901",
    "1234567890-=",
    "0987654321098",
    "987654321098",
    "qwertyuiop[]",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertzuiopü+",
    "qwerty123456",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcdefghijkl",
    "administrator",
    "adminadminadmin",
    "changemechangeme",
    "letmeinletmein",
    "correcthorsebatterystaple",
];

/// What a hash costs: the parameters of argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a cost is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCost {
    /// Below [`Cost::floor`] in one of the parameters.
    #[error("a password hash needs at least 19456 KiB, 2 passes and 1 lane")]
    TooLow,
    /// Above 64 MiB, 16 passes or 4 lanes.
    #[error("a password hash may need at most 65536 KiB, 16 passes and 4 lanes")]
    TooHigh,
}

impl Cost {
    /// The least that is configured: 19,456 KiB, 2 passes, 1 lane (the first choice of OWASP's password storage page).
    pub const fn floor() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
        }
    }

    /// A configured cost, between the floor and what a login may be made to take.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, BadCost> {
        let (cost, floor) = (
            Self {
                memory_kib,
                passes,
                lanes,
            },
            Self::floor(),
        );
        if memory_kib < floor.memory_kib || passes < floor.passes || lanes < floor.lanes {
            return Err(BadCost::TooLow);
        }
        if cost.is_bearable() {
            Ok(cost)
        } else {
            Err(BadCost::TooHigh)
        }
    }

    /// The least that argon2id can do, below the floor: for tests alone.
    #[doc(hidden)]
    pub const fn for_tests() -> Self {
        Self {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        }
    }

    /// What stands before the salt in the PHC strings of this cost.
    fn prefix(self) -> String {
        let Self {
            memory_kib,
            passes,
            lanes,
        } = self;
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}$")
    }

    fn is_bearable(self) -> bool {
        self.memory_kib <= MOST_MEMORY && self.passes <= MOST_PASSES && self.lanes <= MOST_LANES
    }
}

/// `KIB,PASSES,LANES`.
impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{}", self.memory_kib, self.passes, self.lanes)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::floor()
    }
}

/// A text that may be a password, in NFC. It is overwritten when dropped, and never printed.
pub struct Prepared(Zeroizing<String>);

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared(…)")
    }
}

/// Why a text may not be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fewer than [`SHORTEST`] characters.
    #[error("a password has at least 12 characters")]
    TooShort,
    /// More than [`LONGEST`] bytes.
    #[error("a password has at most 1024 bytes")]
    TooLong,
    /// It contains NUL, at which other programs would end it.
    #[error("a password contains no NUL character")]
    Nul,
    /// One of the first that anybody would guess.
    #[error("this password is too easy to guess")]
    Common,
    /// The login name or mail address of the user.
    #[error("a password is not the name or mail address of its user")]
    Own,
}

/// The password was not hashed: the memory for it was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a password hash")]
pub struct Unhashed;

/// Reads a new password. `own` are the names and mail addresses of its user, as far as they are known.
pub fn prepared(text: &str, own: &[&str]) -> Result<Prepared, Refusal> {
    let text = composed(text).ok_or(Refusal::TooLong)?;
    if text.contains('\0') {
        return Err(Refusal::Nul);
    }
    if text.chars().count() < SHORTEST {
        return Err(Refusal::TooShort);
    }
    let lower = Zeroizing::new(text.to_lowercase());
    if is_common(&lower) {
        return Err(Refusal::Common);
    }
    let is_own = |own: &&str| composed(own).is_some_and(|own| own.trim().to_lowercase() == lower.trim());
    if own.iter().any(is_own) {
        Err(Refusal::Own)
    } else {
        Ok(Prepared(text))
    }
}

/// The PHC string of a password, with 16 random bytes as its salt.
pub fn hash(password: &Prepared, cost: Cost, salt: [u8; SALT]) -> Result<String, Unhashed> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(OUTPUT)).map_err(|_| Unhashed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2
        .hash_password_with_salt(password.0.as_bytes(), &salt)
        .map_err(|_| Unhashed)?;
    Ok(hash.to_string())
}

/// Is this the password of a stored PHC string? `false` also for a text that is too long, a string that is no argon2id
/// hash of ours or asks for more than [`MOST_MEMORY`], and when there is no memory for the hash.
pub fn verify(text: &str, phc: &str) -> bool {
    let (Some(text), Some((_, stored))) = (composed(text), stored(phc)) else {
        return false;
    };
    Argon2::default().verify_password(text.as_bytes(), &stored).is_ok()
}

/// Was the stored PHC string made with another cost, or is it none of ours? Then the next login hashes the password anew.
pub fn needs_rehash(phc: &str, cost: Cost) -> bool {
    stored(phc).map(|(found, _)| found) != Some(cost)
}

/// A PHC string that no password has, to verify against for a user who is unknown or has no password: it takes the time
/// of a real one of this cost. It is not a hash of anything, so that nobody can know a text for it.
pub fn dummy(cost: Cost) -> String {
    let (salt, output) = ("ZmxlZXRkOiBubyB1c2VyLg", "bm8gdGV4dCBoYXMgdGhpcyBoYXNoLCBhcyBmYXIgYXM");
    format!("{}{salt}${output}", cost.prefix())
}

/// What a PHC string says, if it is written as [`hash`] writes it.
fn stored(phc: &str) -> Option<(Cost, PasswordHash)> {
    let hash = PasswordHash::new(phc).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let cost = Cost {
        memory_kib: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
    };
    // The library also takes other algorithms and versions, parameters twice, and some that are never ours.
    let own = phc.starts_with(&cost.prefix())
        && hash.salt.as_ref().is_some_and(|salt| salt.len() == SALT)
        && hash.hash.as_ref().is_some_and(|output| output.len() == OUTPUT);
    (own && cost.is_bearable()).then_some((cost, hash))
}

/// The text in NFC, unless it is longer than [`LONGEST`]. No part of it is left behind in memory that was outgrown.
fn composed(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > TYPED {
        return None;
    }
    let mut whole = Zeroizing::new(String::with_capacity(LONGEST));
    for c in text.nfc() {
        if whole.len() + c.len_utf8() > LONGEST {
            return None;
        }
        whole.push(c);
    }
    Some(whole)
}

fn is_common(lower: &str) -> bool {
    // `aaaaaaaaaaaa`, `121212121212`, `abcdabcdabcd`.
    let repeats = |unit: usize| {
        lower
            .chars()
            .zip(lower.chars().skip(unit))
            .all(|(one, next)| one == next)
    };
    COMMON.contains(&lower) || (1..=4).any(repeats)
}

#[cfg(test)]
mod tests;
