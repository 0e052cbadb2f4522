//! Descriptors at run time: what the generic parts know of a kind's fields without a line of code per kind.

mod check;
mod composed;
mod describe;
mod fields;
mod json;
mod references;
mod schema;
mod secret;

pub use check::{check, check_metadata, immutable_changes};
pub use composed::{Part, composed_text, filled, parts};
pub use describe::{Described, describe};
pub use fields::{Fields, PROTECT, keyed_paths};
pub use json::{
    SERVER_FIELDS, lookup, lookup_mut, message_to_json, spec_from_json, spec_from_json_partly, spec_to_json, to_json,
    to_manifest_json,
};
pub use references::{Reference, UniqueValue, clear_reference, composed_values, references, rename_reference, uniques};
pub use schema::{DRAFT, kind_input, kind_output, message_output, resource_output, schema};
pub use secret::{MARK, SEALED, has_secrets, map_secrets, mark_of, masked, masked_value};

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, MessageDescriptor, Value};

use crate::kinds::{KINDS, Kind};
use crate::pb;
use crate::pb::resource::Spec;

/// Reading it back at start cannot fail: the build wrote it, and every test reads it.
#[expect(clippy::expect_used, reason = "the descriptors are part of the binary")]
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(crate::DESCRIPTORS).expect("the built-in descriptors decode"));

static RULES: LazyLock<HashMap<String, pb::FieldRules>> = LazyLock::new(|| {
    let mut rules = HashMap::new();
    let Some(extension) = POOL.get_extension_by_name("fleet.v1.rules") else {
        return rules;
    };
    for message in POOL.all_messages() {
        for field in message.fields() {
            let options = field.options();
            if !options.has_extension(&extension) {
                continue;
            }
            if let Value::Message(value) = options.get_extension(&extension).as_ref()
                && let Ok(found) = value.transcode_to::<pb::FieldRules>()
            {
                rules.insert(field.full_name().to_owned(), found);
            }
        }
    }
    rules
});

#[expect(clippy::expect_used, reason = "the descriptors are part of the binary")]
static RESOURCE: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    POOL.get_message_by_name("fleet.v1.Resource")
        .expect("the contract has Resource")
});

static SPECS: LazyLock<Vec<FieldDescriptor>> = LazyLock::new(|| {
    KINDS
        .iter()
        .filter_map(|row| RESOURCE.get_field_by_name(row.field))
        .collect()
});

/// Of the metadata: what a manifest may hold.
pub const METADATA: &[&str] = &[
    "org",
    "name",
    "labels",
    "annotations",
    "protect",
    "revision",
    "renamedFrom",
];

/// Every message and service of the contract.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The facts that the contract states about a field.
pub fn rules(field: &FieldDescriptor) -> Option<&'static pb::FieldRules> {
    RULES.get(field.full_name())
}

/// The message of a kind's spec.
pub fn spec_descriptor(kind: Kind) -> MessageDescriptor {
    match spec_field(kind).kind() {
        prost_reflect::Kind::Message(message) => message,
        _ => RESOURCE.clone(),
    }
}

/// The arm of `Resource.spec`.
fn spec_field(kind: Kind) -> &'static FieldDescriptor {
    &SPECS[kind as usize]
}

/// A spec as a message whose fields can be walked.
pub fn dynamic(spec: &Spec) -> DynamicMessage {
    let kind = Kind::of(spec);
    let resource = pb::Resource {
        spec: Some(spec.clone()),
        ..pb::Resource::default()
    };
    let whole = decode(&RESOURCE, &resource.encode_to_vec());
    match whole.get_field(spec_field(kind)).into_owned() {
        Value::Message(message) => message,
        _ => DynamicMessage::new(spec_descriptor(kind)),
    }
}

/// A walked message as a spec again.
pub fn typed(kind: Kind, message: DynamicMessage) -> Spec {
    let mut resource = DynamicMessage::new(RESOURCE.clone());
    resource.set_field(spec_field(kind), Value::Message(message));
    pb::Resource::decode(resource.encode_to_vec().as_slice())
        .ok()
        .and_then(|resource| resource.spec)
        .unwrap_or_else(|| empty_spec(kind))
}

/// A spec of the kind with nothing in it.
pub fn empty_spec(kind: Kind) -> Spec {
    match kind {
        Kind::Organization => Spec::Organization(pb::OrganizationSpec::default()),
        Kind::User => Spec::User(pb::UserSpec::default()),
        Kind::Role => Spec::Role(pb::RoleSpec::default()),
        Kind::RoleBinding => Spec::RoleBinding(pb::RoleBindingSpec::default()),
        Kind::Customer => Spec::Customer(pb::CustomerSpec::default()),
        Kind::Site => Spec::Site(pb::SiteSpec::default()),
        Kind::Asset => Spec::Asset(pb::AssetSpec::default()),
        Kind::Project => Spec::Project(pb::ProjectSpec::default()),
        Kind::Secret => Spec::Secret(pb::SecretSpec::default()),
        Kind::Template => Spec::Template(pb::TemplateSpec::default()),
        Kind::GatewayConfig => Spec::GatewayConfig(pb::GatewayConfigSpec::default()),
        Kind::DeviceProfile => Spec::DeviceProfile(pb::DeviceProfileSpec::default()),
        Kind::Device => Spec::Device(pb::DeviceSpec::default()),
        Kind::Configuration => Spec::Configuration(pb::ConfigurationSpec::default()),
        Kind::Translation => Spec::Translation(pb::TranslationSpec::default()),
        Kind::TrackedVariable => Spec::TrackedVariable(pb::TrackedVariableSpec::default()),
    }
}

/// Bytes that a typed message of the same contract wrote always decode; a mismatch gives an empty message.
fn decode(descriptor: &MessageDescriptor, bytes: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(descriptor.clone(), bytes).unwrap_or_else(|_| DynamicMessage::new(descriptor.clone()))
}

/// A field's name in manifests: lowerCamel.
pub fn manifest_name(field: &FieldDescriptor) -> &str {
    field.json_name()
}

/// The words of an enum, without the one that means nothing: (word, number).
pub fn enum_words(descriptor: &EnumDescriptor) -> Vec<(String, i32)> {
    let prefix = enum_prefix(descriptor);
    descriptor
        .values()
        .filter(|value| !value.name().ends_with("_UNSPECIFIED"))
        .map(|value| (word(value.name(), &prefix), value.number()))
        .collect()
}

/// The number of an enum's word, in any letter case, with `_` for `-`, with or without its prefix.
pub fn enum_number(descriptor: &EnumDescriptor, text: &str) -> Option<i32> {
    let folded = text.to_ascii_lowercase().replace('_', "-");
    let prefix = word(&enum_prefix(descriptor), "");
    let short = folded.strip_prefix(&prefix).unwrap_or(&folded);
    enum_words(descriptor)
        .into_iter()
        .find(|(word, _)| *word == folded || word == short)
        .map(|(_, number)| number)
}

/// The word of an enum's number; none for the one that means nothing.
fn enum_word(descriptor: &EnumDescriptor, number: i32) -> Option<String> {
    let value = descriptor.get_value(number)?;
    (!value.name().ends_with("_UNSPECIFIED")).then(|| word(value.name(), &enum_prefix(descriptor)))
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
        .replace('_', "-")
}

/// `ValueKind` → `VALUE_KIND_`.
fn enum_prefix(descriptor: &EnumDescriptor) -> String {
    let mut prefix = String::new();
    for c in descriptor.name().chars() {
        if c.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    prefix + "_"
}
