//! Decimal numbers of text protocols, fast where that is exact.

/// Greatest power of ten that a float holds exactly.
const EXACT_POWER: u32 = 22;
/// Below this every whole number is a float.
const EXACT_WHOLE: u64 = 1 << 53;
const POWERS: [f64; EXACT_POWER as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A finite number as people write it, such as `-1.5e3`; the float nearest to it.
pub(super) fn decimal(text: &str) -> Option<f64> {
    if let Some(number) = quick(text.as_bytes()) {
        return Some(number);
    }
    // The standard library reads `inf`, `nan` and `infinity`, too.
    let is_decimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(is_decimal) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Digits with at most one point, where one division of exact numbers gives the exact result.
fn quick(text: &[u8]) -> Option<f64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // Eighteen digits and a point fit into 64 bits.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let (mut whole, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let behind = point.map_or(0, |at| digits.len() - at - 1);
    let has_digits = digits.len() > usize::from(point.is_some());
    if !has_digits || (digits.len() == 19 && point.is_none()) || whole > EXACT_WHOLE {
        return None;
    }
    let number = whole as f64 / POWERS.get(behind)?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_the_nearest_float() {
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
            let found = decimal(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found.to_bits(), wanted.to_bits(), "{text}");
        }
        for text in [
            "", "-", ".", "-.", "1.2.3", "inf", "-inf", "NaN", "nan", "infinity", "1e999", "-1e999", "1e", "0x10",
            "1_000", " 1", "--1", "١",
        ] {
            assert_eq!(decimal(text), None, "{text}");
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
            assert_eq!(decimal(&text).map(f64::to_bits), Some(wanted.to_bits()), "{text}");
            let float = f64::from_bits(random());
            if float.is_finite() {
                for text in [format!("{float}"), format!("{float:e}")] {
                    assert_eq!(decimal(&text).map(f64::to_bits), Some(float.to_bits()), "{text}");
                }
            }
        }
    }
}
