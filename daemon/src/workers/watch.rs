//! Looks after what nobody asks for: buses, devices that fall silent, certificates near their end.

use std::time::Duration;

use fleet_proto::levels::Level;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::polling::{self, Told};
use crate::domain::certificates;
use crate::domain::log::Entry;
use crate::domain::object::timestamp;
use crate::domain::telemetry::Micros;
use crate::listen::Certificates;
use crate::modbus::Buses;
use crate::services::Result;
use crate::services::devices::{Devices, Presence};
use crate::services::log::Log;
use crate::services::resources::Resources;

/// Between two looks at the buses.
const PAUSE: Duration = Duration::from_secs(1);
/// So many of these, and devices are looked at, too.
const DEVICES: u64 = 20;
/// So many, and certificates.
const CERTIFICATES: u64 = 3_600;
const DAY: Micros = 86_400 * 1_000_000;
/// fleetd's own certificates are told of from so long before their end, once a day.
const NEAR: Micros = 30 * DAY;

/// What is looked after.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Where it is told.
    pub log: Log,
    /// Where the buses' devices are.
    pub resources: Resources,
    /// Devices.
    pub devices: Devices,
    /// Buses.
    pub buses: Buses,
    /// The certificate of the listeners.
    pub own: Option<std::sync::Arc<Certificates>>,
}

impl Watch {
    /// Looks again and again until `stop`. What fails now may work the next time.
    pub async fn run(self, stop: CancellationToken) {
        let (mut told, mut presence) = (Told::default(), Presence::default());
        let mut nth = 0_u64;
        loop {
            if let Err(error) = self.look(nth, &mut told, &mut presence).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what happens could not be looked at"
                );
            }
            nth += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn look(&self, nth: u64, told: &mut Told, presence: &mut Presence) -> Result<()> {
        polling::tell(&self.resources, told, &self.buses).await?;
        if nth.is_multiple_of(DEVICES) {
            self.devices.look(presence).await?;
        }
        if nth.is_multiple_of(CERTIFICATES) {
            self.devices.look_at_certificates().await?;
            self.look_at_own().await?;
            self.log.prune().await?;
        }
        Ok(())
    }

    async fn look_at_own(&self) -> Result<()> {
        let listeners = self.own.as_ref().and_then(|own| certificates::ends(&own.leaf()));
        let ends = [
            ("certificate.listeners", "fleetd's own certificate", listeners),
            (
                "certificate.authority",
                "the authority of devices",
                self.devices.authority_ends(),
            ),
        ];
        let now = self.devices.now();
        for (action, what, ends) in ends {
            let Some(ends) = ends.filter(|ends| *ends < now + NEAR) else {
                continue;
            };
            let at = timestamp(ends).to_string();
            let entry = if ends <= now {
                Entry::new(Level::Error, action, format!("{what} has ended on {at}"))
            } else {
                Entry::new(Level::Warning, action, format!("{what} ends on {at}"))
            };
            self.log.remind(entry.with(json!({"notAfter": at})), DAY).await?;
        }
        Ok(())
    }
}
