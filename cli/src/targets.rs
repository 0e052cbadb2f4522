//! What a command is about: `devices`, `device/x`, `device x y`, `site,asset`, `all`.

use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::suggest::closest;

use crate::error::{Error, Result};

/// Kinds, each with the names that were given; no name: all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which kind.
    pub kind: Kind,
    /// Which of them; none: all.
    pub name: Option<String>,
}

/// Reads the words behind `get`, `describe`, `delete`, `watch`.
pub fn parse(words: &[String]) -> Result<Vec<Target>> {
    let Some((first, rest)) = words.split_first() else {
        return Err(Error::usage("a kind is missing", format!("name one of: {}", plurals())));
    };
    if first.contains('/') {
        return words.iter().map(|word| reference(word)).collect();
    }
    let kinds = if first == "all" { KINDS.iter().map(|row| row.kind).collect() } else { first.split(',').map(kind).collect::<Result<Vec<_>>>()? };
    if rest.is_empty() {
        return Ok(kinds.into_iter().map(|kind| Target { kind, name: None }).collect());
    }
    match kinds.as_slice() {
        [only] => Ok(rest.iter().map(|name| Target { kind: *only, name: Some(name.clone()) }).collect()),
        _ => Err(Error::usage("names belong to one kind", "write kind/name for each")),
    }
}

/// Reads `kind/name`.
pub fn reference(word: &str) -> Result<Target> {
    match word.split_once('/') {
        Some((of, name)) if !name.is_empty() => Ok(Target { kind: kind(of)?, name: Some(name.to_owned()) }),
        _ => Err(Error::usage(format!("`{word}` is no reference"), "write kind/name, such as device/meter-1")),
    }
}

/// The name of a device, written as `device/x` or `x`.
pub fn device(word: &str) -> Result<String> {
    match reference(word) {
        Ok(Target { kind: Kind::Device, name: Some(name) }) => Ok(name),
        Ok(_) => Err(Error::usage(format!("`{word}` is no device"), "write device/NAME")),
        Err(_) if !word.contains('/') => Ok(word.to_owned()),
        Err(error) => Err(error),
    }
}

/// A kind by any of its names.
pub fn kind(word: &str) -> Result<Kind> {
    Kind::find(word).ok_or_else(|| {
        let known = KINDS.iter().flat_map(|row| [row.singular, row.plural]);
        let help = closest(word, known).map_or_else(|| format!("known are: {}", plurals()), |near| format!("did you mean `{near}`?"));
        Error::usage(format!("`{word}` is no kind"), help)
    })
}

fn plurals() -> String {
    KINDS.iter().map(|row| row.plural).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_way_to_name_things() {
        let all = |kind| Target { kind, name: None };
        let one = |kind, name: &str| Target { kind, name: Some(name.into()) };
        assert_eq!(parse(&words("devices")).unwrap(), [all(Kind::Device)]);
        assert_eq!(parse(&words("site,assets")).unwrap(), [all(Kind::Site), all(Kind::Asset)]);
        assert_eq!(parse(&words("dev a b")).unwrap(), [one(Kind::Device, "a"), one(Kind::Device, "b")]);
        assert_eq!(parse(&words("device/a site/b")).unwrap(), [one(Kind::Device, "a"), one(Kind::Site, "b")]);
        assert_eq!(parse(&words("all")).unwrap().len(), KINDS.len());
        assert!(parse(&words("devcie")).unwrap_err().help.contains("device"));
        assert!(parse(&[]).is_err());
        assert_eq!(device("device/x").unwrap(), "x");
        assert!(device("site/x").is_err());
    }
}
