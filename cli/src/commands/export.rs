//! `fleetctl export`.

use clap::Args;
use fleet_proto::{pb, reflect};

use super::resource_name;
use crate::args::Narrow;
use crate::context::{Context, in_time};
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
    let wanted = if args.what.is_empty() {
        targets::parse(&["all".to_owned()])?
    } else {
        targets::parse(&args.what)?
    };
    if wanted.iter().any(|target| target.name.is_some()) {
        args.narrow.refuse_beside_names()?;
    }
    let org = if args.narrow.all_orgs {
        String::new()
    } else {
        cx.org().await?
    };
    let mut client = cx.resources().await?;
    let format = match &cx.format {
        Format::Table { .. } => Format::Yaml,
        other => other.clone(),
    };
    let named = super::get::named(cx, &mut client, &org, &wanted, None).await?;
    let timeout = cx.globals.timeout;
    let mut listing = Listing::new(&mut cx.io, &format, Vec::new(), resource_name)?;
    for resource in &named {
        listing.push(&reflect::to_manifest_json(resource))?;
    }
    for target in wanted.iter().filter(|target| target.name.is_none()) {
        let filter = pb::Filter {
            org: org.clone(),
            kind: target.kind.to_string(),
            selector: args.narrow.selector.clone(),
            reference: args.narrow.reference.clone(),
            name_glob: args.narrow.name_glob.clone(),
        };
        let request = pb::ListRequest {
            filter: Some(filter),
            limit: 0,
            at: None,
        };
        let mut pages = in_time(timeout, client.list(request)).await?.into_inner();
        while let Some(page) = in_time(timeout, pages.message()).await? {
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
