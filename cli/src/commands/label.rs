//! `fleetctl label`, `annotate` and `mv`: one resource changed in place, at the revision that was read.

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb;

use super::apply;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::submit::{self, Submission};
use crate::targets::{self, Target};

/// Set or remove labels: ring=canary sets, ring- removes
#[derive(Args, Debug)]
pub struct Label {
    /// Resources as kind/name, then key=value or key-
    #[arg(required = true, value_name = "KIND/NAME... KEY=VALUE...")]
    words: Vec<String>,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
}

/// Set or remove annotations: note=text sets, note- removes
#[derive(Args, Debug)]
pub struct Annotate {
    /// Resources as kind/name, then key=value or key-
    #[arg(required = true, value_name = "KIND/NAME... KEY=VALUE...")]
    words: Vec<String>,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
}

/// Rename a resource: it keeps its uid, readings and history, and what refers to it follows
#[derive(Args, Debug)]
pub struct Mv {
    /// Kind and name
    #[arg(value_name = "KIND/NAME")]
    what: String,
    /// The new name, with or without the kind
    #[arg(value_name = "NAME")]
    to: String,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn label(cx: &mut Context, args: &Label) -> Result<Exit> {
    mark(cx, &args.words, args.dry_run, |metadata| &mut metadata.labels).await
}

pub(super) async fn annotate(cx: &mut Context, args: &Annotate) -> Result<Exit> {
    mark(cx, &args.words, args.dry_run, |metadata| &mut metadata.annotations).await
}

type Entries = std::collections::HashMap<String, String>;

async fn mark(
    cx: &mut Context,
    words: &[String],
    dry_run: bool,
    entries: fn(&mut pb::Metadata) -> &mut Entries,
) -> Result<Exit> {
    let is_mark = |word: &&String| word.contains('=') || word.ends_with('-');
    let (marks, named): (Vec<&String>, Vec<&String>) = words.iter().partition(is_mark);
    if marks.is_empty() || named.is_empty() {
        return Err(Error::usage(
            "resources and what to set are both needed",
            "write such as device/meter-1 ring=canary old-",
        ));
    }
    let named: Vec<String> = named.into_iter().cloned().collect();
    let mut resources = Vec::new();
    for mut resource in read(cx, &named).await? {
        let entries = entries(resource.metadata.get_or_insert_default());
        for mark in &marks {
            if let Some((key, value)) = mark.split_once('=') {
                entries.insert(key.to_owned(), value.to_owned());
            } else {
                entries.remove(mark.trim_end_matches('-'));
            }
        }
        resources.push(resource);
    }
    write(cx, resources, dry_run).await
}

pub(super) async fn mv(cx: &mut Context, args: &Mv) -> Result<Exit> {
    let targets = targets::parse(std::slice::from_ref(&args.what))?;
    let [Target { kind, name: Some(_) }] = targets.as_slice() else {
        return Err(Error::usage("a name is missing", "write such as `mv device/old new`"));
    };
    let name = match args.to.split_once('/') {
        Some((said, name)) if targets::kind(said)? == *kind => name,
        Some((said, _)) => {
            return Err(Error::usage(
                format!("a {kind} cannot become a {said}"),
                "a rename keeps the kind",
            ));
        }
        None => &args.to,
    };
    let mut found = read(cx, std::slice::from_ref(&args.what)).await?;
    let Some(resource) = found.first_mut() else {
        return Ok(Exit::NotFound);
    };
    let metadata = resource.metadata.get_or_insert_default();
    metadata.renamed_from = std::mem::replace(&mut metadata.name, name.to_owned());
    let (org, renamed) = (metadata.org.clone(), name.to_owned());
    let exit = write(cx, found, args.dry_run).await?;
    if !args.dry_run && exit == Exit::Ok {
        tell_manifest(cx, org, *kind, renamed).await?;
    }
    Ok(exit)
}

/// A manifest that still has the old name would make it anew, and delete what was renamed.
async fn tell_manifest(cx: &mut Context, org: String, kind: Kind, name: String) -> Result<()> {
    let mut client = cx.resources().await?;
    let request = pb::OwnersRequest {
        org,
        kind: kind.to_string(),
        name: name.clone(),
    };
    let owners = cx.within(client.owners(request)).await?;
    let is_set = |field: &&pb::owners_response::Field| field.manager.starts_with("applyset/") && !field.file.is_empty();
    if let Some(field) = owners.fields.iter().find(is_set) {
        cx.io.say(&format!(
            "its manifest is {}: write `name: {name}` there too, or the next apply undoes this",
            field.file
        ));
    }
    Ok(())
}

/// The resources that words name, each of them by name.
async fn read(cx: &mut Context, words: &[String]) -> Result<Vec<pb::Resource>> {
    let wanted = targets::parse(words)?;
    if let Some(target) = wanted.iter().find(|target| target.name.is_none()) {
        return Err(Error::usage("a name is missing", format!("write {}/NAME", target.kind)));
    }
    let only_platform = wanted.iter().all(|target| target.kind.is_platform());
    let org = if only_platform { String::new() } else { cx.org().await? };
    let mut client = cx.resources().await?;
    super::get::named(cx, &mut client, &org, &wanted, None).await
}

async fn write(cx: &mut Context, resources: Vec<pb::Resource>, dry_run: bool) -> Result<Exit> {
    let outcome = submit::replace(cx, resources, dry_run).await?;
    apply::show(cx, &Submission::default(), outcome)
}
