//! Tokens: `flt_<kind>_<id>_<secret>_<crc>`. The secret is 256 random bits; only the SHA-256 of the whole is stored.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::hidden::Hidden;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A device provisions itself with it.
    Claim,
    /// A device authenticates with it.
    Device,
    /// A program calls with it.
    Api,
    /// A session is renewed with it.
    Refresh,
    /// Somebody chooses a password with it.
    Code,
    /// The first administrator is made with it.
    Setup,
}

impl TokenKind {
    const ALL: [Self; 6] = [
        Self::Claim,
        Self::Device,
        Self::Api,
        Self::Refresh,
        Self::Code,
        Self::Setup,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Device => "dev",
            Self::Api => "api",
            Self::Refresh => "refresh",
            Self::Code => "code",
            Self::Setup => "setup",
        }
    }
}

/// A new token: its id, its text, and the hash to store.
#[derive(Debug)]
pub struct Fresh {
    /// Under which it is found.
    pub id: String,
    /// Shown once.
    pub text: Hidden,
    /// Stored.
    pub hash: String,
}

/// Makes a token from 48 random bytes.
pub fn make(kind: TokenKind, random: [u8; 48]) -> Fresh {
    let (id, secret) = (hex(&random[..16]), hex(&random[16..]));
    let body = format!("flt_{}_{id}_{secret}", kind.text());
    let text = format!("{body}_{:08x}", crc32fast::hash(body.as_bytes()));
    Fresh {
        id,
        hash: hash(&text),
        text: text.into(),
    }
}

/// The id of a token of this kind, if the text is one: the checksum spares a look-up for mistyped ones.
pub fn id(kind: TokenKind, text: &str) -> Option<&str> {
    let (body, crc) = text.rsplit_once('_')?;
    let mut parts = body.strip_prefix("flt_")?.split('_');
    let (found, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let sound = found == kind.text() && parts.next().is_none() && id.len() == 32 && secret.len() == 64;
    (sound && format!("{:08x}", crc32fast::hash(body.as_bytes())) == crc).then_some(id)
}

/// Where in a text the first token of any kind is.
fn find(text: &str) -> Option<Range<usize>> {
    text.match_indices("flt_").find_map(|(at, _)| {
        TokenKind::ALL.into_iter().find_map(|kind| {
            // flt_KIND_ID_SECRET_CRC, whatever stands around it.
            let end = at + 4 + kind.text().len() + 1 + 32 + 1 + 64 + 1 + 8;
            id(kind, text.get(at..end)?).map(|_| at..end)
        })
    })
}

/// Does a text hold a token of any kind?
pub fn is_within(text: &str) -> bool {
    find(text).is_some()
}

/// A text with a mark in place of each token.
pub fn masked(mut text: &str) -> String {
    let mut masked = String::new();
    while let Some(token) = find(text) {
        masked.push_str(&text[..token.start]);
        masked.push_str("flt_…");
        text = &text[token.end..];
    }
    masked + text
}

/// The hash that is stored, hexadecimal.
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Compares a presented token with a stored hash in constant time.
pub fn matches(text: &str, stored: &str) -> bool {
    hash(text).as_bytes().ct_eq(stored.as_bytes()).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)] as char, DIGITS[usize::from(b & 15)] as char])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_id_and_no_other_text_is_one() {
        let token = make(TokenKind::Claim, [7; 48]);
        assert_eq!(id(TokenKind::Claim, &token.text), Some(token.id.as_str()));
        assert!(matches(&token.text, &token.hash));
        assert_eq!(id(TokenKind::Device, &token.text), None);
        for at in 0..token.text.len() {
            let mut wrong = token.text.reveal().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(id(TokenKind::Claim, &wrong), None, "{wrong}");
            assert!(!matches(&wrong, &token.hash));
        }
        assert!(is_within(&format!("try `{}`, please", &*token.text)));
        assert!(!is_within("flt_claim_1_2_3 is none, nor is flt_"));
    }
}
