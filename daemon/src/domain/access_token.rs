//! Access tokens: JWTs (RFC 7519, 9068) signed with Ed25519 (RFC 8032, 8037), for 15 minutes. Only fleetd issues and
//! only fleetd reads them, so that a text is a token if it is written as [`issue`] writes it, and nothing else is.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::telemetry::Micros;
use super::tokens::hex;

/// Seconds for which a token holds.
pub const LIFETIME: i64 = 15 * 60;
/// Seconds by which the clock that issued may be ahead of the one that verifies. An expired token has none.
pub const LEEWAY: i64 = 5;
/// Bytes of a token, at most.
pub const LENGTH: usize = 4096;

const SECOND: Micros = 1_000_000;

/// What a token says. Times are whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// From then on it does not hold.
    pub exp: i64,
    /// Before then it does not hold.
    pub nbf: i64,
    /// When it was issued.
    pub iat: i64,
    /// Who issued it.
    pub iss: String,
    /// For whom.
    pub aud: String,
    /// Uid of the user.
    pub sub: String,
    /// Its own id.
    pub jti: String,
    /// Id of the session.
    pub sid: String,
    /// Uid of the organization, or empty.
    pub org: String,
}

impl Claims {
    /// Sets the times of a token that is issued now.
    pub fn issued(self, now: Micros) -> Self {
        let iat = now.div_euclid(SECOND);
        Self {
            exp: iat + LIFETIME,
            nbf: iat,
            iat,
            ..self
        }
    }

    fn text(&self) -> String {
        let Self {
            exp,
            nbf,
            iat,
            iss,
            aud,
            sub,
            jti,
            sid,
            org,
        } = self;
        json!({
            "exp": exp, "nbf": nbf, "iat": iat, "iss": iss, "aud": aud, "sub": sub, "jti": jti, "sid": sid, "org": org,
        })
        .to_string()
    }
}

/// Who must have issued a token, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The only `iss`.
    pub issuer: &'a str,
    /// The only `aud`.
    pub audience: &'a str,
}

/// The key that signs, and older ones that still verify. A key is 32 random bytes; its id is made from its public half.
pub struct Keys {
    signing: SigningKey,
    current: Verifying,
    older: Vec<(Verifying, Micros)>,
}

/// The public half of a key, with the one header that names it.
struct Verifying {
    id: String,
    header: String,
    key: VerifyingKey,
}

impl Verifying {
    fn of(signing: &SigningKey) -> Self {
        let key = signing.verifying_key();
        let id = hex(&Sha256::digest(key.as_bytes())[..16]);
        let header = BASE64.encode(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": id }).to_string());
        Self { id, header, key }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let older: Vec<_> = self.older.iter().map(|(key, until)| (&key.id, until)).collect();
        write!(f, "Keys({}, older {older:?})", self.current.id)
    }
}

impl Keys {
    /// Signs with one key.
    pub fn new(seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        let current = Verifying::of(&signing);
        Self {
            signing,
            current,
            older: Vec::new(),
        }
    }

    /// Verifies with an older key, too, until its time has come. Its private half is not kept.
    pub fn and_older(mut self, seed: &[u8; 32], until: Micros) -> Self {
        self.older.push((Verifying::of(&SigningKey::from_bytes(seed)), until));
        self
    }

    /// Signs with another key from now on. What the present one signed verifies until it has expired; keys whose time
    /// has come are forgotten. Returns when the present one retires. (A key that leaked is not rotated: make new `Keys`.)
    pub fn rotate(&mut self, seed: &[u8; 32], now: Micros) -> Micros {
        let Self {
            signing,
            current,
            older,
        } = Self::new(seed);
        let until = now.saturating_add((LIFETIME + LEEWAY) * SECOND);
        self.older.retain(|(_, until)| now < *until);
        self.older.push((std::mem::replace(&mut self.current, current), until));
        self.older.extend(older);
        self.signing = signing;
        until
    }

    /// Id of the key that signs: 32 hexadecimal digits.
    pub fn current(&self) -> &str {
        &self.current.id
    }

    /// The key that a header names. Headers are compared and not read, so that nothing in one can choose an algorithm,
    /// bring a key along, or ask for what is not understood.
    fn find(&self, header: &str, now: Micros) -> Result<&VerifyingKey, Reason> {
        if self.current.header == header {
            return Ok(&self.current.key);
        }
        let (found, until) = self
            .older
            .iter()
            .find(|(key, _)| key.header == header)
            .ok_or(Reason::Header)?;
        if now < *until {
            Ok(&found.key)
        } else {
            Err(Reason::Retired)
        }
    }
}

/// A text is not an access token that holds. Callers learn no more; the log may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct Refused(Reason);

impl Refused {
    /// Why, for the log.
    pub fn reason(self) -> Reason {
        self.0
    }
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Longer than [`LENGTH`].
    #[error("it is too long")]
    Length,
    /// Not three parts in unpadded canonical base64url.
    #[error("it is not written like a token")]
    Form,
    /// Another algorithm or type, a key that we do not have, or something beside them.
    #[error("its header is none of ours")]
    Header,
    /// The key no longer verifies.
    #[error("its key has retired")]
    Retired,
    /// Not signed by that key.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing, unknown, of another type, there twice, or written otherwise; or one is empty that may not be.
    #[error("its claims are none of ours")]
    Claims,
    /// Another `iss`.
    #[error("it was issued by another")]
    Issuer,
    /// Another `aud`.
    #[error("it is for another")]
    Audience,
    /// `exp` has come.
    #[error("it has expired")]
    Expired,
    /// `nbf` or `iat` is to come.
    #[error("it does not hold yet")]
    Early,
    /// More than [`LIFETIME`] from `iat` to `exp`, or less than nothing.
    #[error("its lifetime is wrong")]
    Lifetime,
}

/// The text of a token.
pub fn issue(keys: &Keys, claims: &Claims) -> String {
    let message = format!("{}.{}", keys.current.header, BASE64.encode(claims.text()));
    let signature = BASE64.encode(keys.signing.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

/// What a token says, if it holds now.
pub fn verify(keys: &Keys, text: &str, expected: Expected<'_>, now: Micros) -> Result<Claims, Refused> {
    let claims = signed(keys, text, now).map_err(Refused)?;
    check(&claims, expected, now.div_euclid(SECOND)).map_err(Refused)?;
    Ok(claims)
}

/// The claims that one of our keys signed.
fn signed(keys: &Keys, text: &str, now: Micros) -> Result<Claims, Reason> {
    if text.len() > LENGTH {
        return Err(Reason::Length);
    }
    let (message, signature) = text.rsplit_once('.').ok_or(Reason::Form)?;
    let (header, payload) = message.split_once('.').ok_or(Reason::Form)?;
    let key = keys.find(header, now)?;
    let signature = BASE64.decode(signature).map_err(|_| Reason::Form)?;
    let signature = Signature::from_slice(&signature).map_err(|_| Reason::Form)?;
    let payload = BASE64.decode(payload).map_err(|_| Reason::Form)?;
    key.verify_strict(message.as_bytes(), &signature)
        .map_err(|_| Reason::Signature)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Reason::Claims)?;
    // serde also takes the list of the values, white space, and escapes.
    let own = claims.text().as_bytes() == payload;
    let named = ![&claims.sub, &claims.jti, &claims.sid]
        .iter()
        .any(|text| text.is_empty());
    if own && named { Ok(claims) } else { Err(Reason::Claims) }
}

fn check(claims: &Claims, expected: Expected<'_>, now: i64) -> Result<(), Reason> {
    let life = claims.exp.saturating_sub(claims.iat);
    let soon = now.saturating_add(LEEWAY);
    let wrong = [
        (claims.iss != expected.issuer, Reason::Issuer),
        (claims.aud != expected.audience, Reason::Audience),
        (claims.exp <= now, Reason::Expired),
        (claims.nbf > soon || claims.iat > soon, Reason::Early),
        (!(1..=LIFETIME).contains(&life), Reason::Lifetime),
    ];
    let first = wrong.into_iter().find(|(wrong, _)| *wrong);
    first.map_or(Ok(()), |(_, reason)| Err(reason))
}

#[cfg(test)]
mod tests;
