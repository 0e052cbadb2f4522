//! The field rules of the contract, applied to a spec: required, length, range, pattern, uniqueness within a list.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind as Type, MapKey, ReflectMessage as _, Value};
use regex::Regex;

use super::secret::{MARK, SEALED};
use super::{composed, dynamic, manifest_name, pool, rules};
use crate::codes;
use crate::kinds::Kind;
use crate::names;
use crate::pb;
use crate::pb::resource::Spec;

/// Deepest nesting of a free JSON value.
const DEEPEST_JSON: usize = 32;
/// Text that has no pattern and may have at most so many characters is one line; a longer one may be several.
const LONGEST_LINE: u32 = 255;
/// Longest key of a free JSON value, as in manifests.
const LONGEST_KEY: usize = 1_024;

static PATTERNS: LazyLock<HashMap<String, Regex>> = LazyLock::new(|| {
    pool()
        .all_messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter_map(|field| {
            let pattern = &rules(&field)?.pattern;
            let whole = Regex::new(&format!("^(?:{pattern})$"))
                .ok()
                .filter(|_| !pattern.is_empty())?;
            Some((field.full_name().to_owned(), whole))
        })
        .collect()
});

/// What is wrong with a spec by the rules of its fields.
pub fn check(spec: &Spec) -> Vec<pb::Issue> {
    let mut issues = Vec::new();
    check_message(&dynamic(spec), "spec", &mut issues);
    issues
}

/// Fields that may not change and did.
pub fn immutable_changes(old: &Spec, new: &Spec) -> Vec<pb::Issue> {
    let (old, new) = (dynamic(old), dynamic(new));
    old.descriptor()
        .fields()
        .filter(|field| rules(field).is_some_and(|rules| rules.immutable))
        .filter(|field| old.has_field(field) && old.get_field(field) != new.get_field(field))
        .map(|field| {
            let path = format!("spec.{}", manifest_name(&field));
            issue(
                &path,
                "may not change after creation".into(),
                "create a new resource".into(),
                codes::IMMUTABLE,
            )
        })
        .collect()
}

/// What is wrong with a submission's metadata.
pub fn check_metadata(metadata: &pb::Metadata) -> Vec<pb::Issue> {
    let mut issues = Vec::new();
    if metadata.name.is_empty() {
        issues.push(issue(
            "metadata.name",
            "is missing".into(),
            format!("a name is {}", names::NAME_HINT),
            codes::NAME,
        ));
    } else if !names::is_name(&metadata.name) {
        issues.push(issue(
            "metadata.name",
            format!("`{}` is no name", shorten(&metadata.name)),
            format!("a name is {}", names::NAME_HINT),
            codes::NAME,
        ));
    }
    for (key, value) in &metadata.labels {
        let path = format!("metadata.labels.{key}");
        if !is_label_key(key) {
            issues.push(issue(
                &path,
                "is no label key".into(),
                "1 to 127 of letters, digits, `.`, `_`, `/`, `-`, beginning with a letter or digit".into(),
                codes::LABEL,
            ));
        }
        check_signs(value, true, &path, &mut issues);
        if value.chars().count() > 256 {
            issues.push(issue(
                &path,
                "is longer than 256 characters".into(),
                "use an annotation for long text".into(),
                codes::LABEL,
            ));
        }
    }
    for key in metadata.annotations.keys().filter(|key| !is_label_key(key)) {
        issues.push(issue(
            &format!("metadata.annotations.{key}"),
            "is no annotation key".into(),
            "1 to 127 of letters, digits, `.`, `_`, `/`, `-`, beginning with a letter or digit".into(),
            codes::LABEL,
        ));
    }
    for (key, value) in &metadata.annotations {
        check_signs(value, false, &format!("metadata.annotations.{key}"), &mut issues);
    }
    let size: usize = metadata
        .annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > 65_536 {
        issues.push(issue(
            "metadata.annotations",
            format!("hold {size} bytes"),
            "at most 65536 bytes in all".into(),
            codes::LABEL,
        ));
    }
    issues
}

fn is_label_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= 127
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
}

fn check_message(message: &DynamicMessage, path: &str, issues: &mut Vec<pb::Issue>) {
    for field in message.descriptor().fields() {
        let path = format!("{path}.{}", manifest_name(&field));
        let rules = rules(&field);
        let empty = matches!(message.get_field(&field).as_ref(), Value::String(text) if text.is_empty());
        let required = rules.is_some_and(|rules| rules.required);
        if !message.has_field(&field) || (required && empty) {
            if rules.is_some_and(|rules| rules.required) {
                issues.push(issue(
                    &path,
                    "is missing".into(),
                    format!("add `{}:`", manifest_name(&field)),
                    codes::MISSING_FIELD,
                ));
            }
            continue;
        }
        match message.get_field(&field).as_ref() {
            Value::List(items) => {
                check_list(rules, items, &path, issues);
                for (at, item) in items.iter().enumerate() {
                    check_value(&field, rules, item, &format!("{path}[{at}]"), issues);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    let MapKey::String(key) = key else { continue };
                    check_signs(key, true, &path, issues);
                    check_value(&field, rules, value, &format!("{path}.{key}"), issues);
                }
            }
            value => check_value(&field, rules, value, &path, issues),
        }
    }
}

/// Refuses what no store and no log can hold: in one line control characters, elsewhere NUL.
fn check_signs(text: &str, is_line: bool, path: &str, issues: &mut Vec<pb::Issue>) {
    let is_wrong = |sign: &char| *sign == '\0' || (is_line && sign.is_control());
    if let Some(sign) = text.chars().find(is_wrong) {
        issues.push(issue(
            path,
            format!("holds the control character U+{:04X}", u32::from(sign)),
            "leave it out".into(),
            codes::OUT_OF_RANGE,
        ));
    }
}

fn check_list(rules: Option<&pb::FieldRules>, items: &[Value], path: &str, issues: &mut Vec<pb::Issue>) {
    let Some(rules) = rules else { return };
    length(rules, items.len(), "elements", path, issues);
    if rules.list_key.is_empty() {
        return;
    }
    let mut seen = HashSet::new();
    for (at, item) in items.iter().enumerate() {
        let Value::Message(element) = item else { continue };
        let Some(key) = element.descriptor().get_field_by_json_name(&rules.list_key) else {
            continue;
        };
        if let Value::String(name) = element.get_field(&key).as_ref()
            && !name.is_empty()
            && !seen.insert(name.clone())
        {
            let path = format!("{path}[{at}].{}", rules.list_key);
            issues.push(issue(
                &path,
                format!("`{name}` stands in the list twice"),
                "give each element its own name".into(),
                codes::DUPLICATE_ENTRY,
            ));
        }
    }
}

fn check_value(
    field: &FieldDescriptor,
    rules: Option<&pb::FieldRules>,
    value: &Value,
    path: &str,
    issues: &mut Vec<pb::Issue>,
) {
    let number = match value {
        Value::Message(inner) => return check_message(inner, path, issues),
        Value::U32(value) => Some(f64::from(*value)),
        Value::I32(value) => Some(f64::from(*value)),
        Value::U64(value) => Some(*value as f64),
        Value::I64(value) => Some(*value as f64),
        Value::F64(value) => {
            if !value.is_finite() {
                issues.push(issue(
                    path,
                    "is no finite number".into(),
                    "write a number".into(),
                    codes::OUT_OF_RANGE,
                ));
            }
            Some(*value)
        }
        Value::EnumNumber(number) => {
            if let Type::Enum(descriptor) = field.kind()
                && descriptor.get_value(*number).is_none()
            {
                issues.push(issue(
                    path,
                    format!("unknown value {number}"),
                    "use a newer fleetd".into(),
                    codes::UNKNOWN_VALUE,
                ));
            }
            None
        }
        _ => None,
    };
    if let Value::String(text) = value {
        let is_line = rules.is_some_and(|rules| {
            (1..=LONGEST_LINE).contains(&rules.max_len) && !rules.json && !rules.secret && rules.pattern.is_empty()
        });
        check_signs(text, is_line, path, issues);
    }
    let Some(rules) = rules else { return };
    if let Some(number) = number
        && (rules.min.is_some_and(|min| number < min) || rules.max.is_some_and(|max| number > max))
    {
        let help = match (rules.min, rules.max) {
            (Some(min), Some(max)) => format!("write a number from {min} to {max}"),
            (Some(min), None) => format!("write a number of at least {min}"),
            (_, max) => format!("write a number of at most {}", max.unwrap_or_default()),
        };
        issues.push(issue(
            path,
            format!("{number} is out of range"),
            help,
            codes::OUT_OF_RANGE,
        ));
    }
    if let Value::String(text) = value {
        check_text(field, rules, text, path, issues);
    }
}

fn check_text(field: &FieldDescriptor, rules: &pb::FieldRules, text: &str, path: &str, issues: &mut Vec<pb::Issue>) {
    if rules.secret && (text.starts_with(SEALED) || text.starts_with(MARK)) {
        return;
    }
    length(rules, text.chars().count(), "characters", path, issues);
    if let Some(pattern) = PATTERNS.get(field.full_name())
        && !pattern.is_match(text)
    {
        issues.push(issue(
            path,
            format!("`{}` is not {}", shorten(text), rules.pattern_hint),
            format!("write {}", rules.pattern_hint),
            codes::OUT_OF_RANGE,
        ));
    }
    if let Some(kind) = Kind::find(&rules.r#ref)
        && !names::is_name(text)
    {
        issues.push(issue(
            path,
            format!("`{}` is no name of a {kind}", shorten(text)),
            format!("write its metadata.name: {}", names::NAME_HINT),
            codes::NAME,
        ));
    }
    if rules.json {
        match serde_json::from_str::<serde_json::Value>(text) {
            Err(error) => issues.push(issue(
                path,
                format!("is no JSON: {error}"),
                "write any JSON value".into(),
                codes::WRONG_TYPE,
            )),
            Ok(value) if longest_key(&value) > LONGEST_KEY => {
                issues.push(issue(
                    path,
                    format!("has a key of more than {LONGEST_KEY} bytes"),
                    "shorten it".into(),
                    codes::OUT_OF_RANGE,
                ));
            }
            Ok(value) if depth(&value) > DEEPEST_JSON => {
                issues.push(issue(
                    path,
                    format!("is nested deeper than {DEEPEST_JSON} levels"),
                    "flatten it".into(),
                    codes::OUT_OF_RANGE,
                ));
            }
            Ok(value) if rules.composed => {
                issues.append(&mut composed::issues(&value, path));
            }
            Ok(_) => {}
        }
    }
}

fn longest_key(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => items.iter().map(longest_key).max().unwrap_or(0),
        serde_json::Value::Object(fields) => {
            let longest = fields.iter().map(|(key, inner)| key.len().max(longest_key(inner)));
            longest.max().unwrap_or(0)
        }
        _ => 0,
    }
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn length(rules: &pb::FieldRules, found: usize, of: &str, path: &str, issues: &mut Vec<pb::Issue>) {
    let (least, most) = (rules.min_len as usize, rules.max_len as usize);
    if found < least || (most > 0 && found > most) {
        issues.push(issue(
            path,
            format!("has {found} {of}"),
            format!("at least {least}, at most {most} {of}"),
            codes::OUT_OF_RANGE,
        ));
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        text.chars().take(57).chain("...".chars()).collect()
    }
}

fn issue(path: &str, message: String, help: String, code: &str) -> pb::Issue {
    pb::Issue {
        index: 0,
        path: path.to_owned(),
        message,
        help,
        code: code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::{clear_reference, references, spec_from_json, uniques};
    use serde_json::json;

    #[test]
    fn every_pattern_compiles() {
        let patterns = pool()
            .all_messages()
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .filter(|field| rules(field).is_some_and(|rules| !rules.pattern.is_empty()));
        assert_eq!(patterns.count(), PATTERNS.len());
        assert!(!PATTERNS.is_empty());
    }

    #[test]
    fn each_rule_has_its_issue() {
        let table = [
            (
                Kind::Site,
                json!({"location": {"latitude": 91, "longitude": 0}}),
                "spec.location.latitude",
                codes::OUT_OF_RANGE,
            ),
            (
                Kind::Site,
                json!({"location": {"latitude": 1}}),
                "spec.location.longitude",
                codes::MISSING_FIELD,
            ),
            (Kind::Site, json!({"parent": "a b"}), "spec.parent", codes::NAME),
            (
                Kind::Device,
                json!({"sensors": [{"name": ""}]}),
                "spec.sensors[0].name",
                codes::MISSING_FIELD,
            ),
            (
                Kind::Device,
                json!({"sensors": [{"name": "a"}, {"name": "a"}]}),
                "spec.sensors[1].name",
                codes::DUPLICATE_ENTRY,
            ),
            (
                Kind::Customer,
                json!({"email": "nobody"}),
                "spec.email",
                codes::OUT_OF_RANGE,
            ),
            (
                Kind::Customer,
                json!({"mobileNumber": "1234567890123456"}),
                "spec.mobileNumber",
                codes::OUT_OF_RANGE,
            ),
            (
                Kind::Configuration,
                json!({"key": "k"}),
                "spec.value",
                codes::MISSING_FIELD,
            ),
        ];
        for (kind, json, path, code) in table {
            let found = check(&spec_from_json(kind, &json).unwrap());
            assert!(
                found.iter().any(|issue| issue.path == path && issue.code == code),
                "{path}: {found:?}"
            );
        }
    }

    #[test]
    fn control_characters_are_refused_where_no_store_or_log_can_hold_them() {
        let host = |host: &str| json!({"endpoint": {"host": host}});
        let refused = [
            (Kind::Device, host("x\0"), "spec.endpoint.host"),
            (Kind::Device, host("a\nb"), "spec.endpoint.host"),
            (Kind::Device, json!({"serial": "a\u{1b}[2J"}), "spec.serial"),
            (Kind::Site, json!({"description": "two\nlines\0"}), "spec.description"),
            (
                Kind::Translation,
                json!({"language": "en", "entries": {"a": "\0"}}),
                "spec.entries.a",
            ),
        ];
        for (kind, json, path) in refused {
            let found = check(&spec_from_json(kind, &json).unwrap());
            assert!(found.iter().any(|issue| issue.path == path), "{path}: {found:?}");
        }
        let lines = json!({"description": "two\n\tlines", "address": "one\r\ntwo"});
        assert_eq!(check(&spec_from_json(Kind::Site, &lines).unwrap()), []);
        let metadata = |label: &str, annotation: &str| pb::Metadata {
            name: "a".into(),
            labels: [("k".to_owned(), label.to_owned())].into(),
            annotations: [("k".to_owned(), annotation.to_owned())].into(),
            ..pb::Metadata::default()
        };
        assert_eq!(check_metadata(&metadata("v", "two\nlines")), []);
        assert_eq!(check_metadata(&metadata("a\nb", "\0")).len(), 2);
    }

    #[test]
    fn references_and_unique_values_are_found_and_cleared() {
        let json = json!({"serial": "AB-1", "site": "s", "projects": ["p", "q"], "asset": "a", "gateway": "g"});
        let mut spec = spec_from_json(Kind::Device, &json).unwrap();
        let paths: Vec<_> = references(&spec).into_iter().map(|r| (r.path, r.name)).collect();
        assert!(paths.contains(&("spec.projects[1]".into(), "q".into())));
        assert_eq!(paths.len(), 5);
        assert_eq!(uniques(&spec)[0].value, "ab-1");
        assert!(clear_reference(&mut spec, Kind::Asset, "a"));
        assert!(
            !clear_reference(&mut spec, Kind::Site, "s"),
            "a site is not cleared, it restricts"
        );
        assert_eq!(references(&spec).len(), 4);
    }
}
