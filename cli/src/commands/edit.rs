//! `fleetctl edit`.

use std::path::Path;
use std::process::Command;

use clap::Args;
use fleet_proto::manifest::{self, Bundle, Reading, Source};
use fleet_proto::pb;

use super::apply;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::secrets::Here;
use crate::submit::{self, Submission};
use crate::{files, targets};

/// Change resources in $EDITOR; what is wrong is shown there until it is right
#[derive(Args, Debug)]
pub struct Edit {
    /// Kind and names, or kind/name
    #[arg(required = true, value_name = "KIND/NAME")]
    what: Vec<String>,
}

/// Lines that tell, and are taken out again.
const NOTE: &str = "#: ";

pub(super) async fn run(cx: &mut Context, args: &Edit) -> Result<Exit> {
    let wanted = targets::parse(&args.what)?;
    if let Some(target) = wanted.iter().find(|target| target.name.is_none()) {
        return Err(Error::usage("a name is missing", format!("write {}/NAME", target.kind)));
    }
    if !cx.io.asks {
        return Err(Error::usage(
            "nobody can edit here: this is no terminal",
            "change the manifest and apply it, or use `fleetctl label`",
        ));
    }
    let only_platform = wanted.iter().all(|target| target.kind.is_platform());
    let org = if only_platform { String::new() } else { cx.org().await? };
    let mut client = cx.resources().await?;
    let found = super::get::named(cx, &mut client, &org, &wanted, None).await?;
    let original: Vec<String> = found.iter().map(manifest::write).collect();
    let original = original.join("---\n");
    let mut text = original.clone();
    let mut last = String::new();
    loop {
        let edited = edited(&text).await?;
        let kept_lines = edited.lines().filter(|line| !line.starts_with(NOTE));
        let clean = kept_lines.map(|line| line.to_owned() + "\n").collect::<String>();
        if clean.trim().is_empty() || clean == original {
            cx.io.say("nothing was changed");
            return Ok(Exit::Ok);
        }
        let error = match send(cx, &found, &clean).await {
            Ok(outcome) => return apply::show(cx, &Submission::default(), outcome),
            Err(error) if matches!(error.exit, Exit::Invalid) => error,
            Err(error) => {
                return Err(kept(&clean, error));
            }
        };
        if clean == last {
            // The editor was left without a change: whoever edits gives up.
            return Err(kept(&clean, error));
        }
        let told = error.text();
        let notes = told.lines().map(|line| [NOTE, line, "\n"].concat()).collect::<String>();
        // Below the text, so that the lines that they name are the lines that the editor shows.
        let first = told.lines().next().unwrap_or_default().to_owned();
        cx.io.say(&format!("{first}; all of it stands below the text"));
        text = format!("{clean}{notes}");
        last = clean;
    }
}

async fn send(cx: &mut Context, found: &[pb::Resource], text: &str) -> Result<submit::Outcome> {
    let source = Source {
        name: "edited".to_owned(),
        text: text.as_bytes().to_vec(),
    };
    let reading = Reading {
        secrets: Some(&Here),
        ..Reading::default()
    };
    let bundle = manifest::read_with(vec![source], reading);
    if !bundle.problems.is_empty() {
        return Err(files::invalid(&bundle, &bundle.problems));
    }
    let resources = same(found, &bundle)?;
    submit::replace_located(cx, resources, bundle).await
}

/// The edited resources, each at the revision that was read. A name is changed by `mv`, not here.
fn same(found: &[pb::Resource], bundle: &Bundle) -> Result<Vec<pb::Resource>> {
    let mut resources = Vec::new();
    for document in &bundle.documents {
        let Some(mut resource) = document.submission.resource.clone() else {
            continue;
        };
        let name = super::named(&resource);
        let metadata = resource.metadata.get_or_insert_default();
        let before = found.iter().find(|before| {
            super::named(before) == name
                && before
                    .metadata
                    .as_ref()
                    .is_some_and(|before| before.org == metadata.org)
        });
        let Some(before) = before.and_then(|before| before.metadata.as_ref()) else {
            return Err(Error::new(
                Exit::Invalid,
                fleet_proto::codes::NAME,
                format!("{name} is not one of the edited resources"),
                "kind, name and organization stay as they are; rename with `fleetctl mv`",
            ));
        };
        metadata.revision = before.revision;
        resources.push(resource);
    }
    Ok(resources)
}

/// What the editor leaves of a text.
async fn edited(text: &str) -> Result<String> {
    let file = tempfile::Builder::new().prefix("fleetctl-").suffix(".yaml").tempfile();
    let file = file.map_err(|error| files::unreadable(&std::env::temp_dir(), &error))?;
    std::fs::write(file.path(), text).map_err(|error| files::unreadable(file.path(), &error))?;
    let path = file.path().to_owned();
    let ended = tokio::task::spawn_blocking(move || editor(&path)).await;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(what)) => {
            return Err(Error::usage(what, "set EDITOR to the editor that you use"));
        }
        Err(error) => return Err(Error::usage(format!("the editor ended: {error}"), "")),
    }
    std::fs::read_to_string(file.path()).map_err(|error| files::unreadable(file.path(), &error))
}

fn editor(path: &Path) -> std::result::Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let command = set("FLEETCTL_EDITOR")
        .or_else(|| set("VISUAL"))
        .or_else(|| set("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned());
    // The variable may hold arguments: a shell reads it as other programs do.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{command} \"$1\""))
        .arg("sh")
        .arg(path)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{command}` ended with {status}; nothing was changed")),
        Err(error) => Err(format!("`{command}` cannot be run: {error}")),
    }
}

/// What was written must not be lost with the error.
fn kept(text: &str, mut error: Error) -> Error {
    let file = tempfile::Builder::new()
        .prefix("fleetctl-edit-")
        .suffix(".yaml")
        .tempfile();
    if let Ok(Ok((_, path))) = file.map(tempfile::NamedTempFile::keep)
        && std::fs::write(&path, text).is_ok()
    {
        let next = error.help.trim_end_matches('.').to_owned();
        let next = if next.is_empty() { next } else { next + "; " };
        error.help = format!("{next}what you wrote is in {}", path.display());
    }
    error
}
