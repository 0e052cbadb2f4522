//! A fleetd that serves devices over TLS, and devices that hold keys.

use std::path::PathBuf;
use std::sync::Arc;

use fleet_tests::fleetd::PATIENCE;
use fleet_tests::{Fleetd, World, process};
use rcgen::{CertificateParams, KeyPair};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A fleetd that serves devices over TLS.
pub struct Site {
    pub world: World,
    pub tls: TempDir,
}

/// A key, and the certificate that it has got.
pub struct Holder {
    pub key: KeyPair,
    pub certificate: String,
    pub id: String,
}

pub fn csr(key: &KeyPair) -> String {
    CertificateParams::default()
        .serialize_request(key)
        .unwrap()
        .pem()
        .unwrap()
}

pub fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// Status and answer, which is JSON always.
pub fn send(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.json().unwrap())
}

pub fn reading() -> Value {
    json!({"readings": [{"dataType": "t", "value": 1, "timestamp": "2026-01-01T00:00:00Z"}]})
}

impl Site {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let tls = tempfile::tempdir().unwrap();
        let mut command = Fleetd::command();
        process::run(command.args(["tls", "init", "--dir"]).arg(tls.path()), b"", PATIENCE).ok();
        let path = |name: &str| tls.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (path("server.crt"), path("server.key"));
        let own = ["--tls-cert", &certificate, "--tls-key", &key];
        let world = World::with(&[&own[..], arguments].concat());
        Self { world, tls }
    }

    pub fn ca(&self) -> PathBuf {
        self.tls.path().join("ca.crt")
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.world.fleetd.http())
    }

    pub fn client(&self, holder: Option<&Holder>) -> Client {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(self.ca()).unwrap()).unwrap();
        let builder = Client::builder().tls_certs_only([ca]);
        let builder = match holder {
            None => builder,
            Some(holder) => builder.identity(holder.identity()),
        };
        builder.build().unwrap()
    }

    pub fn provision(&self, client: &Client, hw_id: &str, claim: &str, csr: &str) -> (u16, Value) {
        let wanted = json!({"hwId": hw_id, "model": "test", "claimToken": claim, "csr": csr});
        send(client.post(self.url("/api/devices/provision")).json(&wanted))
    }

    /// A new device of an organization, with a certificate.
    pub fn device(&self, org: &str, hw_id: &str) -> Holder {
        let key = key();
        let claim = self.world.claim_token(org);
        let (status, made) = self.provision(&self.client(None), hw_id, &claim, &csr(&key));
        assert_eq!(status, 200, "{made}");
        Holder {
            certificate: text(&made["certificate"]),
            id: text(&made["deviceId"]),
            key,
        }
    }

    pub fn ingest(&self, client: &Client) -> u16 {
        send(client.post(self.url("/api/telemetry/ingest")).json(&reading())).0
    }

    pub fn heartbeat(&self, client: &Client, device: &str) -> (u16, Value) {
        let path = format!("/api/devices/{device}/heartbeat");
        send(client.post(self.url(&path)).json(&json!({"uptimeSeconds": 1})))
    }

    pub fn renew(&self, client: &Client, device: &str, csr: &str) -> (u16, Value) {
        let path = format!("/api/devices/{device}/certificate");
        send(client.post(self.url(&path)).json(&json!({"csr": csr})))
    }

    /// The credentials of a device as `fleetctl` shows them.
    pub fn credentials(&self, device: &str) -> Vec<Value> {
        let listed = self
            .world
            .fleetctl(&["device", "credential", "list", device, "-o", "json"]);
        listed.ok().json().as_array().unwrap().clone()
    }
}

impl Holder {
    pub fn identity(&self) -> reqwest::Identity {
        let pem = format!("{}{}", self.key.serialize_pem(), self.certificate);
        reqwest::Identity::from_pem(pem.as_bytes()).unwrap()
    }
}

/// One connection that stays open, whatever is answered.
pub struct Wire {
    runtime: Runtime,
    stream: TlsStream<tokio::net::TcpStream>,
}

impl Wire {
    pub fn open(site: &Site, holder: &Holder) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(site.ca()).unwrap()).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(holder.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(holder.key.serialize_pem().as_bytes()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        let address = site.world.fleetd.http().trim_start_matches("https://").to_owned();
        let stream = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
                .unwrap()
        });
        Self { runtime, stream }
    }

    /// The status of readings that are sent over it.
    pub fn ingest(&mut self) -> u16 {
        let body = reading().to_string();
        let request = format!(
            "POST /api/telemetry/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream = &mut self.stream;
        self.runtime.block_on(async {
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = vec![0; 4096];
            let read = stream.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
            answer.split(' ').nth(1).unwrap_or_default().parse().unwrap()
        })
    }
}
