//! The command line.

use std::path::PathBuf;

use clap::{Args as Flags, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use crate::commands::{
    apply, audit, completion, context, delete, describe, device, drift, edit, explain, export, fmt, get, help, history,
    label, log, login, modbus, plan, pull, server, telemetry, template, token, undo, user, validate, wait, watch,
    whoami,
};
use crate::contexts;
use crate::error::{Error, Result};
use crate::session::Store;

/// Administers a fleet of gateways and devices through fleetd
#[derive(Debug, Parser)]
#[command(name = "fleetctl", version, about, long_about = None, disable_help_subcommand = true, propagate_version = false, max_term_width = 100)]
pub struct Args {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Default, Flags)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Where fleetd is: https://HOST:PORT, or unix:///path/to/fleetd.sock
    #[arg(
        long,
        hide_env_values = true,
        env = "FLEETCTL_SERVER",
        value_name = "URL",
        global = true
    )]
    pub server: Option<String>,
    /// Certificate of the authority that signed fleetd's, such as the ca.crt of `fleetd tls init`; unless given, those that this machine trusts
    #[arg(
        long,
        hide_env_values = true,
        env = "FLEETCTL_CA",
        value_name = "FILE",
        global = true
    )]
    pub ca: Option<PathBuf>,
    /// Context: a server with its CA and organization, as `fleetctl context` lists them
    #[arg(long, hide_env_values = true, env = "FLEETCTL_CONTEXT", value_name = "NAME", global = true, add = ArgValueCandidates::new(contexts::candidates))]
    pub context: Option<String>,
    /// Where a login is kept; auto: in the keyring of the operating system where it can be used, else in a file
    #[arg(
        long,
        hide_env_values = true,
        env = "FLEETCTL_SESSION_STORE",
        value_name = "WHERE",
        global = true
    )]
    pub session_store: Option<Store>,
    /// File with the token to send; FLEETCTL_TOKEN holds the token itself
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
    /// Organization; not needed while there is only one, or where manifests name it
    #[arg(
        long,
        hide_env_values = true,
        env = "FLEETCTL_ORG",
        value_name = "NAME",
        global = true
    )]
    pub org: Option<String>,
    /// Environment of fleetctl.yaml
    #[arg(
        long = "env",
        hide_env_values = true,
        env = "FLEETCTL_ENV",
        value_name = "NAME",
        global = true
    )]
    pub environment: Option<String>,
    /// table, wide, json, jsonl, yaml, csv, name, jq=EXPR, or columns=NAME:.path,...
    #[arg(
        short,
        long,
        hide_env_values = true,
        env = "FLEETCTL_OUTPUT",
        value_name = "FORMAT",
        global = true
    )]
    pub output: Option<String>,
    /// When to use colour
    #[arg(
        long,
        hide_env_values = true,
        env = "FLEETCTL_COLOR",
        value_name = "WHEN",
        global = true
    )]
    pub color: Option<Color>,
    /// How long an answer may take
    #[arg(long, hide_env_values = true, env = "FLEETCTL_TIMEOUT", value_name = "TIME", default_value = "30s", global = true, value_parser = timeout)]
    pub timeout: Timeout,
    /// Do not ask before a destructive act
    #[arg(short, long, hide_env_values = true, env = "FLEETCTL_YES", global = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub yes: bool,
    /// Say nothing but data and errors
    #[arg(short, long, hide_env_values = true, env = "FLEETCTL_QUIET", global = true, value_parser = clap::builder::BoolishValueParser::new())]
    pub quiet: bool,
}

/// How long an answer may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeout(pub std::time::Duration);

impl Default for Timeout {
    fn default() -> Self {
        Self(std::time::Duration::from_secs(30))
    }
}

fn timeout(text: &str) -> std::result::Result<Timeout, String> {
    crate::times::parse_duration(text).map(|micros| Timeout(std::time::Duration::from_micros(micros.unsigned_abs())))
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's arguments hold its help")]
pub enum Command {
    Get(get::Get),
    Describe(describe::Describe),
    Validate(validate::Validate),
    Fmt(fmt::Fmt),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Diff(plan::Diff),
    Drift(drift::Drift),
    Pull(pull::Pull),
    Undo(undo::Undo),
    Rollback(undo::Rollback),
    History(history::History),
    Blame(history::Blame),
    Edit(edit::Edit),
    Label(label::Label),
    Annotate(label::Annotate),
    Mv(label::Mv),
    Delete(delete::Delete),
    Explain(explain::Explain),
    Schema(explain::Schema),
    Export(export::Export),
    Watch(watch::Watch),
    Wait(wait::Wait),
    #[command(subcommand)]
    Device(device::Device),
    #[command(subcommand)]
    Telemetry(telemetry::Telemetry),
    #[command(subcommand)]
    Template(template::Template),
    #[command(subcommand)]
    Modbus(modbus::Modbus),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Log(log::Log),
    Login(login::Login),
    Logout(login::Logout),
    Setup(login::Setup),
    Context(context::ContextArgs),
    #[command(subcommand)]
    Session(login::SessionCommand),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Token(token::Token),
    #[command(name = "whoami")]
    WhoAmI(whoami::WhoAmI),
    #[command(name = "can-i")]
    CanI(whoami::CanI),
    #[command(subcommand)]
    Server(server::Server),
    /// Show the version of fleetctl
    Version,
    Completion(completion::Completion),
    Help(help::Help),
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default, Flags)]
pub struct Narrow {
    /// Only those whose labels match, such as ring=canary or 'zone in (a,b),!old'
    #[arg(
        short = 'l',
        long,
        value_name = "LABELS",
        default_value = "",
        hide_default_value = true
    )]
    pub selector: String,
    /// Only those that refer to this resource, such as site/plant-1
    #[arg(
        long = "ref",
        value_name = "KIND/NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub reference: String,
    /// Only those whose name matches: * any text, ? one character
    #[arg(long = "name", value_name = "GLOB", default_value = "", hide_default_value = true)]
    pub name_glob: String,
    /// Every organization
    #[arg(short = 'A', long = "all-orgs")]
    pub all_orgs: bool,
}

impl Narrow {
    /// Something besides the organization narrows the list.
    pub fn is_any(&self) -> bool {
        !(self.selector.is_empty() && self.reference.is_empty() && self.name_glob.is_empty())
    }

    /// Names were given, so there is nothing to narrow.
    pub fn refuse_beside_names(&self) -> Result<()> {
        if self.is_any() || self.all_orgs {
            return Err(Error::usage(
                "names and -l, --ref, --name, -A do not go together",
                "name the resources, or narrow a kind",
            ));
        }
        Ok(())
    }
}
