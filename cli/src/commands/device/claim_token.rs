//! `fleetctl device claim-token`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::Value;

use crate::commands::{print, print_all, record, text};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::times;

/// Tokens with which devices provision themselves
#[derive(Debug, Subcommand)]
pub enum ClaimToken {
    Create(Create),
    /// Show claim tokens, newest first; never the secrets
    List,
    Revoke(Revoke),
}

/// Make a token; it is shown here and never again
#[derive(Args, Debug)]
pub struct Create {
    /// Site that devices are put at
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    site: String,
    /// Only devices of this model
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    model: String,
    /// Only the device with this serial number
    #[arg(long, value_name = "SERIAL", default_value = "", hide_default_value = true)]
    serial: String,
    /// Until when, such as 30m or 7d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
    /// How many devices may use it
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    max_uses: u32,
}

/// End a token
#[derive(Args, Debug)]
pub struct Revoke {
    /// Id, as `list` shows it
    id: String,
}

fn columns(secret: bool) -> Vec<Column> {
    let mut columns = vec![
        column("ID", ".id"),
        column("ORG", ".org"),
        column("SITE", ".site"),
        column("USES LEFT", ".usesLeft"),
        column("EXPIRES", ".expiresAt"),
    ];
    if secret {
        columns.push(column("TOKEN", ".token"));
    } else {
        columns.push(column("REVOKED", ".revoked"));
    }
    columns
}

/// A token as a record; what is not so is said, too.
pub(super) fn shown(token: &pb::ClaimToken) -> Value {
    let mut shown = record("ClaimToken", token);
    shown["usesLeft"] = token.uses_left.into();
    shown["revoked"] = token.revoked.into();
    shown
}

pub(super) async fn run(cx: &mut Context, args: ClaimToken) -> Result<Exit> {
    let org = cx.org().await?;
    let mut client = cx.devices().await?;
    match args {
        ClaimToken::Create(args) => {
            let micros = times::parse_duration(&args.expires).map_err(|message| Error::usage(message, ""))?;
            let wanted = pb::CreateClaimTokenRequest {
                org,
                site: args.site,
                model: args.model,
                serial: args.serial,
                expires_in_seconds: micros.unsigned_abs() / 1_000_000,
                max_uses: args.max_uses,
            };
            let made = cx.within(client.create_claim_token(wanted)).await?;
            let mut made_record = shown(&made.claim_token.unwrap_or_default());
            made_record["token"] = made.token.into();
            print(cx, columns(true), |record| text(record, "id"), &made_record)
        }
        ClaimToken::List => {
            let found = cx
                .within(client.list_claim_tokens(pb::ListClaimTokensRequest { org }))
                .await?;
            print_all(
                cx,
                columns(false),
                |record| text(record, "id"),
                found.claim_tokens.iter().map(shown).collect::<Vec<_>>(),
            )?;
            Ok(Exit::Ok)
        }
        ClaimToken::Revoke(args) => {
            let ended = cx
                .within(client.revoke_claim_token(pb::RevokeClaimTokenRequest { org, id: args.id }))
                .await?;
            print(
                cx,
                columns(false),
                |record| text(record, "id"),
                &shown(&ended.claim_token.unwrap_or_default()),
            )
        }
    }
}
