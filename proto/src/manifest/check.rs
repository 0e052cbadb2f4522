//! What can be said of manifests without asking fleetd.

use std::collections::HashMap;

use super::{Bundle, Problem};
use crate::codes;
use crate::kinds::Kind;
use crate::pb;
use crate::reflect;

impl Bundle {
    /// Everything that is wrong with the manifests themselves: the text, the rules of the fields, names that stand
    /// there twice. References, uniqueness and the rules of a kind as a whole are fleetd's to check.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        let nothing = pb::Metadata::default();
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
            for mut issue in issues {
                issue.index = u32::try_from(index).unwrap_or(u32::MAX);
                problems.push(self.locate(&issue));
            }
        }
        problems.sort_by_key(|problem| problem.place);
        problems
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
