//! `fleetctl watch`.

use clap::Args;
use fleet_proto::pb::watch_response::Event;
use fleet_proto::{pb, reflect};
use serde_json::json;

use crate::args::Narrow;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Listing, column};
use crate::targets;

/// Follow changes: what there is, then every change as it is committed
#[derive(Args, Debug)]
pub struct Watch {
    /// Kind; nothing: every kind
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
    /// Resume behind this revision instead of showing what there is
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    from_revision: u64,
}

pub(super) async fn run(cx: &mut Context, args: &Watch) -> Result<Exit> {
    let org = if args.narrow.all_orgs {
        String::new()
    } else {
        cx.org().await?
    };
    let kind = match &args.kind {
        Some(word) => targets::kind(word)?.to_string(),
        None => String::new(),
    };
    let filter = pb::Filter {
        org,
        kind,
        selector: args.narrow.selector.clone(),
        reference: args.narrow.reference.clone(),
        name_glob: args.narrow.name_glob.clone(),
    };
    let mut client = cx.resources().await?;
    let request = pb::WatchRequest {
        filter: Some(filter),
        from_revision: args.from_revision,
    };
    let mut events = cx.within(client.watch(request)).await?;
    let columns = vec![
        column("REVISION", ".revision"),
        column("EVENT", ".event"),
        column("KIND", ".resource.kind"),
        column("NAME", ".resource.metadata.name"),
    ];
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, |record| {
        if record["resource"].is_null() {
            String::new()
        } else {
            super::resource_name(&record["resource"])
        }
    })?
    .endless()?;
    // What there is is laid out as a whole; from the mark on each change is shown at once.
    let mut at_once = args.from_revision > 0;
    while let Some(answer) = events.message().await? {
        let (event, resource) = match answer.event {
            Some(Event::Put(resource)) => ("put", Some(resource)),
            Some(Event::Deleted(resource)) => ("deleted", Some(resource)),
            Some(Event::Synced(_)) => ("synced", None),
            None => continue,
        };
        let resource = resource.map_or(serde_json::Value::Null, |resource| reflect::to_json(&resource));
        if !listing.push(&json!({"event": event, "revision": answer.revision, "resource": resource}))? {
            return Ok(Exit::Ok);
        }
        at_once |= event == "synced";
        if at_once {
            listing.flush();
        }
    }
    listing.flush();
    Err(Error::new(
        Exit::Unavailable,
        fleet_proto::codes::CONNECT,
        "fleetd ended the watch",
        "repeat with --from-revision",
    ))
}
