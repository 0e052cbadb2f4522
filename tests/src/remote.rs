//! Remote write of Prometheus as it is on the wire: protobuf within snappy, where a test wants to say each byte.

/// A request with one series: its labels, and samples as value and milliseconds.
pub fn remote_write(labels: &[(&str, &str)], samples: &[(f64, u64)]) -> Vec<u8> {
    let mut series = Vec::new();
    for (name, value) in labels {
        let label = [field(1, name.as_bytes()), field(2, value.as_bytes())].concat();
        series.extend(field(1, &label));
    }
    for (value, timestamp) in samples {
        let mut sample = vec![0x09];
        sample.extend(value.to_le_bytes());
        sample.push(0x10);
        sample.extend(varint(*timestamp));
        series.extend(field(2, &sample));
    }
    let plain = field(1, &series);
    // Snappy may leave everything as it is: literals of up to 65,536 bytes.
    let mut packed = varint(plain.len() as u64);
    for part in plain.chunks(1 << 16) {
        packed.push(61 << 2);
        packed.extend((part.len() as u16).wrapping_sub(1).to_le_bytes());
        packed.extend(part);
    }
    packed
}

fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2], varint(bytes.len() as u64).as_slice(), bytes].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
