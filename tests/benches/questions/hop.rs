//! Messages through one agent, durable: published, confirmed, handled, settled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chimera_bus::{Bus, Message, Routed, RoutingKey};
use chimera_shared::{BaseAgent, Context, HandleError, Platform};
use tokio::{sync::oneshot, task::JoinSet};

use crate::{
    measure::{Latencies, Table},
    questions::config,
};

const KEY: &str = "bench.tick";

/// Who waits until a message is handled, by its number.
#[derive(Debug, Clone, Default)]
struct Waiting(Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>);

impl Waiting {
    fn wait(&self, number: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(number, sender);
        receiver
    }

    async fn on_tick(self, _cx: Context, number: u64) -> Result<(), HandleError> {
        // A message may be delivered twice; the first delivery has told.
        if let Some(waiting) = self.lock().remove(&number) {
            let _ = waiting.send(());
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With and without tracing.
pub(crate) async fn hops(time: Duration) {
    for (title, traced) in [
        ("Durable messages through one agent", true),
        ("Durable messages through one agent, tracing off", false),
    ] {
        let table = Table::start(title, "in flight");
        for publishers in [1, 8, 64, 256] {
            let row = table.row(publishers);
            row.end(&through_one_agent(publishers, traced, time).await);
        }
    }
}

/// As many publishers as said, each of which publishes its next message when the one before was handled.
async fn through_one_agent(publishers: u64, traced: bool, time: Duration) -> Latencies {
    let directory = tempfile::tempdir().expect("the temporary directory can be written");
    let mut config = config(directory.path());
    config.telemetry.enabled = traced;
    let waiting = Waiting::default();
    let handled = waiting.clone();
    let agent = BaseAgent::new("bench_agent")
        .concurrency(publishers as usize)
        .on(KEY, move |cx, number| handled.clone().on_tick(cx, number));
    let platform = Platform::open(config, "a bench").await;
    let running = platform.expect("the directory is new");
    let running = running.start(vec![agent]).await.expect("the queue is new");
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for publisher in 0..publishers {
        let bus = running.platform().bus();
        tasks.spawn(publish_until(bus, waiting.clone(), publisher, until));
    }
    let mut all = Latencies::new();
    while let Some(published) = tasks.join_next().await {
        all.add(&published.expect("publishing does not panic"));
    }
    running.stop().await;
    all
}

async fn publish_until(
    bus: Arc<dyn Bus>,
    waiting: Waiting,
    publisher: u64,
    until: Instant,
) -> Latencies {
    let mut latencies = Latencies::new();
    for number in (publisher << 32).. {
        if Instant::now() >= until {
            break;
        }
        let at = Instant::now();
        let handled = waiting.wait(number);
        let key = RoutingKey::new(KEY).expect("it is one");
        let message = Message::event(key, number.to_string().into_bytes());
        let routed = bus.publish(message).await.expect("the disk takes it");
        assert_eq!(routed, Routed::ToQueue);
        handled.await.expect("the handler tells");
        latencies.record(at);
    }
    latencies
}
