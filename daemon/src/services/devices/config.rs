//! The configuration that a gateway fetches, in the gateway's terms.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::gateway_config_spec::{DataType, Parity, Transport};
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{DeviceProfileSpec, DeviceSpec};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Devices, Identity, settings};
use crate::domain::caller::Who;
use crate::domain::kinds::effective;
use crate::domain::kinds::gateway_config::{self, Bus, GatewayConfig, Register, Slave};
use crate::domain::sealing::Sealer;
use crate::domain::{Caller, Object, tokens};
use crate::services::composed::{Filler, Show};
use crate::services::error::{Error, Result};
use crate::storage::devices::served;
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
    pub async fn config(
        &self,
        identity: &Identity,
        device: &str,
        schema: u32,
        address: &str,
    ) -> Result<Option<Served>> {
        let object = self.on_behalf(identity, device).await?;
        let mut tx = self.resources.db().read().await?;
        let mut filler = Filler::new(self.resources.sealer());
        let Some(loaded) = load(&mut tx, &mut filler, &object).await? else {
            return Ok(None);
        };
        if schema <= 1
            && let Some((name, config)) = &loaded.config
            && let Some(why) = gateway_config::beyond_version_1(config)
        {
            return Err(Error::AlreadyExists(format!(
                "the gateway asks for schemaVersion 1, and gateway-config/{name} needs schemaVersion 2 because {why}; a configuration of version 2"
            )));
        }
        if schema <= 1 && loaded.config.is_none() {
            return Ok(None);
        }
        // Who is not told the settings has not got them: its version is another one.
        let version = if schema <= 1 {
            version(loaded.config.as_ref().map(|(_, config)| config), &Value::Null)
        } else {
            loaded.version()
        };
        let mut body = answer(&version, loaded.config.as_ref(), schema);
        if schema >= 2 && has_any(&loaded.marks) {
            body["configuration"] = loaded.settings(&mut tx, &mut filler, &object, Show::Text).await?;
            drop(tx);
            self.note_secrets(identity, &object, &version, filler.opened(), address)
                .await?;
        }
        Ok(Some(Served { version, body }))
    }

    /// Notes in the audit log which secrets a device is served, once for each reader, set of names and version: a new text
    /// is a new version, and a device that asks every minute is the same reader. Without its row nothing is served.
    async fn note_secrets(
        &self,
        identity: &Identity,
        device: &Object,
        version: &str,
        names: &BTreeSet<String>,
        address: &str,
    ) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let digest = tokens::hash(&json!([version, names]).to_string());
        let reader = identity.uid;
        let known = served::find(&mut self.resources.db().read().await?, device.uid, reader).await?;
        if known.as_ref() == Some(&digest) {
            return Ok(());
        }
        let by = Caller::new(Who::Fleetd(format!("device/{}", identity.name)), Arc::default(), None).from(address);
        let mut tx = self.resources.begin_in(identity.org.uid).await?;
        served::replace(&mut tx, device.uid, reader, &digest).await?;
        let detail = json!({"secrets": names, "configVersion": version});
        self.note(&mut tx, &by, "secret.serve", device, detail).await?;
        Ok(tx.commit().await?)
    }

    /// The version that a device should run; empty: none.
    pub async fn config_version(&self, identity: &Identity) -> Result<String> {
        let mut tx = self.resources.db().read().await?;
        let Some(object) = resources::find_by_uid(&mut tx, identity.uid).await? else {
            return Ok(String::new());
        };
        let mut filler = Filler::new(self.resources.sealer());
        let loaded = load(&mut tx, &mut filler, &object).await?;
        Ok(loaded.map(|loaded| loaded.version()).unwrap_or_default())
    }
}

/// What a device is served.
struct Loaded {
    config: Option<(String, GatewayConfig)>,
    profile: Option<DeviceProfileSpec>,
    /// Its settings, with the marks of secrets: by these they are told apart.
    marks: Value,
}

impl Loaded {
    fn version(&self) -> String {
        version(self.config.as_ref().map(|(_, config)| config), &self.marks)
    }

    async fn settings(&self, tx: &mut Tx, filler: &mut Filler<'_>, object: &Object, show: Show) -> Result<Value> {
        let Spec::Device(spec) = &object.spec else {
            return Ok(Value::Null);
        };
        let org = object.org.as_ref().map(|org| org.uid);
        settings::of(tx, filler, org, (spec, self.profile.as_ref()), show).await
    }
}

/// None: neither a gateway configuration nor settings.
async fn load(tx: &mut Tx, filler: &mut Filler<'_>, object: &Object) -> Result<Option<Loaded>> {
    let Spec::Device(spec) = &object.spec else {
        return Ok(None);
    };
    let org = object.org.as_ref().map(|org| org.uid);
    let profile = match &spec.profile {
        Some(name) => profile(tx, org, name).await?,
        None => None,
    };
    let config = match effective(spec, profile.as_ref()).gateway_config {
        Some(name) => config(tx, org, &name).await?.map(|config| (name, config)),
        None => None,
    };
    let mut loaded = Loaded {
        config,
        profile,
        marks: Value::Null,
    };
    loaded.marks = loaded.settings(tx, filler, object, Show::Mark).await?;
    Ok((loaded.config.is_some() || has_any(&loaded.marks)).then_some(loaded))
}

fn has_any(settings: &Value) -> bool {
    settings.as_object().is_some_and(|settings| !settings.is_empty())
}

/// By organization and name.
type Named = (Option<Uuid>, String);

/// Versions that gateways should run, each configuration looked at once: many devices share a few.
#[derive(Debug)]
pub(super) struct Versions<'a> {
    filler: Filler<'a>,
    profiles: HashMap<Named, Option<DeviceProfileSpec>>,
    /// Settings of devices that have none of their own.
    inherited: HashMap<Named, Value>,
    known: HashMap<(Named, String), String>,
}

impl<'a> Versions<'a> {
    pub(super) fn new(sealer: &'a Sealer) -> Self {
        Self {
            filler: Filler::new(sealer),
            profiles: HashMap::new(),
            inherited: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// The version that a gateway should fetch; empty: it has none, or fleetd polls in its place.
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
        let marks = self.marks(tx, org, spec, profile.as_ref()).await?;
        let name = effective(spec, profile.as_ref()).gateway_config.unwrap_or_default();
        let key = ((org, name), marks.to_string());
        if let Some(version) = self.known.get(&key) {
            return Ok(version.clone());
        }
        let config = match key.0.1.as_str() {
            "" => None,
            name => config(tx, org, name).await?,
        };
        let served = config.as_ref().is_some_and(|config| !config.polled_by_fleetd) || has_any(&marks);
        let version = if served {
            version(config.as_ref(), &marks)
        } else {
            String::new()
        };
        self.known.insert(key, version.clone());
        Ok(version)
    }

    async fn marks(
        &mut self,
        tx: &mut Tx,
        org: Option<Uuid>,
        spec: &DeviceSpec,
        profile: Option<&DeviceProfileSpec>,
    ) -> Result<Value> {
        let shared = (org, spec.profile.clone().unwrap_or_default());
        if spec.configuration.is_none()
            && let Some(known) = self.inherited.get(&shared)
        {
            return Ok(known.clone());
        }
        let marks = settings::of(tx, &mut self.filler, org, (spec, profile), Show::Mark).await?;
        if spec.configuration.is_none() {
            self.inherited.insert(shared, marks.clone());
        }
        Ok(marks)
    }
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

fn version(config: Option<&GatewayConfig>, marks: &Value) -> String {
    let mut whole = match config {
        Some(config) => body("", "", config, 2),
        None => json!({}),
    };
    if has_any(marks) {
        whole["configuration"] = marks.clone();
    }
    tokens::hash(&whole.to_string())[..16].to_owned()
}

fn answer(version: &str, config: Option<&(String, GatewayConfig)>, schema: u32) -> Value {
    match config {
        Some((name, config)) => body(name, version, config, schema),
        // There are only settings: nothing is polled.
        None => json!({"configId": "", "configVersion": version, "configSchemaVer": schema.clamp(1, 2), "slaves": []}),
    }
}

fn body(name: &str, version: &str, config: &GatewayConfig, schema: u32) -> Value {
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
