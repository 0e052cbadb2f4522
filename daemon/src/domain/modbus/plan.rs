//! Which requests read which registers: as few as the wire makes worthwhile.

use fleet_proto::pb::gateway_config_spec::Parity;

use crate::domain::kinds::gateway_config::{Bus, Register};

/// Bits that one request may ask for.
const MOST_BITS: u16 = 2_000;
/// A gap that is bridged over the network, where another request costs a round trip but an illegal hole may cost a register.
const NETWORK_GAP: u16 = 32;

/// One request, and the registers of the configuration that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// 1 to 4.
    pub function_code: u8,
    /// First address.
    pub address: u16,
    /// Registers or bits.
    pub count: u16,
    /// Positions in the list that was planned.
    pub registers: Vec<usize>,
}

/// The largest gap, in registers, that costs less than another request.
///
/// Another request costs 8 bytes out, 5 bytes of frame back, two silences of 3.5 characters (1.75 ms from 19,200 baud
/// on) and the slave's turnaround; a register in a gap costs 2 bytes. A character has 11 bits.
pub fn worthwhile_gap(bus: &Bus) -> u16 {
    if !bus.is_serial() {
        return NETWORK_GAP;
    }
    let character = 11_000.0 / f64::from(bus.baud_rate);
    let request = 13.0 * character + 2.0 * silence_ms(bus, character) + f64::from(bus.turnaround_ms);
    ((request / (2.0 * character)).round() as u16).min(125)
}

/// The pause that ends a frame: 3.5 characters, from 19,200 baud on at least 1.75 ms (Modbus over serial line, 2.5.1.1).
fn silence_ms(bus: &Bus, character: f64) -> f64 {
    if bus.baud_rate > 19_200 { 1.75 } else { 3.5 * character }
}

/// How long a request and its answer hold a serial bus, milliseconds, with the characters that the bus really has.
pub fn duration_ms(bus: &Bus, request: &Request) -> f64 {
    let parity = u32::from(bus.parity != Parity::None);
    let character = f64::from(1 + bus.data_bits + parity + bus.stop_bits) * 1_000.0 / f64::from(bus.baud_rate);
    let data = if request.function_code <= 2 {
        request.count.div_ceil(8)
    } else {
        request.count * 2
    };
    (13.0 + f64::from(data)) * character + 2.0 * silence_ms(bus, character) + f64::from(bus.turnaround_ms)
}

/// Plans the registers at these positions; all must share function code and interval. Addresses in `split` begin a
/// request of their own, because a request across them was refused. A value and its scale register are never parted
/// where one request can hold both.
pub fn plan(registers: &[Register], positions: &[usize], most: u16, gap: u16, split: &[u16]) -> Vec<Request> {
    let mut spans: Vec<(u8, u32, u32, usize)> = Vec::with_capacity(positions.len());
    for position in positions {
        let register = &registers[*position];
        let (begin, end) = (
            u32::from(register.address),
            u32::from(register.address) + u32::from(register.count),
        );
        let limit = limit(register.function_code, most);
        match register.scale_register.map(u32::from) {
            None => spans.push((register.function_code, begin, end, *position)),
            Some(scale) if end.max(scale + 1) - begin.min(scale) <= limit => {
                spans.push((register.function_code, begin.min(scale), end.max(scale + 1), *position));
            }
            Some(scale) => {
                spans.push((register.function_code, begin, end, *position));
                spans.push((register.function_code, scale, scale + 1, *position));
            }
        }
    }
    spans.sort_unstable();
    let mut requests: Vec<Request> = Vec::new();
    for (function_code, begin, end, position) in spans {
        if let Some(last) = requests.last_mut() {
            let last_begin = u32::from(last.address);
            let last_end = last_begin + u32::from(last.count);
            let whole = end.max(last_end) - last_begin;
            let crosses = split
                .iter()
                .any(|at| (last_begin + 1..=begin).contains(&u32::from(*at)));
            if last.function_code == function_code
                && begin <= last_end + u32::from(gap)
                && whole <= limit(function_code, most)
                && !crosses
            {
                last.count = whole as u16;
                last.registers.push(position);
                continue;
            }
        }
        requests.push(Request {
            function_code,
            address: begin as u16,
            count: (end - begin) as u16,
            registers: vec![position],
        });
    }
    requests
}

fn limit(function_code: u8, most: u16) -> u32 {
    u32::from(if function_code <= 2 { MOST_BITS } else { most })
}

#[cfg(test)]
mod tests {
    use fleet_proto::kinds::Kind;
    use fleet_proto::pb::resource::Spec;

    use super::*;
    use crate::domain::kinds::gateway_config::{GatewayConfig, parse};

    fn config(json: serde_json::Value) -> GatewayConfig {
        match fleet_proto::reflect::spec_from_json(Kind::GatewayConfig, &json) {
            Ok(Spec::GatewayConfig(spec)) => parse(&spec).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn break_even_gaps_are_within_a_register_of_the_table() {
        for (baud, expected) in [
            (9_600, [10, 12, 19, 32]),
            (19_200, [10, 14, 28, 54]),
            (115_200, [25, 51, 125, 125]),
        ] {
            for (turnaround, gap) in [0, 5, 20, 50].into_iter().zip(expected) {
                let config = config(
                    serde_json::json!({"buses": [{"name": "a", "transport": "rtu", "baudRate": baud, "turnaroundMs": turnaround}]}),
                );
                // The table was measured with frames a fraction of a character longer.
                let computed = worthwhile_gap(&config.buses[0]);
                assert!(
                    computed.abs_diff(gap) <= 1,
                    "{baud} baud, {turnaround} ms: {computed}, not {gap}"
                );
            }
        }
    }

    #[test]
    fn an_sdm630_is_read_in_three_requests() {
        let addresses = (0..=0x2A)
            .step_by(2)
            .filter(|a| *a != 0x2A && *a < 0x24)
            .chain([
                0x2A, 0x2E, 0x30, 0x34, 0x38, 0x3C, 0x3E, 0x42, 0x46, 0x48, 0x4A, 0x4C, 0x4E, 0xEA, 0xEC, 0xEE,
            ])
            .chain((0x156..=0x17C).step_by(2));
        let registers: Vec<_> = addresses.map(|a| serde_json::json!({"label": format!("r{a}"), "address": a, "functionCode": 4, "dataType": "float32"})).collect();
        let config = config(
            serde_json::json!({"buses": [{"name": "a", "transport": "tcp"}], "slaves": [{"slaveId": 1, "registers": registers}]}),
        );
        let slave = &config.slaves[0];
        let all: Vec<_> = (0..slave.registers.len()).collect();
        let requests = plan(
            &slave.registers,
            &all,
            slave.max_registers,
            worthwhile_gap(&config.buses[0]),
            &[],
        );
        let shape: Vec<_> = requests.iter().map(|r| (r.address, r.address + r.count - 1)).collect();
        assert_eq!(shape, [(0, 79), (234, 239), (342, 381)]);
    }

    #[test]
    fn no_value_is_split_and_no_limit_passed() {
        let registers: Vec<_> = (0..100)
            .map(|n| serde_json::json!({"label": format!("r{n}"), "address": n * 4, "dataType": "float64"}))
            .collect();
        let config = config(
            serde_json::json!({"buses": [{"name": "a", "transport": "tcp"}], "slaves": [{"slaveId": 1, "maxRegisters": 10, "registers": registers}]}),
        );
        let all: Vec<_> = (0..100).collect();
        let requests = plan(&config.slaves[0].registers, &all, 10, 32, &[]);
        assert!(requests.iter().all(|r| r.count == 8));
        assert_eq!(requests.iter().map(|r| r.registers.len()).sum::<usize>(), 100);
    }
}
