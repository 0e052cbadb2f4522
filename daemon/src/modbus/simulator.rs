//! The simulator: serves the slaves of a GatewayConfig as Modbus TCP, with values by script.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use fleet_proto::manifest;
use fleet_proto::pb::resource::Spec;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_modbus::server::{Service, tcp};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_util::sync::CancellationToken;

use crate::domain::Clock;
use crate::domain::kinds::gateway_config::{self, GatewayConfig, Slave};
use crate::domain::modbus::value::encode;
use crate::domain::telemetry::Micros;

/// A simulation file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Address to listen on; port 0: any.
    #[serde(default = "any_port")]
    listen: String,
    /// File of the manifest that holds the GatewayConfig, relative to this file.
    config: String,
    /// Name of the GatewayConfig; the first one unless said.
    name: Option<String>,
    /// By `slaveId/label`; registers that are not named stand at 0.
    #[serde(default)]
    values: HashMap<String, Script>,
    /// Registers by `slaveId/address` that hold this word, such as SunSpec's scale factors.
    #[serde(default)]
    raw: HashMap<String, u16>,
}

fn any_port() -> String {
    "127.0.0.1:0".to_owned()
}

/// How a value goes with time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase", untagged)]
enum Script {
    Constant(f64),
    Sine { sine: Sine },
    Ramp { ramp: Ramp },
    Counter { counter: Counter },
}

/// mean + amplitude × sin(2π t / period)
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sine {
    mean: f64,
    amplitude: f64,
    /// Seconds.
    period: f64,
}

/// From one value to the other, again and again.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ramp {
    from: f64,
    to: f64,
    /// Seconds.
    period: f64,
}

/// Grows for ever.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Counter {
    start: f64,
    per_second: f64,
}

impl Script {
    fn at(self, seconds: f64) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Sine { sine } => sine.mean + sine.amplitude * (std::f64::consts::TAU * seconds / sine.period).sin(),
            Self::Ramp { ramp } => ramp.from + (ramp.to - ramp.from) * (seconds / ramp.period).rem_euclid(1.0),
            Self::Counter { counter } => counter.start + counter.per_second * seconds,
        }
    }
}

/// Why a simulation cannot run.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Unusable {
    place: String,
    message: String,
}

fn unusable(place: impl std::fmt::Display, message: impl std::fmt::Display) -> Unusable {
    Unusable { place: place.to_string(), message: message.to_string() }
}

/// A loaded simulation.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// Address to listen on.
    pub listen: String,
    config: Arc<GatewayConfig>,
    values: Arc<HashMap<String, Script>>,
    raw: Arc<HashMap<(u8, u16), u16>>,
    clock: Arc<dyn Clock>,
    begin: Micros,
}

impl Simulation {
    /// Reads a simulation file and the manifest that it names.
    pub fn load(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Unusable> {
        let text = std::fs::read_to_string(path).map_err(|e| unusable(path.display(), e))?;
        let manifest_path = |config: &str| path.parent().unwrap_or(Path::new(".")).join(config);
        Self::parse(&path.display().to_string(), &text, clock, |config| {
            let at = manifest_path(config);
            std::fs::read(&at).map(|bytes| (at.display().to_string(), bytes)).map_err(|e| unusable(at.display(), e))
        })
    }

    /// Reads a simulation from text; `open` gives the name and bytes of the manifest.
    pub fn parse(name: &str, text: &str, clock: Arc<dyn Clock>, open: impl Fn(&str) -> Result<(String, Vec<u8>), Unusable>) -> Result<Self, Unusable> {
        let file: File = serde_yaml::from_str(text).map_err(|e| unusable(name, e))?;
        let (manifest_name, bytes) = open(&file.config)?;
        let bundle = manifest::read(vec![manifest::Source { name: manifest_name.clone(), text: bytes }]);
        if let Some(problem) = bundle.problems.first() {
            return Err(unusable(name, bundle.render(problem).trim_end()));
        }
        let spec = bundle
            .documents
            .iter()
            .filter_map(|document| document.submission.resource.as_ref())
            .filter(|resource| file.name.as_ref().is_none_or(|name| resource.metadata.as_ref().is_some_and(|m| m.name == *name)))
            .find_map(|resource| if let Some(Spec::GatewayConfig(spec)) = &resource.spec { Some(spec.clone()) } else { None })
            .ok_or_else(|| unusable(&manifest_name, "holds no such GatewayConfig; name one that it holds with `name:`"))?;
        let config = gateway_config::parse(&spec)
            .map_err(|issues| unusable(&manifest_name, issues.iter().map(|i| format!("{}: {}", i.path, i.message)).collect::<Vec<_>>().join("; ")))?;
        for key in file.values.keys() {
            let known = config.slaves.iter().any(|slave| slave.registers.iter().any(|register| *key == format!("{}/{}", slave.slave_id, register.label)));
            if !known {
                return Err(unusable(format!("{name}: values.{key}"), "there is no such register; write `slaveId/label`"));
            }
        }
        let mut raw = HashMap::new();
        for (key, word) in file.raw {
            let parsed = key.split_once('/').and_then(|(slave, address)| Some((slave.parse().ok()?, address.parse().ok()?)));
            raw.insert(parsed.ok_or_else(|| unusable(format!("{name}: raw.{key}"), "write `slaveId/address`"))?, word);
        }
        let begin = clock.now();
        Ok(Self { listen: file.listen, config: Arc::new(config), values: Arc::new(file.values), raw: Arc::new(raw), clock, begin })
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let accept = |stream, address| {
            let service = self.clone();
            async move { tcp::accept_tcp_connection(stream, address, move |_| Ok(Some(service.clone()))) }
        };
        // A client that goes away is no failure of the simulator.
        let lost = |error| tracing::debug!(%error, "a client of the simulator went away");
        tcp::Server::new(listener).serve_until(&accept, lost, async move { shutdown.cancelled().await }).await.map(|_| ())
    }

    /// The words of a slave now.
    fn words(&self, slave: &Slave) -> HashMap<(bool, u16), u16> {
        let seconds = (self.clock.now() - self.begin) as f64 / 1e6;
        let mut words: HashMap<(bool, u16), u16> =
            self.raw.iter().filter(|((id, _), _)| *id == slave.slave_id).map(|((_, address), word)| ((false, *address), *word)).collect();
        for register in &slave.registers {
            let script = self.values.get(&format!("{}/{}", slave.slave_id, register.label)).copied();
            let exponent = register.scale_register.map(|address| words.get(&(false, address)).copied().unwrap_or(0));
            let own = encode(register, script.map_or(register.offset, |script| script.at(seconds)), exponent);
            for (address, word) in (register.address..).zip(own) {
                words.insert((register.function_code <= 2, address), word);
            }
        }
        words
    }

    fn answer(&self, request: &SlaveRequest<'_>) -> Result<Response, ExceptionCode> {
        let slave = self.config.slaves.iter().find(|slave| slave.slave_id == request.slave).ok_or(ExceptionCode::GatewayTargetDevice)?;
        let words = self.words(slave);
        // Holes between registers read as 0, as most meters have it; what lies outside is refused.
        let read = |bits: bool, address: u16, count: u16| {
            let inside = |at: &u16| words.keys().any(|(b, known)| *b == bits && known <= at) && words.keys().any(|(b, known)| *b == bits && known >= at);
            let last = address.checked_add(count.saturating_sub(1)).ok_or(ExceptionCode::IllegalDataAddress)?;
            if count == 0 || !inside(&address) || !inside(&last) {
                return Err(ExceptionCode::IllegalDataAddress);
            }
            Ok((address..=last).map(|at| words.get(&(bits, at)).copied().unwrap_or(0)).collect::<Vec<u16>>())
        };
        let bits = |words: Vec<u16>| words.into_iter().map(|word| word != 0).collect();
        match request.request {
            Request::ReadCoils(address, count) => read(true, address, count).map(bits).map(Response::ReadCoils),
            Request::ReadDiscreteInputs(address, count) => read(true, address, count).map(bits).map(Response::ReadDiscreteInputs),
            Request::ReadHoldingRegisters(address, count) => read(false, address, count).map(Response::ReadHoldingRegisters),
            Request::ReadInputRegisters(address, count) => read(false, address, count).map(Response::ReadInputRegisters),
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }
}

impl Service for Simulation {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        std::future::ready(self.answer(&request))
    }
}
