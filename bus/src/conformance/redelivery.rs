//! What was not settled is delivered again.

use super::{
    Harness, Place,
    place::{assert_quiet, next, next_text, text},
};
use crate::SettleError;

/// A dropped delivery returns to the front of its queue, and is counted.
pub async fn a_dropped_delivery_comes_again_first<H: Harness>(place: Place<H>) {
    let one = std::num::NonZeroU16::MIN;
    let mut queue = place
        .subscribe(place.work("queue", &["tick"]).prefetch(one))
        .await;
    place.event("tick", "1").await;
    place.event("tick", "2").await;
    let first = next(&mut queue).await;
    assert_eq!((first.deliveries(), first.redelivered()), (1, false));
    drop(first);
    let again = next(&mut queue).await;
    assert_eq!(text(&again), "1");
    assert_eq!((again.deliveries(), again.redelivered()), (2, true));
    again.requeue().expect("what is held can be settled");
    let third = next(&mut queue).await;
    assert_eq!((text(&third), third.deliveries()), ("1".to_owned(), 3));
    third.ack().expect("what is held can be settled");
    assert_eq!(next_text(&mut queue).await, "2");
    assert_quiet(&mut queue).await;
}

/// What a subscription had not handed out goes back to the queue in its order.
pub async fn a_dropped_subscription_gives_back_in_order<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    for number in 0..10 {
        place.event("tick", number.to_string()).await;
    }
    assert_eq!(next_text(&mut queue).await, "0");
    drop(queue);
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    for number in 1..10 {
        assert_eq!(next_text(&mut queue).await, number.to_string());
    }
}

/// A delivery can still be settled when the subscription that it came from is gone.
pub async fn what_was_handed_out_outlives_its_subscription<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    place.event("tick", "1").await;
    place.event("tick", "2").await;
    let (first, second) = (next(&mut queue).await, next(&mut queue).await);
    drop(queue);
    first.ack().expect("what is held can be settled");
    drop(second);
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    assert_eq!(next_text(&mut queue).await, "2");
    assert_quiet(&mut queue).await;
}

/// A message that was sent ahead, and that no consumer saw, was not delivered. Where the bus cannot tell, as RabbitMQ
/// cannot, it is only delivered again.
pub async fn what_nobody_saw_is_not_counted<H: Harness>(place: Place<H>) {
    let queue = || place.work("queue", &["tick"]);
    place.subscribe(queue()).await;
    place.event("tick", "1").await;
    for _ in 0..3 {
        drop(place.subscribe(queue()).await);
    }
    let mut queue = place.subscribe(queue()).await;
    let delivery = next(&mut queue).await;
    if H::FEATURES.counts_what_was_seen {
        assert_eq!(delivery.deliveries(), 1);
    }
    delivery.ack().expect("what is held can be settled");
}

/// A process that ends without settling is replaced by one that gets the same messages.
pub async fn a_restart_redelivers_what_was_unsettled<H: Harness>(mut place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    for number in 0..3 {
        place.event("tick", number.to_string()).await;
    }
    let unsettled = next(&mut queue).await;
    assert_eq!(next_text(&mut queue).await, "1");
    place.restart().await;
    drop((unsettled, queue));
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    let again = next(&mut queue).await;
    assert_eq!(text(&again), "0");
    assert!(again.redelivered());
    again.ack().expect("what is held can be settled");
    assert_eq!(next_text(&mut queue).await, "2");
    assert_quiet(&mut queue).await;
}

/// Settling a delivery of a bus that was stopped says that it did not count.
pub async fn a_stale_delivery_cannot_be_settled<H: Harness>(mut place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    place.event("tick", "1").await;
    let delivery = next(&mut queue).await;
    place.restart().await;
    assert_eq!(delivery.ack(), Err(SettleError::Stale));
    assert!(queue.next().await.is_none(), "a closed bus ends it");
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    assert_eq!(next_text(&mut queue).await, "1");
}
