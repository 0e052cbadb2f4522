//! fleetd as the certificate authority of its devices. From a signing request a public key is taken ([`request`]); all
//! else in a certificate fleetd writes ([`Authority::issue`]); what a device shows later is read by [`presented`].
//! Nothing here knows who may have a certificate: that is decided before.

mod csr;
mod der;
mod keys;
#[cfg(test)]
mod tests;

pub use csr::{LIMIT, Request, request};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::domain::tokens::hex;

/// Common name of the authority.
const NAME: &str = "fleetd device CA";
const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60 * SECOND;
/// How long an authority made here is valid: ten years with their leap days, in microseconds.
const AUTHORITY_LIFETIME: i64 = 3_652 * DAY;
/// Certificates begin before they are issued, because clocks of devices lag. Microseconds.
const BACKDATED: i64 = 5 * 60 * SECOND;

/// Why a signing request or a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text of the request has more than [`LIMIT`] bytes.
    #[error("it is larger than 16 KiB")]
    TooLarge,
    /// No PEM block, or one with something around or wrong within it.
    #[error("it is not PEM text")]
    Pem,
    /// More than one PEM block.
    #[error("it holds more than one PEM block")]
    Several,
    /// A PEM block of something else.
    #[error("its PEM label is not CERTIFICATE REQUEST")]
    Label,
    /// Not DER, not canonical, nested too deeply, or with bytes left over.
    #[error("its content is not canonical DER")]
    Der,
    /// DER, but of something else.
    #[error("its content is not a PKCS#10 request of version 1")]
    Shape,
    /// The parts that are ignored are too large to be bearable.
    #[error("its subject or its attributes are too large")]
    Excess,
    /// An algorithm, a curve or parameters that are not accepted.
    #[error("its kind of key is not accepted; use ECDSA P-256 or P-384, Ed25519, or RSA")]
    KeyKind,
    /// RSA below 3,072 or above 8,192 bits.
    #[error("its RSA key has less than 3072 or more than 8192 bits")]
    KeySize,
    /// A point not on its curve, compressed or of small order; an even modulus; an exponent out of bounds.
    #[error("its key is not sound")]
    KeyUnsound,
    /// A digest or padding that is not accepted, or one for another kind of key.
    #[error("its signature algorithm is not accepted; use SHA-256, SHA-384 or SHA-512 with the key's own algorithm")]
    SignatureKind,
    /// The signature is not one of this text by this key.
    #[error("its signature does not prove possession of the key")]
    Signature,
    /// Not a certificate that [`Authority::issue`] writes.
    #[error("it is not a certificate of a device")]
    Stranger,
}

/// Why the authority cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Certificate and key cannot be read, are of another kind, or of two pairs.
    #[error("the certificate and the key of the device authority are damaged or do not belong together")]
    Pair,
    /// It ends before a certificate could begin to be useful.
    #[error("the certificate of the device authority has expired")]
    Expired,
    /// A lifetime that is not positive, or a time outside the years 1970 to 9999.
    #[error("a certificate cannot be valid for this time")]
    Time,
    /// The cryptographic library failed.
    #[error("the certificate cannot be written")]
    Write(#[from] rcgen::Error),
}

/// For whom a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The device's organization.
    pub org_uid: Uuid,
    /// The device.
    pub device_uid: Uuid,
}

impl Subject {
    fn uri(&self) -> String {
        format!("urn:fleetd:org:{}:device:{}", self.org_uid, self.device_uid)
    }

    fn from_uri(uri: &str) -> Option<Self> {
        let (org, device) = uri.strip_prefix("urn:fleetd:org:")?.split_once(":device:")?;
        let subject = Self {
            org_uid: org.parse().ok()?,
            device_uid: device.parse().ok()?,
        };
        // The parser takes other spellings of an id, too; only one of them is ours.
        (subject.uri() == uri).then_some(subject)
    }
}

/// A certificate just written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate alone, PEM; its chain is [`Authority::chain_pem`].
    pub pem: String,
    /// Serial number, 32 hexadecimal digits.
    pub serial_hex: String,
    /// Begin of validity, microseconds since 1970, whole seconds.
    pub not_before: i64,
    /// Last moment of validity, microseconds since 1970, whole seconds.
    pub not_after: i64,
    /// [`Request::key_id`] of its key.
    pub key_id: String,
}

/// What a device's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The device's organization.
    pub org_uid: Uuid,
    /// The device.
    pub device_uid: Uuid,
    /// [`Issued::serial_hex`].
    pub serial_hex: String,
    /// [`Issued::key_id`].
    pub key_id: String,
    /// [`Issued::not_after`].
    pub not_after: i64,
}

/// The certificate authority of the devices: a P-256 key and its self-signed certificate.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    not_after: i64,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.key_id())
    }
}

impl Authority {
    /// Makes a new one at `now`, microseconds since 1970, for ten years.
    pub fn make(now: i64) -> Result<Self, Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let not_after = now.checked_add(AUTHORITY_LIFETIME).ok_or(Error::Time)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let not_after = set_validity(&mut params, now, not_after)?.1;
        Ok(Self {
            pem: params.self_signed(&key)?.pem(),
            issuer: Issuer::new(params, key),
            not_after,
        })
    }

    /// Loads what [`Self::chain_pem`] and [`Self::key_pem`] gave.
    pub fn load(chain_pem: &str, key_pem: &str) -> Result<Self, Error> {
        let der = csr::block(chain_pem, &["CERTIFICATE"]).map_err(|_| Error::Pair)?;
        let key = KeyPair::from_pem(key_pem).map_err(|_| Error::Pair)?;
        let (rest, certificate) = X509Certificate::from_der(&der).map_err(|_| Error::Pair)?;
        let may_sign = certificate
            .key_usage()
            .ok()
            .flatten()
            .is_some_and(|usage| usage.value.key_cert_sign());
        let sound = rest.is_empty()
            && certificate.is_ca()
            && may_sign
            && key.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256)
            && certificate.public_key().raw == key.subject_public_key_info()
            && certificate.verify_signature(None).is_ok();
        if !sound {
            return Err(Error::Pair);
        }
        let not_after = certificate.validity().not_after.timestamp();
        Ok(Self {
            not_after: not_after.checked_mul(SECOND).ok_or(Error::Pair)?,
            issuer: Issuer::from_ca_cert_der(&der.as_slice().into(), key).map_err(|_| Error::Pair)?,
            pem: chain_pem.to_owned(),
        })
    }

    /// Its certificate, PEM: what devices and the TLS layer trust.
    pub fn chain_pem(&self) -> &str {
        &self.pem
    }

    /// Its private key, PKCS#8 PEM. To be sealed before it is stored.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// SHA-256 of its SubjectPublicKeyInfo, hexadecimal.
    pub fn key_id(&self) -> String {
        fingerprint(&self.issuer.key().subject_public_key_info())
    }

    /// Last moment of its validity, microseconds since 1970. No certificate that it issues is valid for longer.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Writes a certificate for the key of `request`, valid from five minutes before `now` until `lifetime` after it
    /// (both microseconds) or the end of the authority. `serial` is 16 random bytes, of which 126 bits are used.
    pub fn issue(
        &self,
        request: &Request,
        subject: Subject,
        now: i64,
        lifetime: i64,
        mut serial: [u8; 16],
    ) -> Result<Issued, Error> {
        if now >= self.not_after {
            return Err(Error::Expired);
        }
        let not_after = now.checked_add(lifetime).ok_or(Error::Time)?.min(self.not_after);
        // Positive and always of full length, so that a serial number has one spelling everywhere.
        serial[0] = serial[0] & 0x3f | 0x40;

        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = named(&subject.device_uid.to_string());
        params.subject_alt_names = vec![SanType::URI(subject.uri().try_into()?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let (not_before, not_after) = set_validity(&mut params, now, not_after)?;
        Ok(Issued {
            pem: params.signed_by(request, &self.issuer)?.pem(),
            serial_hex: hex(&serial),
            not_before,
            not_after,
            key_id: request.key_id().to_owned(),
        })
    }
}

/// The last moment of any certificate, DER; none: it cannot be read.
pub fn ends(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    certificate.validity().not_after.timestamp().checked_mul(SECOND)
}

/// Reads a certificate of a device, DER. Chain, validity and purpose are the TLS layer's to verify, and whether the
/// serial number is revoked is the caller's.
pub fn presented(der: &[u8]) -> Result<Presented, Refusal> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| Refusal::Stranger)?;
    if !rest.is_empty() {
        return Err(Refusal::Stranger);
    }
    read(&certificate).ok_or(Refusal::Stranger)
}

fn read(certificate: &X509Certificate<'_>) -> Option<Presented> {
    let names = certificate.subject_alternative_name().ok()??;
    let [GeneralName::URI(uri)] = names.value.general_names[..] else {
        return None;
    };
    let subject = Subject::from_uri(uri)?;
    let mut common_names = certificate.subject().iter_common_name();
    let common_name = common_names.next()?.as_str().ok()?;
    let serial = certificate.raw_serial();
    let own = common_name == subject.device_uid.to_string()
        && common_names.next().is_none()
        && !certificate.basic_constraints().ok()??.value.ca
        && serial.len() == 16;
    own.then_some(())?;
    Some(Presented {
        org_uid: subject.org_uid,
        device_uid: subject.device_uid,
        serial_hex: hex(serial),
        key_id: fingerprint(certificate.public_key().raw),
        not_after: certificate.validity().not_after.timestamp().checked_mul(SECOND)?,
    })
}

fn fingerprint(spki: &[u8]) -> String {
    hex(&Sha256::digest(spki))
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Sets begin and end, and gives both as they stand in the certificate: it knows no parts of a second.
fn set_validity(params: &mut CertificateParams, now: i64, not_after: i64) -> Result<(i64, i64), Error> {
    if now < 0 || not_after <= now {
        return Err(Error::Time);
    }
    let begin = now.saturating_sub(BACKDATED).max(0) / SECOND;
    let end = not_after / SECOND;
    params.not_before = OffsetDateTime::from_unix_timestamp(begin).map_err(|_| Error::Time)?;
    params.not_after = OffsetDateTime::from_unix_timestamp(end).map_err(|_| Error::Time)?;
    Ok((begin * SECOND, end * SECOND))
}
