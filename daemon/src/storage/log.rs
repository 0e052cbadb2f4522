//! The system log: what happened that whoever runs the fleet wants to know.

use std::collections::BTreeMap;

use fleet_proto::levels::Level;
use fleet_proto::pb::SystemLogEntry;
use uuid::Uuid;

use super::db::{Row, Tx, query};
use super::error::Result;
use crate::domain::log::{Entry, LONGEST_TOPIC, Named};
use crate::domain::object::timestamp;
use crate::domain::plain;
use crate::domain::telemetry::Micros;

/// Entries kept of one organization, and of the platform: of fleetd's own, and again of those of all others; older ones go.
pub const KEPT: u64 = 10_000;
/// And none is kept for longer: half a year.
pub const LONGEST: Micros = 183 * 86_400 * 1_000_000;

/// Which entries [`list`] gives; what is empty or 0 does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// At least this level.
    pub level: i64,
    /// Part of who.
    pub user: String,
    /// Part of what.
    pub action: String,
    /// Part of the message or the details, whatever the case.
    pub text: String,
    /// Uid of the device.
    pub device: String,
    /// From, inclusive.
    pub from: Micros,
    /// To, exclusive.
    pub to: Micros,
    /// Only what is at these sites; none: everything.
    pub sites: Option<Vec<Uuid>>,
}

fn text(org: Option<Uuid>) -> String {
    org.map(|org| org.to_string()).unwrap_or_default()
}

/// Position of the last entry of a log.
pub async fn head(tx: &mut Tx, org: Option<Uuid>) -> Result<u64> {
    let row = query("select seq from log_head where org = $1")
        .bind(text(org))
        .fetch_optional(tx)
        .await?;
    row.map_or(Ok(0), |row| row.count("seq"))
}

/// Adds entries, each to the log of its organization, and drops what is too much; gives the position of the last one.
pub async fn append(tx: &mut Tx, entries: &[Entry]) -> Result<u64> {
    // In one order, so that two transactions do not wait for each other.
    let mut by_org: BTreeMap<Option<Uuid>, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_org.entry(entry.org).or_default().push(entry);
    }
    let mut last = 0;
    for (org, entries) in by_org {
        // Until the end of this transaction nobody else adds to this log: positions are in the order of commits.
        last = query(
            "insert into log_head (org, seq) values ($1, $2)
             on conflict (org) do update set seq = log_head.seq + excluded.seq returning seq",
        )
        .bind(text(org))
        .bind(entries.len() as u64)
        .fetch_one(tx)
        .await?
        .count("seq")?;
        let mut newest = 0;
        for (seq, entry) in (last + 1 - entries.len() as u64..).zip(&entries) {
            newest = newest.max(entry.at);
            insert(tx, org, seq, &entry.plain()).await?;
        }
        for own in [true, false] {
            if entries.iter().any(|entry| entry.is_own() == own) {
                bound(tx, org, own).await?;
            }
        }
        query("delete from log_entry where org = $1 and at < $2")
            .bind(text(org))
            .bind(newest - LONGEST)
            .execute(tx)
            .await?;
    }
    Ok(last)
}

/// Drops what is too much of fleetd's own entries, or of those of all others: nobody pushes out what fleetd says.
async fn bound(tx: &mut Tx, org: Option<Uuid>, own: bool) -> Result<()> {
    query(
        "delete from log_entry where org = $1 and own = $2 and seq <=
            (select seq from log_entry where org = $1 and own = $2 order by seq desc limit 1 offset $3)",
    )
    .bind(text(org))
    .bind(own)
    .bind(KEPT)
    .execute(tx)
    .await?;
    Ok(())
}

/// A text in lower case, sign by sign, so that part of it is part of the other.
fn lowered(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

async fn insert(tx: &mut Tx, org: Option<Uuid>, seq: u64, entry: &Entry) -> Result<()> {
    let uid = |named: &Option<Named>| named.as_ref().map(|named| named.uid.to_string()).unwrap_or_default();
    let name = |named: &Option<Named>| named.as_ref().map(|named| named.name.clone()).unwrap_or_default();
    let details = entry.details.to_string();
    query(
        "insert into log_entry (org, seq, at, level, actor, action, message, details, address,
                                device, device_name, site, site_name, topic, count, searched, own)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(text(org))
    .bind(seq)
    .bind(entry.at)
    .bind(entry.level.number())
    .bind(&entry.user)
    .bind(&entry.action)
    .bind(&entry.message)
    .bind(&details)
    .bind(&entry.address)
    .bind(uid(&entry.device))
    .bind(name(&entry.device))
    .bind(uid(&entry.site))
    .bind(name(&entry.site))
    .bind(&entry.topic)
    .bind(entry.count)
    .bind(lowered(&format!("{}\n{details}", entry.message)))
    .bind(entry.is_own())
    .execute(tx)
    .await?;
    Ok(())
}

/// Was something of a topic told since then?
pub async fn was_told(tx: &mut Tx, org: Option<Uuid>, topic: &str, since: Micros) -> Result<bool> {
    let row = query("select 1 as one from log_entry where org = $1 and topic = $2 and at >= $3 limit 1")
        .bind(text(org))
        .bind(plain::line(topic, LONGEST_TOPIC))
        .bind(since)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// Drops what is too old, of organizations that are gone, too.
pub async fn prune(tx: &mut Tx, now: Micros) -> Result<()> {
    query("delete from log_entry where at < $1")
        .bind(now - LONGEST)
        .execute(tx)
        .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select seq, at, level, actor, action, message, details, address, device_name, site_name, count
               from log_entry
              where org = $1 and seq > $2 and seq < $3 and level >= $4
                and ($5 = '' or actor like $5 escape '\\') and ($6 = '' or action like $6 escape '\\')
                and ($7 = '' or searched like $7 escape '\\')
                and ($8 = '' or device = $8) and at >= $9 and at < $10
                and ($11 = '*' or (site <> '' and $11 like '%' || site || '%')) ",
            $rest
        )
    };
}

/// A pattern of what contains a text; empty: of everything.
fn containing(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = "%".to_owned();
    for sign in text.chars().filter(|sign| *sign != '\0') {
        if matches!(sign, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern + "%"
}

/// A page of a log between two positions: the oldest first, or the newest.
pub async fn list(
    tx: &mut Tx,
    org: Option<Uuid>,
    between: (u64, u64),
    narrow: &Narrow,
    newest: bool,
    limit: u32,
) -> Result<Vec<SystemLogEntry>> {
    let statement = if newest {
        select!("order by seq desc limit $12")
    } else {
        select!("order by seq limit $12")
    };
    let to = if narrow.to == 0 { i64::MAX } else { narrow.to };
    // A uid holds no sign that `like` knows.
    let sites = match &narrow.sites {
        None => "*".to_owned(),
        Some(sites) => sites.iter().map(Uuid::to_string).collect::<Vec<_>>().join(" "),
    };
    let rows = query(statement)
        .bind(text(org))
        .bind(between.0)
        .bind(between.1)
        .bind(narrow.level)
        .bind(containing(&narrow.user))
        .bind(containing(&narrow.action))
        .bind(containing(&lowered(&narrow.text)))
        .bind(&narrow.device)
        .bind(narrow.from)
        .bind(to)
        .bind(sites)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<SystemLogEntry> {
    Ok(SystemLogEntry {
        seq: row.count("seq")?,
        org: String::new(),
        timestamp: Some(timestamp(row.int("at")?)),
        level: Level::of_number(row.int("level")?).text().to_owned(),
        user: row.text("actor")?,
        action: row.text("action")?,
        message: row.text("message")?,
        details: row.text("details")?,
        address: row.text("address")?,
        device: row.text("device_name")?,
        site: row.text("site_name")?,
        count: row.count("count")?,
    })
}
