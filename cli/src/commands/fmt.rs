//! `fleetctl fmt`.

use std::path::{Path, PathBuf};

use clap::Args;
use fleet_proto::manifest::{self, Source};
use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::files;
use crate::out::{Format, column};
use crate::project::Project;

/// Give manifests one look: order of the top keys, one --- between documents, no spaces at line ends; comments stay
#[derive(Args, Debug)]
pub struct Fmt {
    /// File or directory of manifests, or - for standard input; repeatable. Without it: what fleetctl.yaml includes
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Write nothing; exit 10 where a file would change
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(cx: &mut Context, args: &Fmt) -> Result<Exit> {
    let mut paths = files::paths(cx, &args.files)?;
    if args.files.is_empty() {
        paths.extend(cx.project()?.map(Project::overlays).transpose()?.unwrap_or_default());
    }
    let sources = files::sources(cx, &paths).await?;
    let mut changed = Vec::new();
    for Source { name, text } in &sources {
        let Ok(before) = std::str::from_utf8(text) else {
            let bundle = manifest::read(vec![Source {
                name: name.clone(),
                text: text.clone(),
            }]);
            return Err(files::invalid(&bundle, &bundle.problems));
        };
        let after = manifest::format(name, before).map_err(|bundle| files::invalid(&bundle, &bundle.problems))?;
        if name == "-" && !args.check {
            cx.io.out(&after);
        } else if after != before {
            changed.push((name, after));
        }
    }
    // All of them could be read: now they are written.
    if !args.check {
        for (name, text) in &changed {
            files::replace(Path::new(name), text.as_bytes())?;
        }
    }
    let exit = if args.check && !changed.is_empty() {
        Exit::ChangesPending
    } else {
        Exit::Ok
    };
    if matches!(cx.format, Format::Table { .. }) {
        for (name, _) in &changed {
            cx.io.out(&format!("{name}\n"));
        }
        return Ok(exit);
    }
    let records = changed.iter().map(|(name, _)| json!({"file": name}));
    let columns = vec![column("FILE", ".file")];
    super::print_all(
        cx,
        columns,
        |record| super::text(record, "file"),
        records.collect::<Vec<_>>(),
    )?;
    Ok(exit)
}
