//! The one order of all writes: the revision counter and the log of changes.

use std::collections::HashMap;

use fleet_proto::kinds::Kind;
use fleet_proto::reflect;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::db::{Row, Tx, query};
use super::error::{Error, Result};
use crate::domain::telemetry::Micros;
use crate::domain::{Object, Org};

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Verb {
    Create,
    Update,
    Delete,
}

impl Verb {
    /// As it is stored and shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One write to one resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// Of the transaction.
    pub revision: u64,
    /// Order within the transaction.
    pub seq: u64,
    /// Whose.
    pub uid: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// Uid of its organization as text; empty for kinds of the platform.
    pub org: String,
    /// Its name.
    pub name: String,
    /// What happened.
    pub verb: Verb,
    /// Who did it.
    pub actor: String,
    /// For whom: `applyset/NAME`, `person/NAME`; empty: fleetd itself.
    pub manager: String,
    /// Commit of the version control that it came from; may be empty.
    pub commit: String,
    /// When.
    pub at: Micros,
    /// The whole resource before, where there was one.
    pub before: Option<Object>,
    /// The whole resource after, where there is one.
    pub after: Option<Object>,
    /// Of a deletion: owners and apply sets before, as [`super::ownership::snapshot`] writes them.
    pub owners: Option<String>,
}

/// Which changes [`list`] gives; what is empty or 0 does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Uid of the organization as text: its resources and itself.
    pub org: String,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this transaction.
    pub revision: u64,
}

/// Takes the next revision. Until the end of the transaction no other writer goes on,
/// so that the order of commits is the order of revisions.
pub async fn next_revision(tx: &mut Tx) -> Result<u64> {
    query("update revision set value = value + 1 returning value")
        .fetch_one(tx)
        .await?
        .count("value")
}

/// Waits until no other writer is between its revision and its end, and keeps others from it.
pub async fn hold(tx: &mut Tx) -> Result<()> {
    query("update revision set value = value").execute(tx).await?;
    Ok(())
}

/// The revision of the last committed write.
pub async fn revision(tx: &mut Tx) -> Result<u64> {
    query("select value from revision").fetch_one(tx).await?.count("value")
}

/// Adds a change to the log. Gives the BLAKE3 hash of what was and what is, as they are stored.
pub async fn append(tx: &mut Tx, change: &Change) -> Result<[u8; 32]> {
    let (before, after) = (change.before.as_ref().map(text), change.after.as_ref().map(text));
    let mut hasher = blake3::Hasher::new();
    for side in [&before, &after] {
        let bytes = side.as_deref().unwrap_or_default().as_bytes();
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    query(
        "insert into change (revision, seq, uid, kind, org, name, verb, actor, at, before, after, manager, source, owners)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(change.revision)
    .bind(change.seq)
    .bind(change.uid)
    .bind(change.kind.singular())
    .bind(&change.org)
    .bind(&change.name)
    .bind(change.verb.text())
    .bind(&change.actor)
    .bind(change.at)
    .bind(before)
    .bind(after)
    .bind(&change.manager)
    .bind(&change.commit)
    .bind(change.owners.clone())
    .execute(tx)
    .await?;
    Ok(hasher.finalize().into())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select revision, seq, uid, kind, org, name, verb, actor, at, before, after, manager, source, owners from change c ",
            $rest
        )
    };
}

/// Changes behind (revision, seq), oldest first; those of an organization, given by its uid, or empty: all.
pub async fn list_after(tx: &mut Tx, org: &str, after: (u64, u64), limit: u32) -> Result<Vec<Change>> {
    let rows = query(select!(
        "where (revision, seq) > ($1, $2) and ($4 = '' or org = $4 or uid = $4)
         order by revision, seq limit $3"
    ))
    .bind(after.0)
    .bind(after.1)
    .bind(limit)
    .bind(org)
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// The changes of one transaction, in their order.
pub async fn list_of(tx: &mut Tx, revision: u64) -> Result<Vec<Change>> {
    let rows = query(select!("where revision = $1 order by seq"))
        .bind(revision)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read).collect()
}

/// Changes before (revision, seq), newest first.
pub async fn list(tx: &mut Tx, narrow: &Narrow, before: (u64, u64), limit: u32) -> Result<Vec<Change>> {
    let rows = query(select!(
        "where ($1 = '' or org = $1 or uid = $1)
           and (cast($2 as text) is null or kind = $2)
           and ($3 = 0 or revision = $3)
           and (revision, seq) < ($4, $5)
         order by revision desc, seq desc limit $6"
    ))
    .bind(&narrow.org)
    .bind(narrow.kind.map(Kind::singular))
    .bind(narrow.revision)
    .bind(before.0)
    .bind(before.1)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// Changes of an organization and what belongs to it before (revision, seq), newest first.
pub async fn list_of_org(tx: &mut Tx, org: Uuid, before: (u64, u64), limit: u32) -> Result<Vec<Change>> {
    // Two questions, for each of which there is an index.
    let rows = query(select!(
        "where org = $1 and (revision, seq) < ($2, $3) order by revision desc, seq desc limit $4"
    ))
    .bind(org)
    .bind(before.0)
    .bind(before.1)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    let mut all: Vec<Change> = rows.iter().map(read).collect::<Result<_>>()?;
    all.append(&mut list_of_resource(tx, org, before, limit).await?);
    all.sort_by_key(|change| std::cmp::Reverse((change.revision, change.seq)));
    all.truncate(limit as usize);
    Ok(all)
}

/// Changes of one resource before (revision, seq), newest first.
pub async fn list_of_resource(tx: &mut Tx, uid: Uuid, before: (u64, u64), limit: u32) -> Result<Vec<Change>> {
    let rows = query(select!(
        "where uid = $1 and (revision, seq) < ($2, $3) order by revision desc, seq desc limit $4"
    ))
    .bind(uid)
    .bind(before.0)
    .bind(before.1)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// The resources that have or had a name, also those that are gone. `org` is a uid as text, empty for the platform's.
pub async fn named(tx: &mut Tx, kind: Kind, org: &str, name: &str) -> Result<Vec<Uuid>> {
    let rows = query("select distinct uid from change where kind = $1 and org = $2 and name = $3 order by uid")
        .bind(kind.singular())
        .bind(org)
        .bind(name)
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| row.uuid("change", "uid")).collect()
}

/// A resource as it was after a transaction, if it was there.
pub async fn at(tx: &mut Tx, uid: Uuid, revision: u64) -> Result<Option<Object>> {
    let last = list_of_resource(tx, uid, (revision.saturating_add(1), 0), 1).await?;
    Ok(last.into_iter().next().and_then(|change| change.after))
}

/// A page of the resources of a kind as they were after a transaction, in order of organization and name, behind
/// `after`; `org` empty: of every organization.
pub async fn list_at(
    tx: &mut Tx,
    kind: Kind,
    org: &str,
    revision: u64,
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<Object>> {
    let rows = query(select!(
        "where kind = $1 and ($2 = '' or org = $2 or uid = $2) and revision <= $3 and after is not null
           and (org, name) > ($4, $5)
           and not exists (select 1 from change d where d.uid = c.uid and d.revision <= $3
                and (d.revision, d.seq) > (c.revision, c.seq))
         order by org, name limit $6"
    ))
    .bind(kind.singular())
    .bind(org)
    .bind(revision)
    .bind(after.0)
    .bind(after.1)
    .bind(limit)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .filter_map(|row| read(row).map(|change| change.after).transpose())
        .collect()
}

/// The revision of the last write up to a moment; 0: there was none yet.
pub async fn revision_at(tx: &mut Tx, at: Micros) -> Result<u64> {
    // Times follow revisions but for clocks that are set: from the end there is not far to go.
    let row = query("select revision from change where at <= $1 order by revision desc limit 1")
        .bind(at)
        .fetch_optional(tx)
        .await?;
    row.map_or(Ok(0), |row| row.count("revision"))
}

/// The revision of the last write to a resource; 0: there was none yet.
pub async fn last(tx: &mut Tx) -> Result<u64> {
    revision_at(tx, Micros::MAX).await
}

fn read(row: &Row) -> Result<Change> {
    let corrupt = |column: &str, text: &str| Error::Corrupt {
        table: "change",
        column: column.to_owned(),
        detail: format!("`{text}` is unknown"),
    };
    let (kind, verb) = (row.text("kind")?, row.text("verb")?);
    Ok(Change {
        revision: row.count("revision")?,
        seq: row.count("seq")?,
        uid: row.uuid("change", "uid")?,
        kind: Kind::find(&kind).ok_or_else(|| corrupt("kind", &kind))?,
        org: row.text("org")?,
        name: row.text("name")?,
        verb: match verb.as_str() {
            "create" => Verb::Create,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            other => return Err(corrupt("verb", other)),
        },
        actor: row.text("actor")?,
        manager: row.text("manager")?,
        commit: row.text("source")?,
        at: row.int("at")?,
        before: row
            .opt_text("before")?
            .map(|text| object("before", &text))
            .transpose()?,
        after: row.opt_text("after")?.map(|text| object("after", &text)).transpose()?,
        owners: row.opt_text("owners")?,
    })
}

/// How the log keeps a whole resource.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    uid: Uuid,
    kind: String,
    org: Option<(Uuid, String)>,
    name: String,
    generation: u64,
    revision: u64,
    labels: HashMap<String, String>,
    annotations: HashMap<String, String>,
    protect: bool,
    spec: serde_json::Value,
    created: (Micros, String),
    updated: (Micros, String),
}

fn text(object: &Object) -> String {
    serde_json::json!(Snapshot {
        uid: object.uid,
        kind: object.kind.to_string(),
        org: object.org.clone().map(|org| (org.uid, org.name)),
        name: object.name.clone(),
        generation: object.generation,
        revision: object.revision,
        labels: object.labels.clone(),
        annotations: object.annotations.clone(),
        protect: object.protect,
        spec: reflect::spec_to_json(&object.spec),
        created: (object.created_at, object.created_by.clone()),
        updated: (object.updated_at, object.updated_by.clone()),
    })
    .to_string()
}

fn object(column: &str, text: &str) -> Result<Object> {
    let corrupt = |detail: String| Error::Corrupt {
        table: "change",
        column: column.to_owned(),
        detail,
    };
    let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
    let kind = Kind::find(&snapshot.kind).ok_or_else(|| corrupt(format!("`{}` is no kind", snapshot.kind)))?;
    let (spec, issues) = match reflect::spec_from_json(kind, &snapshot.spec) {
        Ok(spec) => (spec, Vec::new()),
        Err(issues) => (reflect::empty_spec(kind), issues),
    };
    Ok(Object {
        uid: snapshot.uid,
        kind,
        org: snapshot.org.map(|(uid, name)| Org { uid, name }),
        name: snapshot.name,
        generation: snapshot.generation,
        revision: snapshot.revision,
        labels: snapshot.labels,
        annotations: snapshot.annotations,
        protect: snapshot.protect,
        spec,
        issues,
        created_at: snapshot.created.0,
        created_by: snapshot.created.1,
        updated_at: snapshot.updated.0,
        updated_by: snapshot.updated.1,
    })
}
