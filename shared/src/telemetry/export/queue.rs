//! The queue of one exporter, with a thread of its own, so that one that is slow or down holds up nobody.
//!
//! The SDK's batch processor is not used because it does not tell how many spans it dropped, and runs its exporter where
//! no transport has the event loop that it needs.

use std::{
    fmt,
    future::pending,
    mem,
    pin::pin,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use opentelemetry::Context as OtelContext;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanProcessor},
};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Health, TelemetryError, failure::Failure, retry::Patience};
use crate::config::BatchConfig;

/// Longest that the end waits for a thread that was told to stop; one that the system holds in a write is left behind.
const LEAVE_BEHIND: Duration = Duration::from_millis(500);

/// What takes batches of one kind to where they go. It runs on a thread of its own and may block.
pub(super) trait Export<T>: Send + 'static {
    /// Says what belongs to every batch; it comes before the first one.
    fn describe(&mut self, _resource: &Resource) {}

    /// Takes a batch there. Dropping the future gives it up.
    fn export(
        &mut self,
        batch: Vec<T>,
        patience: &Patience,
    ) -> impl Future<Output = Result<Taken, Failure>>;

    /// When it wants to be called though nothing comes.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// That moment has come.
    fn do_what_is_due(&mut self) {}

    /// Lets go of what it held back; nothing comes after this.
    fn finish(&mut self) {}
}

/// What became of a batch that was taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// How much of it the backend did not want after all. It must not be sent again.
    pub(super) rejected: u64,
    /// What the backend said of it.
    pub(super) said: String,
}

/// How a queue gathers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// What may wait; the rest is dropped and counted.
    pub(super) queue: usize,
    /// What goes at once.
    pub(super) batch: usize,
    /// Longest that the first of a batch waits for others.
    pub(super) delay: Duration,
    /// Longest that one export takes.
    pub(super) timeout: Duration,
}

impl From<&BatchConfig> for Limits {
    fn from(config: &BatchConfig) -> Self {
        Self {
            queue: config.max_queue_size.get(),
            batch: config.max_export_batch_size.get(),
            delay: config.schedule_delay,
            timeout: config.export_timeout,
        }
    }
}

/// Takes items without ever waiting: what finds no room is dropped and counted.
pub(in crate::telemetry) struct Queue<T> {
    items: mpsc::Sender<T>,
    orders: mpsc::UnboundedSender<Order>,
    /// Ends the waits between attempts.
    is_ending: CancellationToken,
    /// Gives up the export that is under way.
    cancel: CancellationToken,
    thread: Mutex<Option<(JoinHandle<()>, Receiver<()>)>>,
    health: Health,
    flush_timeout: Duration,
}

/// Tells a queue that the program is ending.
#[derive(Debug)]
pub(super) struct Hurry {
    is_ending: CancellationToken,
    orders: mpsc::WeakUnboundedSender<Order>,
}

impl Hurry {
    /// What is queued is exported from now on, each batch with one attempt; nobody waits for it.
    pub(super) fn now(&self) {
        self.is_ending.cancel();
        if let Some(orders) = self.orders.upgrade() {
            let (done, _) = sync_channel(1);
            let _ = orders.send(Order::Flush(done));
        }
    }
}

/// What the thread is told beside items; each is answered when everything queued before it was exported or dropped.
#[derive(Debug)]
enum Order {
    Describe(Box<Resource>),
    Flush(SyncSender<()>),
    Finish(SyncSender<()>),
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the thread.
    pub(super) fn start(
        exporter: impl Export<T>,
        limits: Limits,
        health: Health,
    ) -> Result<Self, TelemetryError> {
        let (items, received_items) = mpsc::channel(limits.queue);
        let (orders, received_orders) = mpsc::unbounded_channel();
        let (is_ending, cancel) = (CancellationToken::new(), CancellationToken::new());
        let batches = Batches {
            items: received_items,
            orders: received_orders,
            cancel: cancel.clone(),
            health: health.clone(),
            delay: limits.delay,
            patience: Patience {
                limit: limits.timeout,
                is_ending: is_ending.clone(),
            },
            size: limits.batch.min(limits.queue),
        };
        health.hurry_by(Hurry {
            is_ending: is_ending.clone(),
            // Weak, because the thread ends when nobody can give it orders any more.
            orders: orders.downgrade(),
        });
        let thread = batches.start(exporter)?;
        Ok(Self {
            items,
            orders,
            is_ending,
            cancel,
            thread: Mutex::new(Some(thread)),
            health,
            flush_timeout: limits.timeout,
        })
    }

    /// Queues `item`, or drops it where there is no room, or nobody any more who would take it out.
    pub(in crate::telemetry) fn push(&self, item: T) {
        self.health.queued();
        match self.items.try_send(item) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.health.overflowed(),
            Err(TrySendError::Closed(_)) => self.health.came_too_late(),
        }
    }

    /// Says what belongs to every batch.
    pub(in crate::telemetry) fn describe(&self, resource: &Resource) {
        let resource = Box::new(resource.clone());
        let _ = self.orders.send(Order::Describe(resource));
    }

    /// Exports what is queued; it blocks.
    pub(in crate::telemetry) fn flush(&self) -> OTelSdkResult {
        self.order(self.flush_timeout, Order::Flush)
    }

    /// Exports what is queued. What is not exported within `limit` is dropped and counted; it blocks.
    pub(in crate::telemetry) fn finish(&self, limit: Duration) -> OTelSdkResult {
        self.is_ending.cancel();
        let result = self.order(limit, Order::Finish);
        self.cancel.cancel();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((thread, is_over)) = thread {
            let over = is_over.recv_timeout(LEAVE_BEHIND);
            if over == Err(std::sync::mpsc::RecvTimeoutError::Disconnected) {
                let panicked = "the exporter's thread panicked";
                let joined = thread.join();
                joined.map_err(|_| OTelSdkError::InternalFailure(panicked.to_owned()))?;
            }
        }
        result
    }

    fn order(&self, limit: Duration, order: fn(SyncSender<()>) -> Order) -> OTelSdkResult {
        let (done, is_done) = sync_channel(1);
        self.orders
            .send(order(done))
            .map_err(|_| OTelSdkError::AlreadyShutdown)?;
        is_done
            .recv_timeout(limit)
            .map_err(|_| OTelSdkError::Timeout(limit))
    }
}

/// Waits for a moment, or for ever where there is none.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

fn event_loop() -> Result<Runtime, TelemetryError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(TelemetryError::Start)
}

impl SpanProcessor for Queue<SpanData> {
    fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush()
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.finish(limit)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.describe(resource);
    }
}

/// Dropped without an end, a queue still sends what is left, with one attempt for each batch.
impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.is_ending.cancel();
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

/// Sees a panic of the thread: nothing else would be heard of an exporter that is gone.
struct Watch(Health);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.panicked();
        }
    }
}

/// The thread's side of a queue.
struct Batches<T> {
    items: mpsc::Receiver<T>,
    orders: mpsc::UnboundedReceiver<Order>,
    cancel: CancellationToken,
    health: Health,
    delay: Duration,
    patience: Patience,
    size: usize,
}

impl<T: Send + 'static> Batches<T> {
    /// Starts the thread. What is returned beside it disconnects when it is over.
    fn start(
        self,
        exporter: impl Export<T>,
    ) -> Result<(JoinHandle<()>, Receiver<()>), TelemetryError> {
        let rt = event_loop()?;
        let (end, is_over) = sync_channel(1);
        let watch = Watch(self.health.clone());
        let builder = thread::Builder::new().name(format!("export-{}", self.health.exporter()));
        let body = move || {
            let _watch = watch;
            rt.block_on(self.run(exporter));
            // A name that is still being looked up is nobody's any more.
            rt.shutdown_background();
            drop(end);
        };
        let thread = builder.spawn(body).map_err(TelemetryError::Start)?;
        Ok((thread, is_over))
    }

    async fn run(mut self, mut exporter: impl Export<T>) {
        let mut batch = Vec::new();
        // Long gone, so that it is set by the first item.
        let mut due = Instant::now();
        loop {
            let room = self.size - batch.len();
            let is_first = batch.is_empty();
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Describe(resource)) => exporter.describe(&resource),
                    Some(Order::Flush(done)) => {
                        self.export_all(&mut exporter, &mut batch).await;
                        let _ = done.send(());
                    }
                    Some(Order::Finish(done)) => {
                        self.items.close();
                        self.export_all(&mut exporter, &mut batch).await;
                        exporter.finish();
                        let _ = done.send(());
                        return;
                    }
                    // The telemetry was dropped without a shutdown.
                    None => {
                        self.export_all(&mut exporter, &mut batch).await;
                        return exporter.finish();
                    }
                },
                () = sleep_until(due), if !is_first => self.export(&mut exporter, &mut batch).await,
                _ = self.items.recv_many(&mut batch, room) => {
                    if is_first {
                        due = Instant::now() + self.delay;
                    }
                    if batch.len() >= self.size {
                        self.export(&mut exporter, &mut batch).await;
                    }
                }
                () = self.health.overflow() => self.health.say_overflow(),
                () = until(exporter.due()) => exporter.do_what_is_due(),
            }
        }
    }

    async fn export_all(&mut self, exporter: &mut impl Export<T>, batch: &mut Vec<T>) {
        loop {
            while batch.len() < self.size {
                match self.items.try_recv() {
                    Ok(item) => batch.push(item),
                    Err(_) => break,
                }
            }
            if batch.is_empty() {
                return;
            }
            self.export(exporter, batch).await;
        }
    }

    async fn export(&self, exporter: &mut impl Export<T>, batch: &mut Vec<T>) {
        let items = mem::take(batch);
        let count = items.len();
        let limit = self.patience.limit;
        let mut export = pin!(timeout(limit, exporter.export(items, &self.patience)));
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return self.health.failed(count, &Failure::ended()),
                result = &mut export => {
                    let result = result.unwrap_or_else(|_| Err(Failure::timeout(limit)));
                    return self.health.settle(count, result);
                }
                // Somebody may be waiting for an answer that never comes, just when this is to be said.
                () = self.health.overflow() => self.health.say_overflow(),
            }
        }
    }
}
