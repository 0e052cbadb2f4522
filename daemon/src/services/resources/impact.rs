//! Whom a transaction reaches.

use std::collections::HashSet;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use uuid::Uuid;

use super::write::Write;
use crate::domain::Object;
use crate::services::error::Result;
use crate::storage::{Tx, resources};

/// Whom a transaction reaches.
#[derive(Clone, Debug, Default)]
pub struct Impact {
    /// Devices that exist and change, or whose configuration or profile does.
    pub devices: HashSet<Uuid>,
    /// Devices that are new.
    pub fresh: usize,
    /// Of the devices, those whose gateway configuration changes.
    pub reconfigured: HashSet<Uuid>,
    /// Sites that change, or where such a device is.
    pub sites: HashSet<(Option<Uuid>, String)>,
    /// Customers that change, or who own such a device.
    pub customers: HashSet<(Option<Uuid>, String)>,
}

/// Follows the writes to devices. Its cost is that of what is reached.
pub(super) async fn of(tx: &mut Tx, writes: &[Write], doomed: &[Object]) -> Result<Impact> {
    let mut impact = Impact::default();
    for write in writes {
        impact.object(&write.after, write.before.is_none());
        let Some(before) = &write.before else { continue };
        impact.object(before, false);
        let (Spec::Device(old), Spec::Device(new)) = (&before.spec, &write.after.spec) else {
            impact.reach(tx, before, &write.after).await?;
            continue;
        };
        if (&old.gateway_config, &old.profile, &old.configuration)
            != (&new.gateway_config, &new.profile, &new.configuration)
        {
            impact.reconfigured.insert(before.uid);
        }
    }
    for object in doomed {
        impact.object(object, false);
    }
    Ok(impact)
}

impl Impact {
    fn object(&mut self, object: &Object, fresh: bool) {
        let org = object.org.as_ref().map(|org| org.uid);
        match &object.spec {
            Spec::Device(device) => {
                if fresh {
                    self.fresh += 1;
                } else {
                    self.devices.insert(object.uid);
                }
                self.sites.extend(device.site.clone().map(|site| (org, site)));
                self.customers
                    .extend(device.customer.clone().map(|customer| (org, customer)));
            }
            Spec::Site(_) => drop(self.sites.insert((org, object.name.clone()))),
            Spec::Customer(_) => drop(self.customers.insert((org, object.name.clone()))),
            _ => {}
        }
    }

    /// Devices that have the configuration or profile, or settings from the template or secret.
    async fn reach(&mut self, tx: &mut Tx, before: &Object, object: &Object) -> Result<()> {
        let reconfigures = match (&before.spec, &object.spec) {
            (Spec::DeviceProfile(old), Spec::DeviceProfile(new)) => {
                (&old.gateway_config, &old.configuration) != (&new.gateway_config, &new.configuration)
            }
            (old, new) => old != new,
        };
        let org = object.org.as_ref().map(|org| org.uid);
        let mut sources = vec![(object.kind, object.name.clone())];
        while let Some((kind, name)) = sources.pop() {
            if !matches!(
                kind,
                Kind::GatewayConfig | Kind::DeviceProfile | Kind::Template | Kind::Secret
            ) {
                continue;
            }
            for row in resources::referrers(tx, org, kind, &name).await? {
                if row.kind == Kind::DeviceProfile {
                    sources.push((row.kind, row.name));
                } else if row.kind == Kind::Device
                    && let Some(device) = resources::find_by_uid(tx, row.uid).await?
                {
                    if reconfigures {
                        self.reconfigured.insert(device.uid);
                    }
                    self.object(&device, false);
                }
            }
        }
        Ok(())
    }
}
