//! `fleetctl login`, `logout`, `setup`, `session`.

use clap::{Args, Subcommand};
use fleet_proto::{codes, pb};
use serde_json::{Value, json};

use super::{context, print, print_all, record, text};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::column;
use crate::prompt;
use crate::session::{self, Kept, Session, Sessions};

/// Log in; later commands to the same server are yours. With --server and a new --context, makes that context
#[derive(Args, Debug)]
pub struct Login {
    /// Name or mail address
    #[arg(long, value_name = "NAME", required_unless_present = "code_stdin")]
    user: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Log in with a code of `user qr`, read from standard input
    #[arg(long, conflicts_with_all = ["user", "password_stdin", "only"])]
    code_stdin: bool,
    /// Reach only the organization that --org names
    #[arg(long, requires = "org")]
    only: bool,
}

/// End the session at this server
#[derive(Args, Debug)]
pub struct Logout {}

/// Make the first administrator, with the token that fleetd wrote into its data directory
#[derive(Args, Debug)]
pub struct Setup {
    /// File with the token
    #[arg(long = "setup-token", value_name = "FILE")]
    file: std::path::PathBuf,
    /// Name of the administrator, lower case
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Read the new password from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Sessions of people who are logged in
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Show sessions, newest first
    List {
        /// Of another user
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        user: String,
    },
    /// End a session, at once
    Revoke {
        /// Id, as `list` shows it
        id: String,
    },
}

/// Keeps a new session, and says where. The one that it replaces ends.
pub(super) async fn keep(cx: &mut Context, session: &Session) -> Result<Kept> {
    let server = cx.server_name()?;
    let keeping = cx.keeping();
    session::unlock(keeping).await;
    let put = async {
        let mut sessions = Sessions::open().await?;
        let before = sessions.get(&server).await;
        Ok::<_, Error>((before, sessions.put(&server, session, keeping.store).await?))
    };
    let (before, kept) = match put.await {
        Ok(done) => done,
        Err(error) => {
            cx.give_back(session).await;
            return Err(error);
        }
    };
    let ended = match before {
        Ok(Some(before)) => cx.end(&before).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        cx.io.say(&format!(
            "The session before lives on: {}. `fleetctl session list` shows it, `session revoke` ends it.",
            error.message
        ));
    }
    if let Kept::File(Some(why)) = &kept {
        cx.io.say(&format!(
            "The keyring cannot be used: {why}. The session is kept in a file that only you may read."
        ));
    }
    Ok(kept)
}

async fn logged_in(cx: &mut Context, session: &Session) -> Result<Exit> {
    let kept = keep(cx, session).await?;
    let shown = json!({"user": session.user, "server": cx.server_name()?, "keptIn": kept.word()});
    let columns = vec![
        column("USER", ".user"),
        column("SERVER", ".server"),
        column("KEPT IN", ".keptIn"),
    ];
    print(cx, columns, |row| text(row, "user"), &shown)
}

pub(super) async fn login(cx: &mut Context, args: &Login) -> Result<Exit> {
    let makes = cx.chosen.may_be_new(&cx.said);
    if makes {
        context::check(cx)?;
    }
    cx.server_name()?;
    let session = if args.code_stdin {
        let code = prompt::password(cx, "Code", true).await?;
        let mut client = cx.access_unknown().await?;
        Session::of(
            cx.within(client.login_with_code(pb::LoginWithCodeRequest { code }))
                .await?,
        )
    } else {
        let password = prompt::password(cx, "Password", args.password_stdin).await?;
        let org = match (&args.only, &cx.globals.org) {
            (true, Some(org)) => org.clone(),
            _ => String::new(),
        };
        let mut client = cx.access_unknown().await?;
        let wanted = pb::LoginRequest {
            user: args.user.clone().unwrap_or_default(),
            password,
            org,
        };
        Session::of(cx.within(client.login(wanted)).await?)
    };
    if makes && let Err(error) = context::make(cx).await {
        cx.give_back(&session).await;
        return Err(error);
    }
    logged_in(cx, &session).await
}

pub(super) async fn logout(cx: &mut Context) -> Result<Exit> {
    let server = cx.server_name()?;
    let Some((user, _)) = session::told(&server)? else {
        return Err(Error::new(
            Exit::NotLoggedIn,
            codes::LOGIN,
            format!("nobody is logged in at {server}"),
            "log in with `fleetctl login --user NAME`",
        ));
    };
    // While its owner unlocks the keyring, others need not wait.
    session::find(&server, cx.may_ask()).await.map_err(unread)?;
    let mut sessions = Sessions::open().await?;
    if let Some(known) = sessions.get(&server).await.map_err(unread)? {
        // What fleetd was not told of is not forgotten here.
        cx.end(&known).await?;
    }
    sessions.remove(&server).await?;
    let columns = vec![column("USER", ".user"), column("SERVER", ".server")];
    print(
        cx,
        columns,
        |row| text(row, "user"),
        &json!({"user": user, "server": server}),
    )
}

fn unread(mut error: Error) -> Error {
    if error.code == codes::KEYRING {
        "nothing was ended: unlock the keyring and repeat, or end it with `fleetctl session revoke` in another login"
            .clone_into(&mut error.help);
    }
    error
}

pub(super) async fn setup(cx: &mut Context, args: &Setup) -> Result<Exit> {
    cx.server_name()?;
    let token = std::fs::read_to_string(&args.file).map_err(|error| {
        Error::usage(
            format!("{}: {error}", args.file.display()),
            "it stands in fleetd's data directory, as setup.token",
        )
    })?;
    let password = prompt::password(cx, "New password", args.password_stdin).await?;
    let mut client = cx.access_unknown().await?;
    let wanted = pb::SetupRequest {
        token: token.trim().to_owned(),
        user: args.user.clone(),
        password: password.clone(),
    };
    cx.within(client.setup(wanted)).await?;
    let login = pb::LoginRequest {
        user: args.user.clone(),
        password,
        org: String::new(),
    };
    let session = Session::of(in_time(cx.globals.timeout, client.login(login)).await?.into_inner());
    logged_in(cx, &session).await
}

pub(super) async fn session(cx: &mut Context, args: SessionCommand) -> Result<Exit> {
    let mut client = cx.access().await?;
    match args {
        SessionCommand::List { user } => {
            let found = cx
                .within(client.list_sessions(pb::ListSessionsRequest { user }))
                .await?;
            let shown = |session: &pb::Session| {
                let mut shown = record("Session", session);
                shown["own"] = session.own.into();
                shown
            };
            let columns = vec![
                column("ID", ".id"),
                column("USER", ".user"),
                column("ADDRESS", ".address"),
                column("AGENT", ".agent"),
                column("LAST USED", ".lastUsedAt"),
                column("EXPIRES", ".expiresAt"),
                column("OWN", ".own"),
            ];
            let all: Vec<Value> = found.sessions.iter().map(shown).collect();
            print_all(cx, columns, |row| text(row, "id"), all)?;
            Ok(Exit::Ok)
        }
        SessionCommand::Revoke { id } => {
            cx.within(client.revoke_session(pb::RevokeSessionRequest { id: id.clone() }))
                .await?;
            let columns = vec![column("ID", ".id"), column("REVOKED", ".revoked")];
            print(cx, columns, |row| text(row, "id"), &json!({"id": id, "revoked": true}))
        }
    }
}
