//! A connection over TCP, with TLS or without, that ends unless its peer begins to speak.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// What a client of HTTP/2 says first: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes below.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// An accepted connection.
pub struct Connection {
    wire: Wire,
    peer: SocketAddr,
    greeting: Option<Greeting>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn new(wire: Wire, peer: SocketAddr, greeting: Greeting, place: OwnedSemaphorePermit) -> Self {
        Self {
            wire,
            peer,
            greeting: Some(greeting),
            _place: place,
        }
    }

    /// The certificate that the peer has shown, DER: it is genuine, of this time, and the peer holds its key.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match &self.wire {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => Some(stream.get_ref().1.peer_certificates()?.first()?.as_ref()),
        }
    }

    /// Address of the peer.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// What is waited for before the server above has a timeout of its own: it times headers and pings, but waits without
/// end to learn which version of HTTP is spoken.
pub(super) struct Greeting {
    patience: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    matched: usize,
}

impl Greeting {
    pub(super) fn new(patience: Duration, shutdown: CancellationToken) -> Self {
        Self {
            patience: Box::pin(async move {
                tokio::select! {
                    () = tokio::time::sleep(patience) => {}
                    () = shutdown.cancelled() => {}
                }
            }),
            matched: 0,
        }
    }

    /// Is it over? It is with the whole preface, with bytes that are no preface, and with the end of the stream.
    fn hears(&mut self, bytes: &[u8]) -> bool {
        let rest = &PREFACE[self.matched..];
        let both = rest.len().min(bytes.len());
        self.matched += both;
        both == 0 || rest[..both] != bytes[..both] || self.matched == PREFACE.len()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut this.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if let Some(greeting) = &mut this.greeting {
            if read.is_ready() {
                if greeting.hears(&buf.filled()[before..]) {
                    this.greeting = None;
                }
            } else if greeting.patience.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_after(parts: &[&[u8]]) -> Option<usize> {
        let mut greeting = Greeting {
            patience: Box::pin(std::future::pending()),
            matched: 0,
        };
        parts.iter().position(|part| greeting.hears(part))
    }

    #[test]
    fn a_greeting_is_a_whole_preface_or_none() {
        assert_eq!(over_after(&[PREFACE]), Some(0));
        assert_eq!(over_after(&[&PREFACE[..3], &PREFACE[3..20], &PREFACE[20..]]), Some(2));
        assert_eq!(over_after(&[b"GET / HTTP/1.1\r\n"]), Some(0));
        assert_eq!(over_after(&[b"P", b"OST / HTTP/1.1\r\n"]), Some(1));
        assert_eq!(over_after(&[&[PREFACE, b"more"].concat()]), Some(0));
        assert_eq!(over_after(&[b"PRI", b""]), Some(1), "the peer has closed");
        assert_eq!(over_after(&[b"PRI * HTTP/2.0\r\n"]), None, "there must be more");
    }
}
