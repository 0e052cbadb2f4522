//! What is kept no longer is gone, whatever happens meanwhile, and nothing else is.

use super::compaction::{files, settle};
use super::*;
use crate::domain::retention::Kept;

/// Drops what is over until there is nothing left to do; gives the steps.
async fn expire(compactor: &mut Compactor, kept: &Kept, now: Micros) -> usize {
    for steps in 0..10_000 {
        match compactor.expire(kept, now).await.unwrap() {
            Progress::Step => {}
            Progress::Idle => return steps,
            Progress::Ended => panic!("the writer has ended"),
        }
    }
    panic!("dropping comes to no end");
}

/// The list without what is over.
fn forget(model: &mut Model, days: &[Option<u32>], ids: &[SeriesId], now: Micros) {
    model.retain(|(id, time), _| {
        let at = ids.iter().position(|known| known == id).unwrap();
        days[at].is_none_or(|days| !crate::domain::retention::is_over(*time, days, now))
    });
}

fn kept(days: &[Option<u32>], ids: &[SeriesId]) -> Kept {
    let mut kept = Kept::default();
    ids.iter().zip(days).for_each(|(id, days)| kept.add(*id, *days));
    kept
}

#[tokio::test]
async fn random_histories_answer_like_a_plain_list_through_retention_and_restarts() {
    let (mut dropped, mut files_gone) = (0, 0);
    for seed in 1..=compaction::cases() {
        let dir = tempfile::tempdir().unwrap();
        let random = &mut Random(seed ^ 0x0E4D);
        let mut store = Store::open(dir.path()).await;
        let mut compactor = store.telemetry.compactor().unwrap();
        let ids = store.series(5).await;
        let days: Vec<Option<u32>> = ids
            .iter()
            .map(|_| [None, Some(1), Some(2), Some(3)][random.below(4) as usize])
            .collect();
        let days = if random.below(3) == 0 { vec![Some(1); 5] } else { days };
        let (mut model, mut clock, mut now) = (Model::new(), DAY / 2, DAY);
        for _ in 0..12 {
            let size = [4, 60, 300][random.below(3) as usize];
            let mut sent = batch(random, &ids, &mut clock, size);
            // A door refuses what is over.
            let over = |sample: &Sample| {
                let at = ids.iter().position(|id| *id == sample.series).unwrap();
                days[at].is_some_and(|days| crate::domain::retention::is_over(sample.timestamp, days, now))
            };
            sent.retain(|sample| !over(sample));
            let expected = expect(&mut model, &sent);
            let found = store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
            assert_eq!(found, expected, "seed {seed}");
            now += random.below(DAY as u64) as i64;
            for _ in 0..random.below(40) {
                compactor.advance(100 * DAY).await.unwrap();
            }
            let before = (model.len(), files(&store).partitions.days().len());
            if random.below(2) == 0 {
                // As far as it comes, and then perhaps another start.
                for _ in 0..random.below(6) {
                    compactor.expire(&kept(&days, &ids), now).await.unwrap();
                }
                if random.below(2) == 0 {
                    let kept = kept(&days, &ids);
                    let mut step = Box::pin(compactor.expire(&kept, now));
                    for _ in 0..random.below(30) {
                        if futures_util::poll!(step.as_mut()).is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    drop(step);
                    store.abandon().await;
                    store = Store::open(dir.path()).await;
                    compactor = store.telemetry.compactor().unwrap();
                }
            }
            // What waits in segments is dropped when it is compacted.
            settle(&mut compactor, 100 * DAY).await;
            expire(&mut compactor, &kept(&days, &ids), now).await;
            forget(&mut model, &days, &ids, now);
            dropped += before.0 - model.len();
            files_gone += before.1.saturating_sub(files(&store).partitions.days().len());
            compare(&store, &model, &ids, random, seed).await;
            folding::compare_folded(&store, &model, &ids, random, seed).await;
            for day in files(&store).partitions.days() {
                let held = model.keys().any(|(_, time)| super::super::days::day_of(*time) == day);
                assert!(held, "seed {seed}: the file of day {day} holds nothing");
            }
        }
        store.close().await;
    }
    assert!(dropped > 500 && files_gone > 20, "{dropped} {files_gone}");
}

#[tokio::test]
async fn a_day_that_is_dropped_while_it_is_read_is_read_to_its_end_or_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(2).await;
    let mut model = Model::new();
    for begin in (0..600_i64).step_by(20) {
        let sent: Vec<_> = (begin..begin + 20)
            .flat_map(|tick| {
                [
                    number(ids[0], tick * 1_000_000, tick as f64),
                    number(ids[1], DAY + tick * 1_000_000, 0.5),
                ]
            })
            .collect();
        expect(&mut model, &sent);
        store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
    }
    let mut compactor = store.telemetry.compactor().unwrap();
    settle(&mut compactor, 100 * DAY).await;
    let mut scan = store.telemetry.scan(ids[0], 0, DAY);
    let begun = scan.next(10).await.unwrap();
    assert_eq!(begun.len(), 10);
    let mut kept = Kept::default();
    kept.add(ids[0], Some(1));
    kept.add(ids[1], Some(1));
    expire(&mut compactor, &kept, 2 * DAY).await;
    assert_eq!(files(&store).partitions.days(), [1]);
    assert!(!dir.path().join("telemetry/1970-01-01.db").exists());
    loop {
        let page = scan.next(100).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(
            page.iter()
                .all(|sample| model.get(&(ids[0], sample.timestamp)) == Some(sample))
        );
    }
    assert!(store.everything(ids[0]).await.unwrap().is_empty());
    assert_eq!(store.everything(ids[1]).await.unwrap().len(), 600);
    // A file of the same name is another one.
    let again = vec![number(ids[1], 5_000_000, 7.5)];
    assert_eq!(
        store
            .telemetry
            .append(Share::PLATFORM, again.clone())
            .await
            .unwrap()
            .accepted,
        1
    );
    settle(&mut compactor, 100 * DAY).await;
    assert_eq!(store.telemetry.history(ids[1], 0, DAY, 9).await.unwrap(), again);
    store.close().await;
}
