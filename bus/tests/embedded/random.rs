//! Anything in any order: at the end every message was handled or is a dead letter, and the books are balanced.

use std::collections::BTreeSet;

use chimera_bus::{
    Bus, Delivery, EmbeddedBus, Message, Queue, QueueName, Routed, Settlement, Subscription,
    embedded::{Options, QueueLimits},
};
use futures_util::FutureExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::harness::open;

const STEPS: usize = 400;
const CONSUMERS: usize = 3;

fn queue() -> Queue {
    Queue::work(QueueName::from_static("agent"))
}

struct Run {
    random: StdRng,
    subscriptions: Vec<Subscription>,
    held: Vec<Delivery>,
    published: BTreeSet<usize>,
    handled: BTreeSet<usize>,
}

#[tokio::test]
async fn nothing_is_lost_and_the_books_are_balanced() {
    for seed in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let limits = QueueLimits {
            memory_bytes: 8 << 10,
            ..QueueLimits::default()
        };
        let options = Options {
            limits,
            ..Options::default()
        };
        let mut run = Run {
            random: StdRng::seed_from_u64(seed),
            subscriptions: Vec::new(),
            held: Vec::new(),
            published: BTreeSet::new(),
            handled: BTreeSet::new(),
        };
        let bus = open(dir.path(), options);
        drop(bus.subscribe(queue()).await.unwrap());
        for _ in 0..STEPS {
            run.step(&bus).await;
        }
        // Only what is persistent outlives this.
        run.held.clear();
        run.subscriptions.clear();
        bus.close().await;
        let bus = open(dir.path(), options);
        run.drain(&bus).await;
        assert_eq!(run.handled, run.published, "seed {seed}");
        for queue in bus.stats().queues {
            let rest = (
                queue.ready,
                queue.unsettled,
                queue.bytes,
                queue.memory_bytes,
            );
            assert_eq!(rest, (0, 0, 0, 0), "seed {seed}, {}", queue.name);
        }
    }
}

impl Run {
    async fn step(&mut self, bus: &EmbeddedBus) {
        match self.random.random_range(0..10) {
            0..4 => self.publish(bus).await,
            4 if self.subscriptions.len() < CONSUMERS => {
                self.subscriptions
                    .push(bus.subscribe(queue()).await.expect("it is declared"));
            }
            5 if self.random.random_bool(0.2) => {
                self.subscriptions.pop();
            }
            4..8 => self.take(),
            _ => self.settle(),
        }
    }

    async fn publish(&mut self, bus: &EmbeddedBus) {
        let number = self.published.len();
        let mut body = number.to_string().into_bytes();
        body.resize(self.random.random_range(8..3_000), b' ');
        let message = Message::to_queue(&queue().name, body);
        let routed = bus.publish(message).await.expect("the bus is open");
        assert_eq!(routed, Routed::ToQueue);
        self.published.insert(number);
    }

    /// Takes what is there for one of the consumers, if anything is.
    fn take(&mut self) {
        let delivery = self
            .subscriptions
            .last_mut()
            .and_then(|subscription| subscription.next().now_or_never().flatten());
        self.held.extend(delivery);
    }

    fn settle(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.held.len());
        let delivery = self.held.swap_remove(at);
        let settlements = [Settlement::Ack, Settlement::Requeue, Settlement::Reject];
        match settlements[self.random.random_range(0..settlements.len())] {
            Settlement::Ack => self.handle(delivery),
            Settlement::Requeue => delivery.requeue().expect("it is held"),
            Settlement::Reject => delivery.reject().expect("it is held"),
        }
    }

    fn handle(&mut self, delivery: Delivery) {
        let text = std::str::from_utf8(&delivery.message().body).expect("it is text");
        let number = text.trim_end().parse().expect("it is a number");
        assert!(self.handled.insert(number), "{number} was acked before");
        delivery.ack().expect("it is held");
    }

    async fn drain(&mut self, bus: &EmbeddedBus) {
        for queue in [queue(), Queue::dead_letters(&queue().name)] {
            let mut subscription = bus.subscribe(queue).await.expect("it is declared");
            // More than is in the work queue may come out of it: what was delivered too often goes to the dead letters,
            // which are read when it is empty.
            while !is_empty(bus, subscription.queue()) {
                if let Some(delivery) = subscription.next().now_or_never().flatten() {
                    self.handle(delivery);
                } else {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// Whether nothing is in the queue or on its way to it.
fn is_empty(bus: &EmbeddedBus, queue: &QueueName) -> bool {
    let stats = bus.stats();
    stats.queue(queue).expect("it is declared").bytes == 0
}
