//! Floor 2: use cases. Authorise, check, one transaction, announce.

pub mod access;
pub mod audit;
pub mod composed;
pub mod devices;
pub mod error;
mod grants;
pub mod log;
pub mod notes;
mod pages;
pub mod polling;
pub mod rates;
pub mod rekey;
pub mod resources;
pub mod system;
pub mod telemetry;

pub use error::{Error, Result};
