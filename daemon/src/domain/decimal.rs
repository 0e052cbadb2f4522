//! Decimal numbers of texts, read exactly: the nearest double, whichever way is taken.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 16] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
/// So many digits are a whole number that a double holds exactly; divided by such a power, it is rounded once.
const EXACT_DIGITS: usize = 15;

/// A number of JSON at the beginning, and how many bytes it takes; none where there is no finite one.
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
        return Some((exact(sign == 1, mantissa, places), end));
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

/// A finite number as people write it, such as `+1.`, `.5` or `-1.5e3`, and nothing else.
pub fn parse(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let mut mantissa = 0;
    let wholes = digits(bytes, sign, &mut mantissa);
    let point = usize::from(bytes.get(sign + wholes) == Some(&b'.'));
    let places = if point == 1 {
        digits(bytes, sign + wholes + 1, &mut mantissa)
    } else {
        0
    };
    let is_plain = sign + wholes + point + places == bytes.len();
    if is_plain && (1..=EXACT_DIGITS).contains(&(wholes + places)) {
        return Some(exact(sign == 1, mantissa, places));
    }
    // The standard library reads `inf`, `nan` and `infinity`, too.
    let is_decimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(is_decimal) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// At most [`EXACT_DIGITS`] digits, so many of them behind the point: one division of exact numbers is rounded once.
fn exact(is_negative: bool, digits: u64, places: usize) -> f64 {
    let number = digits as f64 / POWERS[places];
    if is_negative { -number } else { number }
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

    #[test]
    fn every_number_of_people_is_the_nearest_double() {
        let known = [
            "0",
            "-0",
            "0.0",
            "1",
            "-1",
            "1.",
            ".5",
            "-.5",
            "+1",
            "1e3",
            "1E-3",
            "-1.5e+3",
            "100.01",
            "9007199254740992",
            "9007199254740993",
            "123456789012345678",
            "1234567890123456789",
            "12345678901234567890",
            "0.1",
            "0.3",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072011e-308",
            "0.000000000000000001",
            "999999999999999999",
        ];
        for text in known {
            let wanted: f64 = text.parse().unwrap();
            let found = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found.to_bits(), wanted.to_bits(), "{text}");
        }
        for text in [
            "", "-", ".", "-.", "1.2.3", "inf", "-inf", "NaN", "nan", "infinity", "1e999", "-1e999", "1e", "0x10",
            "1_000", " 1", "--1", "١",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        // By chance, in the way that meters write them and in others.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..200_000 {
            let (digits, places) = (random() % 10_u64.pow((random() % 19) as u32), (random() % 20) as usize);
            let mut text = format!("{digits:0>width$}", width = places + 1);
            text.insert(text.len() - places, '.');
            if random() % 2 == 0 {
                text.insert(0, '-');
            }
            let wanted: f64 = text.parse().unwrap();
            assert_eq!(parse(&text).map(f64::to_bits), Some(wanted.to_bits()), "{text}");
            let float = f64::from_bits(random());
            if float.is_finite() {
                for text in [format!("{float}"), format!("{float:e}")] {
                    assert_eq!(parse(&text).map(f64::to_bits), Some(float.to_bits()), "{text}");
                }
            }
        }
    }
}
