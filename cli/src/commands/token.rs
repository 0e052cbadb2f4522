//! `fleetctl token`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::Value;

use super::{print, print_all, record, text};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::times;

/// API tokens: what programs call fleetd with
#[derive(Debug, Subcommand)]
pub enum Token {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token; it is shown here and never again
#[derive(Args, Debug)]
pub struct Create {
    /// What it is for, such as telemetry:write or view:device; `fleetctl help permissions` lists them
    #[arg(long = "scope", value_name = "PERMISSION", required = true)]
    scopes: Vec<String>,
    /// Only at this site
    #[arg(long = "site", value_name = "NAME")]
    sites: Vec<String>,
    /// What people call it
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    /// Until when, such as 12h or 90d
    #[arg(long, value_name = "TIME", default_value = "90d")]
    expires: String,
    /// In every organization, and on the platform
    #[arg(short = 'A', long = "all-orgs")]
    all_orgs: bool,
}

/// Show tokens, newest first; never the secrets
#[derive(Args, Debug)]
pub struct List {
    /// Those that count in every organization
    #[arg(short = 'A', long = "all-orgs")]
    all_orgs: bool,
}

/// End a token, at once
#[derive(Args, Debug)]
pub struct Revoke {
    /// Id, as `list` shows it
    id: String,
    /// One that counts in every organization
    #[arg(short = 'A', long = "all-orgs")]
    all_orgs: bool,
}

fn columns(secret: bool) -> Vec<Column> {
    let mut columns = vec![
        column("ID", ".id"),
        column("NAME", ".name"),
        column("SCOPES", ".scopes"),
        column("SITES", ".sites"),
        column("EXPIRES", ".expiresAt"),
    ];
    if secret {
        columns.push(column("TOKEN", ".token"));
    } else {
        columns.push(column("CREATED BY", ".createdBy"));
        columns.push(column("LAST USED", ".lastUsedAt"));
        columns.push(column("REVOKED", ".revoked"));
    }
    columns
}

/// A token as a record; what is not so is said, too.
fn shown(token: &pb::ApiToken) -> Value {
    let mut shown = record("ApiToken", token);
    shown["revoked"] = token.revoked.into();
    shown
}

async fn org(cx: &mut Context, all_orgs: bool) -> Result<String> {
    if all_orgs { Ok(String::new()) } else { cx.org().await }
}

pub(super) async fn run(cx: &mut Context, args: Token) -> Result<Exit> {
    let name = |record: &Value| text(record, "id");
    match args {
        Token::Create(args) => {
            let micros = times::parse_duration(&args.expires).map_err(|message| Error::usage(message, ""))?;
            let wanted = pb::CreateTokenRequest {
                org: org(cx, args.all_orgs).await?,
                name: args.name,
                scopes: args.scopes,
                sites: args.sites,
                expires_in_seconds: (micros.unsigned_abs() / 1_000_000).max(1),
            };
            let mut client = cx.access().await?;
            let made = cx.within(client.create_token(wanted)).await?;
            let mut told = shown(&made.api_token.unwrap_or_default());
            told["token"] = made.token.into();
            print(cx, columns(true), name, &told)
        }
        Token::List(args) => {
            let org = org(cx, args.all_orgs).await?;
            let mut client = cx.access().await?;
            let found = cx.within(client.list_tokens(pb::ListTokensRequest { org })).await?;
            let all: Vec<_> = found.api_tokens.iter().map(shown).collect();
            print_all(cx, columns(false), name, all)?;
            Ok(Exit::Ok)
        }
        Token::Revoke(args) => {
            let org = org(cx, args.all_orgs).await?;
            let mut client = cx.access().await?;
            let ended = cx
                .within(client.revoke_token(pb::RevokeTokenRequest { org, id: args.id }))
                .await?;
            print(cx, columns(false), name, &shown(&ended.api_token.unwrap_or_default()))
        }
    }
}
