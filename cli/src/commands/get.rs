//! `fleetctl get`.

use std::collections::BTreeSet;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource_service_client::ResourceServiceClient;
use fleet_proto::{pb, reflect};
use tonic::transport::Channel;

use super::{resource_columns, resource_name};
use crate::args::Narrow;
use crate::context::{Context, in_time};
use crate::error::Result;
use crate::exit::Exit;
use crate::out::Listing;
use crate::targets::{self, Target};

/// Show one resource, or all resources of a kind
#[derive(Args, Debug)]
pub struct Get {
    /// Kind (any of its names, several with commas, or `all`) and names; or kind/name
    #[arg(required = true, value_name = "KIND [NAME]...")]
    what: Vec<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// At most so many; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    limit: u32,
}

pub(super) async fn run(cx: &mut Context, args: &Get) -> Result<Exit> {
    let wanted = targets::parse(&args.what)?;
    if wanted.iter().any(|target| target.name.is_some()) {
        args.narrow.refuse_beside_names()?;
    }
    let only_platform = wanted.iter().all(|target| target.kind.is_platform());
    let org = if args.narrow.all_orgs || only_platform {
        String::new()
    } else {
        cx.org().await?
    };
    let kinds: BTreeSet<Kind> = wanted.iter().map(|target| target.kind).collect();
    let kind = kinds.first().copied().filter(|_| kinds.len() == 1);
    let mut client = cx.resources().await?;
    let named = named(cx, &mut client, &org, &wanted).await?;
    let (format, timeout) = (cx.format.clone(), cx.globals.timeout);
    let columns = resource_columns(kind, args.narrow.all_orgs);
    let mut listing = Listing::new(&mut cx.io, &format, columns, resource_name)?;
    if wanted.len() == 1 && named.len() == 1 {
        listing = listing.single();
    }
    for resource in &named {
        listing.push(&reflect::to_json(resource))?;
    }
    let mut left = args.limit;
    for target in wanted.iter().filter(|target| target.name.is_none()) {
        let filter = pb::Filter {
            org: if target.kind.is_platform() {
                String::new()
            } else {
                org.clone()
            },
            kind: target.kind.to_string(),
            selector: args.narrow.selector.clone(),
            reference: args.narrow.reference.clone(),
            name_glob: args.narrow.name_glob.clone(),
        };
        let request = pb::ListRequest {
            filter: Some(filter),
            limit: left,
        };
        let mut pages = in_time(timeout, client.list(request)).await?.into_inner();
        while let Some(page) = in_time(timeout, pages.message()).await? {
            left = left.saturating_sub(page.resources.len() as u32);
            for resource in page.resources {
                if !listing.push(&reflect::to_json(&resource))? {
                    return Ok(Exit::Ok);
                }
            }
        }
        if args.limit > 0 && left == 0 {
            break;
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

/// The resources that were named: all of them, before the first is printed.
pub(super) async fn named(
    cx: &Context,
    client: &mut ResourceServiceClient<Channel>,
    org: &str,
    wanted: &[Target],
) -> Result<Vec<pb::Resource>> {
    let mut found = Vec::new();
    for target in wanted {
        let Some(name) = &target.name else { continue };
        let request = pb::GetRequest {
            org: org.to_owned(),
            kind: target.kind.to_string(),
            name: name.clone(),
        };
        found.extend(cx.within(client.get(request)).await?.resource);
    }
    Ok(found)
}
