//! Which addresses fleetd reaches for whom, and the check that what is written lies there, as far as it is an address:
//! what a name means is known only when fleetd connects, and is held against the same bounds then.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use fleet_proto::codes;
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{DeviceSpec, Issue};
use uuid::Uuid;

use super::submission::issue;
use super::write::Write;
use crate::domain::kinds::gateway_config;
use crate::domain::modbus::reach::Reach;
use crate::domain::{Key, Object, Org};
use crate::services::error::Result;
use crate::storage::{Tx, resources};

/// What to do about an address that is not reached.
const HELP: &str = "an administrator of the platform sets spec.modbusNetworks of the organization; \
                    spec.settings.modbusNetworks of the site narrows them";

/// Is it an address of fleetd's own machine? The system is asked where packets to it would leave from; none is sent.
pub(crate) fn is_own(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let source = UdpSocket::bind(SocketAddr::from((any, 0))).and_then(|socket| {
        socket.connect(SocketAddr::from((address, 1)))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

/// Bounds of organizations and sites, each read once.
#[derive(Debug)]
pub(crate) struct Reaches {
    /// Networks of organizations that have no list of their own.
    default: Arc<[String]>,
    known: HashMap<(Uuid, Option<String>), Reach>,
}

impl Reaches {
    pub(super) fn of_fleetd(default: &Arc<[String]>) -> Self {
        Self {
            default: Arc::clone(default),
            known: HashMap::new(),
        }
    }

    /// What fleetd reaches for devices of a site, or for those of an organization that are at none.
    pub(crate) async fn of(&mut self, tx: &mut Tx, org: &Org, site: Option<&str>) -> Result<Reach> {
        let key = (org.uid, site.map(str::to_owned));
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let of_org = match resources::find_by_uid(tx, org.uid).await?.map(|object| object.spec) {
            Some(Spec::Organization(spec)) => spec.modbus_networks,
            _ => Vec::new(),
        };
        let of_site = match site {
            Some(site) => match resources::find(tx, Some(org.uid), Kind::Site, site)
                .await?
                .map(|o| o.spec)
            {
                Some(Spec::Site(spec)) => spec.settings.unwrap_or_default().modbus_networks,
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        let site = site.map(|site| (site, of_site.as_slice()));
        let reach = Reach::of(&self.default, (&org.name, &of_org), site);
        self.known.insert(key, reach.clone());
        Ok(reach)
    }
}

/// Addresses that are written and lie where fleetd does not reach, and in which resources. What stood there before stays as it is: networks
/// that were narrowed meanwhile stop polling, and no change of something else.
pub(super) async fn check(tx: &mut Tx, reaches: Reaches, written: &[Write]) -> Result<Vec<(Key, Issue)>> {
    let mut known = Known {
        reaches,
        profiles: HashMap::new(),
        configs: HashMap::new(),
    };
    let mut issues = Vec::new();
    for write in written {
        let (Some(index), Some(org)) = (write.index, &write.after.org) else {
            continue;
        };
        let before = write.before.as_ref().map(|before| &before.spec);
        let found = match (&write.after.spec, before) {
            (Spec::Device(spec), Some(Spec::Device(before))) if placed(spec) == placed(before) => continue,
            (Spec::Device(spec), _) => known.of_device(tx, org, spec).await?,
            (Spec::GatewayConfig(_), _) => of_config(tx, &mut known.reaches, org, write).await?,
            (Spec::DeviceProfile(spec), Some(Spec::DeviceProfile(before)))
                if spec.gateway_config == before.gateway_config =>
            {
                continue;
            }
            (Spec::DeviceProfile(spec), _) => {
                let name = spec.gateway_config.as_deref();
                known.of_profile(tx, org, &write.after.name, name).await?
            }
            _ => continue,
        };
        let told = |(path, why): (String, String)| {
            let issue = issue(index, &path, codes::OUT_OF_RANGE, why, HELP);
            (write.after.key(), issue)
        };
        issues.extend(found.into_iter().map(told));
    }
    Ok(issues)
}

/// What decides where a device is polled, and what that is held against.
fn placed(spec: &DeviceSpec) -> impl PartialEq + '_ {
    let host = spec.endpoint.as_ref().map(|endpoint| &endpoint.host);
    (&spec.site, host, &spec.gateway_config, &spec.profile)
}

fn refusal(reach: &Reach, host: Option<&str>) -> Option<String> {
    reach.refusal(host?.parse().ok()?, is_own)
}

/// Paths, and why what stands there is not reached.
type Refusals = Vec<(String, String)>;

/// What many devices of a bundle have in common, read once.
struct Known {
    reaches: Reaches,
    /// Configurations of profiles.
    profiles: HashMap<(Uuid, String), Option<String>>,
    /// Hosts of configurations.
    configs: HashMap<(Uuid, String), Vec<(usize, String)>>,
}

impl Known {
    async fn of_device(&mut self, tx: &mut Tx, org: &Org, spec: &DeviceSpec) -> Result<Refusals> {
        let own = spec.endpoint.as_ref().and_then(|endpoint| endpoint.host.as_deref());
        if own.is_none() && spec.gateway_config.is_none() && spec.profile.is_none() {
            return Ok(Refusals::new());
        }
        let reach = self.reaches.of(tx, org, spec.site.as_deref()).await?;
        let own = refusal(&reach, own).map(|why| ("spec.endpoint.host".to_owned(), why));
        let mut found: Refusals = own.into_iter().collect();
        let (path, config) = match (&spec.gateway_config, &spec.profile) {
            (Some(name), _) => ("spec.gatewayConfig", Some(name.clone())),
            (None, Some(profile)) => ("spec.profile", self.config_of(tx, org, profile).await?),
            (None, None) => return Ok(found),
        };
        if let Some(name) = config {
            found.extend(self.of_hosts(tx, org, &name, &reach, path).await?);
        }
        Ok(found)
    }

    /// Hosts of a configuration that a profile gives to its devices, for every site that has one.
    async fn of_profile(&mut self, tx: &mut Tx, org: &Org, profile: &str, config: Option<&str>) -> Result<Refusals> {
        let Some(config) = config else {
            return Ok(Refusals::new());
        };
        let mut reach = self.reaches.of(tx, org, None).await?;
        for site in sites_of_profile(tx, org, profile).await? {
            reach.narrow(&self.reaches.of(tx, org, site.as_deref()).await?);
        }
        self.of_hosts(tx, org, config, &reach, "spec.gatewayConfig").await
    }

    /// Hosts of a configuration that are not reached, told at the path that names it.
    async fn of_hosts(&mut self, tx: &mut Tx, org: &Org, config: &str, reach: &Reach, path: &str) -> Result<Refusals> {
        let told = |(at, host): &(usize, String)| {
            let why = refusal(reach, Some(host))?;
            Some((path.to_owned(), format!("bus {at} of gateway-config/{config}: {why}")))
        };
        Ok(self.hosts_of(tx, org, config).await?.iter().filter_map(told).collect())
    }

    async fn config_of(&mut self, tx: &mut Tx, org: &Org, profile: &str) -> Result<Option<String>> {
        let key = (org.uid, profile.to_owned());
        if let Some(known) = self.profiles.get(&key) {
            return Ok(known.clone());
        }
        let object = resources::find(tx, Some(org.uid), Kind::DeviceProfile, profile).await?;
        let name = match object.map(|object| object.spec) {
            Some(Spec::DeviceProfile(spec)) => spec.gateway_config,
            _ => None,
        };
        self.profiles.insert(key, name.clone());
        Ok(name)
    }

    async fn hosts_of(&mut self, tx: &mut Tx, org: &Org, config: &str) -> Result<&[(usize, String)]> {
        let key = (org.uid, config.to_owned());
        if !self.configs.contains_key(&key) {
            let object = resources::find(tx, Some(org.uid), Kind::GatewayConfig, config).await?;
            self.configs
                .insert(key.clone(), object.as_ref().map(hosts).unwrap_or_default());
        }
        Ok(self.configs.get(&key).map(Vec::as_slice).unwrap_or_default())
    }
}

/// Hosts of the buses that fleetd polls by itself, with their positions.
fn hosts(object: &Object) -> Vec<(usize, String)> {
    let Spec::GatewayConfig(spec) = &object.spec else {
        return Vec::new();
    };
    let config = gateway_config::parse(spec)
        .ok()
        .filter(|config| config.polled_by_fleetd);
    let buses = config.into_iter().flat_map(|config| config.buses).enumerate();
    buses.filter_map(|(at, bus)| bus.host.map(|host| (at, host))).collect()
}

/// Hosts that are new in a configuration, for every site that has it.
async fn of_config(tx: &mut Tx, reaches: &mut Reaches, org: &Org, write: &Write) -> Result<Refusals> {
    let before = write.before.as_ref().map(hosts).unwrap_or_default();
    let fresh: Vec<_> = hosts(&write.after)
        .into_iter()
        .filter(|(_, host)| !before.iter().any(|(_, known)| known == host))
        .collect();
    if fresh.is_empty() {
        return Ok(Refusals::new());
    }
    let mut reach = reaches.of(tx, org, None).await?;
    let mut sites = HashSet::new();
    for row in resources::referrers(tx, Some(org.uid), Kind::GatewayConfig, &write.after.name).await? {
        let spec = match row.kind {
            Kind::Device => resources::find_by_uid(tx, row.uid).await?.map(|object| object.spec),
            Kind::DeviceProfile => {
                sites.extend(sites_of_profile(tx, org, &row.name).await?);
                None
            }
            _ => None,
        };
        if let Some(Spec::Device(device)) = spec {
            sites.insert(device.site);
        }
    }
    for site in sites {
        reach.narrow(&reaches.of(tx, org, site.as_deref()).await?);
    }
    let told = |(at, host): (usize, String)| Some((format!("spec.buses[{at}].host"), refusal(&reach, Some(&host))?));
    Ok(fresh.into_iter().filter_map(told).collect())
}

/// Where the devices are that poll what their profile says.
async fn sites_of_profile(tx: &mut Tx, org: &Org, profile: &str) -> Result<HashSet<Option<String>>> {
    let mut sites = HashSet::new();
    for row in resources::referrers(tx, Some(org.uid), Kind::DeviceProfile, profile).await? {
        if let Some(Spec::Device(device)) = resources::find_by_uid(tx, row.uid).await?.map(|object| object.spec)
            && device.gateway_config.is_none()
        {
            sites.insert(device.site);
        }
    }
    Ok(sites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_which_addresses_are_its_own() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(Ipv4Addr::new(192, 0, 2, 1).into()));
        // Where the machine has a network: its own address in it.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.1:1").is_ok() {
            assert!(is_own(socket.local_addr().unwrap().ip()));
        }
    }
}
