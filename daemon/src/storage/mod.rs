//! Floor 1: SQL and files, speaking domain types both ways.

pub mod telemetry;
