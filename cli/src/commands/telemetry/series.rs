//! `fleetctl telemetry series`.

use clap::Args;
use fleet_proto::pb;
use serde_json::{Value, json};

use super::{Whose, said};
use crate::commands::{Stream, print_stream};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::times;

/// Show what is stored: every series with its readings, the bytes that they take, its first and its last
///
/// Bytes are those of the coded readings, without what the files hold around them. Series that are read together share
/// one column of times, and new readings of many series stand together until they are compacted: what these take is
/// shared out. While a day is being compacted, some of its readings may be counted twice.
#[derive(Args, Debug)]
pub struct Series {
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn run(cx: &mut Context, args: &Series) -> Result<Exit> {
    let among = &args.whose.among;
    let (device, sensor) = among.words(&args.whose.what)?;
    let wanted = pb::SeriesRequest {
        org: cx.org().await?,
        device,
        sensor,
        source: among.source.clone(),
        selector: said(among.selector.as_ref()),
        site: said(among.site.as_ref()),
        customer: said(among.customer.as_ref()),
    };
    let mut client = cx.telemetry().await?;
    let pages = cx.within(client.series(wanted)).await?;
    let stream = Stream {
        columns: vec![
            column("DEVICE", ".device"),
            column("SENSOR", ".sensor"),
            Column {
                wide: true,
                ..column("SOURCE", ".source")
            },
            column("UNIT", ".unit"),
            column("READINGS", ".readings"),
            column("BYTES", ".bytes"),
            column("FIRST", ".first"),
            column("LAST", ".last"),
        ],
        name: super::name,
        none: "no series",
        follow: false,
    };
    print_stream(cx, stream, pages, |page: pb::SeriesResponse| {
        page.series.iter().map(record).collect()
    })
    .await
}

fn record(series: &pb::SeriesInfo) -> Value {
    let time = |at: i64| (series.readings > 0).then(|| times::show(at));
    json!({
        "device": series.device, "sensor": series.sensor, "source": series.source, "unit": series.unit,
        "readings": series.readings, "bytes": series.bytes, "first": time(series.first_us), "last": time(series.last_us),
    })
}
