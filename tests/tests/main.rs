//! The one integration test binary: a module for each story.
#![allow(clippy::unwrap_used, reason = "tests")]

mod demo;
mod examples;
mod gateway_script;
mod kill_ledger;
mod modbus_meter;
mod peers;
mod round_trip;
mod tidy;
