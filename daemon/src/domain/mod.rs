//! Floor 0: types and pure rules. No async, no SQL, no transport, no clock, no randomness.

pub mod access_token;
pub mod aggregate;
pub mod audit;
pub mod caller;
pub mod certificates;
pub mod clock;
pub mod decimal;
pub mod gaps;
pub mod hidden;
pub mod ingest;
pub mod kinds;
pub mod log;
pub mod logins;
pub mod modbus;
pub mod object;
pub mod ownership;
pub mod passwords;
pub mod plain;
pub mod retention;
pub mod sealing;
pub mod shares;
pub mod telemetry;
pub mod throttle;
pub mod tokens;
pub mod units;

pub use caller::Caller;
pub use clock::Clock;
pub use object::{Key, Object, Org};
