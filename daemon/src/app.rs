//! The composition root: opens the store, ties floors together, spawns every long-lived task, and ends them in order.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleet_proto::levels::Level;
use rand::Rng as _;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::Clock;
use crate::domain::log::Entry;
use crate::domain::sealing::Sealer;
use crate::domain::telemetry::Micros;
use crate::listen::{Certificates, Clients, Listener, Speaks, Unusable};
use crate::modbus::{Buses, poller};
use crate::services::access::{Access, SETUP};
use crate::services::audit::Audit;
use crate::services::devices::Devices;
use crate::services::log::Log;
use crate::services::rates::Rates;
use crate::services::resources::Resources;
use crate::services::system::{Facts, System};
use crate::services::telemetry::Telemetry;
use crate::storage::{self, Db, telemetry as store};
use crate::workers::watch::Watch;
use crate::workers::{compacting, polling, recording, room};
use crate::{grpc, http};

/// Readings that may wait for the disk.
const QUEUE: usize = 200_000;
/// Sweeps that may wait to be taken in.
const SWEEPS: usize = 256;
/// How long doors may take to close.
const PATIENCE: Duration = Duration::from_secs(6);
/// Longest path of a Unix socket.
const LONGEST_SOCKET: usize = 107;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Micros {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Why fleetd does not start, or ended. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be used.
    #[error("data directory {0}: {1}; choose another with --data-dir")]
    DataDir(PathBuf, std::io::Error),
    /// Another fleetd uses it.
    #[error("data directory {0} is in use by another fleetd{1}; stop it, or choose another with --data-dir")]
    InUse(PathBuf, String),
    /// The HTTP listener cannot be opened.
    #[error("cannot listen on {0}: {1}; choose another address with --http-listen (port 0 takes a free one)")]
    Http(SocketAddr, std::io::Error),
    /// The gRPC listener cannot be opened.
    #[error("cannot listen on {0}: {1}; choose another address with --grpc-listen (port 0 takes a free one)")]
    Grpc(SocketAddr, std::io::Error),
    /// The certificate or its key.
    #[error("--tls-cert and --tls-key: {0}")]
    Tls(#[from] Unusable),
    /// The socket cannot be opened.
    #[error("cannot open the socket {0}: {1}; choose a short path that can be written with --socket")]
    Socket(PathBuf, std::io::Error),
    /// The key of secrets.
    #[error("key file {0}: {1}; choose another with --secret-key-file")]
    Key(PathBuf, String),
    /// The store.
    #[error("the store cannot be used: {0}")]
    Store(#[from] storage::Error),
    /// What vouches for devices cannot be read.
    #[error("{0}; restore the database")]
    Authority(String),
    /// A use case failed at start.
    #[error("the store cannot be used: {0}")]
    Service(#[from] crate::services::Error),
    /// A door or worker failed.
    #[error("{0} failed: {1}")]
    Task(&'static str, String),
}

/// A running fleetd.
#[derive(Debug)]
pub struct App {
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where gRPC is served.
    pub socket: PathBuf,
    /// Resources, for fleetd's own `demo`.
    pub resources: Resources,
    /// Claim tokens, for fleetd's own `demo`.
    pub devices: Devices,
    /// Readings, for fleetd's own `demo`.
    pub telemetry: Telemetry,
    db: Db,
    doors: JoinSet<Result<(), Error>>,
    writer: JoinSet<Result<(), Error>>,
    close_doors: CancellationToken,
    close_writer: CancellationToken,
    run_file: PathBuf,
    setup_file: PathBuf,
    _lock: File,
}

impl App {
    /// Opens everything; when this returns, fleetd serves.
    pub async fn start(config: &Config, metrics: metrics_exporter_prometheus::PrometheusHandle) -> Result<Self, Error> {
        let dir = &config.data_dir;
        let unusable = |error| Error::DataDir(dir.clone(), error);
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let lock = lock(dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let db = open(config).await?;
        let (readings, writer) = store::Telemetry::open(
            store::Config {
                dir: dir.join("telemetry"),
                queue: QUEUE,
                reserve: config.disk_reserve,
            },
            &db,
        )
        .await?;
        let resources = Resources::open(db.clone(), Arc::clone(&clock), Arc::new(sealer(config)?)).await?;
        let resources = resources.reaching(&config.modbus_networks);
        let foreign = resources.sealed_with_another_key().await?;
        if foreign > 0 {
            let message = format!("{foreign} secrets were sealed with another key file and cannot be served");
            resources.notes().log(Entry::new(Level::Error, "secrets.key", message));
            tracing::warn!(secrets = foreign, key = %config.secret_key_file.display(), "secrets were sealed with another key file and cannot be served: put it back, or apply them again");
        }
        let access = Access::open(resources.clone(), Arc::clone(&clock), config.password_cost).await?;
        let devices = Devices::open(resources.clone(), Arc::clone(&clock)).await?;
        if let Some(why) = devices.authority_trouble() {
            let message = format!("devices get no certificates: {why}");
            tracing::warn!(key = %config.secret_key_file.display(), "{message}");
            resources
                .notes()
                .log(Entry::new(Level::Error, "certificate.authority", message));
        }
        let compactor = readings.compactor();
        let telemetry = Telemetry::new(readings, resources.clone(), Arc::clone(&clock));
        let buses = Buses::default();
        let log = Log::new(resources.clone(), Arc::clone(&clock));

        let Listeners {
            http,
            grpc,
            certificates,
        } = Listeners::open(config, devices.authority()).await?;
        let (http_address, grpc_address) = (http.address(), grpc.as_ref().map(Listener::address));
        let socket = open_socket(&config.socket)?;

        let facts = Facts {
            started_at: clock.now(),
            data_dir: dir.display().to_string(),
            http: http_address.to_string(),
            socket: config.socket.display().to_string(),
            grpc: grpc_address.map(|address| address.to_string()).unwrap_or_default(),
            insecure: !config.readable_on_the_way().is_empty(),
        };
        let reported = buses.clone();
        let system = System::new(
            facts,
            resources.clone(),
            telemetry.clone(),
            Arc::new(move || polling::reports(&reported)),
            Arc::clone(&clock),
        );
        let (close_doors, close_writer) = (CancellationToken::new(), CancellationToken::new());

        let mut write = JoinSet::new();
        let stop = close_writer.clone();
        write.spawn(async move {
            writer
                .run(stop)
                .await
                .map_err(|error| Error::Task("the writer of readings", error.to_string()))
        });

        let mut doors = JoinSet::new();
        let rates = Rates::new(config.rates);
        let services = http::Services {
            access: access.clone(),
            resources: resources.clone(),
            devices: devices.clone(),
            telemetry: telemetry.clone(),
            log: log.clone(),
            system: system.clone(),
            metrics,
            settings: http_settings(config),
            rates: rates.clone(),
        };
        let stop = close_doors.clone();
        doors.spawn(async move {
            http::serve(http, services, stop).await;
            Ok(())
        });
        let services = grpc::Services {
            access: access.clone(),
            audit: Audit::new(resources.clone()),
            log: log.clone(),
            resources: resources.clone(),
            devices: devices.clone(),
            telemetry: telemetry.clone(),
            buses: buses.clone(),
            system,
            rates,
        };
        let stop = close_doors.clone();
        doors.spawn(async move {
            grpc::serve(socket, grpc, services, stop)
                .await
                .map_err(|error| Error::Task("gRPC", error.to_string()))
        });

        let (keeping, stop) = (resources.clone(), close_doors.clone());
        doors.spawn(async move {
            keeping.keep_notes(stop).await;
            Ok(())
        });
        let watch = Watch {
            log,
            resources: resources.clone(),
            devices: devices.clone(),
            buses: buses.clone(),
            own: certificates,
        };
        let stop = close_doors.clone();
        doors.spawn(async move {
            watch.run(stop).await;
            Ok(())
        });

        let (targets, wanted) = watch::channel(Arc::default());
        let (sink, measured) = mpsc::channel(SWEEPS);
        let (stop, following) = (close_doors.clone(), resources.clone());
        doors.spawn(async move {
            let _: () = polling::follow(following, targets, stop).await;
            Ok(())
        });
        let (stop, polled, told) = (close_doors.clone(), buses, Arc::clone(&clock));
        doors.spawn(async move {
            let _: () = poller::run(wanted, polled, sink, told, stop).await;
            Ok(())
        });
        let (taking, seeing) = (telemetry.clone(), devices.clone());
        doors.spawn(async move {
            let _: () = recording::record(taking, seeing, measured).await;
            Ok(())
        });

        let (looking, stop) = (telemetry.clone(), close_doors.clone());
        doors.spawn(async move {
            room::watch(looking, stop).await;
            Ok(())
        });
        let (handing, stop) = (telemetry.clone(), close_doors.clone());
        doors.spawn(async move {
            handing.hand_out(stop).await;
            Ok(())
        });

        if let Some(compactor) = compactor {
            let (stop, keeping, told) = (close_doors.clone(), telemetry.clone(), Arc::clone(&clock));
            doors.spawn(async move {
                compacting::run(compactor, keeping, told, stop).await;
                Ok(())
            });
        }

        let run_file = dir.join("run.json");
        let run = serde_json::json!({
            "pid": std::process::id(), "http": http_address.to_string(),
            "grpc": grpc_address.map(|address| address.to_string()),
            "socket": config.socket.display().to_string(), "version": env!("CARGO_PKG_VERSION"),
        });
        write_whole(&run_file, &run.to_string()).map_err(unusable)?;
        resources.notes().log(
            Entry::new(Level::Info, "fleetd", "fleetd has started")
                .with(serde_json::json!({"version": env!("CARGO_PKG_VERSION")})),
        );
        tracing::info!(http = %http_address, grpc = grpc_address.map(tracing::field::display), socket = %config.socket.display(), data_dir = %dir.display(), version = env!("CARGO_PKG_VERSION"), "fleetd serves");
        let setup_file = dir.join("setup.token");
        offer_setup(&access, &setup_file, grpc_address.is_some()).await?;
        for (flag, address) in config.readable_on_the_way() {
            tracing::warn!(%address, "--{flag} serves other machines without TLS: tokens and readings can be read on the way");
        }
        Ok(Self {
            http: http_address,
            socket: config.socket.clone(),
            resources,
            devices,
            telemetry,
            db,
            doors,
            writer: write,
            close_doors,
            close_writer,
            run_file,
            setup_file,
            _lock: lock,
        })
    }

    /// Serves until `stop`, or until something fails; then ends everything in order.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let failed = tokio::select! {
            () = stop => None,
            ended = self.writer.join_next() => Some(outcome("the writer of readings", ended)),
            ended = self.doors.join_next() => Some(outcome("a door", ended)),
        };
        tracing::info!("fleetd drains");
        self.close_doors.cancel();
        let closing = async { while self.doors.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, closing).await.is_err() {
            // Open watches and tails never end by themselves.
            self.doors.shutdown().await;
        }
        self.close_writer.cancel();
        let written = match self.writer.join_next().await {
            None => Ok(()),
            ended => outcome_of_end(ended),
        };
        let ending = match (&failed, &written) {
            (Some(error), _) | (None, Err(error)) => {
                Entry::new(Level::Error, "fleetd", format!("fleetd ends: {error}"))
            }
            (None, Ok(())) => Entry::new(Level::Info, "fleetd", "fleetd ends as it was told to"),
        };
        self.resources.notes().log(ending);
        if let Err(error) = self.resources.notes().write(&self.db, true).await {
            tracing::warn!(%error, "the last entries of the logs could not be written");
        }
        self.db.close().await;
        // The next start makes both anew; a leftover would only mislead.
        let _ = std::fs::remove_file(&self.run_file);
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_file(&self.setup_file);
        match failed {
            Some(error) => Err(error),
            None => written,
        }
    }
}

/// On a fleetd that other machines reach and where nobody has a password yet, the first administrator is made with a
/// token that only fleetd's own user can read.
async fn offer_setup(access: &Access, path: &Path, is_remote: bool) -> Result<(), Error> {
    let unusable = |error| Error::DataDir(path.to_owned(), error);
    // One of an earlier start no longer counts, and may have been made readable since.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unusable(error)),
        _ => {}
    }
    if !is_remote {
        return Ok(());
    }
    let Some(token) = access.offer_setup().await? else {
        return Ok(());
    };
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(unusable)?;
    file.write_all(token.as_bytes()).map_err(unusable)?;
    tracing::info!(file = %path.display(), minutes = SETUP / 60_000_000, "nobody has a password yet: `fleetctl setup --setup-token FILE --user NAME` makes the first administrator");
    Ok(())
}

fn http_settings(config: &Config) -> http::Settings {
    let origins = config.cors_origins.iter().filter_map(|origin| origin.parse().ok());
    http::Settings {
        cors_origins: origins.collect(),
        allow_registration: config.allow_registration,
        secure: config.tls.is_some(),
    }
}

/// The doors to the network.
struct Listeners {
    http: Listener,
    grpc: Option<Listener>,
    certificates: Option<Arc<Certificates>>,
}

impl Listeners {
    async fn open(config: &Config, devices: &str) -> Result<Self, Error> {
        let devices = Clients::of(devices).map_err(|error| Error::Authority(error.to_string()))?;
        let certificates = match &config.tls {
            Some(files) => Some(Certificates::load(&files.certificate, &files.key)?),
            None => None,
        };
        let http = Listener::open(config.http_listen, Speaks::Http, certificates.as_ref(), Some(&devices))
            .await
            .map_err(|error| Error::Http(config.http_listen, error))?;
        let grpc = match config.grpc_listen {
            None => None,
            Some(address) => Some(
                Listener::open(address, Speaks::Grpc, certificates.as_ref(), None)
                    .await
                    .map_err(|error| Error::Grpc(address, error))?,
            ),
        };
        Ok(Self {
            http,
            grpc,
            certificates,
        })
    }
}

fn outcome(name: &'static str, ended: Option<Result<Result<(), Error>, JoinError>>) -> Error {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(panic)) => Error::Task(name, panic.to_string()),
        _ => Error::Task(name, "it ended by itself".to_owned()),
    }
}

fn outcome_of_end(ended: Option<Result<Result<(), Error>, JoinError>>) -> Result<(), Error> {
    match ended {
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(Error::Task("the writer of readings", panic.to_string())),
        None => Ok(()),
    }
}

/// The database that the configuration names.
pub(crate) async fn open(config: &Config) -> Result<Db, Error> {
    match &config.database_url {
        None => Ok(Db::open_sqlite(&config.data_dir.join("fleetd.db")).await?),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(Db::open_postgres(url).await?)
        }
        Some(_) => Err(storage::Error::Url("it names no engine that fleetd has".to_owned()).into()),
    }
}

fn sealer(config: &Config) -> Result<Sealer, Error> {
    let mut fresh = [0; 32];
    rand::rng().fill_bytes(&mut fresh);
    let path = &config.secret_key_file;
    let keys = storage::keys::load_or_make(path, &fresh).map_err(|why| Error::Key(path.clone(), why))?;
    match keys.split_first() {
        Some((key, older)) => Ok(Sealer::with_older(key, older)),
        None => Err(Error::Key(path.clone(), "it holds no key".to_owned())),
    }
}

/// One fleetd per data directory.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("fleetd.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| Error::DataDir(dir.to_owned(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let run: Option<serde_json::Value> = std::fs::read(dir.join("run.json"))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let pid = run
                .and_then(|run| run["pid"].as_u64())
                .map(|pid| format!(" (pid {pid})"))
                .unwrap_or_default();
            Err(Error::InUse(dir.to_owned(), pid))
        }
        Err(TryLockError::Error(error)) => Err(Error::DataDir(dir.to_owned(), error)),
    }
}

fn open_socket(path: &Path) -> Result<UnixListener, Error> {
    let failed = |error| Error::Socket(path.to_owned(), error);
    if path.as_os_str().len() > LONGEST_SOCKET {
        return Err(failed(std::io::Error::other(format!(
            "a socket's path has at most {LONGEST_SOCKET} bytes"
        ))));
    }
    // The lock on the data directory is ours, so a socket that is there is a leftover.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Readers see the old file or the new one, never half of it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}
