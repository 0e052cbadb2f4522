//! `fleetctl export`.

use clap::Args;
use fleet_proto::kinds::{KINDS, Kind};
use fleet_proto::{pb, reflect};

use super::resource_name;
use crate::args::Narrow;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Format, Listing};
use crate::targets;

/// Print resources as manifests that can be applied again: the whole organization, or some kinds
#[derive(Args, Debug)]
pub struct Export {
    /// Kinds, or kind/name; nothing: everything of the organization
    #[arg(value_name = "KIND")]
    what: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
}

pub(super) async fn run(cx: &mut Context, args: &Export) -> Result<Exit> {
    let org = if args.narrow.all_orgs { String::new() } else { cx.org().await? };
    let wanted: Vec<(Kind, String)> = if args.what.is_empty() {
        KINDS.iter().map(|row| (row.kind, String::new())).collect()
    } else {
        targets::parse(&args.what)?.into_iter().map(|target| (target.kind, target.name.unwrap_or_default())).collect()
    };
    let mut client = cx.resources().await?;
    let format = if matches!(cx.format, Format::Table { .. }) { Format::Yaml } else { cx.format.clone() };
    let mut listing = Listing::new(&mut cx.io, &format, Vec::new(), resource_name)?;
    for (kind, name) in wanted {
        let filter = pb::Filter {
            org: org.clone(),
            kind: kind.to_string(),
            selector: args.narrow.selector.clone(),
            reference: args.narrow.reference.clone(),
            name_glob: if name.is_empty() { args.narrow.name_glob.clone() } else { name },
        };
        let mut pages = client.list(pb::ListRequest { filter: Some(filter), limit: 0 }).await?.into_inner();
        while let Some(page) = pages.message().await? {
            for resource in page.resources {
                if !listing.push(&reflect::to_manifest_json(&resource))? {
                    return Ok(Exit::Ok);
                }
            }
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}
