//! `fleetctl get`.

use std::collections::BTreeSet;

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource_service_client::ResourceServiceClient;
use fleet_proto::{pb, prost_types, reflect};

use super::spark::{Spark, Sparks};
use super::{resource_columns, resource_name};
use crate::args::Narrow;
use crate::connect::Line;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Format, Listing};
use crate::targets::{self, Target};
use crate::times;

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
    /// As it was then: a revision, or a time
    #[arg(long, value_name = "REVISION | TIME")]
    at: Option<String>,
    /// Of devices, a column with what a sensor did lately, such as power:24h; SENSOR@SOURCE:TIME where it has several
    /// sources. On a terminal bars from the least to the greatest mean, elsewhere the means
    #[arg(long, value_name = "SENSOR:TIME", conflicts_with_all = ["at", "all_orgs"])]
    spark: Option<Spark>,
}

pub(super) async fn run(cx: &mut Context, args: &Get) -> Result<Exit> {
    let wanted = targets::parse(&args.what)?;
    let at = args.at.as_deref().map(moment).transpose()?;
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
    if args.spark.is_some() && kind != Some(Kind::Device) {
        return Err(Error::usage(
            "--spark is about readings of devices",
            "get devices alone",
        ));
    }
    let mut client = cx.resources().await?;
    let named = named(cx, &mut client, &org, &wanted, at).await?;
    let sparks = match &args.spark {
        Some(spark) if cx.format != Format::Name => {
            let names = wanted.iter().filter_map(|target| target.name.clone());
            let names: Vec<String> = names.collect();
            Some(Sparks::find(cx, spark, &org, &names, &args.narrow).await?)
        }
        _ => None,
    };
    let (format, timeout, terminal) = (cx.format.clone(), cx.globals.timeout, cx.io.terminal);
    let record = |resource: &pb::Resource| {
        let mut record = reflect::to_json(resource);
        if let Some(sparks) = &sparks {
            sparks.add(&mut record, &format, terminal);
        }
        record
    };
    let mut columns = resource_columns(kind, args.narrow.all_orgs);
    columns.extend(args.spark.as_ref().map(Spark::column));
    let mut listing = Listing::new(&mut cx.io, &format, columns, resource_name)?;
    if wanted.len() == 1 && named.len() == 1 {
        listing = listing.single();
    }
    for resource in &named {
        listing.push(&record(resource))?;
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
            at,
        };
        let mut pages = in_time(timeout, client.list(request)).await?.into_inner();
        while let Some(page) = in_time(timeout, pages.message()).await? {
            left = left.saturating_sub(page.resources.len() as u32);
            for resource in page.resources {
                if !listing.push(&record(&resource))? {
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
    client: &mut ResourceServiceClient<Line>,
    org: &str,
    wanted: &[Target],
    at: Option<pb::Moment>,
) -> Result<Vec<pb::Resource>> {
    let mut found = Vec::new();
    for target in wanted {
        let Some(name) = &target.name else { continue };
        let request = pb::GetRequest {
            org: org.to_owned(),
            kind: target.kind.to_string(),
            name: name.clone(),
            at,
        };
        found.extend(cx.within(client.get(request)).await?.resource);
    }
    Ok(found)
}

/// A moment of the past: a revision, or a time.
fn moment(text: &str) -> Result<pb::Moment> {
    use pb::moment::Moment;
    let moment = match text.parse::<u64>() {
        // Small numbers are revisions; a time in milliseconds has more digits.
        Ok(revision) if text.len() < 12 => Moment::Revision(revision),
        _ => {
            let at = times::parse(text, times::now()).map_err(|error| {
                Error::usage(
                    format!("--at {text}: {error}"),
                    "write a revision, RFC 3339, or such as -1h",
                )
            })?;
            Moment::Time(prost_types::Timestamp {
                seconds: at.div_euclid(1_000_000),
                nanos: (at.rem_euclid(1_000_000) * 1_000) as i32,
            })
        }
    };
    Ok(pb::Moment { moment: Some(moment) })
}
