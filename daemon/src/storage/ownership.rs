//! Owners of fields, members of apply sets, plans that were applied.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::db::{Tx, query};
use super::error::{Error, Result};
use crate::domain::ownership::{Claims, Origin, Owners};

const TABLE: &str = "field_owner";

/// Who owns the fields of a resource.
pub async fn owners(tx: &mut Tx, uid: Uuid) -> Result<Owners> {
    let rows = query("select manager, fields from field_owner where uid = $1")
        .bind(uid)
        .fetch_all(tx)
        .await?;
    rows.iter()
        .map(|row| {
            let text = row.text("fields")?;
            let json = serde_json::from_str(&text).map_err(|error| corrupt(&error.to_string()))?;
            Ok((row.text("manager")?, claims(&json)?))
        })
        .collect()
}

/// Makes the stored owners equal to `now`; `before` is what is stored.
pub async fn replace(tx: &mut Tx, uid: Uuid, before: &Owners, now: &Owners) -> Result<()> {
    for (manager, claims) in now
        .iter()
        .filter(|(manager, claims)| before.get(*manager) != Some(*claims))
    {
        query(
            "insert into field_owner (uid, manager, fields) values ($1, $2, $3)
             on conflict (uid, manager) do update set fields = excluded.fields",
        )
        .bind(uid)
        .bind(manager)
        .bind(claims_json(claims).to_string())
        .execute(tx)
        .await?;
    }
    for manager in before.keys().filter(|manager| !now.contains_key(*manager)) {
        query("delete from field_owner where uid = $1 and manager = $2")
            .bind(uid)
            .bind(manager)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// The members of an apply set.
pub async fn members(tx: &mut Tx, apply_set: &str) -> Result<HashSet<Uuid>> {
    let rows = query("select uid from apply_set_member where apply_set = $1")
        .bind(apply_set)
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| row.uuid("apply_set_member", "uid")).collect()
}

/// The apply sets that a resource is a member of, in order of name.
pub async fn apply_sets(tx: &mut Tx, uid: Uuid) -> Result<Vec<String>> {
    let rows = query("select apply_set from apply_set_member where uid = $1 order by apply_set")
        .bind(uid)
        .fetch_all(tx)
        .await?;
    rows.iter().map(|row| row.text("apply_set")).collect()
}

/// Makes a resource a member.
pub async fn join(tx: &mut Tx, apply_set: &str, uid: Uuid) -> Result<()> {
    query("insert into apply_set_member (apply_set, uid) values ($1, $2) on conflict (apply_set, uid) do nothing")
        .bind(apply_set)
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends a membership.
pub async fn leave(tx: &mut Tx, apply_set: &str, uid: Uuid) -> Result<()> {
    query("delete from apply_set_member where apply_set = $1 and uid = $2")
        .bind(apply_set)
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Revision and number of unchanged resources of a plan that was applied.
pub async fn find_plan(tx: &mut Tx, digest: &str) -> Result<Option<(u64, u64)>> {
    query("select revision, unchanged from applied_plan where digest = $1")
        .bind(digest)
        .fetch_optional(tx)
        .await?
        .map(|row| Ok((row.count("revision")?, row.count("unchanged")?)))
        .transpose()
}

/// Remembers that a plan was applied.
pub async fn insert_plan(tx: &mut Tx, digest: &str, revision: u64, unchanged: u64) -> Result<()> {
    query("insert into applied_plan (digest, revision, unchanged) values ($1, $2, $3)")
        .bind(digest)
        .bind(revision)
        .bind(unchanged)
        .execute(tx)
        .await?;
    Ok(())
}

/// Owners and apply sets of a resource as text, for the log of a deletion.
pub fn snapshot(owners: &Owners, apply_sets: &[String]) -> String {
    let owners: BTreeMap<_, _> = owners
        .iter()
        .map(|(manager, claims)| (manager, claims_json(claims)))
        .collect();
    json!({"owners": owners, "applySets": apply_sets}).to_string()
}

/// What [`snapshot`] wrote.
pub fn from_snapshot(text: &str) -> Result<(Owners, Vec<String>)> {
    let json: Json = serde_json::from_str(text).map_err(|error| corrupt(&error.to_string()))?;
    let mut found = Owners::new();
    for (manager, fields) in json["owners"].as_object().into_iter().flatten() {
        found.insert(manager.clone(), claims(fields)?);
    }
    let sets = json["applySets"].as_array().into_iter().flatten();
    Ok((found, sets.filter_map(Json::as_str).map(str::to_owned).collect()))
}

/// Fields that share their source share its text: most of a manifest's fields arrive together.
fn claims_json(claims: &Claims) -> Json {
    let mut groups: BTreeMap<Origin, serde_json::Map<String, Json>> = BTreeMap::new();
    for (path, origin) in claims {
        let source = Origin {
            line: 0,
            ..origin.clone()
        };
        groups
            .entry(source)
            .or_default()
            .insert(path.clone(), origin.line.into());
    }
    groups
        .into_iter()
        .map(|(source, fields)| {
            json!({"revision": source.revision, "at": source.at, "file": source.file, "commit": source.commit, "fields": fields})
        })
        .collect()
}

fn claims(json: &Json) -> Result<Claims> {
    let mut found = Claims::new();
    for group in json.as_array().ok_or_else(|| corrupt("no list"))? {
        let text = |name: &str| group[name].as_str().unwrap_or_default().to_owned();
        let source = Origin {
            revision: group["revision"].as_u64().ok_or_else(|| corrupt("no revision"))?,
            at: group["at"].as_i64().ok_or_else(|| corrupt("no time"))?,
            file: text("file"),
            commit: text("commit"),
            line: 0,
        };
        for (path, line) in group["fields"].as_object().ok_or_else(|| corrupt("no fields"))? {
            let line = line.as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
            found.insert(path.clone(), Origin { line, ..source.clone() });
        }
    }
    Ok(found)
}

fn corrupt(detail: &str) -> Error {
    Error::Corrupt {
        table: TABLE,
        column: "fields".to_owned(),
        detail: detail.to_owned(),
    }
}
