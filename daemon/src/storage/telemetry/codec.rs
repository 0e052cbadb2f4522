//! A segment: the readings of one commit, by column.
//!
//! Layout of the body before zstd (all integers are LEB128 varints, signed ones zigzag):
//! version, count, decimal exponent; then the columns one after the other, each with its length in bytes:
//! times (difference to the reading before in the segment), shapes (run-length: decimal, raw, JSON, missing),
//! decimals (difference to the decimal before), raw bits, JSON texts, quality and reason (run-length),
//! receive times (only those more than a second from the reading's own).
//! The table of contents holds the series: difference to the one before, and its count.

use crate::domain::telemetry::{Quality, Reason, Sample, SeriesId, Value};

const VERSION: u64 = 1;
const ZSTD_LEVEL: i32 = 1;
/// Decimals with more places are kept as raw bits.
const MOST_PLACES: usize = 6;
const POWERS: [f64; MOST_PLACES + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Beyond this a double no longer holds every whole number.
const LARGEST: f64 = 9_007_199_254_740_992.0;
/// Device time and receive time closer than this are one.
const SAME_TIME: i64 = 1_000_000;
/// A decoded segment never holds more: a damaged length must not ask for all memory.
const MOST: u64 = 16_000_000;

/// A segment as it is stored.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) toc: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) sum: u32,
}

/// Why a segment cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damage(&'static str);

/// Codes readings that are sorted by series and time.
pub(super) fn encode(samples: &[&Sample]) -> std::io::Result<Coded> {
    let mut toc = zstd::bulk::compress(&contents(samples), ZSTD_LEVEL)?;
    // The table of contents is read alone, too, so it carries a checksum of its own.
    let own = checksum(&toc, &[]);
    toc.extend_from_slice(&own.to_le_bytes());
    let body = zstd::bulk::compress(&columns(samples), ZSTD_LEVEL)?;
    let sum = checksum(&toc, &body);
    Ok(Coded { toc, body, sum })
}

/// The checksum over both blobs.
pub(super) fn checksum(toc: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(toc);
    hash.update(body);
    hash.finalize()
}

fn contents(samples: &[&Sample]) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.len() / 4 + 8);
    let mut before = 0;
    for run in samples.chunk_by(|a, b| a.series == b.series) {
        put(&mut out, u64::from(run[0].series - before));
        put(&mut out, run.len() as u64);
        before = run[0].series;
    }
    out
}

fn columns(samples: &[&Sample]) -> Vec<u8> {
    let places = places(samples);
    let (mut times, mut decimals, mut raws, mut texts) = (
        Vec::with_capacity(samples.len() * 3),
        Vec::with_capacity(samples.len() * 3),
        Vec::new(),
        Vec::new(),
    );
    let (mut shapes, mut marks, mut received) = (Runs::default(), Runs::default(), Vec::new());
    let (mut time, mut decimal, mut last_received) = (0_i64, 0_i64, 0);
    for (at, sample) in samples.iter().enumerate() {
        put_signed(&mut times, sample.timestamp.wrapping_sub(time));
        time = sample.timestamp;
        let shape = match &sample.value {
            Value::Number(number) => match scaled(*number, places) {
                Some(whole) => {
                    put_signed(&mut decimals, whole.wrapping_sub(decimal));
                    decimal = whole;
                    0
                }
                None => {
                    raws.extend_from_slice(&number.to_bits().to_le_bytes());
                    1
                }
            },
            Value::Json(text) => {
                put(&mut texts, text.len() as u64);
                texts.extend_from_slice(text.as_bytes());
                2
            }
            Value::Missing => 3,
        };
        shapes.push(shape);
        marks.push((sample.quality as u64) << 8 | sample.reason as u64);
        if (sample.received.wrapping_sub(sample.timestamp)).unsigned_abs() > SAME_TIME as u64 {
            put(&mut received, (at - last_received) as u64);
            put_signed(&mut received, sample.received.wrapping_sub(sample.timestamp));
            last_received = at;
        }
    }
    let mut out = Vec::with_capacity(times.len() + decimals.len() + raws.len() + texts.len() + 64);
    put(&mut out, VERSION);
    put(&mut out, samples.len() as u64);
    put(&mut out, places as u64);
    for column in [times, shapes.finish(), decimals, raws, texts, marks.finish(), received] {
        put(&mut out, column.len() as u64);
        out.extend_from_slice(&column);
    }
    out
}

/// The fewest decimal places with which most numbers of the segment are whole.
fn places(samples: &[&Sample]) -> usize {
    let mut places = 0;
    for sample in samples {
        if let Value::Number(number) = sample.value {
            if scaled(number, places).is_some() {
                continue;
            }
            if let Some(more) = (places + 1..=MOST_PLACES).find(|more| scaled(number, *more).is_some()) {
                places = more;
                if places == MOST_PLACES {
                    break;
                }
            }
        }
    }
    places
}

/// The number as whole units of 10^-places, if that loses nothing.
fn scaled(number: f64, places: usize) -> Option<i64> {
    let product = (number * POWERS[places]).round();
    if product.abs() >= LARGEST {
        return None;
    }
    let whole = product as i64;
    ((whole as f64 / POWERS[places]).to_bits() == number.to_bits()).then_some(whole)
}

/// The series of a segment with the number of their readings, in order.
pub(super) fn decode_contents(toc: &[u8]) -> Result<Vec<(SeriesId, u32)>, Damage> {
    let (toc, own) = toc.split_last_chunk::<4>().ok_or(Damage("it is cut off"))?;
    if checksum(toc, &[]) != u32::from_le_bytes(*own) {
        return Err(Damage("the checksum of the table of contents does not match"));
    }
    let bytes = decompress(toc)?;
    let mut input = Input(&bytes);
    let (mut series, mut found) = (0_u32, Vec::new());
    while !input.0.is_empty() {
        let step = u32::try_from(input.number()?).map_err(|_| Damage("a series number is too large"))?;
        series = series.checked_add(step).ok_or(Damage("a series number is too large"))?;
        let count = u32::try_from(input.number()?).map_err(|_| Damage("a count is too large"))?;
        found.push((series, count));
    }
    Ok(found)
}

/// Every reading of a segment, sorted by series and time.
pub(super) fn decode(toc: &[u8], body: &[u8], sum: u32) -> Result<Vec<Sample>, Damage> {
    if checksum(toc, body) != sum {
        return Err(Damage("the checksum does not match"));
    }
    let contents = decode_contents(toc)?;
    let bytes = decompress(body)?;
    let mut input = Input(&bytes);
    if input.number()? != VERSION {
        return Err(Damage("the version is unknown"));
    }
    let count = input.number()?;
    let places = input.number()? as usize;
    if places > MOST_PLACES || count > MOST || contents.iter().map(|(_, n)| u64::from(*n)).sum::<u64>() != count {
        return Err(Damage("the header contradicts the table of contents"));
    }
    let mut column = || -> Result<Input<'_>, Damage> {
        let length = input.number()? as usize;
        input.take(length).map(Input)
    };
    let (mut times, shapes, mut decimals, mut raws) = (column()?, column()?, column()?, column()?);
    let (mut texts, marks, mut received) = (column()?, column()?, column()?);
    let (mut shapes, mut marks) = (RunReader::new(shapes), RunReader::new(marks));
    let mut samples = Vec::with_capacity(count as usize);
    let (mut time, mut decimal) = (0_i64, 0_i64);
    for (series, run) in contents {
        for _ in 0..run {
            time = time.wrapping_add(times.signed()?);
            let value = match shapes.next()? {
                0 => {
                    decimal = decimal.wrapping_add(decimals.signed()?);
                    Value::Number(decimal as f64 / POWERS[places])
                }
                1 => {
                    let bits = raws.take(8)?.try_into().map_err(|_| Damage("a raw value is cut off"))?;
                    Value::Number(f64::from_bits(u64::from_le_bytes(bits)))
                }
                2 => {
                    let length = texts.number()? as usize;
                    Value::Json(
                        std::str::from_utf8(texts.take(length)?)
                            .map_err(|_| Damage("a text is no UTF-8"))?
                            .into(),
                    )
                }
                3 => Value::Missing,
                _ => return Err(Damage("a shape is unknown")),
            };
            let mark = marks.next()?;
            let quality = match mark >> 8 {
                0 => Quality::Good,
                1 => Quality::Uncertain,
                _ => Quality::Bad,
            };
            let reason = Reason::from_code((mark & 0xff) as u8);
            samples.push(Sample {
                series,
                timestamp: time,
                received: time,
                value,
                quality,
                reason,
            });
        }
    }
    let mut at = 0;
    while !received.0.is_empty() {
        at += received.number()? as usize;
        let late = received.signed()?;
        let sample = samples.get_mut(at).ok_or(Damage("a receive time has no reading"))?;
        sample.received = sample.timestamp.wrapping_add(late);
    }
    Ok(samples)
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Damage> {
    use std::io::Read as _;
    let mut out = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(|_| Damage("it cannot be decompressed"))?;
    decoder
        .take(MOST * 32)
        .read_to_end(&mut out)
        .map_err(|_| Damage("it cannot be decompressed"))?;
    Ok(out)
}

#[derive(Default)]
struct Runs {
    out: Vec<u8>,
    run: Option<(u64, u64)>,
}

impl Runs {
    fn push(&mut self, value: u64) {
        match &mut self.run {
            Some((same, length)) if *same == value => *length += 1,
            run => {
                if let Some((value, length)) = run.replace((value, 1)) {
                    put(&mut self.out, value);
                    put(&mut self.out, length);
                }
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if let Some((value, length)) = self.run.take() {
            put(&mut self.out, value);
            put(&mut self.out, length);
        }
        self.out
    }
}

struct RunReader<'a> {
    input: Input<'a>,
    value: u64,
    left: u64,
}

impl<'a> RunReader<'a> {
    fn new(input: Input<'a>) -> Self {
        Self {
            input,
            value: 0,
            left: 0,
        }
    }

    fn next(&mut self) -> Result<u64, Damage> {
        if self.left == 0 {
            self.value = self.input.number()?;
            self.left = self.input.number()?;
            if self.left == 0 {
                return Err(Damage("a run is empty"));
            }
        }
        self.left -= 1;
        Ok(self.value)
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(Damage("it is cut off"))?;
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Damage("it is cut off"))?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, Damage> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile(seed: u64) -> Vec<Sample> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let special = [
            0.0,
            -0.0,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            f64::MIN,
            0.1,
            230.55,
            1e15,
            9_007_199_254_740_993.0,
            1.0 / 3.0,
        ];
        let mut samples: Vec<_> = (0..random() % 300)
            .map(|_| {
                let number = match random() % 4 {
                    0 => special[(random() % special.len() as u64) as usize],
                    1 => f64::from_bits(random()),
                    2 => (random() % 100_000) as f64 / 100.0,
                    _ => (random() % 1_000) as f64,
                };
                let value = match random() % 6 {
                    0 => Value::Missing,
                    1 => Value::Json(format!("\"{}\"", random()).into()),
                    _ if number.is_finite() => Value::Number(number),
                    _ => Value::Missing,
                };
                let timestamp = if random() % 5 == 0 {
                    random() as i64
                } else {
                    (random() % 1_000_000) as i64
                };
                Sample {
                    series: if random() % 9 == 0 {
                        random() as u32
                    } else {
                        (random() % 9) as u32
                    },
                    timestamp,
                    received: if random() % 3 == 0 {
                        timestamp.wrapping_add((random() % 9_000_000_000 + 1_000_001) as i64)
                    } else {
                        timestamp
                    },
                    value,
                    quality: [Quality::Good, Quality::Uncertain, Quality::Bad][(random() % 3) as usize],
                    reason: Reason::from_code((random() % 20) as u8),
                }
            })
            .collect();
        samples.sort_by_key(|s| (s.series, s.timestamp));
        samples
    }

    #[test]
    fn every_bit_comes_back() {
        for seed in 1..400 {
            let samples = hostile(seed);
            let coded = encode(&samples.iter().collect::<Vec<_>>()).unwrap();
            let back = decode(&coded.toc, &coded.body, coded.sum).unwrap();
            assert_eq!(back.len(), samples.len(), "seed {seed}");
            for (a, b) in samples.iter().zip(&back) {
                assert_eq!(a, b, "seed {seed}");
                if let (Value::Number(a), Value::Number(b)) = (&a.value, &b.value) {
                    assert_eq!(a.to_bits(), b.to_bits(), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let samples = hostile(7);
        let coded = encode(&samples.iter().collect::<Vec<_>>()).unwrap();
        for at in 0..coded.body.len() {
            let mut body = coded.body.clone();
            body[at] ^= 1 << (at % 8);
            assert!(decode(&coded.toc, &body, coded.sum).is_err(), "byte {at}");
            // Even with a checksum that fits, damage is an error or other readings, never a panic.
            let _ = decode(&coded.toc, &body, checksum(&coded.toc, &body));
        }
    }
}
