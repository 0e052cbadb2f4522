//! `fleetctl history` and `fleetctl blame`.

use clap::Args;
use fleet_proto::pb;
use serde_json::{Value, json};

use super::{record, text};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, Listing, column};
use crate::targets;

/// Show who changed what, and when, newest first
#[derive(Args, Debug)]
pub struct History {
    /// Kind, or kind/name (also of what is gone); nothing: every resource of the organization
    #[arg(value_name = "KIND/NAME")]
    what: Option<String>,
    /// At most so many; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Only this transaction
    #[arg(long, value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    revision: u64,
    /// Every organization
    #[arg(short = 'A', long = "all-orgs")]
    all_orgs: bool,
}

/// Show who owns each field of a resource, and the file, line and commit that its value comes from
#[derive(Args, Debug)]
pub struct Blame {
    /// Kind and name
    #[arg(value_name = "KIND/NAME")]
    what: String,
    /// Only fields whose path matches: * any text
    #[arg(long, value_name = "GLOB", default_value = "*", hide_default_value = true)]
    field: String,
}

pub(super) async fn history(cx: &mut Context, args: &History) -> Result<Exit> {
    let target = match &args.what {
        Some(what) => targets::parse(std::slice::from_ref(what))?.into_iter().next(),
        None => None,
    };
    let platform = target.as_ref().is_some_and(|target| target.kind.is_platform());
    let org = if args.all_orgs || platform {
        String::new()
    } else {
        cx.org().await?
    };
    let request = pb::HistoryRequest {
        org,
        kind: target
            .as_ref()
            .map(|target| target.kind.to_string())
            .unwrap_or_default(),
        name: target.and_then(|target| target.name).unwrap_or_default(),
        limit: args.limit,
        revision: args.revision,
    };
    let timeout = cx.globals.timeout;
    let mut client = cx.resources().await?;
    let mut pages = in_time(timeout, client.history(request)).await?.into_inner();
    let wide = |title: &str, path: &str| Column {
        wide: true,
        ..column(title, path)
    };
    let columns = vec![
        column("REVISION", ".revision"),
        column("WHEN", ".createdAt"),
        column("WHAT", ".verb"),
        column("RESOURCE", ".ref"),
        column("WHO", ".actor"),
        column("FOR", ".manager"),
        column("FIELDS", ".fields"),
        wide("COMMIT", ".commit"),
        wide("ORG", ".org"),
    ];
    let mut listing = Listing::new(&mut cx.io, &cx.format, columns, |record| text(record, "ref"))?;
    while let Some(page) = in_time(timeout, pages.message()).await? {
        for entry in page.entries {
            if !listing.push(&shown(&entry))? {
                return Ok(Exit::Ok);
            }
        }
    }
    listing.finish();
    Ok(Exit::Ok)
}

/// An entry as a record; `fields` names what changed in a few words.
fn shown(entry: &pb::history_response::Entry) -> Value {
    const NAMED: usize = 3;
    let mut names: Vec<_> = entry
        .changes
        .iter()
        .take(NAMED)
        .map(|change| change.path.trim_start_matches("spec.").trim_start_matches("metadata."))
        .map(str::to_owned)
        .collect();
    if entry.changes.len() > NAMED {
        names.push(format!("{} more", entry.changes.len() - NAMED));
    }
    let mut record = record("HistoryResponse.Entry", entry);
    record["ref"] = format!("{}/{}", entry.kind, entry.name).into();
    record["fields"] = names.join(", ").into();
    if let Some(fields) = record.as_object_mut() {
        let at = fields.shift_remove("at").unwrap_or_default();
        fields.insert("createdAt".to_owned(), at);
    }
    if let Some(changes) = record["changes"].as_array_mut() {
        changes.iter_mut().for_each(decode);
    } else {
        record["changes"] = json!([]);
    }
    record
}

/// Values travel as JSON text; a reader wants them as they are.
fn decode(change: &mut Value) {
    for name in ["before", "after"] {
        let value = change[name].as_str().and_then(|text| serde_json::from_str(text).ok());
        change[name] = value.unwrap_or(Value::Null);
    }
}

pub(super) async fn blame(cx: &mut Context, args: &Blame) -> Result<Exit> {
    let target = targets::parse(std::slice::from_ref(&args.what))?.into_iter().next();
    let Some((kind, Some(name))) = target.map(|target| (target.kind, target.name)) else {
        return Err(Error::usage("a name is missing", "write such as device/meter-1"));
    };
    let org = if kind.is_platform() {
        String::new()
    } else {
        cx.org().await?
    };
    let mut client = cx.resources().await?;
    let owned = cx
        .within(client.owners(pb::OwnersRequest {
            org,
            kind: kind.to_string(),
            name,
        }))
        .await?;
    let columns = vec![
        column("FIELD", ".path"),
        column("VALUE", ".value"),
        column("OWNER", ".manager"),
        column("SOURCE", ".source"),
        column("COMMIT", ".commitShort"),
        column("SINCE", ".createdAt"),
        Column {
            wide: true,
            ..column("REVISION", ".revision")
        },
    ];
    let fields = owned
        .fields
        .iter()
        .filter(|field| fleet_proto::selector::glob_matches(&args.field, &field.path));
    let records: Vec<_> = fields.map(field).collect();
    super::print_all(cx, columns, |record| text(record, "path"), records)?;
    Ok(Exit::Ok)
}

fn field(field: &pb::owners_response::Field) -> Value {
    /// Characters of a commit that people read.
    const SHORT: usize = 12;
    let value: Value = field
        .value
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let source = match (field.file.as_str(), field.line) {
        ("", _) => Value::Null,
        (file, 0) => file.into(),
        (file, line) => format!("{file}:{line}").into(),
    };
    let commit = (!field.commit.is_empty()).then(|| field.commit.clone());
    let short = commit.as_ref().map(|commit| {
        let dirty = if commit.ends_with('+') { "+" } else { "" };
        commit.chars().filter(|c| *c != '+').take(SHORT).collect::<String>() + dirty
    });
    json!({
        "path": field.path, "value": value, "manager": (!field.manager.is_empty()).then_some(&field.manager),
        "source": source, "file": (!field.file.is_empty()).then_some(&field.file), "line": (field.line > 0).then_some(field.line),
        "commit": commit, "commitShort": short, "revision": field.revision,
        "createdAt": field.at.map(|at| at.to_string()),
    })
}
