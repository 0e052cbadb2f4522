//! Floor 0: types and pure rules. No async, no SQL, no transport, no clock, no randomness.

pub mod modbus;
pub mod telemetry;
