//! Problems as text: what, where, the line itself with a caret, what to do.

use std::fmt::Write as _;

use super::{Bundle, Problem};
use crate::codes;

/// Characters of a line that are shown.
const WINDOW: usize = 100;

impl Bundle {
    /// The problem as lines of text, without colour; ends in a newline.
    pub fn render(&self, problem: &Problem) -> String {
        let mut text = format!("error[{}]: {}\n", problem.code, problem.message);
        if let Some((place, source)) = problem
            .place
            .and_then(|place| Some((place, self.sources.get(place.source)?)))
        {
            let line = String::from_utf8_lossy(self.line(place.source, place.line));
            let (shown, column) = window(line.trim_start_matches('\u{feff}').trim_end(), place.column);
            let number = place.line.to_string();
            let gap = " ".repeat(number.len());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{gap}--> {}:{}:{}", source.name, place.line, place.column);
            // The line of a secret that stands in a manifest must not be told on.
            if problem.code != codes::PLAIN_SECRET {
                let _ = writeln!(
                    text,
                    "{gap} |\n{number} | {shown}\n{gap} | {}^",
                    " ".repeat(column.saturating_sub(1))
                );
            }
        }
        if !problem.help.is_empty() {
            let _ = writeln!(text, "  help: {}", problem.help);
        }
        text
    }
}

impl Bundle {
    fn line(&self, source: usize, number: usize) -> &[u8] {
        let lines = self.lines.get_or_init(|| {
            let begins = |source: &super::Source| {
                let ends = source.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect()
            };
            self.sources.iter().map(begins).collect()
        });
        let text = self.sources.get(source).map_or(&[][..], |source| &source.text);
        let begins = lines.get(source).map_or(&[][..], Vec::as_slice);
        let begin = begins.get(number.saturating_sub(1)).copied().unwrap_or(text.len());
        let end = begins.get(number).map_or(text.len(), |next| next - 1);
        text.get(begin..end).unwrap_or_default()
    }
}

/// The part of a line around a column, tabs as spaces, with the column in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if chars.len() <= WINDOW {
        return (chars.into_iter().collect(), column.min(line.chars().count() + 1));
    }
    let begin = column.saturating_sub(WINDOW / 2).min(chars.len() - WINDOW / 2);
    let end = (begin + WINDOW).min(chars.len());
    let mut shown: String = chars[begin..end].iter().collect();
    let mut column = column - begin;
    if begin > 0 {
        shown.insert_str(0, "...");
        column += 3;
    }
    if end < chars.len() {
        shown.push_str("...");
    }
    (shown, column)
}
