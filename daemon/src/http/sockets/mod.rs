//! WebSockets: what each is held to, and how it ends. What is said over them stands beside it, by route.

mod devices;
mod live;

pub(super) use devices::devices;
pub(super) use live::live;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answers::Problem;
use crate::services::Error;

/// Open at once.
const MOST: usize = 20_000;
/// A peer is asked so often whether it is still there,
const ASK: Duration = Duration::from_secs(20);
/// and given up when it was not heard of for so long.
const SILENCE: Duration = Duration::from_secs(60);
/// A peer that takes nothing for so long is given up.
const STUCK: Duration = Duration::from_secs(30);
/// A peer has so long to say good-bye.
const GOODBYE: Duration = Duration::from_secs(2);
/// Bytes of the reason in a frame that closes.
const LONGEST_REASON: usize = 123;

/// All sockets of the door.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Sockets {
    /// They end with `shutdown`.
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self {
            tasks: TaskTracker::new(),
            shutdown,
        }
    }

    /// Waits until all of them are over.
    pub(super) async fn over(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Answers the request that asks for a socket; messages have `largest` bytes at most. `work` ends the socket.
    fn open<F: Future<Output = ()> + Send + 'static>(
        &self,
        asked: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
        largest: usize,
        work: impl FnOnce(Socket, CancellationToken) -> F + Send + 'static,
    ) -> Result<Response, Problem> {
        let asked = asked.map_err(|rejection| {
            let detail = format!("the path speaks WebSocket: {rejection}");
            Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail)
        })?;
        if self.tasks.len() >= MOST {
            return Err(Error::Unavailable("too many WebSockets are open; try again later".to_owned()).into());
        }
        let Self { tasks, shutdown } = self.clone();
        let asked = asked.max_message_size(largest).max_frame_size(largest);
        Ok(asked.on_upgrade(move |socket| tasks.track_future(work(Socket::new(socket), shutdown))))
    }
}

/// How a socket ends.
enum End {
    /// The peer is gone.
    Gone,
    /// The peer has said good-bye, and waits for as much.
    Left,
    /// fleetd ends it, and says why.
    Closed(u16, String),
}

impl End {
    fn shutdown() -> Self {
        Self::Closed(
            close_code::AWAY,
            "fleetd ends; connect again when it is there".to_owned(),
        )
    }

    fn refused(error: &Error) -> Self {
        Self::Closed(close_code::POLICY, error.to_string())
    }

    /// What a peer sent that is no message.
    fn broken(error: axum::Error) -> Self {
        match error.into_inner().downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(_)) => {
                Self::Closed(close_code::SIZE, "the message is too large".to_owned())
            }
            Some(tungstenite::Error::Utf8(_)) => {
                Self::Closed(close_code::INVALID, "the message is not UTF-8".to_owned())
            }
            Some(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                Self::Gone
            }
            Some(tungstenite::Error::Protocol(why)) => Self::Closed(close_code::PROTOCOL, why.to_string()),
            _ => Self::Gone,
        }
    }
}

/// An open socket that speaks in texts.
struct Socket {
    inner: WebSocket,
    asks: Interval,
    heard: Instant,
}

impl Socket {
    fn new(inner: WebSocket) -> Self {
        let mut asks = interval(ASK);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            inner,
            asks,
            heard: Instant::now(),
        }
    }

    /// The next text. What was not waited for to the end is not lost.
    async fn next(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            let received = tokio::select! {
                received = self.inner.recv() => received,
                _ = self.asks.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        let why = "nothing was heard for a minute".to_owned();
                        return Err(End::Closed(close_code::POLICY, why));
                    }
                    self.put(Message::Ping(axum::body::Bytes::new())).await?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match received {
                None => return Err(End::Gone),
                Some(Ok(Message::Close(_))) => return Err(End::Left),
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    let why = "send JSON as text, not as binary messages".to_owned();
                    return Err(End::Closed(close_code::UNSUPPORTED, why));
                }
                Some(Err(error)) => return Err(End::broken(error)),
            }
        }
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        match timeout(STUCK, self.inner.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Says something.
    async fn say(&mut self, what: &Value) -> Result<(), End> {
        self.put(Message::Text(what.to_string().into())).await
    }

    /// Ends it; the reason goes to the peer, who has a moment to agree.
    async fn end(mut self, end: End) {
        let (code, mut reason) = match end {
            End::Gone => return,
            End::Left => return self.part().await,
            End::Closed(code, reason) => (code, reason),
        };
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let put = self.put(Message::Close(Some(frame))).await;
        if matches!(code, close_code::SIZE | close_code::INVALID | close_code::PROTOCOL) {
            // Nothing that comes is understood any more, and no sending succeeds after it; cut off at once, the peer would
            // hardly read why.
            tokio::time::sleep(GOODBYE).await;
        } else if put.is_ok() {
            self.part().await;
        }
    }

    /// Says good-bye where it was not said, and waits until the peer has.
    async fn part(&mut self) {
        let goodbye = async { while let Some(Ok(_)) = self.inner.recv().await {} };
        // Whoever does not say it is cut off.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

/// How work on a socket ends: by itself, with fleetd, or because `ended` says that the peer may no longer have the socket.
async fn until(
    shutdown: CancellationToken,
    ended: impl Future<Output = Error>,
    work: impl Future<Output = End>,
) -> End {
    let (ended, work) = (pin!(ended), pin!(work));
    tokio::select! {
        biased;
        () = shutdown.cancelled() => End::shutdown(),
        error = ended => End::refused(&error),
        end = work => end,
    }
}
