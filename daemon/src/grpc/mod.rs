//! The gRPC door: unpacks, calls, wraps. The only place that knows tonic.

mod access;
mod applied;
mod audit;
mod bundle;
mod device;
mod gate;
mod listen;
mod log;
mod modbus;
mod resource;
mod status;
mod system;
mod telemetry;

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use fleet_proto::pb::access_service_server::AccessServiceServer;
use fleet_proto::pb::audit_service_server::AuditServiceServer;
use fleet_proto::pb::device_service_server::DeviceServiceServer;
use fleet_proto::pb::log_service_server::LogServiceServer;
use fleet_proto::pb::modbus_service_server::ModbusServiceServer;
use fleet_proto::pb::resource_service_server::ResourceServiceServer;
use fleet_proto::pb::system_service_server::SystemServiceServer;
use fleet_proto::pb::telemetry_service_server::TelemetryServiceServer;
use futures_util::{Stream, stream};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::listen::Listener;
use crate::modbus::Buses;
use crate::services::access::Access;
use crate::services::audit::Audit;
use crate::services::devices::Devices;
use crate::services::log::Log;
use crate::services::rates::Rates;
use crate::services::resources::Resources;
use crate::services::system::System;
use crate::services::telemetry::Telemetry;
use crate::services::{Error, Result};

pub use listen::Peer;

/// Largest message that a caller may send.
const LARGEST_MESSAGE: usize = 16 << 20;
/// After this time a connection takes no more calls; those under way go on, however long they are. (With a grace tonic
/// would not tell the client, and cut them.)
const OLDEST_CONNECTION: Duration = Duration::from_secs(30 * 60);
/// A peer that is not heard of for this time is asked, and given up after as much again.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Largest message to those methods that need no more than names and passwords.
const SMALL_MESSAGE: usize = 64 << 10;

/// What the door opens on.
#[derive(Clone, Debug)]
pub struct Services {
    /// Who may call.
    pub access: Access,
    /// Who did what.
    pub audit: Audit,
    /// What happened.
    pub log: Log,
    /// Resources of every kind.
    pub resources: Resources,
    /// Claim tokens, commands, logs.
    pub devices: Devices,
    /// Readings.
    pub telemetry: Telemetry,
    /// Bus actors.
    pub buses: Buses,
    /// About fleetd.
    pub system: System,
    /// How often who has called.
    pub rates: Rates,
}

/// Serves the same on a Unix socket, and over TCP if there is a listener, until `shutdown`.
pub async fn serve(
    socket: UnixListener,
    tcp: Option<Listener>,
    services: Services,
    shutdown: CancellationToken,
) -> std::result::Result<(), tonic::transport::Error> {
    let routes = routes(services, shutdown.clone()).await;
    let stop = || shutdown.clone().cancelled_owned();
    let local = server().serve_with_incoming_shutdown(routes.clone(), UnixListenerStream::new(socket), stop());
    let remote = async {
        match tcp {
            None => Ok(()),
            Some(listener) => {
                let incoming = listen::incoming(listener, shutdown.clone());
                server().serve_with_incoming_shutdown(routes, incoming, stop()).await
            }
        }
    };
    tokio::try_join!(local, remote).map(|((), ())| ())
}

/// What each connection is held to.
fn server() -> Server {
    Server::builder()
        .max_concurrent_streams(100)
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_header_list_size(16 << 10)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .max_connection_age(OLDEST_CONNECTION)
}

/// Every service, behind the gate; health before it, since whoever asks for it has no credential.
async fn routes(services: Services, shutdown: CancellationToken) -> Routes {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let gate = gate::Gate::new(services.access.clone(), services.rates);
    let mut gated = Routes::default()
        .add_service(AuditServiceServer::new(audit::Door::new(services.audit)))
        .add_service(LogServiceServer::new(log::Door::new(services.log)).max_decoding_message_size(SMALL_MESSAGE))
        // Some of its methods are for everybody: nobody may make fleetd hold much for them.
        .add_service(
            AccessServiceServer::new(access::Door::new(services.access)).max_decoding_message_size(SMALL_MESSAGE),
        )
        .add_service(
            ResourceServiceServer::new(resource::Door::new(
                services.resources.clone(),
                services.devices.clone(),
                services.telemetry.clone(),
            ))
            .max_decoding_message_size(LARGEST_MESSAGE),
        )
        .add_service(DeviceServiceServer::new(device::Door::new(services.devices)))
        .add_service(TelemetryServiceServer::new(telemetry::Door::new(
            services.telemetry,
            shutdown,
        )))
        .add_service(ModbusServiceServer::new(modbus::Door::new(
            services.resources,
            services.buses,
        )))
        .add_service(SystemServiceServer::new(system::Door::new(services.system)));
    if cfg!(debug_assertions) {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(fleet_proto::DESCRIPTORS)
            .build_v1();
        match reflection {
            Ok(reflection) => gated = gated.add_service(reflection),
            Err(error) => tracing::warn!(%error, "the contract cannot be asked for"),
        }
    }
    Routes::from(gated.into_axum_router().layer(gate))
        .add_service(health)
        .prepare()
}

/// The items of `receiver`, while `work` goes on that sends them; its failure ends the stream, behind all of them.
fn driven<T: Send + 'static, E: Into<Status>>(
    work: impl Future<Output = std::result::Result<(), E>> + Send + 'static,
    receiver: mpsc::Receiver<T>,
) -> impl Stream<Item = std::result::Result<T, Status>> + Send + 'static {
    let begin = (Some(Box::pin(work)), receiver, None);
    stream::unfold(begin, |(mut work, mut receiver, mut failure)| async move {
        loop {
            let Some(working) = work.as_mut() else {
                return match receiver.recv().await {
                    Some(item) => Some((Ok(item), (work, receiver, failure))),
                    None => failure.take().map(|status| (Err(status), (work, receiver, None))),
                };
            };
            tokio::select! {
                biased;
                Some(item) = receiver.recv() => return Some((Ok(item), (work, receiver, failure))),
                done = working => {
                    work = None;
                    failure = done.err().map(Into::into);
                }
            }
        }
    })
}

/// Work that computes for seconds, with a thread to itself: the runtime gives its other tasks to another one, so that
/// the requests of devices do not queue behind it. It costs the work about half of its speed.
async fn aside<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Handle::current();
    match runtime.runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| runtime.block_on(work)),
        _ => work.await,
    }
}

/// The peer's address; none at the local socket.
fn address(extensions: &axum::http::Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().map(|Peer(peer)| peer.ip())
}

/// The address of a call's peer; empty at the local socket.
fn address_of<T>(request: &tonic::Request<T>) -> String {
    let peer = request.extensions().get::<Peer>();
    peer.map(|Peer(peer)| peer.ip().to_string()).unwrap_or_default()
}

/// A field of a request that must be there.
fn required<T>(value: Option<T>, path: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::Invalid(vec![fleet_proto::pb::Issue {
            path: path.to_owned(),
            message: "is missing".to_owned(),
            code: fleet_proto::codes::MISSING_FIELD.to_owned(),
            ..Default::default()
        }])
    })
}
