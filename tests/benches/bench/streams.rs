//! Readings over gRPC streams, in and out.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleet_proto::pb;
use fleet_proto::pb::telemetry_service_client::TelemetryServiceClient;
use fleet_tests::{ORG, World, stream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::load::{SENSORS, walk};
use crate::{RUNS, devices, figure, median};

/// Streams at once, and requests of each that are under way.
const STREAMS: usize = 4;
const WINDOW: usize = 4;
const REQUESTS: usize = 250;
/// Of a stream.
const DEVICES: usize = 8;
/// Readings of each series in a request.
const ROWS: usize = 100;
const PER_REQUEST: usize = DEVICES * SENSORS.len() * ROWS;
/// Microseconds between two readings of a sensor.
const STEP: i64 = 10_000_000;
/// Somewhere in the past.
const BEGIN: i64 = 1_770_000_000_000_000;

fn world(count: usize) -> World {
    let world = World::with(&[
        "--grpc-listen",
        "127.0.0.1:0",
        "--rate-org",
        "off",
        "--rate-caller",
        "off",
    ]);
    let site = format!("apiVersion: fleet/v1\nkind: Site\nmetadata: {{org: {ORG}, name: plant}}\nspec: {{}}\n");
    world.rpc().apply(&site);
    world.rpc().apply(&devices(0, count));
    world
}

async fn connect(world: &World) -> Channel {
    Endpoint::from_shared(world.fleetd.grpc().to_owned())
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// The series of some devices, all of their sensors each.
fn declared(first: usize, count: usize) -> Vec<pb::WrittenSeries> {
    let of = |at: usize| {
        let (device, sensor) = (first + at / SENSORS.len(), SENSORS[at % SENSORS.len()]);
        stream::series(at as u32 + 1, &format!("device-{device:06}"), sensor)
    };
    (0..count * SENSORS.len()).map(of).collect()
}

fn requests(number: usize) -> Vec<pb::WriteRequest> {
    let mut next = walk(number);
    let request = |at: usize| {
        let row = |row: usize| BEGIN + (at * ROWS + row) as i64 * STEP;
        let series = (DEVICES * SENSORS.len()) as u32;
        let readings = (0..ROWS).flat_map(|one| (1..=series).map(move |series| (series, one)));
        let readings: Vec<_> = readings.map(|(series, one)| (series, row(one), next())).collect();
        let declared = if at == 0 {
            declared(number * DEVICES, DEVICES)
        } else {
            Vec::new()
        };
        pb::WriteRequest {
            declared,
            ..stream::columns(at as u64 + 1, &readings)
        }
    };
    (0..REQUESTS).map(request).collect()
}

/// Writes all requests with some under way; gives the milliseconds of each.
async fn write(channel: Channel, token: String, requests: Vec<pb::WriteRequest>) -> Vec<f64> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut answers = stream::open(channel, &token, receiver).await.unwrap();
    let count = requests.len();
    let mut requests = requests.into_iter();
    let (mut begun, mut taken) = (Vec::with_capacity(count), Vec::with_capacity(count));
    while taken.len() < count {
        while begun.len() < taken.len() + WINDOW
            && let Some(request) = requests.next()
        {
            begun.push(Instant::now());
            sender.send(request).unwrap();
        }
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(
            answer.rejected_total + answer.duplicates,
            0,
            "{:?}",
            answer.rejected.first()
        );
        for begin in &begun[taken.len()..answer.sequence as usize] {
            taken.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    taken
}

fn at(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

/// Readings a second over a few streams.
pub(crate) fn stream() {
    let run = |_| {
        let world = world(STREAMS * DEVICES);
        let token = world.token(ORG, &["telemetry:write"], &[]);
        let prebuilt: Vec<_> = (0..STREAMS).map(requests).collect();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let mut writing = JoinSet::new();
            let channel = connect(&world).await;
            let start = Instant::now();
            for requests in prebuilt {
                writing.spawn(write(channel.clone(), token.clone(), requests));
            }
            let mut taken = writing.join_all().await.concat();
            let took = start.elapsed().as_secs_f64();
            taken.sort_by(f64::total_cmp);
            ((STREAMS * REQUESTS * PER_REQUEST) as f64 / took, taken)
        });
        assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
        outcome
    };
    let (rate, taken) = median((0..RUNS).map(run).collect(), |run: &(f64, Vec<f64>)| run.0);
    let text = format!(
        "{:.2} million readings/s, p50 {:.1} ms, p99 {:.1} ms",
        rate / 1e6,
        at(&taken, 0.5),
        at(&taken, 0.99)
    );
    figure(
        &format!("durable gRPC streams, requests of {PER_REQUEST}, {STREAMS} streams"),
        &text,
        ">= 2 million/s",
    );
}

const SUBSCRIBERS: usize = 1_000;
/// Devices of a request; each is in every 20th.
const TOGETHER: usize = 50;
/// 100 requests of 500 readings a second.
const PACE: Duration = Duration::from_millis(10);
const PACED: usize = 1_000;

/// How much later than its acknowledgement a reading is shown to one of many who each follow a device.
pub(crate) fn live() {
    let world = world(SUBSCRIBERS);
    let token = world.token(ORG, &["telemetry:write", "view:telemetry"], &[]);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (mut shown, mut acknowledged) = runtime.block_on(async {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut answers = stream::open(connect(&world).await, &token, receiver).await.unwrap();
        // A reading of each series first: none is new when it counts.
        let all: Vec<_> = (1..=(SUBSCRIBERS * SENSORS.len()) as u32)
            .map(|series| (series, BEGIN - STEP, 1.0))
            .collect();
        let first = pb::WriteRequest {
            declared: declared(0, SUBSCRIBERS),
            ..stream::columns(1, &all)
        };
        sender.send(first).unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().accepted, all.len() as u64);
        // By request: when it was handed over.
        let begun: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let mut following = JoinSet::new();
        let mut channel = connect(&world).await;
        for device in 0..SUBSCRIBERS {
            if device % 50 == 49 {
                channel = connect(&world).await;
            }
            let mut request = Request::new(pb::TailRequest {
                org: ORG.to_owned(),
                device: format!("device-{device:06}"),
                ..pb::TailRequest::default()
            });
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", bearer);
            let mut tail = TelemetryServiceClient::new(channel.clone())
                .tail(request)
                .await
                .unwrap()
                .into_inner();
            let begun = Arc::clone(&begun);
            following.spawn(async move {
                let (mut taken, mut seen) = (Vec::new(), 0);
                while seen < PACED / (SUBSCRIBERS / TOGETHER) * SENSORS.len() {
                    let event = tail.message().await.unwrap().unwrap();
                    assert_eq!(event.skipped, 0);
                    seen += event.readings.len();
                    let number = (event.readings[0].timestamp_us - BEGIN) / STEP;
                    let begin = begun.lock().unwrap()[number as usize];
                    taken.push(begin.elapsed().as_secs_f64() * 1e3);
                }
                taken
            });
        }
        let numbers = TOGETHER * SENSORS.len();
        let pacing = Arc::clone(&begun);
        let mut writing = JoinSet::new();
        writing.spawn(async move {
            let start = Instant::now();
            for number in 0..PACED {
                let first = (number * numbers % (SUBSCRIBERS * SENSORS.len())) as u32 + 1;
                let time = BEGIN + number as i64 * STEP;
                let readings: Vec<_> = (first..first + numbers as u32)
                    .map(|series| (series, time, 1.0))
                    .collect();
                tokio::time::sleep_until((start + PACE * number as u32).into()).await;
                pacing.lock().unwrap().push(Instant::now());
                sender.send(stream::columns(number as u64 + 2, &readings)).unwrap();
            }
            sender
        });
        let mut acknowledged = Vec::new();
        while acknowledged.len() < PACED {
            let answer = answers.message().await.unwrap().unwrap();
            assert_eq!(answer.rejected_total, 0, "{:?}", answer.rejected.first());
            let begun = begun.lock().unwrap();
            for begin in &begun[acknowledged.len()..answer.sequence as usize - 1] {
                acknowledged.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
        writing.join_all().await;
        (following.join_all().await.concat(), acknowledged)
    });
    assert!(world.fleetd.errors().is_empty(), "{:?}", world.fleetd.errors());
    shown.sort_by(f64::total_cmp);
    acknowledged.sort_by(f64::total_cmp);
    let text = format!(
        "shown p50 {:.1} ms, p99 {:.1} ms; stored p50 {:.1} ms, p99 {:.1} ms",
        at(&shown, 0.5),
        at(&shown, 0.99),
        at(&acknowledged, 0.5),
        at(&acknowledged, 0.99)
    );
    figure(
        "live to 1,000 subscribers at 50,000 readings/s",
        &text,
        "shown - stored, p99 <= 50 ms",
    );
}
