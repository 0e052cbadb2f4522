//! The one integration test binary: a module for each story.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_http;
mod bad_manifests;
mod conformance;
mod demo;
mod examples;
mod fleetctl;
mod gateway_script;
mod kill_ledger;
mod modbus_meter;
mod peers;
mod round_trip;
mod start_up;
mod tidy;
