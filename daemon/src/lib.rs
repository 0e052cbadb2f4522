//! fleetd: the daemon that owns a fleet. `ARCHITECTURE.md` beside this crate says which floor may use which.

pub mod domain;
pub mod grpc;
pub mod modbus;
pub mod services;
pub mod storage;
