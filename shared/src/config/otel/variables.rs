//! Which standard variables are read, and the key that each sets.

/// What kind of value the specification gives a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text, as it is.
    Text,
    /// The URL of an OTLP endpoint; for gRPC its scheme may be missing.
    Endpoint,
    /// A word of a few, in any case.
    Word,
    /// `key=value,key=value`, percent-encoded.
    Pairs,
    /// `one,another`, as they are written.
    List,
    /// A whole number.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds, where 0 is no limit.
    Timeout,
}

/// A variable that stands for one key.
pub(super) struct Variable {
    pub(super) name: String,
    /// Below `telemetry`.
    pub(super) key: String,
    pub(super) kind: Kind,
}

/// The variables that need more than a translation, with the keys that they set.
const SPECIAL: [(&str, &str); 9] = [
    ("OTEL_SDK_DISABLED", "telemetry.enabled"),
    ("OTEL_TRACES_EXPORTER", "telemetry.exporters"),
    ("OTEL_METRICS_EXPORTER", "telemetry.metrics_exporters"),
    ("OTEL_LOGS_EXPORTER", "telemetry.logs_exporters"),
    ("OTEL_PROPAGATORS", "telemetry.propagators"),
    ("OTEL_TRACES_SAMPLER_ARG", "telemetry.sampler_arg"),
    ("OTEL_RESOURCE_ATTRIBUTES", "telemetry.resource_attributes"),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "agent.health_listen"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "agent.health_listen"),
];

/// Those that stand for one key each.
const PLAIN: [(&str, &str, Kind); 28] = [
    ("OTEL_SERVICE_NAME", "service_name", Kind::Text),
    ("OTEL_LOG_LEVEL", "log_level", Kind::Word),
    ("OTEL_TRACES_SAMPLER", "sampler", Kind::Word),
    (
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        "http_known_methods",
        Kind::List,
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
    (
        "OTEL_BLRP_SCHEDULE_DELAY",
        "logs_batch.schedule_delay",
        Kind::Milliseconds,
    ),
    (
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "logs_batch.export_timeout",
        Kind::Timeout,
    ),
    (
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "logs_batch.max_queue_size",
        Kind::Count,
    ),
    (
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "logs_batch.max_export_batch_size",
        Kind::Count,
    ),
    (
        "OTEL_METRIC_EXPORT_INTERVAL",
        "metrics.export_interval",
        Kind::Milliseconds,
    ),
    (
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "metrics.export_timeout",
        Kind::Timeout,
    ),
    (
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "metrics.exemplars",
        Kind::Word,
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "metrics.temporality",
        Kind::Word,
    ),
    (
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "limits.attribute_count",
        Kind::Count,
    ),
    (
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "limits.attribute_value_length",
        Kind::Count,
    ),
    (
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "limits.span_attribute_count",
        Kind::Count,
    ),
    (
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "limits.span_attribute_value_length",
        Kind::Count,
    ),
    (
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "limits.span_event_count",
        Kind::Count,
    ),
    (
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "limits.span_link_count",
        Kind::Count,
    ),
    (
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "limits.event_attribute_count",
        Kind::Count,
    ),
    (
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "limits.link_attribute_count",
        Kind::Count,
    ),
    (
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "limits.log_attribute_count",
        Kind::Count,
    ),
    (
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "limits.log_attribute_value_length",
        Kind::Count,
    ),
    (
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "zipkin.endpoint",
        Kind::Text,
    ),
    (
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
        "zipkin.timeout",
        Kind::Timeout,
    ),
];

/// Standard variables that mean what the program does not do, with what there is in their place.
pub(super) const UNSUPPORTED: [(&str, &str); 3] = [
    (
        "OTEL_CONFIG_FILE",
        "settings stand in config/chimera.toml, or the file of --config",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "histograms have the buckets of the semantic conventions",
    ),
    (
        "OTEL_ENTITIES",
        "attributes of the service are set by OTEL_RESOURCE_ATTRIBUTES",
    ),
];

/// What is said for OTLP, for all signals and for each.
const OTLP: [(&str, &str, Kind); 8] = [
    ("ENDPOINT", "endpoint", Kind::Endpoint),
    ("PROTOCOL", "protocol", Kind::Word),
    ("HEADERS", "headers", Kind::Pairs),
    ("TIMEOUT", "timeout", Kind::Timeout),
    ("COMPRESSION", "compression", Kind::Word),
    ("CERTIFICATE", "certificate", Kind::Text),
    ("CLIENT_KEY", "client_key", Kind::Text),
    ("CLIENT_CERTIFICATE", "client_certificate", Kind::Text),
];

/// The groups of OTLP's variables: the piece of the name, and the section.
const GROUPS: [(&str, &str); 4] = [
    ("", "otlp"),
    ("TRACES_", "otlp.traces"),
    ("METRICS_", "otlp.metrics"),
    ("LOGS_", "otlp.logs"),
];

/// The variables that stand for one key each.
pub(super) fn plain() -> impl Iterator<Item = Variable> {
    let plain = PLAIN.into_iter().map(|(name, key, kind)| Variable {
        name: name.to_owned(),
        key: key.to_owned(),
        kind,
    });
    let otlp = GROUPS.into_iter().flat_map(|(group, section)| {
        OTLP.into_iter().map(move |(name, key, kind)| Variable {
            name: format!("OTEL_EXPORTER_OTLP_{group}{name}"),
            key: format!("{section}.{key}"),
            kind,
        })
    });
    plain.chain(otlp)
}

/// Each variable that is read, with the key that it sets in full.
pub(in crate::config) fn variables() -> impl Iterator<Item = (String, String)> {
    let special = SPECIAL
        .into_iter()
        .map(|(name, key)| (name.to_owned(), key.to_owned()));
    let insecure = GROUPS.into_iter().map(|(group, section)| {
        let name = format!("OTEL_EXPORTER_OTLP_{group}INSECURE");
        (name, format!("telemetry.{section}.endpoint"))
    });
    let plain = plain().map(|variable| (variable.name, format!("telemetry.{}", variable.key)));
    special.chain(plain).chain(insecure)
}

/// The variables that say whether what has no scheme goes without TLS.
pub(super) fn insecure() -> impl Iterator<Item = String> {
    let groups = GROUPS.into_iter();
    groups.map(|(group, _)| format!("OTEL_EXPORTER_OTLP_{group}INSECURE"))
}

/// The variables that say whether what an endpoint's variable names goes without TLS; the first one that is set counts.
///
/// Source: the OpenTelemetry specification, "OTLP exporter", "Insecure".
pub(super) fn insecure_of(endpoint: &str) -> [String; 2] {
    let own = endpoint.replace("ENDPOINT", "INSECURE");
    [own, "OTEL_EXPORTER_OTLP_INSECURE".to_owned()]
}
