//! Doors whose client is the clock: callable from a test without a timer.

pub mod compacting;
pub mod polling;
pub mod recording;
pub mod room;
pub mod watch;
