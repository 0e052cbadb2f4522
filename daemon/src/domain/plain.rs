//! Text that somebody else has chosen, as a log keeps it: no token, no control characters, and no more than so much.

use serde_json::Value as Json;

use super::tokens;

/// One line of at most so many characters.
pub fn line(text: &str, most: usize) -> String {
    let plain: String = text.chars().filter(|sign| !sign.is_control()).collect();
    clipped(tokens::masked(&plain), most)
}

/// The same of some lines.
pub fn lines(text: &str, most: usize) -> String {
    clipped(tokens::masked(&readable(text)), most)
}

fn readable(text: &str) -> String {
    let is_kept = |sign: &char| !sign.is_control() || "\n\t".contains(*sign);
    text.chars().filter(is_kept).collect()
}

/// Would [`lines`] hide a token?
pub fn holds_token(text: &str) -> bool {
    tokens::is_within(&readable(text))
}

fn clipped(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

/// A JSON value without tokens, in its keys neither. Control characters are escaped in JSON, and stay.
pub fn json(value: &Json) -> Json {
    match value {
        Json::String(text) => tokens::masked(text).into(),
        Json::Array(items) => items.iter().map(json).collect(),
        Json::Object(fields) => fields
            .iter()
            .map(|(key, inner)| (tokens::masked(key), json(inner)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;
    use crate::domain::tokens::TokenKind;

    #[test]
    fn a_log_keeps_no_token_and_no_control_characters() {
        let token = tokens::make(TokenKind::Api, [7; 48]).text.reveal();
        let (first, second) = token.split_at(20);
        for hidden in [
            format!("use {token}!"),
            format!("flt_{token}0"),
            format!("{first}\0{second}"),
            format!("{first}\u{1b}{second}"),
        ] {
            for kept in [line(&hidden, 500), lines(&hidden, 500)] {
                assert!(!kept.contains(second) && kept.contains("flt_…"), "{kept}");
            }
        }
        assert_eq!((line("a\n\0b", 9), lines("a\n\0b", 9)), ("ab".into(), "a\nb".into()));
        assert_eq!(line("äöü", 2), "äö");
        let kept = json(&value!({"a": [1, token.as_str()], token.as_str(): null}));
        assert_eq!(kept, value!({"a": [1, "flt_…"], "flt_…": null}));
    }
}
