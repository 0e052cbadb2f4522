//! `fleetctl context`.

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::{Value, json};

use super::{print, print_all, text};
use crate::context::Context;
use crate::contexts::{self, Contexts, Entry};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::settings::{self, Said};
use crate::{connect, session};

/// Servers by names of your own, each with its CA and organization; alone: list them
#[derive(Args, Debug)]
pub struct ContextArgs {
    #[command(subcommand)]
    command: Option<Contextual>,
}

/// What is done with contexts.
#[derive(Debug, Subcommand)]
pub enum Contextual {
    /// List contexts
    List,
    /// Let later commands work in a context, unless they name another one
    Use {
        /// Of a context
        #[arg(add = ArgValueCandidates::new(contexts::candidates))]
        name: String,
    },
    /// Make a context with --server, --org and --ca, or change what they name; an empty one is taken away
    Set {
        /// Of the context
        #[arg(add = ArgValueCandidates::new(contexts::candidates))]
        name: String,
    },
    /// Show where commands go from here, as whom, and who said so
    Show,
    /// Give a context another name
    Rename {
        /// As it is called now
        #[arg(add = ArgValueCandidates::new(contexts::candidates))]
        name: String,
        /// As it shall be called
        new_name: String,
    },
    /// Forget a context; a session at its server stays
    Delete {
        /// Of a context
        #[arg(add = ArgValueCandidates::new(contexts::candidates))]
        name: String,
    },
}

pub(super) async fn run(cx: &mut Context, args: ContextArgs) -> Result<Exit> {
    match args.command.unwrap_or(Contextual::List) {
        Contextual::List => list(cx),
        Contextual::Use { name } => {
            let done = Contexts::change(|all| {
                all.get(&name)?;
                all.in_use = Some(name.clone());
                Ok(shown(all, &name))
            });
            tell(cx, done.await?)
        }
        Contextual::Set { name } => {
            let set = set(&name, &cx.said)?;
            tell(cx, Contexts::change(set).await?)
        }
        Contextual::Show => show(cx),
        Contextual::Rename { name, new_name } => {
            contexts::check_name(&new_name)?;
            let done = Contexts::change(|all| {
                let entry = all.get(&name)?.clone();
                if new_name != name && all.contexts.contains_key(&new_name) {
                    return Err(Error::usage(
                        format!("there is a context `{new_name}` already"),
                        "choose another name, or delete that one first",
                    ));
                }
                all.contexts.remove(&name);
                all.contexts.insert(new_name.clone(), entry);
                if all.in_use.as_ref() == Some(&name) {
                    all.in_use = Some(new_name.clone());
                }
                Ok(shown(all, &new_name))
            });
            tell(cx, done.await?)
        }
        Contextual::Delete { name } => delete(cx, &name).await,
    }
}

/// The session at a context's server, without asking the keyring for it.
fn session_of(server: &str) -> Result<Option<(String, &'static str)>> {
    session::told(&connect::server(Some(server))?.to_string())
}

fn shown(all: &Contexts, name: &str) -> Value {
    let entry = all.contexts.get(name);
    json!({
        "name": name,
        "server": entry.map(|entry| &entry.server),
        "org": entry.and_then(|entry| entry.org.as_ref()),
        "ca": entry.and_then(|entry| entry.ca.as_ref()),
        "inUse": all.in_use.as_deref() == Some(name),
    })
}

/// With the user who is logged in there. A server that cannot be read has none.
fn with_user(mut record: Value) -> Result<Value> {
    let server = text(&record, "server");
    let told = if connect::server(Some(&server)).is_ok() {
        session_of(&server)?
    } else {
        None
    };
    record["user"] = told.map(|(user, _)| user).into();
    Ok(record)
}

fn columns() -> Vec<Column> {
    vec![
        column("NAME", ".name"),
        column("IN USE", ".inUse"),
        column("SERVER", ".server"),
        column("ORG", ".org"),
        column("USER", ".user"),
        Column {
            title: "CA".to_owned(),
            path: ".ca".to_owned(),
            wide: true,
        },
    ]
}

fn tell(cx: &mut Context, record: Value) -> Result<Exit> {
    print(cx, columns(), |row| text(row, "name"), &with_user(record)?)
}

fn list(cx: &mut Context) -> Result<Exit> {
    let all = Contexts::read()?;
    let rows: Result<Vec<Value>> = all.contexts.keys().map(|name| with_user(shown(&all, name))).collect();
    if print_all(cx, columns(), |row| text(row, "name"), rows?)? == 0 && !cx.format.is_machine() {
        cx.io
            .say("There is no context yet: `fleetctl context set NAME --server URL` makes one.");
    }
    Ok(Exit::Ok)
}

/// What the flags make of a context; the first one that there is holds from now on.
fn set(name: &str, said: &Said) -> Result<impl FnOnce(&mut Contexts) -> Result<Value>> {
    contexts::check_name(name)?;
    if said.server.is_none() && said.org.is_none() && said.ca.is_none() {
        return Err(Error::usage(
            "there is nothing to set",
            "give --server, --org or --ca; variables do not count here",
        ));
    }
    let server = said.server.clone();
    if let Some(server) = &server {
        connect::server(Some(server))?;
    }
    // As it is found from any directory.
    let ca = match &said.ca {
        Some(ca) if !ca.as_os_str().is_empty() => Some(Some(ca.canonicalize().map_err(|error| {
            Error::usage(
                format!("--ca {}: {error}", ca.display()),
                "give the ca.crt that `fleetd tls init` made",
            )
        })?)),
        Some(_) => Some(None),
        None => None,
    };
    let org = said.org.clone().map(|org| Some(org).filter(|org| !org.is_empty()));
    let name = name.to_owned();
    Ok(move |all: &mut Contexts| {
        match (all.contexts.get_mut(&name), server) {
            (Some(entry), server) => {
                // Another server has other organizations, and its authority vouches for nothing here.
                if server
                    .as_ref()
                    .is_some_and(|server| !settings::same(server, &entry.server))
                {
                    (entry.org, entry.ca) = (None, None);
                }
                entry.server = server.unwrap_or_else(|| entry.server.clone());
                entry.org = org.unwrap_or_else(|| entry.org.clone());
                entry.ca = ca.unwrap_or_else(|| entry.ca.clone());
            }
            (None, Some(server)) => {
                let (org, ca) = (org.flatten(), ca.flatten());
                all.contexts.insert(name.clone(), Entry { server, org, ca });
                all.in_use.get_or_insert_with(|| name.clone());
            }
            (None, None) => {
                return Err(Error::usage(
                    format!("context `{name}` is new, and a new context needs its server"),
                    "give --server https://HOST:PORT, or unix:///path/to/fleetd.sock",
                ));
            }
        }
        Ok(shown(all, &name))
    })
}

/// Refuses what [`make`] would, before anybody is asked for a password.
pub(super) fn check(cx: &Context) -> Result<()> {
    set(cx.chosen.name.as_deref().unwrap_or_default(), &cx.said).map(drop)
}

/// Makes the context that a login names together with a server.
pub(super) async fn make(cx: &mut Context) -> Result<()> {
    let name = cx.chosen.name.clone().unwrap_or_default();
    let made = Contexts::change(set(&name, &cx.said)?).await?;
    cx.io.say(&if made["inUse"] == true {
        format!("Context {name} is made, and in use.")
    } else {
        format!("Context {name} is made; `fleetctl context use {name}` lets it hold from now on.")
    });
    Ok(())
}

fn show(cx: &mut Context) -> Result<Exit> {
    let server = cx.server_name()?;
    let told = session::told(&server)?;
    let from = |origin: &String| (!origin.is_empty()).then(|| origin.clone());
    let record = json!({
        "context": cx.chosen.name,
        "server": server,
        "serverFrom": cx.origins.server,
        "org": cx.globals.org,
        "orgFrom": from(&cx.origins.org),
        "ca": cx.globals.ca,
        "caFrom": from(&cx.origins.ca),
        "user": told.as_ref().map(|(user, _)| user),
        "keptIn": told.as_ref().map(|(_, place)| place),
    });
    let columns = [
        ("CONTEXT", ".context"),
        ("SERVER", ".server"),
        ("FROM", ".serverFrom"),
        ("ORG", ".org"),
        ("FROM", ".orgFrom"),
        ("CA", ".ca"),
        ("FROM", ".caFrom"),
        ("USER", ".user"),
        ("KEPT IN", ".keptIn"),
    ];
    let columns = columns.into_iter().map(|(title, path)| column(title, path)).collect();
    print(cx, columns, |row| text(row, "context"), &record)
}

async fn delete(cx: &mut Context, name: &str) -> Result<Exit> {
    let done = Contexts::change(|all| {
        let entry = all.get(name)?.clone();
        let was = shown(all, name);
        all.contexts.remove(name);
        all.in_use.take_if(|in_use| in_use == name);
        let others: Vec<String> = all
            .contexts
            .iter()
            .filter(|(_, other)| settings::same(&other.server, &entry.server))
            .map(|(name, _)| name.clone())
            .collect();
        Ok((was, others))
    });
    let (was, others) = done.await?;
    let was = with_user(was)?;
    if let Some(user) = was["user"].as_str() {
        let server = text(&was, "server");
        cx.io.say(&if others.is_empty() {
            let ca = was["ca"].as_str().map(|ca| format!(" --ca {ca}")).unwrap_or_default();
            format!("The session of {user} at {server} stays; `fleetctl logout --server {server}{ca}` ends it.")
        } else {
            format!(
                "The session of {user} at {server} stays: {} is there, too.",
                others.join(", ")
            )
        });
    }
    if was["inUse"] == true {
        cx.io.say("No context is in use now.");
    }
    print(cx, columns(), |row| text(row, "name"), &was)
}
