//! `fleetctl delete`.

use std::path::PathBuf;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::delete_request::Key;
use fleet_proto::{codes, pb, reflect};

use super::{named, resource_columns, resource_name};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files;
use crate::out::Format;
use crate::targets;

/// Delete resources: all that is named in one transaction, or nothing
#[derive(Args, Debug)]
pub struct Delete {
    /// Kind and names, or kind/name
    #[arg(value_name = "KIND/NAME", required_unless_present = "files", conflicts_with = "files")]
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
    let keys = if args.files.is_empty() { from_words(cx, &args.what).await? } else { from_files(cx, &args.files).await? };
    if !args.dry_run {
        confirm(cx, &keys)?;
    }
    let mut client = cx.resources().await?;
    cx.changing = !args.dry_run;
    let done = cx.within(client.delete(pb::DeleteRequest { keys, dry_run: args.dry_run, cascade: args.cascade })).await?;
    cx.changing = false;
    if matches!(cx.format, Format::Table { .. }) {
        let tail = if args.dry_run { " (dry run: nothing was changed)" } else { "" };
        let mut text = String::new();
        for resource in &done.deleted {
            text.push_str(&format!("- {} deleted\n", named(resource)));
        }
        for resource in &done.cleared {
            text.push_str(&format!("~ {} lost its reference\n", named(resource)));
        }
        text.push_str(&format!("{} deleted, {} updated{tail}\n", done.deleted.len(), done.cleared.len()));
        cx.io.out(&text);
    } else {
        super::print_all(cx, resource_columns(None, true), resource_name, done.deleted.iter().map(reflect::to_json).collect::<Vec<_>>())?;
    }
    Ok(Exit::Ok)
}

async fn from_words(cx: &mut Context, words: &[String]) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    for target in targets::parse(words)? {
        let Some(name) = target.name else {
            return Err(Error::usage("a name is missing", format!("write {}/NAME; nothing is deleted by kind alone", target.kind)));
        };
        let org = if target.kind.is_platform() { String::new() } else { cx.org().await? };
        keys.push(Key { org, kind: target.kind.to_string(), name, revision: 0 });
    }
    Ok(keys)
}

async fn from_files(cx: &mut Context, paths: &[PathBuf]) -> Result<Vec<Key>> {
    let bundle = files::read(cx, paths)?;
    if !bundle.problems.is_empty() {
        return Err(files::invalid(&bundle, &bundle.problems));
    }
    let mut keys = Vec::new();
    for resource in bundle.documents.into_iter().filter_map(|document| document.submission.resource) {
        let Some(kind) = resource.spec.as_ref().map(Kind::of) else { continue };
        let metadata = resource.metadata.unwrap_or_default();
        let org = match (kind.is_platform(), metadata.org.is_empty()) {
            (true, _) => String::new(),
            (false, true) => cx.org().await?,
            (false, false) => metadata.org,
        };
        keys.push(Key { org, kind: kind.to_string(), name: metadata.name, revision: metadata.revision });
    }
    Ok(keys)
}

/// Asks on a terminal; elsewhere `--yes` must have been given.
fn confirm(cx: &mut Context, keys: &[Key]) -> Result<()> {
    let refused = |message: &str| Error::new(Exit::NeedsConfirmation, codes::CONFIRM, message, "repeat with --yes");
    if cx.globals.yes {
        return Ok(());
    }
    let in_ci = std::env::var_os("CI").is_some_and(|v| v == "true" || v == "1");
    if !cx.io.asks || in_ci {
        return Err(refused("deleting needs a confirmation, and nobody can be asked here; nothing was done"));
    }
    let what = match keys {
        [only] => format!("{}/{}", only.kind, only.name),
        many => format!("{} resources", many.len()),
    };
    let yes = dialoguer::Confirm::new().with_prompt(format!("Delete {what}?")).default(false).interact().unwrap_or(false);
    if yes { Ok(()) } else { Err(refused("not confirmed; nothing was done")) }
}
