//! The metrics of one service, by the conventions, and their Prometheus text.
//!
//! Labels are bounded: values that come from outside go through [`Names`], which folds what is too many into `_OTHER`, and
//! no id is ever a label. Rendering is the OpenTelemetry project's own exporter for Prometheus, which is maintained with
//! the SDK: names, units and escaping are its business.

mod exemplars;
mod format;
mod instruments;
mod names;
mod open_metrics;
mod prometheus;
mod push;
mod record;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, metrics::MeterProvider as _};
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider};

use super::{Span, build::scope, export::Monitor, keys, pipeline::SpanCounts};
use crate::config::ExemplarFilter;

pub use format::MetricsFormat;
pub(super) use push::Push;
pub use record::{DbCall, HttpExchange, MessagingCall, Place, Processed, QueueDepth};

use exemplars::Exemplars;
use instruments::Instruments;
use names::Names;
use prometheus::Rendering;

/// Records what a service does. A cheap clone; where telemetry is off it does nothing.
#[derive(Clone)]
pub struct Metrics(Option<Arc<Inner>>);

struct Inner {
    instruments: Instruments,
    exemplars: Arc<Exemplars>,
    names: Names,
    /// None where nobody fetches.
    rendering: Option<Rendering>,
    pushes: Vec<Push>,
    /// Instruments end with it.
    provider: SdkMeterProvider,
}

/// The ways that metrics leave.
#[derive(Debug)]
pub(super) struct Ways {
    /// Whether they are kept for Prometheus to fetch.
    pub(super) is_fetched: bool,
    pub(super) pushes: Vec<Push>,
    /// Which measurements may become exemplars.
    pub(super) exemplars: ExemplarFilter,
}

/// Something that is being worked on; counted until it is dropped.
#[must_use = "it is in flight until it is dropped"]
pub struct InFlight(Option<(Metrics, KeyValue)>);

impl Metrics {
    /// Metrics that record nothing.
    pub(super) fn off() -> Self {
        Self(None)
    }

    /// Metrics that leave by `ways`; without any they are off.
    pub(super) fn new(
        resource: &Resource,
        counts: &Arc<SpanCounts>,
        exporters: &[Monitor],
        ways: Ways,
    ) -> Self {
        if !ways.is_fetched && ways.pushes.is_empty() {
            return Self::off();
        }
        let mut builder = SdkMeterProvider::builder().with_resource(resource.clone());
        let rendering = ways.is_fetched.then(|| {
            let (rendering, reader) = Rendering::new();
            builder = std::mem::take(&mut builder).with_reader(reader);
            rendering
        });
        let exemplars = Arc::new(Exemplars::new(ways.exemplars, instruments::DURATIONS));
        for push in &ways.pushes {
            builder = builder.with_reader(push.reader(&exemplars));
        }
        let provider = builder.build();
        let meter = provider.meter_with_scope(scope());
        instruments::observe_spans(&meter, counts, exporters);
        Self(Some(Arc::new(Inner {
            instruments: Instruments::new(&meter),
            exemplars,
            names: Names::default(),
            rendering,
            pushes: ways.pushes,
            provider,
        })))
    }

    /// Sends what was measured by now, where it is sent; it blocks.
    pub(super) fn flush(&self) {
        let Some(inner) = &self.0 else { return };
        let _ = inner.provider.force_flush();
        for push in &inner.pushes {
            let _ = push.queue.flush();
        }
    }

    /// Sends what was measured to the end, within `limit`; it blocks.
    pub(super) fn shutdown(&self, limit: Duration) {
        let Some(inner) = &self.0 else { return };
        let end = Instant::now() + limit;
        // Those that are fetched stay until the process ends.
        if inner.pushes.is_empty() {
            return;
        }
        let _ = inner.provider.force_flush();
        for push in &inner.pushes {
            let _ = push
                .queue
                .finish(end.saturating_duration_since(Instant::now()));
        }
    }

    /// A delivery came in, by `destination`: `exchange:routing key:queue`, as in the name of its span.
    pub fn consumed(&self, system: &'static str, server: Option<(&str, u16)>, destination: &str) {
        let Some(inner) = &self.0 else { return };
        let labels = inner.messaging(system, server, "consume", destination);
        inner.instruments.consumed.add(1, &labels);
    }

    /// The depth of `queue` is what `read` finds, whenever somebody wants to know; `None`: it is gone.
    ///
    /// `read` must be quick: a page of metrics waits for it.
    pub fn watch_queue(
        &self,
        queue: &str,
        read: impl Fn() -> Option<QueueDepth> + Send + Sync + 'static,
    ) {
        let Some(inner) = &self.0 else { return };
        let label = inner.label(keys::MESSAGING_DESTINATION_NAME, queue);
        instruments::observe_queue(&inner.provider.meter_with_scope(scope()), label, read);
    }

    /// A delivery of `queue` is being worked on until the result is dropped.
    pub fn in_flight(&self, queue: &str) -> InFlight {
        InFlight(self.0.as_ref().map(|inner| {
            let label = inner.label(keys::MESSAGING_DESTINATION_NAME, queue);
            inner
                .instruments
                .in_flight
                .add(1, std::slice::from_ref(&label));
            (self.clone(), label)
        }))
    }

    /// A delivery was worked on.
    pub fn processed(&self, processed: Processed<'_>) {
        let Some(inner) = &self.0 else { return };
        let Processed { system, server, .. } = processed;
        let mut labels = inner.messaging(system, server, "process", processed.destination);
        let queue = || inner.label(keys::MESSAGING_DESTINATION_NAME, processed.queue);
        labels.push(KeyValue::new(keys::CHIMERA_OUTCOME, processed.outcome));
        labels.extend(processed.error_type.map(static_label));
        let seconds = processed.duration.as_secs_f64();
        let instruments = &inner.instruments;
        inner.record(
            &instruments.process_duration,
            seconds,
            &labels,
            processed.span,
        );
        match processed.outcome {
            "retry" => instruments.retries.add(1, &[queue()]),
            "dead_letter" => instruments.dead_letters.add(1, &[queue()]),
            _ => {}
        }
    }

    /// A message was sent, or was to be.
    pub fn sent(&self, call: MessagingCall<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut labels = inner.called(call);
        inner.instruments.sent.add(1, &labels);
        labels.push(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "send"));
        inner.call_took(call, &labels);
    }

    /// A delivery was settled, or was to be.
    pub fn settled(&self, call: MessagingCall<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut labels = inner.called(call);
        labels.push(KeyValue::new(keys::MESSAGING_OPERATION_TYPE, "settle"));
        inner.call_took(call, &labels);
    }

    /// An event was published that no queue takes.
    pub fn unrouted(&self, routing_key: &str) {
        let Some(inner) = &self.0 else { return };
        let label = inner.label(
            keys::MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY,
            routing_key,
        );
        inner.instruments.unrouted.add(1, &[label]);
    }

    /// A database or a cache was called.
    pub fn database(&self, call: DbCall<'_>) {
        let Some(inner) = &self.0 else { return };
        let mut labels = vec![
            KeyValue::new(keys::DB_SYSTEM_NAME, call.system),
            KeyValue::new(keys::DB_OPERATION_NAME, call.operation),
        ];
        let texts = [
            (keys::DB_COLLECTION_NAME, call.collection),
            (keys::DB_NAMESPACE, call.namespace),
            (keys::SERVER_ADDRESS, call.server.map(|(host, _)| host)),
            (keys::DB_RESPONSE_STATUS_CODE, call.status_code),
        ];
        let named = |(key, value): (_, Option<_>)| Some(inner.label(key, value?));
        labels.extend(texts.into_iter().filter_map(named));
        if let Some((_, port)) = call.server {
            labels.push(KeyValue::new(keys::SERVER_PORT, i64::from(port)));
        }
        labels.extend(
            call.error_type
                .map(|error_type| inner.label(keys::ERROR_TYPE, error_type)),
        );
        let seconds = call.duration.as_secs_f64();
        inner.record(&inner.instruments.db_duration, seconds, &labels, call.span);
    }

    /// An HTTP request was answered, or was to be.
    pub fn http(&self, exchange: HttpExchange<'_>) {
        let Some(inner) = &self.0 else { return };
        let seconds = exchange.duration.as_secs_f64();
        let method = KeyValue::new(keys::HTTP_REQUEST_METHOD, exchange.method.value());
        let version = exchange.protocol_version;
        let version = version.map(|version| KeyValue::new(keys::NETWORK_PROTOCOL_VERSION, version));
        let instruments = &inner.instruments;
        let (histogram, place, rest) = match exchange.place {
            Place::Server(route) => (
                &instruments.http_server_duration,
                route.map(|route| inner.label(keys::HTTP_ROUTE, route)),
                // What is in front of us may speak TLS; we do not.
                Some(KeyValue::new(keys::URL_SCHEME, "http")),
            ),
            Place::Client(host, port) => (
                &instruments.http_client_duration,
                Some(inner.label(keys::SERVER_ADDRESS, host)),
                port.map(|port| KeyValue::new(keys::SERVER_PORT, i64::from(port))),
            ),
        };
        let status = exchange
            .status
            .map(|status| KeyValue::new(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        let error = exchange
            .error_type
            .map(|error| inner.label(keys::ERROR_TYPE, error));
        let labels: Vec<_> = [Some(method), place, rest, version, status, error]
            .into_iter()
            .flatten()
            .collect();
        inner.record(histogram, seconds, &labels, exchange.span);
    }

    /// All metrics in the text format of Prometheus; empty where telemetry is off.
    ///
    /// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
    pub fn prometheus(&self) -> String {
        self.page(MetricsFormat::Prometheus)
    }

    /// All metrics in `format`; none where telemetry is off, or nobody is to fetch them.
    pub fn page(&self, format: MetricsFormat) -> String {
        let inner = self.0.as_ref();
        let fetched = inner.and_then(|inner| Some((inner, inner.rendering.as_ref()?)));
        match (fetched, format) {
            (None, MetricsFormat::Prometheus) => String::new(),
            // Also a page without metrics has an end, by which a whole one is told from one that was cut off.
            (None, MetricsFormat::OpenMetrics) => open_metrics::END.to_owned(),
            (Some((_, rendering)), MetricsFormat::Prometheus) => rendering.text(),
            (Some((inner, rendering)), MetricsFormat::OpenMetrics) => {
                rendering.open_metrics(&inner.exemplars)
            }
        }
    }
}

impl Inner {
    fn record(
        &self,
        duration: &instruments::Duration,
        seconds: f64,
        labels: &[KeyValue],
        span: Option<&Span>,
    ) {
        duration.histogram.record(seconds, labels);
        let context = span.map(Span::context);
        self.exemplars
            .offer(duration.name, seconds, labels, context.as_ref());
    }

    fn called(&self, call: MessagingCall<'_>) -> Vec<KeyValue> {
        let mut labels = self.messaging(call.system, call.server, call.operation, call.destination);
        labels.extend(call.error_type.map(static_label));
        labels
    }

    fn call_took(&self, call: MessagingCall<'_>, labels: &[KeyValue]) {
        let seconds = call.duration.as_secs_f64();
        self.record(
            &self.instruments.client_duration,
            seconds,
            labels,
            call.span,
        );
    }

    /// The labels that every metric of messaging has.
    fn messaging(
        &self,
        system: &'static str,
        server: Option<(&str, u16)>,
        operation: &'static str,
        destination: &str,
    ) -> Vec<KeyValue> {
        let mut labels = Vec::with_capacity(7);
        labels.push(KeyValue::new(keys::MESSAGING_SYSTEM, system));
        labels.push(KeyValue::new(keys::MESSAGING_OPERATION_NAME, operation));
        labels.push(self.label(keys::MESSAGING_DESTINATION_NAME, destination));
        if let Some((host, port)) = server {
            labels.push(self.label(keys::SERVER_ADDRESS, host));
            labels.push(KeyValue::new(keys::SERVER_PORT, i64::from(port)));
        }
        labels
    }

    fn label(&self, key: &'static str, value: &str) -> KeyValue {
        KeyValue::new(key, self.names.get(value))
    }
}

fn static_label(error_type: &'static str) -> KeyValue {
    KeyValue::new(keys::ERROR_TYPE, error_type)
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some((Metrics(Some(inner)), label)) = &self.0 {
            inner
                .instruments
                .in_flight
                .add(-1, std::slice::from_ref(label));
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("is_on", &self.0.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
