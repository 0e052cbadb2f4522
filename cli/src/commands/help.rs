//! `fleetctl help`.

use clap::{Args, CommandFactory as _};
use fleet_proto::access::BUILT_IN;
use fleet_proto::codes::{self, CODES};
use fleet_proto::kinds::KINDS;
use serde_json::json;

use super::{print, print_all};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::{EXITS, Exit};
use crate::out::{Format, column};

/// Show help for a command, or about `exit-codes`, `errors [CODE]`, `kinds`, `roles`, `permissions`
#[derive(Args, Debug)]
pub struct Help {
    /// Command or topic
    #[arg(value_name = "COMMAND | TOPIC")]
    about: Vec<String>,
}

pub(super) fn run(cx: &mut Context, args: &Help) -> Result<Exit> {
    let words: Vec<&str> = args.about.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["exit-codes"] => {
            let rows = EXITS
                .iter()
                .map(|(exit, meaning)| json!({"code": *exit as u8, "meaning": meaning}));
            print_all(
                cx,
                vec![column("CODE", ".code"), column("MEANING", ".meaning")],
                |row| row["code"].to_string(),
                rows.collect::<Vec<_>>(),
            )?;
        }
        ["errors"] => {
            let rows = CODES
                .iter()
                .map(|code| json!({"code": code.code, "title": code.title, "help": code.help}));
            print_all(
                cx,
                vec![column("CODE", ".code"), column("MEANING", ".title")],
                |row| super::text(row, "code"),
                rows.collect::<Vec<_>>(),
            )?;
        }
        ["errors", code] => {
            let row = codes::find(code).ok_or_else(|| {
                Error::usage(
                    format!("`{code}` is no error code"),
                    "`fleetctl help errors` lists them",
                )
            })?;
            if matches!(cx.format, Format::Table { .. }) {
                cx.io.out(&format!("{}: {}\n\n{}\n", row.code, row.title, row.help));
            } else {
                let columns = vec![
                    column("CODE", ".code"),
                    column("MEANING", ".title"),
                    column("HELP", ".help"),
                ];
                let record = json!({"code": row.code, "title": row.title, "help": row.help});
                print(cx, columns, |row| super::text(row, "code"), &record)?;
            }
        }
        ["kinds"] => {
            let rows = KINDS.iter().map(|row| json!({"kind": row.title, "plural": row.plural, "short": row.short.join(","), "scope": if row.platform { "platform" } else { "organization" }}));
            let columns = vec![
                column("KIND", ".kind"),
                column("PLURAL", ".plural"),
                column("SHORT", ".short"),
                column("SCOPE", ".scope"),
            ];
            print_all(cx, columns, |row| super::text(row, "kind"), rows.collect::<Vec<_>>())?;
        }
        ["roles"] => {
            let rows = BUILT_IN.iter().map(|role| {
                json!({"role": role.name, "description": role.description, "permissions": role.permissions(),
                       "whereOperatorsControl": role.where_operators_control})
            });
            let columns = vec![
                column("ROLE", ".role"),
                column("PERMISSIONS", ".permissions"),
                column("AT SITES WITH OPERATORCONTROL", ".whereOperatorsControl"),
            ];
            print_all(cx, columns, |row| super::text(row, "role"), rows.collect::<Vec<_>>())?;
        }
        ["permissions"] => {
            let columns = vec![column("NOUN", ".noun"), column("VERBS", ".verbs")];
            print_all(
                cx,
                columns,
                |row| super::text(row, "noun"),
                super::whoami::permissions(),
            )?;
        }
        path => {
            cx.text_only()?;
            let mut command = crate::args::Args::command();
            command.build();
            for word in path {
                command = command.find_subcommand(word).cloned().ok_or_else(|| {
                    Error::usage(
                        format!("`{word}` is no command or topic"),
                        "`fleetctl help` lists the commands; topics are exit-codes, errors, kinds, roles, permissions",
                    )
                })?;
            }
            cx.io.out(&command.render_long_help().to_string());
        }
    }
    Ok(Exit::Ok)
}
