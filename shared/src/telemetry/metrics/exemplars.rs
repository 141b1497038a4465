//! Exemplars: for each bucket of a duration, a measurement and the span that it was made in.
//!
//! The SDK has a place for them in what it collects, and records none. So they are kept here, beside the histograms, and
//! put into what is sent and what is fetched. A few a second are taken, not each: one leads to a trace, and that is all
//! it is for.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/metrics/sdk/#exemplar>.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{KeyValue, SpanId, TraceId, trace::SpanContext};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue as OtlpKeyValue, any_value::Value as Any},
    metrics::v1::{AggregationTemporality, Exemplar as OtlpExemplar, exemplar, metric::Data},
};

use crate::{config::ExemplarFilter, telemetry::keys};

/// Between two exemplars of one bucket; failures have turns of their own.
const INTERVAL: Duration = Duration::from_millis(100);

/// Series of one histogram that can have exemplars. Labels are bounded, and this bounds their combinations.
const MAX_SERIES: usize = 1_000;

/// The exemplars of every histogram.
#[derive(Debug)]
pub(super) struct Exemplars {
    filter: ExemplarFilter,
    began: Instant,
    histograms: HashMap<&'static str, Histogram>,
}

#[derive(Debug)]
struct Histogram {
    bounds: &'static [f64],
    /// When the next one of each bucket may be taken, milliseconds since the beginning; without and with an error.
    due: Vec<[AtomicU64; 2]>,
    series: Mutex<HashMap<Series, Vec<Option<Exemplar>>>>,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    pub(super) value: f64,
    pub(super) time: SystemTime,
    /// Where it was made, if that is in a trace.
    pub(super) span: Option<(TraceId, SpanId)>,
}

/// The labels of a series, so that those of the SDK, of OTLP and of Prometheus are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Series(Vec<(String, String)>);

impl Series {
    pub(super) fn new(labels: impl IntoIterator<Item = (String, String)>) -> Self {
        let service = prometheus_name(keys::SERVICE_NAME);
        let labels = labels.into_iter();
        let labels = labels.map(|(key, value)| (prometheus_name(&key), value));
        let mut labels: Vec<_> = labels.filter(|(key, _)| *key != service).collect();
        labels.sort_unstable();
        Self(labels)
    }

    fn of(labels: &[KeyValue]) -> Self {
        let labels = labels.iter();
        Self::new(labels.map(|label| (label.key.to_string(), label.value.to_string())))
    }

    fn of_otlp(labels: &[OtlpKeyValue]) -> Self {
        let text = |label: &OtlpKeyValue| match label.value.as_ref()?.value.as_ref()? {
            Any::StringValue(text) => Some(text.clone()),
            Any::IntValue(number) => Some(number.to_string()),
            // No label of ours is anything else.
            _ => None,
        };
        let labels = labels.iter();
        Self::new(labels.map(|label| (label.key.clone(), text(label).unwrap_or_default())))
    }
}

/// A name of the conventions as Prometheus writes it.
pub(super) fn prometheus_name(name: &str) -> String {
    name.replace('.', "_")
}

impl Exemplars {
    /// Room for those of `histograms`: names and bounds.
    pub(super) fn new(
        filter: ExemplarFilter,
        histograms: impl IntoIterator<Item = (&'static str, &'static [f64])>,
    ) -> Self {
        let histograms = histograms.into_iter().map(|(name, bounds)| {
            let histogram = Histogram {
                bounds,
                due: (0..=bounds.len()).map(|_| Default::default()).collect(),
                series: Mutex::default(),
            };
            (name, histogram)
        });
        Self {
            filter,
            began: Instant::now(),
            histograms: histograms.collect(),
        }
    }

    /// A measurement was made, in the span of `span`.
    pub(super) fn offer(
        &self,
        name: &str,
        value: f64,
        labels: &[KeyValue],
        span: Option<&SpanContext>,
    ) {
        let is_wanted = match self.filter {
            ExemplarFilter::AlwaysOn => true,
            ExemplarFilter::TraceBased => span.is_some_and(SpanContext::is_sampled),
            ExemplarFilter::AlwaysOff => false,
        };
        let Some(histogram) = self.histograms.get(name).filter(|_| is_wanted) else {
            return;
        };
        let bucket = histogram.bounds.partition_point(|bound| *bound < value);
        let is_error = labels
            .iter()
            .any(|label| label.key.as_str() == keys::ERROR_TYPE);
        if !self.is_due(&histogram.due[bucket][usize::from(is_error)]) {
            return;
        }
        let exemplar = Exemplar {
            value,
            time: SystemTime::now(),
            span: span
                .filter(|span| span.is_valid())
                .map(|span| (span.trace_id(), span.span_id())),
        };
        let series = Series::of(labels);
        let mut known = histogram.lock();
        if known.len() < MAX_SERIES || known.contains_key(&series) {
            let buckets = histogram.bounds.len() + 1;
            known.entry(series).or_insert_with(|| vec![None; buckets])[bucket] = Some(exemplar);
        }
    }

    fn is_due(&self, due: &AtomicU64) -> bool {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = now + INTERVAL.as_millis() as u64;
        due.fetch_update(Relaxed, Relaxed, |due| (due <= now).then_some(next))
            .is_ok()
    }

    /// Those of a series, by bucket; none where there are none.
    pub(super) fn of(&self, name: &str, series: &Series) -> Vec<Option<Exemplar>> {
        let found = self.histograms.get(name).map(Histogram::lock);
        found
            .and_then(|known| known.get(series).cloned())
            .unwrap_or_default()
    }

    /// Puts them into what is sent. A sum of what came since the last time has only those that came since.
    pub(super) fn add_to(&self, request: &mut ExportMetricsServiceRequest) {
        let resources = request.resource_metrics.iter_mut();
        let scopes = resources.flat_map(|resource| &mut resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            if let Some(Data::Histogram(histogram)) = &mut metric.data {
                let is_delta = histogram.aggregation_temporality() == AggregationTemporality::Delta;
                for point in &mut histogram.data_points {
                    let since = if is_delta {
                        point.start_time_unix_nano
                    } else {
                        0
                    };
                    let found = self.of(&metric.name, &Series::of_otlp(&point.attributes));
                    let found = found.into_iter().flatten().map(OtlpExemplar::from);
                    point.exemplars = found
                        .filter(|exemplar| exemplar.time_unix_nano >= since)
                        .collect();
                }
            }
        }
    }
}

impl Histogram {
    fn lock(&self) -> MutexGuard<'_, HashMap<Series, Vec<Option<Exemplar>>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Exemplar> for OtlpExemplar {
    fn from(exemplar: Exemplar) -> Self {
        let since = exemplar.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (trace, span) = exemplar.span.unzip();
        Self {
            filtered_attributes: Vec::new(),
            time_unix_nano: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            span_id: span.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
            trace_id: trace.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
            value: Some(exemplar::Value::AsDouble(exemplar.value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{TraceFlags, trace::TraceState};
    use opentelemetry_proto::tonic::{
        common::v1::AnyValue,
        metrics::v1::{
            Histogram as OtlpHistogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
        },
    };

    use super::*;

    const NAME: &str = "h";

    fn span(number: u64, flags: TraceFlags) -> SpanContext {
        let trace = TraceId::from(u128::from(number));
        SpanContext::new(
            trace,
            SpanId::from(number),
            flags,
            false,
            TraceState::default(),
        )
    }

    fn exemplars(filter: ExemplarFilter) -> Exemplars {
        Exemplars::new(filter, [(NAME, &[0.1, 1.0][..])])
    }

    /// The spans of the exemplars of the series with `label`, by bucket.
    fn spans(exemplars: &Exemplars, label: &'static str) -> Vec<Option<u64>> {
        let series = Series::of(&[KeyValue::new("a.b", label)]);
        let found = exemplars.of(NAME, &series).into_iter();
        let id = |exemplar: Exemplar| {
            exemplar
                .span
                .map_or(0, |(_, span)| u64::from_be_bytes(span.to_bytes()))
        };
        found.map(|exemplar| exemplar.map(id)).collect()
    }

    fn request(metric: Metric) -> ExportMetricsServiceRequest {
        let scope_metrics = vec![ScopeMetrics {
            metrics: vec![metric],
            ..ScopeMetrics::default()
        }];
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                scope_metrics,
                ..ResourceMetrics::default()
            }],
        }
    }

    #[test]
    fn each_bucket_has_its_own() {
        let exemplars = exemplars(ExemplarFilter::TraceBased);
        let offer = |value, number, flags| {
            let labels = [KeyValue::new("a.b", "x")];
            exemplars.offer(NAME, value, &labels, Some(&span(number, flags)));
        };
        offer(0.05, 1, TraceFlags::default());
        offer(0.1, 2, TraceFlags::SAMPLED);
        // Too soon after another one of its bucket.
        offer(0.01, 3, TraceFlags::SAMPLED);
        offer(7.0, 4, TraceFlags::SAMPLED);
        assert_eq!(spans(&exemplars, "x"), [Some(2), None, Some(4)]);
        assert_eq!(spans(&exemplars, "y"), []);
    }

    #[test]
    fn the_filter_decides() {
        let taken = |filter, context: Option<&SpanContext>| {
            let exemplars = exemplars(filter);
            exemplars.offer(NAME, 0.5, &[KeyValue::new("a.b", "x")], context);
            spans(&exemplars, "x").len() == 3
        };
        let recorded = span(1, TraceFlags::SAMPLED);
        assert!(taken(ExemplarFilter::TraceBased, Some(&recorded)));
        assert!(!taken(ExemplarFilter::TraceBased, None));
        assert!(taken(ExemplarFilter::AlwaysOn, None));
        assert!(!taken(ExemplarFilter::AlwaysOff, Some(&recorded)));
    }

    #[test]
    fn what_was_sent_as_a_difference_is_not_sent_again() {
        fn check(temporality: AggregationTemporality, expected: [usize; 2]) {
            let exemplars = exemplars(ExemplarFilter::AlwaysOn);
            exemplars.offer(NAME, 0.5, &[KeyValue::new("a.b", "x")], None);
            let since = |time: SystemTime| {
                let since = time.duration_since(UNIX_EPOCH).unwrap();
                u64::try_from(since.as_nanos()).unwrap()
            };
            let sent = |start_time_unix_nano| {
                let point = HistogramDataPoint {
                    attributes: vec![OtlpKeyValue {
                        key: "a.b".to_owned(),
                        value: Some(AnyValue {
                            value: Some(Any::StringValue("x".to_owned())),
                        }),
                        ..OtlpKeyValue::default()
                    }],
                    start_time_unix_nano,
                    ..HistogramDataPoint::default()
                };
                let metric = Metric {
                    name: NAME.to_owned(),
                    data: Some(Data::Histogram(OtlpHistogram {
                        data_points: vec![point],
                        aggregation_temporality: temporality.into(),
                    })),
                    ..Metric::default()
                };
                let mut request = request(metric);
                exemplars.add_to(&mut request);
                let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
                match &metric.data {
                    Some(Data::Histogram(sent)) => sent.data_points[0].exemplars.len(),
                    other => panic!("{other:?}"),
                }
            };
            let now = since(SystemTime::now());
            let second = 1_000_000_000;
            assert_eq!([sent(now - second), sent(now + second)], expected);
        }
        check(AggregationTemporality::Delta, [1, 0]);
        check(AggregationTemporality::Cumulative, [1, 1]);
    }

    #[test]
    fn failures_are_not_crowded_out() {
        let exemplars = exemplars(ExemplarFilter::TraceBased);
        let recorded = span(1, TraceFlags::SAMPLED);
        let good = [KeyValue::new("a.b", "x")];
        let bad = [
            KeyValue::new("a.b", "x"),
            KeyValue::new(keys::ERROR_TYPE, "timeout"),
        ];
        exemplars.offer(NAME, 0.5, &good, Some(&recorded));
        exemplars.offer(NAME, 0.5, &bad, Some(&recorded));
        assert_eq!(
            exemplars
                .of(NAME, &Series::of(&bad))
                .iter()
                .flatten()
                .count(),
            1
        );
    }
}
