//! `fleetctl delete`.

use std::path::PathBuf;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::manifest::Unread;
use fleet_proto::pb::delete_request::Key;
use fleet_proto::{pb, reflect};

use super::{named, resource_columns, resource_name};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Format;
use crate::{files, placement, prompt, targets};

/// Delete resources: all that is named in one transaction, or nothing
#[derive(Args, Debug)]
pub struct Delete {
    /// Kind and names, or kind/name
    #[arg(
        value_name = "KIND/NAME",
        required_unless_present = "files",
        conflicts_with = "files"
    )]
    what: Vec<String>,
    /// Delete what these manifests name; - for standard input; repeatable
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Do everything but commit
    #[arg(long)]
    dry_run: bool,
    /// Take the contents of an organization along
    #[arg(long)]
    cascade: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Delete) -> Result<Exit> {
    let keys = if args.files.is_empty() {
        from_words(cx, &args.what).await?
    } else {
        from_files(cx, &args.files).await?
    };
    if !args.dry_run {
        let what = match keys.as_slice() {
            [only] => format!("delete {}/{}", only.kind, only.name),
            many => format!("delete {} resources", many.len()),
        };
        prompt::confirm(cx, &what).await?;
    }
    let mut client = cx.resources().await?;
    cx.changing = !args.dry_run;
    let done = cx
        .within(client.delete(pb::DeleteRequest {
            keys,
            dry_run: args.dry_run,
            cascade: args.cascade,
        }))
        .await?;
    cx.changing = false;
    if matches!(cx.format, Format::Table { .. }) {
        let tail = if args.dry_run {
            " (dry run: nothing was changed)"
        } else {
            ""
        };
        let mut text = String::new();
        for resource in &done.deleted {
            text.push_str(&format!("- {} deleted\n", named(resource)));
        }
        for resource in &done.cleared {
            text.push_str(&format!("~ {} lost its reference\n", named(resource)));
        }
        text.push_str(&format!(
            "{} deleted, {} updated{tail}\n",
            done.deleted.len(),
            done.cleared.len()
        ));
        cx.io.out(&text);
    } else {
        super::print_all(
            cx,
            resource_columns(None, true),
            resource_name,
            done.deleted.iter().map(reflect::to_json).collect::<Vec<_>>(),
        )?;
    }
    Ok(Exit::Ok)
}

/// The resources that words name, each of them by name.
pub(super) async fn from_words(cx: &mut Context, words: &[String]) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for target in targets::parse(words)? {
        let Some(name) = target.name else {
            return Err(Error::usage(
                "a name is missing",
                format!("write {}/NAME; a kind alone is not enough", target.kind),
            ));
        };
        let org = if target.kind.is_platform() {
            String::new()
        } else {
            cx.org().await?
        };
        keys.push(Key {
            org,
            kind: target.kind.to_string(),
            name,
            revision: 0,
        });
    }
    Ok(keys)
}

async fn from_files(cx: &mut Context, paths: &[PathBuf]) -> Result<Vec<Key>> {
    let mut bundle = files::read(cx, paths, &Unread).await?;
    if bundle.documents.is_empty() && bundle.problems.is_empty() {
        return Err(files::empty());
    }
    if bundle.problems.is_empty() {
        bundle.problems = placement::settle(cx, &mut bundle).await?;
    }
    if !bundle.problems.is_empty() {
        return Err(files::invalid(&bundle, &bundle.problems));
    }
    let mut keys = Vec::new();
    for resource in bundle
        .documents
        .into_iter()
        .filter_map(|document| document.submission.resource)
    {
        let Some(kind) = resource.spec.as_ref().map(Kind::of) else {
            continue;
        };
        let metadata = resource.metadata.unwrap_or_default();
        keys.push(Key {
            org: metadata.org,
            kind: kind.to_string(),
            name: metadata.name,
            revision: metadata.revision,
        });
    }
    Ok(keys)
}
