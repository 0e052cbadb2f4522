//! `POST /api/prom/write`: Prometheus remote write 1.0, protobuf within snappy.
//!
//! The label `device` names the device, or without it `instance` without its port; `__name__` is the sensor, and other
//! labels are the source.

use axum::Extension;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use prost::Message;

use super::answers::Problem;
use super::extract::{Query, RawBody, bytes};
use super::gate::Tenant;
use super::line::{LONGEST_SOURCE, MOST_READINGS};
use super::resources::OrgQuery;
use super::write_lines::organization;
use super::{BATCH, Shared, webhook};
use crate::domain::Caller;
use crate::domain::ingest::{Incoming, Ingested, Rejection};
use crate::domain::telemetry::{Micros, Quality, Value};

/// Its path.
pub(super) const PATH: &str = "/api/prom/write";

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    /// Native histograms; not kept.
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Whose samples they are.
struct Named<'a> {
    device: &'a str,
    sensor: &'a str,
    source: Option<String>,
}

pub(super) async fn write(
    State(services): State<Shared>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    Query(query): Query<OrgQuery>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, Problem> {
    let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    if media.is_some_and(|media| media.contains("io.prometheus.write.v2")) {
        let detail = "remote write 2.0 is not read: send 1.0, prometheus.WriteRequest";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        ));
    }
    let org = organization(&services, &caller, &tenant, &query.org).await?;
    let request = read(&bytes(body)?)?;
    if request.timeseries.len() > MOST_READINGS {
        let detail = format!("the body holds more than {MOST_READINGS} series; send fewer at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let named: Vec<_> = request.timeseries.iter().map(named).collect();
    let mut items = Vec::new();
    let mut done = Ingested::default();
    let mut places = Vec::new();
    for (at, (series, named)) in request.timeseries.iter().zip(&named).enumerate() {
        let refused = match named {
            Err(refused) => Some(refused.clone()),
            Ok(_) if !series.histograms.is_empty() => Some(("bad_value", "native histograms are not kept".to_owned())),
            Ok(_) => None,
        };
        if let Some((code, detail)) = refused {
            done.rejected.push(Rejection {
                index: at,
                code,
                detail,
            });
        }
        let Ok(named) = named else { continue };
        for sample in &series.samples {
            places.push(at);
            items.push(reading(named, sample, places.len() - 1));
        }
    }
    if items.len() > MOST_READINGS {
        let detail = format!("the body holds more than {MOST_READINGS} samples; send fewer at once");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let ingested = services.telemetry.write(&caller, &org, items).await?;
    done.accepted = ingested.accepted;
    done.duplicates = ingested.duplicates;
    done.rejected
        .extend(ingested.rejected.into_iter().map(|rejection| Rejection {
            index: places[rejection.index],
            ..rejection
        }));
    if done.rejected.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    done.rejected.sort_by_key(|rejection| rejection.index);
    Ok(webhook::answer(&done))
}

/// The decompressed length is looked at before anything is decompressed.
fn read(body: &[u8]) -> Result<WriteRequest, Problem> {
    let wrong = || Problem::bad_request("the body is no snappy-compressed prometheus.WriteRequest");
    if snap::raw::decompress_len(body).map_err(|_| wrong())? > BATCH {
        let detail = "the body is too large, counted after decompression";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(body).map_err(|_| wrong())?;
    WriteRequest::decode(plain.as_slice()).map_err(|_| wrong())
}

fn named(series: &TimeSeries) -> Result<Named<'_>, (&'static str, String)> {
    let label = |wanted: &str| {
        let found = series.labels.iter().find(|label| label.name == wanted);
        found
            .map(|label| label.value.as_str())
            .filter(|value| !value.is_empty())
    };
    let sensor = label("__name__").ok_or_else(|| ("bad_item", "a series has no `__name__`".to_owned()))?;
    let instance = || label("instance").map(|instance| instance.rsplit_once(':').map_or(instance, |(host, _)| host));
    let (device, of) = match label("device") {
        Some(device) => (device, "device"),
        None => {
            let missing = "a series has no label `device`, and no `instance` either";
            (
                instance().ok_or_else(|| ("unknown_device", missing.to_owned()))?,
                "instance",
            )
        }
    };
    let mut others: Vec<String> = series
        .labels
        .iter()
        .filter(|label| label.name != "__name__" && label.name != of)
        .map(|label| format!("{}={}", escaped(&label.name), escaped(&label.value)))
        .collect();
    others.sort_unstable();
    let source = Some(others.join(",")).filter(|source| !source.is_empty());
    if source
        .as_ref()
        .is_some_and(|source| source.chars().count() > LONGEST_SOURCE || source.chars().any(char::is_control))
    {
        let detail = format!(
            "labels besides `device` take at most {LONGEST_SOURCE} characters, none of them control characters"
        );
        return Err(("bad_item", detail));
    }
    Ok(Named { device, sensor, source })
}

/// A label's text, so that two labels never read like one.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

/// What is no finite number (a series that went stale, too) is a reading of quality bad without one.
fn reading<'a>(named: &'a Named<'_>, sample: &Sample, index: usize) -> Result<Incoming<'a>, Rejection> {
    let timestamp: Option<Micros> = sample.timestamp.checked_mul(1_000);
    if timestamp.is_none() {
        return Err(Rejection {
            index,
            code: "bad_timestamp",
            detail: "the timestamp is out of range".to_owned(),
        });
    }
    let is_number = sample.value.is_finite();
    Ok(Incoming {
        device: Some(named.device),
        data_type: named.sensor,
        value: if is_number {
            Value::Number(sample.value)
        } else {
            Value::Missing
        },
        unit: None,
        timestamp,
        bus: None,
        slave_id: None,
        source: named.source.as_deref(),
        label: None,
        quality: if is_number { Quality::Good } else { Quality::Bad },
        kept: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)]) -> TimeSeries {
        let label = |(name, value): &(&str, &str)| Label {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        TimeSeries {
            labels: labels.iter().map(label).collect(),
            ..TimeSeries::default()
        }
    }

    fn told(labels: &[(&str, &str)]) -> Result<(String, String, String), &'static str> {
        let series = series(labels);
        let named = named(&series).map_err(|(code, _)| code)?;
        Ok((
            named.device.to_owned(),
            named.sensor.to_owned(),
            named.source.unwrap_or_default(),
        ))
    }

    #[test]
    fn labels_name_device_sensor_and_source() {
        let all = |a: &str, b: &str, c: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(told(&[("__name__", "up"), ("device", "d")]), all("d", "up", ""));
        assert_eq!(
            told(&[
                ("__name__", "up"),
                ("device", "d"),
                ("job", "a,b=c"),
                ("instance", "x:1")
            ]),
            all("d", "up", "instance=x:1,job=a\\,b\\=c")
        );
        assert_eq!(
            told(&[("__name__", "up"), ("instance", "srv-1:9100"), ("job", "j")]),
            all("srv-1", "up", "job=j")
        );
        assert_eq!(told(&[("__name__", "up"), ("job", "j")]), Err("unknown_device"));
        assert_eq!(told(&[("device", "d")]), Err("bad_item"));
        assert_eq!(
            told(&[("__name__", "up"), ("device", "d"), ("x", &"y".repeat(2_000))]),
            Err("bad_item")
        );
    }

    #[test]
    fn what_is_no_number_is_a_bad_reading_without_one() {
        let whole = series(&[("__name__", "up"), ("device", "d")]);
        let named = named(&whole).unwrap();
        let read = |value: f64, timestamp: i64| reading(&named, &Sample { value, timestamp }, 0);
        assert_eq!(read(1.5, 7).unwrap().value, Value::Number(1.5));
        // A series that went stale says so with a number of its own that is none.
        for none in [f64::NAN, f64::INFINITY, f64::from_bits(0x7ff0_0000_0000_0002)] {
            let read = read(none, 7).unwrap();
            assert_eq!(
                (read.value, read.quality, read.timestamp),
                (Value::Missing, Quality::Bad, Some(7_000))
            );
        }
        assert!(read(1.0, i64::MAX).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let request = WriteRequest {
            timeseries: vec![series(&[("__name__", "up"), ("device", "d")])],
        };
        let packed = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .unwrap();
        assert_eq!(read(&packed).unwrap(), request);
        assert!(read(&request.encode_to_vec()).is_err() && read(b"").is_err());
        // It says that it is four gigabytes.
        assert!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).is_err());
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut other = packed.clone();
                other[at] ^= 1 << bit;
                drop(read(&other));
            }
        }
    }
}
