//! What waits to be written, against a real database.

use std::sync::Arc;

use fleet_proto::levels::Level;
use fleet_proto::pb::SystemLogEntry;

use crate::domain::audit::Event;
use crate::domain::clock::ManualClock;
use crate::domain::log::Entry;
use crate::domain::sealing::Sealer;
use crate::domain::{Caller, Clock};
use crate::services::resources::Resources;
use crate::storage::db::query;
use crate::storage::{Db, Tx, audit, log};

async fn resources(dir: &tempfile::TempDir) -> Resources {
    let db = Db::open_sqlite(&dir.path().join("fleetd.db")).await.unwrap();
    let clock = Arc::new(ManualClock::at(1_770_000_000_000_000)) as Arc<dyn Clock>;
    Resources::open(db, clock, Arc::new(Sealer::new(&[1; 32])))
        .await
        .unwrap()
}

/// The platform's system log.
async fn entries(tx: &mut Tx) -> Vec<SystemLogEntry> {
    log::list(tx, None, (0, 1 << 40), &log::Narrow::default(), false, 20_000)
        .await
        .unwrap()
}

/// Its messages and counts.
async fn told(resources: &Resources) -> Vec<(String, u64)> {
    let all = entries(&mut resources.db().read().await.unwrap()).await;
    all.into_iter().map(|entry| (entry.message, entry.count)).collect()
}

#[tokio::test]
async fn a_flood_costs_counts_and_not_rows() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    for nth in 0..1_000 {
        notes.log(Entry::new(Level::Error, "bus", format!("turn {nth}")));
        notes.audit(Event::done(&Caller::fleetd(), None, "device.login", "device").failed("wrong"));
    }
    notes.write(db, false).await.unwrap();
    assert_eq!(told(&resources).await, [("turn 999".to_owned(), 1_000)], "the last one");
    let mut tx = db.read().await.unwrap();
    let any = audit::Narrow::default();
    let events = audit::list(&mut tx, None, (0, 1 << 40), &any, false, 10).await.unwrap();
    drop(tx);
    assert_eq!(events.len(), 1);
    assert!(events[0].detail.contains("\"count\":1000"), "{}", events[0].detail);
    // Ten rows at once; what follows waits, and is not lost.
    for nth in 0..50 {
        notes.log(Entry::new(Level::Error, "bus", format!("again {nth}")));
        notes.write(db, false).await.unwrap();
    }
    assert_eq!(told(&resources).await.len(), 10);
    notes.write(db, true).await.unwrap();
    let all = told(&resources).await;
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 1_050);
    assert_eq!(all.last().unwrap(), &("again 49".to_owned(), 41));
}

#[tokio::test]
async fn what_cannot_be_written_waits() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    let mut tx = db.begin().await.unwrap();
    query("alter table log_entry rename to gone")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    notes.log(Entry::new(Level::Error, "disk.full", "first"));
    assert!(notes.write(db, false).await.is_err());
    notes.log(Entry::new(Level::Error, "disk.full", "second"));
    let mut tx = db.begin().await.unwrap();
    query("alter table gone rename to log_entry")
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    notes.write(db, false).await.unwrap();
    assert_eq!(told(&resources).await, [("second".to_owned(), 2)]);
}

#[tokio::test]
async fn the_log_keeps_so_many_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let mut tx = resources.db().begin().await.unwrap();
    let entry = |at, message: String| Entry {
        at,
        ..Entry::new(Level::Info, "x", message)
    };
    let old = 1_000_000;
    let all: Vec<Entry> = (0..log::KEPT + 5).map(|nth| entry(old, nth.to_string())).collect();
    assert_eq!(log::append(&mut tx, &all).await.unwrap(), log::KEPT + 5);
    let kept = entries(&mut tx).await;
    assert_eq!((kept.len() as u64, kept[0].message.as_str()), (log::KEPT, "5"));
    log::append(&mut tx, &[entry(old + log::LONGEST + 1, "new".into())])
        .await
        .unwrap();
    assert_eq!(entries(&mut tx).await.len(), 1);
    log::prune(&mut tx, old + 3 * log::LONGEST).await.unwrap();
    assert!(entries(&mut tx).await.is_empty());
}
