//! Damage in compacted files: found, named, and no larger than the chunk it is in.

use super::super::recent::Cache;
use super::compaction::{files, settle};
use super::*;

const LATER: Micros = 100 * DAY;

struct Blob {
    table: &'static str,
    column: &'static str,
    id: i64,
    bytes: Vec<u8>,
}

async fn blobs(file: &sqlx::SqlitePool) -> Vec<Blob> {
    let mut found = Vec::new();
    for (table, column) in [
        ("chunk", "totals"),
        ("chunk", "body"),
        ("clock", "body"),
        ("segment", "contents"),
        ("segment", "body"),
    ] {
        let sql = format!("select id, {column} from {table}");
        #[expect(clippy::disallowed_methods, reason = "a test looks below the store")]
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(file).await.unwrap();
        found.extend(rows.iter().map(|row| Blob {
            table,
            column,
            id: sqlx::Row::get(row, 0),
            bytes: sqlx::Row::get(row, 1),
        }));
    }
    found
}

async fn put(file: &sqlx::SqlitePool, blob: &Blob, bytes: &[u8]) {
    let sql = format!("update {} set {} = $1 where id = $2", blob.table, blob.column);
    #[expect(clippy::disallowed_methods, reason = "a test looks below the store")]
    let update = sqlx::query(sqlx::AssertSqlSafe(sql));
    update.bind(bytes).bind(blob.id).execute(file).await.unwrap();
}

async fn open(dir: &Path) -> sqlx::SqlitePool {
    let url = format!("sqlite://{}", dir.join("telemetry/1970-01-01.db").display());
    sqlx::SqlitePool::connect(&url).await.unwrap()
}

/// Two series that are read together, one apart; 120 readings each in chunks of 60, and one more in a segment.
async fn compacted(dir: &Path) -> (Store, Vec<SeriesId>, Model) {
    let store = Store::open(dir).await;
    let ids = store.series(3).await;
    let mut model = Model::new();
    for tick in 0..120_i64 {
        let sent = [(0, 0), (1, 0), (2, 333)].map(|(at, off)| number(ids[at], tick * 1_000_000 + off, tick as f64));
        expect(&mut model, &sent);
        store.telemetry.append(Share::PLATFORM, sent.to_vec()).await.unwrap();
    }
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    let last = [number(ids[0], 500_000_000, 1.0)];
    expect(&mut model, &last);
    store.telemetry.append(Share::PLATFORM, last.to_vec()).await.unwrap();
    store.close().await;
    // A new start has nothing in memory.
    (Store::open(dir).await, ids, model)
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_named_and_costs_one_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ids, model) = compacted(dir.path()).await;
    let file = open(dir.path()).await;
    let (mut flips, mut tables) = (0, std::collections::BTreeSet::new());
    for blob in blobs(&file).await {
        for at in (0..blob.bytes.len()).step_by(blob.bytes.len() / 16 + 1) {
            let mut damaged = blob.bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            put(&file, &blob, &damaged).await;
            *lock(&files(&store).partitions.cache) = Cache::default();
            let mut failed = Vec::new();
            for id in &ids {
                for (from, to) in [(0, 60_000_000), (60_000_000, 120_000_000), (120_000_000, DAY)] {
                    let expected: Vec<_> = model.range((*id, from)..(*id, to)).map(|(_, s)| s.clone()).collect();
                    match store.telemetry.history(*id, from, to, usize::MAX).await {
                        Ok(found) => assert_eq!(found, expected, "{}.{} {at}", blob.table, blob.column),
                        Err(error) => failed.push((*id, from, error.to_string())),
                    }
                }
            }
            // Times that two series share are those of two chunks.
            let costs = if blob.table == "clock" && failed.iter().any(|(id, ..)| *id < 2) {
                2
            } else {
                1
            };
            assert_eq!(
                failed.len(),
                costs,
                "{}.{} byte {at}: {failed:#?}",
                blob.table,
                blob.column
            );
            for (id, from, error) in failed {
                assert!(error.contains("1970-01-01.db"), "{error}");
                if blob.table != "segment" {
                    let begin = format!("of series {id} from 1970-01-01T00:0{}:00", from / 60_000_000);
                    assert!(
                        error.contains(&begin)
                            && error.contains(&format!(
                                "chunk {}",
                                if blob.table == "chunk" {
                                    blob.id.to_string()
                                } else {
                                    String::new()
                                }
                            )),
                        "{error}"
                    );
                }
            }
            put(&file, &blob, &blob.bytes).await;
            flips += 1;
            tables.insert((blob.table, blob.column));
        }
    }
    assert!(flips > 150 && tables.len() == 5, "{flips} {tables:?}");
    file.close().await;
    store.close().await;
}

#[tokio::test]
async fn compaction_moves_what_is_whole_and_leaves_what_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await;
    let ids = store.series(2).await;
    for tick in 0..4_i64 {
        let sent = ids.iter().map(|id| number(*id, tick * 1_000_000, 1.0)).collect();
        store.telemetry.append(Share::PLATFORM, sent).await.unwrap();
    }
    store.close().await;
    let file = open(dir.path()).await;
    for sql in [
        "update segment set body = zeroblob(length(body)) where id = 2",
        "update segment set contents = zeroblob(length(contents)) where id = 3",
    ] {
        sqlx::raw_sql(sql).execute(&file).await.unwrap();
    }
    let store = Store::open(dir.path()).await;
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    assert_eq!(store.telemetry.history(ids[0], 0, 1_000_000, 9).await.unwrap().len(), 1);
    assert_eq!(
        store.telemetry.history(ids[0], 3_000_000, DAY, 9).await.unwrap().len(),
        1
    );
    for (from, name) in [(1_000_000, "frame 0 of segment 2"), (2_000_000, "segment 3")] {
        let error = store
            .telemetry
            .history(ids[0], from, from + 1, 9)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(name), "{error}");
    }
    // A chunk that is damaged stays, and late readings are kept beside it.
    sqlx::raw_sql("update chunk set body = zeroblob(length(body)) where series = 0")
        .execute(&file)
        .await
        .unwrap();
    let late: Vec<_> = ids.iter().map(|id| number(*id, 500_000, 2.0)).collect();
    assert_eq!(store.telemetry.append(Share::PLATFORM, late).await.unwrap().accepted, 2);
    settle(&mut store.telemetry.compactor().unwrap(), LATER).await;
    let (chunks, _) = files(&store).partitions.chunks(0, (0, 9)).await.unwrap();
    let readings: Vec<_> = chunks
        .iter()
        .map(|chunk| (chunk.series, chunk.totals.readings))
        .collect();
    assert_eq!(readings, [(0, 2), (0, 1), (1, 3)]);
    let left: Vec<i64> = blobs(&file)
        .await
        .iter()
        .filter(|blob| blob.table == "segment")
        .map(|blob| blob.id)
        .collect();
    assert_eq!(left, [2, 3, 2, 3]);
    file.close().await;
    store.close().await;
}
