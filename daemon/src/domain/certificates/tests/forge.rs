//! Signing requests built piece by piece, so that one piece can be wrong while the signature is right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

/// One element of DER.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let header = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, content].concat()
}

/// A name with this common name.
pub fn name(common_name: &str) -> Vec<u8> {
    let pair = tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[common_name.as_bytes()])]);
    tlv(0x30, &[&tlv(0x31, &[&pair])])
}

/// A PEM block.
pub fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let lines: Vec<_> = digits.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A PEM block of a request.
pub fn csr(der: &[u8]) -> String {
    pem("CERTIFICATE REQUEST", der)
}

/// The bytes of a PEM block.
pub fn der(pem: &str) -> Vec<u8> {
    let digits: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(digits).unwrap()
}

/// The pieces of a request, each an element of DER.
#[derive(Clone)]
pub struct Forge {
    pub version: Vec<u8>,
    pub subject: Vec<u8>,
    pub spki: Vec<u8>,
    pub attributes: Vec<u8>,
    pub algorithm: Vec<u8>,
}

impl Forge {
    /// The pieces of an honest request.
    pub fn of(key: &KeyPair) -> Self {
        let algorithm: &[u8] = match key.algorithm() {
            alg if alg == &rcgen::PKCS_ECDSA_P256_SHA256 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
            alg if alg == &rcgen::PKCS_ECDSA_P384_SHA384 => &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
            _ => &[6, 3, 0x2b, 0x65, 0x70],
        };
        Self {
            version: vec![2, 1, 0],
            subject: name("honest"),
            spki: key.subject_public_key_info(),
            attributes: vec![0xa0, 0],
            algorithm: tlv(0x30, &[algorithm]),
        }
    }

    /// With another key, given as the contents of its AlgorithmIdentifier and BIT STRING.
    pub fn with_key(&self, algorithm: &[u8], bits: &[u8]) -> Self {
        let spki = tlv(0x30, &[&tlv(0x30, &[algorithm]), &tlv(3, &[bits])]);
        Self { spki, ..self.clone() }
    }

    /// What is signed.
    pub fn info(&self) -> Vec<u8> {
        tlv(0x30, &[&self.version, &self.subject, &self.spki, &self.attributes])
    }

    /// The request with this as its signature, PEM.
    pub fn with_proof(&self, proof: &[u8]) -> String {
        csr(&tlv(0x30, &[&self.info(), &self.algorithm, &tlv(3, &[&[0], proof])]))
    }

    /// The request with a right signature, PEM.
    pub fn signed(&self, key: &KeyPair) -> String {
        self.with_proof(&key.sign(&self.info()).unwrap())
    }
}

/// Name, text and expectation of each of the samples that openssl made.
pub fn samples() -> Vec<(&'static str, &'static str, String)> {
    let mut samples: Vec<(&str, &str, String)> = Vec::new();
    for line in include_str!("samples.pem").lines() {
        match line.strip_prefix("# ").and_then(|title| title.split_once(' ')) {
            // The two lines on top are prose.
            Some((_, expected)) if expected.contains(' ') => {}
            Some((name, expected)) => samples.push((name, expected, String::new())),
            None => {
                let (_, _, text) = samples.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    samples
}

/// The samples that are accepted.
pub fn accepted() -> Vec<(&'static str, &'static str, String)> {
    let mut samples = samples();
    samples.retain(|(_, expected, _)| expected.starts_with(|first: char| first.is_lowercase()));
    samples
}
