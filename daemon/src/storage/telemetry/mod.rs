//! Where readings are kept.
