//! How fast the store of readings is, alone: `cargo bench -p fleetd --bench store [-- READINGS]`,
//! or a part of it, `-- compaction READINGS`, `-- month`.
//!
//! Readings are 10 metrics of 1,000 devices, random walks of 2 decimals every 10 s; for compaction each device is read up to
//! 100 ms late, by whole microseconds. Each figure is of one run; CPU time is that of the whole process less what making
//! the readings costs.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench prints, and is its own composition root"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use fleetd::domain::aggregate::{Aggregate, Bucket, Course, Figures, Intervals, Track};
use fleetd::domain::shares::Share;
use fleetd::domain::telemetry::{Quality, Reason, Sample, SeriesId, SeriesKey, Value};
use fleetd::storage::Db;
use fleetd::storage::telemetry::{Compactor, Config, Progress, Telemetry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const DEVICES: usize = 1_000;
const METRICS: usize = 10;
const SERIES: usize = DEVICES * METRICS;
const BEGIN: i64 = 1_795_132_800_000_000;
const STEP: i64 = 10_000_000;

struct Store {
    telemetry: Telemetry,
    db: Db,
    stop: CancellationToken,
    writer: JoinHandle<fleetd::storage::Result<()>>,
}

impl Store {
    async fn open(dir: &Path) -> Self {
        let db = Db::open_sqlite(&dir.join("fleetd.db")).await.unwrap();
        let config = Config {
            dir: dir.join("telemetry"),
            queue: 200_000,
            reserve: None,
        };
        let (telemetry, writer) = Telemetry::open(config, &db).await.unwrap();
        let stop = CancellationToken::new();
        let writer = tokio::spawn(writer.run(stop.clone()));
        Self {
            telemetry,
            db,
            stop,
            writer,
        }
    }

    async fn close(self) {
        self.stop.cancel();
        self.writer.await.unwrap().unwrap();
        self.db.close().await;
    }

    /// As after a kill: nothing is drained or closed.
    async fn abandon(self) {
        self.writer.abort();
        self.db.close().await;
    }
}

/// Random walks, one for each series.
struct Walks {
    ids: Vec<SeriesId>,
    values: Vec<i64>,
    state: u64,
}

impl Walks {
    fn new(ids: Vec<SeriesId>) -> Self {
        Self {
            values: (0..ids.len() as i64).map(|n| 20_000 + n * 7 % 5_000).collect(),
            ids,
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn sample(&mut self, series: usize, tick: i64) -> Sample {
        self.values[series] += (self.random() % 21) as i64 - 10;
        // Sensors of one device are read together; devices are not read at the same moment.
        let timestamp = BEGIN + tick * STEP + (series / METRICS) as i64 * 9_973;
        let value = Value::Number(self.values[series] as f64 / 100.0);
        Sample {
            series: self.ids[series],
            timestamp,
            received: timestamp,
            value,
            quality: Quality::Good,
            reason: Reason::None,
        }
    }

    fn tick(&mut self, tick: i64) -> Vec<Sample> {
        (0..self.ids.len()).map(|series| self.sample(series, tick)).collect()
    }

    /// The same, each device up to 100 ms late.
    fn jittered(&mut self, tick: i64) -> Vec<Sample> {
        let mut samples = self.tick(tick);
        for device in samples.chunks_mut(METRICS) {
            let late = (self.random() % 100_000) as i64;
            for sample in device {
                sample.timestamp += late;
                sample.received = sample.timestamp;
            }
        }
        samples
    }
}

/// What tells the series apart.
fn keys() -> Vec<(SeriesKey, String)> {
    (0..SERIES)
        .map(|n| {
            let device = Uuid::from_u128((n / METRICS) as u128 + 1);
            (
                SeriesKey {
                    org: Uuid::nil(),
                    device,
                    sensor: format!("metric_{}", n % METRICS),
                    source: String::new(),
                },
                String::new(),
            )
        })
        .collect()
}

fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn say(what: &str, readings: usize, wall: Duration, cpu: Duration) {
    let readings = readings as f64;
    println!(
        "{what:<52} {:>12.0}/s   {:>7.3} CPU s per million",
        readings / wall.as_secs_f64(),
        cpu.as_secs_f64() / readings * 1e6
    );
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let readings = std::env::args()
        .skip(1)
        .find_map(|a| a.parse::<usize>().ok())
        .unwrap_or(10_000_000);
    if std::env::args().any(|word| word == "month") {
        return month().await;
    }
    if std::env::args().any(|word| word == "compaction") {
        return compaction(readings).await;
    }
    let ticks = (readings / SERIES).max(1) as i64;
    let dir = folder();
    let store = Store::open(dir.path()).await;

    let keys = keys();
    let begun = Instant::now();
    let ids = store
        .telemetry
        .series_or_create(Share::PLATFORM, None, &keys)
        .await
        .unwrap();
    let ids: Vec<SeriesId> = ids.into_iter().flatten().collect();
    println!(
        "{:<52} {:>12.0}/s",
        "new series, one transaction",
        SERIES as f64 / begun.elapsed().as_secs_f64()
    );

    let mut walks = Walks::new(ids);
    let before = cpu();
    for tick in 0..50 {
        std::hint::black_box(walks.tick(-100 + tick));
    }
    let making = cpu().checked_sub(before).unwrap() / 50;

    // Commits of 10,000, one after the other.
    let (begun, before) = (Instant::now(), cpu());
    for tick in 0..ticks {
        let appended = store.telemetry.append(Share::PLATFORM, walks.tick(tick)).await.unwrap();
        assert_eq!(appended.accepted as usize, SERIES);
    }
    say(
        "commits of 10,000, one caller",
        ticks as usize * SERIES,
        begun.elapsed(),
        cpu().checked_sub(before).unwrap().saturating_sub(making * ticks as u32),
    );
    let stats = store.telemetry.stats();
    println!(
        "{:<52} {:>12.2}",
        "bytes on disk per reading",
        stats.bytes as f64 / stats.accepted as f64
    );

    // Reading it back.
    queries(&store.telemetry, &walks.ids, ticks).await;
    store.abandon().await;
    let begun = Instant::now();
    let store = Store::open(dir.path()).await;
    println!(
        "{:<52} {:>10.1} ms",
        format!("start with {} readings after a kill", ticks as usize * SERIES),
        begun.elapsed().as_secs_f64() * 1e3
    );
    queries(&store.telemetry, &walks.ids, ticks).await;
    store.close().await;
    let begun = Instant::now();
    let store = Store::open(dir.path()).await;
    println!(
        "{:<52} {:>10.1} ms",
        "start after a clean end",
        begun.elapsed().as_secs_f64() * 1e3
    );

    // Batches of 100 from 32 callers.
    let rounds = (ticks / 4).max(1);
    let all: Vec<Vec<Sample>> = (0..rounds).map(|tick| walks.tick(ticks + tick)).collect();
    let (mut tasks, (begun, before)) = (tokio::task::JoinSet::new(), (Instant::now(), cpu()));
    for caller in 0..32 {
        let telemetry = store.telemetry.clone();
        let batches: Vec<Vec<Sample>> = all
            .iter()
            .flat_map(|tick| tick.chunks(100).skip(caller).step_by(32).map(<[Sample]>::to_vec))
            .collect();
        tasks.spawn(async move {
            for batch in batches {
                telemetry.append(Share::PLATFORM, batch).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let copied = begun.elapsed();
    say(
        "batches of 100, 32 callers",
        rounds as usize * SERIES,
        copied,
        cpu().checked_sub(before).unwrap(),
    );

    // One reading at a time from 32 callers.
    let single = 60_000;
    let commits = store.telemetry.stats().commits;
    let (mut tasks, (begun, before)) = (tokio::task::JoinSet::new(), (Instant::now(), cpu()));
    for caller in 0..32 {
        let telemetry = store.telemetry.clone();
        let mut own = Walks::new(walks.ids[caller * METRICS..(caller + 1) * METRICS].to_vec());
        tasks.spawn(async move {
            for n in 0..single / 32 {
                let sample = own.sample(n % METRICS, ticks + rounds + 1 + (n / METRICS) as i64);
                telemetry.append(Share::PLATFORM, vec![sample]).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    say(
        "single readings, 32 callers",
        single,
        begun.elapsed(),
        cpu().checked_sub(before).unwrap(),
    );
    println!(
        "{:<52} {:>12.1}",
        "readings per commit then",
        single as f64 / (store.telemetry.stats().commits - commits) as f64
    );

    // A gateway that was offline repeats what is stored already.
    let again = 20_000;
    let mut replay = Walks::new(walks.ids.clone());
    let (begun, before) = (Instant::now(), cpu());
    for tick in 0..(again / 100) as i64 {
        let batch = (0..100).map(|series| replay.sample(series, tick % ticks)).collect();
        let appended = store.telemetry.append(Share::PLATFORM, batch).await.unwrap();
        assert_eq!(appended.accepted, 0);
    }
    say(
        "batches of 100 of old, known readings, one caller",
        again,
        begun.elapsed(),
        cpu().checked_sub(before).unwrap(),
    );
    store.close().await;

    for readings in [1_000_000, readings.max(1_000_000)] {
        compaction(readings).await;
    }
    month().await;
}

fn folder() -> tempfile::TempDir {
    let dir = std::env::var_os("FLEETD_BENCH_DIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    tempfile::tempdir_in(dir).unwrap()
}

/// Long after the last reading: every day is past.
const LATER: i64 = BEGIN + 1_000 * 86_400_000_000;

/// Compacts until nothing is left; gives the longest step.
async fn settle(compactor: &mut Compactor) -> Duration {
    let (mut idle, mut longest) = (0, Duration::ZERO);
    while idle < 100 {
        let begun = Instant::now();
        match compactor.advance(LATER).await.unwrap() {
            Progress::Step => idle = 0,
            _ => idle += 1,
        }
        longest = longest.max(begun.elapsed());
    }
    longest
}

/// So many readings before and after compaction, and ingest beside it.
async fn compaction(readings: usize) {
    let ticks = (readings / SERIES) as i64;
    println!("\ncompaction of {readings} readings, jittered");
    let dir = folder();
    let store = Store::open(dir.path()).await;
    let keys = keys();
    let ids = store.telemetry.series_or_create(Share::PLATFORM, None, &keys).await;
    let mut walks = Walks::new(ids.unwrap().into_iter().flatten().collect());
    for tick in 0..ticks {
        let jittered = walks.jittered(tick);
        store.telemetry.append(Share::PLATFORM, jittered).await.unwrap();
    }
    store.close().await;
    let store = Store::open(dir.path()).await;
    let bytes = |store: &Store| store.telemetry.stats().bytes as f64 / (ticks as usize * SERIES) as f64;
    println!("{:<52} {:>12.2}", "bytes on disk per reading, before", bytes(&store));
    figures(&store.telemetry, &walks.ids, ticks).await;
    let mut compactor = store.telemetry.compactor().unwrap();
    let (begun, before) = (Instant::now(), cpu());
    let longest = settle(&mut compactor).await;
    say(
        "compaction, without pauses",
        ticks as usize * SERIES,
        begun.elapsed(),
        cpu().checked_sub(before).unwrap(),
    );
    println!("{:<52} {:>10.1} ms", "longest step", longest.as_secs_f64() * 1e3);
    store.close().await;
    let store = Store::open(dir.path()).await;
    println!("{:<52} {:>12.2}", "bytes on disk per reading, after", bytes(&store));
    figures(&store.telemetry, &walks.ids, ticks).await;
    store.close().await;
    let begun = Instant::now();
    let store = Store::open(dir.path()).await;
    println!(
        "{:<52} {:>10.1} ms",
        "start after compaction",
        begun.elapsed().as_secs_f64() * 1e3
    );
    store.close().await;
    beside(ticks).await;
}

/// The time of commits of 1,000 readings, alone and while their day is compacted.
async fn beside(ticks: i64) {
    for compacts in [false, true] {
        let dir = folder();
        let store = Store::open(dir.path()).await;
        let ids = store.telemetry.series_or_create(Share::PLATFORM, None, &keys()).await;
        let mut walks = Walks::new(ids.unwrap().into_iter().flatten().collect());
        for tick in 0..ticks {
            let jittered = walks.jittered(tick);
            store.telemetry.append(Share::PLATFORM, jittered).await.unwrap();
        }
        let mut compactor = store.telemetry.compactor().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let compacting = tokio::spawn(async move {
            while compacts && !stopped.is_cancelled() {
                // The pace of fleetd itself, but that it looks more often for something to do.
                let begun = Instant::now();
                let progress = compactor.advance(LATER).await.unwrap();
                let is_idle = progress == Progress::Idle;
                tokio::time::sleep(if is_idle {
                    Duration::from_millis(10)
                } else {
                    begun.elapsed()
                })
                .await;
            }
        });
        let (mut times, begun) = (Vec::new(), Instant::now());
        while begun.elapsed() < Duration::from_secs(2) {
            let tick = ticks + times.len() as i64 / 10;
            let samples: Vec<_> = (0..1_000)
                .map(|n| walks.sample(times.len() % 10 * 1_000 + n, tick))
                .collect();
            let begun = Instant::now();
            store.telemetry.append(Share::PLATFORM, samples).await.unwrap();
            times.push(begun.elapsed());
        }
        let compacted = store.telemetry.stats().compacted;
        stop.cancel();
        times.sort_unstable();
        let part = |part: f64| times[(times.len() as f64 * part) as usize].as_secs_f64() * 1e3;
        println!(
            "{:<52} p50 {:.2} ms, p99 {:.2} ms, {:.0} readings/s, {compacted} compacted",
            if compacts {
                "commits of 1,000 beside compaction"
            } else {
                "commits of 1,000, one caller"
            },
            part(0.5),
            part(0.99),
            times.len() as f64 * 1e3 / 2.0
        );
        compacting.await.unwrap();
        store.close().await;
    }
}

/// Means of some series together, from the beginning until `end`.
async fn means(telemetry: &Telemetry, ids: &[SeriesId], every: i64, end: i64) -> Vec<Bucket> {
    let start = BEGIN - BEGIN.rem_euclid(every);
    let intervals = || Intervals::new(start, every, ((end - start) / every + 1) as usize);
    let course = |id: &SeriesId| Course::new(*id, Track::plain(), intervals(), ("", ""));
    let mut courses: Vec<Course> = ids.iter().map(course).collect();
    telemetry.fold(&mut courses, BEGIN, end).await.unwrap();
    let mut all = intervals();
    courses.iter().for_each(|course| all.add(&course.intervals));
    let mean = |(start, figures): (i64, &Figures)| figures.bucket(start, Aggregate::Mean);
    all.iter().map(mean).collect()
}

/// A month of one device, in chunks: 5-minute buckets of one of its series, and hourly ones.
async fn month() {
    const TICKS: i64 = 30 * 8_640;
    let dir = folder();
    let store = Store::open(dir.path()).await;
    let ids = store
        .telemetry
        .series_or_create(Share::PLATFORM, None, &keys()[..METRICS])
        .await;
    let ids: Vec<SeriesId> = ids.unwrap().into_iter().flatten().collect();
    let mut walks = Walks::new(ids.clone());
    for begin in (0..TICKS).step_by(1_000) {
        let ticks = begin..(begin + 1_000).min(TICKS);
        let sent = ticks.flat_map(|tick| (0..METRICS).map(move |series| (series, tick)));
        let sent: Vec<Sample> = sent.map(|(series, tick)| walks.sample(series, tick)).collect();
        store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
    }
    settle(&mut store.telemetry.compactor().unwrap()).await;
    store.close().await;
    let store = Store::open(dir.path()).await;
    let bytes = store.telemetry.stats().bytes as f64 / (TICKS as usize * METRICS) as f64;
    println!("\n{:<52} {bytes:>12.2}", "bytes per reading, a month of one device");
    for pass in ["first", "again"] {
        let mut told = Vec::new();
        for every in [300_000_000, 3_600_000_000] {
            let begun = Instant::now();
            std::hint::black_box(means(&store.telemetry, &ids[3..4], every, BEGIN + TICKS * STEP).await);
            told.push(format!("{:.1} ms", begun.elapsed().as_secs_f64() * 1e3));
        }
        println!(
            "{:<52} {:>12}",
            format!("5-minute and hourly means of one series, {pass}"),
            told.join(", ")
        );
    }
    store.close().await;
}

/// One answer for a person, one for a plot, one for a report.
async fn figures(telemetry: &Telemetry, ids: &[SeriesId], ticks: i64) {
    let end = BEGIN + ticks * STEP + STEP;
    let hourly: Vec<SeriesId> = (0..DEVICES).map(|device| ids[device * METRICS + 3]).collect();
    for pass in ["first", "again"] {
        let begun = Instant::now();
        std::hint::black_box(telemetry.latest(&ids[4_320..4_330]).await.unwrap());
        let latest = begun.elapsed();
        let begun = Instant::now();
        std::hint::black_box(means(telemetry, &ids[4_321..4_322], 300_000_000, end).await);
        let minutes = begun.elapsed();
        let begun = Instant::now();
        std::hint::black_box(means(telemetry, &hourly, 3_600_000_000, end).await);
        println!(
            "{:<52} {:.3} ms, {:.2} ms, {:.1} ms",
            format!("latest of 10, 5-minute buckets, hourly of 1,000, {pass}"),
            latest.as_secs_f64() * 1e3,
            minutes.as_secs_f64() * 1e3,
            begun.elapsed().as_secs_f64() * 1e3
        );
    }
}

async fn queries(telemetry: &Telemetry, ids: &[SeriesId], ticks: i64) {
    let end = BEGIN + ticks * STEP;
    for (what, from) in [("last hour", end - 3_600_000_000), ("everything", BEGIN)] {
        for pass in ["first", "again"] {
            let begun = Instant::now();
            let found = telemetry.history(ids[4_321], from, end, 1_000_000).await.unwrap();
            println!(
                "{:<52} {:>10.2} ms   {} readings",
                format!("history of one series, {what}, {pass}"),
                begun.elapsed().as_secs_f64() * 1e3,
                found.len()
            );
        }
    }
    let begun = Instant::now();
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_millis(50) {
        std::hint::black_box(telemetry.latest(&ids[4_320..4_330]).await.unwrap());
        rounds += 1;
    }
    println!(
        "{:<52} {:>10.2} µs",
        "latest of 10 series",
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    );
}
