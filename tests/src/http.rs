//! Management over HTTP, as a program or a browser sees it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What fleetd answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where there is none, a text where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The values of cookies that it sets, with their rules.
    pub fn cookies(&self) -> Vec<(String, String, String)> {
        let cookies = self.headers.get_all("set-cookie").iter();
        let parts = |text: &str| {
            let (pair, rules) = text.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned(), rules.to_owned())
        };
        cookies.map(|value| parts(value.to_str().unwrap())).collect()
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().unwrap();
        let body = match text.as_str() {
            "" => Value::Null,
            text if !headers
                .get("content-type")
                .is_some_and(|kind| kind.to_str().unwrap().contains("json")) =>
            {
                json!(text)
            }
            text => serde_json::from_str(text).unwrap_or_else(|error| panic!("{status} {error}: {text}")),
        };
        Self { status, headers, body }
    }
}

/// Does a status say that all went well? A socket that is opened does not end with a success.
fn succeeds(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS
}

/// Somebody before the HTTP door.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    base: String,
    headers: Vec<(String, String)>,
    /// Takes a 429 for an answer.
    hasty: bool,
    /// `METHOD /path` of what succeeded, where that is kept.
    kept: Option<Arc<Mutex<Vec<String>>>>,
}

impl Http {
    /// Somebody who shows nothing.
    pub fn new(base: &str) -> Self {
        Self::by(Client::new(), base)
    }

    /// The same, by a client of one's own.
    pub fn by(client: Client, base: &str) -> Self {
        Self {
            client,
            base: base.to_owned(),
            headers: Vec::new(),
            hasty: false,
            kept: None,
        }
    }

    /// The same, with a further header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self {
            headers,
            ..self.clone()
        }
    }

    /// Asks for a WebSocket, and does not use it.
    pub fn upgrade(&self, path: &str) -> Answer {
        let asking = self.with("connection", "upgrade").with("upgrade", "websocket");
        let asking = asking.with("sec-websocket-version", "13");
        asking.with("sec-websocket-key", "MDEyMzQ1Njc4OWFiY2RlZg==").get(path)
    }

    /// A header that it sends; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }

    /// The same, without a header.
    pub fn without(&self, name: &str) -> Self {
        let mut without = self.clone();
        without.headers.retain(|(own, _)| own != name);
        without
    }

    /// The same, which does not wait when it is told to.
    pub fn hasty(&self) -> Self {
        Self {
            hasty: true,
            ..self.clone()
        }
    }

    /// The same, which keeps what succeeds, as do those that are made from it.
    pub fn recording(&self) -> Self {
        Self {
            kept: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// `METHOD /path` of what succeeded.
    pub fn successes(&self) -> Vec<String> {
        self.kept
            .as_ref()
            .map(|kept| kept.lock().unwrap().clone())
            .unwrap_or_default()
    }

    /// Notes how a call ended.
    pub fn sent(&self, method: &Method, path: &str, status: StatusCode) {
        if let Some(kept) = self.kept.as_ref().filter(|_| succeeds(status)) {
            kept.lock().unwrap().push(format!("{method} {path}"));
        }
    }

    /// The same, with a token.
    pub fn token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Logs in and goes on with the access token.
    #[track_caller]
    pub fn login(&self, user: &str, password: &str) -> Self {
        let body = json!({"user": user, "password": password, "tokens": true});
        let answer = self.post("/api/auth/login", &body).is(200);
        self.token(answer.body["accessToken"].as_str().unwrap())
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.sending(method, path, &|request| match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    fn sending(&self, method: Method, path: &str, fill: &dyn Fn(RequestBuilder) -> RequestBuilder) -> Answer {
        loop {
            let request = fill(self.request(method.clone(), path));
            let answer = Answer::from(request.send().unwrap());
            if self.hasty || answer.status != StatusCode::TOO_MANY_REQUESTS {
                self.sent(&method, path, answer.status);
                return answer;
            }
            let seconds = answer.header("retry-after").parse().unwrap();
            std::thread::sleep(Duration::from_secs(seconds));
        }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None)
    }

    /// `POST`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body))
    }

    /// `POST` of bytes as they are.
    pub fn post_bytes(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        self.sending(Method::POST, path, &|request| request.body(body.clone()))
    }

    /// `PUT`.
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body))
    }

    /// `PATCH`.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body))
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None)
    }
}
