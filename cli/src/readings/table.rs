//! Readings as CSV (RFC 4180): a head, then a line for each. What is missing is empty; text is JSON.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::rc::Rc;

use fleet_proto::pb;

use super::{FIELDS, Failure, LONGEST, Row, checked, head, quality, time};
use crate::commands::telemetry;
use crate::times;

/// Writes CSV.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Result<Self, Failure> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(FIELDS).map_err(failed)?;
        Ok(Self(writer))
    }

    pub(super) fn push(&mut self, reading: &pb::Reading) -> Result<(), Failure> {
        // As many digits as make it the same number again.
        let value = reading.value.map(|value| format!("{value:?}")).unwrap_or_default();
        let received = match reading.received_us {
            0 => String::new(),
            received => times::show(received),
        };
        let fields: [&str; FIELDS.len()] = [
            &reading.device,
            &reading.sensor,
            &reading.source,
            &reading.unit,
            &times::show(reading.timestamp_us),
            &value,
            &reading.text,
            telemetry::quality(reading.quality()),
            &reading.reason,
            &received,
        ];
        self.0.write_record(fields).map_err(failed)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|error| error.to_string())
    }

    pub(super) fn finish(self) -> Result<W, Failure> {
        self.0.into_inner().map_err(|error| error.error().to_string())
    }
}

fn failed(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "a record cannot be written".to_owned(),
    }
}

/// Hands out no more than a record may have: a quote that is never closed must not fill the memory.
struct Bounded {
    file: File,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.since.get() > LONGEST {
            return Err(std::io::Error::other("a record is too long; is a quote not closed?"));
        }
        let read = self.file.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

/// Reads CSV.
pub struct Reader {
    records: csv::Reader<Bounded>,
    /// Columns of the file, by [`FIELDS`].
    columns: Vec<Option<usize>>,
    width: usize,
    since: Rc<Cell<usize>>,
    record: csv::ByteRecord,
}

impl Reader {
    pub(super) fn open(file: File) -> Result<Self, Failure> {
        let since = Rc::new(Cell::new(0));
        let bounded = Bounded {
            file,
            since: Rc::clone(&since),
        };
        let mut records = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let found = records.headers().map_err(|error| unread(&error))?.clone();
        head(found.iter())?;
        let columns = FIELDS.iter().map(|field| found.iter().position(|name| name == *field));
        Ok(Self {
            columns: columns.collect(),
            width: found.len(),
            records,
            since,
            record: csv::ByteRecord::new(),
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.since.set(0);
        let is_there = self.records.read_byte_record(&mut self.record);
        if !is_there.map_err(|error| unread(&error))? {
            return Ok(None);
        }
        // The record begins behind the empty lines that were skipped before it; the last one may have no line's end.
        let begin = self.record.position().map_or(0, csv::Position::line);
        let breaks = self.record.as_slice().split(|byte| *byte == b'\n').count() as u64;
        let number = begin.max(self.records.position().line().saturating_sub(breaks));
        let reading = self.reading();
        Ok(Some(Row { number, reading }))
    }

    fn reading(&self) -> Result<pb::Reading, String> {
        if self.record.len() != self.width {
            return Err(format!("has {} fields, and the head {}", self.record.len(), self.width));
        }
        let field = |at: usize| -> Result<&str, String> {
            let bytes = self.columns[at].and_then(|column| self.record.get(column));
            std::str::from_utf8(bytes.unwrap_or_default()).map_err(|_| format!("`{}` is no UTF-8", FIELDS[at]))
        };
        let text = |at| field(at).map(str::to_owned);
        let value = match field(5)? {
            "" => None,
            word => Some(word.parse().map_err(|_| format!("value `{word}` is no number"))?),
        };
        let received = match field(9)? {
            "" => 0,
            word => time(word)?,
        };
        checked(pb::Reading {
            device: text(0)?,
            sensor: text(1)?,
            source: text(2)?,
            unit: text(3)?,
            timestamp_us: match field(4)? {
                "" => return Err("`timestamp` is missing".to_owned()),
                word => time(word)?,
            },
            value,
            text: text(6)?,
            quality: quality(field(7)?)? as i32,
            reason: text(8)?,
            received_us: received,
        })
    }
}

fn unread(error: &csv::Error) -> Failure {
    let line = error.position().map(|position| format!("line {}: ", position.line()));
    let line = line.unwrap_or_default();
    match error.kind() {
        csv::ErrorKind::Io(error) => format!("{line}{error}"),
        csv::ErrorKind::Utf8 { .. } => format!("{line}it is no UTF-8"),
        _ => format!("{line}it is no CSV"),
    }
}
