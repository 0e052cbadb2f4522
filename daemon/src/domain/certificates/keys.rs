//! Public keys of devices: which are accepted, and by which signatures one proves that it holds the other half.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use rcgen::SignatureAlgorithm;

use super::Refusal;
use super::der::{self, BIT_STRING, INTEGER, Reader, SEQUENCE};

// Contents of AlgorithmIdentifiers, parameters included: RFC 5480 for the curves, RFC 8410 for Ed25519, RFC 3279 for
// RSA. Compared as bytes, so that parameters other than these are other keys.
const P256: &[u8] = &[
    6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];
const P384: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 1, 5, 0];

// The same of signatures: RFC 5758 for ECDSA, RFC 4055 for RSA. SHA-1 and MD5 have no line here.
const ECDSA_SHA256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA384: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_SHA512: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const RSA_SHA256: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xb, 5, 0];
const RSA_SHA384: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xc, 5, 0];
const RSA_SHA512: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xd, 5, 0];

/// Bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 3072..=8192;
/// Public exponents of RSA: smaller ones invite attacks on paddings, larger ones make the check expensive.
const RSA_EXPONENTS: std::ops::Range<u64> = 65_537..1 << 33;

/// The y coordinates, little-endian and without the sign of x, of the eight points of Ed25519 whose order divides
/// eight: zero (order 4), one (the identity), minus one (order 2), and two of order 8. With such a key a signature
/// proves nothing: for the identity one signature fits every text.
pub(super) const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    y(1, 0),
    y(0xec, 0xff),
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

const fn y(first: u8, others: u8) -> [u8; 32] {
    let mut bytes = [others; 32];
    bytes[0] = first;
    bytes[31] &= 0x7f;
    bytes
}

#[derive(Clone, Copy)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa { bits: usize },
}

/// A public key of an accepted kind and size.
pub(super) struct Key<'a> {
    kind: Kind,
    /// Content of the BIT STRING in the SubjectPublicKeyInfo.
    pub bytes: &'a [u8],
}

impl<'a> Key<'a> {
    /// Reads the content of a SubjectPublicKeyInfo.
    pub fn read(content: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(content);
        let algorithm = reader.take(SEQUENCE).ok_or(Refusal::Shape)?.content;
        let key = reader.take(BIT_STRING).ok_or(Refusal::Shape)?;
        if !reader.is_done() {
            return Err(Refusal::Shape);
        }
        let bytes = der::bits(&key).ok_or(Refusal::KeyUnsound)?;
        // The lengths are checked here because the library also takes compressed points and whole
        // SubjectPublicKeyInfos where a point is expected.
        let kind = match algorithm {
            P256 if is_uncompressed(bytes, 32) => Kind::P256,
            P384 if is_uncompressed(bytes, 48) => Kind::P384,
            ED25519 if is_sound_ed25519(bytes) => Kind::Ed25519,
            RSA => Kind::Rsa { bits: rsa_bits(bytes)? },
            P256 | P384 | ED25519 => return Err(Refusal::KeyUnsound),
            _ => return Err(Refusal::KeyKind),
        };
        Ok(Self { kind, bytes })
    }

    /// Its name, such as `ecdsa-p256` or `rsa-3072`.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::P256 => "ecdsa-p256".to_owned(),
            Kind::P384 => "ecdsa-p384".to_owned(),
            Kind::Ed25519 => "ed25519".to_owned(),
            Kind::Rsa { bits } => format!("rsa-{bits}"),
        }
    }

    /// What the certificate library writes into the SubjectPublicKeyInfo. The digests within do not show there.
    pub fn identifier(&self) -> &'static SignatureAlgorithm {
        match self.kind {
            Kind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Kind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Kind::Ed25519 => &rcgen::PKCS_ED25519,
            Kind::Rsa { .. } => &rcgen::PKCS_RSA_SHA256,
        }
    }

    /// Checks that `proof` is this key's signature of `text`; `algorithm` is the content of its AlgorithmIdentifier.
    pub fn verify(&self, algorithm: &[u8], text: &[u8], proof: &[u8]) -> Result<(), Refusal> {
        let verifier = self.verifier(algorithm).ok_or(Refusal::SignatureKind)?;
        let key = ParsedPublicKey::new(verifier, self.bytes).map_err(|_| Refusal::KeyUnsound)?;
        key.verify_sig(text, proof).map_err(|_| Refusal::Signature)
    }

    fn verifier(&self, algorithm: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self.kind, algorithm) {
            (Kind::P256, ECDSA_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, ECDSA_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
            (Kind::P256, ECDSA_SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
            (Kind::P384, ECDSA_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, ECDSA_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Kind::P384, ECDSA_SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
            (Kind::Ed25519, ED25519) => &signature::ED25519,
            (Kind::Rsa { .. }, RSA_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa { .. }, RSA_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa { .. }, RSA_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        })
    }
}

fn is_uncompressed(point: &[u8], coordinate: usize) -> bool {
    point.len() == 1 + 2 * coordinate && point[0] == 4
}

fn is_sound_ed25519(point: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(point) else {
        return false;
    };
    y[31] &= 0x7f;
    // Not below the prime 2^255 - 19: a second spelling of a small y.
    let wrapped = y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xed;
    !wrapped && !SMALL_ORDER.contains(&y)
}

fn rsa_bits(bytes: &[u8]) -> Result<usize, Refusal> {
    let key = der::only(bytes, SEQUENCE).ok_or(Refusal::KeyUnsound)?;
    let mut reader = Reader::new(key.content);
    let mut number = || der::positive(&reader.take(INTEGER)?);
    let (Some(modulus), Some(exponent)) = (number(), number()) else {
        return Err(Refusal::KeyUnsound);
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    // Nine bytes and more stand for «too large»: none of the digits is a zero in front.
    let size = exponent
        .iter()
        .take(9)
        .fold(0_u128, |size, byte| size << 8 | u128::from(*byte));
    let sound_exponent = odd(exponent) && u64::try_from(size).is_ok_and(|size| RSA_EXPONENTS.contains(&size));
    if !reader.is_done() || !odd(modulus) || !sound_exponent {
        return Err(Refusal::KeyUnsound);
    }
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    if RSA_BITS.contains(&bits) {
        Ok(bits)
    } else {
        Err(Refusal::KeySize)
    }
}
