//! The gate in front of every method: it lets in whom the contract's permission of the method lets in, and ends
//! streams whose caller may no longer have them. What the contract does not name is refused.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http;
use fleet_proto::access::Permission;
use fleet_proto::reflect;
use http_body::Frame;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Code, Request, Status};
use tower::{Layer, Service};

use crate::domain::Caller;
use crate::domain::caller::Origin;
use crate::services::access::{Access, Credential, admitted};
use crate::services::rates::Rates;
use crate::services::{Error, Result as Done};

/// Frames of an answer after which the caller is looked at again although the answer never pauses.
const FRAMES: u32 = 64;

/// Whom a method lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Everybody.
    Nothing,
    /// Whoever is known.
    Caller,
    /// Who has it, somewhere: where, the service decides.
    Permission(Permission),
}

#[derive(Clone, Copy, Debug)]
struct Method {
    needs: Needs,
    /// The caller sends for as long as it likes.
    takes_stream: bool,
    /// The answer goes on for as long as fleetd likes.
    gives_stream: bool,
}

/// Every method of the contract by its path. A method whose permission cannot be read is missing, and so refused;
/// that there is none, the build sees to.
static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let mut methods = HashMap::new();
    let Some(extension) = reflect::pool().get_extension_by_name("fleet.v1.permission") else {
        return methods;
    };
    for service in reflect::pool().services() {
        for method in service.methods() {
            let options = method.options();
            let text = options.get_extension(&extension);
            let Some(needs) = text.as_str().and_then(needs) else {
                continue;
            };
            let found = Method {
                needs,
                takes_stream: method.is_client_streaming(),
                gives_stream: method.is_server_streaming(),
            };
            methods.insert(format!("/{}/{}", service.full_name(), method.name()), found);
        }
    }
    methods
});

fn needs(text: &str) -> Option<Needs> {
    match text {
        "public:anybody" => Some(Needs::Nothing),
        "self:caller" => Some(Needs::Caller),
        text => Permission::of_method(text).map(Needs::Permission),
    }
}

fn method(path: &str) -> Option<Method> {
    if path.starts_with("/grpc.reflection.") {
        return Some(Method {
            needs: Needs::Caller,
            takes_stream: false,
            gives_stream: true,
        });
    }
    METHODS.get(path).copied()
}

/// `ResourceService.Get` of `/fleet.v1.ResourceService/Get`.
fn short(path: &str) -> String {
    let name = path.rsplit_once('.').map_or(path, |(_, name)| name);
    name.replace('/', ".")
}

/// Builds the gate around a service.
#[derive(Clone)]
pub(super) struct Gate {
    access: Access,
    rates: Rates,
    /// The user that fleetd runs as.
    own: u32,
}

impl Gate {
    pub(super) fn new(access: Access, rates: Rates) -> Self {
        Self {
            access,
            rates,
            own: rustix::process::getuid().as_raw(),
        }
    }

    /// What the caller shows: a token, or who it is to the operating system.
    fn credential<B>(&self, request: &http::Request<B>) -> Done<Credential> {
        let unknown = |message: &str| Error::Unauthenticated(message.to_owned());
        if let Some(value) = request.headers().get(http::header::AUTHORIZATION) {
            let text = value.to_str().ok().and_then(|text| text.split_once(' '));
            return match text {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Ok(Credential::Bearer(token.trim().into()))
                }
                _ => Err(unknown("`authorization` holds no Bearer token")),
            };
        }
        let peer = request.extensions().get::<UdsConnectInfo>();
        match peer.map(|info| info.peer_cred.map(|cred| cred.uid())) {
            Some(Some(uid)) if uid == self.own || uid == 0 => Ok(Credential::Socket(uid)),
            Some(_) => Err(Error::Denied(
                "only fleetd's own user and root may use the socket without a token".to_owned(),
            )),
            None => Err(unknown("no credential: log in, or give a token")),
        }
    }

    /// Who calls, from where; nowhere: at the local socket, which has no rates.
    async fn known(&self, credential: Done<Credential>, address: Option<IpAddr>) -> Done<(Credential, Caller)> {
        let Some(address) = address else {
            let credential = credential?;
            let caller = self.access.authenticate(&credential).await?;
            return Ok((credential, caller));
        };
        let (credential, caller) = self.access.authenticate_at(&self.rates, address, credential).await?;
        self.rates
            .caller(&caller)
            .inspect_err(|_| self.access.held_up(&caller.clone().from(&address.to_string())))?;
        self.rates.organization(&caller)?;
        Ok((credential, caller))
    }

    async fn enter(
        &self,
        method: Method,
        name: &str,
        credential: Done<Credential>,
        address: Option<IpAddr>,
    ) -> Done<Option<Entered>> {
        let asked = match (method.needs, address) {
            (Needs::Nothing, Some(address)) => return self.rates.stranger(address).map(|()| None),
            (Needs::Nothing, None) => return Ok(None),
            (Needs::Caller, _) => None,
            (Needs::Permission(permission), _) => Some(permission),
        };
        let (credential, caller) = self.known(credential, address).await?;
        let origin = Origin {
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            request_id: uuid::Uuid::now_v7().to_string(),
        };
        let refused = caller.clone().asking(caller.asked(), origin.clone());
        let caller = admitted(caller, asked, None, origin).inspect_err(|error| {
            self.access.refused(&refused, name, &error.to_string());
        })?;
        Ok(Some(Entered { credential, caller }))
    }
}

#[derive(Clone)]
struct Entered {
    credential: Credential,
    caller: Caller,
}

impl<S> Layer<S> for Gate {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            gate: Arc::new(self.clone()),
            inner,
        }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    gate: Arc<Gate>,
    inner: S,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<http::Response<Body>, E>> + Send>>;

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The one that was polled to be ready is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            let credential = gate.credential(&request);
            let address = super::address(request.extensions());
            let Some(method) = method(request.uri().path()) else {
                return Ok(unknown_method(&gate, credential, address).await.into_http());
            };
            let name = short(request.uri().path());
            let entered = match gate.enter(method, &name, credential, address).await {
                Ok(entered) => entered,
                Err(error) => {
                    let status = Status::from(error);
                    tracing::debug!(path = request.uri().path(), %status, "a call was refused");
                    return Ok(status.into_http());
                }
            };
            let Some(entered) = entered else {
                return inner.call(request).await;
            };
            let caller = entered.caller.clone();
            request.extensions_mut().insert(caller.clone());
            // Whoever holds a request back must not have it done when it may no longer be: its body ends with its caller.
            let cut_off = ended(gate.access.clone(), entered.clone());
            let request = request.map(|body| Body::new(Guard::new(body, cut_off, None)));
            let note = Note {
                gate: Arc::clone(&gate),
                caller,
                name,
            };
            if method.gives_stream && !method.takes_stream {
                let ended = ended(gate.access.clone(), entered);
                let answer = inner.call(request).await?;
                note.look(answer.headers());
                return Ok(answer.map(|body| Body::new(Guard::new(body, ended, Some(note)))));
            }
            let answer = inner.call(request).await?;
            note.look(answer.headers());
            Ok(answer)
        })
    }
}

/// Only who may call something is told that there is no such method.
async fn unknown_method(gate: &Gate, credential: Done<Credential>, address: Option<IpAddr>) -> Status {
    match gate.known(credential, address).await {
        Err(error) => error.into(),
        Ok(_) => Status::unimplemented("there is no such method"),
    }
}

type Ended = Pin<Box<dyn Future<Output = Status> + Send>>;

fn ended(access: Access, entered: Entered) -> Ended {
    Box::pin(async move { access.ended(&entered.credential, &entered.caller).await.into() })
}

/// A stream that ends when its caller may no longer have it.
struct Guard {
    inner: Body,
    ended: Ended,
    /// Of an answer: its status stands behind the last message. A request that is cut off must not look as if it were
    /// whole: it ends with an error.
    answer: Option<Note>,
    frames: u32,
    is_over: bool,
}

/// Tells the audit log when a caller is refused.
struct Note {
    gate: Arc<Gate>,
    caller: Caller,
    name: String,
}

impl Note {
    fn look(&self, headers: &http::HeaderMap) {
        let status = Status::from_header_map(headers);
        if let Some(status) = status.filter(|status| status.code() == Code::PermissionDenied) {
            self.gate.access.refused(&self.caller, &self.name, status.message());
        }
    }
}

impl Guard {
    fn new(inner: Body, ended: Ended, answer: Option<Note>) -> Self {
        Self {
            inner,
            ended,
            answer,
            frames: 0,
            is_over: false,
        }
    }

    fn end(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_over = true;
        if self.answer.is_none() {
            return Poll::Ready(Some(Err(axum::Error::new(status))));
        }
        let mut trailers = http::HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(axum::Error::new(error)))),
        }
    }
}

impl http_body::Body for Guard {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, axum::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.frames += 1;
        // What is ready was allowed when it was made; an answer that is always ready must not outrun a revocation.
        if self.frames.is_multiple_of(FRAMES)
            && let Poll::Ready(status) = self.ended.as_mut().poll(cx)
        {
            return self.end(status);
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let (Some(note), Some(Ok(frame))) = (&self.answer, &frame)
                    && let Some(trailers) = frame.trailers_ref()
                {
                    note.look(trailers);
                }
                Poll::Ready(frame)
            }
            Poll::Pending => match self.ended.as_mut().poll(cx) {
                Poll::Ready(status) => self.end(status),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

/// The caller that the gate let in.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Error::Unauthenticated("the caller is not known".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_contract_says_whom_it_lets_in() {
        let all: Vec<_> = reflect::pool()
            .services()
            .flat_map(|service| {
                service
                    .methods()
                    .map(|method| method.full_name().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(all.len() > 20);
        for name in &all {
            let (service, own) = name.rsplit_once('.').unwrap();
            assert!(
                method(&format!("/{service}/{own}")).is_some(),
                "{name} names no permission that exists"
            );
        }
        assert_eq!(METHODS.len(), all.len());
        assert!(method("/fleet.v1.ResourceService/Nothing").is_none());
        assert!(method("/fleet.v1.ResourceService/get").is_none(), "case matters");
        assert!(method("//fleet.v1.ResourceService/Get").is_none());
    }
}
