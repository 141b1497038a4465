//! Locks, where a server needs them.

use mongodb::error::Error;
use tokio::sync::oneshot;

use super::*;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_lock_that_was_taken_over_is_not_released_by_who_had_it() {
    let database = Database::shared().await;
    let passed_ms = Arc::new(AtomicU64::new(0));
    let store = database.open(Arc::clone(&passed_ms)).await;
    // Each holds the lock from when it says so until it is told to end.
    let hold = || {
        let (holds, is_held) = oneshot::channel();
        let (end, ends) = oneshot::channel::<()>();
        let change = async move {
            holds.send(()).unwrap();
            ends.await.unwrap();
            Ok::<_, Error>(())
        };
        let store = store.clone();
        let holding = tokio::spawn(async move { engine(&store).locked(LEASE, change).await });
        (holding, is_held, end)
    };
    let (slow, slow_holds, slow_ends) = hold();
    slow_holds.await.unwrap();
    passed_ms.fetch_add(2 * 60_000, Ordering::Relaxed);
    let (next, next_holds, next_ends) = hold();
    next_holds.await.unwrap();

    slow_ends.send(()).unwrap();
    slow.await.unwrap().unwrap();
    assert_eq!(
        engine(&store).kept("chimera.locks").await,
        1,
        "it is the other's"
    );
    next_ends.send(()).unwrap();
    next.await.unwrap().unwrap();
    assert_eq!(engine(&store).kept("chimera.locks").await, 0);
    store.close().await;
}

fn engine(store: &Documents) -> &MongoDb {
    match &store.0.engine {
        Engine::MongoDb(engine) => engine,
        Engine::Embedded(_) => unreachable!("it is a server"),
    }
}
