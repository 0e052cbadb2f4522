//! `fleetctl whoami` and `fleetctl can-i`.

use clap::Args;
use fleet_proto::access::{Permissions, every};
use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use serde_json::json;

use super::{print, record, text};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Format, column};

/// Show who you are to fleetd, and what you may do where
#[derive(Args, Debug)]
pub struct WhoAmI {}

/// Ask whether something may be done; exit 13 where it may not
#[derive(Args, Debug)]
pub struct CanI {
    /// What is done: view, edit, control, write
    verb: String,
    /// To what: a kind, kind/name, or another noun of `fleetctl help permissions`
    #[arg(value_name = "KIND[/NAME]")]
    what: String,
    /// At this site
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        conflicts_with = "everywhere"
    )]
    site: String,
    /// Another user
    #[arg(long = "as", value_name = "USER", default_value = "", hide_default_value = true)]
    user: String,
    /// On the platform, in no organization
    #[arg(short = 'A', long = "all-orgs")]
    everywhere: bool,
    /// Say which roles and bindings allow it
    #[arg(long)]
    explain: bool,
}

pub(super) async fn whoami(cx: &mut Context) -> Result<Exit> {
    let mut client = cx.access().await?;
    let told = cx.within(client.who_am_i(pb::WhoAmIRequest {})).await?;
    if matches!(cx.format, Format::Table { .. }) {
        cx.io.out(&format!("{}\n", told.actor));
        for grant in &told.grants {
            let org = if grant.org.is_empty() {
                "every organization"
            } else {
                &grant.org
            };
            let place = match grant.sites.as_slice() {
                [] if grant.nowhere => format!("{org}, at no site"),
                [] => org.to_owned(),
                sites => format!("{org}, at {}", sites.join(", ")),
            };
            cx.io.out(&format!(
                "  {place}: {} ({})\n",
                grant.permissions.join(" "),
                grant.origin
            ));
        }
        if told.grants.is_empty() {
            cx.io.out("  may do nothing yet: somebody has to give it a role\n");
        }
        return Ok(Exit::Ok);
    }
    let mut shown = record("WhoAmIResponse", &told);
    if told.grants.is_empty() {
        shown["grants"] = json!([]);
    }
    print(cx, vec![column("ACTOR", ".actor")], |row| text(row, "actor"), &shown)
}

pub(super) async fn can_i(cx: &mut Context, args: &CanI) -> Result<Exit> {
    let (noun, name) = match args.what.split_once('/') {
        Some((noun, name)) => (noun, name),
        None => (args.what.as_str(), ""),
    };
    let permission = format!("{}:{noun}", args.verb);
    Permissions::parse(&permission)
        .map_err(|message| Error::usage(message, "`fleetctl help permissions` lists them"))?;
    let kind = Kind::find(noun);
    let on_platform = args.everywhere || kind.is_some_and(Kind::is_platform);
    let (org, name) = match kind {
        Some(Kind::Organization) => (name.to_owned(), ""),
        _ if on_platform => (String::new(), ""),
        _ => (cx.org().await?, name),
    };
    let mut client = cx.access().await?;
    let asked = pb::CanIRequest {
        permission: permission.clone(),
        org: org.clone(),
        site: args.site.clone(),
        name: name.to_owned(),
        user: args.user.clone(),
    };
    let told = cx.within(client.can_i(asked)).await?;
    let exit = if told.allowed { Exit::Ok } else { Exit::Negative };
    if matches!(cx.format, Format::Table { .. }) {
        cx.io.out(if told.allowed { "yes\n" } else { "no\n" });
        for because in told.because.iter().filter(|_| args.explain) {
            cx.io.out(&format!("  {because}\n"));
        }
        if args.explain && !told.allowed {
            let place = if org.is_empty() {
                "on the platform".to_owned()
            } else {
                format!("in {org}")
            };
            cx.io.out(&format!(
                "  no role gives {permission} {place}{}\n",
                of_whom(args, name)
            ));
        }
        return Ok(exit);
    }
    let columns = vec![column("ALLOWED", ".allowed"), column("PERMISSION", ".permission")];
    let shown = json!({"allowed": told.allowed, "permission": permission, "org": org, "because": told.because});
    print(cx, columns, |row| text(row, "permission"), &shown)?;
    Ok(exit)
}

fn of_whom(args: &CanI, name: &str) -> String {
    let place = match (name, args.site.as_str()) {
        ("", "") => " as a whole".to_owned(),
        ("", site) => format!(" at {site}"),
        (_, _) => format!(" for {}", args.what),
    };
    if args.user.is_empty() {
        place
    } else {
        format!("{place} to user/{}", args.user)
    }
}

/// Every permission, for `help permissions`.
pub(super) fn permissions() -> Vec<serde_json::Value> {
    let mut nouns: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in every() {
        match nouns.last_mut() {
            Some((noun, verbs)) if *noun == one.noun => verbs.push(one.verb.text()),
            _ => nouns.push((one.noun, vec![one.verb.text()])),
        }
    }
    nouns
        .into_iter()
        .map(|(noun, verbs)| json!({"noun": noun, "verbs": verbs}))
        .collect()
}
