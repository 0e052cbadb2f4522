//! The chained log of who did what.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use fleet_proto::audit;
use fleet_proto::pb::AuditEvent;
use uuid::Uuid;

use super::db::{Row, Tx, query};
use super::error::Result;
use crate::domain::audit::Event;
use crate::domain::telemetry::Micros;

/// Which events [`list`] gives; what is empty or 0 does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Part of the actor.
    pub actor: String,
    /// Part of the verb.
    pub verb: String,
    /// Part of the object.
    pub object: String,
    /// The outcome.
    pub outcome: String,
    /// From, inclusive.
    pub from: Micros,
    /// To, exclusive.
    pub to: Micros,
}

fn text(org: Option<Uuid>) -> String {
    org.map(|org| org.to_string()).unwrap_or_default()
}

/// Position and hash of the last event of a chain.
pub async fn head(tx: &mut Tx, org: Option<Uuid>) -> Result<(u64, String)> {
    let row = query("select seq, hash from audit_head where org = $1")
        .bind(text(org))
        .fetch_optional(tx)
        .await?;
    match row {
        Some(row) => Ok((row.count("seq")?, row.text("hash")?)),
        None => Ok((0, audit::BEGIN.to_owned())),
    }
}

/// Adds events, each to the chain of its organization, in the transaction of what they tell of.
pub async fn append(tx: &mut Tx, events: &[Event], now: Micros) -> Result<()> {
    let mut heads: BTreeMap<Option<Uuid>, (u64, String)> = BTreeMap::new();
    // In one order, so that two transactions do not wait for each other.
    let mut sorted: Vec<&Event> = events.iter().collect();
    sorted.sort_by_key(|event| event.org);
    for event in sorted {
        if let Entry::Vacant(unknown) = heads.entry(event.org) {
            unknown.insert(taken(tx, event.org).await?);
        }
        let Some((seq, before)) = heads.get_mut(&event.org) else {
            continue;
        };
        *seq += 1;
        let mut row = told(event.plain(), *seq, now);
        row.hash = audit::hash(before, &row);
        before.clone_from(&row.hash);
        insert(tx, &row).await?;
    }
    for (org, (seq, hash)) in heads {
        query("update audit_head set seq = $1, hash = $2 where org = $3")
            .bind(seq)
            .bind(hash)
            .bind(text(org))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// The end of a chain, taken before it is read: until the end of this transaction nobody else extends it.
async fn taken(tx: &mut Tx, org: Option<Uuid>) -> Result<(u64, String)> {
    query(
        "insert into audit_head (org, seq, hash) values ($1, 0, $2)
         on conflict (org) do update set seq = audit_head.seq",
    )
    .bind(text(org))
    .bind(audit::BEGIN)
    .execute(tx)
    .await?;
    head(tx, org).await
}

fn told(event: Event, seq: u64, now: Micros) -> AuditEvent {
    AuditEvent {
        seq,
        org_uid: text(event.org),
        at_us: now,
        actor: event.actor,
        verb: event.verb.to_owned(),
        object: event.object,
        outcome: event.outcome.text().to_owned(),
        detail: event.detail.to_string(),
        address: event.origin.address,
        request_id: event.origin.request_id,
        ..AuditEvent::default()
    }
}

async fn insert(tx: &mut Tx, row: &AuditEvent) -> Result<()> {
    query(
        "insert into audit_event (org, seq, at, actor, verb, object, outcome, detail, address, request_id, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&row.org_uid)
    .bind(row.seq)
    .bind(row.at_us)
    .bind(&row.actor)
    .bind(&row.verb)
    .bind(&row.object)
    .bind(&row.outcome)
    .bind(&row.detail)
    .bind(&row.address)
    .bind(&row.request_id)
    .bind(&row.hash)
    .execute(tx)
    .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select org, seq, at, actor, verb, object, outcome, detail, address, request_id, hash from audit_event
              where org = $1 and seq > $2 and seq < $3
                and ($4 = '' or actor like '%' || $4 || '%') and ($5 = '' or verb like '%' || $5 || '%')
                and ($6 = '' or object like '%' || $6 || '%') and ($7 = '' or outcome = $7)
                and at >= $8 and at < $9 ",
            $rest
        )
    };
}

/// A page of a chain between two positions: the oldest first, or the newest.
pub async fn list(
    tx: &mut Tx,
    org: Option<Uuid>,
    between: (u64, u64),
    narrow: &Narrow,
    newest: bool,
    limit: u32,
) -> Result<Vec<AuditEvent>> {
    let statement = if newest {
        select!("order by seq desc limit $10")
    } else {
        select!("order by seq limit $10")
    };
    let to = if narrow.to == 0 { i64::MAX } else { narrow.to };
    let rows = query(statement)
        .bind(text(org))
        .bind(between.0)
        .bind(between.1)
        .bind(&narrow.actor)
        .bind(&narrow.verb)
        .bind(&narrow.object)
        .bind(&narrow.outcome)
        .bind(narrow.from)
        .bind(to)
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditEvent> {
    Ok(AuditEvent {
        seq: row.count("seq")?,
        org_uid: row.text("org")?,
        at_us: row.int("at")?,
        actor: row.text("actor")?,
        verb: row.text("verb")?,
        object: row.text("object")?,
        outcome: row.text("outcome")?,
        detail: row.text("detail")?,
        address: row.text("address")?,
        request_id: row.text("request_id")?,
        hash: row.text("hash")?,
        ..AuditEvent::default()
    })
}
