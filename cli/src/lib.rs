//! fleetctl: the command line that administers a fleet. `STYLE.md` beside this crate says how it talks.

pub mod args;
mod commands;
mod connect;
mod context;
pub mod error;
pub mod exit;
mod files;
pub mod io;
mod out;
mod targets;
mod times;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::Args;
use context::Context;
pub use exit::Exit;
use io::Io;

/// Runs one command line. Everything that it prints goes to `io`.
pub async fn run(args: impl IntoIterator<Item = OsString>, mut io: Io) -> Exit {
    let parsed = Args::command().try_get_matches_from(args).and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => {
            let text = error.render().to_string();
            return if error.use_stderr() {
                io.err(&text);
                Exit::Usage
            } else {
                io.out(&text);
                Exit::Ok
            };
        }
    };
    let mut context = match Context::new(args.globals, io) {
        Ok(context) => context,
        Err((error, mut io)) => {
            io.err(&error.text());
            return error.exit;
        }
    };
    let done = tokio::select! {
        done = commands::run(&mut context, args.command) => done,
        _ = tokio::signal::ctrl_c() => Err(context.interrupted()),
    };
    match done {
        Ok(exit) => context.finish(exit),
        Err(error) => context.fail(&error),
    }
}
