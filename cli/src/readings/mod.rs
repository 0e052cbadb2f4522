//! Readings in files: CSV, JSON lines and Parquet, written and read record by record. Each has every field of a reading,
//! so that what was exported can be imported as it was.

mod columns;
mod lines;
mod table;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use fleet_proto::pb;
use jiff::Timestamp;

use crate::error::{Error, Result};

/// Fields of a reading, in the order of columns.
const FIELDS: [&str; 10] = [
    "device",
    "sensor",
    "source",
    "unit",
    "timestamp",
    "value",
    "text",
    "quality",
    "reason",
    "received",
];
/// Those that every file must have.
const NEEDED: [&str; 4] = ["device", "sensor", "timestamp", "value"];
/// A record is no longer, bytes.
const LONGEST: usize = 4 << 20;

/// How readings stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A head, and a line for each reading.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Columns, compressed.
    Parquet,
}

impl Format {
    /// The format of a file, as said, or by how its name ends.
    pub fn of(path: &Path, said: Option<Self>) -> Result<Self> {
        if let Some(said) = said {
            return Ok(said);
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::usage(
                format!("the name of {} does not say its format", path.display()),
                "add --format csv, jsonl or parquet",
            )),
        }
    }

    /// Where a record stands, for people: a line, or a row.
    pub fn place(self, file: &str, number: u64) -> String {
        match self {
            Self::Csv | Self::Jsonl => format!("{file}:{number}"),
            Self::Parquet => format!("{file}: row {number}"),
        }
    }
}

/// Why a file cannot be written or read on, in words.
pub type Failure = String;

/// Writes readings.
pub enum Writer<W: Write + Send> {
    /// As CSV.
    Csv(Box<table::Writer<W>>),
    /// As JSON lines.
    Jsonl(lines::Writer<W>),
    /// As Parquet.
    Parquet(Box<columns::Writer<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    pub fn new(format: Format, out: W) -> std::result::Result<Self, Failure> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(table::Writer::new(out)?)),
            Format::Jsonl => Self::Jsonl(lines::Writer::new(out)),
            Format::Parquet => Self::Parquet(Box::new(columns::Writer::new(out)?)),
        })
    }

    /// Adds a reading.
    pub fn push(&mut self, reading: pb::Reading) -> std::result::Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.push(&reading),
            Self::Jsonl(writer) => writer.push(&reading),
            Self::Parquet(writer) => writer.push(reading),
        }
    }

    /// Hands on what is written, as far as the format lets it.
    pub fn flush(&mut self) -> std::result::Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Jsonl(_) | Self::Parquet(_) => Ok(()),
        }
    }

    /// Ends the file.
    pub fn finish(self) -> std::result::Result<W, Failure> {
        match self {
            Self::Csv(writer) => writer.finish(),
            Self::Jsonl(writer) => Ok(writer.finish()),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}

/// A record of a file.
#[derive(Debug)]
pub struct Row {
    /// Its line, or its row, from 1.
    pub number: u64,
    /// The reading, or what is wrong with it.
    pub reading: std::result::Result<pb::Reading, String>,
}

/// Reads readings.
pub enum Reader {
    /// Of CSV.
    Csv(Box<table::Reader>),
    /// Of JSON lines.
    Jsonl(lines::Reader),
    /// Of Parquet.
    Parquet(Box<columns::Reader>),
}

impl Reader {
    /// Begins at the begin of a file, whose head must be right.
    pub fn open(format: Format, file: File) -> std::result::Result<Self, Failure> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(table::Reader::open(file)?)),
            Format::Jsonl => Self::Jsonl(lines::Reader::open(file)),
            Format::Parquet => Self::Parquet(Box::new(columns::Reader::open(file)?)),
        })
    }

    /// The next record; none at the end. A failure ends the file.
    pub fn next(&mut self) -> std::result::Result<Option<Row>, Failure> {
        match self {
            Self::Csv(reader) => reader.next(),
            Self::Jsonl(reader) => reader.next(),
            Self::Parquet(reader) => reader.next(),
        }
    }
}

/// A time of a file: RFC 3339, or epoch milliseconds.
fn time(text: &str) -> std::result::Result<i64, String> {
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000).ok_or_else(|| format!("`{text}` is out of range"));
    }
    text.parse::<Timestamp>()
        .map(Timestamp::as_microsecond)
        .map_err(|_| format!("`{text}` is no time; RFC 3339 is, such as 2026-01-31T12:00:00Z, and epoch milliseconds"))
}

/// The quality that a word means; nothing: good.
fn quality(word: &str) -> std::result::Result<pb::Quality, String> {
    match word {
        "" | "good" => Ok(pb::Quality::Good),
        "uncertain" => Ok(pb::Quality::Uncertain),
        "bad" => Ok(pb::Quality::Bad),
        _ => Err(format!("quality `{word}` is none of good, uncertain, bad")),
    }
}

/// A reading that holds together, or what is wrong with it.
fn checked(reading: pb::Reading) -> std::result::Result<pb::Reading, String> {
    for (name, value) in [("device", &reading.device), ("sensor", &reading.sensor)] {
        if value.is_empty() {
            return Err(format!("`{name}` is missing"));
        }
    }
    if reading.value.is_some_and(|value| !value.is_finite()) {
        return Err("`value` is no finite number".to_owned());
    }
    if reading.value.is_some() && !reading.text.is_empty() {
        return Err("`value` and `text` are both given".to_owned());
    }
    if !reading.text.is_empty() && serde_json::from_str::<serde_json::Value>(&reading.text).is_err() {
        return Err("`text` is no JSON; a text has quotes, such as \"open\"".to_owned());
    }
    Ok(reading)
}

/// What a head lacks, or has too much.
fn head<'a>(found: impl Iterator<Item = &'a str> + Clone) -> std::result::Result<(), Failure> {
    for needed in NEEDED {
        if !found.clone().any(|name| name == needed) {
            return Err(format!("the column `{needed}` is missing"));
        }
    }
    for (at, name) in found.clone().enumerate() {
        if !FIELDS.contains(&name) {
            return Err(format!(
                "the column `{name}` is not known; known are {}",
                FIELDS.join(", ")
            ));
        }
        if found.clone().take(at).any(|before| before == name) {
            return Err(format!("the column `{name}` stands there twice"));
        }
    }
    Ok(())
}
