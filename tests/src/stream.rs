//! A program that writes readings over one gRPC stream.

use std::time::Duration;

use fleet_proto::pb;
use fleet_proto::pb::telemetry_service_client::TelemetryServiceClient;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use crate::fleetd::PATIENCE;

/// An open stream.
pub struct Writer {
    runtime: Runtime,
    requests: Option<mpsc::UnboundedSender<pb::WriteRequest>>,
    answers: Streaming<pb::WriteResponse>,
}

impl Writer {
    /// Opens a stream at a gRPC listener with a token.
    pub fn open(grpc: &str, token: &str) -> Result<Self, Status> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (requests, receiver) = mpsc::unbounded_channel();
        let endpoint = Endpoint::from_shared(grpc.to_owned()).unwrap();
        let opened = runtime.block_on(async {
            let channel = endpoint.connect().await.unwrap();
            open(channel, token, receiver).await
        });
        Ok(Self {
            answers: opened?,
            runtime,
            requests: Some(requests),
        })
    }

    /// Hands over a request; it goes out with the next call of [`Self::answer`].
    pub fn send(&self, request: pb::WriteRequest) {
        // A stream that has ended takes none: what it said is what a test asks for.
        let _ = self.requests.as_ref().unwrap().send(request);
    }

    /// Sends nothing more.
    pub fn close(&mut self) {
        self.requests = None;
    }

    /// The next answer; none: the stream has ended well.
    pub fn answer(&mut self) -> Result<Option<pb::WriteResponse>, Status> {
        let answer = self.answers.message();
        let within = async { tokio::time::timeout(PATIENCE, answer).await };
        self.runtime.block_on(within).expect("the stream says something")
    }

    /// Everything that is told up to the acknowledgement of a request.
    #[track_caller]
    pub fn until(&mut self, sequence: u64) -> pb::WriteResponse {
        let mut all = pb::WriteResponse::default();
        while all.sequence < sequence {
            let next = self.answer().unwrap().expect("an answer");
            assert!(next.sequence > all.sequence, "acknowledgements go up: {next:?}");
            all.sequence = next.sequence;
            all.accepted += next.accepted;
            all.duplicates += next.duplicates;
            all.rejected_total += next.rejected_total;
            all.rejected.extend(next.rejected);
        }
        all
    }

    /// Why it ended, and the last request that was acknowledged before that.
    #[track_caller]
    pub fn end(&mut self) -> (u64, Status) {
        let mut last = 0;
        loop {
            match self.answer() {
                Ok(Some(answer)) => last = answer.sequence,
                Ok(None) => panic!("the stream ended well"),
                Err(status) => return (last, status),
            }
        }
    }

    /// Lets the connection work for a moment, as a client does that waits for nothing.
    pub fn idle(&mut self, moment: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(moment).await });
    }
}

/// Opens a stream whose requests come from a channel.
pub async fn open(
    channel: Channel,
    token: &str,
    requests: mpsc::UnboundedReceiver<pb::WriteRequest>,
) -> Result<Streaming<pb::WriteResponse>, Status> {
    let mut request = Request::new(UnboundedReceiverStream::new(requests));
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let opened = TelemetryServiceClient::new(channel).write(request).await?;
    Ok(opened.into_inner())
}

/// A series under a number.
pub fn series(number: u32, device: &str, sensor: &str) -> pb::WrittenSeries {
    pb::WrittenSeries {
        number,
        device: device.to_owned(),
        sensor: sensor.to_owned(),
        ..pb::WrittenSeries::default()
    }
}

/// A request with good numbers as (series, microseconds, value).
pub fn columns(sequence: u64, readings: &[(u32, i64, f64)]) -> pb::WriteRequest {
    pb::WriteRequest {
        sequence,
        series: readings.iter().map(|reading| reading.0).collect(),
        timestamps_us: readings.iter().map(|reading| reading.1).collect(),
        values: readings.iter().map(|reading| reading.2).collect(),
        ..pb::WriteRequest::default()
    }
}
