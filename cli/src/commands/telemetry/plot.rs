//! `fleetctl telemetry plot`.

use std::path::PathBuf;

use clap::Args;
use comfy_table::Table;
use fleet_proto::{codes, pb};

use super::query::{How, request};
use super::{Span, Which};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::plot::{self, Chart, Point, Series};
use crate::progress::is_accessible;
use crate::times;

/// Where no terminal says how wide it is.
const WIDTH: usize = 100;
const HEIGHT: usize = 16;
/// More lines cannot be told apart.
const MOST_LINES: usize = 12;
/// Size of a picture.
const PICTURE: (f64, f64) = (960.0, 400.0);

/// Draw the readings of a sensor over time: on the terminal, or as SVG or PNG into a file
#[derive(Args, Debug)]
pub struct Plot {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    span: Span,
    /// Width of an interval, such as 5m; without it what the width of the plot can show
    #[arg(long, value_name = "TIME")]
    every: Option<String>,
    #[command(flatten)]
    how: How,
    /// Rows of the plot
    #[arg(long, value_name = "ROWS", default_value_t = HEIGHT, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(3..=200))]
    height: usize,
    /// Write an SVG into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write a PNG into this file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

pub(super) async fn run(cx: &mut Context, args: &Plot) -> Result<Exit> {
    cx.text_only()?;
    let width = Table::new().width().map_or(WIDTH, usize::from).max(40);
    let is_picture = args.svg.is_some() || args.png.is_some();
    let across = if is_picture { PICTURE.0 as usize } else { width * 2 };
    let every = match &args.every {
        Some(text) => times::parse_duration(text).map_err(|message| Error::usage(message, ""))?,
        None => plot::every(args.span.length()?, across / 2),
    };
    let wanted = request(cx, &args.which, &args.span, every, &args.how, 0).await?;
    let mut chart = Chart {
        title: title(&wanted),
        span: (wanted.from_us, wanted.to_us),
        ..Chart::default()
    };
    let mut client = cx.telemetry().await?;
    let mut pages = cx.within(client.query(wanted)).await?;
    let timeout = cx.globals.timeout;
    while let Some(page) = in_time(timeout, pages.message()).await? {
        if !chart.series.is_empty() && chart.unit != page.unit {
            return Err(Error::usage(
                format!("the lines have different units: {} and {}", chart.unit, page.unit),
                "choose devices whose units can be converted",
            ));
        }
        chart.unit.clone_from(&page.unit);
        for bucket in &page.buckets {
            if chart.series.last().is_none_or(|series| series.name != bucket.group) {
                chart.series.push(Series {
                    name: bucket.group.clone(),
                    points: Vec::new(),
                });
            }
            if let Some(series) = chart.series.last_mut() {
                series.points.push(point(bucket, every));
            }
        }
    }
    if chart.series.len() > MOST_LINES {
        return Err(Error::usage(
            format!("{} lines cannot be told apart", chart.series.len()),
            format!("narrow the selection to {MOST_LINES} of them, or leave --group-by out"),
        ));
    }
    if chart
        .series
        .iter()
        .all(|series| series.points.iter().all(|point| point.value.is_none()))
    {
        cx.io.say("no numbers in this time");
        return Ok(Exit::Ok);
    }
    if is_picture {
        pictures(cx, args, &chart)?;
    } else if is_accessible() {
        let told = chart.sentences().join("\n");
        cx.io.out(&format!("{told}\n"));
    } else {
        let drawn = plot::text(&chart, width, args.height, cx.look().color);
        cx.io.out(&drawn);
    }
    Ok(Exit::Ok)
}

/// Writes the files that are wanted.
fn pictures(cx: &mut Context, args: &Plot, chart: &Chart) -> Result<()> {
    let (width, height) = PICTURE;
    let svg = args
        .svg
        .as_ref()
        .map(|path| (path, plot::svg(chart, width, height).into_bytes()));
    let png = args.png.as_ref().map(|path| {
        let picture = plot::png(chart, width, height);
        let none = || {
            Error::new(
                Exit::Failure,
                codes::INTERNAL,
                "the picture cannot be drawn",
                "write an --svg",
            )
        };
        Ok::<_, Error>((path, picture.ok_or_else(none)?))
    });
    for (path, picture) in svg.into_iter().chain(png.transpose()?) {
        std::fs::write(path, picture)
            .map_err(|error| Error::usage(format!("{} cannot be written: {error}", path.display()), ""))?;
        cx.io.say(&format!("{} is written", path.display()));
    }
    Ok(())
}

/// An interval stands for its middle.
fn point(bucket: &pb::Bucket, every: i64) -> Point {
    Point {
        at: bucket.start_us + every / 2,
        value: bucket.value,
        is_doubtful: bucket.bad > 0,
    }
}

fn title(wanted: &pb::QueryRequest) -> String {
    let whose = [
        ("device", &wanted.device),
        ("site", &wanted.site),
        ("customer", &wanted.customer),
        ("", &wanted.selector),
    ];
    let whose: Vec<String> = whose
        .iter()
        .filter(|(_, name)| !name.is_empty())
        .map(|(kind, name)| {
            if kind.is_empty() {
                (*name).clone()
            } else {
                format!("{kind}/{name}")
            }
        })
        .collect();
    format!("{} of {} ({})", wanted.sensor, whose.join(", "), wanted.agg)
}
