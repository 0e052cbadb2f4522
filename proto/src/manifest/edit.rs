//! Changes of single values in manifest text: everything else, comments included, stays as it is, byte for byte.
//!
//! What was edited must be read again and compared: YAML has more forms than are understood here, and a form that
//! is not understood is an error, never a guess.

use serde_json::Value as Json;

use super::write;

/// A value that is to be another one, or to go.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Line of the value, from 1.
    pub line: usize,
    /// Column of the value in characters, from 1.
    pub column: usize,
    /// What stands there now.
    pub old: Json,
    /// What shall stand there; none: the field goes with its key.
    pub new: Option<Json>,
}

/// The text with the edits made, or why one cannot be made: its line, and a fragment.
pub fn edit(text: &str, edits: &[Edit]) -> Result<String, (usize, String)> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut edits: Vec<&Edit> = edits.iter().collect();
    // From the end to the beginning: what is before stays where it is.
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.line, edit.column)));
    for edit in edits {
        one(&mut lines, edit).map_err(|why| (edit.line, why))?;
    }
    Ok(lines.concat())
}

fn one(lines: &mut Vec<String>, edit: &Edit) -> Result<(), String> {
    let at = edit.line - 1;
    let column = edit.column - 1;
    let chars: Vec<char> = lines.get(at).ok_or("the line is not there")?.chars().collect();
    let first = *chars.get(column).ok_or("the value is not there")?;
    let is_container = edit.old.is_object() || edit.old.is_array();
    if is_container && !matches!(first, '{' | '[') {
        return block(lines, at, column, edit);
    }
    if matches!(first, '|' | '>') {
        return block_scalar(lines, at, &chars, column, edit);
    }
    let in_flow = depth(&chars[..column])? > 0;
    let end = end_of(&chars, column, in_flow)?;
    let raw: String = chars[column..end].iter().collect();
    if raw.contains("${") {
        return Err("the value comes from fleetctl.yaml".to_owned());
    }
    let line = &mut lines[at];
    if let Some(new) = &edit.new {
        let head: String = chars[..column].iter().collect();
        let tail: String = chars[end..].iter().collect();
        *line = head + &write::flow(new) + &tail;
        return Ok(());
    }
    if in_flow {
        *line = without_entry(&chars, column, end)?;
        return Ok(());
    }
    let head: String = chars[..column].iter().collect();
    if head.trim_start().starts_with('-') {
        return Err("it is the first field of a list's element".to_owned());
    }
    lines.remove(at);
    Ok(())
}

/// Brackets that are open behind the characters; quotes hide them.
fn depth(chars: &[char]) -> Result<usize, String> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < chars.len() {
        match chars[at] {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '"' | '\'' => {
                at = quoted(chars, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(depth)
}

/// Position behind a quoted scalar.
fn quoted(chars: &[char], begin: usize) -> Result<usize, String> {
    let quote = chars[begin];
    let mut at = begin + 1;
    while let Some(c) = chars.get(at) {
        match *c {
            '\\' if quote == '"' => at += 1,
            c if c == quote && quote == '\'' && chars.get(at + 1) == Some(&quote) => at += 1,
            c if c == quote => return Ok(at + 1),
            _ => {}
        }
        at += 1;
    }
    Err("the value spans several lines".to_owned())
}

/// Position behind a value that stands on one line.
fn end_of(chars: &[char], begin: usize, in_flow: bool) -> Result<usize, String> {
    match chars[begin] {
        '"' | '\'' => quoted(chars, begin),
        '{' | '[' => {
            let (mut at, mut depth) = (begin, 0_usize);
            while let Some(c) = chars.get(at) {
                match c {
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth -= 1,
                    '"' | '\'' => {
                        at = quoted(chars, at)?;
                        continue;
                    }
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            Err("the value spans several lines".to_owned())
        }
        _ => {
            let mut end = begin;
            while let Some(c) = chars.get(end) {
                let ends_flow = in_flow && matches!(c, ',' | '}' | ']');
                let comment = *c == '#' && end > begin && chars[end - 1].is_whitespace();
                if ends_flow || comment || matches!(c, '\n' | '\r') {
                    break;
                }
                end += 1;
            }
            while end > begin && chars[end - 1].is_whitespace() {
                end -= 1;
            }
            Ok(end)
        }
    }
}

/// A line without one `key: value` of a flow map.
fn without_entry(chars: &[char], column: usize, end: usize) -> Result<String, String> {
    let (mut begin, mut at) = (None, 0);
    let mut open = Vec::new();
    while at < column {
        match chars[at] {
            '{' | '[' => {
                open.push(begin);
                begin = Some(at);
            }
            '}' | ']' => begin = open.pop().flatten(),
            ',' => begin = Some(at),
            '"' | '\'' => {
                at = quoted(chars, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    let begin = begin.ok_or("its map does not begin on this line")?;
    let mut end = end;
    let head: String = if chars[begin] == ',' {
        chars[..begin].iter().collect()
    } else {
        // The first entry takes the comma behind it along.
        while chars.get(end).is_some_and(|c| *c == ',' || *c == ' ') {
            end += 1;
        }
        chars[..=begin].iter().collect()
    };
    let tail: String = chars[end..].iter().collect();
    Ok(head + &tail)
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// A map or list that begins on a line of its own.
fn block(lines: &mut Vec<String>, begin: usize, column: usize, edit: &Edit) -> Result<(), String> {
    let is_list = edit.old.is_array();
    if indent_of(&lines[begin]) != column {
        return Err("it begins behind a dash".to_owned());
    }
    let mut end = begin + 1;
    for (at, line) in lines.iter().enumerate().skip(begin + 1) {
        if is_blank(line) {
            continue;
        }
        let indent = indent_of(line);
        let belongs = indent > column || (indent == column && (!is_list || line.trim_start().starts_with("- ")));
        if !belongs || line.starts_with("---") {
            break;
        }
        end = at + 1;
    }
    // What goes takes its comments along; what becomes another must not.
    let has_comment = |line: &str| edit.new.is_some() && (line.trim_start().starts_with('#') || line.contains(" #"));
    let lost = |line: &String| match line {
        line if line.contains("${") => Some("a value from fleetctl.yaml"),
        line if has_comment(line) => Some("a comment"),
        _ => None,
    };
    if let Some(what) = lines[begin..end].iter().find_map(lost) {
        return Err(format!("{what} within it would be lost"));
    }
    let ending = if lines[begin].ends_with("\r\n") { "\r\n" } else { "\n" };
    let key = (0..begin)
        .rev()
        .find(|at| !is_blank(&lines[*at]))
        .ok_or("it has no key")?;
    let key_line = lines[key].trim_end().to_owned();
    if !key_line.ends_with(':') {
        return Err("its key has more on its line".to_owned());
    }
    match &edit.new {
        Some(new) if !is_empty(new) && (new.is_object() || new.is_array()) => {
            let rendered = write::yaml(new);
            let indented = rendered
                .lines()
                .map(|line| format!("{}{line}{ending}", " ".repeat(column)));
            lines.splice(begin..end, indented.collect::<Vec<_>>());
        }
        Some(new) => {
            lines.drain(begin..end);
            lines[key] = format!("{key_line} {}{ending}", write::flow(new));
        }
        None => {
            if key_line.trim_start().starts_with('-') {
                return Err("it is the first field of a list's element".to_owned());
            }
            lines.drain(begin..end);
            lines.remove(key);
        }
    }
    Ok(())
}

fn is_empty(json: &Json) -> bool {
    match json {
        Json::Object(fields) => fields.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Text in the form `key: |`, with its lines below.
fn block_scalar(lines: &mut Vec<String>, at: usize, chars: &[char], column: usize, edit: &Edit) -> Result<(), String> {
    let head: String = chars[..column].iter().collect();
    if head.trim_start().starts_with('-') {
        return Err("it begins behind a dash".to_owned());
    }
    let indent = indent_of(&lines[at]);
    let below = lines[at + 1..].iter();
    let count = below
        .take_while(|line| line.trim().is_empty() || indent_of(line) > indent)
        .count();
    let ending = if lines[at].ends_with("\r\n") { "\r\n" } else { "\n" };
    let replaced = edit
        .new
        .as_ref()
        .map(|new| format!("{head}{}{ending}", write::flow(new)));
    lines.splice(at..=at + count, replaced);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "# above\nspec:\n  a: one # said\n  b: 'it''s'\n  c: {x: 1, y: \"}, z\", z: 3}\n  d:\n    k: 1\n    # inside\n    l: [1, 2]\n  e:\n  - p\n  - q\n  f: |\n    long\n\n    text\n  g: end\n";

    fn place(text: &str, key: &str) -> (usize, usize) {
        let line = text.lines().position(|line| line.contains(key)).unwrap();
        let column = text.lines().nth(line).unwrap().find(key).unwrap() + key.len();
        (line + 1, column + 1)
    }

    fn edited(text: &str, key: &str, old: Json, new: Option<Json>) -> Result<String, String> {
        let key = &if text.contains(&format!("  {key}")) {
            format!("  {key}")
        } else {
            key.to_owned()
        };
        let (line, column) = if matches!(old, Json::Object(_) | Json::Array(_)) && text.contains(&format!("{key}\n")) {
            let (line, _) = place(text, key);
            (line + 1, indent_of(text.lines().nth(line).unwrap()) + 1)
        } else {
            place(text, &format!("{key} "))
        };
        let edit = Edit { line, column, old, new };
        super::edit(text, &[edit]).map_err(|(_, why)| why)
    }

    #[test]
    fn only_the_value_changes() {
        for (key, old, new, before, after) in [
            ("a:", json!("one"), json!("two"), "a: one # said", "a: two # said"),
            ("a:", json!("one"), json!("5"), "a: one # said", "a: \"5\" # said"),
            ("b:", json!("it's"), json!(7), "b: 'it''s'", "b: 7"),
            ("y:", json!("}, z"), json!("w"), "y: \"}, z\", z: 3}", "y: w, z: 3}"),
            ("z:", json!(3), json!({"q": [1]}), "z: 3}", "z: {q: [1]}}"),
            (
                "c:",
                json!({"x": 1}),
                json!({"x": 2}),
                "{x: 1, y: \"}, z\", z: 3}",
                "{x: 2}",
            ),
            ("e:", json!(["p", "q"]), json!(["r"]), "  - p\n  - q\n", "  - r\n"),
            ("e:", json!(["p", "q"]), json!([]), "  e:\n  - p\n  - q\n", "  e: []\n"),
            (
                "f:",
                json!("long\n\ntext\n"),
                json!("short"),
                "f: |\n    long\n\n    text\n",
                "f: short\n",
            ),
        ] {
            let found = edited(TEXT, key, old.clone(), Some(new.clone())).unwrap();
            let wanted = TEXT.replacen(before, after, 1);
            assert_eq!(found, wanted, "{key}");
            if !before.contains('\n') {
                let found = edited(&TEXT.replace('\n', "\r\n"), key, old, Some(new)).unwrap();
                assert_eq!(found, wanted.replace('\n', "\r\n"), "{key}: line ends are kept");
            }
        }
    }

    #[test]
    fn what_would_be_lost_is_not_written_over() {
        let (old, new) = (json!({"k": 1, "l": [1, 2]}), json!({"m": 2}));
        let lost = edited(TEXT, "d:", old.clone(), Some(new.clone())).unwrap_err();
        assert_eq!(lost, "a comment within it would be lost");
        let bare = TEXT.replace("    # inside\n", "");
        let wanted = bare.replacen("    k: 1\n    l: [1, 2]\n", "    m: 2\n", 1);
        assert_eq!(edited(&bare, "d:", old.clone(), Some(new.clone())).unwrap(), wanted);
        let value = bare.replace("k: 1", "k: ${values.k}");
        assert!(
            edited(&value, "d:", old.clone(), Some(new))
                .unwrap_err()
                .contains("fleetctl.yaml")
        );
        assert!(edited(&value, "d:", old, None).is_err());
    }

    #[test]
    fn a_field_goes_with_its_key() {
        for (key, old, gone) in [
            ("a:", json!("one"), "  a: one # said\n"),
            ("x:", json!(1), "x: 1, "),
            ("z:", json!(3), ", z: 3"),
            ("d:", json!({"k": 1}), "  d:\n    k: 1\n    # inside\n    l: [1, 2]\n"),
            ("e:", json!(["p"]), "  e:\n  - p\n  - q\n"),
            ("f:", json!("long"), "  f: |\n    long\n\n    text\n"),
        ] {
            assert_eq!(
                edited(TEXT, key, old, None).unwrap(),
                TEXT.replacen(gone, "", 1),
                "{key}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        let lines = "spec:\n  a: [1,\n    2]\n  b: \"open\n    end\"\n  c: ${values.x}\n  s:\n    - n: 1\n";
        assert!(edited(lines, "a:", json!([1, 2]), Some(json!([3]))).is_err());
        assert!(edited(lines, "b:", json!("open end"), Some(json!("x"))).is_err());
        assert!(edited(lines, "c:", json!("v"), Some(json!("x"))).is_err());
        assert!(edited(lines, "n:", json!(1), None).is_err());
    }
}
