//! Metrics on standard error, for people: a line for each series.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value as Any},
    metrics::v1::{HistogramDataPoint, Metric, metric::Data, number_data_point::Value as Number},
};

use super::super::{
    failure::Failure,
    queue::{Export, Taken},
    retry::Patience,
};
use crate::telemetry::keys;

/// Writes each collection when it comes.
#[derive(Debug)]
pub(in crate::telemetry::export) struct MetricLines;

impl Export<ExportMetricsServiceRequest> for MetricLines {
    async fn export(
        &mut self,
        batch: Vec<ExportMetricsServiceRequest>,
        _patience: &Patience,
    ) -> Result<Taken, Failure> {
        let text: String = batch.iter().map(lines).collect();
        // A console that is gone is no reason to fail.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        Ok(Taken::default())
    }
}

/// `metrics of service` and below it `name {key=value} value unit` for each series.
fn lines(request: &ExportMetricsServiceRequest) -> String {
    let mut text = String::new();
    for resource in &request.resource_metrics {
        let attributes = resource
            .resource
            .iter()
            .flat_map(|resource| &resource.attributes);
        let mut names = attributes.filter(|attribute| attribute.key == keys::SERVICE_NAME);
        let name = names.next().map(|name| value(name.value.as_ref()));
        put(
            &mut text,
            &format!("metrics of {}", name.unwrap_or_default()),
        );
        for metric in resource
            .scope_metrics
            .iter()
            .flat_map(|scope| &scope.metrics)
        {
            for (attributes, value) in series(metric) {
                let labels: Vec<_> = attributes.iter().map(label).collect();
                let labels = labels.join(" ");
                let Metric { name, unit, .. } = metric;
                put(&mut text, &format!("  {name} {{{labels}}} {value} {unit}"));
            }
        }
    }
    text
}

/// Values come from outside and must not be able to forge a line.
fn put(text: &mut String, line: &str) {
    let clean = line.replace(|char: char| char.is_control(), " ");
    writeln!(text, "{}", clean.trim_end()).expect("a string takes any text");
}

fn series(metric: &Metric) -> Vec<(&[KeyValue], String)> {
    let number = |value: Option<Number>| match value {
        Some(Number::AsInt(value)) => value.to_string(),
        Some(Number::AsDouble(value)) => value.to_string(),
        None => "-".to_owned(),
    };
    match &metric.data {
        Some(Data::Sum(sum)) => {
            let points = sum.data_points.iter();
            points
                .map(|point| (&*point.attributes, number(point.value)))
                .collect()
        }
        Some(Data::Gauge(gauge)) => {
            let points = gauge.data_points.iter();
            points
                .map(|point| (&*point.attributes, number(point.value)))
                .collect()
        }
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter();
            points
                .map(|point| (&*point.attributes, spread(point)))
                .collect()
        }
        // None of ours.
        _ => Vec::new(),
    }
}

/// `12 times, 0.034 on average, 0.002 to 0.9`.
fn spread(point: &HistogramDataPoint) -> String {
    let mut text = format!("{} times", point.count);
    if let Some(sum) = point.sum.filter(|_| point.count > 0) {
        write!(text, ", {:.6} on average", sum / point.count as f64)
            .expect("a string takes any text");
    }
    if let Some((min, max)) = point.min.zip(point.max) {
        write!(text, ", {min:.6} to {max:.6}").expect("a string takes any text");
    }
    text
}

fn label(attribute: &KeyValue) -> String {
    format!("{}={}", attribute.key, value(attribute.value.as_ref()))
}

fn value(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::DoubleValue(number)) => number.to_string(),
        Some(Any::BoolValue(truth)) => truth.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::{
        Resource,
        metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider},
    };

    use super::*;

    #[test]
    fn a_series_is_a_line() {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .with_resource(Resource::builder_empty().with_service_name("svc").build())
            .build();
        let meter = provider.meter("test");
        let label = [opentelemetry::KeyValue::new("queue", "a\nb")];
        meter
            .u64_counter("sent")
            .with_unit("{message}")
            .build()
            .add(2, &label);
        let took = meter.f64_histogram("took").with_unit("s").build();
        took.record(0.25, &[]);
        took.record(0.75, &[]);
        provider.force_flush().unwrap();
        let collected = exporter.get_finished_metrics().unwrap();
        let text = lines(&(&collected[0]).into());
        let mut lines: Vec<_> = text.lines().collect();
        lines[1..].sort_unstable();
        assert_eq!(
            lines,
            [
                "metrics of svc",
                "  sent {queue=a b} 2 {message}",
                "  took {} 2 times, 0.500000 on average, 0.250000 to 0.750000 s",
            ]
        );
    }
}
