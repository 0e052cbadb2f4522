//! fleetd: the daemon that owns a fleet. `ARCHITECTURE.md` beside this crate says which floor may use which.

pub mod app;
pub mod config;
pub mod demo;
pub mod domain;
pub mod grpc;
pub mod http;
pub mod listen;
pub mod modbus;
pub mod rekey;
pub mod services;
pub mod storage;
pub mod tls;
pub mod workers;
