//! Template.

use fleet_proto::pb::{Issue, TemplateSpec};
use fleet_proto::reflect;
use fleet_proto::template::Template;

use super::issue;

pub(super) fn template(spec: &TemplateSpec) -> Vec<Issue> {
    match Template::of(spec) {
        Err((path, why)) => vec![issue(
            format!("spec.schema{path}"),
            format!("is no JSON Schema that can be used: {why}"),
            "write JSON Schema (2020-12) without recursion, which refers to nothing outside itself",
        )],
        Ok(_) if !reflect::composed_text(spec.defaults()).is_empty() => vec![issue(
            "spec.defaults",
            "hold `fromTemplate` or `secretRef`, which stand for something only where values are used",
            "give them in the values",
        )],
        Ok(template) => template
            .defaults()
            .into_iter()
            .map(|(path, why)| issue(format!("spec.defaults{path}"), why, "change the default, or the schema"))
            .collect(),
    }
}
