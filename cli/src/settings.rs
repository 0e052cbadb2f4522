//! What a command works with, and who said so: flag, variable, project, context, the user's file, default.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Deserialize;

use crate::args::Globals;
use crate::connect;
use crate::contexts::{Contexts, Entry};
use crate::error::{Error, Result};
use crate::folder;
use crate::project::Project;
use crate::session::Store;

/// What stands on the command line, and not in a variable.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// `--server`.
    pub server: Option<String>,
    /// `--ca`.
    pub ca: Option<PathBuf>,
    /// `--org`.
    pub org: Option<String>,
    /// `--context` is there.
    pub context: bool,
    /// `--output` is there.
    pub output: bool,
}

impl Said {
    /// As the command line was read.
    pub fn of(matches: &ArgMatches, globals: &Globals) -> Self {
        let said = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        Self {
            server: globals.server.clone().filter(|_| said("server")),
            ca: globals.ca.clone().filter(|_| said("ca")),
            org: globals.org.clone().filter(|_| said("org")),
            context: said("context"),
            output: said("output"),
        }
    }
}

/// The user's configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    server: Option<String>,
    /// Certificate of the authority that signed fleetd's; relative to the file.
    ca: Option<PathBuf>,
    org: Option<String>,
    output: Option<String>,
    session_store: Option<Store>,
}

impl File {
    fn read() -> Result<Self> {
        let Some(dir) = folder::path() else {
            return Ok(Self::default());
        };
        let path = dir.join("config.yaml");
        let wrong = |error: String| {
            Error::usage(
                format!("{}: {error}", path.display()),
                "it holds `server`, `ca`, `org`, `output` and `sessionStore`",
            )
        };
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
            Ok(text) if text.trim().is_empty() => Ok(Self::default()),
            Ok(text) => {
                let mut file: Self = serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
                file.ca = file.ca.map(|ca| dir.join(ca));
                Ok(file)
            }
        }
    }
}

/// Who said what holds; empty: nobody.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Where fleetd is.
    pub server: String,
    /// Its authority.
    pub ca: String,
    /// The organization.
    pub org: String,
}

/// Why the context that was named cannot be used. It matters where a server is needed, and nowhere else.
#[derive(Clone, Debug)]
enum Trouble {
    /// Nobody made it.
    Unknown,
    /// `--server` names another one.
    Elsewhere { its: String },
    /// The file cannot be read.
    File { message: String, help: String },
}

/// The context that holds.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Its name; none: no context holds.
    pub name: Option<String>,
    trouble: Option<Trouble>,
}

impl Chosen {
    /// Refuses a context that cannot be used.
    pub fn check(&self) -> Result<()> {
        let name = self.name.as_deref().unwrap_or_default();
        match &self.trouble {
            None => Ok(()),
            Some(Trouble::Unknown) => Err(Contexts::read()?.unknown(name)),
            Some(Trouble::Elsewhere { its }) => Err(Error::usage(
                format!("context {name} is at {its}, and --server names another one"),
                format!("leave one of them out; `fleetctl context set {name} --server URL` moves the context"),
            )),
            Some(Trouble::File { message, help }) => Err(Error::usage(message, help)),
        }
    }

    /// Lets a login make the context that it names together with a server; says whether it has to.
    pub fn may_be_new(&mut self, said: &Said) -> bool {
        let is_new = said.server.is_some() && matches!(self.trouble, Some(Trouble::Unknown));
        if is_new {
            self.trouble = None;
        }
        is_new
    }
}

/// Fills in what flags and variables leave open.
pub fn resolve(globals: &mut Globals, said: &Said, project: Option<&Project>) -> Result<(Chosen, Origins)> {
    let file = File::read()?;
    let by = |flag: bool, name: &str, variable: &str| if flag { name.to_owned() } else { variable.to_owned() };
    let full = |text: Option<String>| text.filter(|text| !text.is_empty());
    globals.server = full(globals.server.take());
    globals.org = full(globals.org.take());
    globals.ca = globals.ca.take().filter(|ca| !ca.as_os_str().is_empty());
    let mut origins = Origins::default();
    let (mut chosen, mut context) = choose(globals, said);
    // A context that is named on the command line goes before a variable.
    if said.context && said.server.is_none() && context.is_some() {
        globals.server = None;
    }
    if let (Some(server), Some(entry)) = (&globals.server, &context)
        && !same(server, &entry.server)
    {
        if said.context {
            chosen.trouble = Some(Trouble::Elsewhere {
                its: entry.server.clone(),
            });
        } else {
            // What belongs to one fleetd means nothing at another.
            chosen.name = None;
        }
        context = None;
    }
    let of_context = chosen
        .name
        .as_ref()
        .map(|name| format!("context {name}"))
        .unwrap_or_default();
    // The user's file is a context without a name: it holds where no other does, and at its own server only.
    let (below, of_below) = match context {
        Some(entry) => (entry, of_context),
        None => {
            let server = full(file.server).unwrap_or_default();
            let is_there = |said: &String| server.is_empty() || same(said, &server);
            let (org, ca) = match &globals.server {
                Some(said) if !is_there(said) => (None, None),
                _ => (file.org, file.ca),
            };
            (Entry { server, org, ca }, "config.yaml".to_owned())
        }
    };
    match &globals.server {
        Some(_) => origins.server = by(said.server.is_some(), "--server", "FLEETCTL_SERVER"),
        None => {
            globals.server = full(Some(below.server));
            origins.server = if globals.server.is_some() {
                of_below.clone()
            } else {
                "default".to_owned()
            };
        }
    }
    match &globals.ca {
        Some(_) => origins.ca = by(said.ca.is_some(), "--ca", "FLEETCTL_CA"),
        None => {
            globals.ca = below.ca.filter(|ca| !ca.as_os_str().is_empty());
            origins.ca = globals.ca.as_ref().map(|_| of_below.clone()).unwrap_or_default();
        }
    }
    let of_project = project
        .and_then(|project| project.org.clone())
        .filter(|org| !org.is_empty());
    origins.org = match (&globals.org, of_project) {
        (Some(_), _) => by(said.org.is_some(), "--org", "FLEETCTL_ORG"),
        (None, Some(org)) => {
            globals.org = Some(org);
            "fleetctl.yaml".to_owned()
        }
        (None, None) => {
            globals.org = full(below.org);
            globals.org.as_ref().map(|_| of_below).unwrap_or_default()
        }
    };
    globals.output = globals.output.take().or(file.output);
    globals.session_store = globals.session_store.or(file.session_store);
    Ok((chosen, origins))
}

/// The context that was named, or is in use.
fn choose(globals: &Globals, said: &Said) -> (Chosen, Option<Entry>) {
    let named = globals.context.clone().filter(|name| !name.is_empty());
    let trouble = |name, trouble| {
        let trouble = Some(trouble);
        (Chosen { name, trouble }, None)
    };
    let contexts = match Contexts::read() {
        Ok(contexts) => contexts,
        Err(_) if !said.context && globals.server.is_some() => return (Chosen::default(), None),
        Err(error) => {
            let (message, help) = (error.message, error.help);
            return trouble(named, Trouble::File { message, help });
        }
    };
    let Some(name) = named.or(contexts.in_use) else {
        return (Chosen::default(), None);
    };
    match contexts.contexts.get(&name) {
        Some(entry) => {
            let entry = entry.clone();
            let name = Some(name);
            (Chosen { name, trouble: None }, Some(entry))
        }
        // A variable that names a context gives way to one that names a server.
        None if !said.context && globals.server.is_some() => (Chosen::default(), None),
        None => trouble(Some(name), Trouble::Unknown),
    }
}

/// Do two texts name the same server?
pub fn same(one: &str, other: &str) -> bool {
    let read = |url| connect::server(Some(url)).ok();
    one == other || read(one).is_some_and(|one| read(other) == Some(one))
}
