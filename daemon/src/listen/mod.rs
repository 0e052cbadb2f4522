//! TCP for the HTTP and gRPC doors: limits, TLS, and peers that connect and say nothing.

mod certificates;
mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use certificates::{Certificates, Clients, Unusable};
pub use connection::Connection;
use connection::{Greeting, Wire};

/// Connections of a listener at once; more wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 10_000;
/// How long a handshake may take, and then the first bytes of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is spoken above TCP, in the order in which it is preferred: names of ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/2 and HTTP/1.1.
    Http,
    /// gRPC, which is HTTP/2.
    Grpc,
}

impl Speaks {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Grpc => vec![b"h2".to_vec()],
        }
    }
}

/// An open TCP listener, with TLS where there is a certificate.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    places: Arc<Semaphore>,
}

impl Listener {
    /// Opens it; port 0 takes a free one. With TLS peers may show a certificate of `clients`.
    pub async fn open(
        address: SocketAddr,
        speaks: Speaks,
        certificates: Option<&Arc<Certificates>>,
        clients: Option<&Clients>,
    ) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self {
            address: tcp.local_addr()?,
            tcp,
            tls: certificates.map(|certificates| certificates.acceptor(speaks, clients)),
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next peer. What goes wrong with one is told in the log, and the next is waited for. May be dropped while it
    /// waits.
    pub async fn accept(&self) -> Arrival {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // The semaphore is never closed.
                return std::future::pending().await;
            };
            match self.tcp.accept().await {
                Ok((stream, peer)) => match stream.set_nodelay(true) {
                    Ok(()) => {
                        return Arrival {
                            stream,
                            peer,
                            tls: self.tls.clone(),
                            place,
                        };
                    }
                    Err(error) => tracing::debug!(%error, "a connection was gone at once"),
                },
                Err(error) => {
                    // Out of file descriptors, or the peer is gone already: others go on.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// A peer that has connected and said nothing yet.
pub struct Arrival {
    stream: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    place: OwnedSemaphorePermit,
}

impl Arrival {
    /// The handshake, if there is TLS. It takes as long as the peer wants, up to a limit: never wait for it where others
    /// are accepted.
    pub async fn greet(self, shutdown: CancellationToken) -> io::Result<Connection> {
        let wire = match self.tls {
            None => Wire::Plain(self.stream),
            Some(tls) => {
                let shaken = tokio::select! {
                    shaken = tokio::time::timeout(PATIENCE, tls.accept(self.stream)) => shaken,
                    () = shutdown.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
                };
                Wire::Tls(Box::new(shaken.map_err(|_| io::ErrorKind::TimedOut)??))
            }
        };
        Ok(Connection::new(
            wire,
            self.peer,
            Greeting::new(PATIENCE, shutdown),
            self.place,
        ))
    }
}
