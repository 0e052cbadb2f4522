//! What waits to be written, against a real database.

use std::sync::Arc;

use fleet_proto::levels::Level;
use fleet_proto::pb::SystemLogEntry;
use uuid::Uuid;

use crate::domain::audit::Event;
use crate::domain::clock::ManualClock;
use crate::domain::log::Entry;
use crate::domain::sealing::Sealer;
use crate::domain::tokens::TokenKind;
use crate::domain::{Caller, Clock, tokens};
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

fn refusal(org: Option<Uuid>, actor: String) -> Event {
    let event = Event::done(&Caller::fleetd(), org, "call", "GET /").refused("no");
    Event { actor, ..event }
}

#[tokio::test]
async fn a_flood_in_one_log_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    let (greedy, other) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
    for nth in 0..6_000 {
        notes.audit(refusal(greedy, format!("token/{nth}")));
    }
    let large = "x".repeat(16 << 10);
    for nth in 0..600 {
        let entry = Entry::new(Level::Info, "x", "y").with(serde_json::json!({"large": large}));
        notes.log(entry.of(Uuid::from_u128(1)).counted_by(nth.to_string()));
    }
    for org in [other, None] {
        notes.audit(refusal(org, "token/small".to_owned()));
    }
    notes.log(Entry::new(Level::Error, "disk.full", "told").of(Uuid::from_u128(2)));
    notes.write(db, false).await.unwrap();
    let mut tx = db.read().await.unwrap();
    for org in [other, None] {
        assert_eq!(audit::head(&mut tx, org).await.unwrap().0, 1, "{org:?}");
    }
    assert_eq!(log::head(&mut tx, other).await.unwrap(), 1);
    let [events, entries] = [
        audit::head(&mut tx, greedy).await.unwrap().0,
        log::head(&mut tx, greedy).await.unwrap(),
    ];
    // Half of the room each, in bytes.
    assert!((1_900..=2_100).contains(&events), "{events}");
    assert!((200..=300).contains(&entries), "{entries}");
}

#[tokio::test]
async fn what_is_being_written_when_the_writing_is_given_up_waits_on() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    notes.log(Entry::new(Level::Error, "disk.full", "told"));
    let turn = db.begin().await.unwrap();
    {
        let mut writing = std::pin::pin!(notes.write(db, false));
        assert!(futures_util::poll!(&mut writing).is_pending());
    }
    drop(turn);
    notes.write(db, true).await.unwrap();
    assert_eq!(told(&resources).await, [("told".to_owned(), 1)]);
}

#[tokio::test]
async fn what_no_store_takes_is_left_out_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    let mut tx = db.begin().await.unwrap();
    let refuses = "create trigger no before insert on log_entry when new.action = 'bad'
                   begin select raise(abort, 'no'); end";
    query(refuses).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    for nth in 0..9 {
        let action = if nth == 4 { "bad".to_owned() } else { nth.to_string() };
        notes.log(Entry::new(Level::Info, &action, action.as_str()));
    }
    notes.write(db, false).await.unwrap();
    let all = told(&resources).await;
    let all: Vec<&str> = all.iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(all, ["0", "1", "2", "3", "5", "6", "7", "8"]);
    assert!(notes.waiting().is_empty());
}

#[tokio::test]
async fn the_logs_keep_no_control_characters_and_no_tokens_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let (notes, db) = (resources.notes(), resources.db());
    let token = tokens::make(TokenKind::Device, [3; 48]).text.reveal();
    let entry = Entry::new(Level::Help, "device.help", format!("use\0 {token}")).counted_by("bus x\0".into());
    notes.log(entry.with(serde_json::json!({"key": token.as_str()})));
    notes.audit(refusal(None, "a\0\nb".to_owned()));
    let long = Event::done(&Caller::fleetd(), None, "call", "x".repeat(60_000));
    notes.audit(long.refused("no"));
    notes.write(db, false).await.unwrap();
    let mut tx = db.read().await.unwrap();
    assert!(log::was_told(&mut tx, None, "bus x\0", 0).await.unwrap());
    assert!(log::was_told(&mut tx, None, "bus x", 0).await.unwrap());
    let entry = entries(&mut tx).await.remove(0);
    assert_eq!(
        (entry.message.as_str(), entry.details.as_str()),
        ("use flt_…", "{\"key\":\"flt_…\"}")
    );
    let any = audit::Narrow::default();
    let events = audit::list(&mut tx, None, (0, 9), &any, false, 9).await.unwrap();
    assert_eq!((events[0].actor.as_str(), events[1].object.len()), ("ab", 500));
}

#[tokio::test]
async fn nobody_pushes_out_what_fleetd_says_itself() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let mut tx = resources.db().begin().await.unwrap();
    let entry = |user: &str, message: &str| Entry {
        user: user.to_owned(),
        ..Entry::new(Level::Warning, "x", message)
    };
    log::append(&mut tx, &[entry("fleetd", "own")]).await.unwrap();
    let flood = vec![entry("device/loud", "flood"); log::KEPT as usize + 5];
    log::append(&mut tx, &flood).await.unwrap();
    let kept = entries(&mut tx).await;
    assert_eq!((kept[0].message.as_str(), kept.len() as u64), ("own", log::KEPT + 1));
}

#[tokio::test]
async fn a_search_finds_whatever_the_case() {
    let dir = tempfile::tempdir().unwrap();
    let resources = resources(&dir).await;
    let mut tx = resources.db().begin().await.unwrap();
    let entry = Entry::new(Level::Info, "x", "Ärger in ŁÓDŹ, 100_%").with(serde_json::json!({"Ort": "ΟΔΟΣ 5"}));
    log::append(&mut tx, &[entry]).await.unwrap();
    for (text, found) in [
        ("ÄRGER", 1),
        ("łódź", 1),
        ("οδοσ", 1),
        ("100_%", 1),
        ("1000", 0),
        ("x_", 0),
    ] {
        let narrow = log::Narrow {
            text: text.to_owned(),
            ..log::Narrow::default()
        };
        let all = log::list(&mut tx, None, (0, 9), &narrow, false, 9).await.unwrap();
        assert_eq!(all.len(), found, "{text}");
    }
}
