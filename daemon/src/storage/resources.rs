//! The one table of all declarative kinds, and its indexes by label, reference and unique value.

use std::collections::HashMap;

use fleet_proto::kinds::Kind;
use fleet_proto::pb;
use fleet_proto::reflect::{self, Reference, UniqueValue};
use uuid::Uuid;

use super::db::{Row, Tx, query};
use super::error::{Error, Result};
use crate::domain::{Object, Org};

const TABLE: &str = "resource";

/// What came of a conditional write.
#[derive(Debug)]
pub enum Replaced {
    /// Written.
    Done,
    /// Somebody else wrote it since.
    Stale,
}

/// A stored reference to a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferrerRow {
    /// The resource that refers.
    pub uid: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Path of the referring field.
    pub path: String,
    /// What deleting the target does.
    pub on_delete: pb::OnDelete,
}

/// What a list is narrowed to, as far as SQL can; the rest is the caller's.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Uid of the organization as text; empty: all.
    pub org: String,
    /// A label that must have this value.
    pub label: Option<(String, String)>,
    /// A kind and name that must be referred to.
    pub reference: Option<(Kind, String)>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select r.uid, r.kind, r.org, o.name as org_name, r.name, r.generation, r.revision, r.labels, r.annotations,
                    r.protect, r.spec, r.created_at, r.created_by, r.updated_at, r.updated_by
               from resource r left join resource o on o.uid = r.org ",
            $rest
        )
    };
}

fn org_text(org: Option<Uuid>) -> String {
    org.map(|uid| uid.to_string()).unwrap_or_default()
}

/// The resource of that name.
pub async fn find(tx: &mut Tx, org: Option<Uuid>, kind: Kind, name: &str) -> Result<Option<Object>> {
    query(select!("where r.kind = $1 and r.org = $2 and r.name = $3"))
        .bind(kind.singular())
        .bind(org_text(org))
        .bind(name)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The resource with that uid.
pub async fn find_by_uid(tx: &mut Tx, uid: Uuid) -> Result<Option<Object>> {
    query(select!("where r.uid = $1"))
        .bind(uid)
        .fetch_optional(tx)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The uid of the resource of that name.
pub async fn find_uid(tx: &mut Tx, org: Option<Uuid>, kind: Kind, name: &str) -> Result<Option<Uuid>> {
    query("select uid from resource where kind = $1 and org = $2 and name = $3")
        .bind(kind.singular())
        .bind(org_text(org))
        .bind(name)
        .fetch_optional(tx)
        .await?
        .map(|row| row.uuid(TABLE, "uid"))
        .transpose()
}

/// A page of a kind in order of organization and name, behind `after`.
pub async fn list(tx: &mut Tx, kind: Kind, narrow: &Narrow, after: (&str, &str), limit: u32) -> Result<Vec<Object>> {
    let (label, value) = narrow.label.clone().map_or((None, None), |(k, v)| (Some(k), Some(v)));
    let (to_kind, to_name) = narrow
        .reference
        .clone()
        .map_or((None, None), |(k, n)| (Some(k.singular()), Some(n)));
    let statement = if narrow.org.is_empty() {
        select!(
            "where r.kind = $1 and (r.org, r.name) > ($3, $4) and (cast($2 as text) = '')
               and (cast($5 as text) is null or exists (select 1 from resource_label l where l.uid = r.uid and l.key = $5 and l.value = $6))
               and (cast($7 as text) is null or exists (select 1 from resource_ref f where f.uid = r.uid and f.target_kind = $7 and f.target_name = $8))
             order by r.org, r.name limit $9"
        )
    } else {
        select!(
            "where r.kind = $1 and r.org = $2 and r.name > $4 and (cast($3 as text) is not null)
               and (cast($5 as text) is null or exists (select 1 from resource_label l where l.uid = r.uid and l.key = $5 and l.value = $6))
               and (cast($7 as text) is null or exists (select 1 from resource_ref f where f.uid = r.uid and f.target_kind = $7 and f.target_name = $8))
             order by r.name limit $9"
        )
    };
    let rows = query(statement)
        .bind(kind.singular())
        .bind(&narrow.org)
        .bind(after.0)
        .bind(after.1)
        .bind(label)
        .bind(value)
        .bind(to_kind)
        .bind(to_name)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read).collect()
}

/// How many resources of the kind there are, in one organization or in all.
pub async fn count(tx: &mut Tx, org: Option<Uuid>, kind: Kind) -> Result<u64> {
    query("select count(*) as n from resource where kind = $1 and (org = $2 or $2 = '')")
        .bind(kind.singular())
        .bind(org_text(org))
        .fetch_one(tx)
        .await?
        .count("n")
}

/// Writes a new resource. Its indexes are [`index`]'s.
pub async fn insert(tx: &mut Tx, object: &Object) -> Result<()> {
    query(
        "insert into resource (uid, kind, org, name, generation, revision, labels, annotations, protect, spec,
                               created_at, created_by, updated_at, updated_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(object.uid)
    .bind(object.kind.singular())
    .bind(org_text(object.org.as_ref().map(|org| org.uid)))
    .bind(&object.name)
    .bind(object.generation)
    .bind(object.revision)
    .bind(map_text(&object.labels))
    .bind(map_text(&object.annotations))
    .bind(object.protect)
    .bind(reflect::spec_to_json(&object.spec).to_string())
    .bind(object.created_at)
    .bind(&object.created_by)
    .bind(object.updated_at)
    .bind(&object.updated_by)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes `object` if the stored revision is still `seen`; a concurrent writer loses by row count.
pub async fn replace(tx: &mut Tx, object: &Object, seen: u64) -> Result<Replaced> {
    let rows = query(
        "update resource
            set name = $1, generation = $2, revision = $3, labels = $4, annotations = $5, protect = $6, spec = $7,
                updated_at = $8, updated_by = $9
          where uid = $10 and revision = $11",
    )
    .bind(&object.name)
    .bind(object.generation)
    .bind(object.revision)
    .bind(map_text(&object.labels))
    .bind(map_text(&object.annotations))
    .bind(object.protect)
    .bind(reflect::spec_to_json(&object.spec).to_string())
    .bind(object.updated_at)
    .bind(&object.updated_by)
    .bind(object.uid)
    .bind(seen)
    .execute(tx)
    .await?;
    Ok(if rows == 1 { Replaced::Done } else { Replaced::Stale })
}

/// Holds a resource until the transaction ends: whoever else wants it waits.
pub async fn lock(tx: &mut Tx, uid: Uuid) -> Result<()> {
    query("update resource set revision = revision where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores the same spec in other bytes, as when its secrets are sealed anew: nobody changed it.
pub async fn respec(tx: &mut Tx, uid: Uuid, spec: &pb::resource::Spec) -> Result<()> {
    query("update resource set spec = $1 where uid = $2")
        .bind(reflect::spec_to_json(spec).to_string())
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Gives a resource its uid for a name, while names change places.
pub async fn give_up_name(tx: &mut Tx, uid: Uuid) -> Result<()> {
    query("update resource set name = uid where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes the resource; its index rows go with it.
pub async fn remove(tx: &mut Tx, uid: Uuid) -> Result<()> {
    query("delete from resource where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets what is indexed of a resource before it is written anew; `fresh` ones have nothing to forget.
pub async fn unindex(tx: &mut Tx, uid: Uuid) -> Result<()> {
    query("delete from resource_label where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    query("delete from resource_ref where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    query("delete from resource_unique where uid = $1")
        .bind(uid)
        .execute(tx)
        .await?;
    Ok(())
}

/// Indexes labels and references of a written resource.
pub async fn index(tx: &mut Tx, object: &Object, references: &[Reference]) -> Result<()> {
    for (key, value) in &object.labels {
        query("insert into resource_label (uid, key, value) values ($1, $2, $3)")
            .bind(object.uid)
            .bind(key)
            .bind(value)
            .execute(tx)
            .await?;
    }
    let org = org_text(object.org.as_ref().map(|org| org.uid));
    for reference in references {
        query(
            "insert into resource_ref (uid, path, org, target_kind, target_name, on_delete) values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(object.uid)
        .bind(&reference.path)
        .bind(if reference.kind.is_platform() { "" } else { &org })
        .bind(reference.kind.singular())
        .bind(&reference.name)
        .bind(i64::from(reference.on_delete as i32))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Claims a unique value for a resource. Gives the uid of the one that has it already.
pub async fn claim_unique(tx: &mut Tx, object: &Object, value: &UniqueValue) -> Result<Option<Uuid>> {
    let scope = match value.scope {
        pb::Unique::Platform => String::new(),
        _ => org_text(object.org.as_ref().map(|org| org.uid)),
    };
    let claimed = query(
        "insert into resource_unique (scope, kind, field, value, uid) values ($1, $2, $3, $4, $5)
         on conflict (scope, kind, field, value) do nothing",
    )
    .bind(&scope)
    .bind(object.kind.singular())
    .bind(&value.field)
    .bind(&value.value)
    .bind(object.uid)
    .execute(tx)
    .await?;
    if claimed == 1 {
        return Ok(None);
    }
    holder_of_unique(tx, &scope, object.kind, &value.field, &value.value).await
}

/// Who has a unique value; `scope` is an organization's uid, or empty over the platform.
pub async fn holder_of_unique(tx: &mut Tx, scope: &str, kind: Kind, field: &str, value: &str) -> Result<Option<Uuid>> {
    query("select uid from resource_unique where scope = $1 and kind = $2 and field = $3 and value = $4")
        .bind(scope)
        .bind(kind.singular())
        .bind(field)
        .bind(value)
        .fetch_optional(tx)
        .await?
        .map(|row| row.uuid("resource_unique", "uid"))
        .transpose()
}

/// Every resource that refers to the one named.
pub async fn referrers(tx: &mut Tx, org: Option<Uuid>, kind: Kind, name: &str) -> Result<Vec<ReferrerRow>> {
    let rows = query(
        "select f.uid, r.kind, r.name, f.path, f.on_delete
           from resource_ref f join resource r on r.uid = f.uid
          where f.org = $1 and f.target_kind = $2 and f.target_name = $3
          order by r.kind, r.name, f.path",
    )
    .bind(org_text(org))
    .bind(kind.singular())
    .bind(name)
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ReferrerRow {
                uid: row.uuid("resource_ref", "uid")?,
                kind: kind_of(row)?,
                name: row.text("name")?,
                path: row.text("path")?,
                on_delete: i32::try_from(row.int("on_delete")?)
                    .ok()
                    .and_then(|n| pb::OnDelete::try_from(n).ok())
                    .unwrap_or(pb::OnDelete::Restrict),
            })
        })
        .collect()
}

/// The role bindings of a user, in every organization.
pub async fn bindings(tx: &mut Tx, user: &str) -> Result<Vec<Object>> {
    let rows = query(select!(
        "join resource_ref f on f.uid = r.uid
          where f.org = '' and f.target_kind = 'user' and f.target_name = $1 and r.kind = 'role-binding'
          order by r.org, r.name"
    ))
    .bind(user)
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// Names of the users that have a role binding in an organization.
pub async fn bound_users(tx: &mut Tx, org: Uuid) -> Result<Vec<String>> {
    let rows = query(
        "select distinct f.target_name as name from resource_ref f join resource r on r.uid = f.uid
          where r.org = $1 and r.kind = 'role-binding' and f.target_kind = 'user' order by f.target_name",
    )
    .bind(org)
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| row.text("name")).collect()
}

fn kind_of(row: &Row) -> Result<Kind> {
    let text = row.text("kind")?;
    Kind::find(&text).ok_or_else(|| corrupt("kind", format!("`{text}` is no kind of this fleetd")))
}

fn corrupt(column: &str, detail: String) -> Error {
    Error::Corrupt {
        table: TABLE,
        column: column.to_owned(),
        detail,
    }
}

fn map_text(map: &HashMap<String, String>) -> String {
    let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
    serde_json::json!(sorted).to_string()
}

/// A spec that no longer parses leaves its neighbours readable: the object comes with its issues and an empty spec.
fn read(row: &Row) -> Result<Object> {
    let kind = kind_of(row)?;
    let spec_text = row.text("spec")?;
    let parsed = serde_json::from_str(&spec_text)
        .map_err(|e| {
            vec![pb::Issue {
                path: "spec".into(),
                message: e.to_string(),
                ..Default::default()
            }]
        })
        .and_then(|json| reflect::spec_from_json(kind, &json));
    let (spec, issues) = match parsed {
        Ok(spec) => (spec, Vec::new()),
        Err(issues) => (reflect::empty_spec(kind), issues),
    };
    let map = |column: &str| -> Result<HashMap<String, String>> {
        serde_json::from_str(&row.text(column)?).map_err(|e| corrupt(column, e.to_string()))
    };
    let org = match row.opt_text("org_name")? {
        Some(name) => Some(Org {
            uid: row.uuid(TABLE, "org")?,
            name,
        }),
        None => None,
    };
    Ok(Object {
        uid: row.uuid(TABLE, "uid")?,
        kind,
        org,
        name: row.text("name")?,
        generation: row.count("generation")?,
        revision: row.count("revision")?,
        labels: map("labels")?,
        annotations: map("annotations")?,
        protect: row.flag("protect")?,
        spec,
        issues,
        created_at: row.int("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.int("updated_at")?,
        updated_by: row.text("updated_by")?,
    })
}

/// The name of the site of that uid; of one that is gone the uid, which is no name of any other.
pub async fn site_name(tx: &mut Tx, uid: String) -> Result<String> {
    let found = match uid.parse() {
        Ok(uid) => find_by_uid(tx, uid).await?,
        Err(_) => None,
    };
    Ok(found.map_or(uid, |site| site.name))
}

/// [`site_name`] of several.
pub async fn site_names(tx: &mut Tx, uids: &[String]) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(uids.len());
    for uid in uids {
        names.push(site_name(tx, uid.clone()).await?);
    }
    Ok(names)
}
