//! Fixtures, peers and worlds for the one integration test binary and the bench.
//!
//! Everything here blocks, and panics where a test cannot go on: a panic with its reason is how a fixture fails.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot go on fails the test")]

pub mod paths;
pub mod peers;
