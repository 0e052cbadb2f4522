//! What fleetd is told: flags, `FLEETD_*` variables, a TOML file, defaults; and where each value came from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::modbus::reach;
use crate::domain::passwords::Cost;
use crate::services::rates::{Rate, Settings};

/// Command line and environment of every command that serves.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file (TOML); the other flags and variables win over it
    #[arg(long, env = "FLEETD_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Where everything is kept [default: /var/lib/fleetd as root, else the XDG data home]
    #[arg(long, env = "FLEETD_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Address of the HTTP listener; port 0 takes a free one [default: 127.0.0.1:7080]
    #[arg(long, env = "FLEETD_HTTP_LISTEN", value_name = "ADDR", global = true)]
    pub http_listen: Option<SocketAddr>,
    /// Address where gRPC is served to fleetctl on other machines, besides the socket; port 0 takes a free one [default: off]
    #[arg(long, env = "FLEETD_GRPC_LISTEN", value_name = "ADDR", global = true)]
    pub grpc_listen: Option<SocketAddr>,
    /// Certificate of both listeners with its chain (PEM); `fleetd tls init` makes one. Read anew when it changes
    #[arg(long, env = "FLEETD_TLS_CERT", value_name = "FILE", global = true)]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, env = "FLEETD_TLS_KEY", value_name = "FILE", global = true)]
    pub tls_key: Option<PathBuf>,
    /// Path of the Unix socket for fleetctl [default: fleetd.sock in the data directory]
    #[arg(long, env = "FLEETD_SOCKET", value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// PostgreSQL instead of the embedded store: postgres://user@host/database
    #[arg(
        long,
        env = "FLEETD_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<String>,
    /// File with the key that seals secrets, made where there is none; replicas share one [default: secret.key in the data directory]
    #[arg(long, env = "FLEETD_SECRET_KEY_FILE", value_name = "PATH", global = true)]
    pub secret_key_file: Option<PathBuf>,
    /// Room that stays free on the disk: readings are refused before it is full; bytes, with KiB, MiB or GiB [default: a twentieth of the disk, 256MiB at most]
    #[arg(long, env = "FLEETD_DISK_RESERVE", value_name = "BYTES", global = true, value_parser = bytes)]
    pub disk_reserve: Option<u64>,
    /// What a hash of a password costs: KiB of memory, passes, lanes; at least 19456,2,1 [default: 65536,3,1]
    #[arg(long, env = "FLEETD_PASSWORD_COST", value_name = "KIB,PASSES,LANES", global = true, value_parser = cost)]
    pub password_cost: Option<Cost>,
    /// Origin whose pages may call, such as https://fleet.example; given again for each [default: only fleetd's own]
    #[arg(long = "cors-origin", env = "FLEETD_CORS_ORIGIN", value_name = "URL", value_delimiter = ',', value_parser = origin, global = true)]
    pub cors_origins: Vec<String>,
    /// Network that fleetd reaches for Modbus on behalf of organizations without a list of their own, such as 10.0.0.0/8; given again for each [default: every address but the guarded ones]
    #[arg(long, env = "FLEETD_MODBUS_NETWORKS", value_name = "CIDR", value_delimiter = ',', value_parser = network, global = true)]
    pub modbus_networks: Vec<String>,
    /// Strangers may make themselves known over HTTP: as users without any role
    #[arg(long, env = "FLEETD_ALLOW_REGISTRATION", global = true)]
    pub allow_registration: bool,
    /// Calls of one user or token: a second, and at once after a pause; or `off` [default: 50,200]
    #[arg(long, env = "FLEETD_RATE_CALLER", value_name = "PER_SECOND,AT_ONCE", global = true, value_parser = rate)]
    pub rate_caller: Option<String>,
    /// Calls of all users and tokens of one organization together [default: 200,800]
    #[arg(long, env = "FLEETD_RATE_ORG", value_name = "PER_SECOND,AT_ONCE", global = true, value_parser = rate)]
    pub rate_org: Option<String>,
    /// Calls of one device, its readings excepted [default: 10,100]
    #[arg(long, env = "FLEETD_RATE_DEVICE", value_name = "PER_SECOND,AT_ONCE", global = true, value_parser = rate)]
    pub rate_device: Option<String>,
    /// Calls of strangers of one network, and as many with wrong credentials [default: 20,60]
    #[arg(long, env = "FLEETD_RATE_STRANGER", value_name = "PER_SECOND,AT_ONCE", global = true, value_parser = rate)]
    pub rate_stranger: Option<String>,
    /// Serve other machines without TLS: tokens and readings can be read on the way
    #[arg(long, env = "FLEETD_INSECURE", global = true)]
    pub insecure: bool,
    /// What is logged, such as `info` or `fleetd=debug` [default: info]
    #[arg(long, env = "FLEETD_LOG", value_name = "FILTER", global = true)]
    pub log: Option<String>,
    /// How lines of the log look [default: text]
    #[arg(long, env = "FLEETD_LOG_FORMAT", value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
}

/// How lines of the log look.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// The file, whose names are those of the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    data_dir: Option<PathBuf>,
    http_listen: Option<SocketAddr>,
    grpc_listen: Option<SocketAddr>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    socket: Option<PathBuf>,
    database_url: Option<String>,
    secret_key_file: Option<PathBuf>,
    disk_reserve: Option<String>,
    password_cost: Option<String>,
    #[serde(rename = "cors-origin")]
    cors_origins: Option<Vec<String>>,
    modbus_networks: Option<Vec<String>>,
    allow_registration: Option<bool>,
    rate_caller: Option<String>,
    rate_org: Option<String>,
    rate_device: Option<String>,
    rate_stranger: Option<String>,
    insecure: Option<bool>,
    log: Option<String>,
    log_format: Option<LogFormat>,
}

/// What fleetd runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Address of the HTTP listener.
    pub http_listen: SocketAddr,
    /// Address of the gRPC listener; none: gRPC is served on the socket alone.
    pub grpc_listen: Option<SocketAddr>,
    /// Certificate of both listeners; none: they are plain.
    pub tls: Option<TlsFiles>,
    /// Path of the Unix socket.
    pub socket: PathBuf,
    /// PostgreSQL instead of the embedded store.
    pub database_url: Option<String>,
    /// File with the key that seals secrets.
    pub secret_key_file: PathBuf,
    /// Bytes that stay free on the disk; none: a share of it.
    pub disk_reserve: Option<u64>,
    /// What a hash of a password costs.
    pub password_cost: Cost,
    /// Origins whose pages may call, besides fleetd's own.
    pub cors_origins: Vec<String>,
    /// Networks that fleetd reaches for Modbus on behalf of organizations without a list; empty: every address but the
    /// guarded ones.
    pub modbus_networks: Vec<String>,
    /// Strangers may make themselves known.
    pub allow_registration: bool,
    /// How often who may call.
    pub rates: Settings,
    /// To serve other machines without TLS was asked for.
    pub insecure: bool,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: LogFormat,
    /// Name, value as it may be shown, and origin of each.
    pub origins: Vec<(&'static str, String, &'static str)>,
}

/// A certificate with its chain, and its key: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Reads a number of bytes, such as `256MiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => 64,
    };
    let number = digits.trim().parse::<u64>().ok();
    let bytes = number.and_then(|number| number.checked_mul(1_u64.checked_shl(shift)?));
    bytes.ok_or_else(|| format!("`{text}` is no number of bytes: write one such as 268435456 or 256MiB"))
}

/// Reads `KIB,PASSES,LANES`.
fn cost(text: &str) -> Result<Cost, String> {
    let numbers: Vec<u32> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    match (numbers.as_slice(), text.split(',').count()) {
        (&[memory_kib, passes, lanes], 3) => Cost::new(memory_kib, passes, lanes).map_err(|error| error.to_string()),
        _ => Err(format!(
            "`{text}` is no cost: write KiB of memory, passes and lanes, such as 65536,3,1"
        )),
    }
}

/// Refuses what is neither a rate nor `off`.
fn rate(text: &str) -> Result<String, String> {
    read_rate(text).map(|_| text.to_owned())
}

fn read_rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" {
        Ok(None)
    } else {
        text.parse().map(Some)
    }
}

/// Reads `scheme://host[:port]`: what a browser calls the origin of a page.
fn origin(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |authority: &str| {
        !authority.is_empty()
            && authority
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b".-:[]".contains(&b))
    };
    if authority.is_some_and(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no origin: write scheme, host and port in lower case, such as https://fleet.example"
    ))
}

/// Refuses what is no network.
fn network(text: &str) -> Result<String, String> {
    match reach::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err((message, help)) => Err(format!("{message}: {help}")),
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A cost of passwords is none, or too low.
    #[error("password-cost: {0}")]
    Cost(String),
    /// A number of bytes is none.
    #[error("disk-reserve: {0}")]
    Bytes(String),
    /// A rate is none.
    #[error("{0}: {1}")]
    Rate(&'static str, String),
    /// An origin is none.
    #[error("cors-origin: {0}")]
    Origin(String),
    /// A network is none.
    #[error("modbus-networks: {0}")]
    Network(String),
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds what it must not.
    #[error("{0}: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// Nobody's home is known.
    #[error("there is no place for data: set --data-dir or FLEETD_DATA_DIR")]
    NoDataDir,
    /// A listener would be readable on the way.
    #[error(
        "--{0} {1} is reached from other machines without TLS: make a certificate with `fleetd tls init` and give it with --tls-cert and --tls-key, listen on a loopback address, or accept it with --insecure"
    )]
    Plaintext(&'static str, SocketAddr),
    /// Certificate without key, or key without certificate.
    #[error("--{0} stands alone: a certificate and its key are given together, with --tls-cert and --tls-key")]
    Half(&'static str),
}

impl Config {
    /// Resolves every value: flag or variable, then file, then default.
    pub fn resolve(flags: &Flags) -> Result<Self, Error> {
        let mut file = Table::read(flags)?;
        let mut origins = Vec::new();
        let data_dir = data_dir(flags, &mut file, &mut origins)?;
        let grpc_listen = pick(
            &mut origins,
            "grpc-listen",
            "FLEETD_GRPC_LISTEN",
            flags.grpc_listen,
            file.grpc_listen,
            SocketAddr::to_string,
        );
        if grpc_listen.is_none() {
            origins.push(("grpc-listen", "(off)".to_owned(), "default"));
        }
        let mut tls_file = |name, variable, flag: &Option<PathBuf>, file| {
            let path = pick(&mut origins, name, variable, flag.clone(), file, |v: &PathBuf| {
                v.display().to_string()
            });
            if path.is_none() {
                origins.push((name, "(none)".to_owned(), "default"));
            }
            path
        };
        let tls = match (
            tls_file("tls-cert", "FLEETD_TLS_CERT", &flags.tls_cert, file.tls_cert),
            tls_file("tls-key", "FLEETD_TLS_KEY", &flags.tls_key, file.tls_key),
        ) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(Error::Half("tls-cert")),
            (None, Some(_)) => return Err(Error::Half("tls-key")),
        };
        let mut or = |name, variable, flag: Option<String>, file: Option<String>, default: &str| {
            pick(&mut origins, name, variable, flag, file, Clone::clone).unwrap_or_else(|| {
                origins.push((name, default.to_owned(), "default"));
                default.to_owned()
            })
        };
        let http = or(
            "http-listen",
            "FLEETD_HTTP_LISTEN",
            flags.http_listen.map(|v| v.to_string()),
            file.http_listen.map(|v| v.to_string()),
            "127.0.0.1:7080",
        );
        let socket = or(
            "socket",
            "FLEETD_SOCKET",
            flags.socket.as_ref().map(|v| v.display().to_string()),
            file.socket.map(|v| v.display().to_string()),
            &data_dir.join("fleetd.sock").display().to_string(),
        );
        let secret_key_file = or(
            "secret-key-file",
            "FLEETD_SECRET_KEY_FILE",
            flags.secret_key_file.as_ref().map(|v| v.display().to_string()),
            file.secret_key_file.map(|v| v.display().to_string()),
            &data_dir.join("secret.key").display().to_string(),
        );
        let disk_reserve = or(
            "disk-reserve",
            "FLEETD_DISK_RESERVE",
            flags.disk_reserve.map(|bytes| bytes.to_string()),
            file.disk_reserve,
            "auto",
        );
        let disk_reserve = match disk_reserve.as_str() {
            "auto" => None,
            said => Some(bytes(said).map_err(Error::Bytes)?),
        };
        let password_cost = or(
            "password-cost",
            "FLEETD_PASSWORD_COST",
            flags.password_cost.map(|cost| cost.to_string()),
            file.password_cost,
            "65536,3,1",
        );
        let password_cost = cost(&password_cost).map_err(Error::Cost)?;
        let mut rate = |name, variable, flag: &Option<String>, file, default| {
            let text = or(name, variable, flag.clone(), file, default);
            read_rate(&text).map_err(|why| Error::Rate(name, why))
        };
        let rates = Settings {
            caller: rate(
                "rate-caller",
                "FLEETD_RATE_CALLER",
                &flags.rate_caller,
                file.rate_caller,
                "50,200",
            )?,
            org: rate("rate-org", "FLEETD_RATE_ORG", &flags.rate_org, file.rate_org, "200,800")?,
            device: rate(
                "rate-device",
                "FLEETD_RATE_DEVICE",
                &flags.rate_device,
                file.rate_device,
                "10,100",
            )?,
            stranger: rate(
                "rate-stranger",
                "FLEETD_RATE_STRANGER",
                &flags.rate_stranger,
                file.rate_stranger,
                "20,60",
            )?,
        };
        let log = or("log", "FLEETD_LOG", flags.log.clone(), file.log, "info");
        // A URL may hold a password.
        let database_url = pick(
            &mut origins,
            "database-url",
            "FLEETD_DATABASE_URL",
            flags.database_url.clone(),
            file.database_url,
            |_| "(set)".to_owned(),
        );
        if database_url.is_none() {
            origins.push(("database-url", "(embedded store)".to_owned(), "default"));
        }
        let listed = (!flags.cors_origins.is_empty()).then(|| flags.cors_origins.clone());
        let cors_origins = pick(
            &mut origins,
            "cors-origin",
            "FLEETD_CORS_ORIGIN",
            listed,
            file.cors_origins,
            |listed| listed.join(" "),
        );
        if cors_origins.is_none() {
            origins.push(("cors-origin", "(none)".to_owned(), "default"));
        }
        let cors_origins = cors_origins.unwrap_or_default();
        for known in &cors_origins {
            origin(known).map_err(Error::Origin)?;
        }
        let listed = (!flags.modbus_networks.is_empty()).then(|| flags.modbus_networks.clone());
        let modbus_networks = pick(
            &mut origins,
            "modbus-networks",
            "FLEETD_MODBUS_NETWORKS",
            listed,
            file.modbus_networks,
            |listed| listed.join(" "),
        );
        if modbus_networks.is_none() {
            origins.push(("modbus-networks", "(all but the guarded)".to_owned(), "default"));
        }
        let modbus_networks = modbus_networks.unwrap_or_default();
        for known in &modbus_networks {
            network(known).map_err(Error::Network)?;
        }
        let allow_registration = switch(
            &mut origins,
            "allow-registration",
            flags.allow_registration,
            file.allow_registration,
        );
        let insecure = switch(&mut origins, "insecure", flags.insecure, file.insecure);
        let log_format = pick(
            &mut origins,
            "log-format",
            "FLEETD_LOG_FORMAT",
            flags.log_format,
            file.log_format,
            |v| format!("{v:?}").to_lowercase(),
        );
        if log_format.is_none() {
            origins.push(("log-format", "text".to_owned(), "default"));
        }
        // Both sources were parsed as addresses above.
        let http_listen = http.parse().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7080)));
        let config = Self {
            data_dir,
            http_listen,
            grpc_listen,
            tls,
            socket: PathBuf::from(socket),
            database_url,
            secret_key_file: PathBuf::from(secret_key_file),
            disk_reserve,
            password_cost,
            cors_origins,
            modbus_networks,
            allow_registration,
            rates,
            insecure,
            log,
            log_format: log_format.unwrap_or_default(),
            origins,
        };
        match config.readable_on_the_way().first() {
            Some((flag, address)) if !insecure => Err(Error::Plaintext(flag, *address)),
            _ => Ok(config),
        }
    }

    /// Listeners that other machines reach without TLS, by their flags.
    pub fn readable_on_the_way(&self) -> Vec<(&'static str, SocketAddr)> {
        let listeners = [
            ("http-listen", Some(self.http_listen)),
            ("grpc-listen", self.grpc_listen),
        ];
        listeners
            .into_iter()
            .filter_map(|(flag, address)| Some((flag, address?)))
            .filter(|(_, address)| self.tls.is_none() && !address.ip().is_loopback())
            .collect()
    }
}

/// Where everything is kept, for what needs no more of the configuration.
pub fn data_dir_of(flags: &Flags) -> Result<PathBuf, Error> {
    data_dir(flags, &mut Table::read(flags)?, &mut Vec::new())
}

impl Table {
    fn read(flags: &Flags) -> Result<Self, Error> {
        let Some(path) = &flags.config else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|error| Error::File(path.clone(), error))?;
        toml::from_str(&text).map_err(|error| Error::Syntax(path.clone(), Box::new(error)))
    }
}

fn data_dir(
    flags: &Flags,
    file: &mut Table,
    origins: &mut Vec<(&'static str, String, &'static str)>,
) -> Result<PathBuf, Error> {
    let said = pick(
        origins,
        "data-dir",
        "FLEETD_DATA_DIR",
        flags.data_dir.clone(),
        file.data_dir.take(),
        |v| v.display().to_string(),
    );
    let dir = match said {
        Some(dir) => dir,
        None => {
            let dir = default_data_dir().ok_or(Error::NoDataDir)?;
            origins.push(("data-dir", dir.display().to_string(), "default"));
            dir
        }
    };
    std::path::absolute(&dir).map_err(|error| Error::File(dir, error))
}

fn pick<T>(
    origins: &mut Vec<(&'static str, String, &'static str)>,
    name: &'static str,
    variable: &str,
    flag: Option<T>,
    file: Option<T>,
    show: impl Fn(&T) -> String,
) -> Option<T> {
    let (value, origin) = match (flag, file) {
        (Some(value), _) if std::env::var_os(variable).is_some() && !given_as_flag(name) => (value, "variable"),
        (Some(value), _) => (value, "flag"),
        (None, Some(value)) => (value, "file"),
        (None, None) => return None,
    };
    origins.push((name, show(&value), origin));
    Some(value)
}

/// What is on or off.
fn switch(
    origins: &mut Vec<(&'static str, String, &'static str)>,
    name: &'static str,
    flag: bool,
    file: Option<bool>,
) -> bool {
    let (value, origin) = match file {
        _ if flag => (true, "flag or variable"),
        Some(true) => (true, "file"),
        _ => (false, "default"),
    };
    origins.push((name, value.to_string(), origin));
    value
}

fn given_as_flag(name: &str) -> bool {
    std::env::args().any(|arg| {
        arg.strip_prefix("--")
            .is_some_and(|arg| arg == name || arg.starts_with(&format!("{name}=")))
    })
}

/// `/var/lib/fleetd` as root, else the XDG data home.
fn default_data_dir() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/fleetd"));
    }
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME")
        .filter(|dir| dir.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .map(|dir: PathBuf| Path::new(&dir).join("fleetd"))
}
