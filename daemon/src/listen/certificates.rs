//! The certificate that listeners show, and those that peers show them. The own one is read anew when its files change, so that a renewal needs no restart.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::Speaks;

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// There is no certificate in the file.
    #[error("{0} holds no certificate in PEM; `fleetd tls init` makes one")]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{0} holds no private key in PEM; `fleetd tls init` makes one")]
    NoKey(PathBuf),
    /// The authority of peers cannot be used.
    #[error("the certificate of the device authority cannot be used: {0}")]
    Clients(String),
    /// Certificate and key do not go together, or are of a kind that is not known.
    #[error("the key in {1} does not belong to the certificate in {0}, or they are of a kind that is not known")]
    Mismatch(PathBuf, PathBuf),
}

/// Who vouches for peers that show a certificate. None must; one that shows another is not spoken to.
#[derive(Clone, Debug)]
pub struct Clients(Arc<dyn ClientCertVerifier>);

impl Clients {
    /// Trusts one authority, PEM.
    pub fn of(authority: &str) -> Result<Self, Unusable> {
        let unusable = |error: &dyn std::fmt::Display| Unusable::Clients(error.to_string());
        let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(|error| unusable(&error))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(|error| unusable(&error))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self(verifier))
    }
}

/// What tells a file from the one that stood there before: number, modification time, size.
type Stamp = [Option<(u64, i64, i64, u64)>; 2];

struct Held {
    shown: Arc<CertifiedKey>,
    stamp: Stamp,
}

/// A certificate with its chain and key, in two PEM files.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    held: Mutex<Held>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads them for the first time.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, Unusable> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let stamp = stamp(certificate, key);
        let shown = read(certificate, key, &provider)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider,
            held: Mutex::new(Held { shown, stamp }),
        }))
    }

    pub(super) fn acceptor(self: &Arc<Self>, speaks: Speaks, clients: Option<&Clients>) -> TlsAcceptor {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .unwrap_or_else(|error| unreachable!("the provider knows both versions: {error}"));
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(Clients(verifier)) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = speaks.alpn();
        TlsAcceptor::from(Arc::new(config))
    }

    /// The certificate that is shown to the next peer, DER.
    pub fn leaf(&self) -> Vec<u8> {
        self.current()
            .cert
            .first()
            .map(|leaf| leaf.to_vec())
            .unwrap_or_default()
    }

    /// What is shown to the next peer. Files that cannot be used leave what was there, and are told once.
    fn current(&self) -> Arc<CertifiedKey> {
        let stamp = stamp(&self.certificate, &self.key);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.stamp != stamp {
            held.stamp = stamp;
            match read(&self.certificate, &self.key, &self.provider) {
                Ok(shown) => {
                    held.shown = shown;
                    tracing::info!(certificate = %self.certificate.display(), "the certificate was read anew");
                }
                Err(error) => {
                    tracing::warn!(%error, "the new certificate cannot be used; the one before is still shown");
                }
            }
        }
        Arc::clone(&held.shown)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    })
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Unusable> {
    let bytes = |path: &Path| std::fs::read(path).map_err(|error| Unusable::File(path.to_owned(), error));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes(certificate)?)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if chain.is_empty() {
        return Err(Unusable::NoCertificate(certificate.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|_| Unusable::NoKey(key.to_owned()))?;
    CertifiedKey::from_der(chain, private, provider)
        .map(Arc::new)
        .map_err(|_: rustls::Error| Unusable::Mismatch(certificate.to_owned(), key.to_owned()))
}
