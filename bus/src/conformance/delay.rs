//! Delayed retry.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Harness, Place,
    place::{next, next_text},
};
use crate::{Message, PublishError, Routed, headers::name};

/// How much later than asked a message may come where time is not virtual.
const TOLERANCE: Duration = Duration::from_secs(10);

/// A delay is over at a whole millisecond.
const CLOCK_STEP_US: u64 = 1_000;

/// A delayed message comes when its delay is over, and says when it became ready.
pub async fn a_delayed_message_waits<H: Harness>(place: Place<H>) {
    let delay = Duration::from_millis(1_500);
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    place.event("tick", "now").await;
    let now = next(&mut queue).await;
    let published = Instant::now();
    publish_delayed(&place, "later", delay).await;
    let later = next(&mut queue).await;
    let waited = published.elapsed();
    assert!(waited >= delay, "came after {waited:?}");
    if H::FEATURES.virtual_time {
        assert!(waited < delay + Duration::from_millis(10), "{waited:?}");
    }
    let ready_us = |delivery: &crate::Delivery| delivery.message().headers.get_u64(name::READY_AT);
    if let (Some(now), Some(later)) = (ready_us(&now), ready_us(&later)) {
        assert!(
            later >= now + 1_500_000 - CLOCK_STEP_US,
            "{now} and {later}"
        );
    }
    assert_eq!(later.message().delay, None);
    assert_eq!(later.deliveries(), 1);
}

/// What comes after a delayed message does not wait for it.
pub async fn a_delay_does_not_block_the_queue<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    publish_delayed(&place, "later", Duration::from_secs(1)).await;
    place.event("tick", "now").await;
    assert_eq!(next_text(&mut queue).await, "now");
    assert_eq!(next_text(&mut queue).await, "later");
}

/// A short delay ends before a long one that began earlier.
pub async fn delays_end_in_their_order<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &[])).await;
    for delay_ms in [3_000, 1_000, 2_000] {
        let delay = Duration::from_millis(delay_ms);
        publish_delayed(&place, &delay_ms.to_string(), delay).await;
    }
    for delay_ms in ["1000", "2000", "3000"] {
        assert_eq!(next_text(&mut queue).await, delay_ms);
    }
}

/// A restart neither loses a delayed message nor starts its delay again.
pub async fn a_delay_outlives_a_restart<H: Harness>(mut place: Place<H>) {
    let delay = Duration::from_secs(3);
    drop(place.subscribe(place.work("queue", &[])).await);
    let published = Instant::now();
    publish_delayed(&place, "later", delay).await;
    place.restart().await;
    let mut queue = place.subscribe(place.work("queue", &[])).await;
    assert_eq!(next_text(&mut queue).await, "later");
    let waited = published.elapsed();
    // The delay goes by the wall clock across the restart, which may be a little ahead of the runtime's.
    let least = delay.saturating_sub(Duration::from_secs(2));
    assert!(waited >= least && waited < delay + TOLERANCE, "{waited:?}");
}

/// There is no queue for an event to wait in.
pub async fn an_event_cannot_be_delayed<H: Harness>(place: Place<H>) {
    let mut event = Message::event(place.key("tick"), "1");
    event.delay = Some(Duration::from_secs(1));
    let refused = place.bus().publish(event).await;
    assert!(
        matches!(refused, Err(PublishError::DelayedEvent { .. })),
        "{refused:?}"
    );
}

async fn publish_delayed<H: Harness>(place: &Place<H>, body: &str, delay: Duration) {
    let mut message = Message::to_queue(&place.queue("queue"), body.to_owned());
    message.delay = Some(delay);
    assert_eq!(place.publish(message).await, Routed::ToQueue);
}
