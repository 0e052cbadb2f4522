//! Each figure against its definition, over random readings; and what is easily got wrong.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::domain::telemetry::Reason;

fn sample(timestamp: Micros, value: Value, quality: Quality) -> Sample {
    Sample {
        series: 0,
        timestamp,
        received: timestamp,
        value,
        quality,
        reason: Reason::None,
    }
}

fn good(timestamp: Micros, number: f64) -> Sample {
    sample(timestamp, Value::Number(number), Quality::Good)
}

/// Buckets of 10 from `from` until `to`.
fn buckets(readings: &[Sample], from: Micros, to: Micros, aggregate: Aggregate, fill: Fill) -> Vec<Bucket> {
    let mut track = Track::new(Some(100.0));
    readings
        .iter()
        .filter(|one| one.timestamp < from)
        .for_each(|one| track.look_back(one));
    let start = from - from.rem_euclid(10);
    let mut intervals = Intervals::new(start, 10, ((to - start + 9) / 10) as usize);
    let within = readings.iter().filter(|one| (from..to).contains(&one.timestamp));
    within.for_each(|one| track.add(one, &mut intervals));
    track.until(to, &mut intervals);
    let mut filler = Filler::new(fill);
    intervals
        .iter()
        .for_each(|(start, figures)| filler.push(figures.bucket(start, aggregate)));
    filler.finish()
}

fn values(buckets: &[Bucket]) -> Vec<(Micros, Option<f64>)> {
    buckets.iter().map(|bucket| (bucket.start, bucket.value)).collect()
}

#[test]
fn bad_values_never_enter_a_mean_and_are_counted() {
    let readings = [
        good(-5, 1.0),
        good(0, 2.0),
        sample(5, Value::Number(4.0), Quality::Uncertain),
        sample(7, Value::Missing, Quality::Bad),
        sample(12, Value::Number(9.0), Quality::Bad),
        sample(30, Value::Json("\"on\"".into()), Quality::Good),
    ];
    let bucket = |start, value, count, bad| Bucket {
        start,
        value,
        count,
        bad,
    };
    // What is good and no number is neither counted nor bad.
    assert_eq!(
        buckets(&readings, -10, 40, Aggregate::Mean, Fill::None),
        [
            bucket(-10, Some(1.0), 1, 0),
            bucket(0, Some(3.0), 2, 2),
            bucket(10, None, 0, 1),
        ]
    );
    let mut summing = Summing::default();
    readings.iter().for_each(|reading| summing.add(reading));
    let summary = summing.finish();
    assert_eq!((summary.count, summary.bad, summary.min), (3, 3, Some(1.0)));
    assert_eq!(
        (summary.max, summary.p50, summary.p99),
        (Some(4.0), Some(2.0), Some(4.0))
    );
    assert_eq!((summary.first_us, summary.last_us), (-5, 30));
}

#[test]
fn percentiles_are_the_same_whether_all_numbers_are_kept_or_none() {
    let mut state = 1_u64;
    let mut chance = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 11
    };
    for count in [1, 2, 3, 99, 100, 101, 5_000] {
        let numbers: Vec<f64> = (0..count)
            .map(|at| match chance() % 8 {
                0 => -0.0,
                1 => 1e300,
                2 => -f64::MIN_POSITIVE / 2.0,
                3 => 21.5,
                _ => (chance() as f64 / 1e15 - 4.0) * f64::from(at),
            })
            .collect();
        let figures = |kept| {
            let mut summing = Summing::keeping(kept);
            let mut looks = 0;
            loop {
                looks += 1;
                for (at, number) in numbers.iter().enumerate() {
                    summing.add(&good(at as i64, *number));
                    summing.add(&sample(at as i64, Value::Missing, Quality::Bad));
                }
                if !summing.looks_again() {
                    return (summing.finish(), looks);
                }
            }
        };
        let (all, once) = figures(usize::MAX);
        let (none, often) = figures(numbers.len() - 1);
        assert_eq!((once, often), (1, 5));
        assert_eq!(all, none, "{count} numbers");
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(all.p95, Some(sorted[(0.95 * f64::from(count)).ceil() as usize - 1]));
        assert_eq!((all.count, all.bad), (count as u64, count as u64));
    }
}

#[test]
fn a_counter_survives_its_rollover_and_a_new_beginning() {
    let readings = [
        good(-5, 80.0),
        // Over 100, which is 0 again: 15 on.
        good(5, 95.0),
        good(15, 10.0),
        good(25, 40.0),
        // Too far for a rollover: it began anew.
        good(35, 3.0),
        sample(37, Value::Missing, Quality::Bad),
        good(39, 5.0),
    ];
    let delta = buckets(&readings, 0, 40, Aggregate::Delta, Fill::None);
    assert_eq!(
        values(&delta),
        [(0, Some(15.0)), (10, Some(15.0)), (20, Some(30.0)), (30, Some(5.0))]
    );
    let readings = [good(5, 60.0), good(15, 90.0), good(25, 30.0)];
    let delta = buckets(&readings, 0, 30, Aggregate::Delta, Fill::Null);
    assert_eq!(
        values(&delta),
        [(0, None), (10, Some(30.0)), (20, Some(40.0))],
        "the first reading of all is no step"
    );
    let rate = buckets(&readings, 0, 30, Aggregate::Rate, Fill::None);
    assert_eq!(values(&rate)[1], (10, Some(30.0 / 10e-6)));
}

#[test]
fn a_counter_without_a_rollover_begins_anew_where_it_falls() {
    let mut intervals = Intervals::new(0, 10, 1);
    let mut track = Track::new(None);
    for (at, number) in [(0, 50.0), (1, 70.0), (2, 4.0), (3, -1.0)] {
        track.add(&good(at, number), &mut intervals);
    }
    let all: Vec<_> = intervals
        .iter()
        .map(|(start, figures)| figures.bucket(start, Aggregate::Delta).value)
        .collect();
    assert_eq!(all, [Some(24.0)]);
}

#[test]
fn a_value_holds_until_the_next_and_nothing_holds_after_a_bad_one() {
    let readings = [
        good(-2, 10.0),
        good(5, 20.0),
        sample(14, Value::Missing, Quality::Bad),
        good(18, 50.0),
    ];
    let means = buckets(&readings, 0, 30, Aggregate::TimeWeighted, Fill::Null);
    assert_eq!(
        values(&means),
        [
            (0, Some((5.0 * 10.0 + 5.0 * 20.0) / 10.0)),
            (10, Some((4.0 * 20.0 + 2.0 * 50.0) / 6.0)),
            (20, Some(50.0))
        ]
    );
    assert_eq!(means[2].count, 0);
    let left_out = buckets(&readings, 0, 30, Aggregate::TimeWeighted, Fill::None);
    assert_eq!(left_out.len(), 2, "without a reading there is no bucket");
}

#[test]
fn gaps_are_filled_as_asked() {
    let readings = [good(15, 1.0), sample(22, Value::Missing, Quality::Bad), good(45, 4.0)];
    let filled = |fill| values(&buckets(&readings, 0, 60, Aggregate::Mean, fill));
    assert_eq!(filled(Fill::None), [(10, Some(1.0)), (20, None), (40, Some(4.0))]);
    let all = |values: [Option<f64>; 6]| -> Vec<_> { (0..6).map(|at| at * 10).zip(values).collect() };
    assert_eq!(filled(Fill::Null), all([None, Some(1.0), None, None, Some(4.0), None]));
    assert_eq!(
        filled(Fill::Previous),
        all([None, Some(1.0), Some(1.0), Some(1.0), Some(4.0), Some(4.0)])
    );
    assert_eq!(
        filled(Fill::Linear),
        all([None, Some(1.0), Some(2.0), Some(3.0), Some(4.0), None])
    );
    assert_eq!(
        values(&buckets(&readings, 0, 60, Aggregate::Count, Fill::None)),
        [(10, Some(1.0)), (20, Some(0.0)), (40, Some(1.0))]
    );
}

/// What each aggregate is of the readings of an interval, and those before it, word for word.
fn plain(readings: &[Sample], start: Micros, end: Micros, aggregate: Aggregate) -> Option<f64> {
    let numbers: Vec<(Micros, f64)> = readings
        .iter()
        .filter_map(|one| Some((one.timestamp, number(one)?)))
        .collect();
    let within: Vec<f64> = numbers
        .iter()
        .filter(|(at, _)| (start..end).contains(at))
        .map(|(_, number)| *number)
        .collect();
    let count = within.len() as f64;
    let steps: Vec<_> = numbers
        .windows(2)
        .filter(|pair| (start..end).contains(&pair[1].0))
        .collect();
    let increase = |pair: &&[(Micros, f64)]| {
        let step = pair[1].1 - pair[0].1;
        if step >= 0.0 {
            step
        } else if step + 100.0 <= 50.0 && pair[0].1 < 100.0 {
            step + 100.0
        } else {
            pair[1].1.max(0.0)
        }
    };
    let delta: f64 = steps.iter().map(increase).sum();
    match aggregate {
        Aggregate::Count => Some(count),
        Aggregate::Delta => (!steps.is_empty()).then_some(delta),
        Aggregate::Rate => (!steps.is_empty()).then(|| {
            let took: Micros = steps.iter().map(|pair| pair[1].0 - pair[0].0).sum();
            delta / (took as f64 / 1e6)
        }),
        Aggregate::TimeWeighted => {
            // Moment by moment.
            let held: Vec<f64> = (start..end)
                .filter_map(|at| number(readings.iter().rfind(|one| one.timestamp <= at)?))
                .collect();
            (!held.is_empty()).then(|| held.iter().sum::<f64>() / held.len() as f64)
        }
        _ if within.is_empty() => None,
        Aggregate::Mean => Some(within.iter().sum::<f64>() / count),
        Aggregate::Sum => Some(within.iter().sum()),
        Aggregate::Min => within.iter().copied().reduce(f64::min),
        Aggregate::Max => within.iter().copied().reduce(f64::max),
        Aggregate::First => within.first().copied(),
        Aggregate::Last => within.last().copied(),
    }
}

#[test]
fn every_aggregate_is_what_its_definition_says() {
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..2_000 {
        let mut at = random.random_range(-40..0);
        let mut readings = Vec::new();
        while at < 60 {
            let number = f64::from(random.random_range(-5..110));
            readings.push(match random.random_range(0..8) {
                0 => sample(at, Value::Missing, Quality::Bad),
                1 => sample(at, Value::Number(number), Quality::Uncertain),
                _ => good(at, number),
            });
            at += random.random_range(1..25);
        }
        for (word, aggregate) in Aggregate::WORDS {
            for bucket in buckets(&readings, 0, 60, *aggregate, Fill::Null) {
                let expected = plain(&readings, bucket.start, bucket.start + 10, *aggregate);
                let is_same = match (expected, bucket.value) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                    (a, b) => a == b,
                };
                assert!(is_same, "{word} of {bucket:?} is {expected:?}: {readings:?}");
            }
        }
    }
}

#[test]
fn series_put_together_add_up_their_counters_and_share_their_means() {
    let mut random = StdRng::seed_from_u64(8);
    for _ in 0..200 {
        let mut all = Intervals::new(0, 10, 3);
        let (mut sum, mut count, mut rates, mut deltas) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
        for _ in 0..random.random_range(1..5) {
            let mut own = Intervals::new(0, 10, 3);
            let mut track = Track::new(None);
            let mut at = random.random_range(0..5);
            while at < 30 {
                track.add(&good(at, f64::from(random.random_range(0..50))), &mut own);
                at += random.random_range(1..15);
            }
            track.until(30, &mut own);
            for (index, (start, figures)) in own.iter().enumerate() {
                let value = |aggregate| figures.bucket(start, aggregate).value.unwrap_or(0.0);
                sum[index] += value(Aggregate::Sum);
                count[index] += value(Aggregate::Count);
                rates[index] += value(Aggregate::Rate);
                deltas[index] += value(Aggregate::Delta);
            }
            all.add(&own);
        }
        for (index, (start, figures)) in all.iter().enumerate() {
            let close = |aggregate, expected: f64| {
                let value = figures.bucket(start, aggregate).value;
                assert!(
                    value.is_none_or(|value| (value - expected).abs() <= 1e-9 * expected.abs().max(1.0)),
                    "{aggregate:?} is {value:?} and not {expected}"
                );
                assert!(value.is_some() || expected == 0.0 || expected.is_nan());
            };
            close(Aggregate::Mean, sum[index] / count[index]);
            close(Aggregate::Rate, rates[index]);
            close(Aggregate::Delta, deltas[index]);
        }
    }
}

#[test]
fn totals_hold_a_number_until_the_next_reading() {
    let (mut totals, mut before) = (Totals::default(), None);
    for (at, number, is_good) in [
        (10, Some(2.0), true),
        (15, Some(-4.0), false),
        (25, None, false),
        (40, Some(1.0), true),
    ] {
        totals.add(before, at, number, is_good);
        before = Some((at, number));
    }
    let expected = Totals {
        readings: 4,
        good: 2,
        numbers: 3,
        min: -4.0,
        max: 2.0,
        sum: -1.0,
        first: (10, 2.0),
        last: (40, 1.0),
        area: 2.0 * 5.0 - 4.0 * 10.0,
        held: 15,
        // From 2 to -4 it began anew, at 0 at the most; from there to 1 it went on by 5.
        increase: 5.0,
        drops: 1,
    };
    assert_eq!(totals, expected);
}
