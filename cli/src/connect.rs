//! The connection to fleetd: over its socket, or the network.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleet_proto::codes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::network::{Address, Dialler, FORMS};
use crate::token::Bearer;

/// Longest path of a Unix socket, bytes: the operating system's limit, one byte kept for the end mark.
const LONGEST_PATH: usize = 107;

/// A fleetd that is not heard of for this time during a call is asked, and given up after as much again.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// What every client speaks through: the connection, with the caller's token.
pub type Line = InterceptedService<Channel, Bearer>;

/// Where fleetd is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// On this machine.
    Socket(PathBuf),
    /// On the network.
    Network(Address),
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Network(address) if address.secure => write!(f, "https://{address}"),
            Self::Network(address) => write!(f, "http://{address}"),
        }
    }
}

/// What a server URL names, or the socket in fleetd's data directory.
pub fn server(said: Option<&str>) -> Result<Server> {
    match said {
        Some(url) => match url.strip_prefix("unix://") {
            Some(path) if !path.is_empty() => Ok(Server::Socket(PathBuf::from(path))),
            _ if url.starts_with("http://") || url.starts_with("https://") => Address::parse(url).map(Server::Network),
            _ if url.starts_with('/') => Err(Error::usage(
                format!("`{url}` is a path and no server"),
                format!("write unix://{url}"),
            )),
            _ => Err(Error::usage(format!("`{url}` is no server"), FORMS)),
        },
        None => Ok(Server::Socket(
            candidates()
                .into_iter()
                .find(|path| path.exists())
                .unwrap_or_else(|| candidates().swap_remove(0)),
        )),
    }
}

/// Where fleetd puts its socket, most specific first.
fn candidates() -> Vec<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let mut dirs: Vec<PathBuf> = set("FLEETD_DATA_DIR").into_iter().collect();
    if dirs.is_empty() {
        if rustix::process::geteuid().is_root() {
            dirs.push(PathBuf::from("/var/lib/fleetd"));
        }
        dirs.extend(
            set("XDG_DATA_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".local/share")))
                .map(|dir| dir.join("fleetd")),
        );
    }
    if dirs.is_empty() {
        dirs.push(PathBuf::from("/var/lib/fleetd"));
    }
    dirs.into_iter().map(|dir| dir.join("fleetd.sock")).collect()
}

/// Opens the connection; says what to do where it fails. `ca` holds for the network.
pub async fn open(server: &Server, ca: Option<&Path>, timeout: Duration) -> Result<Channel> {
    match server {
        Server::Socket(path) => open_socket(path).await,
        Server::Network(address) => open_network(address, ca, timeout).await,
    }
}

async fn open_network(address: &Address, ca: Option<&Path>, timeout: Duration) -> Result<Channel> {
    let dialler = Dialler::new(address.clone(), ca, timeout)?;
    // The channel's own error names neither address nor reason.
    let failed = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&failed);
    let again = dialler.clone();
    let connector = tower::service_fn(move |_: Uri| {
        let (dialler, slot) = (again.clone(), Arc::clone(&slot));
        async move {
            dialler.dial().await.map(TokioIo::new).map_err(|error| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                std::io::Error::other("not connected")
            })
        }
    });
    let lost = || {
        let reason = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        reason.unwrap_or_else(|| dialler.no_grpc())
    };
    let url = address.url();
    let (Ok(endpoint), Ok(origin)) = (Endpoint::from_shared(url.clone()), url.parse()) else {
        return Err(Error::usage(format!("`{url}` is no server"), FORMS));
    };
    let channel = endpoint
        .origin(origin)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .connect_with_connector(connector)
        .await
        .map_err(|_| lost())?;
    if !address.secure && !dialler.answers_plainly().await {
        return Err(dialler.no_grpc());
    }
    Ok(channel)
}

async fn open_socket(path: &Path) -> Result<Channel> {
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(Error::usage(
            format!(
                "{}: the path of a Unix socket may have {LONGEST_PATH} bytes, and this one has {}",
                path.display(),
                path.as_os_str().len()
            ),
            "give fleetd a shorter data directory, or place its socket elsewhere with `fleetd --socket PATH`",
        ));
    }
    // Tried once by itself, because the channel's own error names neither path nor reason.
    if let Err(error) = UnixStream::connect(path).await {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "start it with `fleetd --data-dir DIR`, or name its socket with --server unix:///DIR/fleetd.sock (DIR/run.json holds the path)"
            }
            std::io::ErrorKind::PermissionDenied => {
                "only fleetd's own user and root may use the socket: run fleetctl as one of them"
            }
            std::io::ErrorKind::ConnectionRefused => {
                "nobody listens there: fleetd ended and left its socket behind; start it with `fleetd --data-dir DIR`"
            }
            _ => "name fleetd's socket with --server unix:///DIR/fleetd.sock",
        };
        return Err(Error::new(
            Exit::Unavailable,
            codes::CONNECT,
            format!("cannot reach fleetd at {}: {}", path.display(), reason(&error)),
            help,
        ));
    }
    let path = path.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://fleetd.local")
        .connect_with_connector(connector)
        .await
        .map_err(|_| {
            Error::new(
                Exit::Unavailable,
                codes::CONNECT,
                "what listens at the socket does not speak as fleetd does",
                "look at fleetd's log, and whether --server names fleetd's socket",
            )
        })
}

/// The system's reason, without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_socket() {
        assert_eq!(
            server(Some("unix:///run/f.sock")).unwrap(),
            Server::Socket("/run/f.sock".into())
        );
        assert!(matches!(
            server(Some("https://fleet.example")).unwrap(),
            Server::Network(_)
        ));
        for (wrong, says) in [
            ("http://fleet.example", "plain text"),
            ("unix://", "unix:///path"),
            ("/run/f.sock", "unix:///run/f.sock"),
            ("tcp://x", "unix:///path"),
        ] {
            let error = server(Some(wrong)).unwrap_err();
            assert_eq!(error.exit, Exit::Usage, "{wrong}");
            assert!(error.text().contains(says), "{wrong}: {}", error.text());
        }
    }

    #[tokio::test]
    async fn what_cannot_be_reached_says_why_and_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let missing = open_socket(&dir.path().join("none.sock")).await.unwrap_err();
        assert_eq!(missing.exit, Exit::Unavailable);
        assert!(missing.text().contains("there is no such socket"), "{}", missing.text());
        assert!(missing.text().contains("fleetd --data-dir"), "{}", missing.text());

        let left = dir.path().join("left.sock");
        drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
        let left = open_socket(&left).await.unwrap_err();
        assert_eq!(left.exit, Exit::Unavailable);
        assert!(left.text().contains("left its socket behind"), "{}", left.text());

        let long = open_socket(Path::new(&format!("/{}", "x".repeat(200))))
            .await
            .unwrap_err();
        assert_eq!(long.exit, Exit::Usage);
        assert!(long.text().contains("107 bytes"), "{}", long.text());
    }
}
