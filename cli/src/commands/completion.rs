//! `fleetctl completion`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;

/// Print the completion script for a shell
#[derive(Args, Debug)]
pub struct Completion {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(cx: &mut Context, args: &Completion) -> Result<Exit> {
    cx.text_only()?;
    cx.io.out(&script(args.shell));
    Ok(Exit::Ok)
}

/// The script for a shell, as `completions/` holds it.
pub fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::args::Args::command(), "fleetctl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
