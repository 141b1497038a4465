use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;

const KEYSPACE: &str = "things";

fn options() -> StoreOptions {
    StoreOptions {
        memtable_bytes: 1 << 16,
        reopen_after: Duration::ZERO,
        ..StoreOptions::default()
    }
}

fn open(dir: &TempDir) -> GroupCommit {
    GroupCommit::open(&dir.path().join("store"), options()).unwrap()
}

fn put(key: &str, value: impl Into<Vec<u8>>) -> Batch {
    let mut batch = Batch::new();
    batch.insert(KEYSPACE, key, value);
    batch
}

fn get(store: &GroupCommit, key: &str) -> Option<Vec<u8>> {
    let read = |reader: Reader<'_>| {
        let value = reader.keyspace(KEYSPACE)?.get(key);
        value.map_err(|error| reader.error(error))
    };
    store.read(read).unwrap().map(|value| value.to_vec())
}

#[tokio::test]
async fn what_was_committed_can_be_read_and_is_there_after_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store
        .commit(put("a", "1"), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    store
        .commit(put("a", "2"), Durability::Buffered)
        .await
        .unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(get(&store, "a"), Some(b"2".to_vec()));
    let mut batch = Batch::new();
    batch.remove(KEYSPACE, "a");
    store.commit(batch, Durability::Synced).await.unwrap();
    assert_eq!(get(&store, "a"), None);
}

#[tokio::test]
async fn writes_of_one_key_in_one_group_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let writes = (0..100).map(|n| store.commit(put("a", n.to_string()), Durability::Synced));
    join_all(writes).await.into_iter().for_each(Result::unwrap);
    assert_eq!(get(&store, "a"), Some(b"99".to_vec()));
    drop(store);
    assert_eq!(get(&open(&dir), "a"), Some(b"99".to_vec()));
}

#[tokio::test]
async fn a_write_goes_on_when_nobody_waits_and_closing_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let done = Arc::new(AtomicUsize::new(0));
    for n in 0..50 {
        let done = done.clone();
        store.submit(
            put(&n.to_string(), "1"),
            Durability::Synced,
            move |result| {
                result.unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            },
        );
    }
    store.close().await;
    assert_eq!(done.load(Ordering::SeqCst), 50);
    let late = store.commit(put("late", "1"), Durability::Synced).await;
    assert!(matches!(late, Err(CommitError::Closed)), "{late:?}");
    assert_eq!(get(&open(&dir), "49"), Some(b"1".to_vec()));
}

#[test]
fn a_runtime_that_ended_first_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async { open(&dir) });
    drop(runtime);
    store.submit(put("a", "1"), Durability::Synced, |result| result.unwrap());
    drop(store);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { assert_eq!(get(&open(&dir), "a"), Some(b"1".to_vec())) });
}

#[tokio::test]
async fn a_second_opening_says_that_the_directory_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(&dir);
    let second = GroupCommit::open(&dir.path().join("store"), options()).map(drop);
    let Err(OpenError::Locked { path }) = second else {
        panic!("it should be locked, not {second:?}");
    };
    assert_eq!(path, dir.path().join("store"));
}

/// The storage engine writes what it has collected into files of its own, and here a file is where their directory was;
/// that poisons it as a full disk does.
#[tokio::test]
async fn a_store_that_failed_mends_itself_and_keeps_what_nobody_waits_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store
        .commit(put("before", "1"), Durability::Synced)
        .await
        .unwrap();
    let (there, away) = (dir.path().join("store/keyspaces"), dir.path().join("away"));
    std::fs::rename(&there, &away).unwrap();
    std::fs::write(&there, "in the way").unwrap();
    let error = loop {
        let large = put("large", vec![7; 1 << 16]);
        if let Err(error) = store.commit(large, Durability::Synced).await {
            break error;
        }
    };
    assert!(matches!(error, CommitError::Storage { .. }), "{error:?}");
    let (sender, kept) = oneshot::channel();
    store.submit(put("kept", "1"), Durability::Buffered, |result| {
        sender.send(result).unwrap();
    });
    let failed = store.commit(put("failed", "1"), Durability::Synced).await;
    assert!(
        matches!(failed, Err(CommitError::Storage { .. })),
        "{failed:?}"
    );
    std::fs::remove_file(&there).unwrap();
    std::fs::rename(&away, &there).unwrap();
    store
        .commit(put("after", "1"), Durability::Synced)
        .await
        .unwrap();
    kept.await.unwrap().unwrap();
    for key in ["before", "kept", "after"] {
        assert_eq!(get(&store, key), Some(b"1".to_vec()), "{key}");
    }
}
