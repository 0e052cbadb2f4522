//! A file for each command.

pub mod apply;
pub mod audit;
pub mod completion;
pub mod context;
pub mod delete;
pub mod describe;
pub mod device;
pub mod drift;
pub mod edit;
pub mod explain;
pub mod export;
pub mod fmt;
pub mod get;
pub mod help;
pub mod history;
pub mod label;
pub mod log;
pub mod login;
pub mod modbus;
pub mod plan;
pub mod pull;
pub mod server;
mod settle;
mod spark;
pub mod telemetry;
pub mod template;
pub mod token;
pub mod undo;
pub mod user;
pub mod validate;
pub mod wait;
pub mod watch;
pub mod whoami;

use clap::builder::PossibleValuesParser;
use fleet_proto::kinds::Kind;
use fleet_proto::levels::Level;
use fleet_proto::pb;
use fleet_proto::reflect;
use prost::Message;
use serde_json::{Value, json};

use crate::args::Command;
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, Listing, column};
use crate::times;

/// Runs a command.
pub async fn run(cx: &mut Context, command: Command) -> Result<Exit> {
    match command {
        Command::Get(args) => get::run(cx, &args).await,
        Command::Describe(args) => describe::run(cx, &args).await,
        Command::Validate(args) => validate::run(cx, &args).await,
        Command::Fmt(args) => fmt::run(cx, &args).await,
        Command::Plan(args) => plan::run(cx, &args).await,
        Command::Apply(args) => apply::run(cx, &args).await,
        Command::Diff(args) => plan::diff(cx, &args).await,
        Command::Drift(args) => drift::run(cx, &args).await,
        Command::Pull(args) => pull::run(cx, &args).await,
        Command::Undo(args) => undo::undo(cx, &args).await,
        Command::Rollback(args) => undo::rollback(cx, &args).await,
        Command::History(args) => history::history(cx, &args).await,
        Command::Blame(args) => history::blame(cx, &args).await,
        Command::Edit(args) => edit::run(cx, &args).await,
        Command::Label(args) => label::label(cx, &args).await,
        Command::Annotate(args) => label::annotate(cx, &args).await,
        Command::Mv(args) => label::mv(cx, &args).await,
        Command::Delete(args) => delete::run(cx, &args).await,
        Command::Explain(args) => explain::explain(cx, &args),
        Command::Schema(args) => explain::schema(cx, &args),
        Command::Export(args) => export::run(cx, &args).await,
        Command::Watch(args) => watch::run(cx, &args).await,
        Command::Wait(args) => wait::run(cx, &args).await,
        Command::Device(args) => device::run(cx, args).await,
        Command::Telemetry(args) => telemetry::run(cx, args).await,
        Command::Template(args) => template::run(cx, args).await,
        Command::Modbus(args) => modbus::run(cx, args).await,
        Command::Audit(args) => audit::run(cx, args).await,
        Command::Log(args) => log::run(cx, args).await,
        Command::Login(args) => login::login(cx, &args).await,
        Command::Logout(_) => login::logout(cx).await,
        Command::Setup(args) => login::setup(cx, &args).await,
        Command::Context(args) => context::run(cx, args).await,
        Command::Session(args) => login::session(cx, args).await,
        Command::User(args) => user::run(cx, args).await,
        Command::Token(args) => token::run(cx, args).await,
        Command::WhoAmI(_) => whoami::whoami(cx).await,
        Command::CanI(args) => whoami::can_i(cx, &args).await,
        Command::Server(args) => server::run(cx, &args).await,
        Command::Version => version(cx),
        Command::Completion(args) => completion::run(cx, &args),
        Command::Help(args) => help::run(cx, &args),
    }
}

fn version(cx: &mut Context) -> Result<Exit> {
    let record = json!({"name": "fleetctl", "version": env!("CARGO_PKG_VERSION")});
    print(
        cx,
        vec![column("NAME", ".name"), column("VERSION", ".version")],
        |record| text(record, "version"),
        &record,
    )
}

/// Prints one record.
fn print(cx: &mut Context, columns: Vec<Column>, name: fn(&Value) -> String, record: &Value) -> Result<Exit> {
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, name)?.single();
    listing.push(record)?;
    listing.finish();
    Ok(Exit::Ok)
}

/// Prints records.
fn print_all(
    cx: &mut Context,
    columns: Vec<Column>,
    name: fn(&Value) -> String,
    records: impl IntoIterator<Item = Value>,
) -> Result<usize> {
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, name)?;
    for record in records {
        if !listing.push(&record)? {
            break;
        }
    }
    Ok(listing.finish())
}

/// How records of a stream are printed.
struct Stream {
    columns: Vec<Column>,
    name: fn(&Value) -> String,
    /// What a person is told where there is none.
    none: &'static str,
    /// It goes on, and the next record may be hours away.
    follow: bool,
}

/// Prints records page by page, as they come.
async fn print_stream<P>(
    cx: &mut Context,
    stream: Stream,
    mut pages: tonic::Streaming<P>,
    records: impl Fn(P) -> Vec<Value>,
) -> Result<Exit> {
    let timeout = cx.globals.timeout;
    let mut listing = Listing::new(&mut cx.io, &cx.format, stream.columns, stream.name)?.or_say(stream.none);
    if stream.follow {
        listing = listing.endless()?;
    }
    loop {
        let page = if stream.follow {
            pages.message().await?
        } else {
            in_time(timeout, pages.message()).await?
        };
        let Some(page) = page else { break };
        for record in records(page) {
            if !listing.push(&record)? {
                return Ok(Exit::Ok);
            }
        }
        if stream.follow {
            listing.flush();
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

/// Words for a level, from the least that makes sense.
fn levels(least: Level) -> PossibleValuesParser {
    let words = Level::ALL.into_iter().filter(|level| *level >= least);
    PossibleValuesParser::new(words.map(Level::text))
}

/// A moment of a flag, microseconds; 0: none is given.
fn moment(text: Option<&str>) -> Result<i64> {
    text.map_or(Ok(0), |text| times::parse(text, times::now()))
        .map_err(|message| Error::usage(message, ""))
}

/// A message of the contract as a record.
fn record(name: &str, message: &impl Message) -> Value {
    reflect::message_to_json(&format!("fleet.v1.{name}"), &message.encode_to_vec())
}

/// A text field of a record.
fn text(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_default().to_owned()
}

/// `kind/name` of a resource.
fn resource_name(record: &Value) -> String {
    let kind = record["kind"].as_str().and_then(Kind::find).map_or("", Kind::singular);
    format!("{kind}/{}", record["metadata"]["name"].as_str().unwrap_or_default())
}

/// `kind/name` of a resource message.
pub fn named(resource: &pb::Resource) -> String {
    let kind = resource.spec.as_ref().map(Kind::of).map_or("", Kind::singular);
    format!(
        "{kind}/{}",
        resource.metadata.as_ref().map_or("", |metadata| &metadata.name)
    )
}

/// The columns of a table of resources.
fn resource_columns(kind: Option<Kind>, all_orgs: bool) -> Vec<Column> {
    let mut columns = Vec::new();
    if all_orgs {
        columns.push(column("ORG", ".metadata.org"));
    }
    if kind.is_none() {
        columns.push(column("KIND", ".kind"));
    }
    columns.push(column("NAME", ".metadata.name"));
    if let Some(kind) = kind {
        columns.extend(kind.row().columns.iter().map(|c| Column {
            title: c.title.to_owned(),
            path: c.path.to_owned(),
            wide: c.wide,
        }));
    }
    columns.push(Column {
        title: "REVISION".to_owned(),
        path: ".metadata.revision".to_owned(),
        wide: true,
    });
    columns.push(column("UPDATED", ".metadata.updatedAt"));
    columns
}
