//! Signing requests (PKCS#10, RFC 2986) as PEM. A public key is all that is taken from one, and only after the
//! request's signature has shown that its sender holds the private half. Subject, names and wished-for extensions are
//! not read at all: they are checked to be DER of a bearable size, and left.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{PublicKeyData, SignatureAlgorithm};

use super::der::{self, BIT_STRING, Reader, SEQUENCE};
use super::keys::Key;
use super::{Refusal, fingerprint};

/// Bytes of a request's text.
pub const LIMIT: usize = 16 * 1024;
/// Bytes of the subject. Nobody reads it, but an honest one is far smaller.
const SUBJECT: usize = 4 * 1024;
/// Bytes of all attributes.
const ATTRIBUTES: usize = 8 * 1024;
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
const VERSION_1: [u8; 3] = [2, 1, 0];
/// The tag of the attributes: context-specific, constructed, 0.
const ATTRIBUTES_TAG: u8 = 0xa0;

/// A public key whose holder has proved to hold the private half. [`request`] alone makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    spki: Vec<u8>,
    key: Vec<u8>,
    identifier: &'static SignatureAlgorithm,
    algorithm: String,
    key_id: String,
}

impl Request {
    /// The key as SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`Self::spki`], hexadecimal: under it a key is known.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Kind of key: `ecdsa-p256`, `ecdsa-p384`, `ed25519`, or `rsa-` and the bits.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }
}

impl PublicKeyData for Request {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.identifier
    }
}

/// Reads a signing request of at most [`LIMIT`] bytes and verifies its proof of possession.
pub fn request(text: &str) -> Result<Request, Refusal> {
    if text.len() > LIMIT {
        return Err(Refusal::TooLarge);
    }
    let bytes = block(text, &LABELS)?;
    let whole = der::only(&bytes, SEQUENCE).ok_or(Refusal::Der)?;
    if !der::is_canonical(&bytes) {
        return Err(Refusal::Der);
    }
    let mut reader = Reader::new(whole.content);
    let info = reader.take(SEQUENCE).ok_or(Refusal::Shape)?;
    let algorithm = reader.take(SEQUENCE).ok_or(Refusal::Shape)?;
    let proof = reader.take(BIT_STRING).ok_or(Refusal::Shape)?;
    if !reader.is_done() {
        return Err(Refusal::Shape);
    }
    let spki = spki(info.content)?;
    let key = Key::read(spki.content)?;
    let proof = der::bits(&proof).ok_or(Refusal::Signature)?;
    key.verify(algorithm.content, info.whole, proof)?;
    Ok(Request {
        spki: spki.whole.to_vec(),
        key: key.bytes.to_vec(),
        identifier: key.identifier(),
        algorithm: key.name(),
        key_id: fingerprint(spki.whole),
    })
}

/// The SubjectPublicKeyInfo in the content of a CertificationRequestInfo.
fn spki(info: &[u8]) -> Result<der::Element<'_>, Refusal> {
    let mut reader = Reader::new(info);
    let version = reader.any().ok_or(Refusal::Shape)?;
    let subject = reader.take(SEQUENCE).ok_or(Refusal::Shape)?;
    let spki = reader.take(SEQUENCE).ok_or(Refusal::Shape)?;
    // The standard wants the attributes even when there are none; some libraries leave them out then.
    let attributes = if reader.is_done() {
        0
    } else {
        reader.take(ATTRIBUTES_TAG).ok_or(Refusal::Shape)?.whole.len()
    };
    if version.whole != VERSION_1 || !reader.is_done() {
        return Err(Refusal::Shape);
    }
    if subject.whole.len() > SUBJECT || attributes > ATTRIBUTES {
        return Err(Refusal::Excess);
    }
    Ok(spki)
}

/// The bytes of a text that is one PEM block with one of these labels and white space around it (RFC 7468, strict).
pub(super) fn block(text: &str, labels: &[&str]) -> Result<Vec<u8>, Refusal> {
    if text.matches("-----BEGIN ").count() > 1 {
        return Err(Refusal::Several);
    }
    let rest = text.trim_ascii().strip_prefix("-----BEGIN ").ok_or(Refusal::Pem)?;
    let (label, rest) = rest.split_once("-----").ok_or(Refusal::Pem)?;
    if !labels.contains(&label) {
        return Err(Refusal::Label);
    }
    let end = format!("-----END {label}-----");
    let body = rest.strip_suffix(&end).ok_or(Refusal::Pem)?;
    if !(body.starts_with('\n') || body.starts_with("\r\n")) || !body.ends_with('\n') {
        return Err(Refusal::Pem);
    }
    let digits: String = body.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(digits).map_err(|_| Refusal::Pem)
}
