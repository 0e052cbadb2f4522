//! A gateway that keeps a ledger: sends batches over several connections, and writes down what it sent and what was
//! acknowledged, each line synced before the next step. It outlives the fleetd that a test kills under it.
//!
//! `ledger HOST:PORT DEVICE_ID TOKEN FILE CONNECTIONS BATCH`
//!
//! Lines of the file: `sent C N`, `acked C N` (connection C, batch N), and `cut C N`: the connection broke after the
//! batch was written and before its answer, which proves that the batch was in flight. A batch without `acked` is sent
//! again by the next run, with the same times and values. It ends when fleetd cannot be reached any more.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test's own process: a panic is its report"
)]

use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fleet_tests::ledger;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, device, token, path, connections, batch] = arguments.as_slice() else {
        eprintln!("usage: ledger HOST:PORT DEVICE_ID TOKEN FILE CONNECTIONS BATCH");
        std::process::exit(2);
    };
    let before = ledger::read(Path::new(path));
    let file = Arc::new(Mutex::new(
        File::options().append(true).create(true).open(path).unwrap(),
    ));
    let batch: u64 = batch.parse().unwrap();
    let workers: Vec<_> = (0..connections.parse().unwrap())
        .map(|connection| {
            let sender = Sender {
                address: address.clone(),
                device: device.clone(),
                token: token.clone(),
                file: Arc::clone(&file),
                connection,
                batch,
            };
            let next = before.next(connection);
            thread::spawn(move || sender.run(next))
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
}

struct Sender {
    address: String,
    device: String,
    token: String,
    file: Arc<Mutex<File>>,
    connection: u64,
    batch: u64,
}

impl Sender {
    fn note(&self, word: &str, number: u64) {
        let mut file = self.file.lock().unwrap();
        writeln!(file, "{word} {} {number}", self.connection).unwrap();
        file.sync_data().unwrap();
    }

    fn run(&self, first: u64) {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return;
        };
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        for number in first.. {
            let request = self.request(number);
            self.note("sent", number);
            if stream.write_all(&request).is_err() {
                return;
            }
            match answer(&mut stream) {
                Ok(answer) => {
                    self.check(&answer, number);
                    self.note("acked", number);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                    panic!("no answer to batch {number} for a minute")
                }
                Err(_) => return self.note("cut", number),
            }
        }
    }

    fn request(&self, number: u64) -> Vec<u8> {
        let mut body = format!("{{\"deviceId\":\"{}\",\"readings\":[", self.device);
        for at in 0..self.batch {
            let position = number * self.batch + at;
            let (timestamp, value) = ledger::reading(self.connection, position);
            let comma = if at > 0 { "," } else { "" };
            let sensor = ledger::sensor(self.connection);
            write!(
                body,
                "{comma}{{\"dataType\":\"{sensor}\",\"value\":{value},\"timestamp\":{timestamp}}}"
            )
            .unwrap();
        }
        body.push_str("]}");
        let head = format!(
            "POST /api/telemetry/ingest HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }

    /// An answer that does not take the whole batch is a finding, not a fault of the network.
    fn check(&self, answer: &str, number: u64) {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "batch {number}: {answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let taken = body["accepted"].as_u64().unwrap() + body["duplicates"].as_u64().unwrap();
        assert_eq!(taken, self.batch, "batch {number}: {body}");
    }
}

/// Reads one HTTP answer with a Content-Length.
fn answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length
                .and_then(|length| length.trim().parse().ok())
                .expect("a content-length");
            if body.len() >= length {
                return Ok(text);
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend(&buffer[..read]),
        }
    }
}
