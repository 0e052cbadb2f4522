//! The one integration test binary: a module for each story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_http;
mod bad_manifests;
mod conformance;
mod demo;
mod examples;
mod gateway_script;
mod generated;
mod kill_ledger;
mod modbus_meter;
mod peers;
mod round_trip;
mod start_up;
mod tidy;
