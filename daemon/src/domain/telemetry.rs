//! Readings: one value of one sensor at one time, with its quality.

use uuid::Uuid;

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// How far a value may be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Measured, but implausible.
    Uncertain,
    /// No usable value.
    Bad,
}

impl Quality {
    /// The word that people and scripts read.
    pub fn text(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Bad => "bad",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $text:literal;)+) => {
        /// Why a reading's quality is not good.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name = $code,)+
            /// Nothing to explain.
            #[default]
            None = 0,
        }
        impl Reason {
            /// The word that people and scripts read; empty for [`Reason::None`].
            pub fn text(self) -> &'static str {
                match self { Self::None => "", $(Self::$name => $text,)+ }
            }
            /// The reason with this number; unknown numbers are [`Reason::Unknown`].
            pub fn from_code(code: u8) -> Self {
                match code { 0 => Self::None, $($code => Self::$name,)+ _ => Self::Unknown }
            }
            /// The reason that this word names.
            pub fn find(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// A reason that this version does not know.
    Unknown = 1, "unknown";
    /// The device itself said so.
    Device = 2, "device";
    /// No answer in time.
    Timeout = 3, "timeout";
    /// The endpoint cannot be reached, or closed the connection.
    Connection = 4, "connection";
    /// The slave is dead and polled only now and then.
    Breaker = 5, "breaker_open";
    /// Modbus exception 01.
    IllegalFunction = 6, "illegal_function";
    /// Modbus exception 02.
    IllegalAddress = 7, "illegal_address";
    /// Modbus exception 03.
    IllegalValue = 8, "illegal_value";
    /// Modbus exception 04.
    DeviceFailure = 9, "device_failure";
    /// Modbus exception 06.
    Busy = 10, "busy";
    /// Modbus exceptions 0A and 0B.
    Gateway = 11, "gateway_path";
    /// Another Modbus exception.
    Exception = 12, "exception";
    /// The answer had another length than what was asked for.
    BadLength = 13, "bad_length";
    /// The value says "not implemented".
    Sentinel = 14, "not_implemented";
    /// A float that is no number, or infinite.
    NotANumber = 15, "not_a_number";
    /// Outside the sensor's min and max.
    OutOfRange = 16, "out_of_range";
    /// The scale register held no usable exponent.
    BadScale = 17, "bad_scale";
    /// The unit is not the sensor's.
    UnitMismatch = 18, "unit_mismatch";
    /// Digits that are no decimal, or text that is no UTF-8.
    BadEncoding = 19, "bad_encoding";
    /// The address is outside of the networks that fleetd reaches for the site.
    Network = 20, "outside_networks";
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A value that is no number, as JSON text.
    Json(Box<str>),
    /// No value.
    #[default]
    Missing,
}

/// Small number that the catalogue gave a series.
pub type SeriesId = u32;

/// What tells series apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The organization's uid.
    pub org: Uuid,
    /// The device's uid.
    pub device: Uuid,
    /// The sensor's name.
    pub sensor: String,
    /// `bus:slaveId`; empty where there is none.
    pub source: String,
}

/// A series of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its number.
    pub id: SeriesId,
    /// What tells it apart.
    pub key: SeriesKey,
    /// Unit of its readings; empty where none was given.
    pub unit: String,
}

/// One reading of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Whose it is.
    pub series: SeriesId,
    /// When it was measured.
    pub timestamp: Micros,
    /// When fleetd received it. Kept only where it differs from `timestamp` by more than a second.
    pub received: Micros,
    /// What was measured.
    pub value: Value,
    /// How far it may be trusted.
    pub quality: Quality,
    /// Why not, when not.
    pub reason: Reason,
}

/// A reading that a poller took, before its series is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The organization's uid.
    pub org: Uuid,
    /// Uid of the device whose reading it is.
    pub device: Uuid,
    /// The sensor's name.
    pub sensor: String,
    /// `bus:slaveId`.
    pub source: String,
    /// Unit of the value; empty where none is configured.
    pub unit: String,
    /// When the answer arrived.
    pub timestamp: Micros,
    /// What was measured.
    pub value: Value,
    /// How far it may be trusted.
    pub quality: Quality,
    /// Why not, when not.
    pub reason: Reason,
}
