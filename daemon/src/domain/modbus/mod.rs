//! Modbus as pure facts: what registers mean, in which requests they are read, and where.

pub mod plan;
pub mod reach;
pub mod value;
