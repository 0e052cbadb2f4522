//! `fleetctl template`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fleet_proto::kinds::Kind;
use fleet_proto::pb::resource::Spec;
use fleet_proto::template::{Template as Read, lay_over};
use fleet_proto::{codes, manifest, pb};
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files;
use crate::out::Format;

/// Work with templates
#[derive(Debug, Subcommand)]
pub enum Template {
    Render(Render),
}

/// Print what a template gives with values: its defaults with the values over them, held against its schema
#[derive(Args, Debug)]
pub struct Render {
    /// Name of the template
    name: String,
    /// A value, such as flow.pressure=120; what reads as JSON is JSON, anything else is text; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// File of values (YAML or JSON), or - for standard input
    #[arg(long, value_name = "PATH")]
    values: Option<PathBuf>,
    /// Take the template from manifests instead of fleetd: file, directory, or - ; repeatable
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
}

pub(super) async fn run(cx: &mut Context, args: Template) -> Result<Exit> {
    let Template::Render(args) = args;
    let spec = spec(cx, &args).await?;
    let template =
        Read::of(&spec).map_err(|(path, why)| refused(&args.name, format!("its schema is none: {path}: {why}")))?;
    let values = values(cx, &args).await?;
    let value = template.render(Some(&values));
    if let Some((path, why)) = template.check(&value).first() {
        let at = path.trim_start_matches('.');
        let at = if at.is_empty() {
            String::new()
        } else {
            format!("{at}: ")
        };
        return Err(refused(&args.name, format!("{at}{why}")));
    }
    if matches!(cx.format, Format::Table { .. }) {
        cx.io.out(&manifest::yaml(&value));
        return Ok(Exit::Ok);
    }
    super::print(cx, Vec::new(), |_| "template".to_owned(), &value)
}

fn refused(name: &str, what: String) -> Error {
    Error::new(
        Exit::Invalid,
        codes::TEMPLATE,
        format!("template/{name}: {what}"),
        format!("`fleetctl get template/{name} -o yaml` shows its schema"),
    )
}

async fn spec(cx: &mut Context, args: &Render) -> Result<pb::TemplateSpec> {
    let missing = || {
        Error::new(
            Exit::NotFound,
            codes::NOT_FOUND,
            format!("template/{} is in none of the manifests", args.name),
            "look at the name and the paths",
        )
    };
    let resource = if args.files.is_empty() {
        let org = cx.org().await?;
        let mut client = cx.resources().await?;
        let request = pb::GetRequest {
            org,
            kind: Kind::Template.to_string(),
            name: args.name.clone(),
            at: None,
        };
        cx.within(client.get(request)).await?.resource
    } else {
        let bundle = files::read(cx, &args.files, &manifest::Unread).await?;
        if !bundle.problems.is_empty() {
            return Err(files::invalid(&bundle, &bundle.problems));
        }
        let resources = bundle
            .documents
            .into_iter()
            .filter_map(|document| document.submission.resource);
        let is_it = |resource: &pb::Resource| {
            let named = resource
                .metadata
                .as_ref()
                .is_some_and(|metadata| metadata.name == args.name);
            named && matches!(resource.spec, Some(Spec::Template(_)))
        };
        resources.into_iter().find(is_it)
    };
    match resource.and_then(|resource| resource.spec) {
        Some(Spec::Template(spec)) => Ok(spec),
        _ => Err(missing()),
    }
}

async fn values(cx: &mut Context, args: &Render) -> Result<Json> {
    let mut whole = Json::Object(Map::new());
    if let Some(path) = &args.values {
        let sources = files::sources(cx, std::slice::from_ref(path)).await?;
        for source in sources {
            let read: std::result::Result<Json, _> = serde_yaml::from_slice(&source.text);
            let wrong = |what: String| {
                Error::new(
                    Exit::Invalid,
                    codes::SYNTAX,
                    format!("{}: {what}", source.name),
                    "write `name: value` lines",
                )
            };
            match read.map_err(|error| wrong(error.to_string()))? {
                found @ Json::Object(_) => lay_over(&mut whole, found),
                _ => return Err(wrong("holds no map".to_owned())),
            }
        }
    }
    for set in &args.set {
        let (path, text) = set
            .split_once('=')
            .filter(|(path, _)| !path.is_empty())
            .ok_or_else(|| Error::usage(format!("`{set}` sets nothing"), "write such as --set flow.pressure=120"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()));
        let nested = path.rsplit('.').fold(value, |inner, name| {
            Json::Object(Map::from_iter([(name.to_owned(), inner)]))
        });
        lay_over(&mut whole, nested);
    }
    Ok(whole)
}
