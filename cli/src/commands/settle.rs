//! Waiting until devices run what is wanted: "committed" and "converged" are told apart.

use std::time::Duration;

use fleet_proto::pb;
use fleet_proto::pb::resource::Status;

use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// A device that runs another configuration than it should.
#[derive(Debug)]
pub struct Behind {
    /// `device/NAME`.
    pub name: String,
    /// What it reports; empty: nothing yet.
    pub runs: String,
    /// What it should run.
    pub wanted: String,
}

/// The devices that report a configuration, or should, and run another one than is wanted.
pub async fn behind(cx: &mut Context) -> Result<Vec<Behind>> {
    let org = cx.org().await?;
    let filter = pb::Filter {
        org,
        kind: "device".to_owned(),
        ..pb::Filter::default()
    };
    let request = pb::ListRequest {
        filter: Some(filter),
        ..pb::ListRequest::default()
    };
    let timeout = cx.globals.timeout;
    let mut client = cx.resources().await?;
    let mut pages = in_time(timeout, client.list(request)).await?.into_inner();
    let mut found = Vec::new();
    while let Some(page) = in_time(timeout, pages.message()).await? {
        for resource in page.resources {
            let name = super::named(&resource);
            let Some(Status::DeviceStatus(status)) = resource.status else {
                continue;
            };
            if !status.wanted_config_version.is_empty() && status.wanted_config_version != status.config_version {
                found.push(Behind {
                    name,
                    runs: status.config_version,
                    wanted: status.wanted_config_version,
                });
            }
        }
    }
    Ok(found)
}

/// Waits until every device runs what it should.
pub(super) async fn devices(cx: &mut Context, limit: i64) -> Result<Exit> {
    let end = tokio::time::Instant::now() + Duration::from_micros(limit.unsigned_abs());
    let mut told = usize::MAX;
    let (mut devices, mut run) = (String::new(), "");
    loop {
        let found = behind(cx).await?;
        if found.is_empty() {
            cx.io.say("every device runs what it should");
            return Ok(Exit::Ok);
        }
        if found.len() != told {
            told = found.len();
            (devices, run) = if told == 1 {
                ("1 device".to_owned(), "does not run")
            } else {
                (format!("{told} devices"), "do not run")
            };
            let names: Vec<_> = found.iter().take(5).map(|behind| behind.name.as_str()).collect();
            let more = if told > 5 { ", ..." } else { "" };
            cx.io.say(&format!(
                "committed; {devices} {run} it yet: {}{more}",
                names.join(", ")
            ));
        }
        if tokio::time::Instant::now() >= end {
            return Err(Error::new(
                Exit::TimedOut,
                fleet_proto::codes::NOT_CONVERGED,
                format!("the change is committed, but {devices} {run} it yet"),
                "`fleetctl drift` names them; a gateway fetches its configuration with its next heartbeat",
            ));
        }
        tokio::time::sleep(EVERY).await;
    }
}
