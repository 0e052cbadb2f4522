//! A resource as the daemon holds it.

use std::collections::HashMap;

use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::pb::{self, Issue};
use fleet_proto::prost_types::Timestamp;
use fleet_proto::reflect;
use uuid::Uuid;

use super::telemetry::Micros;

/// One object of a kind, as it is stored: its secrets are sealed. What is told of it has marks in their place.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Made by fleetd; stable across renames.
    pub uid: Uuid,
    /// What it is.
    pub kind: Kind,
    /// The organization that it belongs to; none for kinds of the platform.
    pub org: Option<Org>,
    /// Unique per organization and kind.
    pub name: String,
    /// Counts changes of the spec.
    pub generation: u64,
    /// Position of the last write in the one order of all writes.
    pub revision: u64,
    /// For selectors.
    pub labels: HashMap<String, String>,
    /// For everything else.
    pub annotations: HashMap<String, String>,
    /// Deletion is refused.
    pub protect: bool,
    /// What is wanted.
    pub spec: Spec,
    /// Why the stored spec no longer parses; then `spec` is empty.
    pub issues: Vec<Issue>,
    /// When it was created.
    pub created_at: Micros,
    /// By whom.
    pub created_by: String,
    /// When it was last written.
    pub updated_at: Micros,
    /// By whom.
    pub updated_by: String,
}

/// An organization, by both of its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Org {
    /// Stable.
    pub uid: Uuid,
    /// As people write it.
    pub name: String,
}

/// What names a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Name of the organization; empty for kinds of the platform.
    pub org: String,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)?;
        if self.org.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", self.org)
        }
    }
}

/// Microseconds as the contract carries a moment.
pub fn timestamp(at: Micros) -> Timestamp {
    Timestamp {
        seconds: at.div_euclid(1_000_000),
        nanos: (at.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

impl From<&Object> for pb::Resource {
    fn from(object: &Object) -> Self {
        Self {
            metadata: Some(pb::Metadata {
                org: object.org.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
                name: object.name.clone(),
                labels: object.labels.clone(),
                annotations: object.annotations.clone(),
                protect: object.protect,
                uid: object.uid.to_string(),
                generation: object.generation,
                revision: object.revision,
                created_at: Some(timestamp(object.created_at)),
                created_by: object.created_by.clone(),
                updated_at: Some(timestamp(object.updated_at)),
                updated_by: object.updated_by.clone(),
                ..pb::Metadata::default()
            }),
            issues: object.issues.clone(),
            spec: Some(reflect::masked(&object.spec)),
            status: None,
        }
    }
}

impl Object {
    /// What names it.
    pub fn key(&self) -> Key {
        Key {
            org: self.org.as_ref().map(|org| org.name.clone()).unwrap_or_default(),
            kind: self.kind,
            name: self.name.clone(),
        }
    }
}
