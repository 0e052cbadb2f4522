//! A PostgreSQL server of its own for a test; works as root, too.

use serde_json::Value;

use super::script::Script;

/// PostgreSQL 18 on a random loopback port, on an empty data directory. It ends with this value.
pub struct Postgres {
    port: u64,
    _script: Script,
}

impl Postgres {
    /// Starts it; returns when it accepts connections.
    pub fn start() -> Self {
        let (script, first) = Script::start("postgres_server.py", &Value::Null);
        Self {
            port: first["port"].as_u64().unwrap(),
            _script: script,
        }
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}
