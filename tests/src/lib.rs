//! Fixtures, peers and worlds for the one integration test binary and the bench.
//!
//! Everything here blocks, and panics where a test cannot go on: a panic with its reason is how a fixture fails.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot go on fails the test")]
#![expect(clippy::print_stderr, reason = "a failing test shows the log of what it ran")]

pub mod contract;
pub mod device;
pub mod fleetd;
pub mod http;
pub mod ledger;
pub mod paths;
pub mod peers;
pub mod process;
pub mod remote;
pub mod rpc;
pub mod sdm630;
pub mod seeded;
pub mod stream;
pub mod world;

pub use device::Device;
pub use fleetd::Fleetd;
pub use http::Http;
pub use process::Finished;
pub use remote::remote_write;
pub use rpc::Rpc;
pub use seeded::Seeded;
pub use world::{ORG, World};
