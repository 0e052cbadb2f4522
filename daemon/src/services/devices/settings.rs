//! The free settings of a device: those of its profile, its own over them, templates and secrets filled in.

use fleet_proto::pb::{DeviceProfileSpec, DeviceSpec};
use fleet_proto::template::lay_over;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::services::composed::{Filler, Show};
use crate::services::error::{Error, Result};
use crate::storage::Tx;

/// An object; empty where there are none. A secret that cannot be read is an error: half a configuration is none.
pub(super) async fn of(
    tx: &mut Tx,
    filler: &mut Filler<'_>,
    org: Option<Uuid>,
    (device, profile): (&DeviceSpec, Option<&DeviceProfileSpec>),
    show: Show,
) -> Result<Value> {
    let mut whole = Value::Object(Map::new());
    let inherited = profile.and_then(|profile| profile.configuration.as_deref());
    for text in [inherited, device.configuration.as_deref()].into_iter().flatten() {
        let Ok(json) = serde_json::from_str(text) else { continue };
        let filled = filler.fill(tx, org, "spec.configuration", json, show).await?;
        if let Some((name, why)) = filled.unreadable.first() {
            return Err(Error::Unavailable(format!("secret/{name} cannot be read: {why}")));
        }
        // With texts nothing is held against schemas: what is said is that it became too large since.
        if let Some((_, why)) = filled.mismatches.first().filter(|_| show == Show::Text) {
            return Err(Error::Unavailable(format!(
                "the settings cannot be served: the value {why}"
            )));
        }
        lay_over(&mut whole, filled.value);
    }
    Ok(whole)
}
