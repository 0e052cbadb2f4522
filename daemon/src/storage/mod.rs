//! Floor 1: SQL and files, speaking domain types both ways.

pub mod access;
pub mod audit;
pub mod changes;
pub mod db;
pub mod devices;
pub mod error;
pub mod keys;
pub mod log;
pub mod ownership;
pub mod resources;
pub mod telemetry;
pub mod turns;

pub use db::{Db, Tx};
pub use error::{Error, Result};
