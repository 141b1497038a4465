//! What an exporter is, beside what it does.

use super::super::advice::Setting;
use crate::config::{OtlpSignal, Signal};

/// What an exporter is, for those who read its log lines.
#[derive(Debug)]
pub(in crate::telemetry) struct About {
    /// Its name in the configuration.
    pub(in crate::telemetry) exporter: &'static str,
    pub(in crate::telemetry) signal: Signal,
    /// Where to; credentials are left out of what is said.
    pub(in crate::telemetry) target: String,
    pub(in crate::telemetry::export) setting: Setting,
}

impl About {
    /// An exporter of spans that is configured in `section`.
    pub(in crate::telemetry::export) fn spans(
        exporter: &'static str,
        target: &str,
        section: &'static str,
    ) -> Self {
        Self {
            exporter,
            signal: Signal::Traces,
            target: target.to_owned(),
            setting: Setting {
                section,
                protocol: None,
            },
        }
    }

    /// The OTLP exporter of `signal`.
    pub(in crate::telemetry::export) fn otlp(signal: Signal, settings: &OtlpSignal) -> Self {
        Self {
            exporter: "otlp",
            signal,
            target: settings.url.expose().to_owned(),
            setting: Setting {
                section: "telemetry.otlp",
                protocol: Some(settings.protocol),
            },
        }
    }
}
