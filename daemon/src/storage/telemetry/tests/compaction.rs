//! Compaction against a plain list: nothing is lost, doubled or answered otherwise, wherever it is cut off.

use std::sync::Arc;

use super::super::chunk::{Chunk, FULL, MOST};
use super::super::files::Files;
use super::super::partition::query;
use super::super::stored::Wanted;
use super::*;
use crate::domain::aggregate::{Intervals, Summing, Totals, Track};

/// Every day of the tests is past.
const LATER: Micros = 100 * DAY;
/// More steps than any test's file has.
const ENOUGH: usize = 10_000;

/// How many histories: a few for CI, or what the variable says.
pub(super) fn cases() -> u64 {
    match std::env::var("FLEET_TEST_CASES") {
        Ok(cases) => cases.parse().expect("FLEET_TEST_CASES is a number"),
        Err(_) => 40,
    }
}

pub(super) fn files(store: &Store) -> &Arc<Files> {
    match &store.telemetry.inner.backend {
        Backend::Files(files) => files,
        Backend::Rows(_) => panic!("the test has no files"),
    }
}

/// Compacts until there is nothing left; gives the steps that it took.
pub(super) async fn settle(compactor: &mut Compactor, now: Micros) -> usize {
    let mut idle = 0;
    for steps in 0..ENOUGH {
        match compactor.advance(now).await.unwrap() {
            Progress::Step => idle = 0,
            Progress::Idle if idle < 4 => idle += 1,
            Progress::Idle => return steps,
            Progress::Ended => panic!("the writer has ended"),
        }
    }
    panic!("compaction comes to no end");
}

/// Every chunk of a day, and how many readings its segments hold.
async fn stored(files: &Files, day: i64) -> (Vec<Chunk>, u64) {
    let (chunks, damaged) = files.partitions.chunks(day, (0, SeriesId::MAX)).await.unwrap();
    assert!(damaged.is_empty(), "{damaged:?}");
    let row = query("select coalesce(sum(count), 0) from segment")
        .fetch_one(&files.partitions.reader(day))
        .await
        .unwrap();
    (chunks, sqlx::Row::get::<i64, _>(&row, 0) as u64)
}

/// The files hold each reading once, and what the rows of chunks say of them is true.
async fn check_files(files: &Files, model: &Model, seed: u64) -> usize {
    let (mut readings, mut count) = (0, 0);
    for day in files.partitions.days() {
        let (chunks, in_segments) = stored(files, day).await;
        assert_eq!(in_segments, 0, "seed {seed}, day {day}");
        let mut clocks: Vec<i64> = chunks.iter().map(|chunk| chunk.clock).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let (mut totals, mut before) = (Totals::default(), None);
            for sample in model
                .range((chunk.series, chunk.first)..=(chunk.series, chunk.last))
                .map(|(_, s)| s)
            {
                let number = match sample.value {
                    Value::Number(number) if sample.quality != Quality::Bad => Some(number),
                    _ => None,
                };
                totals.add(before, sample.timestamp, number, sample.quality == Quality::Good);
                before = Some((sample.timestamp, number));
            }
            assert_eq!(
                format!("{:?}", chunk.totals),
                format!("{totals:?}"),
                "seed {seed}, {chunk:?}"
            );
            assert!(chunk.totals.readings <= MOST as u64, "seed {seed}, {chunk:?}");
            let next = chunks.get(at + 1).filter(|next| next.series == chunk.series);
            assert!(
                next.is_none_or(|next| next.first > chunk.last),
                "seed {seed}: {chunk:?} and {next:?}"
            );
            readings += chunk.totals.readings;
        }
        clocks.sort_unstable();
        clocks.dedup();
        let row = query("select count(*) from clock")
            .fetch_one(&files.partitions.reader(day))
            .await
            .unwrap();
        assert_eq!(
            sqlx::Row::get::<i64, _>(&row, 0),
            clocks.len() as i64,
            "seed {seed}: clocks without a chunk"
        );
        count += chunks.len();
    }
    assert_eq!(readings, model.len() as u64, "seed {seed}");
    count
}

/// Figures of a range, from the store and from the list.
async fn compare_figures(store: &Store, model: &Model, id: SeriesId, every: Micros, seed: u64) {
    let expected: Vec<_> = model
        .range((id, i64::MIN)..=(id, i64::MAX))
        .map(|(_, s)| s.clone())
        .collect();
    let found = store.everything(id).await.unwrap();
    let figures = |samples: &[Sample]| {
        let time = |sample: Option<&Sample>| sample.map_or(0, |sample| sample.timestamp);
        let start = time(samples.first()) - time(samples.first()).rem_euclid(every);
        let mut intervals = Intervals::new(start, every, ((time(samples.last()) - start) / every + 1) as usize);
        let (mut track, mut summing) = (Track::new(None), Summing::default());
        for sample in samples {
            track.add(sample, &mut intervals);
            summing.add(sample);
        }
        format!("{intervals:?} {:?}", summing.finish())
    };
    assert_eq!(figures(&found), figures(&expected), "seed {seed}");
}

/// A counter that is reset now and then in the place of one series' numbers.
fn with_counter(mut sent: Vec<Sample>, id: SeriesId, random: &mut Random) -> Vec<Sample> {
    for sample in sent.iter_mut().filter(|sample| sample.series == id) {
        if let (Value::Number(number), 0..12) = (&mut sample.value, random.below(14)) {
            *number = (sample.timestamp / 1_000_000 % 97) as f64;
        }
    }
    sent
}

#[tokio::test]
async fn random_histories_answer_like_a_plain_list_through_compaction_and_restarts() {
    let (mut steps, mut restarts, mut chunks, mut full) = (0, 0, 0, 0);
    for seed in 1..=cases() {
        let dir = tempfile::tempdir().unwrap();
        let random = &mut Random(seed ^ 0xC0DE);
        let mut store = Store::open(dir.path()).await;
        let mut compactor = store.telemetry.compactor().unwrap();
        let ids = store.series(5).await;
        let (mut model, mut clock) = (Model::new(), DAY / 2);
        for _ in 0..16 {
            let size = [4, 60, 400][random.below(3) as usize];
            let sent = with_counter(batch(random, &ids, &mut clock, size), ids[1], random);
            let expected = expect(&mut model, &sent);
            let found = store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
            assert_eq!(found, expected, "seed {seed}");
            let id = ids[random.below(5) as usize];
            // A scan that compaction goes on under.
            let mut scan = store.telemetry.scan(id, Micros::MIN, Micros::MAX);
            let mut read = scan.next(1 + random.below(30) as usize).await.unwrap();
            let now = [DAY / 2, LATER][random.below(2) as usize];
            for _ in 0..random.below(12) {
                steps += usize::from(compactor.advance(now).await.unwrap() == Progress::Step);
            }
            if random.below(6) == 0 {
                restarts += 1;
                if random.below(2) == 0 {
                    store.close().await;
                } else {
                    // Perhaps in the middle of a step.
                    let mut advance = Box::pin(compactor.advance(now));
                    for _ in 0..random.below(40) {
                        if futures_util::poll!(advance.as_mut()).is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    drop(advance);
                    store.abandon().await;
                }
                if random.below(3) == 0 {
                    let _ = std::fs::remove_file(dir.path().join("telemetry/newest"));
                }
                store = Store::open(dir.path()).await;
                compactor = store.telemetry.compactor().unwrap();
            } else {
                loop {
                    let page = scan.next(1 + random.below(60) as usize).await.unwrap();
                    if page.is_empty() {
                        break;
                    }
                    read.extend(page);
                    steps += usize::from(compactor.advance(now).await.unwrap() == Progress::Step);
                }
                let expected: Vec<_> = model
                    .range((id, i64::MIN)..=(id, i64::MAX))
                    .map(|(_, s)| s.clone())
                    .collect();
                assert_eq!(read, expected, "seed {seed}, under way");
            }
            compare(&store, &model, &ids, random, seed).await;
            folding::compare_folded(&store, &model, &ids, random, seed).await;
        }
        steps += settle(&mut compactor, LATER).await;
        compare(&store, &model, &ids, random, seed).await;
        for _ in 0..4 {
            folding::compare_folded(&store, &model, &ids, random, seed).await;
        }
        compare_figures(&store, &model, ids[random.below(5) as usize], 7_000_000, seed).await;
        chunks += check_files(files(&store), &model, seed).await;
        for day in files(&store).partitions.days() {
            let (all, _) = stored(files(&store), day).await;
            full += all.iter().filter(|chunk| chunk.totals.readings >= FULL as u64).count();
        }
        // Everything again is known, to the last reading.
        let again: Vec<_> = model.values().cloned().collect();
        let found = store.telemetry.append(Share::PLATFORM, again).await.unwrap();
        assert_eq!(found.duplicates as usize, model.len(), "seed {seed}");
        store.close().await;
    }
    assert!(
        steps > 100 && restarts > 20 && chunks > 200 && full > 20,
        "{steps} {restarts} {chunks} {full}"
    );
}

/// A day of 4 series that are read together, and one of text.
async fn day_of_readings(store: &Store) -> (Vec<SeriesId>, Model) {
    let ids = store.series(5).await;
    let mut model = Model::new();
    for begin in (0..150_i64).step_by(5) {
        let mut sent = Vec::new();
        for tick in begin..begin + 5 {
            let at = |off: i64| tick * 10_000_000 + off;
            sent.extend(ids[..4].iter().map(|id| number(*id, at(7 * tick), tick as f64 / 4.0)));
            let text = format!("\"{}\"", "x".repeat(50)).into();
            sent.push(Sample {
                value: Value::Json(text),
                ..number(ids[4], at(0), 0.0)
            });
        }
        expect(&mut model, &sent);
        store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
    }
    (ids, model)
}

#[tokio::test]
async fn a_kill_between_any_two_steps_loses_and_doubles_nothing() {
    for kills in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).await;
        let (ids, model) = day_of_readings(&store).await;
        let mut compactor = store.telemetry.compactor().unwrap();
        let mut ended = false;
        for _ in 0..kills {
            ended = compactor.advance(LATER).await.unwrap() == Progress::Idle;
        }
        store.abandon().await;
        let _ = std::fs::remove_file(dir.path().join("telemetry/newest"));
        store = Store::open(dir.path()).await;
        compare(&store, &model, &ids, &mut Random(kills), kills).await;
        settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
        compare(&store, &model, &ids, &mut Random(kills), kills).await;
        let chunks = check_files(files(&store), &model, kills).await;
        assert_eq!(
            chunks,
            2 * 4 + 4,
            "those of 75 readings, and of texts up to 2,000 bytes"
        );
        store.close().await;
        if ended {
            assert!(kills > 10, "{kills} steps");
            return;
        }
    }
}

#[tokio::test]
async fn series_that_are_read_together_share_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    day_of_readings(&store).await;
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    let (chunks, _) = stored(files(&store), 0).await;
    // A step has so few readings in tests that two series fill it.
    let clocks: Vec<i64> = chunks
        .iter()
        .filter(|chunk| chunk.first == 0)
        .map(|chunk| chunk.clock)
        .collect();
    assert!(clocks[0] == clocks[1] && clocks[2] == clocks[3], "{clocks:?}");
    store.close().await;
}

#[tokio::test]
async fn what_is_late_is_judged_against_chunks_and_merged_into_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let (ids, mut model) = day_of_readings(&store).await;
    let mut compactor = store.telemetry.compactor().unwrap();
    settle(&mut compactor, LATER).await;
    let late = vec![
        number(ids[0], 10_000_007, 0.25),
        number(ids[0], 10_000_007, 7.0),
        number(ids[1], 10_000_007, 8.0),
        number(ids[1], 15_000_000, 9.0),
    ];
    let expected = expect(&mut model, &late);
    assert_eq!(
        (expected.accepted, expected.duplicates, expected.conflicts.as_slice()),
        (1, 1, [1, 2].as_slice())
    );
    assert_eq!(store.telemetry.append(Share::PLATFORM, late).await.unwrap(), expected);
    compare(&store, &model, &ids, &mut Random(1), 1).await;
    let (before, in_segments) = stored(files(&store), 0).await;
    assert_eq!(in_segments, 1);
    settle(&mut compactor, LATER).await;
    let (after, _) = stored(files(&store), 0).await;
    let kept = |chunk: &&Chunk| before.contains(chunk);
    assert_eq!(
        after.iter().filter(kept).count(),
        before.len() - 1,
        "only the chunk that it lies in was written anew"
    );
    check_files(files(&store), &model, 1).await;
    compare(&store, &model, &ids, &mut Random(2), 2).await;
    store.close().await;
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_read_and_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let (ids, model) = day_of_readings(&store).await;
    store.close().await;
    let url = format!("sqlite://{}", dir.path().join("telemetry/1970-01-01.db").display());
    let file = sqlx::SqlitePool::connect(&url).await.unwrap();
    let first = "drop table chunk; drop table clock; drop table aside; drop table compaction;
                 pragma auto_vacuum = none; vacuum; pragma user_version = 1;";
    sqlx::raw_sql(first).execute(&file).await.unwrap();
    file.close().await;
    let store = Store::open(dir.path()).await;
    compare(&store, &model, &ids, &mut Random(1), 1).await;
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    compare(&store, &model, &ids, &mut Random(2), 2).await;
    check_files(files(&store), &model, 1).await;
    store.close().await;
}

#[tokio::test]
async fn numbers_of_segments_are_not_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let (ids, _) = day_of_readings(&store).await;
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    store.abandon().await;
    let store = Store::open(dir.path()).await;
    let more = vec![number(ids[0], DAY - 1, 1.0)];
    store.telemetry.append(Share::PLATFORM, more).await.unwrap();
    let all = Wanted {
        from: Micros::MIN,
        until: Micros::MAX,
        series: &[],
        above: 0,
        below: i64::MAX,
    };
    let (listed, _) = files(&store).partitions.list(0, all, |_| true).await.unwrap();
    let numbers = listed.iter().filter_map(|stored| match stored {
        super::super::stored::Stored::Frame { segment, .. } => Some(*segment),
        super::super::stored::Stored::Chunk(_) => None,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [31]);
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_stops_compaction_and_it_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let (files, mut writer) = super::super::files::open(dir.path().join("telemetry"), None, 0)
        .await
        .unwrap();
    let mut compactor = Compactor::new(Arc::clone(&files), files.steps.clone());
    let mut readings = 0;
    for n in 0..9_i64 {
        let mut random = Random(n as u64);
        let noise: String = (0..20_000).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        let sent = vec![Sample {
            value: Value::Json(noise.into()),
            ..number(0, n, 0.0)
        }];
        let order = super::super::order::Order::new(std::iter::once(sent.as_slice()));
        readings += writer.commit(&order).await.unwrap().fresh.len();
    }
    let (mut refused, mut idle) = (0, 0);
    writer.limit_pages(0, 1).await;
    while idle < 4 {
        let done = tokio::select! {
            done = compactor.advance(LATER) => done,
            // Ends only when there is no compactor any more.
            () = async { while let Some(step) = writer.ordered().await { writer.step(step).await.unwrap(); } } => break,
        };
        match done {
            Ok(Progress::Step) => idle = 0,
            Ok(_) => idle += 1,
            Err(error) => {
                assert!(matches!(error, crate::storage::Error::Full(_)), "{error}");
                let (chunks, in_segments) = stored(&files, 0).await;
                assert!(
                    in_segments as usize == readings && chunks.is_empty(),
                    "nothing was moved"
                );
                refused += 1;
                // The connection that met the full disk was given up, and its limit with it.
                if refused < 3 {
                    writer.limit_pages(0, 1).await;
                }
            }
        }
    }
    let (chunks, in_segments) = stored(&files, 0).await;
    let in_chunks: u64 = chunks.iter().map(|chunk| chunk.totals.readings).sum();
    assert_eq!((refused, in_chunks as usize, in_segments), (3, readings, 0));
}
