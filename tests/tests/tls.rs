//! fleetd on the network: TLS for both listeners, gRPC over TCP, and a fleetctl that reaches it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Finished, Fleetd, World, process};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// A fleetd with a certificate of its own.
struct Site {
    world: World,
    tls: TempDir,
}

fn init(dir: &Path) -> Finished {
    let mut command = Fleetd::command();
    process::run(command.args(["tls", "init", "--dir"]).arg(dir), b"", PATIENCE).ok()
}

fn text(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

impl Site {
    /// gRPC on every address, so that it is reached under names that the certificate does not hold.
    fn start() -> Self {
        let tls = tempfile::tempdir().unwrap();
        init(tls.path());
        let (certificate, key) = (text(tls.path().join("server.crt")), text(tls.path().join("server.key")));
        let arguments = [
            "--grpc-listen",
            "0.0.0.0:0",
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
        ];
        let world = World::with(&arguments);
        Self { world, tls }
    }

    fn ca(&self) -> PathBuf {
        self.tls.path().join("ca.crt")
    }

    fn port(&self) -> u16 {
        self.world.fleetd.grpc().rsplit(':').next().unwrap().parse().unwrap()
    }

    fn http_port(&self) -> u16 {
        self.world.fleetd.http().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// `fleetctl server status` of a server, with further arguments.
    fn status(&self, server: &str, more: &[&str]) -> Finished {
        self.world
            .fleetctl(&[&["server", "status", "--server", server], more].concat())
    }

    /// The certificate that a new connection is shown.
    fn shown(&self) -> Vec<u8> {
        let (address, ca) = (format!("127.0.0.1:{}", self.port()), self.ca());
        runtime().block_on(async move {
            let stream = shake(address, ca).await;
            stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
        })
    }

    /// The answer of the health check over TLS, without a credential.
    fn healthy(&self) -> bool {
        let (address, ca) = (format!("127.0.0.1:{}", self.port()), self.ca());
        runtime().block_on(async move {
            let answer = ask_health(secure(address, ca).await).await.unwrap();
            answer.status() == ServingStatus::Serving
        })
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn shake(address: String, ca: PathBuf) -> TlsStream<tokio::net::TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

async fn secure(address: String, ca: PathBuf) -> Channel {
    let connector = tower::service_fn(move |_: Uri| {
        let (address, ca) = (address.clone(), ca.clone());
        async move { Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(shake(address, ca).await)) }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
        .unwrap()
}

async fn ask_health(channel: Channel) -> Result<HealthCheckResponse, Status> {
    let request = HealthCheckRequest { service: String::new() };
    Ok(HealthClient::new(channel).check(request).await?.into_inner())
}

/// The refusal has this exit code and says this.
fn says(said: &Finished, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{said}");
    assert_eq!(said.stdout, "", "{said}");
    for part in parts {
        assert!(said.stderr.contains(part), "`{part}`: {said}");
    }
    for library in ["rustls", "tonic", "hyper", "h2 ", "transport error", "os error"] {
        assert!(!said.stderr.contains(library), "`{library}`: {said}");
    }
}

#[test]
fn whoever_has_no_credential_gets_health_and_nothing_else() {
    let site = Site::start();
    let ca = text(site.ca());
    for server in [
        format!("https://localhost:{}", site.port()),
        site.world.fleetd.grpc().to_owned(),
    ] {
        let said = site.status(&server, &["--ca", &ca]);
        says(&said, 4, &["no credential", "--token-file"]);
    }
    assert!(site.healthy());

    let mut command = site.world.fleetctl_command();
    command
        .args(["get", "organizations"])
        .env("FLEETCTL_SERVER", site.world.fleetd.grpc())
        .env("FLEETCTL_CA", &ca);
    says(&process::run(&mut command, b"", PATIENCE), 4, &["no credential"]);

    // The user's file holds both; the CA lies beside it.
    let config = site.world.home().join("config/fleetctl");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::copy(site.ca(), config.join("site.crt")).unwrap();
    let file = format!("server: {}\nca: site.crt\n", site.world.fleetd.grpc());
    std::fs::write(config.join("config.yaml"), file).unwrap();
    let mut command = site.world.fleetctl_command();
    command.args(["get", "organizations"]).env_remove("FLEETCTL_SERVER");
    says(&process::run(&mut command, b"", PATIENCE), 4, &["no credential"]);

    // The socket is as it was, and tells of the other door.
    let status = site.world.fleetctl(&["server", "status", "-o", "json"]).ok().json();
    assert_eq!(status["grpc"], format!("0.0.0.0:{}", site.port()));
    assert_eq!(status["insecure"], false, "{status}");
}

#[test]
fn who_is_not_fleetd_is_not_spoken_to() {
    let site = Site::start();
    let ca = text(site.ca());
    let here = site.world.fleetd.grpc().to_owned();
    says(
        &site.status(&here, &[]),
        1,
        &["no authority that this machine knows", "--ca FILE"],
    );

    let other = tempfile::tempdir().unwrap();
    init(other.path());
    let foreign = text(other.path().join("ca.crt"));
    says(
        &site.status(&here, &["--ca", &foreign]),
        1,
        &["is not signed by the CA in", &foreign],
    );

    let elsewhere = format!("https://127.0.0.2:{}", site.port());
    says(
        &site.status(&elsewhere, &["--ca", &ca]),
        1,
        &["is not for `127.0.0.2`, but for ", "127.0.0.1", "tls init --host"],
    );

    let nothing = text(site.world.file("empty.crt", "no certificate"));
    says(
        &site.status(&here, &["--ca", &nothing]),
        2,
        &["there is no certificate in it"],
    );
    says(
        &site.status(&here, &["--ca", "/nonexistent"]),
        2,
        &["--ca /nonexistent", "no such file"],
    );
}

#[test]
fn what_does_not_fit_together_says_so() {
    let site = Site::start();
    let ca = text(site.ca());
    let plain = World::empty(&["--grpc-listen", "127.0.0.1:0"]);
    let address = plain.fleetd.grpc().trim_start_matches("http://").to_owned();

    let said = site.status(&format!("http://{address}"), &[]);
    says(&said, 4, &["no credential"]);
    let said = site.status(&format!("https://{address}"), &["--ca", &ca]);
    says(&said, 8, &["speaks no TLS", "--tls-cert"]);
    let said = site.status(&format!("http://127.0.0.1:{}", site.port()), &[]);
    says(&said, 8, &["does not speak as fleetd does", "https://"]);
    for port in [
        site.http_port(),
        site.world.fleetd.http().rsplit(':').next().unwrap().parse().unwrap(),
    ] {
        let said = site.status(&format!("https://127.0.0.1:{port}"), &["--ca", &ca]);
        says(&said, 8, &["no gRPC listener", "--grpc-listen"]);
    }

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = site.status(&format!("https://{free}"), &["--ca", &ca]);
    says(&said, 8, &["connection refused", "--grpc-listen"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}", silent.local_addr().unwrap());
    let said = site.status(&silent, &["--ca", &ca, "--timeout", "1s"]);
    says(&said, 8, &["no answer within 1 s"]);
    says(
        &site.status("http://fleet.example:7081", &[]),
        2,
        &["plain text to another machine", "https://fleet.example:7081"],
    );
}

#[test]
fn insecure_is_said_at_every_start_and_in_the_status() {
    let mut world = World::empty(&["--grpc-listen", "0.0.0.0:0", "--insecure"]);
    for starts in 1..=2 {
        let status = world.fleetctl(&["server", "status", "-o", "json"]).ok().json();
        assert_eq!(status["insecure"], true, "{status}");
        let warned = world.fleetd.log().matches("serves other machines without TLS").count();
        assert_eq!(warned, starts, "{}", world.fleetd.log());
        assert!(world.fleetd.terminate().success());
        world.fleetd.restart();
    }
}

#[test]
fn a_peer_that_says_nothing_hinders_nobody() {
    let mut site = Site::start();
    let mut silent = Vec::new();
    for port in [site.port(), site.http_port()] {
        for said in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1]] {
            for _ in 0..10 {
                let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
                peer.write_all(said).unwrap();
                silent.push(peer);
            }
        }
    }
    // One has shaken hands and stops there.
    let shaken = runtime();
    let _stream = shaken.block_on(shake(format!("127.0.0.1:{}", site.port()), site.ca()));
    assert!(site.healthy());
    let ready = format!("{}/readyz", site.world.fleetd.http());
    assert_eq!(site.world.fleetd.client().get(&ready).send().unwrap().status(), 200);
    // Nor does it hinder the end; and it is let go then.
    assert!(site.world.fleetd.terminate().success());
    for mut peer in silent {
        // Closed or reset: either way nothing is said.
        assert_eq!(peer.read(&mut [0; 64]).unwrap_or(0), 0);
    }
    let errors = site.world.fleetd.errors();
    assert!(errors.is_empty(), "{errors:?}");
    let log = site.world.fleetd.log();
    assert!(!log.contains("still running"), "{log}");
}

#[test]
fn nor_does_one_without_tls() {
    let mut world = World::empty(&["--grpc-listen", "127.0.0.1:0"]);
    let mut silent = Vec::new();
    for url in [world.fleetd.grpc(), world.fleetd.http()] {
        for said in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
            let mut peer = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
            peer.write_all(said).unwrap();
            silent.push(peer);
        }
    }
    let ready = format!("{}/readyz", world.fleetd.http());
    assert_eq!(world.fleetd.client().get(&ready).send().unwrap().status(), 200);
    assert!(world.fleetd.terminate().success());
    let log = world.fleetd.log();
    assert!(!log.contains("still running"), "{log}");
}

#[test]
fn garbage_costs_only_whoever_sends_it() {
    let site = Site::start();
    for port in [site.port(), site.http_port()] {
        for garbage in [
            &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
            &[0xff; 4096],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
            peer.write_all(garbage).unwrap();
            let mut answer = Vec::new();
            // An alert of TLS or nothing, and then the end.
            let _ = peer.read_to_end(&mut answer);
            assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
        }
    }
    assert!(site.healthy());
    let errors = site.world.fleetd.errors();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn devices_are_served_over_tls() {
    let site = Site::start();
    let (http, client) = (site.world.fleetd.http(), site.world.fleetd.client());
    assert!(http.starts_with("https://127.0.0.1:"), "{http}");
    let wanted = serde_json::json!({
        "hwId": "tls-1", "model": "test", "firmwareVersion": "1", "claimToken": site.world.claim_token(fleet_tests::ORG),
    });
    let answer = client
        .post(format!("{http}/api/devices/provision"))
        .json(&wanted)
        .send()
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let token = answer.json::<serde_json::Value>().unwrap()["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let readings =
        serde_json::json!({"readings": [{"dataType": "t", "value": 1, "timestamp": "2026-01-01T00:00:00Z"}]});
    let answer = client
        .post(format!("{http}/api/telemetry/ingest"))
        .bearer_auth(token)
        .json(&readings)
        .send()
        .unwrap();
    assert_eq!(answer.status(), 200);

    let stranger = reqwest::blocking::Client::new();
    assert!(
        stranger.get(format!("{http}/healthz")).send().is_err(),
        "nobody vouches for it"
    );
    let plain = http.replace("https://", "http://");
    assert!(
        client.get(format!("{plain}/healthz")).send().is_err(),
        "there is no plain door"
    );
}

#[test]
fn a_renewed_certificate_is_shown_to_the_next_peer() {
    let site = Site::start();
    let first = site.shown();
    assert_eq!(site.shown(), first);
    let said = init(site.tls.path());
    assert!(said.stdout.contains("kept the certificate authority"), "{said}");
    let second = site.shown();
    assert_ne!(second, first);

    // What cannot be used leaves what there is, and is said once.
    let (certificate, key) = (site.tls.path().join("server.crt"), site.tls.path().join("server.key"));
    let good = std::fs::read(&certificate).unwrap();
    std::fs::write(&certificate, "half a certif").unwrap();
    assert_eq!(site.shown(), second);
    assert_eq!(site.shown(), second);
    let complaints = site
        .world
        .fleetd
        .log()
        .matches("cannot be used; the one before")
        .count();
    assert_eq!(complaints, 1, "{}", site.world.fleetd.log());
    std::fs::remove_file(&key).unwrap();
    assert_eq!(site.shown(), second);

    std::fs::write(&certificate, good).unwrap();
    init(site.tls.path());
    let third = site.shown();
    assert!(third != second && third != first);
    assert!(site.healthy());
}

#[test]
fn the_token_goes_along_with_every_call() {
    // A server that knows no call, and writes down who comes.
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = Arc::clone(&seen);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let layer = InterceptorLayer::new(move |request: Request<()>| {
        let token = request
            .metadata()
            .get("authorization")
            .map(|value| value.to_str().unwrap());
        note.lock().unwrap().push(token.unwrap_or("none").to_owned());
        Ok(request)
    });
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let serving = runtime.spawn(
        Server::builder()
            .layer(layer)
            .serve_with_incoming(Routes::default(), incoming),
    );

    let world = World::empty(&[]);
    let file = text(world.file("token", "flt_from_file\n"));
    let run = |arguments: &[&str], variable: Option<&str>| {
        let mut command = world.fleetctl_command();
        command
            .args(["get", "organizations", "--server", &server])
            .args(arguments);
        if let Some(token) = variable {
            command.env("FLEETCTL_TOKEN", token);
        }
        process::run(&mut command, b"", PATIENCE)
    };
    for (arguments, variable, wanted) in [
        (&[][..], None, "none"),
        (&[], Some("flt_from_variable"), "Bearer flt_from_variable"),
        (
            &["--token-file", &file],
            Some("flt_from_variable"),
            "Bearer flt_from_file",
        ),
    ] {
        says(&run(arguments, variable), 8, &["does not know this call"]);
        assert_eq!(seen.lock().unwrap().drain(..).collect::<Vec<_>>(), [wanted]);
    }
    says(&run(&[], Some("two words")), 2, &["FLEETCTL_TOKEN: that is no token"]);
    assert!(seen.lock().unwrap().is_empty(), "nothing was sent");
    serving.abort();

    // Over the socket, too: whoever shows a token is its bearer, and not the administrator who runs fleetctl.
    says(
        &world.fleetctl(&["server", "status", "--token-file", &file]),
        4,
        &["FLT-2006"],
    );
}

#[test]
fn the_plain_door_on_this_machine_lets_health_in_and_nobody_else() {
    let world = World::empty(&["--grpc-listen", "127.0.0.1:0"]);
    let url = world.fleetd.grpc().to_owned();
    runtime().block_on(async move {
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        assert_eq!(
            ask_health(channel.clone()).await.unwrap().status(),
            ServingStatus::Serving
        );
        let mut client = fleet_proto::pb::system_service_client::SystemServiceClient::new(channel);
        let refused = client.status(fleet_proto::pb::StatusRequest {}).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(refused.message(), "no credential: log in, or give a token");
    });
}
