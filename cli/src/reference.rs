//! The generated files, `cli/REFERENCE.md`, `cli/manifest.schema.json` and `completions/`: made from the command line
//! and the contract, checked to be current: what scripts and editors rely on changes with a diff that is looked at.
//! `UPDATE=1 cargo test -p fleetctl` rewrites them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Args;
use crate::commands::completion;
use crate::out::shapes;

/// Completion scripts by their names in `completions/`.
const SCRIPTS: &[(Shell, &str)] = &[
    (Shell::Bash, "fleetctl.bash"),
    (Shell::Zsh, "_fleetctl"),
    (Shell::Fish, "fleetctl.fish"),
    (Shell::PowerShell, "_fleetctl.ps1"),
    (Shell::Elvish, "fleetctl.elv"),
];

/// Every command with its arguments, as markdown.
fn markdown() -> String {
    let mut root = Args::command();
    root.build();
    let mut text = String::from(
        "# fleetctl: reference\n\nGenerated from the command line; `UPDATE=1 cargo test -p fleetctl` rewrites it. How fleetctl talks \
         stands in `STYLE.md`; exit codes in `fleetctl help exit-codes`, error codes in `fleetctl help errors`.\n",
    );
    section(
        &mut text,
        "Options of every command",
        root.get_arguments().filter(|arg| arg.is_global_set()),
        "##",
    );
    commands(&mut text, &root);
    text
}

fn commands(text: &mut String, command: &Command) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        if sub.has_subcommands() {
            commands(text, sub);
            if sub.is_subcommand_required_set() {
                continue;
            }
        }
        let name = sub.get_bin_name().unwrap_or_default();
        let usage = sub.clone().render_usage().to_string();
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(
            text,
            "\n## {name}\n\n{about}.\n\n```\n{}\n```\n",
            usage.trim_start_matches("Usage: ")
        );
        section(text, "", sub.get_arguments().filter(|arg| !arg.is_global_set()), "");
        if let Some(prints) = shapes::summary(name.trim_start_matches("fleetctl ")) {
            let _ = write!(text, "\n`-o json`: {prints}.\n");
        }
    }
}

fn section<'a>(text: &mut String, title: &str, arguments: impl Iterator<Item = &'a Arg>, level: &str) {
    let rows: Vec<String> = arguments
        .filter(|arg| !arg.is_hide_set() && arg.get_id() != "help" && arg.get_id() != "version")
        .map(row)
        .collect();
    if !title.is_empty() {
        let _ = write!(text, "\n{level} {title}\n");
    }
    if !rows.is_empty() {
        let _ = write!(text, "\n| argument | meaning |\n|---|---|\n{}", rows.concat());
    }
}

fn row(arg: &Arg) -> String {
    let words = [
        arg.get_short().map(|short| format!("-{short}")),
        arg.get_long().map(|long| format!("--{long}")),
    ];
    let mut name = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let takes_value = arg.get_num_args().is_some_and(|count| count.takes_values());
    if takes_value {
        let values: Vec<_> = arg
            .get_value_names()
            .unwrap_or_default()
            .iter()
            .map(|value| format!("<{value}>"))
            .collect();
        let _ = write!(name, "{}{}", if name.is_empty() { "" } else { " " }, values.join(" "));
    }
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .filter(|v| !v.is_empty())
        .collect();
    if takes_value && !values.is_empty() {
        let _ = write!(meaning, " ({})", values.join(", "));
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    if takes_value && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        let _ = write!(meaning, "; default `{}`", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(meaning, "; variable `{}`", variable.to_string_lossy());
    }
    format!("| `{}` | {} |\n", name.replace('|', "\\|"), meaning.replace('|', "\\|"))
}

/// A generated file is as the command line would have it.
fn check(path: &Path, wanted: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path: PathBuf = root.join(path);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not what the command line says; rewrite it with `UPDATE=1 cargo test -p fleetctl`",
        path.display()
    );
}

#[test]
fn the_reference_is_current() {
    check(Path::new("cli/REFERENCE.md"), &markdown());
}

#[test]
fn the_schema_is_current() {
    let schema = fleet_proto::reflect::schema(None);
    check(Path::new("cli/manifest.schema.json"), &format!("{schema:#}\n"));
}

#[test]
fn the_completions_are_current() {
    for (shell, name) in SCRIPTS {
        check(&Path::new("completions").join(name), &completion::script(*shell));
    }
}

#[test]
fn the_command_line_contradicts_itself_nowhere() {
    Args::command().debug_assert();
}
