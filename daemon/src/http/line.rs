//! InfluxDB's line protocol: `measurement,tag=value field=value,field=value timestamp`, text borrowed from the body.
//!
//! The tag `device` names the device, and each field is a sensor. Without it `host` does, as agents send it; the
//! measurement then stands before the field, since one host has many. Other tags are the source: lines that differ in
//! them are other series. A bad line costs no good one.

use std::borrow::Cow;

use super::parse::Items;
use crate::domain::decimal;
use crate::domain::ingest::Incoming;
use crate::domain::telemetry::{Micros, Quality, Value};

/// Readings of one body.
pub(super) const MOST_READINGS: usize = 100_000;
/// Refused lines that are told; the rest is a number.
pub(super) const MOST_TOLD: usize = 1_000;
/// Characters of a source.
pub(super) const LONGEST_SOURCE: usize = 1_000;
/// Characters of what was sent that an answer repeats.
const LONGEST_SHOWN: usize = 64;

/// Unit of the timestamps of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Precision {
    #[default]
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

impl Precision {
    /// The unit that clients write so; none: the protocol's own.
    pub(super) fn find(text: &str) -> Option<Self> {
        Some(match text {
            "" | "n" | "ns" => Self::Nanoseconds,
            "u" | "us" | "µ" | "µs" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    fn micros(self, number: i64) -> Option<Micros> {
        number.checked_mul(match self {
            Self::Nanoseconds => return Some(number.div_euclid(1_000)),
            Self::Microseconds => 1,
            Self::Milliseconds => 1_000,
            Self::Seconds => 1_000_000,
            Self::Minutes => 60_000_000,
            Self::Hours => 3_600_000_000,
        })
    }
}

/// Why a line was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// From 1.
    pub(super) line: u32,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

type Wrong = (&'static str, String);

/// What a body says.
#[derive(Debug, Default)]
pub(super) struct Lines<'a> {
    heads: Vec<Head<'a>>,
    readings: Vec<Reading<'a>>,
    /// The first of those that cannot be read.
    pub(super) refused: Vec<Refusal>,
    /// How many there are.
    pub(super) refused_total: usize,
}

/// What stands before the fields: the same for many lines.
#[derive(Debug)]
struct Head<'a> {
    device: Cow<'a, str>,
    source: Option<String>,
    /// The measurement, where it is part of the sensor.
    prefix: Option<Cow<'a, str>>,
}

#[derive(Debug)]
struct Reading<'a> {
    line: u32,
    head: usize,
    sensor: Cow<'a, str>,
    value: Value,
    timestamp: Option<Micros>,
}

impl Lines<'_> {
    /// Every reading, in the order of the body; values are moved out.
    pub(super) fn items(&mut self) -> Items<'_> {
        let heads = &self.heads;
        let readings = self.readings.iter_mut().map(|reading| {
            let head = &heads[reading.head];
            Ok(Incoming {
                device: Some(head.device.as_ref()),
                data_type: reading.sensor.as_ref(),
                value: std::mem::take(&mut reading.value),
                unit: None,
                timestamp: reading.timestamp,
                bus: None,
                slave_id: None,
                source: head.source.as_deref(),
                label: None,
                quality: Quality::Good,
                kept: None,
            })
        });
        readings.collect()
    }

    /// The line of a reading.
    pub(super) fn line_of(&self, index: usize) -> u32 {
        self.readings.get(index).map_or(0, |reading| reading.line)
    }
}

/// Reads a body; an error is about the whole of it.
pub(super) fn read(text: &str, precision: Precision) -> Result<Lines<'_>, String> {
    let mut lines = Lines::default();
    let mut cursor = Cursor { text, at: 0, line: 1 };
    let mut known: Option<&str> = None;
    while let Some(first) = cursor.next_line() {
        if first != b'#' {
            let (begin, mark) = (cursor.line, lines.readings.len());
            if let Err((code, detail)) = line(&mut cursor, &mut lines, &mut known, precision) {
                lines.readings.truncate(mark);
                lines.refused_total += 1;
                if lines.refused.len() < MOST_TOLD {
                    lines.refused.push(Refusal {
                        line: begin,
                        code,
                        detail,
                    });
                }
            }
        }
        if lines.readings.len() > MOST_READINGS {
            return Err(format!(
                "the body holds more than {MOST_READINGS} readings; send fewer at once"
            ));
        }
        cursor.skip_line();
    }
    Ok(lines)
}

/// Reads a line up to its end, or to where it is wrong.
fn line<'a>(
    cursor: &mut Cursor<'a>,
    lines: &mut Lines<'a>,
    known: &mut Option<&'a str>,
    precision: Precision,
) -> Result<(), Wrong> {
    let (begin, mark) = (cursor.line, lines.readings.len());
    let (text, _) = cursor.part(|byte| matches!(byte, b' ' | b'\n'));
    if !cursor.spaces() {
        return Err(bad("the line has no fields"));
    }
    if *known != Some(text) {
        *known = None;
        lines.heads.push(head(text)?);
        *known = Some(text);
    }
    let at = lines.heads.len() - 1;
    loop {
        let (name, is_escaped) = cursor.part(|byte| matches!(byte, b'=' | b',' | b' ' | b'\n'));
        if name.is_empty() || name == "\r" {
            return Err(bad("a field has no name"));
        }
        if !cursor.take(b'=') {
            return Err(bad(format!("the field `{}` has no value", shown(name))));
        }
        let value = cursor.value(name)?;
        let name = unescaped(name, is_escaped);
        let sensor = match &lines.heads[at].prefix {
            Some(measurement) => Cow::Owned(format!("{measurement}_{name}")),
            None => name,
        };
        lines.readings.push(Reading {
            line: begin,
            head: at,
            sensor,
            value,
            timestamp: None,
        });
        if !cursor.take(b',') {
            break;
        }
    }
    let is_apart = cursor.spaces();
    let rest = cursor.rest();
    if rest.is_empty() {
        return Ok(());
    }
    if !is_apart {
        return Err(bad(format!("`{}` stands behind a value", shown(rest))));
    }
    let moment = rest.parse().ok().and_then(|number| precision.micros(number));
    let moment = moment.ok_or_else(|| ("bad_timestamp", format!("`{}` is no timestamp", shown(rest))))?;
    for reading in &mut lines.readings[mark..] {
        reading.timestamp = Some(moment);
    }
    Ok(())
}

fn bad(detail: impl Into<String>) -> Wrong {
    ("bad_item", detail.into())
}

/// The measurement and the tags.
fn head(text: &str) -> Result<Head<'_>, Wrong> {
    let mut cursor = Cursor { text, at: 0, line: 0 };
    let (measurement, is_escaped) = cursor.part(|byte| byte == b',');
    if measurement.is_empty() {
        return Err(bad("the line has no measurement"));
    }
    let measurement = unescaped(measurement, is_escaped);
    let (mut device, mut tags) = (None, Vec::new());
    while cursor.take(b',') {
        let (name, _) = cursor.part(|byte| matches!(byte, b'=' | b','));
        let is_pair = cursor.take(b'=');
        let (value, is_escaped) = cursor.part(|byte| matches!(byte, b'=' | b','));
        if name.is_empty() || value.is_empty() || !is_pair || cursor.peek() == Some(b'=') {
            return Err(bad(format!("the tag `{}` is not name=value", shown(name))));
        }
        if name != "device" {
            tags.push((name, value, is_escaped));
        } else if device.replace(unescaped(value, is_escaped)).is_some() {
            return Err(bad("the tag `device` stands twice"));
        }
    }
    tags.sort_unstable();
    if let Some([twice, _]) = tags.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(bad(format!("the tag `{}` stands twice", shown(twice.0))));
    }
    let (device, prefix) = match (device, tags.iter().position(|tag| tag.0 == "host")) {
        (Some(device), _) => (device, None),
        (None, Some(host)) => {
            let (_, value, is_escaped) = tags.remove(host);
            (unescaped(value, is_escaped), Some(measurement))
        }
        (None, None) => {
            let detail = "the line has no tag `device`, and no tag `host` either";
            return Err(("unknown_device", detail.to_owned()));
        }
    };
    if tags.is_empty() {
        return Ok(Head {
            device,
            source: None,
            prefix,
        });
    }
    // As they are written: two ways to say the same are rare, and one way to say two things would mix series.
    let source: Vec<String> = tags.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
    let source = source.join(",");
    if source.chars().count() > LONGEST_SOURCE || source.chars().any(char::is_control) {
        return Err(bad(format!(
            "tags besides `device` take at most {LONGEST_SOURCE} characters, none of them control characters"
        )));
    }
    Ok(Head {
        device,
        source: Some(source),
        prefix,
    })
}

/// A part of what was sent, as an answer repeats it.
fn shown(text: &str) -> String {
    crate::domain::plain::line(text, LONGEST_SHOWN)
}

/// Text without the backslashes that only say how it is meant.
fn unescaped(text: &str, is_escaped: bool) -> Cow<'_, str> {
    if !is_escaped {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match signs.peek() {
            Some(&next) if sign == '\\' && matches!(next, '\\' | ',' | '=' | ' ') => {
                plain.push(next);
                signs.next();
            }
            _ => plain.push(sign),
        }
    }
    plain.into()
}

/// A place in the body.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn spaces(&mut self) -> bool {
        let begin = self.at;
        while self.take(b' ') {}
        self.at > begin
    }

    /// Skips what is blank; gives the first byte of a line.
    fn next_line(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
        None
    }

    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// What is left of the line, without blanks at its end.
    fn rest(&mut self) -> &'a str {
        let begin = self.at;
        self.skip_line();
        self.text[begin..self.at].trim_end_matches([' ', '\r'])
    }

    /// Text up to a byte that ends it and is not escaped, and whether it holds a backslash. All that end it are ASCII.
    #[inline]
    fn part(&mut self, ends: impl Fn(u8) -> bool) -> (&'a str, bool) {
        let (bytes, begin) = (self.text.as_bytes(), self.at);
        let mut is_escaped = false;
        while let Some(&byte) = bytes.get(self.at) {
            if ends(byte) {
                break;
            }
            self.at += 1;
            if byte == b'\\' {
                is_escaped = true;
                self.at += usize::from(bytes.get(self.at).is_some_and(|next| *next != b'\n'));
            }
        }
        (&self.text[begin..self.at], is_escaped)
    }

    /// A field's value.
    fn value(&mut self, name: &str) -> Result<Value, Wrong> {
        if self.peek() == Some(b'"') {
            return self.quoted(name);
        }
        let (bytes, begin) = (self.text.as_bytes(), self.at);
        while bytes
            .get(self.at)
            .is_some_and(|byte| !matches!(byte, b',' | b' ' | b'\n'))
        {
            self.at += 1;
        }
        let text = self.text[begin..self.at].trim_end_matches('\r');
        if text.is_empty() {
            return Err(bad(format!("the field `{}` has no value", shown(name))));
        }
        scalar(text).ok_or_else(|| {
            let detail = format!(
                "`{}` of the field `{}` is no finite number, boolean or quoted text",
                shown(text),
                shown(name)
            );
            ("bad_value", detail)
        })
    }

    /// Text in quotes, which may hold ends of lines.
    fn quoted(&mut self, name: &str) -> Result<Value, Wrong> {
        let (bytes, open) = (self.text.as_bytes(), self.at);
        let (mut at, mut ends) = (open + 1, 0);
        loop {
            match bytes.get(at) {
                // The lines behind it are read as such.
                None => return Err(bad(format!("the text of the field `{}` has no end", shown(name)))),
                Some(b'"') => break,
                Some(b'\\') if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => at += 1,
                Some(b'\n') => ends += 1,
                Some(_) => {}
            }
            at += 1;
        }
        let inner = &self.text[open + 1..at];
        (self.at, self.line) = (at + 1, self.line + ends);
        let mut plain = String::with_capacity(inner.len());
        let mut signs = inner.chars().peekable();
        while let Some(sign) = signs.next() {
            match signs.peek() {
                Some(&next) if sign == '\\' && matches!(next, '\\' | '"') => {
                    plain.push(next);
                    signs.next();
                }
                _ => plain.push(sign),
            }
        }
        Ok(Value::Json(serde_json::Value::String(plain).to_string().into()))
    }
}

/// A value without quotes. Whole numbers beyond 2^53 become the nearest float, as all numbers are.
fn scalar(text: &str) -> Option<Value> {
    match text.as_bytes() {
        [.., b'i'] => text[..text.len() - 1].parse::<i64>().ok().map(|number| number as f64),
        [.., b'u'] => text[..text.len() - 1].parse::<u64>().ok().map(|number| number as f64),
        _ => {
            return match text {
                "t" | "T" | "true" | "True" | "TRUE" => Some(Value::Json("true".into())),
                "f" | "F" | "false" | "False" | "FALSE" => Some(Value::Json("false".into())),
                _ => decimal::parse(text).map(Value::Number),
            };
        }
    }
    .map(Value::Number)
}

#[cfg(test)]
mod tests;
