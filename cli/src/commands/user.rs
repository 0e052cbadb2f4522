//! `fleetctl user`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use serde_json::json;

use super::{print, record, text};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::out::{Format, column};
use crate::prompt;
use crate::session::Session;

/// Passwords and invitations; users themselves are manifests
#[derive(Debug, Subcommand)]
pub enum User {
    SetPassword(SetPassword),
    ChangePassword(ChangePassword),
    Reset(Reset),
    ChoosePassword(ChoosePassword),
    Invite(Invite),
    Accept(Accept),
    Qr(Qr),
}

/// Give a user a password; the user's sessions end
#[derive(Args, Debug)]
pub struct SetPassword {
    /// Name of the user
    name: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Change your own password; your other sessions end
#[derive(Args, Debug)]
pub struct ChangePassword {
    /// Read the present password and the new one, each on a line, from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Make a code with which a user chooses a new password; it is shown once
#[derive(Args, Debug)]
pub struct Reset {
    /// Name of the user
    name: String,
}

/// Choose a new password with a code
#[derive(Args, Debug)]
pub struct ChoosePassword {
    /// Read the code and the password, each on a line, from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Make a code with which somebody takes a role in the organization; it is shown once
#[derive(Args, Debug)]
pub struct Invite {
    /// Mail address
    email: String,
    /// A built-in role, or one of the organization
    #[arg(long, value_name = "NAME")]
    role: String,
    /// At this site; without it, at all sites
    #[arg(long = "site", value_name = "NAME")]
    sites: Vec<String>,
}

/// Take up an invitation, and log in
#[derive(Args, Debug)]
pub struct Accept {
    /// The name to log in by, lower case; whoever has a user already needs none
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    user: String,
    /// Read the code and the password, each on a line, from standard input
    #[arg(long)]
    password_stdin: bool,
}

/// Draw a code with which you log in elsewhere, once and within a minute
#[derive(Args, Debug)]
pub struct Qr {
    /// Another user, for those who may edit users
    #[arg(default_value = "", hide_default_value = true)]
    name: String,
}

/// A QR code in half blocks, with the quiet zone that readers need.
fn drawn(text: &str) -> Result<String> {
    let code = qrcode::QrCode::new(text)
        .map_err(|error| crate::error::Error::usage(format!("the code cannot be drawn: {error}"), "use -o json"))?;
    let mut image = code.render::<qrcode::render::unicode::Dense1x2>();
    // Light on dark terminals, dark on light ones: readers take either.
    Ok(image.quiet_zone(true).build() + "\n")
}

fn code(cx: &mut Context, made: &pb::LoginCode) -> Result<Exit> {
    let columns = vec![column("CODE", ".code"), column("EXPIRES", ".expiresAt")];
    print(cx, columns, |row| text(row, "code"), &record("LoginCode", made))
}

fn of_user(cx: &mut Context, name: &str) -> Result<Exit> {
    print(
        cx,
        vec![column("USER", ".user")],
        |row| text(row, "user"),
        &json!({"user": name}),
    )
}

pub(super) async fn run(cx: &mut Context, args: User) -> Result<Exit> {
    match args {
        User::SetPassword(args) => {
            let password = prompt::password(cx, "New password", args.password_stdin).await?;
            let mut client = cx.access().await?;
            let wanted = pb::SetPasswordRequest {
                user: args.name.clone(),
                password,
            };
            cx.within(client.set_password(wanted)).await?;
            of_user(cx, &args.name)
        }
        User::ChangePassword(args) => {
            let (old, new) = prompt::two(cx, ["Present password", "New password"], args.password_stdin).await?;
            let mut client = cx.access().await?;
            cx.within(client.change_password(pb::ChangePasswordRequest { old, new }))
                .await?;
            let me = cx.within(client.who_am_i(pb::WhoAmIRequest {})).await?;
            of_user(cx, me.actor.trim_start_matches("user/"))
        }
        User::Reset(args) => {
            let mut client = cx.access().await?;
            let made = cx
                .within(client.create_reset(pb::CreateResetRequest { user: args.name }))
                .await?;
            code(cx, &made)
        }
        User::ChoosePassword(args) => {
            let (code, password) = prompt::two(cx, ["Code", "New password"], args.password_stdin).await?;
            let mut client = cx.access_unknown().await?;
            let chosen = cx
                .within(client.reset_password(pb::ResetPasswordRequest { code, password }))
                .await?;
            cx.io
                .say(&format!("log in with it: `fleetctl login --user {}`", chosen.user));
            of_user(cx, &chosen.user)
        }
        User::Invite(args) => {
            let wanted = pb::InviteRequest {
                org: cx.org().await?,
                email: args.email,
                role: args.role,
                sites: args.sites,
            };
            let mut client = cx.access().await?;
            let made = cx.within(client.invite(wanted)).await?;
            code(cx, &made)
        }
        User::Qr(args) => {
            let mut client = cx.access().await?;
            let made = cx
                .within(client.create_login_code(pb::CreateLoginCodeRequest { user: args.name }))
                .await?;
            if matches!(cx.format, Format::Table { .. }) {
                let picture = drawn(&made.code)?;
                cx.io.out(&picture);
                cx.io
                    .say("it holds for one minute, and once: `fleetctl login --code-stdin`");
                return Ok(Exit::Ok);
            }
            code(cx, &made)
        }
        User::Accept(args) => {
            let (code, password) = prompt::two(cx, ["Code", "Password"], args.password_stdin).await?;
            let mut client = cx.access_unknown().await?;
            let wanted = pb::AcceptInvitationRequest {
                code,
                user: args.user,
                password,
            };
            let session = Session::of(cx.within(client.accept_invitation(wanted)).await?);
            super::login::keep(cx, &session).await?;
            of_user(cx, &session.user)
        }
    }
}
