//! influxdb-client of PyPI, as programs use it.

use serde_json::Value;

use super::script::Script;

/// Writes as `tests/peers/influx_write.py` says; gives what came of each write.
pub fn influx(wanted: &Value) -> Vec<Value> {
    let (_script, said) = Script::start("influx_write.py", wanted);
    said["writes"].as_array().unwrap().clone()
}
