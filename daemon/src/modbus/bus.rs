//! A bus: the one connection to an endpoint. Polling and manual reads queue on it; nothing else writes to it.
//!
//! The framing (MBAP) is our own: the library's client compares too little of an answer and returns on a mismatch.
//! Here an answer counts only if transaction, unit, function and exact length fit; anything else is dropped until the deadline.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_modbus::ExceptionCode;

use crate::domain::modbus::reach::Reach;
use crate::domain::telemetry::Reason;
use crate::services::resources::is_own;

/// Longest body of an MBAP frame: unit and PDU.
const LONGEST: usize = 254;
/// After a failed connect the next waits at least this long, doubling up to the most.
const RECONNECT: Duration = Duration::from_millis(250);
const RECONNECT_MOST: Duration = Duration::from_secs(5);
/// After so many requests in a row without an answer the connection counts as lost: a peer that rebooted or lost its
/// network says nothing, and TCP itself would take a quarter of an hour to notice.
const SILENT_MOST: u32 = 3;

/// Where a bus is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why there is no connection.
enum Failed {
    Io(std::io::Error),
    Refused(String),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Endpoint {
    /// Looks the host up once, and connects to what was checked: a name that means something else a moment later
    /// leads nowhere else.
    async fn connect(&self, reach: &Reach) -> Result<Stream, Failed> {
        let found: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port)).await?.collect();
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in found {
            match reach.refusal(address.ip(), is_own) {
                None => allowed.push(address),
                Some(why) => refused = refused.or(Some(why)),
            }
        }
        if let (true, Some(why)) = (allowed.is_empty(), refused) {
            return Err(Failed::Refused(why));
        }
        let tcp = TcpStream::connect(&allowed[..]).await?;
        // Without it small frames wait for the peer's acknowledgement.
        tcp.set_nodelay(true)?;
        let peer = tcp.peer_addr()?.ip();
        // Whoever speaks to an address of its own machine has it, too.
        let is_own = tcp.local_addr()?.ip() == peer;
        let read = Vec::new();
        let stream = Stream {
            tcp,
            peer,
            is_own,
            read,
        };
        stream
            .refusal(reach)
            .map_or(Ok(stream), |why| Err(Failed::Refused(why)))
    }
}

/// Why a read gave no registers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The endpoint cannot be reached, or closed the connection.
    #[error("{0}")]
    Connection(String),
    /// The slave answered with an exception.
    #[error("{0}")]
    Exception(ExceptionCode),
    /// Its address is none that the reader may reach; nothing was sent.
    #[error("{0}")]
    Refused(String),
}

impl ReadError {
    /// As readings give the reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Timeout => Reason::Timeout,
            Self::Connection(_) => Reason::Connection,
            Self::Refused(_) => Reason::Network,
            Self::Exception(code) => match code {
                ExceptionCode::IllegalFunction => Reason::IllegalFunction,
                ExceptionCode::IllegalDataAddress => Reason::IllegalAddress,
                ExceptionCode::IllegalDataValue => Reason::IllegalValue,
                ExceptionCode::ServerDeviceFailure => Reason::DeviceFailure,
                ExceptionCode::ServerDeviceBusy => Reason::Busy,
                ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice => Reason::Gateway,
                _ => Reason::Exception,
            },
        }
    }
}

/// A request for registers or bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Address of the slave.
    pub unit: u8,
    /// 1 to 4.
    pub function_code: u8,
    /// First address.
    pub address: u16,
    /// How many.
    pub count: u16,
    /// From when the request has left until the answer is whole.
    pub timeout: Duration,
}

#[derive(Debug, Default)]
struct Line {
    stream: Option<Stream>,
    transaction: u16,
    failures: u32,
    /// Requests in a row that nothing answered, whichever slave they went to.
    silent: u32,
    not_before: Option<Instant>,
    last_error: String,
}

/// A connection, with what was read of a frame that is not whole: a frame that comes in pieces around a deadline
/// must not shift the next one.
#[derive(Debug)]
struct Stream {
    tcp: TcpStream,
    /// Whom it leads to, as it was when that was checked.
    peer: IpAddr,
    /// It leads to fleetd's own machine.
    is_own: bool,
    read: Vec<u8>,
}

impl Stream {
    fn refusal(&self, reach: &Reach) -> Option<String> {
        reach.refusal(self.peer, |_| self.is_own)
    }
}

/// The one connection to an endpoint.
#[derive(Debug)]
pub struct Bus {
    endpoint: Endpoint,
    /// Tokio's lock is fair: readers are served in the order in which they ask.
    line: Mutex<Line>,
    state: std::sync::Mutex<(String, String)>,
    /// Frames that belonged to no request.
    pub dropped: AtomicU64,
}

impl Bus {
    /// State (`connected`, `down`, `idle`) and last error.
    pub fn state(&self) -> (String, String) {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn note(&self, state: &str, error: &str) {
        let mut noted = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.clone_into(&mut noted.0);
        if !error.is_empty() {
            error.clone_into(&mut noted.1);
        }
    }

    /// Reads registers (or bits, each as 0 or 1). Exactly as many come back as were asked for. Tenants share a bus, and
    /// not what they may reach: the peer is held against `reach` at each read.
    pub async fn read(&self, read: Read, reach: &Reach) -> Result<Vec<u16>, ReadError> {
        let mut line = self.line.lock().await;
        if let Some(why) = line.stream.as_ref().and_then(|stream| stream.refusal(reach)) {
            return Err(ReadError::Refused(why));
        }
        // Taken out while in use: a caller that goes away half-way leaves no half-read stream behind.
        let mut stream = match line.stream.take() {
            Some(stream) => stream,
            None => self.connect(&mut line, read.timeout, reach).await?,
        };
        line.transaction = line.transaction.wrapping_add(1);
        let answered = exchange(&mut stream, line.transaction, read, &self.dropped).await;
        line.silent = if answered == Err(ReadError::Timeout) {
            line.silent + 1
        } else {
            0
        };
        if let Err(error @ ReadError::Connection(_)) = &answered {
            self.note("down", &error.to_string());
        } else if line.silent >= SILENT_MOST {
            line.silent = 0;
            self.note("idle", "");
        } else {
            self.note("connected", "");
            line.stream = Some(stream);
        }
        answered
    }

    /// Closes the connection until the next read: an endpoint that has nothing due keeps no place taken.
    pub async fn rest(&self) {
        if self.line.lock().await.stream.take().is_some() {
            self.note("idle", "");
        }
    }

    async fn connect(&self, line: &mut Line, patience: Duration, reach: &Reach) -> Result<Stream, ReadError> {
        if let Some(why) = self
            .endpoint
            .host
            .parse()
            .ok()
            .and_then(|host| reach.refusal(host, is_own))
        {
            return Err(ReadError::Refused(why));
        }
        if line.not_before.is_some_and(|at| at > Instant::now()) {
            return Err(ReadError::Connection(line.last_error.clone()));
        }
        let connecting = self.endpoint.connect(reach);
        let failed = match timeout_at(Instant::now() + patience.max(Duration::from_millis(500)), connecting).await {
            Ok(Ok(stream)) => {
                line.failures = 0;
                line.not_before = None;
                return Ok(stream);
            }
            // It says nothing of the endpoint: another reader need not wait for it.
            Ok(Err(Failed::Refused(why))) => return Err(ReadError::Refused(why)),
            Ok(Err(Failed::Io(error))) => format!("{}: {error}", self.endpoint),
            Err(_) => format!("{}: no connection in time", self.endpoint),
        };
        let wait = (RECONNECT * 2_u32.pow(line.failures.min(5))).min(RECONNECT_MOST);
        line.failures += 1;
        line.not_before = Some(Instant::now() + wait.mul_f64(rand::random_range(0.8..1.2)));
        line.last_error.clone_from(&failed);
        self.note("down", &failed);
        Err(ReadError::Connection(failed))
    }
}

/// Sends a request and waits for its own answer.
async fn exchange(
    stream: &mut Stream,
    transaction: u16,
    read: Read,
    dropped: &AtomicU64,
) -> Result<Vec<u16>, ReadError> {
    let broken = |error: std::io::Error| ReadError::Connection(error.to_string());
    let mut frame = Vec::with_capacity(12);
    for word in [transaction, 0, 6] {
        frame.extend_from_slice(&word.to_be_bytes());
    }
    frame.extend_from_slice(&[read.unit, read.function_code]);
    frame.extend_from_slice(&read.address.to_be_bytes());
    frame.extend_from_slice(&read.count.to_be_bytes());
    match timeout_at(Instant::now() + read.timeout, stream.tcp.write_all(&frame)).await {
        Ok(sent) => sent.map_err(broken)?,
        // Half a request may have left: what follows it would be read as its rest.
        Err(_) => return Err(ReadError::Connection("the endpoint takes no requests".to_owned())),
    }
    let deadline = Instant::now() + read.timeout;
    loop {
        match timeout_at(deadline, frame_of(stream)).await {
            Err(_) => return Err(ReadError::Timeout),
            Ok(Err(error)) => return Err(broken(error)),
            Ok(Ok((found, body))) => match answer(transaction, read, found, &body) {
                Some(answer) => return answer,
                None => {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            },
        }
    }
}

/// One frame: transaction, unit and PDU. May be given up at any time; what was read stays.
async fn frame_of(stream: &mut Stream) -> std::io::Result<(u16, Vec<u8>)> {
    loop {
        if let Some(head) = stream.read.first_chunk::<6>() {
            let (protocol, length) = (
                u16::from_be_bytes([head[2], head[3]]),
                usize::from(u16::from_be_bytes([head[4], head[5]])),
            );
            if protocol != 0 || !(2..=LONGEST).contains(&length) {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    "the endpoint sends what is no Modbus/TCP",
                ));
            }
            let transaction = u16::from_be_bytes([head[0], head[1]]);
            if stream.read.len() >= 6 + length {
                let body = stream.read[6..6 + length].to_vec();
                stream.read.drain(..6 + length);
                return Ok((transaction, body));
            }
        }
        if stream.tcp.read_buf(&mut stream.read).await? == 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "the endpoint closed the connection",
            ));
        }
    }
}

/// The answer that a frame holds; none: it belongs to no request of ours.
fn answer(transaction: u16, read: Read, found: u16, body: &[u8]) -> Option<Result<Vec<u16>, ReadError>> {
    let (unit, function, rest) = (body[0], body[1], &body[2..]);
    if found != transaction || unit != read.unit {
        return None;
    }
    if function == read.function_code | 0x80 {
        return (rest.len() == 1).then(|| Err(ReadError::Exception(ExceptionCode::new(rest[0]))));
    }
    let is_bits = read.function_code <= 2;
    let count = usize::from(read.count);
    let bytes = if is_bits { count.div_ceil(8) } else { count * 2 };
    if function != read.function_code || rest.len() != bytes + 1 || usize::from(rest[0]) != bytes {
        return None;
    }
    let data = &rest[1..];
    Some(Ok(if is_bits {
        (0..usize::from(read.count))
            .map(|at| u16::from(data[at / 8] >> (at % 8) & 1))
            .collect()
    } else {
        data.chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect()
    }))
}

/// Every bus that is in use.
#[derive(Clone, Debug, Default)]
pub struct Buses {
    open: Arc<std::sync::Mutex<HashMap<Endpoint, Arc<Bus>>>>,
    /// What the poller knows of slaves, for `server status`.
    pub polled: Arc<std::sync::Mutex<Vec<super::poller::Report>>>,
}

impl Buses {
    /// The bus of an endpoint, the same for everybody who asks.
    pub fn get(&self, endpoint: &Endpoint) -> Arc<Bus> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // What nobody holds is closed when the next one is opened.
        open.retain(|known, bus| known == endpoint || Arc::strong_count(bus) > 1);
        Arc::clone(open.entry(endpoint.clone()).or_insert_with(|| {
            Arc::new(Bus {
                endpoint: endpoint.clone(),
                line: Mutex::default(),
                state: std::sync::Mutex::new(("idle".to_owned(), String::new())),
                dropped: AtomicU64::new(0),
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;

    const UNIT: u8 = 7;

    /// A frame with this transaction, unit and PDU.
    fn frame(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
        let mut frame = transaction.to_be_bytes().to_vec();
        frame.extend([0, 0]);
        frame.extend((pdu.len() as u16 + 1).to_be_bytes());
        frame.push(unit);
        frame.extend(pdu);
        frame
    }

    /// The right answer to a read of two registers: both hold the address.
    fn right(request: &[u8; 12]) -> Vec<u8> {
        let (high, low) = (request[8], request[9]);
        frame(
            u16::from_be_bytes([request[0], request[1]]),
            request[6],
            &[3, 4, high, low, high, low],
        )
    }

    /// Serves `script`, which gets each request and says what to send; `None` closes the connection.
    async fn hostile<F>(script: F) -> (Arc<Bus>, JoinSet<()>)
    where
        F: Fn(usize, &[u8; 12]) -> Option<Vec<u8>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut nth = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 12];
                while stream.read_exact(&mut request).await.is_ok() {
                    let said = script(nth, &request);
                    nth += 1;
                    match said {
                        Some(bytes) if stream.write_all(&bytes).await.is_ok() => {}
                        _ => break,
                    }
                }
            }
        });
        let host = "127.0.0.1".to_owned();
        (Buses::default().get(&Endpoint { host, port }), tasks)
    }

    async fn ask(bus: &Bus, address: u16) -> Result<Vec<u16>, ReadError> {
        let read = Read {
            unit: UNIT,
            function_code: 3,
            address,
            count: 2,
            timeout: Duration::from_millis(150),
        };
        bus.read(read, &Reach::everything()).await
    }

    #[tokio::test]
    async fn a_late_answer_is_not_taken_for_the_next_one() {
        // Request 0 is answered only when request 1 has come, in one write with that one's own answer.
        let held = std::sync::Mutex::new(Vec::new());
        let (bus, _tasks) = hostile(move |nth, request| {
            let mut held = held.lock().unwrap();
            held.extend(right(request));
            Some(if nth == 0 {
                Vec::new()
            } else {
                std::mem::take(&mut *held)
            })
        })
        .await;
        assert_eq!(ask(&bus, 10).await, Err(ReadError::Timeout));
        assert_eq!(ask(&bus, 20).await, Ok(vec![20, 20]));
        assert_eq!(bus.dropped.load(Ordering::Relaxed), 1);
        assert_eq!(ask(&bus, 30).await, Ok(vec![30, 30]));
    }

    #[tokio::test]
    async fn a_frame_in_pieces_around_a_deadline_does_not_shift_the_next() {
        let rest = std::sync::Mutex::new(Vec::new());
        let (bus, _tasks) = hostile(move |nth, request| {
            let mut rest = rest.lock().unwrap();
            let mut bytes = right(request);
            if nth == 0 {
                *rest = bytes.split_off(9);
                return Some(bytes);
            }
            let mut all = std::mem::take(&mut *rest);
            all.extend(bytes);
            Some(all)
        })
        .await;
        assert_eq!(ask(&bus, 10).await, Err(ReadError::Timeout));
        assert_eq!(ask(&bus, 20).await, Ok(vec![20, 20]));
    }

    #[tokio::test]
    async fn what_belongs_to_no_request_is_dropped_and_the_answer_behind_it_taken() {
        type Wrong = fn(u16) -> Vec<u8>;
        let wrong: [(&str, Wrong); 8] = [
            ("foreign transaction", |t| {
                frame(t.wrapping_add(1), UNIT, &[3, 4, 9, 9, 9, 9])
            }),
            ("wrong unit", |t| frame(t, UNIT + 1, &[3, 4, 9, 9, 9, 9])),
            ("other function", |t| frame(t, UNIT, &[4, 4, 9, 9, 9, 9])),
            ("one register", |t| frame(t, UNIT, &[3, 2, 9, 9])),
            ("three registers", |t| frame(t, UNIT, &[3, 6, 9, 9, 9, 9, 9, 9])),
            ("count too low", |t| frame(t, UNIT, &[3, 2, 9, 9, 9, 9])),
            ("no data", |t| frame(t, UNIT, &[3, 4])),
            ("exception with more", |t| frame(t, UNIT, &[0x83, 2, 2])),
        ];
        for (name, wrong) in wrong {
            let (bus, _tasks) = hostile(move |_, request| {
                let mut bytes = wrong(u16::from_be_bytes([request[0], request[1]]));
                bytes.extend(right(request));
                Some(bytes)
            })
            .await;
            assert_eq!(ask(&bus, 20).await, Ok(vec![20, 20]), "{name}");
            assert_eq!(bus.dropped.load(Ordering::Relaxed), 1, "{name}");
            let (bus, _tasks) =
                hostile(move |_, request| Some(wrong(u16::from_be_bytes([request[0], request[1]])))).await;
            assert_eq!(ask(&bus, 20).await, Err(ReadError::Timeout), "{name}, alone");
        }
    }

    #[tokio::test]
    async fn garbage_ends_the_connection_and_the_next_one_is_clean() {
        let (bus, _tasks) = hostile(|nth, request| {
            Some(if nth == 0 {
                b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()
            } else {
                right(request)
            })
        })
        .await;
        assert!(matches!(ask(&bus, 20).await, Err(ReadError::Connection(_))));
        assert_eq!(ask(&bus, 20).await, Ok(vec![20, 20]));
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_is_connected_to_anew() {
        // The first connection is as dead as one whose peer has rebooted; only what comes after it is answered.
        let (bus, _tasks) = hostile(|nth, request| Some(if nth < 3 { Vec::new() } else { right(request) })).await;
        for _ in 0..3 {
            assert_eq!(ask(&bus, 1).await, Err(ReadError::Timeout));
        }
        assert_eq!(bus.state().0, "idle");
        assert_eq!(ask(&bus, 20).await, Ok(vec![20, 20]));
        bus.rest().await;
        assert_eq!(bus.state().0, "idle");
        assert_eq!(ask(&bus, 21).await, Ok(vec![21, 21]));
    }
}
