//! What fleetd itself polls, and where a manual read goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, DeviceSpec, GatewayConfigSpec, Issue};
use serde_json::json;
use uuid::Uuid;

use super::error::{Error, Result};
use super::resources::{Resources, denied};
use crate::domain::audit::Event;
use crate::domain::caller::Place as Anywhere;
use crate::domain::kinds::effective;
use crate::domain::kinds::gateway_config::{self, GatewayConfig, Register};
use crate::domain::modbus::reach::Reach;
use crate::domain::{Caller, Object, Org};
use crate::storage::resources::Narrow;
use crate::storage::{Tx, resources};

const MODBUS_PORT: u16 = 502;
const PAGE: u32 = 1_000;

/// A bus that fleetd polls.
#[derive(Clone, Debug)]
pub struct Polled {
    /// Whose.
    pub org: Org,
    /// Name of the configuration.
    pub config_name: String,
    /// What to read.
    pub config: Arc<GatewayConfig>,
    /// Position of the bus.
    pub bus: usize,
    /// Where.
    pub host: String,
    /// Where.
    pub port: u16,
    /// Which addresses fleetd reaches for the device that has the configuration.
    pub reach: Reach,
    /// For each slave of the configuration: its device.
    pub devices: Vec<(Uuid, String)>,
}

/// Every bus that fleetd has to poll now.
pub async fn wanted(service: &Resources) -> Result<Vec<Polled>> {
    let mut tx = service.db().read().await?;
    let mut found = Vec::new();
    let mut profiles: HashMap<(Uuid, String), Option<pb::DeviceProfileSpec>> = HashMap::new();
    let mut configs: HashMap<(Uuid, String), Option<Arc<GatewayConfig>>> = HashMap::new();
    let mut reaches = service.reaches();
    let mut after = (String::new(), String::new());
    loop {
        let page = resources::list(&mut tx, Kind::Device, &Narrow::default(), (&after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (
            last.org.as_ref().map(|o| o.uid.to_string()).unwrap_or_default(),
            last.name.clone(),
        );
        let full = page.len() == PAGE as usize;
        for device in &page {
            let (Some(org), Spec::Device(spec)) = (&device.org, &device.spec) else {
                continue;
            };
            if let Some(name) = &spec.profile
                && !profiles.contains_key(&(org.uid, name.clone()))
            {
                let profile = match resources::find(&mut tx, Some(org.uid), Kind::DeviceProfile, name)
                    .await?
                    .map(|o| o.spec)
                {
                    Some(Spec::DeviceProfile(profile)) => Some(profile),
                    _ => None,
                };
                profiles.insert((org.uid, name.clone()), profile);
            }
            let profile = spec
                .profile
                .as_ref()
                .and_then(|name| profiles.get(&(org.uid, name.clone())))
                .and_then(Option::as_ref);
            let whole = effective(spec, profile);
            let Some(name) = &whole.gateway_config else { continue };
            if whole.state() == pb::device_spec::State::Inactive {
                continue;
            }
            let key = (org.uid, name.clone());
            if !configs.contains_key(&key) {
                configs.insert(key.clone(), load(&mut tx, org, name).await?.map(Arc::new));
            }
            let Some(Some(config)) = configs.get(&key) else {
                continue;
            };
            if config.polled_by_fleetd {
                let reach = reaches.of(&mut tx, org, whole.site.as_deref()).await?;
                found.append(&mut polled(&mut tx, device, &whole, org, name, config, &reach).await?);
            }
        }
        if !full {
            break;
        }
    }
    // One poller per endpoint and configuration: a shared configuration whose slaves all name their device is polled once.
    found.sort_by(|a, b| {
        (&a.org.name, &a.config_name, a.bus, &a.host, a.port).cmp(&(
            &b.org.name,
            &b.config_name,
            b.bus,
            &b.host,
            b.port,
        ))
    });
    found.dedup_by(|a, b| {
        let same =
            a.org == b.org && a.config_name == b.config_name && a.bus == b.bus && a.host == b.host && a.port == b.port;
        if same {
            // Polled for all of them, it is where each of them may reach.
            b.reach.narrow(&a.reach);
        }
        same
    });
    Ok(found)
}

async fn load(tx: &mut Tx, org: &Org, name: &str) -> Result<Option<GatewayConfig>> {
    let found = resources::find(tx, Some(org.uid), Kind::GatewayConfig, name).await?;
    Ok(found.and_then(|object| {
        if let Spec::GatewayConfig(spec) = object.spec {
            gateway_config::parse(&spec).ok()
        } else {
            None
        }
    }))
}

async fn polled(
    tx: &mut Tx,
    device: &Object,
    whole: &DeviceSpec,
    org: &Org,
    name: &str,
    config: &Arc<GatewayConfig>,
    reach: &Reach,
) -> Result<Vec<Polled>> {
    let mut devices = Vec::new();
    for slave in &config.slaves {
        let own = (device.uid, device.name.clone());
        devices.push(match &slave.device {
            None => own,
            Some(other) => resources::find_uid(tx, Some(org.uid), Kind::Device, other)
                .await?
                .map_or(own, |uid| (uid, other.clone())),
        });
    }
    Ok((0..config.buses.len())
        .filter_map(|bus| {
            let (host, port) = endpoint(config, bus, whole)?;
            Some(Polled {
                org: org.clone(),
                config_name: name.to_owned(),
                config: Arc::clone(config),
                bus,
                host,
                port,
                reach: reach.clone(),
                devices: devices.clone(),
            })
        })
        .collect())
}

/// A bus names its host, or the device that has the configuration does.
fn endpoint(config: &GatewayConfig, bus: usize, device: &DeviceSpec) -> Option<(String, u16)> {
    let bus = &config.buses[bus];
    let own = device.endpoint.as_ref();
    let host = bus
        .host
        .clone()
        .or_else(|| own.and_then(|endpoint| endpoint.host.clone()))?;
    let port = bus
        .port
        .or_else(|| own.filter(|_| bus.host.is_none()).and_then(|endpoint| endpoint.port));
    Some((
        host,
        port.and_then(|port| u16::try_from(port).ok()).unwrap_or(MODBUS_PORT),
    ))
}

/// Where a manual read goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Which addresses fleetd reaches for whom it is read.
    pub reach: Reach,
    /// Address of the slave.
    pub unit: u8,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The register of the configuration that was named.
    pub register: Option<Register>,
}

/// Finds the endpoint, slave and register that a manual read means, and notes the read: without its row in the audit log
/// nothing is read.
pub async fn place(service: &Resources, caller: &Caller, wanted: &pb::ModbusReadRequest) -> Result<Place> {
    // Whoever may not read does not get as far as the writer; behind it, it is looked at again.
    find(service, caller, wanted).await?;
    let (mut tx, caller) = service.begin_as(caller).await?;
    let (place, device) = find(service, &caller, wanted).await?;
    let org = device
        .as_ref()
        .and_then(|device| device.org.as_ref())
        .map(|org| org.uid);
    let object = device.map_or_else(|| "modbus".to_owned(), |device| format!("device/{}", device.name));
    let mut detail = json!({"host": place.host, "port": place.port, "slave": place.unit});
    match &place.register {
        Some(register) => detail["label"] = register.label.as_str().into(),
        None => {
            detail["address"] = wanted.address.into();
            detail["count"] = wanted.count.max(1).into();
        }
    }
    let event = Event::done(&caller, org, "modbus.read", object).with(detail);
    service.note(&mut tx, event).await?;
    tx.commit().await?;
    Ok(place)
}

async fn find(service: &Resources, caller: &Caller, wanted: &pb::ModbusReadRequest) -> Result<(Place, Option<Object>)> {
    let invalid = |path: &str, message: String, help: &str| {
        Error::Invalid(vec![Issue {
            index: 0,
            path: path.to_owned(),
            message,
            help: help.to_owned(),
            code: codes::OUT_OF_RANGE.to_owned(),
        }])
    };
    if !(0..=4).contains(&wanted.function_code)
        || wanted.address.is_some_and(|address| address > 65_535)
        || wanted.count > 2_000
        || wanted.num_registers > 125
    {
        return Err(invalid(
            "address",
            "function codes are 1 to 4, addresses 0 to 65535, at most 125 registers".to_owned(),
            "correct it",
        ));
    }
    if wanted.address.is_none() && wanted.label.is_empty() {
        return Err(invalid(
            "address",
            "neither an address nor a label is given".to_owned(),
            "name a wire address, or a register of the configuration with --label",
        ));
    }
    let timeout = Duration::from_millis(u64::from(if wanted.timeout_ms == 0 {
        1_000
    } else {
        wanted.timeout_ms.min(60_000)
    }));
    let unit = |default: u8| wanted.slave_id.and_then(|id| u8::try_from(id).ok()).unwrap_or(default);
    if !wanted.host.is_empty() {
        // Any address that fleetd reaches: for those who run it.
        if !caller.may(caller.asked(), &Anywhere::Platform) {
            return Err(denied(caller.asked(), &"an address that no device has"));
        }
        let port = if wanted.port == 0 {
            MODBUS_PORT
        } else {
            u16::try_from(wanted.port)
                .map_err(|_| invalid("port", format!("{} is no port", wanted.port), "1 to 65535"))?
        };
        let place = Place {
            host: wanted.host.clone(),
            port,
            reach: Reach::everything(),
            unit: unit(1),
            timeout,
            register: None,
        };
        return Ok((place, None));
    }
    let device = service.find(caller, &wanted.org, Kind::Device, &wanted.device).await?;
    let mut tx = service.db().read().await?;
    let (Some(org), Spec::Device(spec)) = (&device.org, &device.spec) else {
        return Err(Error::NotFound(format!("device/{}", wanted.device)));
    };
    let profile = match &spec.profile {
        Some(name) => match resources::find(&mut tx, Some(org.uid), Kind::DeviceProfile, name)
            .await?
            .map(|o| o.spec)
        {
            Some(Spec::DeviceProfile(profile)) => Some(profile),
            _ => None,
        },
        None => None,
    };
    let whole = effective(spec, profile.as_ref());
    let config = match &whole.gateway_config {
        Some(name) => load(&mut tx, org, name).await?,
        None => gateway_config::parse(&GatewayConfigSpec {
            poller: Some(pb::gateway_config_spec::Poller::Fleetd as i32),
            ..GatewayConfigSpec::default()
        })
        .ok(),
    };
    let config = config.ok_or_else(|| {
        invalid(
            "device",
            "its configuration cannot be read".to_owned(),
            "look with `fleetctl describe`",
        )
    })?;
    let bus = match wanted.bus.as_str() {
        "" => 0,
        name => config
            .buses
            .iter()
            .position(|bus| bus.name == name)
            .ok_or_else(|| invalid("bus", format!("there is no bus `{name}`"), "look at the gateway-config"))?,
    };
    let (host, port) = endpoint(&config, bus, &whole).ok_or_else(|| {
        invalid(
            "device",
            format!("device/{} has no endpoint, and its bus names no host", device.name),
            "set spec.endpoint, or read with --host",
        )
    })?;
    let fits = |slave: &&gateway_config::Slave| {
        slave.bus == bus && wanted.slave_id.is_none_or(|id| id == u32::from(slave.slave_id))
    };
    let slave = config.slaves.iter().find(|slave| {
        fits(slave) && (wanted.label.is_empty() || slave.registers.iter().any(|r| r.label == wanted.label))
    });
    let register = match (wanted.label.as_str(), slave) {
        ("", _) => None,
        (label, Some(slave)) => slave.registers.iter().find(|register| register.label == label).cloned(),
        (label, None) => {
            return Err(invalid(
                "label",
                format!("the configuration has no register `{label}`"),
                "look at the gateway-config",
            ));
        }
    };
    let timeout = if wanted.timeout_ms == 0 {
        slave.map_or(timeout, |slave| Duration::from_millis(u64::from(slave.timeout_ms)))
    } else {
        timeout
    };
    let place = Place {
        host,
        port,
        reach: service.reaches().of(&mut tx, org, whole.site.as_deref()).await?,
        unit: unit(slave.map_or(1, |slave| slave.slave_id)),
        timeout,
        register,
    };
    Ok((place, Some(device)))
}
