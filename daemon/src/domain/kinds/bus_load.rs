//! What no poller can do: registers that lie across each other, and more requests than a serial bus has time for.

use std::collections::BTreeMap;

use fleet_proto::pb::{GatewayConfigSpec, Issue};

use super::gateway_config::{GatewayConfig, Register, Slave};
use super::issue;
use crate::domain::modbus::plan;

/// Registers of a slave that share some of their addresses, but not all: most often a wrong address or data type.
/// Bits and masks of the same registers are views of one value, and meant.
pub(super) fn overlaps(config: &GatewayConfig, positions: &[usize]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (slave, position) in config.slaves.iter().zip(positions) {
        let mut sorted: Vec<(usize, &Register)> = slave
            .registers
            .iter()
            .enumerate()
            .filter(|(_, r)| is_whole(r))
            .collect();
        sorted.sort_by_key(|(at, register)| (register.function_code, register.address, *at));
        let mut widest: Option<(usize, &Register)> = None;
        for (at, register) in sorted {
            if let Some((other_at, other)) = widest.filter(|(_, other)| cross(other, register)) {
                // The later one in the manifest is the one that is told.
                let (late, early) = if at > other_at {
                    ((at, register), other)
                } else {
                    ((other_at, other), register)
                };
                issues.push(issue(
                    format!("spec.slaves[{position}].registers[{}].address", late.0),
                    format!(
                        "{} of `{}` lie across `{}` at {}",
                        range(late.1),
                        late.1.label,
                        early.label,
                        range(early)
                    ),
                    "correct the address, the data type, or numRegisters",
                ));
            }
            let reaches_further = widest
                .is_none_or(|(_, other)| other.function_code != register.function_code || end(register) > end(other));
            if reaches_further {
                widest = Some((at, register));
            }
        }
    }
    issues
}

fn is_whole(register: &Register) -> bool {
    register.bit.is_none() && register.mask.is_none()
}

fn end(register: &Register) -> u32 {
    u32::from(register.address) + u32::from(register.count)
}

fn cross(one: &Register, other: &Register) -> bool {
    let same = (one.address, one.count) == (other.address, other.count);
    one.function_code == other.function_code && !same && u32::from(other.address) < end(one)
}

fn range(register: &Register) -> String {
    match register.count {
        1 => format!("address {}", register.address),
        _ => format!("addresses {} to {}", register.address, end(register) - 1),
    }
}

/// Serial buses that would be busy for more than all of the time.
pub(super) fn budgets(from: &GatewayConfigSpec, config: &GatewayConfig) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (at, bus) in config.buses.iter().enumerate().filter(|(_, bus)| bus.is_serial()) {
        let slaves = config.slaves.iter().filter(|slave| slave.bus == at && slave.enabled);
        let loads: Vec<(&Slave, f64)> = slaves.map(|slave| (slave, load(config, slave))).collect();
        let busy: f64 = loads.iter().map(|(_, load)| load).sum();
        let heaviest = loads.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        let Some((slave, most)) = heaviest.filter(|_| busy > 1.0) else {
            continue;
        };
        let path = if from.buses.is_empty() {
            "spec.slaves".to_owned()
        } else {
            format!("spec.buses[{at}]")
        };
        issues.push(issue(
            path,
            format!(
                "bus `{}` would be busy {:.0} % of the time at {} baud; slave {} alone takes {:.0} %",
                bus.name,
                busy * 100.0,
                bus.baud_rate,
                slave.slave_id,
                most * 100.0
            ),
            "poll less often (pollingIntervalMs, intervalMs), raise baudRate, or move slaves to another bus",
        ));
    }
    issues
}

/// The share of the bus that polling a slave takes.
fn load(config: &GatewayConfig, slave: &Slave) -> f64 {
    let bus = &config.buses[slave.bus];
    let mut groups: BTreeMap<(u8, u32), Vec<usize>> = BTreeMap::new();
    for (at, register) in slave
        .registers
        .iter()
        .enumerate()
        .filter(|(_, register)| register.enabled)
    {
        let interval = register.interval_ms.unwrap_or(slave.polling_interval_ms);
        groups.entry((register.function_code, interval)).or_default().push(at);
    }
    let gap = plan::worthwhile_gap(bus);
    groups
        .into_iter()
        .map(|((_, interval), positions)| {
            let requests = plan::plan(&slave.registers, &positions, slave.max_registers, gap, &[]);
            let busy: f64 = requests.iter().map(|request| plan::duration_ms(bus, request)).sum();
            busy / f64::from(interval.max(1))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::gateway_config::{parse, problems};
    use super::*;
    use serde_json::json;

    fn spec(json: serde_json::Value) -> GatewayConfigSpec {
        match fleet_proto::reflect::spec_from_json(fleet_proto::kinds::Kind::GatewayConfig, &json) {
            Ok(fleet_proto::pb::resource::Spec::GatewayConfig(spec)) => spec,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn registers_that_lie_across_each_other_are_told_once_each() {
        let found = problems(&spec(json!({"slaves": [{"slaveId": 1, "registers": [
            {"label": "a", "address": 0, "dataType": "float32"},
            {"label": "b", "address": 1, "dataType": "float32"},
            {"label": "c", "address": 3},
            {"label": "d", "address": 3, "bit": 2, "sensor": "d"},
            {"label": "e", "address": 3, "sensor": "e"},
            {"label": "f", "address": 2, "functionCode": 4, "dataType": "float32"}]}]})));
        let told: Vec<_> = found
            .iter()
            .map(|issue| (issue.path.as_str(), issue.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [(
                "spec.slaves[0].registers[1].address",
                "addresses 1 to 2 of `b` lie across `a` at addresses 0 to 1"
            )]
        );
    }

    #[test]
    fn a_bus_carries_what_the_arithmetic_says_and_no_more() {
        // 125 registers: 263 characters of 11 bits and two silences at 9600 baud take 309 ms; 404 registers a second.
        let config = |parity: &str, interval: u32| {
            spec(
                json!({"parity": parity, "slaves": [{"slaveId": 3, "pollingIntervalMs": interval, "registers":
                [{"label": "all", "address": 0, "numRegisters": 125, "dataType": "string"}]}]}),
            )
        };
        assert_eq!(problems(&config("even", 310)), []);
        let over = problems(&config("even", 308));
        assert_eq!(over[0].path, "spec.slaves");
        assert!(
            over[0].message.contains("100 % of the time at 9600 baud; slave 3"),
            "{over:?}"
        );
        assert_eq!(
            problems(&config("none", 283)),
            [],
            "10-bit characters: 444 registers a second"
        );
        assert!(parse(&config("even", 100)).is_ok(), "what is stored is read even so");
    }
}
