//! `TelemetryService`.

use std::pin::Pin;

use fleet_proto::pb;
use fleet_proto::pb::telemetry_service_server::TelemetryService;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{driven, gate};
use crate::domain::telemetry::{Micros, Quality, Value};
use crate::services::Error;
use crate::services::telemetry::{Bucketing, LatestRow, Page, Range, SeriesGap, Stocked, Telemetry};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(super) struct Door {
    telemetry: Telemetry,
    shutdown: CancellationToken,
}

impl Door {
    pub(super) fn new(telemetry: Telemetry, shutdown: CancellationToken) -> Self {
        Self { telemetry, shutdown }
    }
}

#[tonic::async_trait]
impl TelemetryService for Door {
    type QueryStream = Answers<pb::QueryResponse>;
    type SeriesStream = Answers<pb::SeriesResponse>;
    type GapsStream = Answers<pb::GapsResponse>;
    type TailStream = Answers<pb::TailResponse>;
    type WriteStream = Answers<pb::WriteResponse>;

    async fn write(
        &self,
        request: Request<Streaming<pb::WriteRequest>>,
    ) -> Result<Response<Self::WriteStream>, Status> {
        let caller = gate::caller(&request)?;
        let (telemetry, shutdown) = (self.telemetry.clone(), self.shutdown.clone());
        let (sender, receiver) = mpsc::channel(2);
        let work = async move {
            let mut cut_off = None;
            let sent = request.into_inner().take_until(shutdown.cancelled());
            // The gate ends what a caller sends that is no longer let in, and says why.
            let sent =
                tokio_stream::StreamExt::map_while(sent, |request| request.map_err(|why| cut_off = Some(why)).ok());
            telemetry.write_stream(&caller, Box::pin(sent), sender).await?;
            match cut_off {
                Some(why) => Err(why),
                None if shutdown.is_cancelled() => {
                    let why = "fleetd ends; send what is not acknowledged when it is there again";
                    Err(Error::Unavailable(why.to_owned()).into())
                }
                None => Ok::<_, Status>(()),
            }
        };
        let answers = driven(work, receiver).map(|answer| answer.inspect(count));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn latest(&self, request: Request<pb::LatestRequest>) -> Result<Response<pb::LatestResponse>, Status> {
        let caller = gate::caller(&request)?;
        let rows = self.telemetry.latest(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::LatestResponse {
            readings: rows.into_iter().map(reading).collect(),
        }))
    }

    async fn query(&self, request: Request<pb::QueryRequest>) -> Result<Response<Self::QueryStream>, Status> {
        let caller = gate::caller(&request)?;
        let asked = request.into_inner();
        let range = Range {
            org: asked.org,
            device: asked.device,
            selector: asked.selector,
            site: asked.site,
            customer: asked.customer,
            sensor: asked.sensor,
            source: asked.source,
            from: within(asked.from_us),
            to: within(asked.to_us),
        };
        let telemetry = self.telemetry.clone();
        if asked.every_us == 0 {
            let (sender, receiver) = mpsc::channel(2);
            let work = async move { telemetry.history(&caller, &range, None, asked.limit, &sender).await };
            let pages =
                driven(work, receiver).map(|page| page.map(|rows| readings(rows.into_iter().map(reading).collect())));
            return Ok(Response::new(Box::pin(pages)));
        }
        let how = Bucketing::of(asked.every_us, &asked.agg, &asked.fill, &asked.group_by)?;
        let (sender, receiver) = mpsc::channel(2);
        let work = async move { telemetry.buckets(&caller, &range, &how, &sender).await };
        Ok(Response::new(Box::pin(
            driven(work, receiver).map(|page| page.map(buckets)),
        )))
    }

    async fn summary(&self, request: Request<pb::SummaryRequest>) -> Result<Response<pb::SummaryResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::SummaryRequest {
            org,
            device,
            sensor,
            source,
            from_us,
            to_us,
        } = request.into_inner();
        let range = Range {
            org,
            device,
            sensor,
            source,
            from: within(from_us),
            to: within(to_us),
            ..Range::default()
        };
        let (summary, unit) = self.telemetry.summary(&caller, &range).await?;
        Ok(Response::new(pb::SummaryResponse {
            count: summary.count,
            bad: summary.bad,
            min: summary.min,
            max: summary.max,
            mean: summary.mean,
            stddev: summary.stddev,
            first: summary.first,
            last: summary.last,
            p50: summary.p50,
            p95: summary.p95,
            p99: summary.p99,
            first_us: summary.first_us,
            last_us: summary.last_us,
            unit,
        }))
    }

    async fn retention(
        &self,
        request: Request<pb::RetentionRequest>,
    ) -> Result<Response<pb::RetentionResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::RetentionRequest { org, device, sensor } = request.into_inner();
        let found = self.telemetry.retention(&caller, &org, &device, &sensor).await?;
        let rules = found.into_iter().map(|rule| pb::RetentionRule {
            device: rule.device,
            sensors: rule.sensors,
            days: rule.days,
            says: rule.says,
            series: rule.series,
            kept_since_us: rule.until,
        });
        Ok(Response::new(pb::RetentionResponse { rules: rules.collect() }))
    }

    async fn import(&self, request: Request<pb::ImportRequest>) -> Result<Response<pb::ImportResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::ImportRequest { org, readings } = request.into_inner();
        let ingested = self.telemetry.import(&caller, &org, &readings).await?;
        metrics::counter!("fleetd_readings_rejected_total").increment(ingested.rejected.len() as u64);
        let rejected = ingested.rejected.into_iter().map(|rejection| pb::RejectedReading {
            sequence: 0,
            index: rejection.index as u32,
            code: rejection.code.to_owned(),
            detail: rejection.detail,
        });
        Ok(Response::new(pb::ImportResponse {
            accepted: ingested.accepted,
            duplicates: ingested.duplicates,
            rejected: rejected.collect(),
        }))
    }

    async fn series(&self, request: Request<pb::SeriesRequest>) -> Result<Response<Self::SeriesStream>, Status> {
        let caller = gate::caller(&request)?;
        let asked = request.into_inner();
        let range = Range {
            org: asked.org,
            device: asked.device,
            selector: asked.selector,
            site: asked.site,
            customer: asked.customer,
            sensor: asked.sensor,
            source: asked.source,
            ..Range::default()
        };
        let (sender, receiver) = mpsc::channel(2);
        let telemetry = self.telemetry.clone();
        let work = async move { telemetry.inventory(&caller, &range, &sender).await };
        let pages = driven(work, receiver).map(|page| {
            page.map(|rows| pb::SeriesResponse {
                series: rows.into_iter().map(stocked).collect(),
            })
        });
        Ok(Response::new(Box::pin(pages)))
    }

    async fn gaps(&self, request: Request<pb::GapsRequest>) -> Result<Response<Self::GapsStream>, Status> {
        let caller = gate::caller(&request)?;
        let asked = request.into_inner();
        let device = super::required(Some(asked.device).filter(|device| !device.is_empty()), "device")?;
        let range = Range {
            org: asked.org,
            device,
            sensor: asked.sensor,
            source: asked.source,
            from: within(asked.from_us),
            to: within(asked.to_us),
            ..Range::default()
        };
        let (sender, receiver) = mpsc::channel(2);
        let telemetry = self.telemetry.clone();
        let work = async move { telemetry.gaps(&caller, &range, asked.longer_us, &sender).await };
        let pages = driven(work, receiver).map(|page| {
            page.map(|gaps| pb::GapsResponse {
                gaps: gaps.into_iter().map(gap).collect(),
            })
        });
        Ok(Response::new(Box::pin(pages)))
    }

    async fn samples(&self, request: Request<pb::SamplesRequest>) -> Result<Response<pb::SamplesResponse>, Status> {
        let caller = gate::caller(&request)?;
        let pb::SamplesRequest { org, variable } = request.into_inner();
        let (_, rows) = self.telemetry.samples(&caller, &org, &variable).await?;
        Ok(Response::new(pb::SamplesResponse {
            readings: rows.into_iter().map(reading).collect(),
        }))
    }

    async fn tail(&self, request: Request<pb::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let caller = gate::caller(&request)?;
        let pb::TailRequest {
            org,
            device,
            sensor,
            source,
            latest,
        } = request.into_inner();
        let range = Range {
            org,
            device,
            sensor,
            source,
            ..Range::default()
        };
        let tail = self.telemetry.follow(&caller, range, latest).await?;
        let events = stream::unfold(tail, async |mut tail| {
            let event = tail.next().await?;
            Some((event, tail))
        });
        let told = events.map(|(rows, skipped)| {
            Ok(pb::TailResponse {
                readings: rows.into_iter().map(reading).collect(),
                skipped,
            })
        });
        Ok(Response::new(Box::pin(told)))
    }
}

/// A moment of years that people write: sums of times far beyond them would overflow.
fn within(at: Micros) -> Micros {
    const TEN_THOUSAND_YEARS: Micros = 10_000 * 366 * 86_400_000_000;
    at.clamp(-TEN_THOUSAND_YEARS, TEN_THOUSAND_YEARS)
}

fn count(answer: &pb::WriteResponse) {
    if answer.rejected_total > 0 {
        metrics::counter!("fleetd_readings_rejected_total").increment(answer.rejected_total);
    }
}

fn readings(readings: Vec<pb::Reading>) -> pb::QueryResponse {
    pb::QueryResponse {
        readings,
        ..pb::QueryResponse::default()
    }
}

fn buckets(page: Page) -> pb::QueryResponse {
    let told = page.buckets.into_iter().map(|b| pb::Bucket {
        start_us: b.start,
        value: b.value,
        count: b.count,
        bad: b.bad,
        group: page.group.clone(),
    });
    pb::QueryResponse {
        buckets: told.collect(),
        unit: page.unit.clone(),
        ..pb::QueryResponse::default()
    }
}

fn stocked(Stocked { device, series, stock }: Stocked) -> pb::SeriesInfo {
    let (first_us, last_us) = stock.span.unwrap_or_default();
    pb::SeriesInfo {
        device,
        sensor: series.key.sensor.clone(),
        source: series.key.source.clone(),
        unit: series.unit.clone(),
        readings: stock.readings,
        bytes: stock.bytes,
        first_us,
        last_us,
    }
}

fn gap(SeriesGap { series, gap }: SeriesGap) -> pb::Gap {
    pb::Gap {
        sensor: series.key.sensor.clone(),
        source: series.key.source.clone(),
        from_us: gap.from,
        to_us: gap.to,
        bad: gap.bad,
        reason: gap.reason.text().to_owned(),
        at_begin: gap.at_begin,
        at_end: gap.at_end,
    }
}

fn reading(row: LatestRow) -> pb::Reading {
    let sample = row.sample;
    let late = (sample.received - sample.timestamp).abs() > 1_000_000;
    let (value, text) = match sample.value {
        Value::Number(number) => (Some(number), String::new()),
        Value::Json(text) => (None, text.into()),
        Value::Missing => (None, String::new()),
    };
    pb::Reading {
        device: row.device,
        sensor: row.series.key.sensor.clone(),
        source: row.series.key.source.clone(),
        unit: row.series.unit.clone(),
        timestamp_us: sample.timestamp,
        value,
        text,
        quality: match sample.quality {
            Quality::Good => pb::Quality::Good,
            Quality::Uncertain => pb::Quality::Uncertain,
            Quality::Bad => pb::Quality::Bad,
        } as i32,
        reason: sample.reason.text().to_owned(),
        received_us: if late { sample.received } else { 0 },
    }
}
