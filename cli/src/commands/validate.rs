//! `fleetctl validate`.

use std::path::PathBuf;

use clap::Args;
use fleet_proto::manifest::Unread;
use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::files;
use crate::out::{Format, column};
use crate::report::Reports;

/// Check manifests without fleetd: their text, fields, types, ranges and names
///
/// References, values that must be unique, and what a kind wants as a whole are checked by `plan`, which asks fleetd.
#[derive(Args, Debug)]
pub struct Validate {
    /// File or directory of manifests, or - for standard input; repeatable. Without it: what fleetctl.yaml includes
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reports: Reports,
}

pub(super) async fn run(cx: &mut Context, args: &Validate) -> Result<Exit> {
    let bundle = files::read(cx, &args.files, &Unread).await?;
    if bundle.documents.is_empty() && bundle.problems.is_empty() {
        return Err(files::empty());
    }
    let problems = bundle.check();
    args.reports.write(cx, &bundle, &problems)?;
    if !problems.is_empty() {
        return Err(files::invalid(&bundle, &problems));
    }
    let count = bundle.documents.len();
    if matches!(cx.format, Format::Table { .. }) {
        let plural = if count == 1 { "manifest is" } else { "manifests are" };
        cx.io.out(&format!("{count} {plural} valid\n"));
        return Ok(Exit::Ok);
    }
    let columns = vec![column("VALID", ".valid"), column("MANIFESTS", ".manifests")];
    let record = json!({"valid": true, "manifests": count});
    super::print(cx, columns, |record| record["valid"].to_string(), &record)
}
