//! Floor 2: use cases. Authorise, check, one transaction, announce.

pub mod devices;
pub mod error;
pub mod resources;
pub mod telemetry;

pub use error::{Error, Result};
