//! `fleetctl explain` and `fleetctl schema`.

use clap::{Args, Subcommand};
use fleet_proto::codes;
use fleet_proto::reflect::{self, Described};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Format, column, shapes};
use crate::targets;

/// Explain a kind and its fields, as manifests write them
#[derive(Args, Debug)]
pub struct Explain {
    /// Kind, or a path into it: device, device.sensors.unit, device.metadata
    #[arg(value_name = "KIND[.PATH]")]
    path: String,
    /// All fields, at every depth
    #[arg(long)]
    recursive: bool,
}

/// Print the JSON Schema of manifests, for editors; or of what a command prints: schema output COMMAND
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Schema {
    #[command(subcommand)]
    of: Option<Of>,
    /// Kind; nothing: every kind
    kind: Option<String>,
}

/// What else has a schema.
#[derive(Debug, Subcommand)]
enum Of {
    /// Print the JSON Schema of what a command prints with -o json
    Output {
        /// Command, such as: get, telemetry latest
        #[arg(required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

pub(super) fn explain(cx: &mut Context, args: &Explain) -> Result<Exit> {
    let found = reflect::describe(&args.path, args.recursive)
        .map_err(|(what, help)| Error::new(Exit::NotFound, codes::NOT_FOUND, what, help))?;
    if matches!(cx.format, Format::Table { .. }) {
        let text = text(&found);
        cx.io.out(&text);
        return Ok(Exit::Ok);
    }
    let columns = vec![
        column("FIELD", ".path"),
        column("TYPE", ".type"),
        column("REQUIRED", ".required"),
        column("DESCRIPTION", ".description"),
    ];
    let records = found.iter().map(|one| {
        json!({"path": one.path, "type": one.kind, "required": one.required, "facts": one.facts, "description": one.text})
    });
    super::print_all(
        cx,
        columns,
        |record| super::text(record, "path"),
        records.collect::<Vec<_>>(),
    )?;
    Ok(Exit::Ok)
}

fn text(found: &[Described]) -> String {
    let Some((head, fields)) = found.split_first() else {
        return String::new();
    };
    let required = |one: &Described| if one.required { ", required" } else { "" };
    let mut text = format!("{}: {}{}\n", head.path, head.kind, required(head));
    if !head.text.is_empty() {
        text.push_str(&format!("\n{}\n", head.text));
    }
    for fact in &head.facts {
        text.push_str(&format!("- {fact}\n"));
    }
    if !fields.is_empty() {
        text.push_str("\nFields:\n");
    }
    for one in fields {
        let inner = one
            .path
            .strip_prefix(&head.path)
            .unwrap_or(&one.path)
            .trim_start_matches('.');
        let depth = inner.matches('.').count();
        let name = inner.rsplit('.').next().unwrap_or(inner).trim_end_matches("[]");
        let indent = "  ".repeat(depth + 1);
        text.push_str(&format!("{indent}{name}: {}{}\n", one.kind, required(one)));
        let facts = if one.facts.is_empty() {
            String::new()
        } else {
            format!("({})", one.facts.join("; "))
        };
        let about = [one.text.as_str(), facts.as_str()].join(" ");
        if !about.trim().is_empty() {
            text.push_str(&format!("{indent}    {}\n", about.trim()));
        }
    }
    text
}

pub(super) fn schema(cx: &mut Context, args: &Schema) -> Result<Exit> {
    let schema = if let Some(Of::Output { command }) = &args.of {
        output_schema(&command.join(" "))?
    } else {
        reflect::schema(args.kind.as_deref().map(targets::kind).transpose()?)
    };
    // A schema is JSON whatever a table would be.
    if matches!(cx.format, Format::Table { .. }) {
        cx.io.out(&format!("{schema:#}\n"));
        return Ok(Exit::Ok);
    }
    super::print(cx, Vec::new(), |record: &Value| super::text(record, "title"), &schema)
}

fn output_schema(command: &str) -> Result<Value> {
    shapes::of(command).ok_or_else(|| {
        Error::usage(
            format!("`{command}` is no command that prints records"),
            "`fleetctl help` lists the commands; write such as `schema output telemetry latest`",
        )
    })
}
