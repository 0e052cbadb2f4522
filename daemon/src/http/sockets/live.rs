//! `/ws/live`: readings as they are committed, by what somebody subscribes to.

use std::pin::Pin;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fleet_proto::kinds::Kind;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_stream::{StreamExt as _, StreamMap};

use super::{End, Socket, Sockets, until};
use crate::domain::Caller;
use crate::http::answers::Problem;
use crate::http::gate::{self, Tenant};
use crate::http::renamed::reading;
use crate::http::resources::org_of;
use crate::http::{Services, Shared, browsers};
use crate::services::telemetry::{LatestRow, Range};

/// Bytes of a message.
const LARGEST: usize = 64 << 10;
/// Subscriptions of a socket.
const MOST: usize = 100;

/// Which readings somebody wants to see; empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    org: String,
    device: String,
    sensor: String,
    site: String,
}

/// What somebody says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    Subscribe(Wanted),
    Unsubscribe(Wanted),
}

type Event = (Vec<LatestRow>, u64);
type Followed = StreamMap<Wanted, Pin<Box<dyn Stream<Item = Event> + Send>>>;

/// Who is at the other end.
struct Viewer {
    services: Shared,
    caller: Caller,
    tenant: Tenant,
}

pub(in crate::http) async fn live(
    State(services): State<Shared>,
    Extension(sockets): Extension<Sockets>,
    Extension(caller): Extension<Caller>,
    Extension(tenant): Extension<Tenant>,
    uri: Uri,
    headers: HeaderMap,
    asked: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (credential, is_cookie) = gate::credential(&headers)?;
    if is_cookie {
        // A browser sends the cookie along, whichever page asks, and lets the page read what comes.
        browsers::own_origin(&services.settings, &uri, &headers)?;
    }
    let known = services.access.authenticate(&credential).await?;
    let caller = caller.renewed(&known);
    sockets.open(asked, LARGEST, async move |mut socket, shutdown| {
        let access = services.access.clone();
        let viewer = Viewer {
            services,
            caller,
            tenant,
        };
        let ended = Box::pin(access.ended(&credential, &known));
        let end = until(shutdown, ended, Box::pin(viewer.show(&mut socket))).await;
        socket.end(end).await;
    })
}

impl Viewer {
    fn services(&self) -> &Services {
        &self.services
    }

    async fn show(&self, socket: &mut Socket) -> End {
        let mut followed = Followed::new();
        loop {
            let said = tokio::select! {
                text = socket.next() => match text {
                    Ok(text) => self.answer(&mut followed, &text).await,
                    Err(end) => return end,
                },
                Some((wanted, event)) = followed.next(), if !followed.is_empty() => told(&wanted, &event),
            };
            if let Err(end) = socket.say(&said).await {
                return end;
            }
        }
    }

    async fn answer(&self, followed: &mut Followed, text: &str) -> Value {
        match Box::pin(self.done(followed, text)).await {
            Ok(said) => said,
            Err(problem) => problem.body(),
        }
    }

    async fn done(&self, followed: &mut Followed, text: &str) -> Result<Value, Problem> {
        let asked: Asked = serde_json::from_str(text).map_err(|error| {
            Problem::bad_request(format!(
                "the message is neither a `subscribe` nor an `unsubscribe`: {error}"
            ))
        })?;
        match asked {
            Asked::Unsubscribe(wanted) => match followed.remove(&wanted) {
                Some(_) => Ok(json!({"unsubscribed": wanted})),
                None => Err(Problem::bad_request(
                    "there is no such subscription: repeat what was subscribed to",
                )),
            },
            Asked::Subscribe(wanted) => {
                self.services().rates.caller(&self.caller)?;
                self.services().rates.organization(&self.caller)?;
                if followed.contains_key(&wanted) {
                    return Err(Problem::bad_request("it is subscribed to already"));
                }
                if followed.len() >= MOST {
                    return Err(Problem::bad_request(format!(
                        "a socket has {MOST} subscriptions at most"
                    )));
                }
                let said = json!({"subscribed": wanted});
                let events = self.follow(&wanted).await?;
                followed.insert(wanted, events);
                Ok(said)
            }
        }
    }

    async fn follow(&self, wanted: &Wanted) -> Result<Pin<Box<dyn Stream<Item = Event> + Send>>, Problem> {
        let range = Range {
            org: org_of(self.services(), &self.caller, &self.tenant, Kind::Device, &wanted.org).await?,
            device: wanted.device.clone(),
            sensor: wanted.sensor.clone(),
            site: wanted.site.clone(),
            ..Range::default()
        };
        let tail = self.services().telemetry.follow(&self.caller, range, false).await?;
        Ok(Box::pin(stream::unfold(tail, async |mut tail| {
            let event = tail.next().await?;
            Some((event, tail))
        })))
    }
}

/// An event as it is sent.
fn told(wanted: &Wanted, (rows, skipped): &Event) -> Value {
    let mut told = json!({"subscription": wanted, "readings": rows.iter().map(reading).collect::<Vec<_>>()});
    if *skipped > 0 {
        told["skipped"] = (*skipped).into();
    }
    told
}
