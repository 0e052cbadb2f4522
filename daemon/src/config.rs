//! What fleetd is told: flags, `FLEETD_*` variables, a TOML file, defaults; and where each value came from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

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
    /// Serve plain HTTP to other machines: tokens can be read on the way
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
    socket: Option<PathBuf>,
    database_url: Option<String>,
    secret_key_file: Option<PathBuf>,
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
    /// Path of the Unix socket.
    pub socket: PathBuf,
    /// PostgreSQL instead of the embedded store.
    pub database_url: Option<String>,
    /// File with the key that seals secrets.
    pub secret_key_file: PathBuf,
    /// Plain HTTP to other machines was asked for.
    pub insecure: bool,
    /// What is logged.
    pub log: String,
    /// How.
    pub log_format: LogFormat,
    /// Name, value as it may be shown, and origin of each.
    pub origins: Vec<(&'static str, String, &'static str)>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds what it must not.
    #[error("{0}: {1}")]
    Syntax(PathBuf, Box<toml::de::Error>),
    /// Nobody's home is known.
    #[error("there is no place for data: set --data-dir or FLEETD_DATA_DIR")]
    NoDataDir,
    /// HTTP would be readable on the way.
    #[error(
        "--http-listen {0} is reached from other machines without TLS: listen on a loopback address behind a proxy, or accept it with --insecure"
    )]
    Plaintext(SocketAddr),
}

impl Config {
    /// Resolves every value: flag or variable, then file, then default.
    pub fn resolve(flags: &Flags) -> Result<Self, Error> {
        let file = match &flags.config {
            None => Table::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Error::File(path.clone(), error))?;
                toml::from_str(&text).map_err(|error| Error::Syntax(path.clone(), Box::new(error)))?
            }
        };
        let mut origins = Vec::new();
        let data_dir = match pick(
            &mut origins,
            "data-dir",
            "FLEETD_DATA_DIR",
            flags.data_dir.clone(),
            file.data_dir,
            |v| v.display().to_string(),
        ) {
            Some(dir) => dir,
            None => {
                let dir = default_data_dir().ok_or(Error::NoDataDir)?;
                origins.push(("data-dir", dir.display().to_string(), "default"));
                dir
            }
        };
        let data_dir = std::path::absolute(&data_dir).map_err(|error| Error::File(data_dir.clone(), error))?;
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
        let insecure = flags.insecure || file.insecure.unwrap_or(false);
        origins.push((
            "insecure",
            insecure.to_string(),
            if flags.insecure {
                "flag or variable"
            } else if insecure {
                "file"
            } else {
                "default"
            },
        ));
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
        if !http_listen.ip().is_loopback() && !insecure {
            return Err(Error::Plaintext(http_listen));
        }
        Ok(Self {
            data_dir,
            http_listen,
            socket: PathBuf::from(socket),
            database_url,
            secret_key_file: PathBuf::from(secret_key_file),
            insecure,
            log,
            log_format: log_format.unwrap_or_default(),
            origins,
        })
    }
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
