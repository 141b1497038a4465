//! Metrics in the text format of OpenMetrics, which has exemplars, as the older one of Prometheus has not.
//!
//! Source: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::{
    fmt::{self, Write as _},
    time::UNIX_EPOCH,
};

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::exemplars::{Exemplar, Exemplars, Series};

/// What `Content-Type` says of it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The last line of a page.
pub(super) const END: &str = "# EOF\n";

/// `families` as text; `exemplars` are found by `name_of`, which knows a family's name in the conventions.
pub(super) fn text(
    families: &[MetricFamily],
    exemplars: &Exemplars,
    name_of: impl Fn(&str) -> Option<&'static str>,
) -> String {
    let mut page = Page {
        text: String::new(),
        exemplars,
    };
    for family in families {
        page.family(family, name_of(family.name()));
    }
    page.text.push_str(END);
    page.text
}

struct Page<'a> {
    text: String,
    exemplars: &'a Exemplars,
}

impl Page<'_> {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes any text");
    }

    fn family(&mut self, family: &MetricFamily, instrument: Option<&str>) {
        let (kind, name) = match family.get_field_type() {
            MetricType::COUNTER => ("counter", family.name().trim_end_matches("_total")),
            MetricType::HISTOGRAM => ("histogram", family.name()),
            _ => match family.name().strip_suffix("_info") {
                Some(name) => ("info", name),
                None => ("gauge", family.name()),
            },
        };
        self.put(format_args!("# TYPE {name} {kind}\n"));
        if name.ends_with("_seconds") {
            self.put(format_args!("# UNIT {name} seconds\n"));
        }
        self.put(format_args!("# HELP {name} {}\n", Escaped(family.help())));
        for metric in family.get_metric() {
            match family.get_field_type() {
                MetricType::COUNTER => {
                    let value = Number(metric.get_counter().get_value());
                    self.sample(format_args!("{name}_total"), metric, None, &value);
                }
                MetricType::HISTOGRAM => self.histogram(name, instrument, metric),
                _ => {
                    let value = Number(metric.get_gauge().get_value());
                    self.sample(format_args!("{}", family.name()), metric, None, &value);
                }
            }
        }
    }

    fn sample(
        &mut self,
        name: fmt::Arguments<'_>,
        metric: &Metric,
        bound: Option<f64>,
        value: &dyn fmt::Display,
    ) {
        self.begin(name, metric, bound, value);
        self.text.push('\n');
    }

    fn begin(
        &mut self,
        name: fmt::Arguments<'_>,
        metric: &Metric,
        bound: Option<f64>,
        value: &dyn fmt::Display,
    ) {
        self.put(format_args!("{name}"));
        let bound = bound.map(|bound| format!("le=\"{}\"", Number(bound)));
        let labels = metric.get_label().iter().map(label).chain(bound);
        let labels: Vec<_> = labels.collect();
        if !labels.is_empty() {
            self.put(format_args!("{{{}}}", labels.join(",")));
        }
        self.put(format_args!(" {value}"));
    }

    fn histogram(&mut self, name: &str, instrument: Option<&str>, metric: &Metric) {
        let labels = metric.get_label().iter();
        let series =
            Series::new(labels.map(|label| (label.name().to_owned(), label.value().to_owned())));
        let exemplars = instrument.map(|instrument| self.exemplars.of(instrument, &series));
        let exemplars = exemplars.unwrap_or_default();
        let histogram = metric.get_histogram();
        for (index, (bound, count)) in buckets(histogram).into_iter().enumerate() {
            self.begin(format_args!("{name}_bucket"), metric, Some(bound), &count);
            if let Some(exemplar) = exemplars.get(index).copied().flatten() {
                self.exemplar(&exemplar);
            }
            self.text.push('\n');
        }
        let count = histogram.get_sample_count();
        self.sample(format_args!("{name}_count"), metric, None, &count);
        let sum = Number(histogram.get_sample_sum());
        self.sample(format_args!("{name}_sum"), metric, None, &sum);
    }

    /// ` # {trace_id="…",span_id="…"} value time`.
    fn exemplar(&mut self, exemplar: &Exemplar) {
        self.text.push_str(" # {");
        if let Some((trace, span)) = exemplar.span {
            self.put(format_args!("trace_id=\"{trace}\",span_id=\"{span}\""));
        }
        let time = exemplar.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.put(format_args!(
            "}} {} {:.3}",
            Number(exemplar.value),
            time.as_secs_f64()
        ));
    }
}

/// Upper bound and cumulative count of each bucket, up to infinity.
fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let buckets = histogram.get_bucket().iter();
    let mut buckets: Vec<_> = buckets
        .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
        .collect();
    if buckets.last().is_none_or(|(bound, _)| bound.is_finite()) {
        buckets.push((f64::INFINITY, histogram.get_sample_count()));
    }
    buckets
}

fn label(label: &LabelPair) -> String {
    format!("{}=\"{}\"", label.name(), Escaped(label.value()))
}

/// A number as OpenMetrics writes bounds: always with a point, and infinity as `+Inf`.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == f64::INFINITY {
            f.write_str("+Inf")
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
