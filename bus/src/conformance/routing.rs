//! Where messages go.

use super::{
    Harness, Place,
    place::{assert_quiet, next_text},
};
use crate::{Exchange, Message, Queue, Routed};

/// A message reaches the queue that is bound to its key, and no other.
pub async fn a_queue_gets_what_it_is_bound_to<H: Harness>(place: Place<H>) {
    let mut query = place
        .subscribe(place.work("query", &["query.request"]))
        .await;
    let mut other = place
        .subscribe(place.work("other", &["other.request"]))
        .await;
    place.event("query.request", "for query").await;
    assert_eq!(next_text(&mut query).await, "for query");
    assert_quiet(&mut other).await;
}

/// `*` is one word, `#` any number of words.
pub async fn wildcards_match_words<H: Harness>(place: Place<H>) {
    let mut one = place.subscribe(place.work("one", &["market.*"])).await;
    let mut any = place.subscribe(place.work("any", &["market.#"])).await;
    let mut last = place.subscribe(place.work("last", &["#.zec"])).await;
    for key in ["market", "market.tick", "market.tick.zec", "zec"] {
        // Each key reaches some of the three.
        let message = Message::event(place.key(key), key);
        assert_eq!(place.publish(message).await, Routed::ToQueue, "{key}");
    }
    assert_eq!(next_text(&mut one).await, "market.tick");
    assert_quiet(&mut one).await;
    for key in ["market", "market.tick", "market.tick.zec"] {
        assert_eq!(next_text(&mut any).await, key);
    }
    assert_quiet(&mut any).await;
    for key in ["market.tick.zec", "zec"] {
        assert_eq!(next_text(&mut last).await, key);
    }
    assert_quiet(&mut last).await;
}

/// Two queues bound to one key each get the message, and settle it on their own.
pub async fn every_queue_gets_its_own_copy<H: Harness>(place: Place<H>) {
    let mut first = place.subscribe(place.work("first", &["tick"])).await;
    let mut second = place.subscribe(place.work("second", &["tick"])).await;
    place.event("tick", "1").await;
    assert_eq!(next_text(&mut first).await, "1");
    assert_eq!(next_text(&mut second).await, "1");
    assert_quiet(&mut first).await;
}

/// A queue with two bindings that both match gets the message once.
pub async fn a_queue_bound_twice_gets_one_copy<H: Harness>(place: Place<H>) {
    let mut queue = place
        .subscribe(place.work("queue", &["tick.*", "tick.#"]))
        .await;
    place.event("tick.zec", "1").await;
    assert_eq!(next_text(&mut queue).await, "1");
    assert_quiet(&mut queue).await;
}

/// Every instance's own queue gets every message, and is gone with its subscriber.
pub async fn instances_each_get_every_message<H: Harness>(place: Place<H>) {
    let queue = || place.bound(Queue::instance("agent"), &["tick"]);
    let mut first = place.subscribe(queue()).await;
    let mut second = place.subscribe(queue()).await;
    place.event("tick", "1").await;
    assert_eq!(next_text(&mut first).await, "1");
    assert_eq!(next_text(&mut second).await, "1");
    drop(first);
    place.event("tick", "2").await;
    assert_eq!(next_text(&mut second).await, "2");
}

/// Declaring a queue again with another binding keeps the one it has.
pub async fn bindings_add_up<H: Harness>(place: Place<H>) {
    drop(place.subscribe(place.work("queue", &["one"])).await);
    let mut queue = place.subscribe(place.work("queue", &["two"])).await;
    place.event("one", "1").await;
    place.event("two", "2").await;
    assert_eq!(next_text(&mut queue).await, "1");
    assert_eq!(next_text(&mut queue).await, "2");
}

/// The default exchange reaches a queue by its name, and only if it is there.
pub async fn a_queue_is_reached_by_its_name<H: Harness>(place: Place<H>) {
    let mut queue = place.subscribe(place.work("queue", &[])).await;
    let message = Message::to_queue(&place.queue("queue"), "1");
    assert_eq!(place.publish(message).await, Routed::ToQueue);
    assert_eq!(next_text(&mut queue).await, "1");
    let message = Message::to_queue(&place.queue("nobody"), "2");
    assert_eq!(place.publish(message).await, Routed::Nowhere);
}

/// An event that no queue is bound for is published, and says that it reached nobody.
pub async fn an_event_without_a_queue_goes_nowhere<H: Harness>(place: Place<H>) {
    let message = Message::event(place.key("nobody.listens"), "1");
    assert_eq!(place.publish(message).await, Routed::Nowhere);
    let mut dead = Message::event(place.key("nobody"), "1");
    dead.exchange = Exchange::DEAD_LETTERS;
    assert_eq!(place.publish(dead).await, Routed::Nowhere);
}
