//! The one printer: records in, text in the chosen format out.

pub mod jq;
pub mod plan;
pub mod shapes;
mod table;

use fleet_proto::manifest;
use fleet_proto::reflect;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::io::Io;
use crate::times;
use jq::Filter;
use table::Table;

/// How answers look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Columns for people.
    Table {
        /// All columns.
        wide: bool,
    },
    /// One array, or one object.
    Json,
    /// An object a line.
    Jsonl,
    /// Documents.
    Yaml,
    /// A head and a line for each record.
    Csv,
    /// `kind/name`.
    Name,
    /// The results of a jq expression on each record.
    Jq(String),
    /// Columns that the user chose: (title, path).
    Columns(Vec<(String, String)>),
}

impl Format {
    /// Reads `-o`.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "table" | "" => Self::Table { wide: false },
            "wide" => Self::Table { wide: true },
            "json" => Self::Json,
            "jsonl" => Self::Jsonl,
            "yaml" => Self::Yaml,
            "csv" => Self::Csv,
            "name" => Self::Name,
            _ => match text.split_once('=') {
                Some(("jq", expression)) => {
                    Filter::compile(expression)?;
                    Self::Jq(expression.to_owned())
                }
                Some(("columns", list)) => Self::Columns(columns(list)?),
                _ => {
                    return Err(Error::usage(
                        format!("`{text}` is no output format"),
                        "write table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...",
                    ));
                }
            },
        })
    }

    /// Is it read by a program?
    pub fn is_machine(&self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Jq(_) | Self::Yaml)
    }
}

fn columns(list: &str) -> Result<Vec<(String, String)>> {
    list.split(',')
        .map(|column| match column.split_once(':') {
            Some((title, path)) if path.starts_with('.') && !title.is_empty() => {
                Ok((title.to_owned(), path.to_owned()))
            }
            _ => Err(Error::usage(
                format!("`{column}` is no column"),
                "write columns=NAME:.metadata.name,SERIAL:.spec.serial",
            )),
        })
        .collect()
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub title: String,
    /// Where the value stands in a record.
    pub path: String,
    /// Shown with `-o wide` only.
    pub wide: bool,
}

/// A column that is always shown.
pub fn column(title: &str, path: &str) -> Column {
    Column {
        title: title.to_owned(),
        path: path.to_owned(),
        wide: false,
    }
}

/// Prints records as they come.
pub struct Listing<'a> {
    io: &'a mut Io,
    format: Format,
    columns: Vec<Column>,
    name: fn(&Value) -> String,
    table: Table,
    jq: Option<Filter>,
    count: usize,
    single: bool,
    nothing: &'static str,
    now: times::Micros,
}

impl<'a> Listing<'a> {
    /// Begins a list; `name` gives the text of `-o name`.
    pub fn new(io: &'a mut Io, format: &Format, columns: Vec<Column>, name: fn(&Value) -> String) -> Result<Self> {
        if columns.is_empty() && matches!(format, Format::Csv) {
            return Err(Error::usage(
                "this has no columns of its own, so there is no csv of it",
                "write -o json, or choose columns with -o columns=NAME:.path,...",
            ));
        }
        let columns: Vec<Column> = match format {
            Format::Columns(chosen) => chosen.iter().map(|(title, path)| column(title, path)).collect(),
            Format::Table { wide: false } => columns.into_iter().filter(|column| !column.wide).collect(),
            _ => columns,
        };
        let jq = if let Format::Jq(expression) = format {
            Some(Filter::compile(expression)?)
        } else {
            None
        };
        let table = Table::new(columns.iter().map(|column| column.title.clone()).collect());
        Ok(Self {
            io,
            format: format.clone(),
            columns,
            name,
            table,
            jq,
            count: 0,
            single: false,
            nothing: "nothing found",
            now: times::now(),
        })
    }

    /// The list has exactly one record, which JSON shows as an object.
    pub fn single(mut self) -> Self {
        self.single = true;
        self
    }

    /// The list has no end, so it cannot be one JSON array.
    pub fn endless(self) -> Result<Self> {
        if self.format == Format::Json {
            return Err(Error::usage(
                "an endless list cannot be one JSON array",
                "write -o jsonl: an object a line",
            ));
        }
        Ok(self)
    }

    /// What a person is told when the list is empty.
    pub fn or_say(mut self, nothing: &'static str) -> Self {
        self.nothing = nothing;
        self
    }

    /// Prints a record. False: nobody reads any more.
    pub fn push(&mut self, record: &Value) -> Result<bool> {
        let first = self.count == 0;
        self.count += 1;
        match &self.format {
            Format::Table { .. } | Format::Columns(_) => {
                let cells = self.columns.iter().map(|column| self.cell(record, column)).collect();
                self.table.push(cells, self.io);
            }
            Format::Json if self.single => self.io.out(&format!("{record:#}\n")),
            Format::Json => {
                self.io.out(if first { "[\n" } else { ",\n" });
                self.io.out(&format!("{record:#}"));
            }
            Format::Jsonl => self.io.out(&format!("{record}\n")),
            Format::Yaml => {
                if !first {
                    self.io.out("---\n");
                }
                self.io.out(&manifest::yaml(record));
            }
            Format::Csv => {
                if first {
                    self.csv_head();
                }
                let cells: Vec<_> = self
                    .columns
                    .iter()
                    .map(|column| csv(&text(reflect::lookup(record, &column.path))))
                    .collect();
                self.io.out(&(cells.join(",") + "\n"));
            }
            Format::Name => self.io.out(&((self.name)(record) + "\n")),
            Format::Jq(_) => {
                if let Some(filter) = &self.jq {
                    for line in filter.run(record)? {
                        self.io.out(&(line + "\n"));
                    }
                }
            }
        }
        if self.count == 1 {
            self.io.flush();
        }
        Ok(!self.io.is_closed())
    }

    /// A sentence for a person, in between.
    pub fn say(&mut self, text: &str) {
        self.io.say(text);
    }

    /// Lets a reader see what was printed, while more may come much later.
    pub fn flush(&mut self) {
        self.table.flush(self.io);
        self.io.flush();
    }

    /// Ends the list; gives the number of records.
    pub fn finish(mut self) -> usize {
        match &self.format {
            Format::Table { .. } | Format::Columns(_) if self.count > 0 => self.table.finish(self.io),
            Format::Json if !self.single => self.io.out(if self.count == 0 { "[]\n" } else { "\n]\n" }),
            Format::Csv if self.count == 0 => self.csv_head(),
            _ => {}
        }
        self.io.flush();
        if self.count == 0 && self.io.asks {
            self.io.say(self.nothing);
        }
        self.count
    }

    fn csv_head(&mut self) {
        let head: Vec<_> = self
            .columns
            .iter()
            .map(|column| csv(&column.title.to_lowercase().replace(' ', "_")))
            .collect();
        self.io.out(&(head.join(",") + "\n"));
    }

    fn cell(&self, record: &Value, column: &Column) -> String {
        let value = reflect::lookup(record, &column.path);
        let is_time =
            column.path.ends_with("At") || column.path.ends_with("lastSeen") || column.path.ends_with("timestamp");
        if self.io.terminal
            && is_time
            && let Some(at) = value
                .and_then(Value::as_str)
                .and_then(|text| times::parse(text, self.now).ok())
        {
            return times::age(at, self.now);
        }
        plain(value)
    }
}

/// A value as text; what is not there is empty.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The same in one line, without what would steer a terminal.
fn plain(value: Option<&Value>) -> String {
    text(value)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn csv(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
