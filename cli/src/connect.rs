//! The connection to fleetd's socket.

use std::path::{Path, PathBuf};

use fleet_proto::codes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// The socket that a server URL names, or the one in fleetd's data directory.
pub fn socket(server: Option<&str>) -> Result<PathBuf> {
    match server {
        Some(url) => match url.strip_prefix("unix://") {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ if url.starts_with("http") => Err(Error::usage(format!("`{url}`: fleetd serves its socket only so far"), "run fleetctl on the same machine, with --server unix:///path/to/fleetd.sock")),
            _ => Err(Error::usage(format!("`{url}` is no server"), "write unix:///path/to/fleetd.sock")),
        },
        None => Ok(candidates().into_iter().find(|path| path.exists()).unwrap_or_else(|| candidates().swap_remove(0))),
    }
}

/// Where fleetd puts its socket, most specific first.
fn candidates() -> Vec<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut dirs: Vec<PathBuf> = set("FLEETD_DATA_DIR").into_iter().collect();
    if dirs.is_empty() {
        if rustix::process::geteuid().is_root() {
            dirs.push(PathBuf::from("/var/lib/fleetd"));
        }
        dirs.extend(set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share"))).map(|dir| dir.join("fleetd")));
    }
    if dirs.is_empty() {
        dirs.push(PathBuf::from("/var/lib/fleetd"));
    }
    dirs.into_iter().map(|dir| dir.join("fleetd.sock")).collect()
}

/// Opens the connection; says what to do where it fails.
pub async fn open(path: &Path) -> Result<Channel> {
    // Tried once by itself, because the channel's own error names neither path nor reason.
    if let Err(error) = UnixStream::connect(path).await {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "start fleetd, or name its socket with --server unix:///path/to/fleetd.sock (its `run.json` holds the path)",
            std::io::ErrorKind::PermissionDenied => "only fleetd's own user and root may use the socket: run fleetctl as one of them",
            _ => "fleetd has left its socket behind: start it again",
        };
        return Err(Error::new(Exit::Unavailable, codes::CONNECT, format!("cannot reach fleetd at {}: {error}", path.display()), help));
    }
    let path = path.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://fleetd.local")
        .connect_with_connector(connector)
        .await
        .map_err(|error| Error::new(Exit::Unavailable, codes::CONNECT, format!("fleetd does not answer: {error}"), "look at fleetd's log"))
}
