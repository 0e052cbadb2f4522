//! The store against a plain list, and what must survive.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod backwards;
mod compaction;
mod damage;
mod expiring;
mod folding;

use super::days::DAY;
use super::*;
use crate::domain::telemetry::{Quality, Reason, Value};

/// Xorshift: the same numbers for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (self.0 >> 29) ^ 0xD1B5_4A32_D192_ED03;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }
}

struct Store {
    telemetry: Telemetry,
    task: JoinHandle<Result<()>>,
    stop: CancellationToken,
    db: Db,
}

impl Store {
    async fn open(dir: &Path) -> Self {
        let db = Db::open_sqlite(&dir.join("fleetd.db")).await.unwrap();
        let config = Config {
            dir: dir.join("telemetry"),
            queue: 10_000,
            reserve: None,
        };
        let (telemetry, writer) = Telemetry::open(config, &db).await.unwrap();
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "a test is its own composition root")]
        let task = tokio::spawn(writer.run(stop.clone()));
        Self {
            telemetry,
            task,
            stop,
            db,
        }
    }

    async fn close(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.db.close().await;
    }

    /// As after a kill: nothing is drained, saved or closed.
    async fn abandon(self) {
        self.task.abort();
        let _ = self.task.await;
        self.db.close().await;
    }

    async fn series(&self, count: usize) -> Vec<SeriesId> {
        let wanted: Vec<_> = (0..count).map(|n| (key(&n.to_string()), String::new())).collect();
        create(&self.telemetry, &wanted).await
    }

    async fn everything(&self, id: SeriesId) -> Result<Vec<Sample>> {
        self.telemetry.history(id, Micros::MIN, Micros::MAX, usize::MAX).await
    }
}

async fn create(telemetry: &Telemetry, wanted: &[(SeriesKey, String)]) -> Vec<SeriesId> {
    let found = telemetry.series_or_create(Share::PLATFORM, None, wanted).await;
    found.unwrap().into_iter().map(Option::unwrap).collect()
}

fn key(sensor: &str) -> SeriesKey {
    SeriesKey {
        org: Uuid::nil(),
        device: Uuid::nil(),
        sensor: sensor.into(),
        source: String::new(),
    }
}

fn number(series: u32, timestamp: i64, value: f64) -> Sample {
    Sample {
        series,
        timestamp,
        received: timestamp,
        value: Value::Number(value),
        quality: Quality::Good,
        reason: Reason::None,
    }
}

type Model = BTreeMap<(u32, i64), Sample>;

/// A batch of hostile habits: late, doubled, contradicting, bad, textual, of several days.
fn batch(random: &mut Random, ids: &[SeriesId], clock: &mut i64, size: u64) -> Vec<Sample> {
    (0..random.below(size))
        .map(|_| {
            let timestamp = match random.below(6) {
                0 => random.below(4) as i64 * DAY + random.below(60) as i64 * 1_000_000,
                1 => *clock - random.below(200) as i64 * 1_000_000,
                _ => {
                    *clock += random.below(3) as i64 * 1_000_000;
                    *clock
                }
            };
            let mut sample = number(
                ids[random.below(ids.len() as u64) as usize],
                timestamp,
                random.below(3) as f64 / 10.0,
            );
            match random.below(12) {
                0 => (sample.value, sample.quality, sample.reason) = (Value::Missing, Quality::Bad, Reason::Timeout),
                1 => sample.value = Value::Json(format!("[{}]", random.below(2)).into()),
                2 => sample.quality = Quality::Uncertain,
                3 => sample.received += 5_000_000,
                4 => sample.value = Value::Number([f64::MAX, -0.0, 0.0, 1e-300][random.below(4) as usize]),
                _ => {}
            }
            sample
        })
        .collect()
}

fn expect(model: &mut Model, batch: &[Sample]) -> Appended {
    let mut expected = Appended::default();
    for (at, sample) in batch.iter().enumerate() {
        match model.get(&(sample.series, sample.timestamp)) {
            None => {
                model.insert((sample.series, sample.timestamp), sample.clone());
                expected.accepted += 1;
            }
            Some(known) if block::same(known, sample) => expected.duplicates += 1,
            Some(_) => expected.conflicts.push(at as u32),
        }
    }
    expected
}

async fn compare(store: &Store, model: &Model, ids: &[SeriesId], random: &mut Random, seed: u64) {
    let id = ids[random.below(ids.len() as u64) as usize];
    let moment = |random: &mut Random| random.below(5) as i64 * DAY + random.below(300) as i64 * 1_000_000 - 50_000_000;
    let (from, to) = if random.below(4) == 0 {
        (Micros::MIN, Micros::MAX)
    } else {
        (moment(random), moment(random))
    };
    let expected: Vec<_> = model
        .range((id, from)..)
        .take_while(|((s, t), _)| *s == id && *t < to)
        .map(|(_, s)| s.clone())
        .collect();
    assert_eq!(
        store.telemetry.history(id, from, to, usize::MAX).await.unwrap(),
        expected,
        "seed {seed}"
    );
    let (mut scan, mut paged) = (store.telemetry.scan(id, from, to), Vec::new());
    let size = 1 + random.below(40) as usize;
    loop {
        let page = scan.next(size).await.unwrap();
        assert!(page.len() <= size, "seed {seed}");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected, "seed {seed}, pages of {size}");
    let newest = |id: &u32| {
        model
            .range((*id, i64::MIN)..=(*id, i64::MAX))
            .next_back()
            .map(|(_, s)| s.clone())
    };
    let latest: Vec<_> = ids.iter().map(newest).collect();
    assert_eq!(store.telemetry.latest(ids).await.unwrap(), latest, "seed {seed}");
}

#[tokio::test]
async fn random_histories_answer_like_a_plain_list_through_restarts() {
    let mut restarts = 0;
    for seed in 1..=60_u64 {
        let dir = tempfile::tempdir().unwrap();
        let random = &mut Random(seed);
        let mut store = Store::open(dir.path()).await;
        let ids = store.series(5).await;
        let (mut model, mut clock) = (Model::new(), DAY / 2);
        for _ in 0..20 {
            let size = [4, 60, 400][random.below(3) as usize];
            let sent = batch(random, &ids, &mut clock, size);
            let expected = expect(&mut model, &sent);
            assert_eq!(
                store.telemetry.append(Share::PLATFORM, sent).await.unwrap(),
                expected,
                "seed {seed}"
            );
            if random.below(8) == 0 {
                restarts += 1;
                if random.below(2) == 0 {
                    store.close().await;
                } else {
                    store.abandon().await;
                }
                if random.below(4) == 0 {
                    let _ = std::fs::remove_file(dir.path().join("telemetry/newest"));
                }
                store = Store::open(dir.path()).await;
            }
            compare(&store, &model, &ids, random, seed).await;
        }
        let stats = store.telemetry.stats();
        assert!(stats.bytes > 0 && stats.series == 5, "{stats:?}");
        store.close().await;
    }
    assert!(restarts > 60, "{restarts}");
}

#[tokio::test]
async fn batches_that_wait_together_share_a_commit_and_the_first_wins() {
    for seed in 1..=40_u64 {
        let dir = tempfile::tempdir().unwrap();
        let random = &mut Random(seed);
        let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
        let config = Config {
            dir: dir.path().join("telemetry"),
            queue: 10_000,
            reserve: None,
        };
        let (telemetry, writer) = Telemetry::open(config, &db).await.unwrap();
        let ids = create(&telemetry, &[(key("a"), String::new()), (key("b"), String::new())]).await;
        let (mut model, mut clock) = (Model::new(), DAY);
        let sent: Vec<_> = (0..10)
            .map(|_| batch(random, &ids, &mut clock, 50))
            .filter(|batch| !batch.is_empty())
            .collect();
        let expected: Vec<_> = sent.iter().map(|batch| expect(&mut model, batch)).collect();
        let mut waiting: Vec<_> = sent
            .into_iter()
            .map(|batch| Box::pin(telemetry.append(Share::PLATFORM, batch)))
            .collect();
        for append in &mut waiting {
            // Polled once, in this order: queued before the writer runs at all.
            assert!(futures_util::poll!(append.as_mut()).is_pending());
        }
        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(stop).await.unwrap();
        for (append, expected) in waiting.into_iter().zip(expected) {
            assert_eq!(append.await.unwrap(), expected, "seed {seed}");
        }
        assert_eq!(telemetry.stats().commits, 1);
        assert_eq!(
            telemetry.append(Share::PLATFORM, vec![number(0, 0, 0.0)]).await,
            Err(AppendError::Failed)
        );
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
    let (telemetry, writer) = Telemetry::open(
        Config {
            dir: dir.path().join("telemetry"),
            queue: 3,
            reserve: None,
        },
        &db,
    )
    .await
    .unwrap();
    let mut waiting = Box::pin(telemetry.append(Share::PLATFORM, (0..3).map(|t| number(0, t, 1.0)).collect()));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(
        telemetry.append(Share::PLATFORM, vec![number(0, 9, 1.0)]).await,
        Err(AppendError::Busy)
    );
    let stop = CancellationToken::new();
    stop.cancel();
    writer.run(stop).await.unwrap();
    assert_eq!(waiting.await.unwrap().accepted, 3);
}

#[tokio::test]
async fn an_old_batch_repeated_from_disk_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(30).await;
    let tick = |tick: i64| {
        ids.iter()
            .map(|id| number(*id, tick * 1_000_000, tick as f64))
            .collect::<Vec<_>>()
    };
    for n in 0..200 {
        store.telemetry.append(Share::PLATFORM, tick(n)).await.unwrap();
    }
    store.abandon().await;
    let store = Store::open(dir.path()).await;
    for n in (0..200).rev() {
        let again = store.telemetry.append(Share::PLATFORM, tick(n)).await.unwrap();
        assert_eq!(
            again,
            Appended {
                duplicates: 30,
                ..Appended::default()
            }
        );
    }
    let mut other = tick(100);
    other[7].value = Value::Number(0.5);
    other.push(number(ids[3], 100_500_000, 1.0));
    let found = store.telemetry.append(Share::PLATFORM, other).await.unwrap();
    assert_eq!(
        found,
        Appended {
            accepted: 1,
            duplicates: 29,
            conflicts: vec![7]
        }
    );
    assert_eq!(store.everything(ids[3]).await.unwrap().len(), 201);
    store.close().await;
}

#[tokio::test]
async fn damage_in_a_file_is_named_and_contained() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(3).await;
    store
        .telemetry
        .append(Share::PLATFORM, vec![number(ids[0], 1, 1.0)])
        .await
        .unwrap();
    store
        .telemetry
        .append(Share::PLATFORM, vec![number(ids[1], 1, 2.0)])
        .await
        .unwrap();
    store
        .telemetry
        .append(Share::PLATFORM, vec![number(ids[1], DAY, 3.0)])
        .await
        .unwrap();
    store.close().await;
    std::fs::remove_file(dir.path().join("telemetry/newest")).unwrap();
    std::fs::write(
        dir.path().join("telemetry/1970-01-03.db"),
        "this is no database, and never was one",
    )
    .unwrap();
    std::fs::write(dir.path().join("telemetry/1970-01-04.db"), "").unwrap();
    let url = format!("sqlite://{}", dir.path().join("telemetry/1970-01-01.db").display());
    let file = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql("update segment set body = zeroblob(length(body)) where id = 1")
        .execute(&file)
        .await
        .unwrap();
    file.close().await;

    let store = Store::open(dir.path()).await;
    // The damaged reading is neither there nor silently left out.
    let error = store
        .telemetry
        .history(ids[0], 0, DAY, 10)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("frame 0 of segment 1 in 1970-01-01.db") && error.contains("checksum"),
        "{error}"
    );
    assert_eq!(store.telemetry.history(ids[1], 0, 2 * DAY, 10).await.unwrap().len(), 2);
    let latest = store.telemetry.latest(&ids).await.unwrap();
    assert_eq!(
        (latest[0].is_none(), latest[1].as_ref().map(|s| s.timestamp)),
        (true, Some(DAY))
    );
    // A file that is no database costs its own day only.
    let error = store
        .telemetry
        .history(ids[1], 0, 3 * DAY, 10)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("1970-01-03.db"), "{error}");
    assert_eq!(
        store
            .telemetry
            .append(Share::PLATFORM, vec![number(ids[1], 2 * DAY, 3.0)])
            .await,
        Err(AppendError::Unavailable)
    );
    // An empty file is what a kill in the middle of making it leaves behind.
    assert_eq!(
        store
            .telemetry
            .append(Share::PLATFORM, vec![number(ids[1], 3 * DAY, 4.0)])
            .await
            .unwrap()
            .accepted,
        1
    );
    assert_eq!(
        store
            .telemetry
            .history(ids[1], 3 * DAY, 4 * DAY, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    store.close().await;
}

#[tokio::test]
async fn a_checkpoint_that_does_not_fit_the_files_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(2).await;
    store
        .telemetry
        .append(Share::PLATFORM, vec![number(ids[0], 1, 1.0), number(ids[1], 1, 1.0)])
        .await
        .unwrap();
    store
        .telemetry
        .append(Share::PLATFORM, vec![number(ids[0], DAY, 2.0)])
        .await
        .unwrap();
    store.close().await;
    let checkpoint = dir.path().join("telemetry/newest");
    let saved = std::fs::read(&checkpoint).unwrap();
    std::fs::remove_file(dir.path().join("telemetry/1970-01-02.db")).unwrap();
    let store = Store::open(dir.path()).await;
    assert_eq!(
        store.telemetry.latest(&ids[..1]).await.unwrap()[0]
            .as_ref()
            .map(|s| s.timestamp),
        Some(1)
    );
    store.close().await;
    for at in 0..saved.len() {
        let mut damaged = saved.clone();
        damaged[at] ^= 4;
        std::fs::write(&checkpoint, damaged).unwrap();
        let (newest, _) = newest::load(&partition::Partitions::open(dir.path().join("telemetry")).unwrap(), 2)
            .await
            .unwrap();
        assert_eq!(newest.get(ids[0]).map(|s| s.timestamp), Some(1), "byte {at}");
    }
}

#[tokio::test]
async fn a_store_that_fails_ends_the_writer_and_acknowledges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    std::fs::remove_dir_all(dir.path().join("telemetry")).unwrap();
    assert_eq!(
        store.telemetry.append(Share::PLATFORM, vec![number(0, 1, 1.0)]).await,
        Err(AppendError::Failed)
    );
    assert!(store.task.await.unwrap().is_err());
    assert_eq!(
        store.telemetry.append(Share::PLATFORM, vec![number(0, 1, 1.0)]).await,
        Err(AppendError::Failed)
    );
}

#[tokio::test]
async fn a_full_disk_refuses_and_the_store_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let (files, mut writer) = files::open(dir.path().join("telemetry"), None, 0).await.unwrap();
    let text = |n: i64| {
        let mut random = Random(n as u64);
        let noise: String = (0..50_000).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        vec![Sample {
            value: Value::Json(noise.into()),
            ..number(0, n, 0.0)
        }]
    };
    let first = text(1);
    let order = order::Order::new(std::iter::once(first.as_slice()));
    assert_eq!(writer.commit(&order).await.unwrap().fresh.len(), 1);
    writer.limit_pages(0, 8).await;
    let mut refused = 0;
    for n in 2..6 {
        let batch = text(n);
        let done = writer
            .commit(&order::Order::new(std::iter::once(batch.as_slice())))
            .await;
        refused += u32::from(matches!(done, Err(crate::storage::Error::Full(_))));
    }
    assert!(refused >= 3, "{refused}");
    writer.limit_pages(0, 1_000).await;
    let mut accepted = 0;
    for n in 1..6 {
        let batch = text(n);
        accepted += writer
            .commit(&order::Order::new(std::iter::once(batch.as_slice())))
            .await
            .unwrap()
            .fresh
            .len();
    }
    assert_eq!(accepted, refused as usize);
    assert_eq!(read(&files.newest).get(0).map(|s| s.timestamp), Some(5));
    writer.close().await.unwrap();
}

#[tokio::test]
async fn thousands_of_series_are_created_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let wanted: Vec<_> = (0..12_000)
        .map(|n| (key(&format!("sensor \"{}\" ü", n % 11_000)), "kW".to_owned()))
        .collect();
    let (one, two) = tokio::join!(
        create(&store.telemetry, &wanted),
        create(&store.telemetry, &wanted[5..])
    );
    assert_eq!(one[5..], two);
    assert_eq!(one[..1_000], one[11_000..]);
    assert_eq!(store.telemetry.stats().series, 11_000);
    store.close().await;
    let store = Store::open(dir.path()).await;
    assert_eq!(create(&store.telemetry, &wanted).await, one);
    let described = store.telemetry.describe(one[70]).unwrap();
    assert_eq!((&described.key, described.unit.as_str()), (&wanted[70].0, "kW"));
    assert_eq!(store.telemetry.series_of(Uuid::nil()).len(), 11_000);
    assert_eq!(store.telemetry.series(&key("none")), None);
    store.close().await;
}

#[tokio::test]
async fn an_organization_has_no_more_series_than_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let wanted: Vec<_> = (0..5).map(|n| (key(&n.to_string()), String::new())).collect();
    let within = |limit| store.telemetry.series_or_create(Share::PLATFORM, Some(limit), &wanted);
    let known = |found: Vec<Option<SeriesId>>| found.iter().flatten().count();
    let (one, two) = tokio::join!(within(3), within(3));
    assert_eq!(one.unwrap(), [Some(0), Some(1), Some(2), None, None]);
    assert_eq!(known(two.unwrap()), 3);
    assert_eq!(known(within(1).await.unwrap()), 3, "what is known stays");
    let other = Uuid::from_u128(7);
    let theirs = [(
        SeriesKey {
            org: other,
            device: other,
            ..key("0")
        },
        String::new(),
    )];
    let theirs = store
        .telemetry
        .series_or_create(Share::of(other, None), Some(1), &theirs);
    assert_eq!(theirs.await.unwrap(), [Some(3)]);
    assert_eq!(known(within(4).await.unwrap()), 4);
    let counts = [Uuid::nil(), other].map(|org| store.telemetry.series_of_org(org));
    assert_eq!(counts, [4, 1]);
    store.close().await;
}

#[tokio::test]
async fn committed_readings_are_announced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let mut live = store.telemetry.subscribe();
    store
        .telemetry
        .append(
            Share::PLATFORM,
            vec![number(0, 2, 1.0), number(0, 1, 1.0), number(0, 2, 7.0)],
        )
        .await
        .unwrap();
    let seen = live.recv().await.unwrap();
    assert_eq!(seen.iter().map(|sample| sample.timestamp).collect::<Vec<_>>(), [1, 2]);
    store.close().await;
}
