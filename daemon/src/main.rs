//! `fleetd`: serve, demo, simulate, config, tls.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use fleetd::app::{App, SystemClock};
use fleetd::config::{self, Config, Flags, LogFormat};
use fleetd::domain::Clock as _;
use fleetd::modbus::simulator::Simulation;
use fleetd::tls;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Every request makes and drops many small things, often on different threads, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Owns a fleet of gateways and devices
#[derive(Debug, Parser)]
#[command(name = "fleetd", version, about, long_about = None)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the same as no command)
    Serve,
    /// Serve an example site with simulated devices, and show its readings
    Demo {
        /// End after this time, such as `20s` or `5m`; exit 1 if no reading arrived
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Option<Duration>,
    },
    /// Serve simulated Modbus slaves over TCP
    Simulate {
        /// Simulation file
        file: PathBuf,
    },
    /// Show the effective configuration, and where each value comes from
    Config,
    /// Certificates of the listeners
    #[command(subcommand)]
    Tls(Tls),
    /// The key that seals secrets
    #[command(subcommand)]
    Secrets(Secrets),
}

#[derive(Debug, Subcommand)]
enum Secrets {
    /// Make a new key and seal everything with it; fleetd must not run. Older keys stay in the file for the history
    RotateKey,
}

#[derive(Debug, Subcommand)]
enum Tls {
    /// Make a certificate authority and a certificate for this machine; where an authority is, renew the certificate
    Init {
        /// Where they are put [default: tls in the data directory]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// DNS name or IP address under which this machine is reached, besides its own name and localhost; repeatable
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<String>,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text
        .parse()
        .map_err(|_| format!("`{text}` is no time; write such as 20s or 5m"))?;
    let whole =
        jiff::SignedDuration::try_from(span).map_err(|_| format!("`{text}` is no time; write such as 20s or 5m"))?;
    Duration::try_from(whole).map_err(|_| "a time is not negative".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("threads cannot be started: {error}")),
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a failed start goes to the terminal"
)]
fn fail(message: &str) -> ExitCode {
    eprintln!("fleetd: {message}");
    ExitCode::FAILURE
}

async fn run(args: Args) -> Result<(), String> {
    match args.command {
        None | Some(Command::Serve) => {
            let config = Config::resolve(&args.flags).map_err(|error| error.to_string())?;
            log(&config)?;
            let app = App::start(&config, recorder()?)
                .await
                .map_err(|error| error.to_string())?;
            app.run_until(stopped()?).await.map_err(|error| error.to_string())
        }
        Some(Command::Demo { time }) => fleetd::demo::run(args.flags, time, recorder()?, stopped()?).await,
        Some(Command::Simulate { file }) => simulate(&file, &args.flags).await,
        Some(Command::Config) => config(&args.flags),
        Some(Command::Secrets(Secrets::RotateKey)) => rotate_key(&args.flags).await,
        Some(Command::Tls(Tls::Init { dir, hosts })) => make_certificate(dir, &hosts, &args.flags),
    }
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
async fn rotate_key(flags: &Flags) -> Result<(), String> {
    let config = Config::resolve(flags).map_err(|error| error.to_string())?;
    let done = fleetd::rekey::rotate(&config)
        .await
        .map_err(|error| error.to_string())?;
    println!(
        "{} holds a new key; {} resources and {} keys of fleetd's own are sealed with it",
        config.secret_key_file.display(),
        done.resources,
        done.keys
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn config(flags: &Flags) -> Result<(), String> {
    let config = Config::resolve(flags).map_err(|error| error.to_string())?;
    let mut rows = config.origins;
    rows.sort();
    for (name, value, origin) in rows {
        println!("{name:<14} {value:<40} {origin}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn make_certificate(dir: Option<PathBuf>, hosts: &[String], flags: &Flags) -> Result<(), String> {
    let dir = match dir {
        Some(dir) => std::path::absolute(&dir).map_err(|error| format!("{}: {error}", dir.display()))?,
        None => config::data_dir_of(flags)
            .map_err(|error| error.to_string())?
            .join("tls"),
    };
    let made = tls::init(&dir, hosts, SystemClock.now()).map_err(|error| error.to_string())?;
    let (dir, names) = (made.dir.display(), made.names.join(", "));
    let ca = if made.ca_kept { "kept" } else { "made" };
    println!("{ca} the certificate authority {dir}/ca.crt; guard its key, ca.key");
    println!(
        "made the certificate {dir}/server.crt for {names}; it ends on {}",
        made.until
    );
    println!("a fleetd that serves with it takes it up by itself; another one is started with");
    println!("  fleetd --grpc-listen 0.0.0.0:7081 --tls-cert {dir}/server.crt --tls-key {dir}/server.key");
    println!("copy ca.crt to where fleetctl runs, and name it with FLEETCTL_CA or");
    println!("  fleetctl --server https://HOST:7081 --ca ca.crt server status");
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "whoever starts a simulator with port 0 reads the port here"
)]
async fn simulate(file: &std::path::Path, flags: &Flags) -> Result<(), String> {
    log(&Config::resolve(flags).map_err(|error| error.to_string())?)?;
    let simulation = Simulation::load(file, Arc::new(SystemClock)).map_err(|error| error.to_string())?;
    let listener = tokio::net::TcpListener::bind(&simulation.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", simulation.listen))?;
    println!(
        "listening on {}",
        listener.local_addr().map_err(|error| error.to_string())?
    );
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let stopped = stopped()?;
    let (served, ()) = tokio::join!(simulation.serve(listener, shutdown), async move {
        stopped.await;
        stop.cancel();
    });
    served.map_err(|error| error.to_string())
}

fn log(config: &Config) -> Result<(), String> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|error| format!("--log {}: {error}", config.log))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn recorder() -> Result<metrics_exporter_prometheus::PrometheusHandle, String> {
    metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| error.to_string())
}

/// Ends with SIGTERM or SIGINT.
fn stopped() -> Result<impl Future<Output = ()> + Send + 'static, String> {
    let catch = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
