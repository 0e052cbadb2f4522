//! The Modbus door: one connection per endpoint, the poller, the simulator.

pub mod bus;
pub mod poller;
pub mod simulator;

pub use bus::{Buses, Endpoint, ReadError};
