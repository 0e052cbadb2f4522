//! `${values.name}` in manifests: values that a project has for each environment.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::suggest::closest;

/// Values by name: text, numbers, truth values.
pub type Values = BTreeMap<String, Json>;

const BEGIN: &str = "${values.";

/// A scalar with its references filled in, and whether it is still plain; none: it has no reference.
/// A plain scalar that is one reference takes the value with its type; anything else becomes text.
/// `$${values.name}` stands for the text itself. The error is a message and what to do.
pub(super) fn filled(text: &str, plain: bool, values: &Values) -> Result<Option<(String, bool)>, (String, String)> {
    if let Some(slip) = slip(text) {
        let help = "write `${values.name}`; `$${` before it is the text itself".to_owned();
        return Err((format!("`{slip}` stands for nothing"), help));
    }
    if !text.contains(BEGIN) {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str(BEGIN);
            rest = &from[BEGIN.len()..];
            continue;
        }
        out.push_str(before);
        let Some((name, behind)) = from[BEGIN.len()..].split_once('}') else {
            return Err((format!("`{from}` does not end"), "write `${values.name}`".to_owned()));
        };
        let Some(value) = values.get(name) else {
            let known = values.keys().map(String::as_str);
            let help = closest(name, known.clone()).map_or_else(
                || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err((format!("there is no value `{name}` in fleetctl.yaml"), help));
        };
        if plain && out.is_empty() && behind.is_empty() && before.is_empty() {
            return Ok(Some(match value {
                Json::String(text) => (text.clone(), false),
                other => (other.to_string(), true),
            }));
        }
        match value {
            Json::String(text) => out.push_str(text),
            other => out.push_str(&other.to_string()),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(Some((out, false)))
}

/// What was probably meant to be a reference: `${value.x}`, `${Values.x}`, `${ values.x }`.
fn slip(text: &str) -> Option<&str> {
    for (at, _) in text.match_indices("${") {
        let rest = &text[at + 2..];
        let word = rest.trim_start();
        let name = word.split('.').next().unwrap_or_default();
        let is_meant = word.contains('.') && matches!(name.to_ascii_lowercase().as_str(), "value" | "values" | "vales");
        let escaped = text[..at].ends_with('$');
        if is_meant && !escaped && !rest.starts_with("values.") {
            let end = rest.find('}').map_or(text.len(), |end| at + 2 + end + 1);
            return Some(&text[at..end]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_take_values_with_their_types() {
        let values: Values = [("n".to_owned(), json!(5)), ("t".to_owned(), json!("5"))].into();
        for (text, plain, becomes) in [
            ("x", true, Ok(None)),
            ("${values.n}", true, Ok(Some(("5", true)))),
            ("${values.n}", false, Ok(Some(("5", false)))),
            ("${values.t}", true, Ok(Some(("5", false)))),
            ("a-${values.n}-${values.t}", true, Ok(Some(("a-5-5", false)))),
            ("$${values.n}", true, Ok(Some(("${values.n}", false)))),
            ("${values.m}", true, Err("there is no value `m` in fleetctl.yaml")),
            ("${values.n", true, Err("`${values.n` does not end")),
            ("a ${value.n} b", true, Err("`${value.n}` stands for nothing")),
            ("${ values.n }", true, Err("`${ values.n }` stands for nothing")),
            ("${Values.n", true, Err("`${Values.n` stands for nothing")),
            ("${n} $${value.n} ${valuable}", true, Ok(None)),
        ] {
            let found = filled(text, plain, &values).map_err(|(message, _)| message);
            let becomes = becomes.map_err(str::to_owned);
            assert_eq!(
                found,
                becomes.map(|some| some.map(|(text, plain)| (text.to_owned(), plain))),
                "{text}"
            );
        }
    }
}
