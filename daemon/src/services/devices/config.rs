//! The configuration that a gateway fetches, in the gateway's terms.

use std::collections::HashMap;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::DeviceProfileSpec;
use fleet_proto::pb::gateway_config_spec::{DataType, Parity, Transport};
use fleet_proto::pb::resource::Spec;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Devices, Identity};
use crate::domain::kinds::effective;
use crate::domain::kinds::gateway_config::{self, Bus, GatewayConfig, Register, Slave};
use crate::domain::{Object, tokens};
use crate::services::error::{Error, Result};
use crate::storage::{Tx, resources};

/// A configuration as it is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Hash of the content, whatever schema it is told in.
    pub version: String,
    /// The answer's body.
    pub body: Value,
}

impl Devices {
    /// The configuration of a device in a schema version; none: it has no configuration.
    /// A configuration that version 1 cannot express is a conflict that names both versions.
    pub async fn config(&self, identity: &Identity, device: &str, schema: u32) -> Result<Option<Served>> {
        let object = self.on_behalf(identity, device).await?;
        let mut tx = self.resources.db().read().await?;
        let Some((name, config)) = load(&mut tx, &object).await? else {
            return Ok(None);
        };
        if schema <= 1
            && let Some(why) = gateway_config::beyond_version_1(&config)
        {
            return Err(Error::AlreadyExists(format!(
                "the gateway asks for schemaVersion 1, and gateway-config/{name} needs schemaVersion 2 because {why}; a configuration of version 2"
            )));
        }
        let version = version(&config);
        Ok(Some(Served {
            body: answer(&name, &version, &config, schema),
            version,
        }))
    }

    /// The version that a device should run; empty: none.
    pub async fn config_version(&self, identity: &Identity) -> Result<String> {
        let mut tx = self.resources.db().read().await?;
        let Some(object) = resources::find_by_uid(&mut tx, identity.uid).await? else {
            return Ok(String::new());
        };
        Ok(load(&mut tx, &object)
            .await?
            .map(|(_, config)| version(&config))
            .unwrap_or_default())
    }
}

/// Versions that gateways should run, each configuration looked at once: many devices share a few.
#[derive(Debug, Default)]
pub(super) struct Versions {
    profiles: HashMap<(Option<Uuid>, String), Option<DeviceProfileSpec>>,
    configs: HashMap<(Option<Uuid>, String), String>,
}

impl Versions {
    /// The version that a gateway should fetch; empty: it has no configuration, or fleetd polls in its place.
    pub(super) async fn of(&mut self, tx: &mut Tx, object: &Object) -> Result<String> {
        let Spec::Device(spec) = &object.spec else {
            return Ok(String::new());
        };
        let org = object.org.as_ref().map(|org| org.uid);
        let profile = match &spec.profile {
            None => None,
            Some(name) => match self.profiles.get(&(org, name.clone())) {
                Some(profile) => profile.clone(),
                None => {
                    let profile = profile(tx, org, name).await?;
                    self.profiles.insert((org, name.clone()), profile.clone());
                    profile
                }
            },
        };
        let Some(name) = effective(spec, profile.as_ref()).gateway_config else {
            return Ok(String::new());
        };
        if let Some(version) = self.configs.get(&(org, name.clone())) {
            return Ok(version.clone());
        }
        let config = config(tx, org, &name).await?.filter(|config| !config.polled_by_fleetd);
        let version = config.as_ref().map(version).unwrap_or_default();
        self.configs.insert((org, name), version.clone());
        Ok(version)
    }
}

async fn load(tx: &mut Tx, object: &Object) -> Result<Option<(String, GatewayConfig)>> {
    let Spec::Device(spec) = &object.spec else {
        return Ok(None);
    };
    let org = object.org.as_ref().map(|org| org.uid);
    let profile = match &spec.profile {
        Some(name) => profile(tx, org, name).await?,
        None => None,
    };
    let Some(name) = effective(spec, profile.as_ref()).gateway_config else {
        return Ok(None);
    };
    Ok(config(tx, org, &name).await?.map(|config| (name, config)))
}

async fn profile(tx: &mut Tx, org: Option<Uuid>, name: &str) -> Result<Option<DeviceProfileSpec>> {
    let found = resources::find(tx, org, Kind::DeviceProfile, name).await?;
    Ok(match found.map(|object| object.spec) {
        Some(Spec::DeviceProfile(profile)) => Some(profile),
        _ => None,
    })
}

async fn config(tx: &mut Tx, org: Option<Uuid>, name: &str) -> Result<Option<GatewayConfig>> {
    let found = resources::find(tx, org, Kind::GatewayConfig, name).await?;
    Ok(match found.map(|object| object.spec) {
        Some(Spec::GatewayConfig(spec)) => gateway_config::parse(&spec).ok(),
        _ => None,
    })
}

fn version(config: &GatewayConfig) -> String {
    tokens::hash(&answer("", "", config, 2).to_string())[..16].to_owned()
}

fn answer(name: &str, version: &str, config: &GatewayConfig, schema: u32) -> Value {
    let mut body = json!({
        "configId": name,
        "configVersion": version,
        "configSchemaVer": config.config_schema_ver,
        "slaves": config.slaves.iter().map(|slave| self::slave(config, slave, schema)).collect::<Vec<_>>(),
    });
    if let Some(first) = config.buses.first().filter(|_| schema <= 1 || config.buses.len() == 1) {
        body["uart"] = uart(first);
    }
    if schema >= 2 {
        body["buses"] = config.buses.iter().map(bus).collect();
    }
    body
}

fn uart(bus: &Bus) -> Value {
    let parity = match bus.parity {
        Parity::Odd => 1,
        Parity::Even => 2,
        _ => 0,
    };
    json!({"baudRate": bus.baud_rate, "dataBits": bus.data_bits, "stopBits": bus.stop_bits, "parity": parity})
}

fn bus(bus: &Bus) -> Value {
    let transport = match bus.transport {
        Transport::Tcp => "tcp",
        Transport::RtuOverTcp => "rtu-over-tcp",
        Transport::Tls => "tls",
        _ => "rtu",
    };
    let mut told = json!({"name": bus.name, "transport": transport, "turnaroundMs": bus.turnaround_ms, "maxRegistersPerRequest": bus.max_registers, "uart": uart(bus)});
    set(&mut told, "device", bus.device.as_ref().map(|v| json!(v)));
    set(&mut told, "host", bus.host.as_ref().map(|v| json!(v)));
    set(&mut told, "port", bus.port.map(|v| json!(v)));
    told
}

fn slave(config: &GatewayConfig, slave: &Slave, schema: u32) -> Value {
    let mut told = json!({
        "slaveId": slave.slave_id,
        "deviceName": slave.device_name,
        "pollingIntervalMs": slave.polling_interval_ms,
        "timeoutMs": slave.timeout_ms,
        "enabled": slave.enabled,
        "registers": slave.registers.iter().map(|register| self::register(register, schema)).collect::<Vec<_>>(),
    });
    if schema >= 2 {
        told["bus"] = json!(config.buses[slave.bus].name);
        told["maxRegisters"] = json!(slave.max_registers);
    }
    told
}

fn register(register: &Register, schema: u32) -> Value {
    let mut told = json!({
        "label": register.label,
        "address": register.address,
        "numRegisters": register.count,
        "functionCode": register.function_code,
        "dataType": wire_number(register.data_type),
        "scaleFactor": register.scale,
        "offset": register.offset,
        "enabled": register.enabled,
    });
    if schema >= 2 {
        let order = |little| if little { "little" } else { "big" };
        told["byteOrder"] = json!(order(register.little_bytes));
        told["wordOrder"] = json!(order(register.little_words));
        set(&mut told, "bit", register.bit.map(|v| json!(v)));
        set(&mut told, "mask", register.mask.map(|v| json!(v)));
        set(&mut told, "scaleRegister", register.scale_register.map(|v| json!(v)));
        set(
            &mut told,
            "sentinel",
            (!register.sentinel.is_empty()).then(|| json!(register.sentinel)),
        );
        set(
            &mut told,
            "unit",
            (!register.unit.is_empty()).then(|| json!(register.unit)),
        );
        set(&mut told, "deadband", register.deadband.map(|v| json!(v)));
        set(&mut told, "intervalMs", register.interval_ms.map(|v| json!(v)));
    }
    told
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[name] = value;
    }
}

/// `dataType` numbers on the wire, as the gateways' software has them.
fn wire_number(data_type: DataType) -> u8 {
    match data_type {
        DataType::Uint16 | DataType::Unspecified => 0,
        DataType::Int16 => 1,
        DataType::Uint32 => 2,
        DataType::Int32 => 3,
        DataType::Float32 => 4,
        DataType::Uint64 => 5,
        DataType::Int64 => 6,
        DataType::Float64 => 7,
        DataType::String => 8,
        DataType::Bool => 9,
        DataType::Bits => 10,
        DataType::Bcd => 11,
        DataType::Int8 => 12,
        DataType::Uint8 => 13,
        DataType::Float16 => 14,
    }
}
