//! What can be said of manifests without asking fleetd.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::{Bundle, Problem};
use crate::codes;
use crate::kinds::Kind;
use crate::pb;
use crate::pb::resource::Spec;
use crate::reflect::{self, MARK, Part};
use crate::template::Template;

/// By organization and name.
type Templates<'a> = HashMap<(&'a str, &'a str), Template>;

impl Bundle {
    /// Everything that is wrong with the manifests themselves: the text, the rules of the fields, names that stand
    /// there twice. References, uniqueness and the rules of a kind as a whole are fleetd's to check.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        let nothing = pb::Metadata::default();
        let usable = self.usable();
        let mut known: HashMap<(Kind, &str, &str), usize> = HashMap::new();
        for (index, document) in self.documents.iter().enumerate() {
            let Some(resource) = &document.submission.resource else {
                continue;
            };
            let metadata = resource.metadata.as_ref().unwrap_or(&nothing);
            let mut issues = reflect::check_metadata(metadata);
            if let Some(spec) = &resource.spec {
                issues.extend(reflect::check(spec));
                let key = (Kind::of(spec), metadata.org.as_str(), metadata.name.as_str());
                if let Some(first) = known.insert(key, index).filter(|_| !metadata.name.is_empty()) {
                    issues.push(pb::Issue {
                        path: "metadata.name".to_owned(),
                        message: format!("{}/{} stands there twice, first at {}", key.0, key.2, self.place(first)),
                        help: "remove one of them".to_owned(),
                        code: codes::TWICE.to_owned(),
                        ..pb::Issue::default()
                    });
                }
            }
            // Most manifests have no part: their specs need not be looked through.
            let uses = |path: &String| path.ends_with(".fromTemplate");
            let is_template = matches!(resource.spec, Some(Spec::Template(_)));
            if let Some(spec) = &resource.spec
                && (is_template || document.submission.paths.iter().any(uses))
            {
                issues.extend(Self::templates(spec, &metadata.org, &usable));
            }
            for mut issue in issues {
                issue.index = u32::try_from(index).unwrap_or(u32::MAX);
                problems.push(self.locate(&issue));
            }
        }
        problems.sort_by_key(|problem| problem.place);
        problems
    }

    /// What templates that stand beside a manifest say of it. Of others, and of secrets, only fleetd knows.
    fn templates(spec: &Spec, org: &str, known: &Templates<'_>) -> Vec<pb::Issue> {
        let issue = |path: String, message: String| pb::Issue {
            path,
            message,
            code: codes::TEMPLATE.to_owned(),
            ..pb::Issue::default()
        };
        if let Spec::Template(spec) = spec {
            return match Template::of(spec) {
                Err((path, why)) => vec![issue(format!("spec.schema{path}"), why)],
                Ok(template) => {
                    let found = template.defaults().into_iter();
                    found
                        .map(|(path, why)| issue(format!("spec.defaults{path}"), why))
                        .collect()
                }
            };
        }
        let mut issues = Vec::new();
        for (path, json) in reflect::composed_values(spec) {
            reflect::filled(json, &path, &mut |path, part| match part {
                Part::Secret(_) => MARK.into(),
                Part::Template(name, values) => {
                    let Some(template) = known.get(&(org, name)) else {
                        return Json::Null;
                    };
                    let whole = template.render(values);
                    let wrong = template.check(&whole).into_iter();
                    issues.extend(wrong.map(|(at, why)| issue(format!("{path}.values{at}"), why)));
                    whole
                }
            });
        }
        issues
    }

    /// The templates that can be used, by organization and name: each is read once, however many use it.
    fn usable(&self) -> Templates<'_> {
        let resources = self
            .documents
            .iter()
            .filter_map(|document| document.submission.resource.as_ref());
        let template = |resource: &'_ pb::Resource| match &resource.spec {
            Some(Spec::Template(spec)) => Template::of(spec).ok(),
            _ => None,
        };
        let named = resources.filter_map(|resource| {
            let metadata = resource.metadata.as_ref()?;
            Some(((metadata.org.as_str(), metadata.name.as_str()), template(resource)?))
        });
        named.collect()
    }

    fn place(&self, index: usize) -> String {
        let place = self.documents.get(index).map(|document| document.place);
        let source = place.and_then(|place| self.sources.get(place.source));
        let (name, line) = (
            source.map_or("", |source| &source.name),
            place.map_or(0, |place| place.line),
        );
        format!("{name}:{line}")
    }
}
