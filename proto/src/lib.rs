//! The contract between `fleetd` and `fleetctl`: protobuf, the kinds table, manifests.
//!
//! No I/O and no runtime: text in, messages out. See `daemon/ARCHITECTURE.md` for who uses what.

pub mod access;
pub mod audit;
pub mod codes;
pub mod diff;
pub mod kinds;
pub mod manifest;
pub mod names;
pub mod reflect;
pub mod selector;
pub mod suggest;
pub mod template;

/// Generated messages and services of `fleet.v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; the proto files hold the documentation"
)]
pub mod v1 {
    tonic::include_proto!("fleet.v1");
}
pub use prost_types;
pub use v1 as pb;

/// The encoded descriptors of all messages and services, our own options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
