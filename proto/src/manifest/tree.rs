//! YAML text → a small tree with places. The only module that knows the YAML parser.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value as Json};
use std::collections::HashMap;

use super::{Place, Problem, Values, values};
use crate::codes;

/// Deepest nesting of a document.
const DEEPEST: usize = 64;
/// Longest key; other readers of YAML take no longer one either.
const LONGEST_KEY: usize = 1_024;
/// Longest path of a field that is kept with its place.
const LONGEST_PATH: usize = 512;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Text, and whether it stood without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

struct Builder<'a, 'b> {
    source: usize,
    /// Lines before this piece of the source.
    offset: usize,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    values: Option<&'b Values>,
    problems: &'b mut Vec<Problem>,
}

/// Parses one piece of a source that holds at most one document. None: nothing in it, or not readable.
pub(super) fn parse(
    text: &str,
    (source, offset): (usize, usize),
    values: Option<&Values>,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    let mut builder = Builder {
        source,
        offset,
        parser: Parser::new_from_str(text),
        values,
        problems,
    };
    builder.refuse_directive(text)?;
    loop {
        match builder.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::DocumentEnd | Event::StreamEnd, _) => return None,
            (event, place) => {
                let node = builder.node(event, place, 0)?;
                // What follows the document must be readable too, or it would be lost without a word.
                loop {
                    match builder.next()?.0 {
                        Event::StreamEnd => return Some(node),
                        Event::DocumentEnd | Event::Nothing => {}
                        _ => {
                            builder.report(
                                codes::SYNTAX,
                                "content after the end of the document",
                                "begin a new document with `---`",
                                place,
                            );
                            return None;
                        }
                    }
                }
            }
        }
    }
}

impl<'a> Builder<'a, '_> {
    fn report(&mut self, code: &str, message: impl Into<String>, help: &str, place: Place) {
        self.problems.push(Problem {
            code: code.to_owned(),
            message: message.into(),
            help: help.to_owned(),
            place: Some(place),
        });
    }

    fn next(&mut self) -> Option<(Event<'a>, Place)> {
        match self.parser.next()? {
            Ok((event, span)) => {
                let place = Place {
                    source: self.source,
                    line: span.start.line() + self.offset,
                    column: span.start.col() + 1,
                };
                Some((event, place))
            }
            Err(error) => {
                let marker = error.marker();
                let place = Place {
                    source: self.source,
                    line: marker.line() + self.offset,
                    column: marker.col() + 1,
                };
                let help = if error.info().contains("tab") {
                    "indent with spaces"
                } else {
                    "look at the indentation and quotes of this line and the one before"
                };
                self.report(codes::SYNTAX, format!("not valid YAML: {}", error.info()), help, place);
                None
            }
        }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Option<Node> {
        if depth > DEEPEST {
            self.report(
                codes::SYNTAX,
                format!("nested deeper than {DEEPEST} levels"),
                "flatten it",
                place,
            );
            return None;
        }
        let data = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_anchor(anchor, place);
                if self.refuse_tag(tag.is_some(), place) {
                    // Nothing more can be said of it.
                    Data::Scalar(String::new(), true)
                } else {
                    self.scalar(text.into_owned(), style == ScalarStyle::Plain, place)
                }
            }
            Event::Alias(_) => {
                self.report(
                    codes::NO_ALIASES,
                    "aliases are not allowed in manifests",
                    "write the value out",
                    place,
                );
                Data::Scalar(String::new(), true)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_anchor(anchor, place);
                self.refuse_tag(tag.is_some(), place);
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Data::List(items),
                        (event, place) => items.push(self.node(event, place, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_anchor(anchor, place);
                self.refuse_tag(tag.is_some(), place);
                self.map(depth)?
            }
            _ => return None,
        };
        Some(Node { place, data })
    }

    fn map(&mut self, depth: usize) -> Option<Data> {
        let mut entries: Vec<(String, Place, Node)> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        loop {
            let (key, key_place) = match self.next()? {
                (Event::MappingEnd, _) => return Some(Data::Map(entries)),
                (event, place) => (self.node(event, place, depth + 1)?, place),
            };
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            let Data::Scalar(name, plain) = key.data else {
                self.report(codes::SYNTAX, "a key must be text", "write `key: value`", key_place);
                continue;
            };
            if name == "<<" && plain {
                self.report(
                    codes::NO_ALIASES,
                    "merge keys (`<<`) are not allowed in manifests",
                    "write the fields out",
                    key_place,
                );
                continue;
            }
            if name.len() > LONGEST_KEY {
                self.report(
                    codes::OUT_OF_RANGE,
                    format!("a key of {} bytes", name.len()),
                    "a key has at most 1024 bytes",
                    key_place,
                );
                continue;
            }
            if let Some(first) = seen.insert(name.clone(), key_place.line) {
                self.report(
                    codes::DUPLICATE_KEY,
                    format!("`{name}` stands in this map twice, first on line {first}"),
                    "remove one of them",
                    key_place,
                );
                continue;
            }
            entries.push((name, key_place, value));
        }
    }

    fn scalar(&mut self, mut text: String, mut plain: bool, place: Place) -> Data {
        if let Some(values) = self.values {
            match values::filled(&text, plain, values) {
                Ok(None) => {}
                Ok(Some((filled, is_plain))) => (text, plain) = (filled, is_plain),
                Err((message, help)) => self.report(codes::UNKNOWN_VALUE, message, &help, place),
            }
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        let is_number = plain && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_number && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() {
            self.report(
                codes::OUT_OF_RANGE,
                format!("{text} is no number of 64 bits"),
                "put it in quotes if it is text",
                place,
            );
            return Data::Scalar(String::new(), true);
        }
        Data::Scalar(text, plain)
    }

    /// A directive would change how the document below it is read.
    fn refuse_directive(&mut self, text: &str) -> Option<()> {
        let is_said = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
        let (at, line) = text.lines().enumerate().find(|(_, line)| is_said(line))?;
        if line.starts_with('%') {
            let place = Place {
                source: self.source,
                line: at + 1 + self.offset,
                column: 1,
            };
            let help = "remove the line: a manifest is YAML 1.2 without tags";
            self.report(codes::NO_TAGS, "directives are not allowed in manifests", help, place);
            return None;
        }
        Some(())
    }

    fn refuse_tag(&mut self, found: bool, place: Place) -> bool {
        if found {
            let help = "remove it; text that looks like a number is written in quotes";
            let message = "tags (`!...`) are not allowed in manifests";
            self.report(codes::NO_TAGS, message, help, place);
        }
        found
    }

    fn refuse_anchor(&mut self, anchor: usize, place: Place) {
        if anchor != 0 {
            self.report(
                codes::NO_ALIASES,
                "anchors are not allowed in manifests",
                "write the value out at each place",
                place,
            );
        }
    }
}

impl Node {
    /// As JSON by YAML 1.2's core schema. `visit` is told the path and place of every node.
    pub(super) fn to_json(&self, path: &str, visit: &mut dyn FnMut(&str, Place, bool)) -> Json {
        match &self.data {
            Data::Scalar(text, plain) => {
                let json = if *plain {
                    scalar(text)
                } else {
                    Json::String(text.clone())
                };
                if path.len() <= LONGEST_PATH {
                    // What is null is not there, so nobody can own it.
                    visit(path, self.place, !json.is_null());
                }
                json
            }
            // Nothing real has such a path. What lies deeper stands where its ancestor does, and costs no longer text.
            Data::List(_) | Data::Map(_) if path.len() > LONGEST_PATH => {
                let data = &self.data;
                match data {
                    Data::List(items) => Json::Array(items.iter().map(|item| item.to_json(path, visit)).collect()),
                    Data::Map(entries) => entries
                        .iter()
                        .map(|(key, _, value)| (key.clone(), value.to_json(path, visit)))
                        .collect::<Map<_, _>>()
                        .into(),
                    Data::Scalar(..) => Json::Null,
                }
            }
            Data::List(items) => {
                visit(path, self.place, items.is_empty());
                Json::Array(
                    items
                        .iter()
                        .enumerate()
                        .map(|(at, item)| item.to_json(&format!("{path}[{at}]"), visit))
                        .collect(),
                )
            }
            Data::Map(entries) => {
                visit(path, self.place, entries.is_empty());
                let mut map = Map::new();
                for (key, _, value) in entries {
                    let path = format!("{path}.{key}");
                    let json = value.to_json(&path, visit);
                    map.insert(key.clone(), json);
                }
                Json::Object(map)
            }
        }
    }
}

/// A plain scalar by the core schema. `.nan` and `.inf` stay text: nothing here takes them.
fn scalar(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "true" | "True" | "TRUE" => return Json::Bool(true),
        "false" | "False" | "FALSE" => return Json::Bool(false),
        _ => {}
    }
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0o") => (&text[2..], 8),
        _ => (text, 10),
    };
    if radix == 10 {
        let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Json::String(text.to_owned());
        }
        if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
            if let Ok(number) = digits.parse::<i64>() {
                return Json::Number(number.into());
            }
            if let Ok(number) = digits.parse::<u64>() {
                return Json::Number(number.into());
            }
            // A float would lose digits without a word: as text it is refused where a number is wanted.
            return Json::String(text.to_owned());
        }
        let decimal = digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
        return match digits
            .parse::<f64>()
            .ok()
            .filter(|_| decimal)
            .and_then(Number::from_f64)
        {
            Some(number) => Json::Number(number),
            None => Json::String(text.to_owned()),
        };
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) if !digits.starts_with('+') => Json::Number(number.into()),
        _ => Json::String(text.to_owned()),
    }
}
