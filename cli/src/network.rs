//! The connection to a fleetd on the network: TCP, and TLS unless it stays on this machine.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleet_proto::codes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tonic::transport::Uri;

use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long it may take to connect, handshake included.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is written after a wrong server.
pub(crate) const FORMS: &str = "write https://HOST:PORT, or unix:///path/to/fleetd.sock";

/// A fleetd on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// With TLS.
    pub secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Address {
    /// Reads `https://HOST:PORT`, or `http://HOST:PORT` where the host is this machine.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| Error::usage(format!("`{url}` is no server: {why}"), FORMS);
        let uri: Uri = url.parse().map_err(|_| wrong("it cannot be read"))?;
        let secure = uri.scheme_str() == Some("https");
        if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err(wrong("it has a path"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a credential does not belong there"));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port_said = authority.as_str() != authority.host();
        if host.is_empty() || (port_said && authority.port_u16().is_none()) {
            return Err(wrong("it has no host, or its port is no number up to 65535"));
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let address = Self { secure, host, port };
        if !secure && !address.is_here() {
            return Err(Error::usage(
                format!(
                    "`{url}` is plain text to another machine: whoever listens on the way would read and change it"
                ),
                format!("write https://{address}; `fleetd tls init` makes the certificate"),
            ));
        }
        Ok(address)
    }

    /// As a URL.
    pub fn url(&self) -> String {
        format!("{}://{self}", if self.secure { "https" } else { "http" })
    }

    fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

/// Bytes in both directions.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What is needed to dial an address, again and again.
#[derive(Clone)]
pub struct Dialler {
    address: Address,
    ca: Option<PathBuf>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    patience: Duration,
}

impl Dialler {
    /// Reads the CA, or the ones of the system.
    pub fn new(address: Address, ca: Option<&Path>, timeout: Duration) -> Result<Self> {
        let tls = if address.secure {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|_| Error::usage(format!("`{}` is no name of a host", address.host), FORMS))?;
            Some((connector(ca)?, name))
        } else {
            None
        };
        Ok(Self {
            address,
            ca: ca.map(Path::to_owned),
            tls,
            patience: timeout.min(PATIENCE),
        })
    }

    /// Connects; says what to do where it fails.
    pub async fn dial(&self) -> Result<Box<dyn Wire>> {
        match tokio::time::timeout(self.patience, self.connect()).await {
            Ok(done) => done,
            Err(_) => Err(self.unreachable(
                &format!("no answer within {} s", self.patience.as_secs_f32()),
                "see whether the port is the one of fleetd's --grpc-listen, and whether a firewall lets it through",
            )),
        }
    }

    /// Does HTTP/2 answer without TLS? The channel finds out only when a call fails, and cannot say why.
    pub async fn answers_plainly(&self) -> bool {
        // The client's preface with empty settings; what comes back first are the settings of the server.
        const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let asked = async {
            let mut stream = self.connect().await.ok()?;
            stream.write_all(HELLO).await.ok()?;
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.ok()?;
            Some(head[3] == 4)
        };
        matches!(tokio::time::timeout(self.patience, asked).await, Ok(Some(true)))
    }

    async fn connect(&self) -> Result<Box<dyn Wire>> {
        let Address { host, port, .. } = &self.address;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|_| {
            self.unreachable(
                "there is no host of this name",
                "look at the name, or give its IP address",
            )
        })?;
        // A name may lie: what is plain stays on this machine.
        let addresses: Vec<_> = found
            .filter(|address| self.tls.is_some() || address.ip().is_loopback())
            .collect();
        let stream = TcpStream::connect(&addresses[..])
            .await
            .map_err(|error| self.unreachable(&reason(&error), "start fleetd there with --grpc-listen ADDR, or look at host and port (`fleetctl server status` on that machine tells them)"))?;
        // Small messages go out at once; without it they merely go out later.
        let _ = stream.set_nodelay(true);
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let stream = connector
            .connect(name.clone(), stream)
            .await
            .map_err(|error| self.handshake(&error))?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(self.no_grpc());
        }
        Ok(Box::new(stream))
    }

    /// What listens is not fleetd's gRPC listener.
    pub fn no_grpc(&self) -> Error {
        let help = if self.address.secure {
            "give the port of fleetd's --grpc-listen"
        } else {
            "give the port of fleetd's --grpc-listen; where fleetd has a certificate, write https:// and give its CA with --ca"
        };
        let said = format!("what listens at {} does not speak as fleetd does", self.address);
        Error::new(Exit::Unavailable, codes::CONNECT, said, help)
    }

    fn unreachable(&self, why: &str, help: &str) -> Error {
        let said = format!("cannot reach fleetd at {}: {why}", self.address);
        Error::new(Exit::Unavailable, codes::CONNECT, said, help)
    }

    /// A repeat would fail again.
    fn refused(&self, why: &str, help: &str) -> Error {
        let said = format!("fleetd at {} is not trusted: {why}", self.address);
        Error::new(Exit::Failure, codes::CONNECT, said, help)
    }

    fn handshake(&self, error: &io::Error) -> Error {
        use CertificateError as Bad;
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::InvalidCertificate(bad)) => match bad {
                Bad::UnknownIssuer | Bad::BadSignature => match &self.ca {
                    None => self.refused(
                        "no authority that this machine knows has signed its certificate",
                        "give its CA with --ca FILE or FLEETCTL_CA: ca.crt, which `fleetd tls init` makes",
                    ),
                    Some(ca) => self.refused(
                        &format!("its certificate is not signed by the CA in {}", ca.display()),
                        "give the ca.crt that `fleetd tls init` made for this fleetd",
                    ),
                },
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => self.refused(
                    &format!("its certificate is not for `{}`{}", self.address.host, holders(bad)),
                    "name the host as the certificate does, or add the name on fleetd's machine: `fleetd tls init --host NAME`",
                ),
                Bad::Expired | Bad::ExpiredContext { .. } => self.refused(
                    "its certificate has expired",
                    "renew it on fleetd's machine with `fleetd tls init`, and look at the clock here",
                ),
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    self.refused("its certificate does not hold yet", "look at the clocks of both machines")
                }
                _ => self.refused(
                    "its certificate cannot be used",
                    "make one on fleetd's machine with `fleetd tls init`",
                ),
            },
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => self.no_grpc(),
            Some(rustls::Error::InvalidMessage(_)) => self.no_tls(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => self.no_tls(),
            None => self.unreachable(&reason(error), "see whether fleetd runs, and look at its log"),
            Some(_) => self.unreachable(
                "no TLS connection came about",
                "fleetd speaks TLS 1.2 and 1.3: look for what stands between, and at fleetd's log",
            ),
        }
    }

    fn no_tls(&self) -> Error {
        self.unreachable(
            "what listens there speaks no TLS",
            "give fleetd a certificate with --tls-cert and --tls-key; on its own machine, http:// reaches it without",
        )
    }
}

/// Whom a certificate is for, if that is known.
fn holders(bad: &CertificateError) -> String {
    let CertificateError::NotValidForNameContext { presented, .. } = bad else {
        return String::new();
    };
    // `DnsName("a.example")`, `IpAddress(192.0.2.1)`: the name is what stands between.
    let names: Vec<&str> = presented
        .iter()
        .map(|name| name.split_once('(').map_or(name.as_str(), |(_, name)| name))
        .map(|name| name.trim_matches(['"', ')']))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(", but for {}", names.join(", "))
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let text = std::fs::read(path).map_err(|error| {
                let said = format!("--ca {}: {}", path.display(), reason(&error));
                Error::new(
                    Exit::Usage,
                    codes::UNREADABLE,
                    said,
                    "give the ca.crt that `fleetd tls init` made",
                )
            })?;
            let (some, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).flatten());
            if some == 0 {
                return Err(Error::usage(
                    format!("--ca {}: there is no certificate in it", path.display()),
                    "give the ca.crt that `fleetd tls init` made, as it is (PEM)",
                ));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .unwrap_or_else(|error| unreachable!("the provider knows both versions: {error}"))
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The system's reason, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "no way leads there".to_owned(),
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_server() {
        for (url, secure, host, port) in [
            ("https://fleet.example:7081", true, "fleet.example", 7081),
            ("https://fleet.example/", true, "fleet.example", 443),
            ("https://[2001:db8::1]:7081", true, "2001:db8::1", 7081),
            ("http://127.0.0.1:7081", false, "127.0.0.1", 7081),
            ("http://localhost:7081", false, "localhost", 7081),
            ("http://[::1]:7081", false, "::1", 7081),
        ] {
            let host = host.to_owned();
            assert_eq!(Address::parse(url).unwrap(), Address { secure, host, port }, "{url}");
        }
        for (url, says) in [
            ("http://fleet.example:7081", "plain text to another machine"),
            ("http://192.0.2.1", "plain text to another machine"),
            ("https://fleet.example/api", "it has a path"),
            ("https://me:secret@fleet.example", "a credential does not belong there"),
            ("https://", "is no server"),
            ("https://fleet.example:99999", "its port"),
            ("https://a b", "is no server"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.exit, Exit::Usage, "{url}");
            assert!(error.text().contains(says), "{url}: {}", error.text());
        }
    }

    #[test]
    fn a_wrong_name_is_told_with_the_right_ones() {
        let bad = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("a.example").unwrap(),
            presented: vec!["DnsName(\"b.example\")".into(), "IpAddress(192.0.2.1)".into()],
        };
        assert_eq!(holders(&bad), ", but for b.example, 192.0.2.1");
    }
}
