//! HTTP load from one thread: keep-alive connections, each a device with prebuilt requests of its own.

use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fleet_tests::Device;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// Connections at once.
pub const CONNECTIONS: usize = 32;
pub const SENSORS: [&str; 10] = [
    "voltage",
    "current",
    "power",
    "frequency",
    "energy",
    "temperature",
    "powerFactor",
    "apparent",
    "reactive",
    "thd",
];
/// Milliseconds between two readings of a sensor.
const STEP: u64 = 10_000;

/// What came of a run.
pub struct Outcome {
    took: Duration,
    /// Microseconds of each request, ascending.
    latencies: Vec<u64>,
}

impl Outcome {
    /// Acknowledged requests per second, over all connections.
    pub fn requests_per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share of requests did not exceed, milliseconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = (self.latencies.len() as f64 * share) as usize;
        self.latencies[at.min(self.latencies.len() - 1)] as f64 / 1e3
    }
}

/// In which form readings are sent.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// JSON, by the device itself.
    Json,
    /// The line protocol, by a program with this token.
    Lines(&'a str),
}

/// Sends `requests` requests of `batch` readings on each connection; every one must be acknowledged whole.
pub fn run(base: &str, devices: &[Device], batch: usize, requests: usize) -> Outcome {
    of_form(base, devices, batch, requests, Duration::ZERO, Form::Json)
}

/// The same in the line protocol.
pub fn lines(base: &str, devices: &[Device], batch: usize, requests: usize, token: &str) -> Outcome {
    of_form(base, devices, batch, requests, Duration::ZERO, Form::Lines(token))
}

/// [`run`], with so much time between the requests of a connection. A request that is due and waits for the one
/// before counts from when it was due.
pub fn paced(base: &str, devices: &[Device], batch: usize, requests: usize, pace: Duration) -> Outcome {
    of_form(base, devices, batch, requests, pace, Form::Json)
}

fn of_form(base: &str, devices: &[Device], batch: usize, requests: usize, pace: Duration, form: Form<'_>) -> Outcome {
    let address = base.trim_start_matches("http://").to_owned();
    #[expect(
        clippy::disallowed_methods,
        reason = "readings lie in the days before now, as a gateway's do"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    // Every reading in the past, and none twice.
    let rows = (requests * batch.div_ceil(SENSORS.len())) as u64;
    let begin = now - rows * STEP;
    let prebuilt: Vec<Vec<Vec<u8>>> = devices
        .iter()
        .map(|device| {
            (0..requests)
                .map(|at| match form {
                    Form::Json => request(&address, device, batch, at, begin),
                    Form::Lines(token) => in_lines(&address, device, token, batch, at, begin),
                })
                .collect()
        })
        .collect();
    let expected = match form {
        Form::Json => format!("\"accepted\":{batch},"),
        Form::Lines(_) => "HTTP/1.1 204".to_owned(),
    };
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let mut connections = JoinSet::new();
            let start = Instant::now();
            for requests in prebuilt {
                connections.spawn(send(address.clone(), requests, expected.clone(), pace));
            }
            let mut latencies = connections.join_all().await.concat();
            let took = start.elapsed();
            latencies.sort_unstable();
            Outcome { took, latencies }
        })
}

/// A walk of two decimals, as meters send it.
pub fn walk(at: usize) -> impl FnMut() -> f64 {
    let mut state = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        100.0 + (state % 20_000) as f64 / 100.0
    }
}

fn request(address: &str, device: &Device, batch: usize, at: usize, begin: u64) -> Vec<u8> {
    let mut next = walk(at);
    let mut body = format!("{{\"deviceId\":\"{}\",\"readings\":[", device.id);
    for item in 0..batch {
        let position = at * batch + item;
        let timestamp = begin + (position / SENSORS.len()) as u64 * STEP;
        let (sensor, value) = (SENSORS[position % SENSORS.len()], next());
        let comma = if item > 0 { "," } else { "" };
        write!(
            body,
            "{comma}{{\"dataType\":\"{sensor}\",\"value\":{value:.2},\"unit\":\"V\",\"timestamp\":{timestamp}}}"
        )
        .unwrap();
    }
    body.push_str("]}");
    posted(
        address,
        "/api/telemetry/ingest",
        &device.token,
        "application/json",
        &body,
    )
}

/// Ten fields a line, as agents send what was measured at once.
fn in_lines(address: &str, device: &Device, token: &str, batch: usize, at: usize, begin: u64) -> Vec<u8> {
    let mut next = walk(at);
    let mut body = String::new();
    for row in 0..batch.div_ceil(SENSORS.len()) {
        let timestamp = begin + (at * batch.div_ceil(SENSORS.len()) + row) as u64 * STEP;
        write!(body, "m,device={}", device.id).unwrap();
        for (at, sensor) in SENSORS.iter().enumerate() {
            let before = if at == 0 { ' ' } else { ',' };
            write!(body, "{before}{sensor}={:.2}", next()).unwrap();
        }
        writeln!(body, " {}", timestamp * 1_000_000).unwrap();
    }
    posted(address, "/write", token, "text/plain", &body)
}

fn posted(address: &str, path: &str, token: &str, media: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

async fn send(address: String, requests: Vec<Vec<u8>>, expected: String, pace: Duration) -> Vec<u64> {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut latencies = Vec::with_capacity(requests.len());
    let mut buffer = vec![0; 64 << 10];
    let start = Instant::now();
    for (at, request) in requests.into_iter().enumerate() {
        let due = start + pace * at as u32;
        tokio::time::sleep_until(due.into()).await;
        let begin = if pace.is_zero() { Instant::now() } else { due };
        stream.write_all(&request).await.unwrap();
        let mut filled = 0;
        let end = loop {
            let read = stream.read(&mut buffer[filled..]).await.unwrap();
            assert!(
                read > 0,
                "fleetd hung up: {}",
                String::from_utf8_lossy(&buffer[..filled])
            );
            filled += read;
            if let Some(end) = end(&buffer[..filled]) {
                break end;
            }
        };
        while filled < end {
            filled += stream.read(&mut buffer[filled..]).await.unwrap();
        }
        latencies.push(begin.elapsed().as_micros() as u64);
        let answer = &buffer[..end];
        assert!(
            memchr::memmem::find(answer, expected.as_bytes()).is_some(),
            "not acknowledged whole: {}",
            String::from_utf8_lossy(answer)
        );
    }
    latencies
}

/// Where an answer ends; none while its head is not whole. Header names are lower case, as hyper writes them: what the
/// load costs is taken from what it measures.
fn end(bytes: &[u8]) -> Option<usize> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    // An answer without a body may say nothing of its length.
    let Some(length) = memchr::memmem::find(&bytes[..head], LENGTH) else {
        return Some(head);
    };
    let digits = bytes[length + LENGTH.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    Some(head + digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0')))
}
