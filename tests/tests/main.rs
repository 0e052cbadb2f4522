//! The one integration test binary: a module for each story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod apply_sets;
mod bad_http;
mod bad_manifests;
mod budgets;
mod canaries;
mod certificates;
mod conformance;
mod contexts;
mod demo;
mod examples;
mod fleetctl;
mod fuzz_http;
mod gateway_script;
mod gitops;
mod golden_manifests;
mod http_browsers;
mod http_management;
mod kill_apply;
mod kill_ledger;
mod logs;
mod matrix;
mod modbus_meter;
mod modbus_networks;
mod peers;
mod programs;
mod readings_over_http;
mod round_trip;
mod secrets;
mod start_up;
mod team_year;
mod telemetry_queries;
mod tidy;
mod tls;
mod wait;
