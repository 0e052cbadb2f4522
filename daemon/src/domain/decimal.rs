//! Numbers as JSON writes them, read exactly: the nearest double, whichever way is taken.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 16] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
/// So many digits are a whole number that a double holds exactly; divided by such a power, it is rounded once.
const EXACT_DIGITS: usize = 15;

/// The number at the beginning, and how many bytes it takes; none where there is no finite one.
pub fn read(bytes: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let mut mantissa = 0_u64;
    let wholes = digits(bytes, sign, &mut mantissa);
    if wholes == 0 || (wholes > 1 && bytes[sign] == b'0') {
        return None;
    }
    let mut end = sign + wholes;
    let mut places = 0;
    if bytes.get(end) == Some(&b'.') {
        places = digits(bytes, end + 1, &mut mantissa);
        if places == 0 {
            return None;
        }
        end += 1 + places;
    }
    let is_power = matches!(bytes.get(end), Some(b'e' | b'E'));
    if !is_power && wholes + places <= EXACT_DIGITS {
        let number = mantissa as f64 / POWERS[places];
        return Some((if sign == 1 { -number } else { number }, end));
    }
    if is_power {
        let signed = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let power = digits(bytes, end + 1 + signed, &mut mantissa);
        if power == 0 {
            return None;
        }
        end += 1 + signed + power;
    }
    let number: f64 = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    number.is_finite().then_some((number, end))
}

/// Adds digits to a number, and gives how many they are. A number of too many is not used.
#[inline]
fn digits(bytes: &[u8], from: usize, number: &mut u64) -> usize {
    let mut at = from;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        *number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    at - from
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    #[test]
    fn every_number_is_the_nearest_double() {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..200_000 {
            let text = match random.random_range(0..4) {
                0 => {
                    let places = random.random_range(0..12);
                    format!("{:.places$}", random.random_range(-5e5..5e5))
                }
                1 => random.random::<i64>().to_string(),
                2 => format!("{:e}", f64::from_bits(random.random())),
                _ => format!("{}.{:0>3}", random.random::<u32>(), random.random::<u64>()),
            };
            let Some((number, length)) = read(text.as_bytes()) else {
                assert!(text.contains("NaN") || text.contains("inf"), "{text}");
                continue;
            };
            assert_eq!(length, text.len());
            assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_json_is_none() {
        for bad in [
            "", "-", "01", "-01", "1.", ".5", "+1", "1e", "1e+", "NaN", "inf", "1e999", "x",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
        for (text, number, length) in [("0", 0.0, 1), ("-0", -0.0, 2), ("1.50,", 1.5, 4), ("1e2}", 100.0, 3)] {
            let found = read(text.as_bytes()).unwrap();
            assert_eq!((found.0.to_bits(), found.1), (f64::to_bits(number), length), "{text}");
        }
    }
}
