//! `/ws/devices`: readings of a device, one message after the other.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value};

use super::{End, Socket, Sockets, until};
use crate::http::answers::Problem;
use crate::http::parse::{self, Body};
use crate::http::{BATCH, Peer, Services, Shared, devices as calls, ingest};
use crate::services::devices::Identity;

/// By these a device may number its messages; the answer has them, too.
const ECHOED: [&str; 2] = ["id", "seq"];

pub(in crate::http) async fn devices(
    State(services): State<Shared>,
    Extension(sockets): Extension<Sockets>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    asked: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let identity = calls::calling(&services, &peer, &headers).await?;
    sockets.open(asked, BATCH, async move |mut socket, shutdown| {
        let ended = Box::pin(services.devices.ended(calls::shown(&peer, &headers), &identity));
        let end = until(shutdown, ended, Box::pin(answer_all(&services, &identity, &mut socket))).await;
        socket.end(end).await;
    })
}

async fn answer_all(services: &Services, identity: &Identity, socket: &mut Socket) -> End {
    loop {
        let text = match socket.next().await {
            Ok(text) => text,
            Err(end) => return end,
        };
        let answer = answer(services, identity, text.as_bytes()).await;
        if let Err(end) = socket.say(&answer).await {
            return end;
        }
    }
}

/// What became of a message, once its readings are durable.
async fn answer(services: &Services, identity: &Identity, message: &[u8]) -> Value {
    let mut echo = Map::new();
    // In a box: a socket that waits would carry the room that a look-up takes.
    let mut answer = match Box::pin(take(services, identity, message, &mut echo)).await {
        Ok(ingested) => ingested,
        Err(problem) => problem.body(),
    };
    if let Value::Object(fields) = &mut answer {
        fields.extend(echo);
    }
    answer
}

async fn take(
    services: &Services,
    identity: &Identity,
    message: &[u8],
    echo: &mut Map<String, Value>,
) -> Result<Value, Problem> {
    let mut parsed = parse::read(message).map_err(Problem::bad_request)?;
    if let Body::Patient(Value::Object(fields)) = &parsed {
        for name in ECHOED {
            if let Some(value @ (Value::String(_) | Value::Number(_))) = fields.get(name) {
                echo.insert(name.to_owned(), value.clone());
            }
        }
    }
    let ingested = services.telemetry.ingest(identity.uid, parsed.items()).await?;
    services.devices.saw(identity.uid);
    Ok(ingest::told(&ingested))
}
