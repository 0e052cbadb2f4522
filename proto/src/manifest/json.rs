//! A manifest that came as JSON: what programs send over HTTP. The text of a secret stands in its place.

use serde_json::Value as Json;

use super::read::metadata_from;
use crate::kinds::Kind;
use crate::pb;
use crate::reflect::{self, SERVER_FIELDS};
use crate::suggest::closest;
use crate::{codes, names};

/// What only fleetd writes beside the metadata.
const SERVER_PARTS: &[&str] = &["status", "issues"];
const PARTS: &[&str] = &["apiVersion", "kind", "metadata", "spec"];

fn issue(path: &str, code: &str, message: String, help: String) -> pb::Issue {
    pb::Issue {
        index: 0,
        path: path.to_owned(),
        message,
        help,
        code: code.to_owned(),
    }
}

/// Reads a resource of a kind. What only fleetd writes may stand there, so that what was read can be sent back; it is
/// never taken.
pub fn submission(kind: Kind, whole: &Json) -> Result<pb::Submission, Vec<pb::Issue>> {
    let Json::Object(parts) = whole else {
        let help = "send an object with `metadata` and `spec`".to_owned();
        return Err(vec![issue("", codes::WRONG_TYPE, "expected a map".to_owned(), help)]);
    };
    let mut issues = Vec::new();
    for (part, value) in parts {
        match part.as_str() {
            "apiVersion" if value != "fleet/v1" && !value.is_null() => {
                let help = "write `fleet/v1`, or leave it out".to_owned();
                let message = format!("unknown apiVersion {value}");
                issues.push(issue(part, codes::API_VERSION, message, help));
            }
            "kind" if value != kind.row().title && !value.is_null() => {
                let help = format!("write `{}`, or leave it out", kind.row().title);
                let message = format!("{value} is not the kind of the path");
                issues.push(issue(part, codes::UNKNOWN_KIND, message, help));
            }
            known if PARTS.contains(&known) || SERVER_PARTS.contains(&known) => {}
            other => {
                let help = closest(other, PARTS.iter().copied()).map_or_else(
                    || format!("known are {}", PARTS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("unknown field `{other}`");
                issues.push(issue(other, codes::UNKNOWN_FIELD, message, help));
            }
        }
    }
    let metadata = metadata(parts.get("metadata"), &mut issues);
    let empty = Json::Object(serde_json::Map::new());
    let spec = parts.get("spec").filter(|spec| !spec.is_null()).unwrap_or(&empty);
    let (typed, mut found) = reflect::spec_from_json_partly(kind, spec);
    issues.append(&mut found);
    if !issues.is_empty() {
        return Err(issues);
    }
    let mut paths = Vec::new();
    leaves(spec, "spec", &mut paths);
    if parts.get("metadata").and_then(|of| of.get("protect")).is_some() {
        paths.push(reflect::PROTECT.to_owned());
    }
    Ok(pb::Submission {
        resource: Some(pb::Resource {
            metadata: Some(metadata),
            spec: Some(typed),
            ..pb::Resource::default()
        }),
        paths,
        ..pb::Submission::default()
    })
}

/// The metadata without what only fleetd writes.
fn metadata(json: Option<&Json>, issues: &mut Vec<pb::Issue>) -> pb::Metadata {
    let mut metadata = pb::Metadata::default();
    let Some(json) = json else { return metadata };
    let mut own = json.clone();
    if let Some(fields) = own.as_object_mut() {
        fields.retain(|name, _| !SERVER_FIELDS.contains(&name.as_str()));
    }
    metadata_from(&own, &mut metadata, issues);
    if !metadata.org.is_empty() && !names::is_name(&metadata.org) && !names::is_uuid(&metadata.org) {
        let message = format!("`{}` is no name", metadata.org);
        issues.push(issue("metadata.org", codes::NAME, message, names::NAME_HINT.to_owned()));
    }
    metadata
}

/// Paths of what holds nothing more.
fn leaves(json: &Json, path: &str, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) if !fields.is_empty() => {
            fields
                .iter()
                .for_each(|(name, value)| leaves(value, &format!("{path}.{name}"), found));
        }
        Json::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| leaves(item, &format!("{path}[{at}]"), found));
        }
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_read_can_be_sent_back_and_what_fleetd_writes_is_never_taken() {
        let read = json!({
            "apiVersion": "fleet/v1", "kind": "Site", "status": {"x": 1},
            "metadata": {"org": "o", "name": "s", "uid": "u", "revision": 9, "generation": 4, "createdBy": "me"},
            "spec": {"displayName": "S", "settings": {"operatorControl": true}},
        });
        let submission = submission(Kind::Site, &read).unwrap();
        let metadata = submission.resource.unwrap().metadata.unwrap();
        assert_eq!(
            (metadata.name.as_str(), metadata.revision, metadata.generation),
            ("s", 0, 0)
        );
        assert!(metadata.uid.is_empty() && metadata.created_by.is_empty());
        assert_eq!(submission.paths, ["spec.displayName", "spec.settings.operatorControl"]);
    }

    #[test]
    fn every_problem_is_told_at_its_place() {
        let wrong = json!({"kind": "Device", "spce": {}, "metadata": {"nam": "x"}, "spec": {"displayName": 7, "x": 1}});
        let found = submission(Kind::Site, &wrong).unwrap_err();
        let mut paths: Vec<_> = found.iter().map(|issue| issue.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["kind", "metadata.nam", "spce", "spec.displayName", "spec.x"]);
        assert!(submission(Kind::Site, &json!([1])).is_err());
    }
}
