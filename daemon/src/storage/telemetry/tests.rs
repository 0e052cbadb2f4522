//! The store against a plain list.

use std::collections::BTreeMap;

use super::*;
use crate::domain::telemetry::{Quality, Reason, Value};

async fn open(dir: &std::path::Path) -> (Telemetry, tokio::task::JoinHandle<Result<()>>, CancellationToken, Db) {
    let db = Db::open_sqlite(&dir.join("fleetd.db")).await.unwrap();
    let (telemetry, writer) = Telemetry::open(
        Config {
            dir: dir.join("telemetry"),
            queue: 10_000,
        },
        &db,
    )
    .await
    .unwrap();
    let stop = CancellationToken::new();
    #[expect(clippy::disallowed_methods, reason = "a test is its own composition root")]
    let task = tokio::spawn(writer.run(stop.clone()));
    (telemetry, task, stop, db)
}

use tokio_util::sync::CancellationToken;

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

#[tokio::test]
async fn random_histories_answer_like_a_plain_list_through_restarts() {
    for seed in 1..25_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut telemetry, mut task, mut stop, mut db) = open(dir.path()).await;
        let wanted: Vec<_> = (0..4).map(|n| (key(&n.to_string()), String::new())).collect();
        let ids = telemetry.series_or_create(&wanted).await.unwrap();
        let mut model: BTreeMap<(u32, i64), Sample> = BTreeMap::new();
        for _ in 0..30 {
            let mut batch = Vec::new();
            for _ in 0..random(60) {
                let timestamp = (random(5) as i64 * DAY / 2) + random(50) as i64 * 1_000_000;
                let mut sample = number(ids[random(4) as usize], timestamp, random(3) as f64 / 10.0);
                match random(8) {
                    0 => {
                        (sample.value, sample.quality, sample.reason) = (Value::Missing, Quality::Bad, Reason::Timeout)
                    }
                    1 => sample.value = Value::Json("\"on\"".into()),
                    2 => sample.quality = Quality::Uncertain,
                    3 => sample.received += 5_000_000,
                    _ => {}
                }
                batch.push(sample);
            }
            let mut expected = Appended::default();
            for (at, sample) in batch.iter().enumerate() {
                match model.get(&(sample.series, sample.timestamp)) {
                    None => {
                        model.insert((sample.series, sample.timestamp), sample.clone());
                        expected.accepted += 1;
                    }
                    Some(known) if writer::equal(known, sample) => expected.duplicates += 1,
                    Some(_) => expected.conflicts.push(at as u32),
                }
            }
            assert_eq!(telemetry.append(batch).await.unwrap(), expected, "seed {seed}");
            if random(6) == 0 {
                if random(2) == 0 {
                    stop.cancel();
                    task.await.unwrap().unwrap();
                } else {
                    // As after a kill: nothing is drained or closed.
                    task.abort();
                }
                db.close().await;
                (telemetry, task, stop, db) = open(dir.path()).await;
            }
            let (id, from, to) = (ids[random(4) as usize], random(3) as i64 * DAY, random(4) as i64 * DAY);
            let expected: Vec<_> = model
                .range((id, from)..)
                .take_while(|((s, t), _)| *s == id && *t < to)
                .map(|(_, s)| s.clone())
                .collect();
            assert_eq!(
                telemetry.history(id, from, to, usize::MAX).await.unwrap(),
                expected,
                "seed {seed}"
            );
            let latest: Vec<_> = ids
                .iter()
                .map(|id| {
                    model
                        .range((*id, i64::MIN)..=(*id, i64::MAX))
                        .next_back()
                        .map(|(_, s)| s.clone())
                })
                .collect();
            assert_eq!(telemetry.latest(&ids).await.unwrap(), latest, "seed {seed}");
        }
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
        },
        &db,
    )
    .await
    .unwrap();
    let ids = telemetry.series_or_create(&[(key("a"), String::new())]).await.unwrap();
    let waiting = telemetry.append((0..3).map(|t| number(ids[0], t, 1.0)).collect());
    let stop = CancellationToken::new();
    let story = async {
        // The first batch fills the queue as soon as it is polled; the writer does not run yet.
        tokio::task::yield_now().await;
        assert_eq!(
            telemetry.append(vec![number(ids[0], 9, 1.0)]).await,
            Err(AppendError::Busy)
        );
        stop.cancel();
        writer.run(stop.clone()).await.unwrap();
    };
    let (appended, ()) = tokio::join!(waiting, story);
    assert_eq!(appended.unwrap().accepted, 3);
}

#[tokio::test]
async fn damage_in_a_file_is_named_and_contained() {
    let dir = tempfile::tempdir().unwrap();
    let (telemetry, task, stop, db) = open(dir.path()).await;
    let ids = telemetry
        .series_or_create(&[(key("a"), String::new()), (key("b"), String::new())])
        .await
        .unwrap();
    telemetry.append(vec![number(ids[0], 1, 1.0)]).await.unwrap();
    telemetry.append(vec![number(ids[1], 1, 2.0)]).await.unwrap();
    stop.cancel();
    task.await.unwrap().unwrap();
    db.close().await;
    let file = sqlx::SqlitePool::connect(&format!(
        "sqlite://{}",
        dir.path().join("telemetry/1970-01-01.db").display()
    ))
    .await
    .unwrap();
    sqlx::raw_sql("update segment set body = zeroblob(length(body)) where id = 1")
        .execute(&file)
        .await
        .unwrap();
    file.close().await;
    let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
    let error = Telemetry::open(
        Config {
            dir: dir.path().join("telemetry"),
            queue: 3,
        },
        &db,
    )
    .await
    .err()
    .map(|e| e.to_string());
    assert!(
        error.as_deref().is_some_and(|e| e.contains("1970-01-01.db")),
        "{error:?}"
    );
}
