//! Floor 2: use cases. Authorise, check, one transaction, announce.

pub mod error;
pub mod resources;

pub use error::{Error, Result};
