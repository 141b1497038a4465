//! Bounds and conflicts.

use std::{num::NonZeroU16, time::Duration};

use futures_util::future::join_all;

use super::{
    Harness, Place,
    place::{next, next_text},
};
use crate::{Message, Queue, QueueKind, Routed, SubscribeError};

/// How many messages a queue takes in these cases.
const MAX_MESSAGES: usize = 10;

/// How long a publisher is watched that has to wait.
const WATCHED: Duration = Duration::from_secs(60);

/// Declaring a queue that is there as something else names the queue and both values.
pub async fn a_conflicting_declaration_is_refused<H: Harness>(place: Place<H>) {
    let _queue = place.subscribe(place.work("queue", &["tick"])).await;
    let mut other = place.work("queue", &["tick"]);
    other.kind = QueueKind::Work { delivery_limit: 77 };
    let refused = place.bus().subscribe(other).await.map(drop);
    let Err(SubscribeError::Conflict {
        queue,
        wanted,
        found,
        ..
    }) = refused
    else {
        panic!("it should be refused, not {refused:?}");
    };
    assert_eq!(queue, place.queue("queue"));
    assert!(wanted != found, "{wanted} and {found}");
    // The queue works on as it was.
    let _another = place.subscribe(place.work("queue", &["tick"])).await;
}

/// While nobody consumes, publishing waits at the bound, and goes on when there is room.
pub async fn a_full_queue_holds_publishers_back<H: Harness>(place: Place<H>) {
    let queue = || place.work("queue", &["tick"]);
    drop(place.subscribe(queue()).await);
    if !H::FEATURES.bounded_queues {
        return;
    }
    for number in 0..MAX_MESSAGES {
        place.event("tick", number.to_string()).await;
    }
    let mut waiting = Box::pin(place.event("tick", MAX_MESSAGES.to_string()));
    let held = tokio::time::timeout(WATCHED, &mut waiting).await;
    assert!(held.is_err(), "the queue took more than it may hold");
    let mut consumer = place.subscribe(queue()).await;
    assert_eq!(next_text(&mut consumer).await, "0");
    waiting.await;
    for number in 1..=MAX_MESSAGES {
        assert_eq!(next_text(&mut consumer).await, number.to_string());
    }
}

/// What is sent to one queue by its name, as replies and retries are, does not wait: its sender would be waiting for
/// itself.
pub async fn a_reply_passes_a_full_queue<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    for number in 0..MAX_MESSAGES {
        place.event("tick", number.to_string()).await;
    }
    let failed = next(&mut queue).await;
    let mut retry = Message::to_queue(&place.queue("queue"), "retry");
    retry.delay = Some(Duration::from_millis(200));
    assert_eq!(place.publish(retry).await, Routed::ToQueue);
    failed.ack().expect("what is held can be settled");
    for number in 1..MAX_MESSAGES {
        assert_eq!(next_text(&mut queue).await, number.to_string());
    }
    assert_eq!(next_text(&mut queue).await, "retry");
}

/// Handlers that all publish to the full queue that they consume do not wait for each other for ever.
pub async fn consumers_that_publish_to_their_own_full_queue_get_on<H: Harness>(place: Place<H>) {
    let prefetch = NonZeroU16::new(4).expect("4 is not 0");
    let mut queue: Queue = place.work("queue", &["tick"]);
    queue.prefetch = prefetch;
    let mut consumer = place.subscribe(queue).await;
    for number in 0..MAX_MESSAGES {
        place.event("tick", number.to_string()).await;
    }
    let mut held = Vec::new();
    for _ in 0..prefetch.get() {
        held.push(next(&mut consumer).await);
    }
    join_all(held.into_iter().map(|delivery| async {
        place.event("tick", "again").await;
        delivery.ack().expect("what is held can be settled");
    }))
    .await;
    for number in usize::from(prefetch.get())..MAX_MESSAGES {
        assert_eq!(next_text(&mut consumer).await, number.to_string());
    }
    assert_eq!(next_text(&mut consumer).await, "again");
}
