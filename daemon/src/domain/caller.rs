//! Who asks. A door makes a `Caller` from a credential; services decide by it.

use uuid::Uuid;

use super::object::Org;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The platform's administrator: over the local socket, or fleetd itself.
    Platform {
        /// For the history, such as `uid:0` or `fleetd`.
        actor: String,
    },
    /// A device with its token.
    Device {
        /// Its organization.
        org: Org,
        /// Its uid.
        uid: Uuid,
        /// Its name.
        name: String,
    },
}

impl Caller {
    /// fleetd acting by itself.
    pub fn fleetd() -> Self {
        Self::Platform {
            actor: "fleetd".to_owned(),
        }
    }

    /// How the history names it.
    pub fn actor(&self) -> String {
        match self {
            Self::Platform { actor } => actor.clone(),
            Self::Device { name, .. } => format!("device/{name}"),
        }
    }
}
