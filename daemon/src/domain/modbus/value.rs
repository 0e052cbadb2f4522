//! Registers ⇄ values.

use fleet_proto::pb::gateway_config_spec::DataType;

use crate::domain::kinds::gateway_config::Register;
use crate::domain::telemetry::{Quality, Reason, Value};

/// A value with what is known of its worth.
pub type Decoded = (Value, Quality, Reason);

/// A reading that is worth nothing, and why.
pub fn bad(reason: Reason) -> Decoded {
    (Value::Missing, Quality::Bad, reason)
}

/// What the registers of a value mean. `exponent` is the content of the scale register, where there is one.
pub fn decode(register: &Register, words: &[u16], exponent: Option<u16>) -> Decoded {
    if words.len() != usize::from(register.count) {
        return bad(Reason::BadLength);
    }
    match register.data_type {
        DataType::Float16 => return number(register, half(ordered(register, words) as u16), exponent),
        DataType::Float32 => return number(register, f64::from(f32::from_bits(ordered(register, words) as u32)), exponent),
        DataType::Float64 => return number(register, f64::from_bits(ordered(register, words)), exponent),
        DataType::String => return text(register, words),
        DataType::Bcd => return bcd(register, words, exponent),
        DataType::Bits if register.function_code <= 2 => return bits(words),
        _ => {}
    }
    let raw = ordered(register, words);
    let width = bit_width(register);
    let signed = matches!(register.data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64);
    let whole = if signed { i128::from((raw << (64 - width)) as i64 >> (64 - width)) } else { i128::from(raw & (u64::MAX >> (64 - width))) };
    let bare = i128::from(raw & (u64::MAX >> (64 - width)));
    if register.sentinel.iter().any(|sentinel| i128::from(*sentinel) == whole || i128::from(*sentinel) == bare) {
        return bad(Reason::Sentinel);
    }
    if let Some(bit) = register.bit {
        return (Value::Number(f64::from(u8::from(raw >> bit & 1 == 1))), Quality::Good, Reason::None);
    }
    if let Some(mask) = register.mask {
        return number(register, ((raw & mask) >> mask.trailing_zeros()) as f64, exponent);
    }
    if register.data_type == DataType::Bool {
        return (Value::Number(f64::from(u8::from(raw != 0))), Quality::Good, Reason::None);
    }
    number(register, whole as f64, exponent)
}

/// The registers that a device would hold for a value: the inverse of [`decode`], for the simulator.
pub fn encode(register: &Register, value: f64, exponent: Option<u16>) -> Vec<u16> {
    let power = exponent.map_or(1.0, |e| 10_f64.powi(i32::from(e as i16)));
    let raw = (value - register.offset) / (register.scale * power);
    let bits = match register.data_type {
        DataType::Float32 => u64::from((raw as f32).to_bits()),
        DataType::Float64 => raw.to_bits(),
        DataType::Float16 => u64::from(to_half(raw)),
        DataType::Bcd => to_bcd(raw.round().max(0.0) as u64),
        DataType::String => return vec![0x2020; usize::from(register.count)],
        DataType::Bool => u64::from(raw != 0.0),
        _ => match (register.bit, register.mask) {
            (Some(bit), _) => u64::from(raw != 0.0) << bit,
            (_, Some(mask)) => ((raw.round() as u64) << mask.trailing_zeros()) & mask,
            _ => raw.round() as i128 as u64,
        },
    };
    let count = usize::from(register.count);
    let mut words: Vec<u16> = (0..count).map(|at| (bits >> (16 * (count - 1 - at).min(3))) as u16).collect();
    if register.little_words {
        words.reverse();
    }
    if register.little_bytes {
        words.iter_mut().for_each(|word| *word = word.swap_bytes());
    }
    words
}

/// The words as one number, most significant first.
fn ordered(register: &Register, words: &[u16]) -> u64 {
    let fold = |all: u64, word: &u16| all << 16 | u64::from(if register.little_bytes { word.swap_bytes() } else { *word });
    if register.little_words { words.iter().rev().fold(0, fold) } else { words.iter().fold(0, fold) }
}

fn bit_width(register: &Register) -> u32 {
    match register.data_type {
        DataType::Int8 | DataType::Uint8 => 8,
        _ => (u32::from(register.count) * 16).clamp(1, 64),
    }
}

fn number(register: &Register, raw: f64, exponent: Option<u16>) -> Decoded {
    if !raw.is_finite() {
        return bad(Reason::NotANumber);
    }
    let power = match (register.scale_register, exponent) {
        (None, _) => 1.0,
        // SunSpec: a scale factor is -10 to 10, and 0x8000 where it is not implemented.
        (Some(_), Some(word)) if (-10..=10).contains(&(word as i16)) => {
            let exponent = i32::from(word as i16);
            return finite(if exponent < 0 { raw / 10_f64.powi(-exponent) } else { raw * 10_f64.powi(exponent) } * register.scale + register.offset);
        }
        (Some(_), _) => return bad(Reason::BadScale),
    };
    // Division keeps decimals short where the factor is a negative power of ten.
    let inverse = (1.0 / register.scale).round();
    let scaled = if register.scale < 1.0 && (register.scale * inverse - 1.0).abs() < 1e-12 { raw / inverse } else { raw * register.scale };
    finite(scaled * power + register.offset)
}

fn finite(number: f64) -> Decoded {
    if number.is_finite() { (Value::Number(number), Quality::Good, Reason::None) } else { bad(Reason::NotANumber) }
}

fn text(register: &Register, words: &[u16]) -> Decoded {
    let bytes: Vec<u8> = words.iter().flat_map(|word| if register.little_bytes { word.to_le_bytes() } else { word.to_be_bytes() }).collect();
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    match std::str::from_utf8(&bytes[..end]) {
        _ if bytes.iter().all(|b| *b == 0) => bad(Reason::Sentinel),
        Ok(text) => (Value::Json(serde_json::json!(text.trim_end()).to_string().into()), Quality::Good, Reason::None),
        Err(_) => bad(Reason::BadEncoding),
    }
}

fn bcd(register: &Register, words: &[u16], exponent: Option<u16>) -> Decoded {
    let mut number = 0_u64;
    for nibble in (0..words.len() * 4).rev().map(|at| ordered(register, words) >> (4 * at) & 15) {
        if nibble > 9 {
            return bad(Reason::BadEncoding);
        }
        number = number * 10 + nibble;
    }
    self::number(register, number as f64, exponent)
}

/// Bits of function codes 1 and 2, the first the least significant.
fn bits(words: &[u16]) -> Decoded {
    let number = words.iter().take(53).enumerate().fold(0_u64, |all, (at, bit)| all | u64::from(*bit & 1) << at);
    (Value::Number(number as f64), Quality::Good, Reason::None)
}

fn to_bcd(mut number: u64) -> u64 {
    let mut out = 0;
    for at in 0..16 {
        out |= (number % 10) << (4 * at);
        number /= 10;
    }
    out
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 31, f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -size } else { size }
}

fn to_half(number: f64) -> u16 {
    let sign = u16::from(number.is_sign_negative()) << 15;
    let size = number.abs();
    // The finite halves ascend with their bits, so the nearest is found by search.
    let nearest = (0..0x7c00_u16).collect::<Vec<_>>();
    let at = nearest.partition_point(|bits| half(*bits) < size).min(0x7bff);
    let below = at.saturating_sub(1);
    sign | if (half(below as u16) - size).abs() < (half(at as u16) - size).abs() { below as u16 } else { at as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn register(data_type: DataType, count: u16) -> Register {
        Register {
            label: "x".into(),
            address: 0,
            count,
            function_code: 3,
            data_type,
            little_bytes: false,
            little_words: false,
            bit: None,
            mask: None,
            scale: 1.0,
            offset: 0.0,
            scale_register: None,
            sentinel: Vec::new(),
            unit: String::new(),
            sensor: "x".into(),
            enabled: true,
            interval_ms: None,
            deadband: None,
        }
    }

    fn good(number: f64) -> Decoded {
        (Value::Number(number), Quality::Good, Reason::None)
    }

    #[test]
    fn known_registers_mean_what_their_makers_say() {
        assert_eq!(decode(&register(DataType::Float32, 2), &[0x4366, 0x8000], None), good(230.5));
        let w = Register { scale_register: Some(1), sentinel: vec![-32768], ..register(DataType::Int16, 1) };
        assert_eq!(decode(&w, &[1234], Some((-1_i16) as u16)), good(123.4));
        assert_eq!(decode(&w, &[0x8000], Some(0)), bad(Reason::Sentinel));
        assert_eq!(decode(&w, &[1], Some(0x8000)), bad(Reason::BadScale));
        assert_eq!(decode(&w, &[1], None), bad(Reason::BadScale));
        let tenth = Register { scale: 0.1, ..register(DataType::Uint16, 1) };
        assert_eq!(decode(&tenth, &[2305], None), good(230.5));
        assert_eq!(decode(&register(DataType::Float32, 2), &[0x7fc0, 0], None), bad(Reason::NotANumber));
        assert_eq!(decode(&register(DataType::Float32, 2), &[0x4366], None), bad(Reason::BadLength));
        assert_eq!(decode(&register(DataType::Bcd, 1), &[0x1234], None), good(1234.0));
        assert_eq!(decode(&register(DataType::Bcd, 1), &[0x12a4], None), bad(Reason::BadEncoding));
        assert_eq!(decode(&register(DataType::String, 2), &[0x4142, 0x4300], None).0, Value::Json("\"ABC\"".into()));
        let bit = Register { bit: Some(3), ..register(DataType::Uint16, 1) };
        assert_eq!(decode(&bit, &[0b1000], None), good(1.0));
        let mask = Register { mask: Some(0xf0), ..register(DataType::Uint16, 1) };
        assert_eq!(decode(&mask, &[0xabcd], None), good(12.0));
        let int32_unset = Register { sentinel: vec![0x8000_0000], ..register(DataType::Int32, 2) };
        assert_eq!(decode(&int32_unset, &[0x8000, 0], None), bad(Reason::Sentinel));
    }

    #[test]
    fn what_is_encoded_is_decoded_in_every_type_and_order() {
        use DataType::{Bcd, Bool, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
        let types = [(Int8, 1, -7.0), (Int16, 1, -300.0), (Int32, 2, -70_000.0), (Int64, 4, -5e12), (Uint8, 1, 200.0), (Uint16, 1, 65_535.0),
            (Uint32, 2, 4e9), (Uint64, 4, 9e15), (Float16, 1, 1.5), (Float32, 2, 230.5), (Float64, 4, 1e-7), (Bcd, 2, 12_345_678.0), (Bool, 1, 1.0)];
        for (data_type, count, value) in types {
            for order in 0..4 {
                let register = Register { little_bytes: order & 1 == 1, little_words: order & 2 == 2, ..register(data_type, count) };
                assert_eq!(decode(&register, &encode(&register, value, None), None), good(value), "{data_type:?} {order}");
            }
        }
        let scaled = Register { scale_register: Some(9), ..register(Int16, 1) };
        assert_eq!(decode(&scaled, &encode(&scaled, 12.3, Some(-1_i16 as u16)), Some(-1_i16 as u16)), good(12.3));
    }
}
