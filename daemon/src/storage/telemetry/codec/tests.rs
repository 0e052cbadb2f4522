//! The codec against random and hostile readings.

use super::super::chunk::{self, Chunk};
use super::*;
use crate::domain::telemetry::{Quality, Sample, Value};
use crate::storage::telemetry::tests::Random;

fn hostile(random: &mut Random) -> Block {
    let special = [
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        0.1,
        230.55,
        -0.000_000_001,
        1e15,
        LARGEST,
        LARGEST - 0.5,
        9_007_199_254_740_993.0,
        1.0 / 3.0,
        i64::MIN as f64,
    ];
    let (style, length) = (random.below(4), [3, 40, 700, 6_000][random.below(4) as usize]);
    let mut samples: Vec<_> = (0..random.below(length))
        .map(|n| {
            let number = match random.below(5) {
                0 => special[random.below(special.len() as u64) as usize],
                1 => f64::from_bits(random.next()),
                2 => random.below(100_000) as f64 / 10_f64.powi(random.below(12) as i32),
                _ => random.below(1_000) as f64 / 100.0,
            };
            let value = match random.below(if style == 0 { 3 } else { 40 }) {
                0 => Value::Missing,
                1 => Value::Json(format!("\"{}\"", "ü".repeat(random.below(30) as usize)).into()),
                _ => Value::Number(number),
            };
            let timestamp = match style {
                0 => random.next() as i64,
                1 => 1_795_132_800_000_000 + random.below(1_000_000_000) as i64,
                _ => 1_795_132_800_000_000 + n as i64 * 1_000_000 + random.below(900) as i64,
            };
            let series = match style {
                0 => random.next() as u32,
                1 => random.below(9) as u32,
                _ => (n % 50) as u32 * random.below(3) as u32,
            };
            let away = [0, 0, 1_000_000, -1_000_000, 1_000_001, 9_000_000_000][random.below(6) as usize];
            Sample {
                series,
                timestamp,
                received: timestamp.saturating_add(away),
                value,
                quality: [Quality::Good, Quality::Uncertain, Quality::Bad][random.below(3) as usize],
                reason: Reason::from_code(random.below(20) as u8),
            }
        })
        .collect();
    samples.sort_by_key(|sample| (sample.series, sample.timestamp));
    samples.dedup_by_key(|sample| (sample.series, sample.timestamp));
    let mut block = Block::default();
    samples.iter().for_each(|sample| block.push(sample));
    block
}

/// Readings in a form in which every bit counts.
fn bits(block: &Block) -> Vec<(Sample, u64)> {
    let each = block.runs().flat_map(|(series, run)| run.map(move |at| (series, at)));
    each.map(|(series, at)| {
        let mut sample = block.sample(series, at);
        let bits = if let Value::Number(number) = sample.value {
            number.to_bits()
        } else {
            0
        };
        sample.value = if let Value::Number(_) = sample.value {
            Value::Missing
        } else {
            sample.value
        };
        (sample, bits)
    })
    .collect()
}

fn frames(coded: &Coded) -> Result<Vec<Block>, Damage> {
    let frames = contents::decode(&coded.contents)?;
    frames
        .iter()
        .map(|frame| {
            decode(
                frame,
                coded
                    .body
                    .get(frame.offset..frame.offset + frame.length)
                    .ok_or(Damage("cut"))?,
            )
        })
        .collect()
}

#[test]
fn every_bit_comes_back() {
    let mut encoder = Encoder::new().unwrap();
    for seed in 1..600 {
        let block = hostile(&mut Random(seed));
        let coded = encoder.encode(&block).unwrap();
        let frames = contents::decode(&coded.contents).unwrap();
        let back = super::tests::frames(&coded).unwrap();
        assert_eq!(
            back.iter().flat_map(bits).collect::<Vec<_>>(),
            bits(&block),
            "seed {seed}"
        );
        for (frame, back) in frames.iter().zip(&back) {
            assert_eq!(Some((frame.first, frame.last)), back.bounds(), "seed {seed}");
            assert!(back.runs().all(|(series, _)| frame.holds(series)), "seed {seed}");
            assert_eq!(frame.series().count(), back.runs().count(), "seed {seed}");
            assert!(
                !frame.holds(back.series_bounds().unwrap().1.wrapping_add(1)),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn long_texts_end_a_frame() {
    let mut block = Block::default();
    for timestamp in 0..20 {
        let value = Value::Json("x".repeat(300_000).into());
        block.push(&Sample {
            series: 1,
            timestamp,
            received: timestamp,
            value,
            quality: Quality::Good,
            reason: Reason::None,
        });
    }
    let coded = Encoder::new().unwrap().encode(&block).unwrap();
    let back = frames(&coded).unwrap();
    assert_eq!(back.len(), 5);
    assert_eq!(back.iter().flat_map(bits).collect::<Vec<_>>(), bits(&block));
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_and_costs_one_frame() {
    let (mut noticed, mut encoder) = (0, Encoder::new().unwrap());
    for seed in [3, 7, 11, 13, 17] {
        let block = hostile(&mut Random(seed));
        let coded = encoder.encode(&block).unwrap();
        let whole = contents::decode(&coded.contents).unwrap();
        for at in (0..coded.body.len()).step_by(coded.body.len() / 400 + 1) {
            let mut body = coded.body.clone();
            body[at] ^= 1 << (at % 8);
            let damaged = whole
                .iter()
                .filter(|frame| decode(frame, &body[frame.offset..frame.offset + frame.length]).is_err());
            assert_eq!(damaged.count(), 1, "seed {seed}, byte {at}");
            // Even with a checksum that fits, damage is an error or other readings, never a panic.
            let frame = whole
                .iter()
                .find(|frame| (frame.offset..frame.offset + frame.length).contains(&at))
                .unwrap();
            let bytes = &body[frame.offset..frame.offset + frame.length];
            let _ = decode(
                &Frame {
                    sum: crc32fast::hash(bytes),
                    ..frame.clone()
                },
                bytes,
            );
            noticed += 1;
        }
        for at in (0..coded.contents.len()).step_by(coded.contents.len() / 100 + 1) {
            let mut table = coded.contents.clone();
            table[at] ^= 1 << (at % 8);
            assert!(contents::decode(&table).is_err(), "seed {seed}, byte {at} of the table");
            let end = table.len() - 4;
            let sum = crc32fast::hash(&table[..end]).to_le_bytes();
            table[end..].copy_from_slice(&sum);
            let _ = frames(&Coded {
                contents: table,
                body: coded.body.clone(),
            });
        }
    }
    assert!(noticed > 500, "{noticed}");
}

#[test]
fn short_decimals_are_small() {
    let mut block = Block::default();
    for (n, series) in (0..10_000_u32).enumerate() {
        let timestamp = 1_795_132_800_000_000 + i64::from(series / 10) * 9_973;
        let value = Value::Number(f64::from(20_000 + n as u32 * 7 % 5_000) / 100.0);
        block.push(&Sample {
            series,
            timestamp,
            received: timestamp,
            value,
            quality: Quality::Good,
            reason: Reason::None,
        });
    }
    let coded = Encoder::new().unwrap().encode(&block).unwrap();
    let bytes = coded.contents.len() + coded.body.len();
    assert!(bytes < 30_000, "{bytes} bytes for 10,000 readings");
}

#[test]
fn chunks_give_every_bit_back_and_notice_a_row_that_is_not_theirs() {
    let (mut encoder, mut chunks) = (Encoder::new().unwrap(), 0);
    for seed in 1..150 {
        let block = hostile(&mut Random(seed));
        let whole = bits(&block);
        for (series, run) in block.runs() {
            let mut at = run.start;
            for range in chunk::cuts(&block, run.clone()) {
                assert_eq!(range.start, at, "seed {seed}");
                at = range.end;
                let kept = Chunk::new(7, series, 3, &block, range.clone());
                let times = (kept.first, kept.last);
                let totals = kept.encode_totals(&mut encoder).unwrap();
                let read = Chunk::read(7, series, times, 3, &totals).unwrap();
                assert_eq!(format!("{read:?}"), format!("{kept:?}"), "seed {seed}");
                for (id, series, clock) in [(8, series, 3), (7, series ^ 1, 3), (7, series, 4)] {
                    assert!(Chunk::read(id, series, times, clock, &totals).is_err(), "seed {seed}");
                }
                let clock = chunk::encode_times(3, &mut encoder, &block.times()[range.clone()]).unwrap();
                let values = kept.encode(&mut encoder, &block, range.clone()).unwrap();
                let back = read.decode(&clock, &values).unwrap();
                assert_eq!(bits(&back), whole[range], "seed {seed}");
                chunks += 1;
            }
            assert_eq!(at, run.end, "seed {seed}");
        }
    }
    assert!(chunks > 1_000, "{chunks}");
}
