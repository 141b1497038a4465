//! Opening, closing, and futures that are dropped in between.

use std::sync::Arc;

use chimera_bus::{
    Bus, EmbeddedBus, Message, OpenError, PublishError, Queue, QueueName, Routed, embedded::Options,
};
use futures_util::FutureExt;

use crate::harness::open;

fn queue() -> Queue {
    Queue::work(QueueName::from_static("agent"))
}

fn message(body: &'static str) -> Message {
    Message::to_queue(&queue().name, body)
}

#[tokio::test]
async fn dropping_the_bus_gives_the_directory_free() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), Options::default());
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    assert_eq!(bus.publish(message("1")).await.unwrap(), Routed::ToQueue);
    // What outlives the bus does not hold its directory.
    let delivery = subscription.next().await.unwrap();
    drop(bus);
    let bus = open(dir.path(), Options::default());
    assert!(delivery.ack().is_err());
    assert_eq!(bus.stats().queue(&queue().name).unwrap().ready, 1);
}

#[tokio::test]
async fn a_second_bus_says_who_is_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let _bus = open(dir.path(), Options::default());
    let second = EmbeddedBus::open(dir.path(), Options::default()).map(drop);
    let Err(error @ OpenError::Locked { .. }) = second else {
        panic!("it should be locked, not {second:?}");
    };
    let text = error.to_string();
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let failed = EmbeddedBus::open(&file, Options::default()).map(drop);
    let Err(error @ OpenError::Storage { .. }) = failed else {
        panic!("it should fail, not {failed:?}");
    };
    assert!(error.to_string().contains("file"), "{error}");
}

#[tokio::test]
async fn a_publish_that_nobody_waits_for_any_more_is_delivered_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let bus = Arc::new(open(dir.path(), Options::default()));
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    assert!(bus.publish(message("1")).now_or_never().is_none());
    let delivery = subscription.next().await.unwrap();
    assert_eq!(&*delivery.message().body, b"1");
}

#[tokio::test]
async fn a_closed_bus_takes_nothing_and_ends_its_subscriptions() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), Options::default());
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    bus.close().await;
    assert!(subscription.next().await.is_none());
    let refused = bus.publish(message("1")).await;
    assert!(matches!(refused, Err(PublishError::Closed)), "{refused:?}");
    assert!(bus.subscribe(queue()).await.is_err());
}

#[tokio::test]
async fn what_reached_nobody_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), Options::default());
    assert_eq!(bus.publish(message("1")).await.unwrap(), Routed::Nowhere);
    assert_eq!(bus.stats().unrouted, 1);
}

#[tokio::test]
async fn an_instance_queue_is_gone_with_its_subscription() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), Options::default());
    let mut subscription = bus.subscribe(Queue::instance("agent")).await.unwrap();
    let message = || Message::to_queue(subscription.queue(), "1");
    assert_eq!(bus.publish(message()).await.unwrap(), Routed::ToQueue);
    let again = message();
    let held = subscription.next().await.unwrap();
    drop(subscription);
    assert!(bus.stats().queues.is_empty());
    held.ack().unwrap();
    assert_eq!(bus.publish(again).await.unwrap(), Routed::Nowhere);
}

#[tokio::test]
async fn consumers_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), Options::default());
    let mut first = bus.subscribe(queue()).await.unwrap();
    let mut second = bus.subscribe(queue()).await.unwrap();
    for body in ["0", "1", "2", "3"] {
        assert_eq!(bus.publish(message(body)).await.unwrap(), Routed::ToQueue);
    }
    for (subscription, expected) in [(&mut first, ["0", "2"]), (&mut second, ["1", "3"])] {
        for body in expected {
            let delivery = subscription.next().await.unwrap();
            assert_eq!(&*delivery.message().body, body.as_bytes());
            delivery.ack().unwrap();
        }
    }
}
