//! Modbus as pure facts: what registers mean, and in which requests they are read.

pub mod plan;
pub mod value;
