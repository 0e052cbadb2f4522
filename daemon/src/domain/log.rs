//! What the system log is told.

use fleet_proto::levels::Level;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::telemetry::Micros;
use super::{Caller, Object, plain};

/// Characters that are kept of a message.
pub const LONGEST_MESSAGE: usize = 4_096;
/// Of a name, and of an action.
pub const LONGEST_NAME: usize = 255;
/// Of a topic, which has an index: PostgreSQL's takes 2,700 bytes.
pub const LONGEST_TOPIC: usize = 500;

/// As whom fleetd speaks. Nobody else is called so: others are a kind and a name.
const OWN: &str = "fleetd";

/// Something that has a name, as it was called then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its uid.
    pub uid: Uuid,
    /// Its name; empty until it is looked up.
    pub name: String,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In which organization; none: on the platform.
    pub org: Option<Uuid>,
    /// When.
    pub at: Micros,
    /// How much it matters.
    pub level: Level,
    /// Who, such as `user/ada`; or `fleetd`.
    pub user: String,
    /// What, such as `bus.down`.
    pub action: String,
    /// In a sentence.
    pub message: String,
    /// What else there is to say: a JSON object without secrets.
    pub details: Json,
    /// From where; may be empty.
    pub address: String,
    /// The device that it is about.
    pub device: Option<Named>,
    /// Where it is: who sees the site sees the entry.
    pub site: Option<Named>,
    /// What repeats under the same topic is counted, and the last one of it is told.
    pub topic: String,
    /// How often it happened.
    pub count: u64,
}

impl Entry {
    /// Something that fleetd saw, on the platform; counted with others of this action.
    pub fn new(level: Level, action: &str, message: impl Into<String>) -> Self {
        Self {
            org: None,
            at: 0,
            level,
            user: OWN.to_owned(),
            action: action.to_owned(),
            message: message.into(),
            details: json!({}),
            address: String::new(),
            device: None,
            site: None,
            topic: action.to_owned(),
            count: 1,
        }
    }

    /// Does fleetd say it by itself, and nobody through it?
    pub fn is_own(&self) -> bool {
        self.user == OWN
    }

    /// In an organization.
    pub fn of(self, org: Uuid) -> Self {
        Self { org: Some(org), ..self }
    }

    /// About a device, whose name and site are looked up; counted by device.
    pub fn about(self, device: Uuid) -> Self {
        let topic = format!("{} {device}", self.topic);
        let name = String::new();
        let device = Some(Named { uid: device, name });
        Self { device, topic, ..self }
    }

    /// About a device that is known.
    pub fn about_object(self, device: &Object) -> Self {
        Self {
            org: device.org.as_ref().map(|org| org.uid),
            ..self.about(device.uid)
        }
    }

    /// By somebody.
    pub fn by(self, caller: &Caller) -> Self {
        Self {
            user: caller.actor(),
            address: caller.origin().address.clone(),
            ..self
        }
    }

    /// By a device, from an address.
    pub fn by_device(self, name: &str, address: &str) -> Self {
        Self {
            user: format!("device/{name}"),
            address: address.to_owned(),
            ..self
        }
    }

    /// As the log keeps it: what others have chosen holds no token and nothing that a store cannot hold.
    pub fn plain(&self) -> Self {
        let name = |named: &Named| Named {
            uid: named.uid,
            name: plain::line(&named.name, LONGEST_NAME),
        };
        Self {
            user: plain::line(&self.user, LONGEST_NAME),
            action: plain::line(&self.action, LONGEST_NAME),
            message: plain::lines(&self.message, LONGEST_MESSAGE),
            details: plain::json(&self.details),
            address: plain::line(&self.address, LONGEST_NAME),
            device: self.device.as_ref().map(name),
            site: self.site.as_ref().map(name),
            topic: plain::line(&self.topic, LONGEST_TOPIC),
            ..*self
        }
    }

    /// With more to say.
    pub fn with(self, details: Json) -> Self {
        Self { details, ..self }
    }

    /// Counted with others of a topic: two sides of one state have the same, so that the last one is told.
    pub fn counted_by(self, topic: String) -> Self {
        Self { topic, ..self }
    }
}
