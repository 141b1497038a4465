//! Memory stays within its bounds while nobody consumes.

use std::time::Duration;

use chimera_bus::{
    Bus, EmbeddedBus, Message, Queue, QueueName, Routed, RoutingKey,
    embedded::{Options, QueueLimits},
    names::BindingKey,
};
use futures_util::future::join_all;

use crate::harness::open;

const MEMORY_BYTES: usize = 64 << 10;
const BODY_BYTES: usize = 4 << 10;
const MESSAGES: usize = 200;

fn small_memory() -> Options {
    Options {
        limits: QueueLimits {
            memory_bytes: MEMORY_BYTES,
            ..QueueLimits::default()
        },
        ..Options::default()
    }
}

fn queue() -> Queue {
    Queue::work(QueueName::from_static("agent")).bind(BindingKey::from_static("agent.*"))
}

fn event(number: usize) -> Message {
    let mut body = number.to_string().into_bytes();
    body.resize(BODY_BYTES, b' ');
    Message::event(RoutingKey::from_static("agent.do"), body)
}

fn number(message: &Message) -> usize {
    let text = std::str::from_utf8(&message.body).expect("the body is text");
    text.trim_end().parse().expect("the body is a number")
}

fn memory_bytes(bus: &EmbeddedBus) -> usize {
    let stats = bus.stats();
    let queue = stats.queue(&queue().name);
    queue.expect("it is declared").memory_bytes
}

#[tokio::test]
async fn what_does_not_fit_waits_on_the_disk_and_comes_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small_memory());
    drop(bus.subscribe(queue()).await.unwrap());
    for n in 0..MESSAGES {
        assert_eq!(bus.publish(event(n)).await.unwrap(), Routed::ToQueue);
        assert!(memory_bytes(&bus) <= MEMORY_BYTES);
    }
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    for n in 0..MESSAGES {
        let delivery = subscription.next().await.unwrap();
        assert_eq!(number(delivery.message()), n);
        delivery.ack().unwrap();
    }
    let stats = bus.stats();
    let stats = stats.queue(&queue().name).unwrap();
    assert_eq!((stats.ready, stats.bytes, stats.memory_bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_queue_that_is_read_while_it_is_written_keeps_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small_memory());
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    let publish = async {
        for n in 0..MESSAGES {
            assert_eq!(bus.publish(event(n)).await.unwrap(), Routed::ToQueue);
        }
    };
    let consume = async {
        for n in 0..MESSAGES {
            let delivery = subscription.next().await.unwrap();
            assert_eq!(number(delivery.message()), n);
            delivery.ack().unwrap();
        }
    };
    tokio::join!(publish, consume);
}

#[tokio::test(start_paused = true)]
async fn transient_messages_wait_for_room_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small_memory());
    drop(bus.subscribe(queue()).await.unwrap());
    let publish = join_all((0..MESSAGES).map(|n| bus.publish(event(n).transient())));
    let mut publish = Box::pin(publish);
    let held = tokio::time::timeout(Duration::from_secs(3600), &mut publish).await;
    assert!(held.is_err(), "all of it went into memory");
    assert!(memory_bytes(&bus) <= MEMORY_BYTES);
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    let consume = async {
        for _ in 0..MESSAGES {
            subscription.next().await.unwrap().ack().unwrap();
        }
    };
    let (published, ()) = tokio::join!(publish, consume);
    assert!(published.into_iter().all(|routed| routed.is_ok()));
}

#[tokio::test]
async fn delayed_messages_wait_on_the_disk_too() {
    tokio::time::pause();
    let dir = tempfile::tempdir().unwrap();
    let bus = open(dir.path(), small_memory());
    let mut subscription = bus.subscribe(queue()).await.unwrap();
    for n in 0..MESSAGES {
        let mut message = Message::to_queue(&queue().name, event(n).body);
        message.delay = Some(Duration::from_secs(60));
        assert_eq!(bus.publish(message).await.unwrap(), Routed::ToQueue);
    }
    assert!(memory_bytes(&bus) <= MEMORY_BYTES);
    for n in 0..MESSAGES {
        let delivery = subscription.next().await.unwrap();
        assert_eq!(number(delivery.message()), n);
        delivery.ack().unwrap();
    }
}
