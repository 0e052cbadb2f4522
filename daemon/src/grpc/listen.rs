//! gRPC over TCP: who connects, and from where.

use std::io;
use std::net::SocketAddr;

use futures_util::{Stream, stream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::listen::{Connection, Listener};

/// The peer of a connection over TCP, with TLS or without; among the extensions of each of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer(self.peer())
    }
}

/// Connections whose handshake is done. Handshakes run beside each other: a slow one hinders nobody.
pub(super) fn incoming(
    listener: Listener,
    shutdown: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    stream::unfold((listener, JoinSet::new()), move |(listener, mut greeted)| {
        let shutdown = shutdown.clone();
        async move {
            loop {
                tokio::select! {
                    arrival = listener.accept() => {
                        greeted.spawn(arrival.greet(shutdown.clone()));
                    }
                    Some(done) = greeted.join_next(), if !greeted.is_empty() => match done {
                        Ok(Ok(connection)) => return Some((Ok(connection), (listener, greeted))),
                        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                        Err(panic) => tracing::error!(%panic, "a handshake panicked"),
                    },
                }
            }
        }
    })
}
