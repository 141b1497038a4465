//! The standard variables of OpenTelemetry, as entries of the telemetry section.
//!
//! Sources: the OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry Protocol
//! Exporter". An empty value counts as unset; one that cannot be used is left out with a warning and never stops the
//! program; what is said for traces alone beats what is said for all signals.

use std::collections::BTreeMap;

use super::choices::Exporter;
use super::layers::{Entry, Input, WhenWrong};
use super::problem::{Origin, quoted};
use super::value::{Value, elements, pairs};

/// What kind of value the specification gives a variable.
#[derive(Clone, Copy)]
enum Kind {
    /// A text, as it is.
    Text,
    /// A word of a few, in any case.
    Word,
    /// `key=value,key=value`, percent-encoded.
    Pairs,
    /// A whole number.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds, where 0 is no limit.
    Timeout,
}

/// The variables that stand for one key each. Of two for one key, the later one wins.
const VARIABLES: [(&str, &str, Kind); 16] = [
    ("OTEL_SERVICE_NAME", "service_name", Kind::Text),
    ("OTEL_TRACES_SAMPLER", "sampler", Kind::Word),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp.endpoint", Kind::Text),
    (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "otlp.traces_endpoint",
        Kind::Text,
    ),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "otlp.protocol", Kind::Word),
    (
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "otlp.protocol",
        Kind::Word,
    ),
    ("OTEL_EXPORTER_OTLP_HEADERS", "otlp.headers", Kind::Pairs),
    (
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "otlp.headers",
        Kind::Pairs,
    ),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "otlp.timeout", Kind::Timeout),
    (
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "otlp.timeout",
        Kind::Timeout,
    ),
    (
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "otlp.compression",
        Kind::Word,
    ),
    (
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "otlp.compression",
        Kind::Word,
    ),
    (
        "OTEL_BSP_SCHEDULE_DELAY",
        "batch.schedule_delay",
        Kind::Milliseconds,
    ),
    (
        "OTEL_BSP_EXPORT_TIMEOUT",
        "batch.export_timeout",
        Kind::Timeout,
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "batch.max_queue_size",
        Kind::Count,
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "batch.max_export_batch_size",
        Kind::Count,
    ),
];

/// The variables that need more than a translation.
const SPECIAL: [&str; 4] = [
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_RESOURCE_ATTRIBUTES",
];

/// What "no limit" becomes: the most milliseconds that a 32-bit integer holds, as the specification suggests.
const UNLIMITED_MS: u64 = i32::MAX as u64;

/// Each variable that is read, with the key that it sets.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, String)> {
    let special =
        SPECIAL
            .into_iter()
            .zip(["enabled", "exporters", "sampler_arg", "resource_attributes"]);
    let plain = VARIABLES.into_iter().map(|(name, key, _)| (name, key));
    special
        .chain(plain)
        .map(|(name, key)| (name, format!("telemetry.{key}")))
}

/// The entries that the standard variables of `environment` make; what cannot be used goes to `warnings`.
pub(super) fn entries(
    environment: &BTreeMap<String, String>,
    warnings: &mut Vec<String>,
) -> Vec<Entry> {
    let mut reading = Reading {
        environment,
        warnings,
        entries: Vec::new(),
    };
    reading.sdk_disabled();
    reading.exporters();
    // Before the plain variables, so that OTEL_SERVICE_NAME beats a `service.name` among the attributes.
    reading.resource_attributes();
    for (name, key, kind) in VARIABLES {
        reading.plain(name, key, kind);
    }
    reading.sampler_arg();
    reading.entries
}

/// The environment being read.
struct Reading<'a> {
    environment: &'a BTreeMap<String, String>,
    warnings: &'a mut Vec<String>,
    entries: Vec<Entry>,
}

impl<'a> Reading<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.environment
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn add(&mut self, name: &str, key: &str, input: Input) {
        self.entries.push(Entry {
            key: format!("telemetry.{key}"),
            input,
            origin: Origin::Variable(name.to_owned()),
            when_wrong: WhenWrong::Warn,
        });
    }

    fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!(
            "{} is ignored: {what}",
            Origin::Variable(name.to_owned())
        ));
    }

    fn plain(&mut self, name: &str, key: &str, kind: Kind) {
        let Some(text) = self.get(name) else { return };
        let string = |text: String| Some(Input::Toml(text.into()));
        let input = match kind {
            Kind::Text => string(text.to_owned()),
            Kind::Word => string(text.to_ascii_lowercase()),
            Kind::Pairs => Some(Input::Text(text.to_owned())),
            Kind::Count => text
                .parse::<i64>()
                .ok()
                .map(|count| Input::Toml(count.into())),
            Kind::Milliseconds => text
                .parse::<u64>()
                .ok()
                .and_then(|count| string(format!("{count}ms"))),
            Kind::Timeout => text.parse::<u64>().ok().and_then(|count| {
                let count = if count == 0 { UNLIMITED_MS } else { count };
                string(format!("{count}ms"))
            }),
        };
        match input {
            Some(input) => self.add(name, key, input),
            None => self.warn(
                name,
                &format!("expected a whole number, found {}", quoted(text)),
            ),
        }
    }

    fn sdk_disabled(&mut self) {
        let name = "OTEL_SDK_DISABLED";
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            Some("true") => self.add(name, "enabled", Input::Toml(false.into())),
            // Any other value "will have no effect", says the specification.
            Some("false") | None => {}
            Some(other) => self.warn(
                name,
                &format!("expected true or false, found {}", quoted(other)),
            ),
        }
    }

    /// Of a list, the names that are known count.
    fn exporters(&mut self) {
        let name = "OTEL_TRACES_EXPORTER";
        let Some(text) = self.get(name) else { return };
        let mut exporters = Vec::new();
        for word in elements(text) {
            match Exporter::from_toml(&word.to_ascii_lowercase().into()) {
                Ok(exporter) => exporters.push(exporter),
                Err(problem) => self.warn(name, &problem.to_string()),
            }
        }
        if exporters.len() > 1 && exporters.contains(&Exporter::None) {
            self.warn(name, "`none` beside other exporters");
            exporters.retain(|exporter| *exporter != Exporter::None);
        }
        if !exporters.is_empty() {
            self.add(name, "exporters", Input::Toml(exporters.to_toml()));
        }
    }

    fn sampler_arg(&mut self) {
        let name = "OTEL_TRACES_SAMPLER_ARG";
        let Some(text) = self.get(name) else { return };
        if self.get("OTEL_TRACES_SAMPLER").is_none() {
            return self.warn(name, "it counts only when OTEL_TRACES_SAMPLER is set");
        }
        match text.parse::<f64>() {
            Ok(share) => self.add(name, "sampler_arg", Input::Toml(share.into())),
            Err(_) => self.warn(name, &format!("expected a number, found {}", quoted(text))),
        }
    }

    /// One malformed pair discards them all, as the specification asks for.
    fn resource_attributes(&mut self) {
        let name = "OTEL_RESOURCE_ATTRIBUTES";
        let Some(text) = self.get(name) else { return };
        match pairs(text) {
            Ok(attributes) => {
                let mut attributes: BTreeMap<_, _> = attributes.into_iter().collect();
                if let Some(service) = attributes.remove("service.name") {
                    self.add(name, "service_name", Input::Toml(service.into()));
                }
                if !attributes.is_empty() {
                    let table = attributes
                        .into_iter()
                        .map(|(key, value)| (key, value.into()));
                    self.add(
                        name,
                        "resource_attributes",
                        Input::Toml(toml::Value::Table(table.collect())),
                    );
                }
            }
            Err(problem) => self.warn(name, &problem.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
