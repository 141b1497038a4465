//! The queue of one network exporter, with a thread of its own.
//!
//! The SDK's batch processor is not used because it does not tell how many spans it dropped, and runs its exporter where
//! neither of the OTLP transports has the event loop that it needs.

use std::{
    fmt, mem,
    pin::pin,
    sync::{Mutex, PoisonError, mpsc::SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use opentelemetry::Context as OtelContext;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Health, TelemetryError};
use crate::config::BatchConfig;

/// Makes the exporter, on the thread that will run it.
pub(super) type Connect<E> = Box<dyn FnOnce() -> Result<E, TelemetryError> + Send>;

/// Takes spans without ever waiting: what finds no room is dropped and counted.
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    orders: mpsc::UnboundedSender<Order>,
    /// Gives up the export that is under way.
    cancel: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
    health: Health,
    flush_timeout: Duration,
}

/// What the thread is told beside spans; each is answered when everything queued before it was exported or dropped.
enum Order {
    Describe(Box<Resource>),
    Flush(SyncSender<()>),
    Finish(SyncSender<()>),
}

impl Queue {
    /// Starts the thread and makes the exporter on it.
    pub(super) fn start<E: SpanExporter + 'static>(
        connect: Connect<E>,
        config: &BatchConfig,
        health: Health,
    ) -> Result<Self, TelemetryError> {
        let (spans, received_spans) = mpsc::channel(config.max_queue_size.get());
        let (orders, received_orders) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let batches = Batches {
            spans: received_spans,
            orders: received_orders,
            cancel: cancel.clone(),
            health: health.clone(),
            delay: config.schedule_delay,
            timeout: config.export_timeout,
            size: config
                .max_export_batch_size
                .get()
                .min(config.max_queue_size.get()),
        };
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let body = move || match event_loop().and_then(|rt| Ok((enter(&rt, connect)?, rt))) {
            Ok((exporter, rt)) => {
                let _ = ready.send(Ok(()));
                rt.block_on(batches.run(exporter));
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        let builder = thread::Builder::new().name("span-export".to_owned());
        let thread = builder.spawn(body).map_err(TelemetryError::Start)?;
        is_ready
            .recv()
            .expect("the thread says how its start went")?;
        Ok(Self {
            spans,
            orders,
            cancel,
            thread: Mutex::new(Some(thread)),
            health,
            flush_timeout: config.export_timeout,
        })
    }

    fn order(&self, limit: Duration, order: fn(SyncSender<()>) -> Order) -> OTelSdkResult {
        let (done, is_done) = std::sync::mpsc::sync_channel(1);
        self.orders
            .send(order(done))
            .map_err(|_| OTelSdkError::AlreadyShutdown)?;
        is_done
            .recv_timeout(limit)
            .map_err(|_| OTelSdkError::Timeout(limit))
    }
}

fn event_loop() -> Result<tokio::runtime::Runtime, TelemetryError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(TelemetryError::Start)
}

fn enter<E>(rt: &tokio::runtime::Runtime, connect: Connect<E>) -> Result<E, TelemetryError> {
    let _entered = rt.enter();
    connect()
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &OtelContext) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        self.health.queued();
        if let Err(TrySendError::Full(_) | TrySendError::Closed(_)) = self.spans.try_send(span) {
            self.health.overflowed();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.order(self.flush_timeout, Order::Flush)
    }

    /// What is not exported within `limit` is dropped and counted; the thread is gone afterwards.
    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        let result = self.order(limit, Order::Finish);
        self.cancel.cancel();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread.join().map_err(|_| {
                OTelSdkError::InternalFailure("the exporter's thread panicked".to_owned())
            })?;
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        let _ = self
            .orders
            .send(Order::Describe(Box::new(resource.clone())));
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}

/// The thread's side of a queue.
struct Batches {
    spans: mpsc::Receiver<SpanData>,
    orders: mpsc::UnboundedReceiver<Order>,
    cancel: CancellationToken,
    health: Health,
    delay: Duration,
    timeout: Duration,
    size: usize,
}

impl Batches {
    async fn run<E: SpanExporter>(mut self, mut exporter: E) {
        let mut batch = Vec::with_capacity(self.size);
        // Long gone, so that it is set by the first span.
        let mut due = Instant::now();
        loop {
            let room = self.size - batch.len();
            let is_first = batch.is_empty();
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Describe(resource)) => exporter.set_resource(&resource),
                    Some(Order::Flush(done)) => {
                        self.export_all(&exporter, &mut batch).await;
                        let _ = done.send(());
                    }
                    Some(Order::Finish(done)) => {
                        self.spans.close();
                        self.export_all(&exporter, &mut batch).await;
                        let _ = exporter.shutdown_with_timeout(self.timeout);
                        let _ = done.send(());
                        return;
                    }
                    // The telemetry was dropped without a shutdown.
                    None => return self.export_all(&exporter, &mut batch).await,
                },
                () = sleep_until(due), if !is_first => self.export(&exporter, &mut batch).await,
                _ = self.spans.recv_many(&mut batch, room) => {
                    if is_first {
                        due = Instant::now() + self.delay;
                    }
                    if batch.len() >= self.size {
                        self.export(&exporter, &mut batch).await;
                    }
                }
            }
        }
    }

    async fn export_all<E: SpanExporter>(&mut self, exporter: &E, batch: &mut Vec<SpanData>) {
        loop {
            while batch.len() < self.size {
                match self.spans.try_recv() {
                    Ok(span) => batch.push(span),
                    Err(_) => break,
                }
            }
            if batch.is_empty() {
                return;
            }
            self.export(exporter, batch).await;
        }
    }

    async fn export<E: SpanExporter>(&self, exporter: &E, batch: &mut Vec<SpanData>) {
        let spans = mem::replace(batch, Vec::with_capacity(self.size));
        let count = spans.len();
        let export = pin!(timeout(self.timeout, exporter.export(spans)));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => self.health.failed(count, "the program ended first"),
            result = export => match result {
                Ok(Ok(())) => self.health.exported(count),
                Ok(Err(error)) => self.health.failed(count, &error.to_string()),
                Err(_) => self.health.failed(count, "no answer within telemetry.batch.export_timeout"),
            },
        }
    }
}
