//! websockets of PyPI, as a device or a page uses it.

use serde_json::{Value, json};

use super::script::Script;

/// An open socket.
pub struct WebSocket(Script);

impl WebSocket {
    /// Opens a path of a base such as `http://127.0.0.1:7080` with headers; or gives the status and body of the refusal.
    pub fn open(base: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self, (u64, Value)> {
        let url = format!("{}{path}", base.replacen("http", "ws", 1));
        let is_origin = |name: &str| name.eq_ignore_ascii_case("origin");
        let origin = headers
            .iter()
            .find(|(name, _)| is_origin(name))
            .map(|(_, value)| *value);
        let others = headers.iter().filter(|(name, _)| !is_origin(name));
        let others: serde_json::Map<_, _> = others.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let wanted = json!({"url": url, "headers": others, "origin": origin});
        let (script, said) = Script::start("websocket_client.py", &wanted);
        if said["open"] == true {
            return Ok(Self(script));
        }
        let body = said["body"].as_str().unwrap();
        Err((
            said["status"].as_u64().unwrap(),
            serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
        ))
    }

    fn ask(&mut self, what: &Value) -> Value {
        self.0.ask(what)
    }

    /// Sends a text.
    pub fn send(&mut self, text: &str) {
        self.ask(&json!({"send": text}));
    }

    /// Sends a binary message.
    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.ask(&json!({"binary": hex(bytes)}));
    }

    /// Sends bytes past the protocol.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.ask(&json!({"raw": hex(bytes)}));
    }

    /// The next text, as JSON.
    #[track_caller]
    pub fn receive(&mut self) -> Value {
        let said = self.ask(&json!({"receive": true}));
        let text = said["text"].as_str().unwrap_or_else(|| panic!("no text: {said}"));
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Sends JSON and gives the next text.
    #[track_caller]
    pub fn call(&mut self, what: &Value) -> Value {
        self.send(&what.to_string());
        self.receive()
    }

    /// Code and reason of its end; texts that come before are passed over.
    #[track_caller]
    pub fn end(&mut self) -> (u64, String) {
        loop {
            let said = self.ask(&json!({"receive": true}));
            if let Some(code) = said["closed"].as_u64() {
                return (code, said["reason"].as_str().unwrap().to_owned());
            }
        }
    }

    /// Closes it; gives the code and reason that the other side agreed with.
    pub fn close(&mut self) -> Value {
        self.ask(&json!({"close": true}))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
