//! Modbus as pure facts: data types, request planning, the normal form of a gateway configuration.
