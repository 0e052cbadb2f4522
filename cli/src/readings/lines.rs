//! Readings as JSON lines: the records that `telemetry query -o jsonl` prints.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};

use fleet_proto::pb;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Failure, LONGEST, Row, checked, quality, time};
use crate::commands::telemetry;

/// Writes JSON lines.
pub struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self(out)
    }

    pub(super) fn push(&mut self, reading: &pb::Reading) -> Result<(), Failure> {
        let line = telemetry::reading(reading).to_string() + "\n";
        self.0.write_all(line.as_bytes()).map_err(|error| error.to_string())
    }

    pub(super) fn finish(self) -> W {
        self.0
    }
}

/// A line. What is not known is refused: it may be a slip of the pen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    device: String,
    sensor: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    timestamp: Value,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    text: Option<Box<RawValue>>,
    #[serde(default)]
    quality: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    received: Option<Value>,
}

/// Reads JSON lines.
pub struct Reader {
    file: BufReader<File>,
    number: u64,
    line: Vec<u8>,
}

impl Reader {
    pub(super) fn open(file: File) -> Self {
        Self {
            file: BufReader::new(file),
            number: 0,
            line: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            self.line.clear();
            let mut part = self.file.by_ref().take(LONGEST as u64 + 1);
            let read = part
                .read_until(b'\n', &mut self.line)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read > LONGEST {
                return Err(format!("line {} is longer than {} MiB", self.number, LONGEST >> 20));
            }
            let text = if self.number == 1 {
                self.line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.line)
            } else {
                &self.line
            };
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            return Ok(Some(Row {
                number: self.number,
                reading: reading(text),
            }));
        }
    }
}

fn reading(line: &[u8]) -> Result<pb::Reading, String> {
    if !line.starts_with(b"{") {
        return Err("it is no JSON object".to_owned());
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string().replace("expected f64", "expected a number");
        // The line is named already.
        let place = format!(" at line {} column {}", error.line(), error.column());
        text.strip_suffix(&place)
            .map_or(text.clone(), |text| format!("{text} (column {})", error.column()))
    })?;
    let moment = |value: &Value| match value {
        Value::String(text) => time(text),
        other => time(&other.to_string()),
    };
    let text = line.text.as_ref().map(|text| text.get().trim()).unwrap_or_default();
    checked(pb::Reading {
        device: line.device,
        sensor: line.sensor,
        source: line.source.unwrap_or_default(),
        unit: line.unit.unwrap_or_default(),
        timestamp_us: moment(&line.timestamp)?,
        value: line.value,
        text: if text == "null" { String::new() } else { text.to_owned() },
        quality: quality(line.quality.as_deref().unwrap_or_default())? as i32,
        reason: line.reason.unwrap_or_default(),
        received_us: match &line.received {
            None | Some(Value::Null) => 0,
            Some(value) => moment(value)?,
        },
    })
}
