//! `fleetctl device credential`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::Value;

use crate::commands::{print, print_all, record, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::targets;

/// Tokens and certificates with which a device calls
#[derive(Debug, Subcommand)]
pub enum Credential {
    List(List),
    Revoke(Revoke),
    Rotate(Rotate),
}

/// Show tokens and certificates, newest first; never the secrets
#[derive(Args, Debug)]
pub struct List {
    /// Device: device/NAME or its uid
    device: String,
}

/// End a token or certificate, at once
#[derive(Args, Debug)]
pub struct Revoke {
    /// Device: device/NAME or its uid
    device: String,
    /// Id of the token or serial number of the certificate, as `list` shows it
    id: String,
}

/// Make another token beside the newest one; it is shown here and never again
#[derive(Args, Debug)]
pub struct Rotate {
    /// Device: device/NAME or its uid
    device: String,
}

fn columns(secret: bool) -> Vec<Column> {
    let mut columns = vec![
        column("ID", ".id"),
        column("DEVICE", ".device"),
        column("TYPE", ".type"),
        column("STATE", ".state"),
        column("CREATED", ".createdAt"),
        column("CREATED BY", ".createdBy"),
    ];
    if secret {
        columns.push(column("TOKEN", ".token"));
    } else {
        columns.push(column("EXPIRES", ".expiresAt"));
        columns.push(Column {
            title: "KEY".into(),
            path: ".keyId".into(),
            wide: true,
        });
    }
    columns
}

fn shown(credential: &pb::DeviceCredential) -> Value {
    record("DeviceCredential", credential)
}

pub(super) async fn run(cx: &mut Context, args: Credential) -> Result<Exit> {
    let org = cx.org().await?;
    let mut client = cx.devices().await?;
    let name = |record: &Value| text(record, "id");
    match args {
        Credential::List(args) => {
            let device = targets::device(&args.device)?;
            let found = cx
                .within(client.list_credentials(pb::ListCredentialsRequest { org, device }))
                .await?;
            let all: Vec<_> = found.credentials.iter().map(shown).collect();
            print_all(cx, columns(false), name, all)?;
            Ok(Exit::Ok)
        }
        Credential::Revoke(args) => {
            let wanted = pb::RevokeCredentialRequest {
                org,
                device: targets::device(&args.device)?,
                id: args.id,
            };
            let ended = cx.within(client.revoke_credential(wanted)).await?;
            print(cx, columns(false), name, &shown(&ended.credential.unwrap_or_default()))
        }
        Credential::Rotate(args) => {
            let device = targets::device(&args.device)?;
            let made = cx
                .within(client.rotate_token(pb::RotateTokenRequest { org, device }))
                .await?;
            let mut told = shown(&made.credential.unwrap_or_default());
            told["token"] = made.token.into();
            print(cx, columns(true), name, &told)
        }
    }
}
