//! What belongs to a device and is no wanted state: credentials, observed state, commands, logs.

pub mod authority;
pub mod certificates;
pub mod claim_tokens;
pub mod commands;
pub mod credentials;
pub mod logs;
pub mod served;
pub mod states;
