//! A load of numbered messages, and what became of each.

#![expect(
    clippy::print_stdout,
    reason = "figures for whoever runs the tests, shown with --nocapture"
)]

use std::{
    collections::BTreeMap,
    num::NonZeroU16,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use chimera_bus::{
    AmqpBus, BindingKey, Bus, Message, Queue, QueueName, Routed, RoutingKey, Subscription,
    amqp::Options,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinHandle,
};

const NUMBERS: u32 = 10_000;

/// So many publish at a time, and wait for their confirms.
const PUBLISHERS: u32 = 64;

/// How long nothing may happen before the load has failed.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime is made")
}

/// The virtual host of a URL.
pub(crate) fn vhost(url: &str) -> String {
    url.rsplit('/').next().expect("it has a path").to_owned()
}

pub(crate) struct Load {
    name: String,
    url: String,
    bus: AmqpBus,
    queue: QueueName,
    shared: Arc<Shared>,
    arrived: watch::Receiver<BTreeMap<u32, u32>>,
    publishers: Vec<JoinHandle<()>>,
    consumer: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    next: AtomicU32,
    confirmed: AtomicU32,
    repeated: AtomicU32,
    paused: AtomicBool,
    slow: AtomicBool,
}

impl Load {
    /// Begins to publish and to consume.
    pub(crate) async fn start(name: &str, url: &str) -> Self {
        let separator = if url.contains('?') { '&' } else { '?' };
        let mut options = Options::new(format!("{url}{separator}heartbeat=2"), "load");
        options.patience = PATIENCE;
        options.retry.longest = Duration::from_secs(1);
        let bus = AmqpBus::connect(options)
            .await
            .expect("the broker takes connections");
        let queue = QueueName::from_static("load");
        let work = Queue::work(queue.clone())
            .bind(BindingKey::from_static("load.number"))
            .prefetch(NonZeroU16::new(64).expect("64 is not 0"));
        let subscription = bus.subscribe(work).await.expect("it is declared");
        let shared = Arc::new(Shared::default());
        let (arrivals, arrived) = watch::channel(BTreeMap::new());
        let publishers = (0..PUBLISHERS)
            .map(|_| tokio::spawn(publish(bus.clone(), shared.clone())))
            .collect();
        let consumer = tokio::spawn(consume(subscription, arrivals, shared.clone()));
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            bus,
            queue,
            shared,
            arrived,
            publishers,
            consumer,
        }
    }

    pub(crate) fn bus(&self) -> &AmqpBus {
        &self.bus
    }

    pub(crate) fn queue(&self) -> &QueueName {
        &self.queue
    }

    pub(crate) fn key(&self) -> RoutingKey {
        RoutingKey::from_static("load.number")
    }

    pub(crate) fn vhost(&self) -> String {
        vhost(&self.url)
    }

    pub(crate) async fn dead_letters(&self) -> Subscription {
        let letters = Queue::dead_letters(&self.queue);
        self.bus.subscribe(letters).await.expect("it is declared")
    }

    /// Waits until so many numbers have arrived.
    pub(crate) async fn handled(&mut self, count: usize) {
        loop {
            let so_far = self.arrived.borrow_and_update().len();
            if so_far >= count {
                return;
            }
            let more = self.arrived.wait_for(|arrived| arrived.len() > so_far);
            let more = tokio::time::timeout(PATIENCE, more).await;
            let more = more.unwrap_or_else(|_| {
                let state = self.bus.state();
                panic!(
                    "nothing arrives after {so_far} numbers; the bus says {:?}",
                    state.borrow()
                )
            });
            drop(more.expect("the consumer runs"));
        }
    }

    /// Stops publishing, and waits until all that was published has arrived.
    pub(crate) async fn pause(&mut self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        loop {
            let before = self.shared.next.load(Ordering::SeqCst);
            self.all_published_is_handled().await;
            let confirmed = self.shared.confirmed.load(Ordering::SeqCst);
            if confirmed == before && self.arrived.borrow().len() == confirmed as usize {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn resume(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
    }

    pub(crate) fn slow_down(&self) {
        self.shared.slow.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_published(&self) -> bool {
        self.publishers.iter().all(JoinHandle::is_finished)
    }

    pub(crate) async fn all_published_is_handled(&mut self) {
        let confirmed = self.shared.confirmed.load(Ordering::SeqCst) as usize;
        self.handled(confirmed).await;
    }

    /// Waits until every number has arrived, and prints how often some came.
    pub(crate) async fn account_for_all(&mut self) {
        self.handled(NUMBERS as usize).await;
        for publisher in &mut self.publishers {
            let ended = tokio::time::timeout(PATIENCE, publisher).await;
            ended
                .expect("the last confirms come in time")
                .expect("publishing does not panic");
        }
        let arrived = self.arrived.borrow();
        assert!(
            arrived.keys().copied().eq(0..NUMBERS),
            "a number is missing"
        );
        let duplicates: u32 = arrived.values().map(|times| times - 1).sum();
        let repeated = self.shared.repeated.load(Ordering::SeqCst);
        println!(
            "{}: {NUMBERS} numbers arrived, {duplicates} of them again; {repeated} were published again by the test",
            self.name
        );
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.consumer.abort();
    }
}

async fn publish(bus: AmqpBus, shared: Arc<Shared>) {
    loop {
        while shared.paused.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let number = shared.next.fetch_add(1, Ordering::SeqCst);
        if number >= NUMBERS {
            shared.next.store(NUMBERS, Ordering::SeqCst);
            return;
        }
        loop {
            let message =
                Message::event(RoutingKey::from_static("load.number"), number.to_string());
            match bus.publish(message).await {
                Ok(Routed::ToQueue) => break,
                // Gone with a queue that was deleted, or refused while a broker came or went.
                Ok(Routed::Nowhere) | Err(_) => {
                    shared.repeated.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        shared.confirmed.fetch_add(1, Ordering::SeqCst);
    }
}

async fn consume(
    mut subscription: Subscription,
    arrivals: watch::Sender<BTreeMap<u32, u32>>,
    shared: Arc<Shared>,
) {
    while let Some(delivery) = subscription.next().await {
        let body = String::from_utf8_lossy(&delivery.message().body).into_owned();
        // Poison is given back until the broker gives it up.
        let Ok(number) = body.parse() else {
            continue;
        };
        if shared.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        arrivals.send_modify(|arrived| *arrived.entry(number).or_default() += 1);
        // Stale when its connection ended: then it comes again.
        let _ = delivery.ack();
    }
}
