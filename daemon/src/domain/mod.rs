//! Floor 0: types and pure rules. No async, no SQL, no transport, no clock, no randomness.

pub mod aggregate;
pub mod caller;
pub mod certificates;
pub mod clock;
pub mod ingest;
pub mod kinds;
pub mod modbus;
pub mod object;
pub mod ownership;
pub mod sealing;
pub mod telemetry;
pub mod tokens;
pub mod units;

pub use caller::Caller;
pub use clock::Clock;
pub use object::{Key, Object, Org};
