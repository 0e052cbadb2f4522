//! fleetctl: the command line that administers a fleet. `STYLE.md` beside this crate says how it talks.

pub mod args;
mod commands;
mod connect;
mod context;
mod contexts;
pub mod error;
pub mod exit;
mod files;
mod folder;
mod git;
pub mod io;
mod keyring;
mod network;
mod out;
mod placement;
mod plan_file;
mod plot;
mod progress;
mod project;
mod prompt;
mod readings;
#[cfg(test)]
mod reference;
mod report;
mod secrets;
mod session;
mod settings;
mod submit;
mod targets;
#[cfg(test)]
mod tests;
mod times;
mod token;

pub use out::shapes;

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::Args;
use context::Context;
use error::Error;
pub use exit::Exit;
use io::Io;
use out::Format;
use settings::Said;

/// Answers a shell that asks for completions, and ends the process then. Nothing is dialled for it.
pub fn complete() {
    clap_complete::CompleteEnv::with_factory(Args::command)
        .var(COMPLETE)
        .complete();
}

/// The variable by which the scripts in `completions/` ask.
pub(crate) const COMPLETE: &str = "FLEETCTL_COMPLETE";

/// Runs one command line. Everything that it prints goes to `io`.
pub async fn run(args: impl IntoIterator<Item = OsString>, mut io: Io) -> Exit {
    let words: Vec<OsString> = args.into_iter().collect();
    let parsed = Args::command().try_get_matches_from(&words).and_then(|matches| {
        let args = Args::from_arg_matches(&matches)?;
        let said = Said::of(&matches, &args.globals);
        Ok((args, said))
    });
    let (args, said) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if !error.use_stderr() => {
            io.out(&error.render().to_string());
            io.flush();
            return Exit::Ok;
        }
        Err(error) => {
            let text = error.render().to_string();
            let told = if wants_json(&words) { usage(&text).json() } else { text };
            io.err(&told);
            return Exit::Usage;
        }
    };
    let mut context = match Context::new(args.globals, said, io) {
        Ok(context) => context,
        Err((error, mut io)) => {
            let told = if wants_json(&words) { error.json() } else { error.text() };
            io.err(&told);
            return error.exit;
        }
    };
    // Signals first: a command may block before it waits for the first time.
    let done = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(context.ended(Exit::Interrupted)),
        () = terminated() => Err(context.ended(Exit::Terminated)),
        done = commands::run(&mut context, args.command) => done,
    };
    match done {
        Ok(exit) => context.finish(exit),
        Err(error) => context.fail(&error),
    }
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// Does a command line that could not be read ask for a machine's format?
fn wants_json(words: &[OsString]) -> bool {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let said = words.iter().enumerate().find_map(|(at, word)| match *word {
        "-o" | "--output" => words.get(at + 1).copied(),
        _ => word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o")),
    });
    let set = std::env::var("FLEETCTL_OUTPUT").unwrap_or_default();
    Format::parse(said.unwrap_or(&set)).is_ok_and(|format| format.is_machine())
}

/// The same complaint as data: what is wrong, then the tip.
fn usage(text: &str) -> Error {
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.trim_start_matches("error: ").split("\n\n");
    let message = one_line(parts.next().unwrap_or_default());
    let tip = parts.find(|part| part.trim_start().starts_with("tip: "));
    let help = tip.map_or_else(|| "look at `fleetctl COMMAND --help`".to_owned(), one_line);
    Error::usage(message, help.trim_start_matches("tip: "))
}
