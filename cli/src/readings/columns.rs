//! Readings as Parquet: texts as dictionaries, times as microseconds UTC, values as doubles; compressed with zstd. What
//! is missing is null. Files of others are read, too, where their columns are called the same.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use fleet_proto::pb;
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, TimeUnit, Type, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescriptor, ColumnPath};

use super::{FIELDS, Failure, Row, checked, head, quality};
use crate::commands::telemetry;

/// Readings of a group of rows, which is in memory until it is written, and the bytes of their texts.
const GROUP: usize = 65_536;
const GROUP_TEXT: usize = 8 << 20;
/// Readings that are read at once.
const AT_ONCE: usize = 1_024;

const SCHEMA: &str = "message readings {
    required binary device (STRING);
    required binary sensor (STRING);
    optional binary source (STRING);
    optional binary unit (STRING);
    required int64 timestamp (TIMESTAMP(MICROS,true));
    optional double value;
    optional binary text (STRING);
    required binary quality (STRING);
    optional binary reason (STRING);
    optional int64 received (TIMESTAMP(MICROS,true));
}";

fn failed(error: ParquetError) -> Failure {
    match error {
        ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::NYI(text) => text,
        other => other.to_string(),
    }
}

/// Writes Parquet.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: Vec<pb::Reading>,
    text: usize,
}

impl<W: Write + Send> Writer<W> {
    pub(super) fn new(out: W) -> Result<Self, Failure> {
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("fleetctl ", env!("CARGO_PKG_VERSION")).to_owned());
        // Times ascend in even steps: a dictionary of them would be as long as they are.
        for name in ["timestamp", "received"] {
            let column = ColumnPath::from(name);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(failed)?;
        Ok(Self {
            file,
            rows: Vec::new(),
            text: 0,
        })
    }

    pub(super) fn push(&mut self, reading: pb::Reading) -> Result<(), Failure> {
        self.text += reading.text.len();
        self.rows.push(reading);
        if self.rows.len() >= GROUP || self.text >= GROUP_TEXT {
            self.group()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, Failure> {
        if !self.rows.is_empty() {
            self.group()?;
        }
        self.file.into_inner().map_err(failed)
    }

    fn group(&mut self) -> Result<(), Failure> {
        let rows = std::mem::take(&mut self.rows);
        self.text = 0;
        let mut group = self.file.next_row_group().map_err(failed)?;
        let some = |text: &str| Some(ByteArray::from(text)).filter(|_| !text.is_empty());
        texts(
            &mut group,
            rows.iter().map(|row| Some(ByteArray::from(row.device.as_str()))),
        )?;
        texts(
            &mut group,
            rows.iter().map(|row| Some(ByteArray::from(row.sensor.as_str()))),
        )?;
        texts(&mut group, rows.iter().map(|row| some(&row.source)))?;
        texts(&mut group, rows.iter().map(|row| some(&row.unit)))?;
        put::<Int64Type, W>(&mut group, rows.iter().map(|row| Some(row.timestamp_us)))?;
        put::<DoubleType, W>(&mut group, rows.iter().map(|row| row.value))?;
        texts(&mut group, rows.iter().map(|row| some(&row.text)))?;
        let word = |row: &pb::Reading| telemetry::quality(row.quality());
        texts(&mut group, rows.iter().map(|row| Some(ByteArray::from(word(row)))))?;
        texts(&mut group, rows.iter().map(|row| some(&row.reason)))?;
        let received = rows
            .iter()
            .map(|row| Some(row.received_us).filter(|received| *received != 0));
        put::<Int64Type, W>(&mut group, received)?;
        group.close().map_err(failed)?;
        Ok(())
    }
}

fn texts<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<ByteArray>>,
) -> Result<(), Failure> {
    put::<ByteArrayType, W>(group, values)
}

/// Writes the next column of a group.
fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), Failure> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    let column = group.next_column().map_err(failed)?;
    let mut column = column.ok_or_else(|| "it has too few columns".to_owned())?;
    // Of a column that must be there no levels are kept.
    column
        .typed::<T>()
        .write_batch(&there, Some(&levels), None)
        .map_err(failed)?;
    column.close().map_err(failed)
}

/// Microseconds, from how many of a file's times: multiplied, or divided.
#[derive(Clone, Copy)]
enum Unit {
    Times(i64),
    Per(i64),
}

impl Unit {
    fn micros(self, time: i64) -> Option<i64> {
        match self {
            Self::Times(factor) => time.checked_mul(factor),
            Self::Per(divisor) => Some(time.div_euclid(divisor)),
        }
    }
}

/// The unit of a column of times.
fn unit(column: &ColumnDescriptor) -> Result<Unit, Failure> {
    let name = column.name();
    let naive = || format!("the times of `{name}` have no zone; write them as UTC");
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) if !time.is_adjusted_to_u_t_c => Err(naive()),
        (Some(LogicalType::Timestamp(time)), _) => Ok(match time.unit {
            TimeUnit::MILLIS => Unit::Times(1_000),
            TimeUnit::MICROS => Unit::Times(1),
            TimeUnit::NANOS => Unit::Per(1_000),
        }),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Ok(Unit::Times(1_000)),
        (None, ConvertedType::TIMESTAMP_MICROS) => Ok(Unit::Times(1)),
        _ => Err(format!("`{name}` is no column of timestamps")),
    }
}

/// A column of a group, as far as it is read.
enum Column {
    Texts(ColumnReaderImpl<ByteArrayType>),
    Longs(ColumnReaderImpl<Int64Type>),
    Ints(ColumnReaderImpl<Int32Type>),
    Doubles(ColumnReaderImpl<DoubleType>),
    Floats(ColumnReaderImpl<FloatType>),
}

/// Values of a part of a column.
enum Part {
    Texts(Vec<Option<ByteArray>>),
    Longs(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    /// The file has no such column.
    None,
}

impl Part {
    fn text(&self, at: usize, name: &str) -> Result<String, String> {
        match self {
            Self::Texts(values) => match values.get(at).and_then(Option::as_ref) {
                Some(bytes) => {
                    let text = std::str::from_utf8(bytes.data());
                    text.map(str::to_owned).map_err(|_| format!("`{name}` is no UTF-8"))
                }
                None => Ok(String::new()),
            },
            _ => Ok(String::new()),
        }
    }

    fn long(&self, at: usize) -> Option<i64> {
        match self {
            Self::Longs(values) => values.get(at).copied().flatten(),
            _ => None,
        }
    }

    fn number(&self, at: usize) -> Option<f64> {
        match self {
            Self::Numbers(values) => values.get(at).copied().flatten(),
            Self::Longs(values) => values.get(at).copied().flatten().map(|value| value as f64),
            _ => None,
        }
    }
}

/// Reads Parquet.
pub struct Reader {
    file: SerializedFileReader<File>,
    /// Columns of the file, by [`FIELDS`].
    columns: Vec<Option<usize>>,
    /// Of `timestamp` and `received`.
    units: [Unit; 2],
    /// The next group.
    group: usize,
    open: Vec<Option<Column>>,
    /// Rows of the open group that were not read yet.
    left: usize,
    parts: Vec<Part>,
    at: usize,
    ready: usize,
    number: u64,
}

impl Reader {
    pub(super) fn open(file: File) -> Result<Self, Failure> {
        let file =
            SerializedFileReader::new(file).map_err(|error| format!("it is no Parquet file: {}", failed(error)))?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let names: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        head(names.iter().map(String::as_str))?;
        let columns = FIELDS.iter().map(|field| names.iter().position(|name| name == field));
        let columns: Vec<Option<usize>> = columns.collect();
        let mut units = [Unit::Times(1); 2];
        for (at, column) in columns.iter().enumerate() {
            let Some(column) = column.map(|column| schema.column(column)) else {
                continue;
            };
            let name = column.name();
            if column.max_rep_level() != 0 || column.max_def_level() > 1 {
                return Err(format!("`{name}` holds lists or records, and not plain values"));
            }
            let kind = column.physical_type();
            let fits = match at {
                4 | 9 => {
                    units[usize::from(at == 9)] = unit(&column)?;
                    kind == Type::INT64
                }
                5 => {
                    matches!(kind, Type::DOUBLE | Type::FLOAT | Type::INT64 | Type::INT32)
                        && !matches!(column.converted_type(), ConvertedType::DECIMAL)
                }
                _ => kind == Type::BYTE_ARRAY,
            };
            if !fits {
                return Err(format!("`{name}` has a type that is not read; {}", wanted(at)));
            }
        }
        Ok(Self {
            file,
            columns,
            units,
            group: 0,
            open: Vec::new(),
            left: 0,
            parts: Vec::new(),
            at: 0,
            ready: 0,
            number: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        while self.at == self.ready {
            if self.left == 0 {
                if self.group == self.file.num_row_groups() {
                    return Ok(None);
                }
                self.open_group()?;
                continue;
            }
            self.read_on()?;
        }
        let at = self.at;
        (self.at, self.number) = (at + 1, self.number + 1);
        Ok(Some(Row {
            number: self.number,
            reading: self.reading(at),
        }))
    }

    fn open_group(&mut self) -> Result<(), Failure> {
        let group = self.file.get_row_group(self.group).map_err(failed)?;
        self.group += 1;
        self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let open = self
            .columns
            .iter()
            .map(|column| column.map(|column| begin(&*group, column)).transpose());
        self.open = open.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn read_on(&mut self) -> Result<(), Failure> {
        let most = self.left.min(AT_ONCE);
        self.parts.clear();
        for column in &mut self.open {
            let part = match column {
                None => Part::None,
                Some(Column::Texts(reader)) => Part::Texts(read(reader, most)?),
                Some(Column::Longs(reader)) => Part::Longs(read(reader, most)?),
                Some(Column::Ints(reader)) => Part::Numbers(numbers(read(reader, most)?)),
                Some(Column::Doubles(reader)) => Part::Numbers(read(reader, most)?),
                Some(Column::Floats(reader)) => Part::Numbers(numbers(read(reader, most)?)),
            };
            self.parts.push(part);
        }
        self.left -= most;
        (self.at, self.ready) = (0, most);
        Ok(())
    }

    fn reading(&self, at: usize) -> Result<pb::Reading, String> {
        let text = |field: usize| self.parts[field].text(at, FIELDS[field]);
        let time = |field: usize, unit: Unit| match self.parts[field].long(at) {
            None => Ok(None),
            Some(time) => match unit.micros(time) {
                Some(time) => Ok(Some(time)),
                None => Err(format!("`{}` is out of range", FIELDS[field])),
            },
        };
        checked(pb::Reading {
            device: text(0)?,
            sensor: text(1)?,
            source: text(2)?,
            unit: text(3)?,
            timestamp_us: time(4, self.units[0])?.ok_or_else(|| "`timestamp` is missing".to_owned())?,
            value: self.parts[5].number(at),
            text: text(6)?,
            quality: quality(&text(7)?)? as i32,
            reason: text(8)?,
            received_us: time(9, self.units[1])?.unwrap_or_default(),
        })
    }
}

/// What is read of a field.
fn wanted(field: usize) -> &'static str {
    match field {
        4 | 9 => "write timestamps of 64 bits, UTC",
        5 => "write doubles",
        _ => "write strings",
    }
}

fn begin(group: &dyn RowGroupReader, column: usize) -> Result<Column, Failure> {
    Ok(match group.get_column_reader(column).map_err(failed)? {
        ColumnReader::ByteArrayColumnReader(reader) => Column::Texts(reader),
        ColumnReader::Int64ColumnReader(reader) => Column::Longs(reader),
        ColumnReader::Int32ColumnReader(reader) => Column::Ints(reader),
        ColumnReader::DoubleColumnReader(reader) => Column::Doubles(reader),
        ColumnReader::FloatColumnReader(reader) => Column::Floats(reader),
        _ => return Err("a group of rows has other columns than the file".to_owned()),
    })
}

/// The next values of a column, of so many rows.
fn read<T: DataType>(reader: &mut ColumnReaderImpl<T>, rows: usize) -> Result<Vec<Option<T::T>>, Failure> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader
            .read_records(rows - read, Some(&mut levels), None, &mut values)
            .map_err(failed)?;
        if records == 0 {
            return Err("a column ends before the others".to_owned());
        }
        read += records;
    }
    if levels.is_empty() {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels
        .into_iter()
        .map(|level| if level > 0 { values.next() } else { None })
        .collect())
}

fn numbers<T: Into<f64>>(values: Vec<Option<T>>) -> Vec<Option<f64>> {
    values.into_iter().map(|value| value.map(Into::into)).collect()
}
