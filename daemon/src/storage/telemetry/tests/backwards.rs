//! The newest readings before a moment are the last of what a scan gives, whatever the gaps.

use super::*;

#[tokio::test]
async fn the_newest_are_the_last_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(2).await;
    let mut random = Random(11);
    let mut at = 20_000 * DAY;
    let mut times = Vec::new();
    // Seconds apart, then hours, then days; some of it over the turn of a day.
    for gap in [1_000_000, 3_600_000_000, 3 * DAY, 1_000_000, 40 * DAY] {
        for _ in 0..120 {
            at += 1 + random.below(gap as u64) as Micros;
            times.push(at);
        }
    }
    let sample = |series, timestamp| Sample {
        series,
        timestamp,
        received: timestamp,
        value: Value::Number(timestamp as f64),
        quality: Quality::Good,
        reason: Reason::None,
    };
    let samples = times.iter().map(|at| sample(ids[0], *at)).collect();
    store.telemetry.append(Share::PLATFORM, samples).await.unwrap();
    let all = store.everything(ids[0]).await.unwrap();
    assert_eq!(all.len(), times.len());
    let (begin, end) = (times[0], at + 1);
    for round in 0..300 {
        let from = begin + random.below((end - begin) as u64) as Micros - DAY;
        let to = if round % 3 == 0 {
            Micros::MAX
        } else {
            from + random.below((end - from) as u64 + DAY as u64) as Micros
        };
        let from = if round % 5 == 0 { Micros::MIN } else { from };
        let most = [0, 1, 2, 7, 50, 500, 10_000][random.below(7) as usize];
        let inside = all.iter().filter(|sample| (from..to).contains(&sample.timestamp));
        let inside: Vec<_> = inside.cloned().collect();
        let newest = store.telemetry.newest(ids[0], from, to, most).await.unwrap();
        assert_eq!(
            newest,
            inside[inside.len().saturating_sub(most)..],
            "{from} {to} {most}"
        );
    }
    assert_eq!(store.telemetry.newest(ids[1], 0, Micros::MAX, 5).await.unwrap(), []);
    store.close().await;
}
