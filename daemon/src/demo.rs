//! `fleetd demo`: the example site with two simulated devices and a gateway, and its readings as they come.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleet_proto::manifest::{self, Source};
use fleet_proto::pb;
use fleet_proto::pb::resource::Spec;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, SystemClock};
use crate::config::{Config, Flags};
use crate::domain::telemetry::{Quality, Value};
use crate::domain::{Caller, Clock as _};
use crate::modbus::simulator::Simulation;
use crate::services::devices::ClaimRequest;
use crate::services::resources::{Options, Outcome};
use crate::services::telemetry::LatestRow;

const ORG: &str = "acme-energy";
/// Hardware id of the example's gateway.
const GATEWAY: &str = "24:6F:28:AE:52:10";
/// Readings are shown this often.
const EVERY: Duration = Duration::from_secs(2);
/// What is shown of the many sensors: (device, sensor).
const SHOWN: &[(&str, &str)] = &[
    ("meter-1", "l1Voltage"),
    ("meter-1", "l1Current"),
    ("meter-1", "activePower"),
    ("meter-1", "frequency"),
    ("inverter-1", "acPower"),
    ("inverter-1", "energy"),
    ("heat-meter-1", "flowTemperature"),
];

macro_rules! example {
    ($name:literal) => {
        ($name, include_str!(concat!("../../examples/", $name)))
    };
}

const MANIFESTS: &[(&str, &str)] = &[
    example!("01-first-site/organization.yaml"),
    example!("01-first-site/places.yaml"),
    example!("01-first-site/meter.yaml"),
    example!("01-first-site/inverter.yaml"),
    example!("01-first-site/gateway.yaml"),
    example!("01-first-site/texts.yaml"),
    example!("01-first-site/configurations.yaml"),
];
/// Simulated device and its simulation.
const SIMULATIONS: &[(&str, (&str, &str))] = &[
    ("meter-1", example!("simulate/meter.yaml")),
    ("inverter-1", example!("simulate/inverter.yaml")),
];

/// Runs until `stop` or for `time`. An error: something failed, or no reading arrived.
pub async fn run(
    mut flags: Flags,
    time: Option<Duration>,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    // Gone when the demo ends; what --data-dir names stays.
    let temporary = match &flags.data_dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("fleetd-demo-")
                .tempdir()
                .map_err(text)?,
        ),
    };
    if let Some(dir) = &temporary {
        flags.data_dir = Some(dir.path().to_owned());
    }
    flags.http_listen = flags.http_listen.or(Some(([127, 0, 0, 1], 0).into()));
    let config = Config::resolve(&flags).map_err(text)?;
    if config.tls.is_some() {
        return Err(
            "the demo's gateway speaks plain HTTP on this machine: leave --tls-cert and --tls-key out".to_owned(),
        );
    }
    let app = App::start(&config, metrics).await.map_err(text)?;
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let mut ports = Vec::new();
    for (device, (name, script)) in SIMULATIONS {
        let simulation = Simulation::parse(name, script, Arc::new(SystemClock), |manifest| {
            let wanted = manifest.trim_start_matches("../");
            let (name, text) = MANIFESTS
                .iter()
                .find(|(name, _)| *name == wanted)
                .copied()
                .unwrap_or((name, ""));
            Ok((name.to_owned(), text.as_bytes().to_vec()))
        })
        .map_err(text)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(text)?;
        ports.push((*device, listener.local_addr().map_err(text)?.port()));
        let stop = shutdown.clone();
        tasks.spawn(async move { simulation.serve(listener, stop).await.map_err(text) });
    }
    apply(&app, &ports).await?;
    let claim = ClaimRequest {
        org: ORG.to_owned(),
        serial: GATEWAY.to_owned(),
        ..ClaimRequest::default()
    };
    let me = Caller::fleetd();
    let (_, token) = app.devices.create_claim_token(&me, claim).await.map_err(text)?;
    let (http, stop_gateway) = (format!("http://{}", app.http), shutdown.clone());
    let memory = config.data_dir.join("demo-gateway.token");
    tasks.spawn(async move {
        stop_gateway
            .run_until_cancelled(gateway(http, token, memory))
            .await
            .unwrap_or(Ok(()))
    });

    say(&introduction(&app, &config))?;
    let (telemetry, looking) = (app.telemetry.clone(), shutdown.clone());
    let mut seen = 0;
    let watching = async {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let mut rows = telemetry
                .latest(
                    &me,
                    pb::LatestRequest {
                        org: ORG.to_owned(),
                        ..Default::default()
                    },
                )
                .await
                .map_err(text)?;
            rows.retain(|row| SHOWN.contains(&(row.device.as_str(), row.series.key.sensor.as_str())));
            seen += rows.iter().filter(|row| row.sample.quality == Quality::Good).count();
            if !rows.is_empty() {
                say(&lines(&rows))?;
            }
        }
    };
    let timer = async {
        match time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let failed: Option<String> = tokio::select! {
        failed = watching => { let failed: Result<(), String> = failed; failed.err() }
        Some(ended) = tasks.join_next() => match ended {
            Ok(Err(error)) => Some(error),
            Ok(Ok(())) => Some("a simulated part ended by itself".to_owned()),
            Err(panic) => Some(panic.to_string()),
        },
        () = timer => None,
        () = stop => None,
    };
    looking.cancel();
    tasks.shutdown().await;
    app.run_until(std::future::ready(())).await.map_err(text)?;
    match failed {
        Some(error) => Err(error),
        None if seen == 0 => Err("no reading arrived; look at the log with --log debug".to_owned()),
        None => say("The demo has ended.\n"),
    }
}

/// Applies the example, with the simulated devices at the ports that they got.
async fn apply(app: &App, ports: &[(&str, u16)]) -> Result<(), String> {
    let sources = MANIFESTS.iter().map(|(name, text)| Source {
        name: (*name).to_owned(),
        text: text.as_bytes().to_vec(),
    });
    let bundle = manifest::read(sources.collect());
    if let Some(problem) = bundle.problems.first() {
        return Err(bundle.render(problem));
    }
    let mut submissions = bundle.submissions();
    for resource in submissions
        .iter_mut()
        .filter_map(|submission| submission.resource.as_mut())
    {
        let name = resource
            .metadata
            .as_ref()
            .map(|metadata| metadata.name.clone())
            .unwrap_or_default();
        if let (Some(Spec::Device(device)), Some((_, port))) =
            (&mut resource.spec, ports.iter().find(|(device, _)| *device == name))
        {
            device.endpoint.get_or_insert_default().port = Some(u32::from(*port));
        }
    }
    app.resources
        .apply(&Caller::fleetd(), submissions, Options::default())
        .await
        .and_then(Outcome::done)
        .map(drop)
        .map_err(text)
}

/// A gateway as an ESP32 would be: provisions itself, then reports for the heat meter behind it.
async fn gateway(http: String, claim: String, memory: PathBuf) -> Result<(), String> {
    let client = reqwest::Client::new();
    let call = async |path: &str, token: &str, body: Json| -> Result<Json, String> {
        let answer = client
            .post(format!("{http}{path}"))
            .bearer_auth(token)
            .json(&body)
            .send()
            .await
            .map_err(text)?;
        let status = answer.status();
        let body: Json = answer.json().await.map_err(text)?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{path}: {body}"))
        }
    };
    let body = json!({"hwId": GATEWAY, "model": "esp32", "firmwareVersion": "1.4.2", "claimToken": claim});
    let mut first = client.post(format!("{http}/api/devices/provision")).json(&body);
    // A demo that goes on with its data finds a gateway that is known already, as a restarted gateway does.
    if let Ok(token) = std::fs::read_to_string(&memory) {
        first = first.bearer_auth(token);
    }
    let known: Json = first.send().await.map_err(text)?.json().await.map_err(text)?;
    let (Some(id), Some(token)) = (known["deviceId"].as_str(), known["token"].as_str()) else {
        return Err(format!("the gateway could not be provisioned: {known}"));
    };
    let mut file = std::fs::File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&memory)
        .map_err(text)?;
    file.write_all(token.as_bytes()).map_err(text)?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for second in 0_u32.. {
        ticks.tick().await;
        let phase = f64::from(second) / 20.0;
        let celsius = |mean: f64, amplitude: f64| ((mean + amplitude * phase.sin()) * 10.0).round() / 10.0;
        let now = SystemClock.now() / 1_000;
        let readings = [
            ("flowTemperature", celsius(68.0, 4.0)),
            ("returnTemperature", celsius(48.0, 2.0)),
        ]
        .map(|(sensor, value)| json!({"dataType": sensor, "value": value, "unit": "°C", "timestamp": now}));
        call(
            "/api/telemetry/ingest",
            token,
            json!({"deviceId": "heat-meter-1", "readings": readings}),
        )
        .await?;
        if second % 30 == 0 {
            let beat = json!({"deviceId": id, "uptimeSeconds": second, "firmwareVersion": "1.4.2", "freeHeap": 181_000, "rssi": -61});
            call(&format!("/api/devices/{id}/heartbeat"), token, beat).await?;
        }
    }
    Ok(())
}

fn introduction(app: &App, config: &Config) -> String {
    let socket = app.socket.display();
    format!(
        "fleetd serves the example site of examples/01-first-site with a simulated meter, inverter and gateway.\n\
         \n\
         \x20 HTTP    http://{}\n\
         \x20 socket  {socket}\n\
         \x20 data    {}\n\
         \n\
         In another terminal:\n\
         \n\
         \x20 export FLEETCTL_SERVER=unix://{socket}\n\
         \x20 cargo run --release --bin fleetctl -- get devices\n\
         \x20 cargo run --release --bin fleetctl -- telemetry latest device/meter-1\n\
         \x20 cargo run --release --bin fleetctl -- telemetry tail device/inverter-1\n\
         \n\
         Ctrl-C ends it.\n\n",
        app.http,
        config.data_dir.display()
    )
}

fn lines(rows: &[LatestRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let value = match &row.sample.value {
            Value::Number(number) => format!("{number:.2}"),
            Value::Json(json) => json.to_string(),
            Value::Missing => "-".to_owned(),
        };
        let quality = match row.sample.quality {
            Quality::Good => "good",
            Quality::Uncertain => "uncertain",
            Quality::Bad => row.sample.reason.text(),
        };
        text.push_str(&format!(
            "{:<13} {:<16} {value:>12} {:<4} {quality}\n",
            row.device, row.series.key.sensor, row.series.unit
        ));
    }
    text + "\n"
}

fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(self::text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
