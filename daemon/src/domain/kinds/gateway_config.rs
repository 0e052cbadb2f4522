//! GatewayConfig in its normal form: every default filled in, every reference within it checked.

use std::collections::{HashMap, HashSet};

use fleet_proto::pb::gateway_config_spec::{DataType, Order, Parity, Poller, Transport};
use fleet_proto::pb::{GatewayConfigSpec, Issue, gateway_config_spec as spec};

use super::{bus_load, issue};

/// Name of the one bus of the flat shape.
pub const MAIN: &str = "main";

/// What is read over Modbus, with nothing left unsaid.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    /// Version of the schema that the gateway's software knows.
    pub config_schema_ver: u32,
    /// fleetd polls, and not the gateway.
    pub polled_by_fleetd: bool,
    /// In the order of the manifest.
    pub buses: Vec<Bus>,
    /// In the order of the manifest.
    pub slaves: Vec<Slave>,
}

/// A line that slaves hang on.
#[derive(Clone, Debug, PartialEq)]
pub struct Bus {
    /// Its name.
    pub name: String,
    /// How Modbus is carried.
    pub transport: Transport,
    /// Serial port on the gateway.
    pub device: Option<String>,
    /// Host; none: the endpoint of the device that has the configuration.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u32>,
    /// Bits per second.
    pub baud_rate: u32,
    /// 7 or 8.
    pub data_bits: u32,
    /// 1 or 2.
    pub stop_bits: u32,
    /// Parity of a character.
    pub parity: Parity,
    /// Pause between an answer and the next request, milliseconds.
    pub turnaround_ms: u32,
    /// Most registers of one request.
    pub max_registers: u16,
}

impl Bus {
    /// Is it a serial line, at least at the far end?
    pub fn is_serial(&self) -> bool {
        matches!(self.transport, Transport::Rtu | Transport::RtuOverTcp)
    }
}

/// A slave of a bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Slave {
    /// Position in [`GatewayConfig::buses`].
    pub bus: usize,
    /// Address on the bus.
    pub slave_id: u8,
    /// Name for people; may be empty.
    pub device_name: String,
    /// Whose readings they are; none: the device that has the configuration.
    pub device: Option<String>,
    /// Time between two sweeps.
    pub polling_interval_ms: u32,
    /// How long an answer may take.
    pub timeout_ms: u32,
    /// Is it read?
    pub enabled: bool,
    /// Most registers of one request.
    pub max_registers: u16,
    /// In the order of the manifest.
    pub registers: Vec<Register>,
}

/// A value in a slave's registers.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// Name within the slave.
    pub label: String,
    /// Wire address.
    pub address: u16,
    /// Registers, or bits for function codes 1 and 2.
    pub count: u16,
    /// 1 to 4.
    pub function_code: u8,
    /// How they are read.
    pub data_type: DataType,
    /// Bytes within a register are swapped.
    pub little_bytes: bool,
    /// The least significant register comes first.
    pub little_words: bool,
    /// The one bit that is the value.
    pub bit: Option<u8>,
    /// The bits that are the value.
    pub mask: Option<u64>,
    /// value = raw × scale + offset
    pub scale: f64,
    /// value = raw × scale + offset
    pub offset: f64,
    /// Address of the register with the decimal exponent.
    pub scale_register: Option<u16>,
    /// Raw values that mean "not implemented".
    pub sentinel: Vec<i64>,
    /// Unit of the scaled value; may be empty.
    pub unit: String,
    /// Sensor whose readings these are.
    pub sensor: String,
    /// Is it read?
    pub enabled: bool,
    /// Time between two reads; none: the slave's.
    pub interval_ms: Option<u32>,
    /// A smaller change is not worth a reading.
    pub deadband: Option<f64>,
}

impl GatewayConfig {
    /// `bus:slaveId`, as readings name their source.
    pub fn source(&self, slave: &Slave) -> String {
        format!("{}:{}", self.buses[slave.bus].name, slave.slave_id)
    }
}

/// Registers that a type needs; none: as many as are said.
pub fn width(data_type: DataType) -> Option<u16> {
    Some(match data_type {
        DataType::Unspecified | DataType::String | DataType::Bcd | DataType::Bits => return None,
        DataType::Bool | DataType::Int8 | DataType::Uint8 | DataType::Int16 | DataType::Uint16 | DataType::Float16 => 1,
        DataType::Int32 | DataType::Uint32 | DataType::Float32 => 2,
        DataType::Int64 | DataType::Uint64 | DataType::Float64 => 4,
    })
}

/// Reads a specification; gives every contradiction with its path.
pub fn parse(from: &GatewayConfigSpec) -> Result<GatewayConfig, Vec<Issue>> {
    let mut issues = Vec::new();
    let (config, _) = parts(from, &mut issues);
    if issues.is_empty() { Ok(config) } else { Err(issues) }
}

/// Everything that is wrong with a specification that is submitted: contradictions, and what no bus can carry.
pub fn problems(from: &GatewayConfigSpec) -> Vec<Issue> {
    let mut issues = Vec::new();
    let (config, positions) = parts(from, &mut issues);
    issues.append(&mut bus_load::overlaps(&config, &positions));
    // What is contradictory has no load.
    if issues.is_empty() {
        issues.append(&mut bus_load::budgets(from, &config));
    }
    issues
}

/// What can be read, with the position of each slave in the specification.
fn parts(from: &GatewayConfigSpec, issues: &mut Vec<Issue>) -> (GatewayConfig, Vec<usize>) {
    let mut positions = Vec::new();
    let buses = parse_buses(from, issues);
    let networked = buses.iter().all(|bus| bus.transport != Transport::Rtu);
    let polled_by_fleetd = match from.poller() {
        Poller::Fleetd => true,
        Poller::Gateway => false,
        Poller::Unspecified => networked,
    };
    if polled_by_fleetd {
        for (at, bus) in buses
            .iter()
            .enumerate()
            .filter(|(_, bus)| bus.transport != Transport::Tcp)
        {
            let path = if from.buses.is_empty() {
                "spec.poller".to_owned()
            } else {
                format!("spec.buses[{at}].transport")
            };
            let word = match bus.transport {
                Transport::RtuOverTcp => "rtu-over-tcp",
                Transport::Tls => "tls",
                _ => "rtu",
            };
            issues.push(issue(
                path,
                format!("fleetd polls tcp only so far, and bus `{}` is {word}", bus.name),
                "set `poller: gateway`, or `transport: tcp`",
            ));
        }
    }
    let names: HashMap<&str, usize> = buses
        .iter()
        .enumerate()
        .map(|(at, bus)| (bus.name.as_str(), at))
        .collect();
    let mut seen = HashMap::new();
    let mut slaves = Vec::new();
    for (at, slave) in from.slaves.iter().enumerate() {
        let path = format!("spec.slaves[{at}]");
        let wanted = slave
            .bus
            .as_deref()
            .unwrap_or(if buses.len() == 1 { &buses[0].name } else { MAIN });
        let Some(bus) = names.get(wanted).copied() else {
            let known = buses.iter().map(|bus| bus.name.as_str()).collect::<Vec<_>>().join(", ");
            issues.push(issue(
                format!("{path}.bus"),
                format!("there is no bus `{wanted}`"),
                format!("known are {known}"),
            ));
            continue;
        };
        if buses[bus].is_serial() && !(1..=247).contains(&slave.slave_id()) {
            issues.push(issue(
                format!("{path}.slaveId"),
                format!("{} is no address of a serial bus", slave.slave_id()),
                "write a number from 1 to 247",
            ));
        }
        if let Some(first) = seen.insert((bus, slave.slave_id()), at) {
            issues.push(issue(
                format!("{path}.slaveId"),
                format!(
                    "slave {} of bus `{wanted}` is already spec.slaves[{first}]",
                    slave.slave_id()
                ),
                "put all its registers into one entry",
            ));
        }
        slaves.push(parse_slave(slave, bus, &buses[bus], &path, issues));
        positions.push(at);
    }
    let config = GatewayConfig {
        config_schema_ver: from.config_schema_ver.unwrap_or(1),
        polled_by_fleetd,
        buses,
        slaves,
    };
    (config, positions)
}

fn parse_buses(from: &GatewayConfigSpec, issues: &mut Vec<Issue>) -> Vec<Bus> {
    let flat =
        from.baud_rate.is_some() || from.data_bits.is_some() || from.stop_bits.is_some() || from.parity.is_some();
    if flat && !from.buses.is_empty() {
        issues.push(issue(
            "spec.buses",
            "serial settings stand at the top and in `buses`",
            "move them into the bus",
        ));
    }
    if from.buses.is_empty() {
        let main = spec::Bus {
            name: Some(MAIN.to_owned()),
            // Without any serial setting it is the one line to the device's endpoint where fleetd is told to poll.
            transport: Some(if !flat && from.poller() == Poller::Fleetd {
                Transport::Tcp
            } else {
                Transport::Rtu
            } as i32),
            baud_rate: from.baud_rate,
            data_bits: from.data_bits,
            stop_bits: from.stop_bits,
            parity: from.parity,
            ..spec::Bus::default()
        };
        return vec![parse_bus(&main)];
    }
    for (at, bus) in from.buses.iter().enumerate() {
        if bus.transport() == Transport::Rtu && (bus.host.is_some() || bus.port.is_some()) {
            issues.push(issue(
                format!("spec.buses[{at}].transport"),
                "a serial bus has no host",
                "write `transport: rtu-over-tcp` or `tcp`, or remove `host` and `port`",
            ));
        }
        if bus.device.is_some() && !matches!(bus.transport(), Transport::Rtu | Transport::Unspecified) {
            issues.push(issue(
                format!("spec.buses[{at}].device"),
                "a bus over the network has no serial port",
                "remove `device`",
            ));
        }
    }
    from.buses.iter().map(parse_bus).collect()
}

fn parse_bus(bus: &spec::Bus) -> Bus {
    let transport = match bus.transport() {
        Transport::Unspecified if bus.host.is_some() => Transport::Tcp,
        Transport::Unspecified => Transport::Rtu,
        said => said,
    };
    Bus {
        name: bus.name().to_owned(),
        transport,
        device: bus.device.clone(),
        host: bus.host.clone(),
        port: bus.port,
        baud_rate: bus.baud_rate.unwrap_or(9_600),
        data_bits: bus.data_bits.unwrap_or(8),
        stop_bits: bus.stop_bits.unwrap_or(1),
        parity: if bus.parity() == Parity::Unspecified {
            Parity::None
        } else {
            bus.parity()
        },
        turnaround_ms: bus.turnaround_ms.unwrap_or(0),
        max_registers: bus.max_registers_per_request.unwrap_or(125) as u16,
    }
}

fn parse_slave(slave: &spec::Slave, at_bus: usize, bus: &Bus, path: &str, issues: &mut Vec<Issue>) -> Slave {
    let mut sensors: HashMap<String, usize> = HashMap::new();
    let mut registers = Vec::new();
    for (at, register) in slave.registers.iter().enumerate() {
        let path = format!("{path}.registers[{at}]");
        let register = parse_register(register, &path, issues);
        if let Some(first) = sensors.insert(register.sensor.clone(), at) {
            issues.push(issue(
                format!("{path}.sensor"),
                format!("registers[{first}] gives sensor `{}` already", register.sensor),
                "give each register its own `sensor`",
            ));
        }
        registers.push(register);
    }
    Slave {
        bus: at_bus,
        slave_id: slave.slave_id() as u8,
        device_name: slave.device_name().to_owned(),
        device: slave.device.clone(),
        polling_interval_ms: slave.polling_interval_ms.unwrap_or(5_000),
        timeout_ms: slave.timeout_ms.unwrap_or(1_000),
        enabled: slave.enabled.unwrap_or(true),
        max_registers: slave
            .max_registers
            .map_or(bus.max_registers, |most| (most as u16).min(bus.max_registers)),
        registers,
    }
}

fn parse_register(register: &spec::Register, path: &str, issues: &mut Vec<Issue>) -> Register {
    let function_code = register.function_code.unwrap_or(3) as u8;
    let is_bit = function_code <= 2;
    let data_type = match register.data_type() {
        DataType::Unspecified if is_bit => DataType::Bool,
        DataType::Unspecified => DataType::Uint16,
        said => said,
    };
    if is_bit && !matches!(data_type, DataType::Bool | DataType::Bits) {
        issues.push(issue(
            format!("{path}.dataType"),
            "function codes 1 and 2 read single bits",
            "write `dataType: bool` or `bits`, or function code 3 or 4",
        ));
    }
    let needs = if is_bit && data_type == DataType::Bool {
        Some(1)
    } else {
        width(data_type)
    };
    let count = match (register.num_registers, needs) {
        (Some(said), Some(needs)) if said != u32::from(needs) => {
            issues.push(issue(
                format!("{path}.numRegisters"),
                format!("{said} does not fit the data type, which takes {needs}"),
                format!("write {needs}, or remove it"),
            ));
            needs
        }
        (Some(said), _) => said as u16,
        (None, needs) => needs.unwrap_or(1),
    };
    if register.address() + u32::from(count) > 65_536 {
        issues.push(issue(
            format!("{path}.address"),
            "the value ends behind address 65535",
            "correct the address",
        ));
    }
    if data_type == DataType::Bcd && count > 4 {
        issues.push(issue(
            format!("{path}.numRegisters"),
            "a BCD number takes at most 4 registers",
            "write 1 to 4",
        ));
    }
    let whole = !matches!(
        data_type,
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::String | DataType::Bcd
    );
    if !whole && (register.bit.is_some() || register.mask.is_some()) {
        issues.push(issue(
            path,
            "`bit` and `mask` need an integer type",
            "write `dataType: uint16` or another integer",
        ));
    }
    if register.bit.is_some() && register.mask.is_some() {
        issues.push(issue(path, "`bit` and `mask` exclude each other", "remove one of them"));
    }
    if register.mask == Some(0) {
        issues.push(issue(
            format!("{path}.mask"),
            "a mask of 0 leaves nothing",
            "write the bits that are the value",
        ));
    }
    if register.scale_register.is_some() && is_bit {
        issues.push(issue(
            format!("{path}.scaleRegister"),
            "bits have no scale register",
            "remove it",
        ));
    }
    if let Some(code) = register.writable.as_ref().and_then(|writable| writable.function_code)
        && !matches!(code, 5 | 6 | 15 | 16)
    {
        issues.push(issue(
            format!("{path}.writable.functionCode"),
            format!("{code} is no function code for writing"),
            "write 5, 6, 15 or 16",
        ));
    }
    Register {
        label: register.label().to_owned(),
        address: register.address() as u16,
        count,
        function_code,
        data_type,
        little_bytes: register.byte_order() == Order::Little,
        little_words: register.word_order() == Order::Little,
        bit: register.bit.map(|bit| bit as u8),
        mask: register.mask,
        scale: register.scale_factor.unwrap_or(1.0),
        offset: register.offset.unwrap_or(0.0),
        scale_register: register.scale_register.map(|address| address as u16),
        sentinel: register.sentinel.clone(),
        unit: register.unit().to_owned(),
        sensor: register.sensor.clone().unwrap_or_else(|| register.label().to_owned()),
        enabled: register.enabled.unwrap_or(true),
        interval_ms: register.interval_ms,
        deadband: register.deadband,
    }
}

/// Why these devices may not share the configuration; none: they may.
/// A host has one poller, and a reading one owner.
pub fn sharing(from: &GatewayConfigSpec, devices: &[String]) -> Option<String> {
    let unnamed = from.slaves.iter().any(|slave| slave.device.is_none());
    let has_host = from.buses.iter().any(|bus| bus.host.is_some());
    let distinct: HashSet<_> = devices.iter().collect();
    (has_host && unnamed && distinct.len() > 1).then(|| {
        format!(
            "devices {} share this configuration, whose buses name a host, but not every slave names its device",
            devices.join(", ")
        )
    })
}

/// Why a configuration cannot be told in schema version 1: one bus, big-endian, static scale.
pub fn beyond_version_1(config: &GatewayConfig) -> Option<String> {
    if config.buses.len() > 1 {
        return Some(format!("it has {} buses", config.buses.len()));
    }
    for slave in &config.slaves {
        for register in &slave.registers {
            let what = if register.little_bytes || register.little_words {
                "a byte or word order"
            } else if register.bit.is_some() || register.mask.is_some() {
                "a bit or mask"
            } else if register.scale_register.is_some() {
                "a scale register"
            } else if !register.sentinel.is_empty() {
                "a sentinel"
            } else {
                continue;
            };
            return Some(format!(
                "register `{}` of slave {} has {what}",
                register.label, slave.slave_id
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Result<GatewayConfig, Vec<Issue>> {
        match fleet_proto::reflect::spec_from_json(fleet_proto::kinds::Kind::GatewayConfig, &json) {
            Ok(fleet_proto::pb::resource::Spec::GatewayConfig(spec)) => parse(&spec),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_flat_shape_is_one_bus_named_main_that_the_gateway_polls() {
        let config = read(serde_json::json!({"baudRate": 19200, "parity": "even",
            "slaves": [{"slaveId": 7, "registers": [{"label": "v", "address": 0, "dataType": "float32"}]}]}))
        .unwrap();
        assert!(!config.polled_by_fleetd);
        assert_eq!(
            (
                config.buses[0].name.as_str(),
                config.buses[0].baud_rate,
                config.buses[0].parity
            ),
            ("main", 19_200, Parity::Even)
        );
        assert_eq!(config.slaves[0].registers[0].count, 2);
        assert_eq!(config.source(&config.slaves[0]), "main:7");
    }

    #[test]
    fn every_contradiction_is_found_at_its_place() {
        let issues = read(serde_json::json!({
            "poller": "fleetd",
            "buses": [{"name": "a", "transport": "tcp"}, {"name": "b", "transport": "rtu"}],
            "slaves": [
                {"bus": "a", "slaveId": 1, "registers": [
                    {"label": "x", "address": 0, "dataType": "float32", "numRegisters": 3},
                    {"label": "y", "address": 65535, "dataType": "uint32", "sensor": "x"},
                    {"label": "z", "address": 1, "functionCode": 1, "dataType": "int16"},
                    {"label": "w", "address": 1, "dataType": "float32", "bit": 1}]},
                {"bus": "a", "slaveId": 1},
                {"bus": "c", "slaveId": 1},
                {"bus": "b", "slaveId": 0}]}))
        .unwrap_err();
        let paths: Vec<_> = issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.buses[1].transport",
                "spec.slaves[0].registers[0].numRegisters",
                "spec.slaves[0].registers[1].address",
                "spec.slaves[0].registers[1].sensor",
                "spec.slaves[0].registers[2].dataType",
                "spec.slaves[0].registers[3]",
                "spec.slaves[1].slaveId",
                "spec.slaves[2].bus",
                "spec.slaves[3].slaveId",
            ]
        );
    }
}
