//! The HTTP door: what devices and browsers call, and what watches fleetd.

mod answers;
mod auth;
mod browsers;
mod cookies;
mod devices;
mod extract;
mod gate;
mod ingest;
mod line;
mod log;
mod me;
mod openapi;
mod parse;
mod provision;
mod quick;
mod readings;
mod remote_write;
mod renamed;
mod resources;
mod routes;
mod sockets;
mod system;
mod table;
mod webhook;
mod write_lines;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::trace::TraceLayer;
use uuid::Uuid;

use crate::domain::certificates::{self, Presented};
use crate::listen::{Connection, Listener};
use crate::services::access::Access;
use crate::services::devices::Devices;
use crate::services::log::Log;
use crate::services::rates::Rates;
use crate::services::resources::Resources;
use crate::services::system::System;
use crate::services::telemetry::Telemetry;
use answers::Problem;

/// Largest body of a call; batches of readings may have twice as much.
const BODY: usize = 4 << 20;
const BATCH: usize = 8 << 20;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const HEADER_BYTES: usize = 16 << 10;
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(5);

/// How the door is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Origins whose pages may ask, besides the own one.
    pub cors_origins: Vec<HeaderValue>,
    /// Strangers may make themselves known.
    pub allow_registration: bool,
    /// The listener speaks TLS.
    pub secure: bool,
}

/// What the door opens on.
#[derive(Debug)]
pub struct Services {
    /// Who may call.
    pub access: Access,
    /// Resources of every kind.
    pub resources: Resources,
    /// Provisioning, heartbeats, commands.
    pub devices: Devices,
    /// Readings.
    pub telemetry: Telemetry,
    /// What happened.
    pub log: Log,
    /// Readiness.
    pub system: System,
    /// Figures.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
    /// How it is set up.
    pub settings: Settings,
    /// How often who has called.
    pub rates: Rates,
}

/// As handlers have them: each request gets its own handle, several times over.
type Shared = Arc<Services>;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
struct Peer {
    address: SocketAddr,
    /// What its certificate says; read once for all requests of the connection.
    certificate: Option<Arc<Presented>>,
}

/// Every route.
pub fn router(services: Services) -> Router {
    let services = Arc::new(services);
    routes::router(&table::all(), &services)
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such path").into_response()
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "the path has no such method",
            )
            .into_response()
        })
        // One layer of layers: each of its own would put every route into another box.
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(Arc::clone(&services), frame))
                .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(RequestDecompressionLayer::new()),
        )
        .with_state(services)
}

fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = id.unwrap_or_default();
    tracing::debug_span!("http", method = %request.method(), path = request.uri().path(), id)
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("unknown"), "a request panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "internal error; see the fleetd log",
    )
    .into_response()
}

/// What holds for every request and answer. Headers and addresses above their limit are refused: the connection's buffer
/// is larger, since bodies go through it, too. The id of a request stands in the audit log, and whoever calls does not
/// choose it.
async fn frame(State(services): State<Shared>, mut request: Request, next: Next) -> Response {
    let settings = &services.settings;
    let id = request_id();
    request.headers_mut().insert(REQUEST_ID, id.clone());
    // Whoever writes remotely compresses like this and in no other way: the handler decompresses, and no layer.
    if request.uri().path().trim_end_matches('/') == remote_write::PATH {
        request.headers_mut().remove(header::CONTENT_ENCODING);
    }
    let bytes: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let asked = request.uri().path_and_query().map_or(0, |asked| asked.as_str().len());
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .filter(|_| !settings.cors_origins.is_empty())
        .cloned();
    let mut response = if bytes > HEADER_BYTES {
        let detail = format!("the headers take {bytes} bytes, and at most {HEADER_BYTES} are read");
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail).into_response()
    } else if asked > HEADER_BYTES {
        let detail = format!("the address takes {asked} bytes, and at most {HEADER_BYTES} are read");
        Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail).into_response()
    } else if let Some(answer) = browsers::preflight(settings, request.method(), request.headers()) {
        answer
    } else {
        next.run(request).await
    };
    browsers::mark(settings, origin.as_ref(), response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn request_id() -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// A certificate that does not read like one of ours shows nothing.
fn peer(connection: &Connection) -> Peer {
    let presented = connection.peer_certificate().map(certificates::presented);
    Peer {
        address: connection.peer(),
        certificate: presented.and_then(Result::ok).map(Arc::new),
    }
}

/// Serves until `shutdown`, then lets running requests finish for a while.
pub async fn serve(listener: Listener, services: Services, shutdown: CancellationToken) {
    let sockets = sockets::Sockets::new(shutdown.clone());
    let app = axum::Extension(sockets.clone()).layer(router(services));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES + 64 * 1024);
    builder
        .http2()
        .max_concurrent_streams(100)
        .max_header_list_size(HEADER_BYTES as u32);
    let mut connections = JoinSet::new();
    loop {
        let arrival = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            arrival = listener.accept() => arrival,
        };
        let (app, builder, shutdown) = (app.clone(), builder.clone(), shutdown.clone());
        connections.spawn(async move {
            let stream = match arrival.greet(shutdown.clone()).await {
                Ok(stream) => stream,
                Err(error) => return tracing::debug!(%error, "a handshake failed"),
            };
            // Around the router, and not with `Router::layer`: that would build all routes anew for each connection.
            let service = axum::Extension(peer(&stream)).layer(app);
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
            tokio::pin!(connection);
            tokio::select! {
                done = connection.as_mut() => if let Err(error) = done { tracing::debug!(%error, "a connection ended early") },
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    if let Err(error) = connection.await { tracing::debug!(%error, "a connection ended early") }
                }
            }
        });
    }
    let drained = async {
        while connections.join_next().await.is_some() {}
        sockets.over().await;
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("requests were still running after the time to drain");
    }
}
