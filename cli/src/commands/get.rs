//! `fleetctl get`.

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::{pb, reflect};

use super::{resource_columns, resource_name};
use crate::args::Narrow;
use crate::context::Context;
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
    let only_platform = wanted.iter().all(|target| target.kind.is_platform());
    let org = if args.narrow.all_orgs || only_platform { String::new() } else { cx.org().await? };
    let kinds: std::collections::BTreeSet<Kind> = wanted.iter().map(|target| target.kind).collect();
    let kind = kinds.first().copied().filter(|_| kinds.len() == 1);
    let single = matches!(wanted.as_slice(), [Target { name: Some(_), .. }]);
    let mut client = cx.resources().await?;
    let (format, timeout) = (cx.format.clone(), cx.globals.timeout.0);
    let mut listing = Listing::new(&mut cx.io, &format, resource_columns(kind, args.narrow.all_orgs), resource_name)?;
    if single {
        listing = listing.single();
    }
    for target in wanted {
        let kind = target.kind.singular().to_owned();
        if let Some(name) = target.name {
            let call = client.get(pb::GetRequest { org: org.clone(), kind, name });
            let found = tokio::time::timeout(timeout, call).await.map_err(|_| tonic::Status::deadline_exceeded("fleetd did not answer in time"))??;
            if let Some(resource) = found.into_inner().resource {
                listing.push(&reflect::to_json(&resource))?;
            }
            continue;
        }
        let filter = pb::Filter {
            org: if target.kind.is_platform() { String::new() } else { org.clone() },
            kind,
            selector: args.narrow.selector.clone(),
            reference: args.narrow.reference.clone(),
            name_glob: args.narrow.name_glob.clone(),
        };
        let mut pages = client.list(pb::ListRequest { filter: Some(filter), limit: args.limit }).await?.into_inner();
        while let Some(page) = pages.message().await? {
            for resource in page.resources {
                if !listing.push(&reflect::to_json(&resource))? {
                    return Ok(Exit::Ok);
                }
            }
        }
    }
    if listing.finish() == 0 && cx.io.asks {
        cx.say("nothing found");
    }
    Ok(Exit::Ok)
}
