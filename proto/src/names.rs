//! Names and references: `metadata.name`, `kind/name`.

use crate::kinds::Kind;
use crate::pb;

/// What a name must look like, for error texts.
pub const NAME_HINT: &str = "1 to 128 of letters, digits, `.`, `_`, `-`, beginning with a letter or digit";

/// Is it a valid `metadata.name`? A name that reads as a UUID is none: devices are addressed by either.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.len() <= 128
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !is_uuid(text)
}

/// Does it read as a UUID (8-4-4-4-12 hexadecimal digits, or 32 of them)?
pub fn is_uuid(text: &str) -> bool {
    let hex = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes_right = text
        .bytes()
        .enumerate()
        .all(|(at, b)| (b == b'-') == matches!(at, 8 | 13 | 18 | 23));
    hex == 32 && (text.len() == 32 || (text.len() == 36 && dashes_right))
}

/// A referrer as messages name it; one without a name is hidden from whoever asks.
pub fn referrer(one: &pb::Referrer) -> String {
    match one.name.as_str() {
        "" => format!("a {} that you may not see", one.kind),
        name => format!("{}/{name}", one.kind),
    }
}

/// Splits `kind/name`.
pub fn parse_reference(text: &str) -> Option<(Kind, &str)> {
    let (kind, name) = text.split_once('/')?;
    Some((Kind::find(kind)?, name)).filter(|(_, name)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "A9._-x", "meter-1", &"x".repeat(128)] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "-a",
            ".a",
            "a b",
            "ä",
            "a/b",
            &"x".repeat(129),
            "01930e0a-0000-7000-8000-000000000000",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn references() {
        assert_eq!(parse_reference("gwc/main"), Some((Kind::GatewayConfig, "main")));
        assert_eq!(parse_reference("site/"), None);
        assert_eq!(parse_reference("nonsense/x"), None);
    }
}
