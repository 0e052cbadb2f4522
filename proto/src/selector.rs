//! Label selectors: `ring=canary,zone in (a,b),!old`, and name globs.

use std::collections::HashMap;

/// One condition of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `key=value`
    Equals(String, String),
    /// `key!=value`; a missing key passes.
    Differs(String, String),
    /// `key in (a,b)`
    In(String, Vec<String>),
    /// `key notin (a,b)`; a missing key passes.
    NotIn(String, Vec<String>),
    /// `key`
    Exists(String),
    /// `!key`
    Missing(String),
}

/// Conditions of which every one must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

impl Selector {
    /// Reads a selector; empty text selects everything.
    pub fn parse(text: &str) -> Result<Self, String> {
        split(text)?
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(requirement)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Do these labels satisfy every condition?
    pub fn matches(&self, labels: &HashMap<String, String>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Equals(key, value) => labels.get(key) == Some(value),
            Requirement::Differs(key, value) => labels.get(key) != Some(value),
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::Missing(key) => !labels.contains_key(key),
        })
    }

    /// The conditions.
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Parts between commas that stand in no parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut begin, mut inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("`{text}`: parentheses do not match at character {}", at + 1)),
            ',' if !inside => {
                parts.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("`{text}`: a parenthesis is not closed"));
    }
    parts.push(text[begin..].trim());
    Ok(parts)
}

fn requirement(part: &str) -> Result<Requirement, String> {
    let key = |text: &str| {
        let text = text.trim();
        let valid = !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'));
        if valid {
            Ok(text.to_owned())
        } else {
            Err(format!(
                "`{part}`: `{text}` is no label key; write `key=value`, `key in (a,b)`, `key` or `!key`"
            ))
        }
    };
    if let Some(list) = part.strip_suffix(')') {
        let (head, values) = list
            .split_once('(')
            .ok_or_else(|| format!("`{part}`: a parenthesis is missing"))?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let head = head.trim();
        if let Some(name) = head.strip_suffix(" notin") {
            return Ok(Requirement::NotIn(key(name)?, values));
        }
        if let Some(name) = head.strip_suffix(" in") {
            return Ok(Requirement::In(key(name)?, values));
        }
        return Err(format!("`{part}`: write `key in (a,b)` or `key notin (a,b)`"));
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Ok(Requirement::Differs(key(name)?, value.trim().to_owned()));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::Equals(key(name)?, value.trim().to_owned()));
    }
    match part.strip_prefix('!') {
        Some(name) => Ok(Requirement::Missing(key(name)?)),
        None => Ok(Requirement::Exists(key(part)?)),
    }
}

/// Does the whole text match? `*` stands for any text, `?` for one character.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            p = star_p + 1;
            t = star_t + 1;
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn every_form_selects_what_it_says() {
        let here = labels(&[("ring", "canary"), ("zone", "a")]);
        for yes in [
            "",
            "ring=canary",
            "ring==canary,zone in (a,b)",
            "zone",
            "!old",
            "ring!=stable",
            "zone notin (x, y)",
            "old!=1",
        ] {
            assert!(Selector::parse(yes).unwrap().matches(&here), "{yes}");
        }
        for no in [
            "ring=stable",
            "zone in (b,c)",
            "!zone",
            "old",
            "ring!=canary",
            "zone notin (a)",
        ] {
            assert!(!Selector::parse(no).unwrap().matches(&here), "{no}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for bad in ["a b", "zone in (a", "in (a))", "=x", "zone of (a)", "!"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("meter-*", "meter-1", true),
            ("*-1", "meter-1", true),
            ("m?ter", "meter", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b", "axc", false),
            ("", "x", false),
        ] {
            assert_eq!(glob_matches(pattern, text), matches, "{pattern} {text}");
        }
    }
}
