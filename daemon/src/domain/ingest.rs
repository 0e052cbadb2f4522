//! What a gateway sends, before it is known whose series it is.

use super::telemetry::{Micros, Quality, Reason, Value};

/// Readings older than this are refused: 5 years.
pub const OLDEST: Micros = 5 * 366 * 86_400_000_000;
/// The same of readings that were stored before, and are imported: 20 years.
pub const OLDEST_KEPT: Micros = 20 * 366 * 86_400_000_000;
/// Readings further in the future than this are refused: a day.
pub const NEWEST: Micros = 86_400_000_000;

/// One item of a batch. Text is borrowed from the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming<'a> {
    /// Uid or name of the device; none: the sender.
    pub device: Option<&'a str>,
    /// What is measured.
    pub data_type: &'a str,
    /// The value.
    pub value: Value,
    /// Its unit.
    pub unit: Option<&'a str>,
    /// When it was measured; none: when it is received.
    pub timestamp: Option<Micros>,
    /// Bus of the slave; `main` unless said.
    pub bus: Option<&'a str>,
    /// Slave that it came from.
    pub slave_id: Option<u16>,
    /// What else tells it apart, where no slave does.
    pub source: Option<&'a str>,
    /// Register that it came from.
    pub label: Option<&'a str>,
    /// What the gateway says of it.
    pub quality: Quality,
    /// What a fleetd knew of it; none: it is new.
    pub kept: Option<Kept>,
}

/// What was known of a reading when it was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When it was received.
    pub received: Micros,
    /// Why its quality is not good.
    pub reason: Reason,
}

/// Why one item was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Position in the batch.
    pub index: usize,
    /// `unknown_device`, `unknown_series`, `bad_timestamp`, `bad_value`, `bad_item`, `unknown_sensor`, `unit_mismatch`, `out_of_range`, `conflict`, `inactive`, `denied`, `device_limit`, `series_limit`.
    pub code: &'static str,
    /// What about it.
    pub detail: String,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// New readings, durable.
    pub accepted: u32,
    /// Readings that were there already.
    pub duplicates: u32,
    /// Items that were not taken.
    pub rejected: Vec<Rejection>,
}
