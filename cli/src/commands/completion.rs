//! `fleetctl completion`.

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

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

/// The script for a shell, as `completions/` holds it. It asks fleetctl itself, which knows the names of contexts.
pub fn script(shell: Shell) -> String {
    let shell: &dyn EnvCompleter = match shell {
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        Shell::Elvish => &Elvish,
        _ => &Bash,
    };
    let (mut script, name) = (Vec::new(), "fleetctl");
    shell
        .write_registration(crate::COMPLETE, name, name, name, &mut script)
        .unwrap_or_else(|error| unreachable!("memory takes what is written: {error}"));
    String::from_utf8_lossy(&script).into_owned()
}
