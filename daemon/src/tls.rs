//! `fleetd tls init`: a certificate authority of a site's own, and the certificate that fleetd shows.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::domain::telemetry::Micros;

/// Years for which a new authority vouches.
const CA_YEARS: i32 = 10;
/// Days for which a certificate holds: more are refused by some clients.
const DAYS: i32 = 397;
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// Why there is no certificate. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or the directory.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// No name that a certificate can hold.
    #[error("--host {0} is neither a DNS name nor an IP address")]
    Host(String),
    /// The authority's key is elsewhere.
    #[error("{0} is here without its key ca.key: bring the key back, or make another authority with --dir DIR")]
    NoKey(PathBuf),
    /// The authority does not vouch.
    #[error(
        "the authority in {0} cannot be used: {1}; move ca.crt and ca.key away to make another, or choose --dir DIR"
    )]
    Authority(PathBuf, String),
    /// Cryptography failed.
    #[error("no certificate could be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// What was made, and what was there.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where it lies: `ca.crt`, `ca.key`, `server.crt`, `server.key`.
    pub dir: PathBuf,
    /// The authority was there already.
    pub ca_kept: bool,
    /// Names and addresses of the certificate.
    pub names: Vec<String>,
    /// Its last day.
    pub until: Date,
}

/// Makes a certificate for this machine and `hosts` in `dir`, by the authority that is there, or a new one. Each file
/// is whole or not there.
pub fn init(dir: &Path, hosts: &[String], now: Micros) -> Result<Made, Error> {
    std::fs::create_dir_all(dir).map_err(|error| Error::File(dir.to_owned(), error))?;
    let names = names(hosts)?;
    // A day for clocks that are behind.
    let today = jiff::Timestamp::from_microsecond(now)
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date();
    let from = today.saturating_sub(1.day());

    let (ca, ca_kept) = authority(dir, from)?;
    let issuer_key = KeyPair::from_pem(&text(&dir.join("ca.key"))?);
    let unusable = |why: &str| Error::Authority(dir.to_owned(), why.to_owned());
    let ca_ends = last_day(&ca).ok_or_else(|| unusable("its certificate cannot be read"))?;
    if ca_ends <= today {
        return Err(unusable(&format!("it ended on {ca_ends}")));
    }
    let until = from.saturating_add(DAYS.days()).min(ca_ends);
    let issuer = issuer_key
        .and_then(|key| Issuer::from_ca_cert_pem(&ca, key))
        .map_err(|_| unusable("its key cannot be read"))?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.clone())?;
    params.distinguished_name.push(DnType::CommonName, "fleetd");
    hold(&mut params, from, until);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer)?;
    vouches(&ca, certificate.der(), now).map_err(|()| unusable("ca.key is not the key of ca.crt"))?;

    // A fleetd that looks between the two keeps what it has, and looks again.
    write(&dir.join("server.key"), &key.serialize_pem(), PRIVATE)?;
    write(&dir.join("server.crt"), &(certificate.pem() + &ca), PUBLIC)?;
    Ok(Made {
        dir: dir.to_owned(),
        ca_kept,
        names,
        until,
    })
}

/// The authority's certificate, and whether it was there.
fn authority(dir: &Path, from: Date) -> Result<(String, bool), Error> {
    let (certificate, private) = (dir.join("ca.crt"), dir.join("ca.key"));
    match (certificate.exists(), private.exists()) {
        (true, true) => return Ok((text(&certificate)?, true)),
        (true, false) => return Err(Error::NoKey(certificate)),
        // The key is written first: with it alone, the last attempt ended in between.
        (false, _) => {}
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    let name = format!("fleetd CA of {}", hostname().as_deref().unwrap_or("this machine"));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    hold(&mut params, from, from.saturating_add(CA_YEARS.years()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let made = params.self_signed(&key)?.pem();
    write(&private, &key.serialize_pem(), PRIVATE)?;
    write(&certificate, &made, PUBLIC)?;
    Ok((made, false))
}

/// The day on which a certificate ends.
fn last_day(certificate: &str) -> Option<Date> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).ok()?;
    let end = pem.parse_x509().ok()?.validity().not_after.timestamp();
    Some(jiff::Timestamp::from_second(end).ok()?.to_zoned(TimeZone::UTC).date())
}

/// Would a client that trusts `ca` believe the certificate?
fn vouches(ca: &str, certificate: &CertificateDer<'_>, now: Micros) -> Result<(), ()> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).map_err(|_| ())?;
    roots.add(ca).map_err(|_| ())?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(aws_lc_rs::default_provider()))
            .build()
            .map_err(|_| ())?;
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_micros(now.unsigned_abs()));
    let local = ServerName::try_from("localhost").map_err(|_| ())?;
    verifier
        .verify_server_cert(certificate, &[], &local, &[], now)
        .map(|_| ())
        .map_err(|_| ())
}

/// This machine, as itself and by its name, then what was asked for; each once.
fn names(hosts: &[String]) -> Result<Vec<String>, Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(hostname().filter(|name| is_name(name)));
    for host in hosts {
        if !is_name(host) {
            return Err(Error::Host(host.clone()));
        }
        names.push(host.clone());
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

fn is_name(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || ServerName::try_from(host.strip_prefix("*.").unwrap_or(host)).is_ok()
}

fn hostname() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}

fn hold(params: &mut CertificateParams, from: Date, until: Date) {
    let midnight = |date: Date| rcgen::date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8);
    params.not_before = midnight(from);
    params.not_after = midnight(until);
}

fn text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File(path.to_owned(), error))
}

/// Readers see the old file or the new one, never half of it, and never a key that others may read.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let failed = |error| Error::File(path.to_owned(), error);
    let dir = path.parent().ok_or_else(|| failed(ErrorKind::NotADirectory.into()))?;
    let mut draft = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    draft.write_all(text.as_bytes()).map_err(failed)?;
    draft
        .as_file()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(failed)?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_770_000_000_000_000;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_authority_is_made_once_and_vouches_for_what_it_makes() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("tls");
        let made = init(&dir, &["fleet.example".into(), "192.0.2.7".into()], NOW).unwrap();
        assert!(!made.ca_kept);
        assert_eq!(made.until.to_string(), "2027-03-05");
        for name in ["localhost", "127.0.0.1", "::1", "fleet.example", "192.0.2.7"] {
            assert!(made.names.iter().any(|one| one == name), "{name}: {:?}", made.names);
        }
        for (name, wanted) in [
            ("ca.crt", 0o644),
            ("ca.key", 0o600),
            ("server.crt", 0o644),
            ("server.key", 0o600),
        ] {
            assert_eq!(mode(&dir.join(name)), wanted, "{name}");
        }
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 4, "no draft is left");

        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        let (ca, before) = (read("ca.crt"), read("server.crt"));
        assert!(before.ends_with(&ca), "the chain is whole");
        assert!(init(&dir, &[], NOW).unwrap().ca_kept);
        assert_eq!(read("ca.crt"), ca);
        assert_ne!(read("server.crt"), before, "the certificate is a new one");
    }

    #[test]
    fn what_cannot_be_made_says_why() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path();
        for host in ["", "a b", "-x.example", "https://fleet.example"] {
            assert!(matches!(init(dir, &[host.into()], NOW), Err(Error::Host(_))), "{host}");
        }
        init(dir, &[], NOW).unwrap();
        let ended = init(dir, &[], NOW + 11 * 366 * 86_400 * 1_000_000).unwrap_err();
        assert!(ended.to_string().contains("it ended on 2036-02-01"), "{ended}");

        let other = KeyPair::generate().unwrap().serialize_pem();
        write(&dir.join("ca.key"), &other, PRIVATE).unwrap();
        let foreign = init(dir, &[], NOW).unwrap_err();
        assert!(foreign.to_string().contains("not the key of ca.crt"), "{foreign}");

        std::fs::remove_file(dir.join("ca.key")).unwrap();
        let lost = init(dir, &[], NOW).unwrap_err();
        assert!(lost.to_string().contains("bring the key back"), "{lost}");
    }
}
