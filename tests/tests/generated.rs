//! Completions and the reference are what the command line generates. `UPDATE=1 cargo test -p fleet-tests generated` rewrites them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot write its file says so by panicking"
)]

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use fleetctl::args::Args;

fn current(path: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli").join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).expect("the folder is part of the repository");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not current: run `UPDATE=1 cargo test -p fleet-tests generated`",
        path.display()
    );
}

#[test]
fn completions_are_current() {
    for (shell, file) in [
        (Shell::Bash, "fleetctl.bash"),
        (Shell::Zsh, "_fleetctl"),
        (Shell::Fish, "fleetctl.fish"),
        (Shell::PowerShell, "_fleetctl.ps1"),
        (Shell::Elvish, "fleetctl.elv"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "fleetctl", &mut script);
        current(&format!("../completions/{file}"), &String::from_utf8(script).unwrap());
    }
}

#[test]
fn the_reference_is_current() {
    let mut text = String::from(
        "# fleetctl\n\nGenerated from the command line itself: `UPDATE=1 cargo test -p fleet-tests generated` rewrites it.\n",
    );
    let mut root = Args::command().term_width(100);
    root.build();
    describe(&root, "fleetctl", &mut text);
    current("REFERENCE.md", &text);
}

fn describe(command: &clap::Command, path: &str, text: &mut String) {
    if path != "fleetctl" {
        let help = command.clone().term_width(100).render_long_help().to_string();
        // Environment values of whoever runs the test are no part of the reference.
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        text.push_str(&format!(
            "\n## {path}\n\n```text\n{}\n```\n",
            lines.join("\n").trim_end()
        ));
    }
    for inner in command.get_subcommands() {
        describe(inner, &format!("{path} {}", inner.get_name()), text);
    }
}
