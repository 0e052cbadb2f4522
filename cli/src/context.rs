//! What a command works with: the resolved settings, the connection, the printer.

use fleet_proto::codes;
use fleet_proto::pb;
use fleet_proto::pb::access_service_client::AccessServiceClient;
use fleet_proto::pb::audit_service_client::AuditServiceClient;
use fleet_proto::pb::device_service_client::DeviceServiceClient;
use fleet_proto::pb::log_service_client::LogServiceClient;
use fleet_proto::pb::modbus_service_client::ModbusServiceClient;
use fleet_proto::pb::resource_service_client::ResourceServiceClient;
use fleet_proto::pb::system_service_client::SystemServiceClient;
use fleet_proto::pb::telemetry_service_client::TelemetryServiceClient;
use tonic::transport::Channel;

use crate::args::{Color, Globals, Timeout};
use crate::connect::{self, Line, Server};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::io::Io;
use crate::out::Format;
use crate::out::plan::Look;
use crate::project::Project;
use crate::session::{self, Keeping, Session, Sessions, Store};
use crate::settings::{self, Chosen, Origins, Said};
use crate::token::Bearer;

/// Largest message of an answer.
const LARGEST: usize = 64 << 20;

/// What a command works with.
#[derive(Debug)]
pub struct Context {
    /// Flags and variables.
    pub globals: Globals,
    /// How answers look.
    pub format: Format,
    /// Colour on standard error.
    pub color: bool,
    /// Colour on standard output.
    color_out: bool,
    /// What `fleetctl.yaml` says, if there is one.
    project: std::result::Result<Option<Project>, Option<Error>>,
    /// Streams.
    pub io: Io,
    line: Option<Line>,
    /// Something was sent that may change the fleet.
    pub changing: bool,
    /// What of a long command is done already, for when it is ended before its time.
    pub so_far: Option<String>,
    /// A question is open, with the cursor hidden.
    pub asking: bool,
    /// The organization was named by flag or variable, not by the user's file.
    pub org_said: bool,
    /// What stands on the command line, and not in a variable or file.
    pub said: Said,
    /// The context that holds.
    pub chosen: Chosen,
    /// Who said where fleetd is.
    pub origins: Origins,
}

impl Context {
    /// Resolves settings: flag, variable, project, context, the user's file, default.
    pub fn new(mut globals: Globals, said: Said, mut io: Io) -> std::result::Result<Self, (Error, Io)> {
        let project = Project::of_here(globals.environment.as_deref().filter(|name| !name.is_empty()));
        io.quiet = globals.quiet;
        let known = project.as_ref().ok().and_then(Option::as_ref);
        let (chosen, origins) = match settings::resolve(&mut globals, &said, known) {
            Ok(resolved) => resolved,
            Err(error) => return Err((error, io)),
        };
        let org_said = matches!(origins.org.as_str(), "--org" | "FLEETCTL_ORG");
        let format = match globals.output.as_deref().map(Format::parse).transpose() {
            Ok(format) => format.unwrap_or(Format::Table { wide: false }),
            Err(error) => return Err((error, io)),
        };
        let colored = |terminal: bool| match globals.color {
            Some(Color::Always) => true,
            Some(Color::Never) => false,
            _ if std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) => false,
            _ if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| v != "0") => true,
            _ => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let (color, color_out) = (colored(io.asks), colored(io.terminal));
        Ok(Self {
            globals,
            format,
            color,
            color_out,
            project,
            io,
            line: None,
            changing: false,
            so_far: None,
            asking: false,
            org_said,
            said,
            chosen,
            origins,
        })
    }

    async fn line(&mut self) -> Result<Line> {
        if let Some(line) = &self.line {
            return Ok(line.clone());
        }
        let channel = self.open().await?;
        let bearer = self.bearer(&channel).await?;
        let line = Line::new(channel, bearer);
        self.line = Some(line.clone());
        Ok(line)
    }

    /// Where fleetd is. A context that cannot be used matters here, and nowhere else.
    fn server(&self) -> Result<Server> {
        self.chosen.check()?;
        connect::server(self.globals.server.as_deref())
    }

    /// The server as sessions are kept for it.
    pub fn server_name(&self) -> Result<String> {
        Ok(self.server()?.to_string())
    }

    /// How sessions are kept.
    pub fn keeping(&self) -> Keeping {
        Keeping {
            store: self.globals.session_store.unwrap_or_default(),
            ask: self.may_ask(),
        }
    }

    /// Somebody sits at a terminal and can be asked.
    pub fn may_ask(&self) -> bool {
        let in_ci = std::env::var_os("CI").is_some_and(|v| v == "true" || v == "1");
        self.io.asks && !in_ci
    }

    /// The caller's token: as said, else that of the session at this server, renewed where it ends soon.
    async fn bearer(&self, channel: &Channel) -> Result<Bearer> {
        let said = Bearer::find(self.globals.token_file.as_deref())?;
        if said.is_some() {
            return Ok(said);
        }
        let name = self.server_name()?;
        let keeping = self.keeping();
        let known = match session::find(&name, keeping.ask).await? {
            None => return Ok(said),
            Some(known) if !known.is_ending() => known,
            Some(known) => {
                // It is kept there again, or nowhere; one that is renewed and not kept is lost.
                if keeping.store == Store::Keyring {
                    session::unlock(keeping).await;
                }
                self.renewed(channel, &name, &known.user).await?
            }
        };
        Bearer::of_session(&known.access_token)
    }

    /// The session at this server with tokens that do not end soon.
    async fn renewed(&self, channel: &Channel, name: &str, user: &str) -> Result<Session> {
        let over = || {
            Error::new(
                Exit::NotLoggedIn,
                codes::LOGIN,
                format!("the session of {user} at {name} has ended"),
                format!("log in again with `fleetctl login --user {user}`"),
            )
        };
        // The lock is held over the renewal: a refresh token may be used once.
        let mut sessions = Sessions::open().await?;
        let known = sessions.get(name).await?.ok_or_else(over)?;
        if !known.is_ending() {
            return Ok(known);
        }
        match self.refresh(channel, &known).await {
            Ok(fresh) => {
                sessions.put(name, &fresh, self.keeping().store).await?;
                Ok(fresh)
            }
            Err(error) if error.exit == Exit::NotLoggedIn => {
                sessions.remove(name).await?;
                Err(over())
            }
            Err(error) => Err(error),
        }
    }

    async fn refresh(&self, channel: &Channel, known: &Session) -> Result<Session> {
        let mut client = AccessServiceClient::new(Line::new(channel.clone(), Bearer::default()));
        let refresh_token = known.refresh_token.clone();
        let tokens = self
            .within(client.refresh(pb::RefreshRequest { refresh_token }))
            .await?;
        Ok(Session::of(tokens))
    }

    async fn open(&self) -> Result<Channel> {
        connect::open(&self.server()?, self.globals.ca.as_deref(), self.globals.timeout.0).await
    }

    /// Who calls, and tokens, asked by somebody whom fleetd does not know yet.
    pub async fn access_unknown(&mut self) -> Result<AccessServiceClient<Line>> {
        Ok(AccessServiceClient::new(Line::new(
            self.open().await?,
            Bearer::default(),
        )))
    }

    /// Ends a session at fleetd. One that fleetd does not know has ended before.
    pub async fn end(&self, session: &Session) -> Result<()> {
        let channel = self.open().await?;
        if !session.is_ending() && self.is_logged_out(&channel, session).await? {
            return Ok(());
        }
        // A session outlives its access token.
        match self.refresh(&channel, session).await {
            Ok(fresh) => self.is_logged_out(&channel, &fresh).await.map(drop),
            Err(error) if error.exit == Exit::NotLoggedIn => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Logs out; no: fleetd does not know the access token.
    async fn is_logged_out(&self, channel: &Channel, session: &Session) -> Result<bool> {
        let bearer = Bearer::of_session(&session.access_token)?;
        let mut client = AccessServiceClient::new(Line::new(channel.clone(), bearer));
        match self.within(client.logout(pb::LogoutRequest {})).await {
            Ok(_) => Ok(true),
            Err(error) if error.exit == Exit::NotLoggedIn => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends a session that could not be kept. Where that fails, too, it ends by itself.
    pub async fn give_back(&self, session: &Session) {
        let _ = self.end(session).await;
    }

    /// Resources of every kind.
    pub async fn resources(&mut self) -> Result<ResourceServiceClient<Line>> {
        Ok(ResourceServiceClient::new(self.line().await?).max_decoding_message_size(LARGEST))
    }

    /// Who calls, and tokens.
    pub async fn access(&mut self) -> Result<AccessServiceClient<Line>> {
        Ok(AccessServiceClient::new(self.line().await?))
    }

    /// Who did what.
    pub async fn audit(&mut self) -> Result<AuditServiceClient<Line>> {
        Ok(AuditServiceClient::new(self.line().await?).max_decoding_message_size(LARGEST))
    }

    /// What happened.
    pub async fn log(&mut self) -> Result<LogServiceClient<Line>> {
        Ok(LogServiceClient::new(self.line().await?).max_decoding_message_size(LARGEST))
    }

    /// Claim tokens, commands, logs.
    pub async fn devices(&mut self) -> Result<DeviceServiceClient<Line>> {
        Ok(DeviceServiceClient::new(self.line().await?).max_decoding_message_size(LARGEST))
    }

    /// Readings.
    pub async fn telemetry(&mut self) -> Result<TelemetryServiceClient<Line>> {
        Ok(TelemetryServiceClient::new(self.line().await?).max_decoding_message_size(LARGEST))
    }

    /// Slaves.
    pub async fn modbus(&mut self) -> Result<ModbusServiceClient<Line>> {
        Ok(ModbusServiceClient::new(self.line().await?))
    }

    /// About fleetd.
    pub async fn system(&mut self) -> Result<SystemServiceClient<Line>> {
        Ok(SystemServiceClient::new(self.line().await?))
    }

    /// Waits for an answer no longer than the user wants.
    pub async fn within<T>(
        &self,
        call: impl Future<Output = std::result::Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T> {
        Ok(in_time(self.globals.timeout, call).await?.into_inner())
    }

    /// The project that the command runs in. A file that cannot be read is an error once, where it matters.
    pub fn project(&mut self) -> Result<Option<&Project>> {
        if let Err(error) = &mut self.project {
            return Err(error
                .take()
                .unwrap_or_else(|| Error::usage("fleetctl.yaml cannot be read", "")));
        }
        Ok(self.project.as_ref().ok().and_then(Option::as_ref))
    }

    /// How a plan looks on standard output.
    pub fn look(&self) -> Look {
        Look {
            color: self.color_out,
            cut: self.io.terminal,
        }
    }

    /// The command prints text that has one form only.
    pub fn text_only(&self) -> Result<()> {
        if self.said.output && !matches!(self.format, Format::Table { .. }) {
            return Err(Error::usage(
                "this prints text; there is no other form of it",
                "leave -o out",
            ));
        }
        Ok(())
    }

    /// The organization: as said, or the only one that there is.
    pub async fn org(&mut self) -> Result<String> {
        // Whoever names the organization needs no project to say it.
        if !self.org_said {
            self.project()?;
        }
        if let Some(org) = &self.globals.org {
            return Ok(org.clone());
        }
        let names = self.organizations().await?;
        match names.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Error::usage(
                "there is no organization yet",
                "apply a manifest of kind Organization first",
            )),
            many => Err(Error::usage(
                "there is more than one organization",
                format!("choose one with --org: {}", many.join(", ")),
            )),
        }
    }

    /// Names of every organization.
    pub async fn organizations(&mut self) -> Result<Vec<String>> {
        let filter = pb::Filter {
            kind: "organization".to_owned(),
            ..pb::Filter::default()
        };
        let mut client = self.resources().await?;
        let mut pages = self
            .within(client.list(pb::ListRequest {
                filter: Some(filter),
                limit: 0,
                at: None,
            }))
            .await?;
        let mut names = Vec::new();
        while let Some(page) = in_time(self.globals.timeout, pages.message()).await? {
            names.extend(
                page.resources
                    .into_iter()
                    .filter_map(|resource| resource.metadata)
                    .map(|metadata| metadata.name),
            );
        }
        Ok(names)
    }

    /// Ends a command that did what it should, unless its output was lost.
    pub fn finish(&mut self, exit: Exit) -> Exit {
        self.io.flush();
        match self.unwritten() {
            Some(error) => self.fail(&error),
            None => exit,
        }
    }

    fn unwritten(&self) -> Option<Error> {
        let failure = self.io.failure()?;
        Some(Error::new(
            Exit::Failure,
            codes::OUTPUT,
            format!("standard output cannot be written: {failure}"),
            "what was changed stays changed; look with `fleetctl get`",
        ))
    }

    /// Ends a command that failed. A reader that went away is no failure.
    pub fn fail(&mut self, error: &Error) -> Exit {
        if self.asking {
            self.io.err("\u{1b}[?25h\n");
        }
        self.io.flush();
        if self.io.is_closed() && self.io.failure().is_none() && !self.changing {
            return Exit::Ok;
        }
        let text = if self.format.is_machine() {
            error.json()
        } else if self.color {
            error.text().replace("error[", "\u{1b}[1;31merror\u{1b}[0m[")
        } else {
            error.text()
        };
        self.io.err(&text);
        error.exit
    }

    /// Ctrl-C and SIGTERM say what was committed.
    pub fn ended(&self, exit: Exit) -> Error {
        if let Some(so_far) = &self.so_far {
            return Error::new(exit, codes::INTERRUPTED, format!("ended; {so_far}"), "");
        }
        let said = if self.changing {
            "ended while fleetd was at work: the change is committed whole or not at all"
        } else {
            "ended; nothing was changed"
        };
        let help = if self.changing {
            "look with `fleetctl get` before repeating"
        } else {
            ""
        };
        Error::new(exit, codes::INTERRUPTED, said, help)
    }
}

/// Waits for an answer, or for the next part of one, no longer than the user wants.
pub async fn in_time<T>(
    timeout: Timeout,
    part: impl Future<Output = std::result::Result<T, tonic::Status>>,
) -> Result<T> {
    match tokio::time::timeout(timeout.0, part).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::new(
            Exit::TimedOut,
            codes::TIMEOUT,
            "fleetd did not answer in time",
            "repeat with a longer --timeout; a change may have been committed: look with `fleetctl get` first",
        )),
    }
}
