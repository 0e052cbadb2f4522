//! Template.

use fleet_proto::pb::{Issue, TemplateSpec};
use fleet_proto::template::Template;

use super::issue;

pub(super) fn template(spec: &TemplateSpec) -> Vec<Issue> {
    match Template::of(spec) {
        Err(why) => vec![issue(
            "spec.schema",
            format!("is no JSON Schema that can be used: {why}"),
            "write JSON Schema (2020-12) that refers to nothing outside itself",
        )],
        Ok(template) => template
            .defaults()
            .into_iter()
            .map(|(path, why)| issue(format!("spec.defaults{path}"), why, "change the default, or the schema"))
            .collect(),
    }
}
