//! `fleetctl describe`.

use clap::Args;
use fleet_proto::kinds::Kind;
use fleet_proto::{manifest, pb, reflect};
use serde_json::{Value, json};

use super::{named, resource_name, telemetry};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Format;
use crate::targets;

/// Show everything about a resource: its fields, who refers to it, and a device's readings and commands
#[derive(Args, Debug)]
pub struct Describe {
    /// Kind and name, or kind/name
    #[arg(required = true, value_name = "KIND/NAME")]
    what: Vec<String>,
}

pub(super) async fn run(cx: &mut Context, args: &Describe) -> Result<Exit> {
    let mut records = Vec::new();
    for target in targets::parse(&args.what)? {
        let Some(name) = target.name else {
            return Err(Error::usage("a name is missing", format!("write {}/NAME", target.kind)));
        };
        let org = if target.kind.is_platform() {
            String::new()
        } else {
            cx.org().await?
        };
        let mut client = cx.resources().await?;
        let found = cx
            .within(client.get(pb::GetRequest {
                org: org.clone(),
                kind: target.kind.to_string(),
                name,
                at: None,
            }))
            .await?;
        let Some(resource) = found.resource else { continue };
        let own = named(&resource);
        let filter = pb::Filter {
            org: org.clone(),
            reference: own.clone(),
            ..pb::Filter::default()
        };
        let mut referrers = Vec::new();
        if !target.kind.is_platform() {
            let request = pb::ListRequest {
                filter: Some(filter),
                limit: 1_000,
                at: None,
            };
            let mut pages = cx.within(client.list(request)).await?;
            while let Some(page) = in_time(cx.globals.timeout, pages.message()).await? {
                referrers.extend(page.resources.iter().map(named));
            }
        }
        let mut record = json!({"resource": reflect::to_json(&resource), "referredToBy": referrers});
        if target.kind == Kind::Device {
            let device = resource.metadata.map(|metadata| metadata.name).unwrap_or_default();
            let mut client = cx.telemetry().await?;
            let latest = cx
                .within(client.latest(pb::LatestRequest {
                    org: org.clone(),
                    device: device.clone(),
                    ..Default::default()
                }))
                .await?;
            record["readings"] = latest.readings.iter().map(telemetry::reading).collect();
            let mut client = cx.devices().await?;
            let commands = cx
                .within(client.list_commands(pb::ListCommandsRequest { org, device, limit: 10 }))
                .await?;
            record["commands"] = commands
                .commands
                .iter()
                .map(|command| super::record("Command", command))
                .collect();
        }
        records.push(record);
    }
    let name = |record: &Value| resource_name(&record["resource"]);
    match (&cx.format, records.as_slice()) {
        (Format::Table { .. }, _) => {
            for record in &records {
                cx.io.out(&format!("{}\n{}\n", name(record), manifest::yaml(record)));
            }
            Ok(Exit::Ok)
        }
        (_, [only]) => super::print(cx, Vec::new(), name, only),
        _ => {
            super::print_all(cx, Vec::new(), name, records)?;
            Ok(Exit::Ok)
        }
    }
}
