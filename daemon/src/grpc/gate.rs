//! The gate of the socket: fleetd's own user and root are the platform's administrators, anyone else is refused.

use tonic::service::InterceptorLayer;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};

use crate::domain::Caller;

/// Puts the caller into each request, or refuses it.
pub(super) fn layer() -> InterceptorLayer<impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone> {
    let own = rustix::process::getuid().as_raw();
    InterceptorLayer::new(move |mut request: Request<()>| {
        let peer = request
            .extensions()
            .get::<UdsConnectInfo>()
            .and_then(|info| info.peer_cred)
            .map(|cred| cred.uid());
        match peer {
            Some(uid) if uid == own || uid == 0 => {
                request.extensions_mut().insert(Caller::Platform {
                    actor: format!("uid:{uid}"),
                });
                Ok(request)
            }
            None => Err(Status::unauthenticated("no credential: log in, or give a token")),
            _ => Err(Status::permission_denied(
                "only fleetd's own user and root may use the socket",
            )),
        }
    })
}

/// The caller that the gate let in.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Status::unauthenticated("the caller is not known"))
}
