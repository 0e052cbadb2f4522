//! A pymodbus server that counts what it is asked.

use serde_json::{Map, Value, json};

use super::script::Script;

/// A request that the server received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// 1 to 4.
    pub function_code: u64,
    /// First wire address.
    pub address: u64,
    /// Registers.
    pub count: u64,
}

/// A pymodbus server of float32 registers (big-endian words) on a loopback port of its own. It ends with this value.
pub struct ModbusServer {
    script: Option<Script>,
    wanted: Value,
    port: u16,
    connections: usize,
}

impl ModbusServer {
    /// Serves `floats` (address, value) within `blocks` (first address, registers) as slave 1; all other addresses
    /// are illegal.
    pub fn start(blocks: &[(u16, u16)], floats: &[(u16, f32)]) -> Self {
        let floats: Map<String, Value> = floats
            .iter()
            .map(|(address, value)| (address.to_string(), json!(f64::from(*value))))
            .collect();
        let wanted = json!({"port": 0, "deviceId": 1, "blocks": blocks, "floats": floats});
        let mut server = Self {
            script: None,
            wanted,
            port: 0,
            connections: 0,
        };
        server.restart();
        server
    }

    /// The port, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Requests since the last call.
    pub fn requests(&mut self) -> Vec<Request> {
        let said = self.script.as_mut().map(Script::said).unwrap_or_default();
        let number = |line: &Value, key: &str| line[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"));
        let (connections, said): (Vec<_>, Vec<_>) = said.into_iter().partition(|line| line["connected"] == true);
        self.connections += connections.len();
        said.iter()
            .map(|line| Request {
                function_code: number(line, "functionCode"),
                address: number(line, "address"),
                count: number(line, "count"),
            })
            .collect()
    }

    /// How often somebody connected, ever.
    pub fn connections(&mut self) -> usize {
        self.requests();
        self.connections
    }

    /// Ends it without a word to its peers.
    pub fn kill(&mut self) {
        self.script.take().expect("the server runs").kill();
    }

    /// Starts it again on the same port with the same values.
    pub fn restart(&mut self) {
        let (script, first) = Script::start("modbus_server.py", &self.wanted);
        self.port = first["port"].as_u64().and_then(|port| port.try_into().ok()).unwrap();
        self.wanted["port"] = json!(self.port);
        self.script = Some(script);
    }
}
