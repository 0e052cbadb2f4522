//! `fleetctl audit`.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ed25519_dalek::{Signature, VerifyingKey};
use fleet_proto::audit::{Verifier, head_message};
use fleet_proto::pb;
use serde_json::{Value, json};

use super::{Stream, moment, print, print_stream, record, text};
use crate::context::{Context, in_time};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};

/// Who did what, or was refused it
#[derive(Debug, Subcommand)]
pub enum Audit {
    Search(Search),
    Tail(Tail),
    Export(Export),
    Verify(Verify),
}

/// What is looked for.
#[derive(Args, Debug)]
pub struct Narrow {
    /// The platform's own log, of what belongs to no organization
    #[arg(short = 'A', long = "platform")]
    platform: bool,
    /// Whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    actor: String,
    /// What was done, such as change, login, token.create
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    verb: String,
    /// To what
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    object: String,
    /// done, denied or failed
    #[arg(long, value_name = "WORD", default_value = "", hide_default_value = true)]
    outcome: String,
}

/// Show events, oldest first
#[derive(Args, Debug)]
pub struct Search {
    #[command(flatten)]
    narrow: Narrow,
    /// Since then, such as -1h or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until then
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// The newest so many; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    limit: u32,
}

/// Show new events as they are written
#[derive(Args, Debug)]
pub struct Tail {
    #[command(flatten)]
    narrow: Narrow,
}

/// Write the whole log with its signed end into a file, for `verify` without fleetd
#[derive(Args, Debug)]
pub struct Export {
    /// The file; it must not exist
    file: PathBuf,
    /// The platform's own log
    #[arg(short = 'A', long = "platform")]
    platform: bool,
}

/// Check that nothing in the log was changed, left out or put in; exit 13 where it was
#[derive(Args, Debug)]
pub struct Verify {
    /// A file that `export` wrote; without it, fleetd's own log
    file: Option<PathBuf>,
    /// The key that must have signed, as an earlier `verify` or `export` showed it
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// The platform's own log
    #[arg(short = 'A', long = "platform", conflicts_with = "file")]
    platform: bool,
}

fn columns() -> Vec<Column> {
    vec![
        column("TIME", ".at"),
        column("ACTOR", ".actor"),
        column("VERB", ".verb"),
        column("OBJECT", ".object"),
        column("OUTCOME", ".outcome"),
        column("ADDRESS", ".address"),
        Column {
            title: "DETAIL".to_owned(),
            path: ".detail".to_owned(),
            wide: true,
        },
    ]
}

async fn org(cx: &mut Context, platform: bool) -> Result<String> {
    if platform { Ok(String::new()) } else { cx.org().await }
}

fn wanted(narrow: &Narrow, org: String) -> pb::AuditSearchRequest {
    pb::AuditSearchRequest {
        org,
        actor: narrow.actor.clone(),
        verb: narrow.verb.clone(),
        object: narrow.object.clone(),
        outcome: narrow.outcome.clone(),
        ..pb::AuditSearchRequest::default()
    }
}

pub(super) async fn run(cx: &mut Context, args: Audit) -> Result<Exit> {
    match args {
        Audit::Search(args) => {
            let request = pb::AuditSearchRequest {
                from_us: moment(args.from.as_deref())?,
                to_us: moment(args.to.as_deref())?,
                limit: args.limit,
                ..wanted(&args.narrow, org(cx, args.narrow.platform).await?)
            };
            show(cx, request).await
        }
        Audit::Tail(args) => {
            let request = pb::AuditSearchRequest {
                limit: 10,
                follow: true,
                ..wanted(&args.narrow, org(cx, args.narrow.platform).await?)
            };
            show(cx, request).await
        }
        Audit::Export(args) => export(cx, &args).await,
        Audit::Verify(args) => verify(cx, &args).await,
    }
}

async fn show(cx: &mut Context, request: pb::AuditSearchRequest) -> Result<Exit> {
    let follow = request.follow;
    let mut client = cx.audit().await?;
    let pages = cx.within(client.search(request)).await?;
    let stream = Stream {
        columns: columns(),
        name: |row| row["seq"].to_string(),
        none: "no events",
        follow,
    };
    let records = |page: pb::AuditSearchResponse| page.events.iter().map(shown).collect();
    print_stream(cx, stream, pages, records).await
}

fn shown(event: &pb::AuditEvent) -> Value {
    let mut shown = record("AuditEvent", event);
    for name in ["org", "orgUid", "address", "requestId"] {
        if shown[name].is_null() {
            shown[name] = "".into();
        }
    }
    // A number, and not text: it is part of the hash.
    shown["atUs"] = event.at_us.into();
    shown["seq"] = event.seq.into();
    shown
}

/// Every event of a log, one after the other, and its signed end.
async fn read(
    cx: &mut Context,
    org: &str,
    mut each: impl FnMut(&pb::AuditEvent) -> Result<()>,
) -> Result<pb::AuditHead> {
    let mut client = cx.audit().await?;
    // The end first: what is written meanwhile is behind it.
    let head = cx
        .within(client.head(pb::AuditHeadRequest { org: org.to_owned() }))
        .await?;
    let request = pb::AuditSearchRequest {
        org: org.to_owned(),
        ..pb::AuditSearchRequest::default()
    };
    let mut pages = cx.within(client.search(request)).await?;
    while let Some(page) = in_time(cx.globals.timeout, pages.message()).await? {
        for event in page.events.iter().filter(|event| event.seq <= head.seq) {
            each(event)?;
        }
    }
    Ok(head)
}

async fn export(cx: &mut Context, args: &Export) -> Result<Exit> {
    let org = org(cx, args.platform).await?;
    let failed = |error: std::io::Error| Error::usage(format!("{}: {error}", args.file.display()), "name a new file");
    let file = std::fs::File::create_new(&args.file).map_err(failed)?;
    let mut file = std::io::BufWriter::new(file);
    let mut count = 0_u64;
    let head = read(cx, &org, |event| {
        count += 1;
        writeln!(file, "{}", shown(event)).map_err(failed)
    })
    .await?;
    writeln!(file, "{}", json!({"head": head_of(&head)})).map_err(failed)?;
    file.into_inner()
        .map_err(|error| failed(error.into_error()))?
        .sync_all()
        .map_err(failed)?;
    let told = json!({"file": args.file.display().to_string(), "events": count, "hash": head.hash, "key": head.key});
    let columns = vec![
        column("FILE", ".file"),
        column("EVENTS", ".events"),
        column("KEY", ".key"),
    ];
    print(cx, columns, |row| text(row, "file"), &told)
}

fn head_of(head: &pb::AuditHead) -> Value {
    json!({"orgUid": head.org_uid, "seq": head.seq, "hash": head.hash, "key": head.key, "signature": head.signature})
}

async fn verify(cx: &mut Context, args: &Verify) -> Result<Exit> {
    let mut verifier = Verifier::default();
    let (mut problem, mut count) = (None, 0_u64);
    let mut check = |event: &pb::AuditEvent| {
        count += 1;
        if problem.is_none()
            && let Err(broken) = verifier.next(event)
        {
            problem = Some(format!("event {}: {}", broken.seq, broken.what));
        }
    };
    let head = match &args.file {
        Some(path) => from_file(path, &mut check)?,
        None => {
            let org = org(cx, args.platform).await?;
            Some(
                read(cx, &org, |event| {
                    check(event);
                    Ok(())
                })
                .await?,
            )
        }
    };
    let key = head.as_ref().map(|head| head.key.clone()).unwrap_or_default();
    let problem = problem.or_else(|| match &head {
        None => Some("the file has no signed end: what stood behind the last event may be cut off".to_owned()),
        Some(head) => wrong_head(head, &verifier, args.key.as_deref()),
    });
    let told = json!({"valid": problem.is_none(), "events": count, "key": key, "problem": problem});
    let columns = vec![
        column("VALID", ".valid"),
        column("EVENTS", ".events"),
        column("PROBLEM", ".problem"),
        column("KEY", ".key"),
    ];
    let valid = problem.is_none();
    print(cx, columns, |row| row["valid"].to_string(), &told)?;
    Ok(if valid { Exit::Ok } else { Exit::Negative })
}

fn from_file(path: &Path, check: &mut impl FnMut(&pb::AuditEvent)) -> Result<Option<pb::AuditHead>> {
    let failed = |what: String| {
        Error::usage(
            format!("{}: {what}", path.display()),
            "name a file that `audit export` wrote",
        )
    };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut head = None;
    for (at, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| failed(error.to_string()))?;
        let row: Value = serde_json::from_str(&line).map_err(|error| failed(format!("line {}: {error}", at + 1)))?;
        let of = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        if let Some(found) = row.get("head") {
            head = Some(pb::AuditHead {
                org_uid: of(found, "orgUid"),
                seq: found["seq"].as_u64().unwrap_or_default(),
                hash: of(found, "hash"),
                key: of(found, "key"),
                signature: of(found, "signature"),
            });
            continue;
        }
        check(&pb::AuditEvent {
            seq: row["seq"].as_u64().unwrap_or_default(),
            org_uid: of(&row, "orgUid"),
            at_us: row["atUs"].as_i64().unwrap_or_default(),
            actor: of(&row, "actor"),
            verb: of(&row, "verb"),
            object: of(&row, "object"),
            outcome: of(&row, "outcome"),
            detail: of(&row, "detail"),
            address: of(&row, "address"),
            request_id: of(&row, "requestId"),
            hash: of(&row, "hash"),
            ..pb::AuditEvent::default()
        });
    }
    Ok(head)
}

/// What is wrong with the end of a log.
fn wrong_head(head: &pb::AuditHead, verifier: &Verifier, key: Option<&str>) -> Option<String> {
    if verifier.head().unwrap_or((0, fleet_proto::audit::BEGIN)) != (head.seq, head.hash.as_str()) {
        return Some(format!(
            "the signed end is event {}, and that is not the last one here",
            head.seq
        ));
    }
    if key.is_some_and(|key| !key.eq_ignore_ascii_case(&head.key)) {
        return Some("another key has signed it".to_owned());
    }
    let signed = || {
        let key = VerifyingKey::from_bytes(&bytes(&head.key)?).ok()?;
        let signature = Signature::from_bytes(&bytes(&head.signature)?);
        let message = head_message(&head.org_uid, head.seq, &head.hash);
        key.verify_strict(message.as_bytes(), &signature).ok()
    };
    signed().is_none().then(|| "its signature is wrong".to_owned())
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut all = [0; N];
    if hex.len() != 2 * N {
        return None;
    }
    for (at, byte) in all.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(all)
}
