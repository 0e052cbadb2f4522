//! Resources → YAML that readers of both YAML 1.1 and 1.2 take for the same.

use serde_json::Value as Json;

use crate::pb;
use crate::reflect;

/// One document in manifest form; ends in a newline, begins with no `---`.
pub fn text(resource: &pb::Resource) -> String {
    yaml(&reflect::to_manifest_json(resource))
}

/// Any JSON value as YAML.
pub fn yaml(json: &Json) -> String {
    let mut out = String::new();
    match json {
        Json::Object(fields) if !fields.is_empty() => map(&mut out, fields, 0, false),
        Json::Array(items) if !items.is_empty() => list(&mut out, items, 0),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

fn map(out: &mut String, fields: &serde_json::Map<String, Json>, depth: usize, mut first_is_indented: bool) {
    for (key, value) in fields {
        if !std::mem::take(&mut first_is_indented) {
            indent(out, depth);
        }
        out.push_str(&string(key));
        out.push(':');
        match value {
            Json::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                map(out, inner, depth + 1, false);
            }
            Json::Array(items) if !items.is_empty() => {
                out.push('\n');
                list(out, items, depth + 1);
            }
            other => {
                out.push(' ');
                out.push_str(&scalar(other));
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, items: &[Json], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Json::Object(inner) if !inner.is_empty() => map(out, inner, depth + 1, true),
            // A list within a list stands on one line: rare, and never ambiguous.
            Json::Array(inner) if !inner.is_empty() => {
                out.push_str(&flow(item));
                out.push('\n');
            }
            other => {
                out.push_str(&scalar(other));
                out.push('\n');
            }
        }
    }
}

/// A value on one line.
pub(super) fn flow(json: &Json) -> String {
    match json {
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let entries: Vec<_> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", string(key), flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => scalar(other),
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn scalar(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::String(text) => string(text),
        // Some readers of YAML 1.1 take an exponent for a number only behind a point, with a sign.
        Json::Number(number) if number.is_f64() => float(&number.to_string()),
        other => other.to_string(),
    }
}

fn float(text: &str) -> String {
    match text.split_once(['e', 'E']) {
        None => text.to_owned(),
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
            format!("{mantissa}{point}e{sign}{exponent}")
        }
    }
}

/// Bare only where no reader can take it for anything but this text; else double-quoted as JSON does it.
fn string(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // Line separators and the byte order mark would be folded or dropped by some readers.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{85}'
                ) =>
            {
                quoted.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let word = |w: &str| {
        matches!(
            w.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~" | "nan" | "inf" | "infinity"
        )
    };
    let mut bytes = text.bytes();
    let first = bytes.next();
    // Text beginning with a digit, sign or point may be a number, time or date to somebody.
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'/' || b == b'_')
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b' ' | b'.' | b'_' | b'-' | b'/' | b'+' | b'(' | b')' | b'@')
        })
        && !text.ends_with(' ')
        && !word(text)
}
