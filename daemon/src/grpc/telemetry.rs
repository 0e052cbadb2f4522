//! `TelemetryService`.

use std::pin::Pin;

use fleet_proto::pb;
use fleet_proto::pb::telemetry_service_server::TelemetryService;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::{driven, gate};
use crate::domain::telemetry::{Quality, Value};
use crate::services::telemetry::{Bucketing, LatestRow, Page, Range, Telemetry};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(super) struct Door {
    telemetry: Telemetry,
}

impl Door {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry }
    }
}

#[tonic::async_trait]
impl TelemetryService for Door {
    type QueryStream = Answers<pb::QueryResponse>;
    type TailStream = Answers<pb::TailResponse>;

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
            from: asked.from_us,
            to: asked.to_us,
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
            from: from_us,
            to: to_us,
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
        let (sender, receiver) = mpsc::channel(16);
        let telemetry = self.telemetry.clone();
        let events = driven(
            async move { telemetry.tail(&caller, range, latest, sender).await },
            receiver,
        );
        let told = events.map(|event| {
            event.map(|(rows, skipped)| pb::TailResponse {
                readings: rows.into_iter().map(reading).collect(),
                skipped,
            })
        });
        Ok(Response::new(Box::pin(told)))
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
