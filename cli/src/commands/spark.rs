//! `fleetctl get devices --spark`: what a sensor of each did lately, beside the other columns.

use std::collections::HashMap;
use std::str::FromStr;

use fleet_proto::pb;
use serde_json::{Value, json};

use crate::args::Narrow;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, Format, column};
use crate::plot::{self, Chart, Point, Series};
use crate::progress::is_accessible;
use crate::times;

/// Intervals of a line.
const WIDTH: i64 = 24;
/// From the least to the greatest value.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `power:24h`, or `power@main:1:24h` where the sensor has several sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spark {
    sensor: String,
    source: String,
    /// Microseconds.
    length: i64,
    /// As it was written.
    word: String,
}

impl FromStr for Spark {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("`{word}` is no SENSOR:TIME, such as power:24h");
        let (name, time) = word.rsplit_once(':').ok_or_else(wrong)?;
        let (sensor, source) = name.split_once('@').unwrap_or((name, ""));
        if sensor.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            sensor: sensor.to_owned(),
            source: source.to_owned(),
            length: times::parse_duration(time)?,
            word: word.to_owned(),
        })
    }
}

impl Spark {
    /// Its column.
    pub(super) fn column(&self) -> Column {
        column(&self.word.to_uppercase(), ".spark")
    }
}

/// The lines of devices, by their names.
pub(super) struct Sparks {
    wanted: Spark,
    /// Begin of the first interval, and the end.
    span: (i64, i64),
    every: i64,
    lines: HashMap<String, Line>,
}

/// A value for each interval; none where there is no good reading.
struct Line {
    unit: String,
    values: Vec<Option<f64>>,
    /// Intervals with readings that were not good.
    bad: Vec<bool>,
}

impl Sparks {
    /// Asks for the lines of devices: of those that are named, or with one question of all that a list is narrowed to.
    pub(super) async fn find(
        cx: &mut Context,
        spark: &Spark,
        org: &str,
        names: &[String],
        narrow: &Narrow,
    ) -> Result<Self> {
        let to = times::now();
        let every = (spark.length / WIDTH).max(1);
        let from = (to - spark.length) - (to - spark.length).rem_euclid(every);
        let mut sparks = Self {
            wanted: spark.clone(),
            span: (from, to),
            every,
            lines: HashMap::new(),
        };
        let place = |kind: &str| narrow.reference.strip_prefix(kind).unwrap_or_default().to_owned();
        let wanted = pb::QueryRequest {
            org: org.to_owned(),
            sensor: spark.sensor.clone(),
            source: spark.source.clone(),
            from_us: from,
            to_us: to,
            every_us: every,
            group_by: "device".to_owned(),
            ..pb::QueryRequest::default()
        };
        if names.is_empty() {
            let wanted = pb::QueryRequest {
                selector: narrow.selector.clone(),
                site: place("site/"),
                customer: place("customer/"),
                ..wanted.clone()
            };
            sparks.ask(cx, wanted).await?;
        }
        for name in names {
            let one = pb::QueryRequest {
                device: name.clone(),
                ..wanted.clone()
            };
            match sparks.ask(cx, one).await {
                // It is a device, but has no such sensor: others may have it.
                Err(error) if error.exit == Exit::NotFound => {}
                done => done?,
            }
        }
        if sparks.lines.is_empty() {
            cx.io
                .say(&format!("no device has readings of `{}` in this time", spark.sensor));
        }
        Ok(sparks)
    }

    async fn ask(&mut self, cx: &mut Context, wanted: pb::QueryRequest) -> Result<()> {
        let explained = |mut error: Error| {
            if error.message.contains("more than one source") {
                "write --spark SENSOR@SOURCE:TIME, such as power@main:1:24h".clone_into(&mut error.help);
            }
            error
        };
        let timeout = cx.globals.timeout;
        let mut client = cx.telemetry().await?;
        let mut pages = cx.within(client.query(wanted)).await.map_err(explained)?;
        let count = usize::try_from((self.span.1 - self.span.0 + self.every - 1) / self.every).unwrap_or(0);
        while let Some(page) = in_time(timeout, pages.message()).await.map_err(explained)? {
            for bucket in page.buckets {
                let at = usize::try_from((bucket.start_us - self.span.0) / self.every).unwrap_or(usize::MAX);
                let line = self.lines.entry(bucket.group).or_insert_with(|| Line {
                    unit: page.unit.clone(),
                    values: vec![None; count],
                    bad: vec![false; count],
                });
                if let (Some(value), Some(bad)) = (line.values.get_mut(at), line.bad.get_mut(at)) {
                    (*value, *bad) = (bucket.value, bucket.bad > 0);
                }
            }
        }
        Ok(())
    }

    /// Adds a device's line to its record: for people bars, or words; for programs numbers.
    pub(super) fn add(&self, record: &mut Value, format: &Format, terminal: bool) {
        let name = record["metadata"]["name"].as_str().unwrap_or_default();
        let line = self.lines.get(name);
        record["spark"] = match format {
            Format::Table { .. } | Format::Csv => {
                let told = line.map(|line| {
                    let is_table = matches!(format, Format::Table { .. });
                    if is_table && is_accessible() {
                        self.words(line)
                    } else if is_table && terminal {
                        bars(&line.values)
                    } else {
                        let numbers = line
                            .values
                            .iter()
                            .map(|value| value.map_or_else(String::new, plot::short));
                        numbers.collect::<Vec<_>>().join(",")
                    }
                });
                told.unwrap_or_default().into()
            }
            _ => json!({
                "sensor": self.wanted.sensor, "source": self.wanted.source,
                "unit": line.map_or("", |line| &line.unit),
                "from": times::show(self.span.0), "everySeconds": self.every as f64 / 1e6,
                "values": line.map_or(&[][..], |line| &line.values),
            }),
        };
    }

    fn words(&self, line: &Line) -> String {
        let points = line.values.iter().zip(&line.bad).zip(0..);
        let points = points.map(|((value, bad), nth)| Point {
            at: self.span.0 + nth * self.every,
            value: *value,
            is_doubtful: *bad,
        });
        let chart = Chart {
            title: self.wanted.sensor.clone(),
            unit: line.unit.clone(),
            span: self.span,
            series: vec![Series {
                name: String::new(),
                points: points.collect(),
            }],
        };
        chart.sentences().concat()
    }
}

/// A bar for each value, between the least and the greatest; a space where there is none.
fn bars(values: &[Option<f64>]) -> String {
    let there = || values.iter().copied().flatten();
    let (min, max) = (
        there().fold(f64::INFINITY, f64::min),
        there().fold(f64::NEG_INFINITY, f64::max),
    );
    let bar = |value: f64| {
        // Where all are equal there is no least.
        let part = if max > min {
            value / (max - min) - min / (max - min)
        } else {
            0.5
        };
        let last = BARS.len() - 1;
        BARS[((part * last as f64).round() as usize).min(last)]
    };
    values.iter().map(|value| value.map_or(' ', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_of_which_sensor() {
        let read = |word: &str| {
            word.parse::<Spark>()
                .map(|spark| (spark.sensor, spark.source, spark.length))
        };
        let hour = 3_600_000_000;
        assert_eq!(read("power:24h"), Ok(("power".into(), String::new(), 24 * hour)));
        assert_eq!(read("power@main:1:1h"), Ok(("power".into(), "main:1".into(), hour)));
        for wrong in ["power", ":1h", "@main:1:1h", "power:", "power:long", "power:0s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bars_go_from_the_least_to_the_greatest() {
        assert_eq!(bars(&[Some(0.0), Some(7.0), None, Some(3.5), Some(1.0)]), "▁█ ▅▂");
        assert_eq!(bars(&[Some(-3.0), Some(-3.0)]), "▅▅");
        assert_eq!(bars(&[Some(f64::MIN), Some(f64::MAX)]).chars().count(), 2);
        assert_eq!(bars(&[None]), " ");
    }
}
