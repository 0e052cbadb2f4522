//! A device as fleetd sees it: an HTTP client with a token.

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

/// A provisioned device.
#[derive(Clone)]
pub struct Device {
    client: Client,
    base: String,
    /// The device's uid.
    pub id: String,
    /// Its token.
    pub token: String,
}

impl Device {
    /// Provisions a device with a claim token.
    pub fn provision(base: &str, hw_id: &str, claim_token: &str) -> Self {
        let client = Client::new();
        let wanted = json!({"hwId": hw_id, "model": "test", "firmwareVersion": "1.0.0", "claimToken": claim_token});
        let answer = client
            .post(format!("{base}/api/devices/provision"))
            .json(&wanted)
            .send()
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().unwrap();
        assert!(status.is_success(), "{status} {body}");
        let text = |key: &str| {
            body[key]
                .as_str()
                .unwrap_or_else(|| panic!("no {key} in {body}"))
                .to_owned()
        };
        Self {
            client,
            base: base.to_owned(),
            id: text("deviceId"),
            token: text("token"),
        }
    }

    /// The same device at another address, as after a restart of fleetd.
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// The same device with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The same token with another device's id.
    pub fn with_id(&self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self.clone()
        }
    }

    /// Posts bytes with headers to a path; `{id}` stands for the device.
    pub fn post_raw(&self, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.base, path.replace("{id}", &self.id));
        let mut request = self
            .client
            .post(url)
            .bearer_auth(&self.token)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).send()
    }

    /// Posts JSON; gives status and answer (null where there is none).
    pub fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.post_raw(path, body.to_string().into_bytes(), &[]).unwrap();
        let status = answer.status();
        let text = answer.text().unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("the answer is not JSON: {error}\n{text}"))
        };
        (status, body)
    }

    /// Sends readings; gives the answer, which must be 200.
    pub fn ingest(&self, readings: &Value) -> Value {
        let (status, body) = self.post(
            "/api/telemetry/ingest",
            &json!({"deviceId": self.id, "readings": readings}),
        );
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }
}
