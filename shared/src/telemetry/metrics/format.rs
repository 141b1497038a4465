//! The formats of a page of metrics, and which of them a client wants.

use super::open_metrics;

/// The format of a page of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// The text that every Prometheus reads; it has no exemplars.
    Prometheus,
    /// OpenMetrics, for those who ask for it.
    OpenMetrics,
}

impl MetricsFormat {
    /// What a client likes best, by the value of its `Accept` header.
    ///
    /// Source: RFC 9110, section 12.5.1.
    pub fn accepted(accept: &str) -> Self {
        let open = quality(accept, "application/openmetrics-text");
        match open > 0.0 && open >= quality(accept, "text/plain") {
            true => Self::OpenMetrics,
            false => Self::Prometheus,
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => open_metrics::CONTENT_TYPE,
        }
    }
}

/// How much a client likes `wanted`, from 0 (not at all, or it does not say) to 1.
fn quality(accept: &str, wanted: &str) -> f32 {
    let kinds = accept.split(',').filter_map(|kind| {
        let mut parts = kind.split(';').map(str::trim);
        let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
        is_wanted.then(|| {
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            weight.map_or(1.0, |weight| weight.parse().unwrap_or_default())
        })
    });
    kinds.fold(0.0, f32::max)
}
