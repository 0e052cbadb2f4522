//! Which organization a manifest belongs to: its own, the one that was named, or the only one of the bundle or fleetd.

use std::collections::BTreeSet;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::manifest::{Bundle, Document, Problem};

use crate::context::Context;
use crate::error::Result;

/// Gives every manifest its organization; a manifest that contradicts `--org` is a problem at its place.
pub async fn settle(cx: &mut Context, bundle: &mut Bundle) -> Result<Vec<Problem>> {
    cx.project()?;
    let said = cx.globals.org.clone();
    let default = match &said {
        Some(org) => org.clone(),
        None if !bundle.documents.iter().any(is_homeless) => String::new(),
        None => match only_organization(bundle) {
            Some(org) => org,
            None => cx.org().await?,
        },
    };
    let explicit = said.filter(|_| cx.org_said);
    let mut problems = Vec::new();
    for document in &mut bundle.documents {
        let place = document.place_of("metadata.org");
        if kind(document).is_none_or(Kind::is_platform) {
            continue;
        }
        let Some(resource) = &mut document.submission.resource else {
            continue;
        };
        let metadata = resource.metadata.get_or_insert_default();
        if metadata.org.is_empty() {
            metadata.org.clone_from(&default);
        } else if let Some(said) = explicit.as_ref().filter(|said| **said != metadata.org) {
            problems.push(Problem {
                code: codes::ORG.to_owned(),
                message: format!("metadata.org is `{}`, and --org is `{said}`", metadata.org),
                help: "remove one of them, or make them agree".to_owned(),
                place: Some(place),
            });
        }
    }
    Ok(problems)
}

fn kind(document: &Document) -> Option<Kind> {
    let resource = document.submission.resource.as_ref()?;
    resource.spec.as_ref().map(Kind::of)
}

/// It needs an organization and names none.
fn is_homeless(document: &Document) -> bool {
    let metadata = document
        .submission
        .resource
        .as_ref()
        .and_then(|resource| resource.metadata.as_ref());
    kind(document).is_some_and(|kind| !kind.is_platform()) && metadata.is_none_or(|metadata| metadata.org.is_empty())
}

/// The organization of a bundle that brings exactly one along.
fn only_organization(bundle: &Bundle) -> Option<String> {
    let own: BTreeSet<&str> = bundle
        .documents
        .iter()
        .filter(|document| kind(document) == Some(Kind::Organization))
        .filter_map(|document| document.submission.resource.as_ref()?.metadata.as_ref())
        .map(|metadata| metadata.name.as_str())
        .collect();
    own.first().filter(|_| own.len() == 1).map(|name| (*name).to_owned())
}
