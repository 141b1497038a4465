//! What a message costs on the embedded bus, beside what a sync of the same disk costs in the same run.
//!
//! `cargo bench -p chimera-bus`, or `… -- DIR` for the disk that DIR is on. Prints a table; asserts nothing.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chimera_bus::{
    Bus, EmbeddedBus, Message, Queue, QueueName, Routed, Subscription,
    embedded::{Options, QueueLimits},
};
use hdrhistogram::Histogram;
use tempfile::TempDir;

/// A small JSON document.
const BODY_BYTES: usize = 256;

const DURABLE_FOR: Duration = Duration::from_secs(2);
const TRANSIENT_MESSAGES: usize = 100_000;
const QUEUED_MESSAGES: usize = 50_000;

fn main() {
    let dir = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime is made");
    println!(
        "{:<46}{:>12}{:>12}{:>12}{:>12}",
        "", "per second", "p50 µs", "p99 µs", "CPU µs"
    );
    raw_sync(&dir);
    for publishers in [1, 8, 64] {
        runtime.block_on(durable(&dir, publishers));
    }
    runtime.block_on(durable_hop(&dir));
    runtime.block_on(transient(&dir));
    runtime.block_on(memory(&dir));
    runtime.block_on(opening(&dir));
}

/// Appends what a small message takes to a file that has its size already, as the journal does.
fn raw_sync(dir: &Path) {
    let mut file = tempfile::tempfile_in(dir).expect("the directory can be written");
    file.set_len(64 << 20).expect("there is room");
    file.sync_all().expect("the disk syncs");
    let measured = Measured::start();
    let mut latencies = latencies();
    while measured.at.elapsed() < DURABLE_FOR {
        let at = Instant::now();
        write_and_sync(&mut file);
        latencies.saturating_record(nanos(at));
    }
    measured.print("write 512 bytes, fdatasync", &latencies);
}

fn write_and_sync(file: &mut File) {
    let end = file.stream_position().expect("a file has a position");
    file.seek(SeekFrom::Start(end)).expect("it can be sought");
    file.write_all(&[7; 512]).expect("there is room");
    file.sync_data().expect("the disk syncs");
}

/// Persistent messages from as many publishers as said, each waiting for its confirm; a consumer acks them.
async fn durable(dir: &Path, publishers: usize) {
    let place = Place::open(dir, Options::default());
    let consumer = tokio::spawn(ack_all(place.subscribe().await));
    let measured = Measured::start();
    let tasks: Vec<_> = (0..publishers)
        .map(|_| tokio::spawn(publish_for(place.bus.clone(), place.queue.clone())))
        .collect();
    let mut all = latencies();
    for task in tasks {
        all.add(task.await.expect("publishing does not panic"))
            .expect("all have the same range");
    }
    measured.print(&format!("durable publish, {publishers} publishers"), &all);
    place.bus.close().await;
    consumer.await.expect("consuming does not panic");
}

async fn publish_for(bus: Arc<EmbeddedBus>, queue: QueueName) -> Histogram<u64> {
    let (until, mut latencies) = (Instant::now() + DURABLE_FOR, latencies());
    while Instant::now() < until {
        let at = Instant::now();
        publish(&bus, Message::to_queue(&queue, vec![b'x'; BODY_BYTES])).await;
        latencies.saturating_record(nanos(at));
    }
    latencies
}

/// One persistent message at a time: published, delivered, acked.
async fn durable_hop(dir: &Path) {
    let place = Place::open(dir, Options::default());
    let mut consumer = place.subscribe().await;
    let (measured, mut latencies) = (Measured::start(), latencies());
    while measured.at.elapsed() < DURABLE_FOR {
        let at = Instant::now();
        publish(&place.bus, place.message()).await;
        ack(&mut consumer).await;
        latencies.saturating_record(nanos(at));
    }
    measured.print("durable publish, deliver, ack, one at a time", &latencies);
}

/// Transient messages, published by one task and acked by another.
async fn transient(dir: &Path) {
    let place = Place::open(dir, Options::default());
    let mut consumer = place.subscribe().await;
    let (bus, queue) = (place.bus.clone(), place.queue.clone());
    let sent = Arc::new(AtomicUsize::new(0));
    let (measured, mut latencies) = (Measured::start(), latencies());
    let publisher = tokio::spawn(async move {
        for _ in 0..TRANSIENT_MESSAGES {
            let message = Message::to_queue(&queue, vec![b'x'; BODY_BYTES]).transient();
            publish(&bus, message).await;
            // Yields as a handler would, that waits for something now and then.
            if sent.fetch_add(1, Ordering::Relaxed).is_multiple_of(64) {
                tokio::task::yield_now().await;
            }
        }
    });
    for _ in 0..TRANSIENT_MESSAGES {
        let at = Instant::now();
        ack(&mut consumer).await;
        latencies.saturating_record(nanos(at));
    }
    publisher.await.expect("publishing does not panic");
    measured.print("transient publish, deliver, ack", &latencies);
}

/// What the process grows by for messages that wait, on disk for the most part and all in memory.
async fn memory(dir: &Path) {
    for (label, memory_bytes) in [("8 MiB in memory", 8 << 20), ("all in memory", usize::MAX)] {
        let limits = QueueLimits {
            memory_bytes,
            ..QueueLimits::default()
        };
        let options = Options {
            limits,
            ..Options::default()
        };
        let place = Place::open(dir, options);
        drop(place.subscribe().await);
        let before = resident_bytes();
        // Not all at once: what is under way would be counted too.
        for _ in 0..QUEUED_MESSAGES / 100 {
            let publish = (0..100).map(|_| publish(&place.bus, place.message()));
            futures_util::future::join_all(publish).await;
        }
        let grown = resident_bytes().saturating_sub(before);
        println!(
            "{:<46}{:>12} bytes a message",
            format!("{QUEUED_MESSAGES} waiting, {label}"),
            grown / QUEUED_MESSAGES
        );
    }
}

/// How long it takes until a bus is there: a new one, and one that was used before.
async fn opening(dir: &Path) {
    let (mut first, mut again) = (latencies(), latencies());
    for _ in 0..10 {
        let dir = tempfile::tempdir_in(dir).expect("the directory can be written");
        for latencies in [&mut first, &mut again] {
            let at = Instant::now();
            let bus = EmbeddedBus::open(dir.path(), Options::default()).expect("it is free");
            latencies.saturating_record(nanos(at));
            bus.close().await;
        }
    }
    for (label, latencies) in [("open, new", first), ("open, again", again)] {
        let micros = latencies.value_at_quantile(0.5) as f64 / 1e3;
        println!("{label:<58}{micros:>12.1}");
    }
}

struct Place {
    bus: Arc<EmbeddedBus>,
    queue: QueueName,
    _dir: TempDir,
}

impl Place {
    fn open(dir: &Path, options: Options) -> Self {
        let dir = tempfile::tempdir_in(dir).expect("the directory can be written");
        let bus = EmbeddedBus::open(dir.path(), options).expect("the directory is new");
        Self {
            bus: Arc::new(bus),
            queue: QueueName::from_static("bench"),
            _dir: dir,
        }
    }

    async fn subscribe(&self) -> Subscription {
        let queue = Queue::work(self.queue.clone());
        self.bus.subscribe(queue).await.expect("it is declared")
    }

    fn message(&self) -> Message {
        Message::to_queue(&self.queue, vec![b'x'; BODY_BYTES])
    }
}

async fn publish(bus: &EmbeddedBus, message: Message) {
    let routed = bus.publish(message).await.expect("publishing succeeds");
    assert_eq!(routed, Routed::ToQueue);
}

async fn ack(consumer: &mut Subscription) {
    let delivery = consumer.next().await.expect("the bus is open");
    delivery.ack().expect("what is held can be settled");
}

async fn ack_all(mut consumer: Subscription) {
    while let Some(delivery) = consumer.next().await {
        // Stale when the bus is closed in between.
        let _ = delivery.ack();
    }
}

/// Wall and CPU time since the start.
struct Measured {
    at: Instant,
    cpu: Duration,
}

impl Measured {
    fn start() -> Self {
        Self {
            at: Instant::now(),
            cpu: cpu_time(),
        }
    }

    fn print(&self, label: &str, latencies: &Histogram<u64>) {
        let count = latencies.len().max(1) as f64;
        println!(
            "{label:<46}{:>12.0}{:>12.1}{:>12.1}{:>12.1}",
            count / self.at.elapsed().as_secs_f64(),
            latencies.value_at_quantile(0.5) as f64 / 1e3,
            latencies.value_at_quantile(0.99) as f64 / 1e3,
            (cpu_time() - self.cpu).as_secs_f64() * 1e6 / count,
        );
    }
}

fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("a minute in nanoseconds is in range")
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// CPU time of this process; nothing where there is no procfs.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    // Linux counts in hundredths of a second, whatever the kernel's own tick is.
    Duration::from_millis(ticks * 10)
}

/// Memory of this process; nothing where there is no procfs.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    pages.and_then(|pages| pages.parse().ok()).unwrap_or(0) * 4096
}
