//! What failed is kept, with its reason.

use super::{
    Harness, Place,
    place::{assert_quiet, next, next_text},
};
use crate::{Delivery, Exchange, Message, Queue, QueueKind, Routed, headers::name};

/// A rejected message goes to the dead letters of its queue, whole, with why, where and when.
pub async fn a_rejected_message_says_why<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick.zec"])).await;
    let mut other = place.subscribe(place.work("other", &["other"])).await;
    let mut message = Message::event(place.key("tick.zec"), "1");
    message.headers.set("x-own", "kept");
    let message_id = message.properties.message_id.clone();
    assert_eq!(place.publish(message).await, Routed::ToQueue);
    next(&mut queue)
        .await
        .reject()
        .expect("what is held can be settled");
    let dead = next_dead(&place, "queue").await;
    assert_reason(&place, &dead, "rejected", "tick.zec");
    let letter = dead.message();
    assert_eq!(letter.properties.message_id, message_id);
    assert_eq!(letter.headers.get_str("x-own"), Some("kept"));
    assert_eq!(&*letter.body, b"1");
    dead.ack().expect("what is held can be settled");
    assert_quiet(&mut queue).await;
    assert_quiet(&mut other).await;
}

/// A message that nobody settles becomes a dead letter after as many deliveries as its queue allows.
pub async fn the_delivery_limit_ends_a_loop<H: Harness>(place: Place<H>) {
    let mut work = place.work("queue", &["tick"]);
    work.kind = QueueKind::Work { delivery_limit: 3 };
    let mut queue = place.subscribe(work).await;
    place.event("tick", "poison").await;
    for expected in 1..=3 {
        assert_eq!(next(&mut queue).await.deliveries(), expected);
    }
    assert_quiet(&mut queue).await;
    let dead = next_dead(&place, "queue").await;
    assert_reason(&place, &dead, "delivery_limit", "tick");
    place.event("tick", "next").await;
    assert_eq!(next_text(&mut queue).await, "next");
}

/// An agent that gives a message up publishes it to the dead letters itself, with its own reason.
pub async fn a_published_dead_letter_keeps_its_reason<H: Harness>(place: Place<H>) {
    drop(place.subscribe(place.work("queue", &["tick"])).await);
    let mut letter = Message::to_queue(&place.queue("queue"), "1");
    letter.exchange = Exchange::DEAD_LETTERS;
    letter.headers.set(name::ERROR_TYPE, "decode");
    letter
        .headers
        .set(name::ERROR_MESSAGE, "no such field: `symbol`");
    assert_eq!(place.publish(letter).await, Routed::ToQueue);
    let dead = next_dead(&place, "queue").await;
    let headers = &dead.message().headers;
    assert_eq!(headers.get_str(name::ERROR_TYPE), Some("decode"));
    assert_eq!(
        headers.get_str(name::ERROR_MESSAGE),
        Some("no such field: `symbol`")
    );
}

/// Dead letters are kept until someone handles them, also those of transient messages.
pub async fn dead_letters_outlive_a_restart<H: Harness>(mut place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    place.event("tick", "persistent").await;
    let transient = Message::event(place.key("tick"), "transient").transient();
    assert_eq!(place.publish(transient).await, Routed::ToQueue);
    for _ in 0..2 {
        next(&mut queue)
            .await
            .reject()
            .expect("what is held can be settled");
    }
    drop(queue);
    place.restart().await;
    let mut dead = place
        .subscribe(Queue::dead_letters(&place.queue("queue")))
        .await;
    assert_eq!(next_text(&mut dead).await, "persistent");
    assert_eq!(next_text(&mut dead).await, "transient");
}

/// Dead letters have no dead letters: rejecting one removes it.
pub async fn a_rejected_dead_letter_is_gone<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &["tick"])).await;
    place.event("tick", "1").await;
    next(&mut queue)
        .await
        .reject()
        .expect("what is held can be settled");
    let mut dead = place
        .subscribe(Queue::dead_letters(&place.queue("queue")))
        .await;
    for _ in 0..10 {
        drop(next(&mut dead).await);
    }
    let delivery = next(&mut dead).await;
    delivery.reject().expect("what is held can be settled");
    assert_quiet(&mut dead).await;
}

pub(super) async fn next_dead<H: Harness>(place: &Place<H>, of: &str) -> Delivery {
    let queue = Queue::dead_letters(&place.queue(of));
    let mut dead = place.subscribe(queue).await;
    next(&mut dead).await
}

fn assert_reason<H: Harness>(place: &Place<H>, dead: &Delivery, error_type: &str, key: &str) {
    let headers = &dead.message().headers;
    assert_eq!(headers.get_str(name::ERROR_TYPE), Some(error_type));
    assert!(headers.get_str(name::ERROR_MESSAGE).is_some());
    assert_eq!(
        headers.get_str(name::FAILED_AGENT),
        Some(place.queue("queue").as_str())
    );
    assert!(headers.get_u64(name::FAILED_AT).is_some());
    assert_eq!(
        headers.get_str(name::ORIGINAL_ROUTING_KEY),
        Some(place.key(key).as_str())
    );
}
