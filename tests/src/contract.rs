//! What programs are promised of `fleetctl -o json`: what stories read through `World::fleetctl` is held against its
//! schema.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use clap::CommandFactory as _;
use jsonschema::Validator;

use crate::Finished;

static SCHEMAS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The words of a command line that name the command, and the topic of `help`.
pub fn command_of(words: &[String]) -> String {
    if words.first().is_some_and(|word| word == "help") {
        return words.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
    }
    let root = fleetctl::args::Args::command();
    let (mut at, mut path) = (&root, Vec::new());
    while let Some(inner) = words.get(path.len()).and_then(|word| at.find_subcommand(word)) {
        at = inner;
        path.push(inner.get_name());
    }
    path.join(" ")
}

/// Panics where a command printed other JSON than `fleetctl schema output` says.
pub fn hold(words: &[String], said: &Finished) {
    let format = words
        .windows(2)
        .find(|pair| pair[0] == "-o")
        .map(|pair| pair[1].as_str());
    if said.stdout.is_empty() {
        return;
    }
    let (values, part) = match format {
        Some("json") => (vec![said.json()], ""),
        Some("jsonl") => (said.json_lines(), "record"),
        _ => return,
    };
    let validator = validator(&command_of(words), part);
    for value in values {
        let wrong: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{words:?}: {wrong:?} in {said}");
    }
}

fn validator(command: &str, part: &str) -> Arc<Validator> {
    let mut schemas = SCHEMAS.lock().unwrap();
    let made = || {
        let mut schema =
            fleetctl::shapes::of(command).unwrap_or_else(|| panic!("`{command}` has no schema of its output"));
        if !part.is_empty() {
            schema = schema["$defs"][part].clone();
        }
        Arc::new(jsonschema::validator_for(&schema).unwrap())
    };
    schemas.entry(format!("{command}#{part}")).or_insert_with(made).clone()
}

/// Words as they were given, for [`hold`].
pub fn words<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Vec<String> {
    let text = |word: &A| word.as_ref().to_string_lossy().into_owned();
    arguments.iter().map(text).collect()
}
