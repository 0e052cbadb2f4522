//! Manifests in one look: the order of the top keys, one `---` between documents, no spaces at the ends of lines.
//!
//! Comments, quotes, indentation and blank lines stay. What would be read otherwise than before is left as it is.

use serde_json::Value as Json;

use super::read::trees;
use super::{Bundle, Source};

/// Top keys in their order; others stay behind.
const ORDER: &[&str] = &["apiVersion:", "kind:", "metadata:", "spec:"];

/// The text in its look, or the problems for which it is left alone: those of the text, whatever it means.
/// A document whose reading would change is kept.
pub fn format(name: &str, text: &str) -> Result<String, Box<Bundle>> {
    let source = source(name, text);
    let (said, problems) = trees(&source);
    if !problems.is_empty() {
        return Err(Box::new(Bundle {
            sources: vec![source],
            problems,
            ..Bundle::default()
        }));
    }
    let unified = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut documents: Vec<Vec<&str>> = vec![Vec::new()];
    for line in unified.lines() {
        let head = line.trim_end();
        if head == "---" {
            documents.push(Vec::new());
        } else if let Some(documents) = documents.last_mut() {
            documents.push(line);
        }
    }
    let formatted = documents
        .iter()
        .filter(|lines| lines.iter().any(|line| !line.trim().is_empty()));
    let formatted: Vec<String> = formatted.map(|lines| document(lines)).collect();
    let whole = formatted.join("---\n");
    // A `---` within a text, and other things that are not foreseen, end here.
    if says(&whole, &said) {
        return Ok(whole);
    }
    Ok(text.to_owned())
}

/// Does the text say these documents, and can all of it be read?
fn says(text: &str, wanted: &[Json]) -> bool {
    let (found, problems) = trees(&source("", text));
    problems.is_empty() && found == wanted
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.as_bytes().to_vec(),
    }
}

fn document(lines: &[&str]) -> String {
    let plain = joined(&parts(lines));
    let mut sorted = parts(lines);
    // Comments at the very top belong to the document, not to its first key.
    sorted.sort_by_key(|(key, _)| match key {
        None => 0,
        Some(key) => {
            1 + ORDER
                .iter()
                .position(|known| key.starts_with(known))
                .unwrap_or(ORDER.len())
        }
    });
    let sorted = joined(&sorted);
    if says(&sorted, &trees(&source("", &plain)).0) {
        sorted
    } else {
        plain
    }
}

/// A top key with the lines that belong to it: comments right above it, and all that is indented below.
type Part<'a> = (Option<&'a str>, Vec<&'a str>);

fn parts<'a>(lines: &[&'a str]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = vec![(None, Vec::new())];
    for line in lines {
        let is_key = line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '\'');
        if is_key {
            let mut above = Vec::new();
            if let Some((_, before)) = parts.last_mut() {
                let comments = before.iter().rev().take_while(|line| line.starts_with('#')).count();
                above = before.split_off(before.len() - comments);
            }
            // The first comments of a document are about all of it.
            if parts.len() == 1 && parts[0].1.is_empty() {
                parts[0].1 = std::mem::take(&mut above);
            }
            parts.push((Some(line), above));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push(line);
        }
    }
    parts
}

fn joined(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    for (_, lines) in parts {
        let end = lines
            .iter()
            .rposition(|line| !line.trim().is_empty())
            .map_or(0, |at| at + 1);
        for line in &lines[..end] {
            if !(text.is_empty() && line.trim().is_empty()) {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_with_all_comments_and_the_same_reading() {
        let text = "---\r\n# about it\r\nkind: Site   \r\n# the version\r\napiVersion: fleet/v1\nspec:\n    address: x # here  \n\n    description: |\n      a  \n      b\nmetadata: {name: a}\n\n\n---\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: b}";
        let wanted = "# about it\n# the version\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: a}\nspec:\n    address: x # here\n\n    description: |\n      a  \n      b\n---\napiVersion: fleet/v1\nkind: Site\nmetadata: {name: b}\n";
        let found = format("t", text).unwrap();
        // The spaces within the text are part of it, so this document keeps its lines.
        assert!(says(&found, &trees(&source("t", text)).0), "{found}");
        assert_eq!(format("t", &found).unwrap(), found, "a second time changes nothing");
        let without = text.replace("a  \n", "a\n");
        assert_eq!(format("t", &without).unwrap(), wanted.replace("a  \n", "a\n"));
    }

    #[test]
    fn what_cannot_be_read_is_left_alone_and_what_it_means_is_not_judged() {
        let bundle = format("t", "apiVersion: fleet/v1\nkind: Site\nmetadata: {name: a\n").unwrap_err();
        assert_eq!(bundle.problems.len(), 1);
        let of_a_project = "apiVersion: fleet/v1\nkind: Site\nmetadata: {nmae: '${values.x}'}\n";
        assert_eq!(format("t", of_a_project).unwrap(), of_a_project);
    }
}
