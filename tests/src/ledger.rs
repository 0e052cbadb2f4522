//! What the `ledger` binary sends, and what its file says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// 2026-01-01T00:00:00Z in milliseconds.
const BEGIN_MS: u64 = 1_767_225_600_000;
/// Readings lie so far apart that a run spans several of the store's daily files.
const STEP_MS: u64 = 37_000;

/// The sensor of a connection.
pub fn sensor(connection: u64) -> String {
    format!("c{connection}")
}

/// Time (epoch milliseconds) and value of a reading: each differs from every other of its sensor.
pub fn reading(connection: u64, position: u64) -> (u64, f64) {
    (BEGIN_MS + position * STEP_MS, (position * 8 + connection) as f64 / 8.0)
}

/// What happened to one connection's batches.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    /// Batches that were handed to the network, or were about to be.
    pub sent: BTreeSet<u64>,
    /// Batches whose answer came.
    pub acked: BTreeSet<u64>,
    /// How often a connection broke with a batch in flight.
    pub cuts: usize,
}

/// A ledger's file, by connection.
#[derive(Clone, Debug, Default)]
pub struct Ledger(pub BTreeMap<u64, Batches>);

impl Ledger {
    /// The first batch of a connection that is not acknowledged.
    pub fn next(&self, connection: u64) -> u64 {
        self.0
            .get(&connection)
            .and_then(|batches| batches.acked.last())
            .map_or(0, |last| last + 1)
    }

    /// Acknowledged batches of all connections.
    pub fn acked(&self) -> usize {
        self.0.values().map(|batches| batches.acked.len()).sum()
    }

    /// Batches that were in flight when a connection broke.
    pub fn cuts(&self) -> usize {
        self.0.values().map(|batches| batches.cuts).sum()
    }
}

/// Reads a ledger's file; one that is not there is empty. A last line without its end is not counted: it was not
/// synced.
pub fn read(path: &Path) -> Ledger {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let mut ledger = Ledger::default();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [word, connection, number] = words.as_slice() else {
            panic!("{}: `{line}`", path.display())
        };
        let (connection, number) = (connection.parse().unwrap(), number.parse().unwrap());
        let batches = ledger.0.entry(connection).or_default();
        match *word {
            "sent" => drop(batches.sent.insert(number)),
            "acked" => drop(batches.acked.insert(number)),
            "cut" => batches.cuts += 1,
            _ => panic!("{}: `{line}`", path.display()),
        }
    }
    ledger
}
