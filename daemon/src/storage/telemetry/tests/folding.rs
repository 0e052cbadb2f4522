//! Intervals by figures against the same by readings.

use sqlx::Connection as _;

use super::super::partition::query;
use super::compaction::{files, settle};
use super::*;
use crate::domain::aggregate::{Aggregate, Bucket, Course, Intervals, Track};

const MINUTE: Micros = 60_000_000;

/// Every day of the tests is past.
const LATER: Micros = 100 * DAY;

fn course(id: SeriesId, track: &Track, start: Micros, every: Micros, count: usize) -> Course {
    Course::new(id, track.clone(), Intervals::new(start, every, count), ("V", "V"))
}

fn buckets(course: &Course, aggregate: Aggregate) -> Vec<Bucket> {
    let intervals = course.intervals.iter();
    intervals
        .map(|(start, figures)| figures.bucket(start, aggregate))
        .collect()
}

/// Sums of floats depend on their order, in the last digits.
fn alike(a: &Bucket, b: &Bucket) -> bool {
    let values = match (a.value, b.value) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        (a, b) => a == b,
    };
    values && (a.start, a.count, a.bad) == (b.start, b.count, b.bad)
}

/// Intervals of some series, from the store and from the list.
pub(super) async fn compare_folded(store: &Store, model: &Model, ids: &[SeriesId], random: &mut Random, seed: u64) {
    let every = [7_000_000, MINUTE, 5 * MINUTE, 60 * MINUTE, DAY][random.below(5) as usize];
    let (_, aggregate) = Aggregate::WORDS[random.below(Aggregate::WORDS.len() as u64) as usize];
    let rollover = [None, Some(0.25)][random.below(2) as usize];
    let track = if aggregate.looks_back() {
        Track::new(rollover)
    } else {
        Track::plain()
    };
    let mut from = random.below(4) as i64 * DAY + random.below(2 * DAY as u64) as i64 - DAY / 2;
    if random.below(2) == 0 {
        from -= from.rem_euclid(every);
    }
    let start = from - from.rem_euclid(every);
    let count = 1 + random.below((5 * DAY / every).min(3_000) as u64) as usize;
    let mut to = start + every * count as i64;
    if random.below(2) == 0 {
        to = (to - random.below(every as u64) as i64).max(from + 1);
    }
    let mut found: Vec<Course> = ids.iter().map(|id| course(*id, &track, start, every, count)).collect();
    store.telemetry.fold(&mut found, from, to).await.unwrap();
    for mut found in found {
        let mut expected = course(found.series, &track, start, every, count);
        let readings = model.range((found.series, from)..(found.series, to));
        readings.for_each(|(_, sample)| expected.add_sample(sample));
        expected.until(to);
        found.until(to);
        let (found, expected) = (buckets(&found, aggregate), buckets(&expected, aggregate));
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                alike(found, expected),
                "seed {seed}, {aggregate:?} of {every} µs from {from} to {to}: {found:?} for {expected:?}"
            );
        }
    }
}

/// Two hours of a reading every 10 s, and of a counter, in chunks.
async fn two_hours(store: &Store) -> (Vec<SeriesId>, Model) {
    let ids = store.series(2).await;
    let mut model = Model::new();
    for begin in (0..720_i64).step_by(60) {
        let mut sent = Vec::new();
        for tick in begin..begin + 60 {
            sent.push(number(ids[0], tick * 10_000_000, 200.0 + (tick % 7) as f64 / 10.0));
            sent.push(number(ids[1], tick * 10_000_000, tick as f64 / 10.0));
        }
        expect(&mut model, &sent);
        store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
    }
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    (ids, model)
}

#[tokio::test]
async fn figures_stand_for_readings_that_nobody_has_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let (ids, model) = two_hours(&store).await;
    // Values that cannot be read any more: whatever reads them fails.
    let path = dir.path().join("telemetry/1970-01-01.db");
    let mut file = sqlx::sqlite::SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    query("update chunk set body = x'00'").execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    lock(&files(&store).partitions.cache).clear();

    let ask = async |every: Micros, from: Micros, aggregate: Aggregate| {
        let track = if aggregate.looks_back() {
            Track::new(None)
        } else {
            Track::plain()
        };
        let start = from - from.rem_euclid(every);
        let mut found = vec![course(ids[1], &track, start, every, (2 * 60 * MINUTE / every) as usize)];
        let done = store.telemetry.fold(&mut found, from, 2 * 60 * MINUTE).await;
        done.map(|()| buckets(&found[0], aggregate))
    };
    for (_, aggregate) in Aggregate::WORDS {
        for every in [MINUTE, 5 * MINUTE, 60 * MINUTE, 120 * MINUTE] {
            let found = ask(every, 0, *aggregate).await.unwrap();
            let mut expected = course(ids[1], &Track::new(None), 0, every, found.len());
            let readings = model.range((ids[1], 0)..(ids[1], DAY));
            readings.for_each(|(_, sample)| expected.add_sample(sample));
            let expected = buckets(&expected, *aggregate);
            assert!(
                found.iter().zip(&expected).all(|(a, b)| alike(a, b)),
                "{aggregate:?}: {found:?} for {expected:?}"
            );
        }
    }
    // Where an edge cuts a minute, or intervals are shorter, readings are needed, and their damage is told.
    for (every, from) in [(MINUTE, 25_000_000), (7_000_000, 0)] {
        let error = ask(every, from, Aggregate::Mean).await.unwrap_err();
        assert!(error.to_string().contains("chunk"), "{error}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_is_late_makes_figures_no_longer_stand_for_readings() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let (ids, mut model) = two_hours(&store).await;
    // Into a chunk, and once more what it has already.
    let late = vec![number(ids[0], 15_000_000, 900.0), number(ids[0], 20_000_000, 200.2)];
    expect(&mut model, &late);
    store.telemetry.append(Share::PLATFORM, late).await.unwrap();
    let mut found = vec![course(ids[0], &Track::plain(), 0, 60 * MINUTE, 2)];
    store.telemetry.fold(&mut found, 0, DAY).await.unwrap();
    let found = buckets(&found[0], Aggregate::Max);
    assert_eq!((found[0].value, found[0].count), (Some(900.0), 361));
    for seed in 0..40 {
        compare_folded(&store, &model, &ids, &mut Random(seed), seed).await;
    }
    store.close().await;
}
