//! What the settings alone tell.

use std::{fmt::Display, fs, path::Path, time::Duration};

use chimera_shared::{
    config::{Loaded, OtlpProtocol, OtlpSignal, Propagator, Signal, TelemetryConfig, TracesUrl},
    telemetry::IS_BUILT,
};

use super::{endpoint::Endpoint, finding::Finding};

/// What is looked for at least this long after it happened, people take for lost.
const LATE: Duration = Duration::from_secs(15);
/// With fewer attributes than this a span cannot carry what the conventions require.
const FEW_ATTRIBUTES: u32 = 16;
/// Ports of Jaeger that take no OTLP, with what they are for.
const OTHER_PORTS: [(u16, &str); 7] = [
    (6831, "Jaeger's old Thrift protocol, gone from Jaeger 2"),
    (6832, "Jaeger's old Thrift protocol, gone from Jaeger 2"),
    (14250, "Jaeger's old gRPC protocol, gone from Jaeger 2"),
    (
        14268,
        "Jaeger's old Thrift protocol over HTTP, gone from Jaeger 2",
    ),
    (16685, "Jaeger's queries over gRPC"),
    (16686, "Jaeger's pages and queries"),
    (9411, "Zipkin"),
];

/// Looks at everything that needs no server.
pub(super) fn look(loaded: &Loaded, endpoints: &[Endpoint]) -> Vec<Finding> {
    let telemetry = &loaded.config.telemetry;
    let mut findings = vec![
        ignored(&loaded.warnings),
        switch(loaded),
        exporters(telemetry),
        destination(loaded),
        sampler(loaded),
        service_name(loaded),
        propagators(telemetry),
        limits(telemetry),
        batching(telemetry),
        retention(telemetry),
    ];
    if endpoints.is_empty() {
        findings.push(Finding::idle("port", "spans are sent to no server"));
    }
    findings.extend(endpoints.iter().map(port));
    let otlp = endpoints.iter().any(|endpoint| endpoint.exporter == "otlp");
    if otlp {
        let signal = telemetry.otlp.signal(Signal::Traces);
        findings.push(path(telemetry, &signal));
        findings.push(certificates(&signal));
    } else {
        findings.push(Finding::idle(
            "path",
            "`otlp` is not one of telemetry.exporters",
        ));
        findings.push(Finding::idle(
            "certificates",
            "`otlp` is not one of telemetry.exporters",
        ));
    }
    findings
}

fn ignored(warnings: &[String]) -> Finding {
    let cause = "variables";
    match warnings {
        [] => Finding::good(cause, "every OTEL_… variable that is set is understood"),
        some => Finding::doubtful(
            cause,
            some.join("\n"),
            "correct them, or take them out of the environment",
        ),
    }
}

fn switch(loaded: &Loaded) -> Finding {
    let cause = "switched on";
    if !IS_BUILT {
        return Finding::bad(
            cause,
            "this program was built without the feature `telemetry`: it makes no spans and no metrics",
            "build it without `--no-default-features`, or with `--features telemetry`",
        );
    }
    if loaded.config.telemetry.enabled {
        return Finding::good(cause, "telemetry.enabled is true");
    }
    let origin = loaded.origin("telemetry.enabled");
    Finding::bad(
        cause,
        format!("telemetry.enabled is false: {origin}"),
        "unset OTEL_SDK_DISABLED and its like, or set telemetry.enabled to true",
    )
}

fn exporters(telemetry: &TelemetryConfig) -> Finding {
    let cause = "exporters";
    let words = list(&telemetry.exporters);
    match telemetry
        .exporters
        .iter()
        .any(|exporter| exporter.as_str() != "none")
    {
        true => Finding::good(cause, format!("telemetry.exporters: {words}")),
        false => Finding::bad(
            cause,
            format!("telemetry.exporters: {words}; spans go nowhere"),
            "set OTEL_TRACES_EXPORTER (telemetry.exporters) to embedded, otlp, or both",
        ),
    }
}

/// Whether spans go where `chimera traces` looks for them.
fn destination(loaded: &Loaded) -> Finding {
    let cause = "same place";
    let has = |word: &str| {
        let exporters = &loaded.config.telemetry.exporters;
        exporters.iter().any(|exporter| exporter.as_str() == word)
    };
    match &loaded.config.traces.url {
        TracesUrl::Embedded if has("embedded") => Finding::good(
            cause,
            "spans go to the built-in store, and `chimera traces` reads there",
        ),
        TracesUrl::Embedded => Finding::doubtful(
            cause,
            "`chimera traces` reads the built-in store (traces.url), where no exporter sends spans",
            "add `embedded` to telemetry.exporters, or set traces.url to the Jaeger that gets them",
        ),
        TracesUrl::Jaeger(url) if has("otlp") || has("jaeger") => Finding::good(
            cause,
            format!("spans are sent by OTLP, and `chimera traces` reads from {url}"),
        ),
        TracesUrl::Jaeger(url) => Finding::bad(
            cause,
            format!("`chimera traces` reads from {url}, and no exporter sends spans to a Jaeger"),
            "add `otlp` to telemetry.exporters, with telemetry.otlp.endpoint where Jaeger takes spans",
        ),
    }
}

fn sampler(loaded: &Loaded) -> Finding {
    let (cause, telemetry) = ("sampler", &loaded.config.telemetry);
    let (sampler, share) = (telemetry.sampler.as_str(), telemetry.sampler_arg);
    let advice = "set OTEL_TRACES_SAMPLER to parentbased_always_on";
    let is_ratio = sampler.ends_with("traceidratio");
    if sampler.ends_with("always_off") || (is_ratio && share == 0.0) {
        Finding::bad(
            cause,
            match is_ratio {
                true => {
                    format!("{sampler} with the share {share} records no trace that begins here")
                }
                false => format!("{sampler} records no trace that begins here"),
            },
            advice,
        )
    } else if is_ratio && share < 1.0 {
        let percent = share * 100.0;
        Finding::doubtful(
            cause,
            format!("{sampler} records {percent} % of the traces that begin here"),
            format!("to see every trace, {advice}"),
        )
    } else if !sampler.contains("always_on") && !is_ratio {
        Finding::doubtful(
            cause,
            format!("{sampler} records some of the traces that begin here"),
            format!("to see every trace, {advice}"),
        )
    } else {
        Finding::good(
            cause,
            format!("{sampler}: every trace that begins here is recorded"),
        )
    }
}

fn service_name(loaded: &Loaded) -> Finding {
    let cause = "service names";
    match &loaded.config.telemetry.service_name {
        None => Finding::good(cause, "each agent is a service of its own name"),
        Some(name) => Finding::doubtful(
            cause,
            format!(
                "all agents call themselves `{name}`: {}",
                loaded.origin("telemetry.service_name")
            ),
            "look for that name, or unset OTEL_SERVICE_NAME where agents are to be told apart",
        ),
    }
}

fn propagators(telemetry: &TelemetryConfig) -> Finding {
    let cause = "propagators";
    let words = list(&telemetry.propagators);
    let carries_ids =
        |propagator: &Propagator| !matches!(propagator, Propagator::Baggage | Propagator::None);
    if !telemetry.propagators.iter().any(carries_ids) {
        Finding::bad(
            cause,
            format!("telemetry.propagators: {words}; each agent's spans are a trace of their own"),
            "set OTEL_PROPAGATORS to tracecontext,baggage",
        )
    } else if !telemetry.propagators.contains(&Propagator::TraceContext) {
        Finding::doubtful(
            cause,
            format!("telemetry.propagators: {words}; who expects `traceparent` begins a new trace"),
            "add tracecontext to OTEL_PROPAGATORS",
        )
    } else {
        Finding::good(cause, format!("telemetry.propagators: {words}"))
    }
}

fn limits(telemetry: &TelemetryConfig) -> Finding {
    let (cause, attributes) = ("limits", telemetry.limits.span_attributes());
    match attributes < FEW_ATTRIBUTES {
        true => Finding::doubtful(
            cause,
            format!("a span keeps {attributes} attributes; searches by the others find nothing"),
            "raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT (telemetry.limits); 128 is usual",
        ),
        false => Finding::good(cause, format!("a span keeps {attributes} attributes")),
    }
}

fn batching(telemetry: &TelemetryConfig) -> Finding {
    let (cause, delay) = ("batching", telemetry.batch.schedule_delay);
    let shown = humantime::format_duration(delay);
    match delay >= LATE {
        true => Finding::doubtful(
            cause,
            format!("a span may wait {shown} before it is sent"),
            "wait for that long, or lower OTEL_BSP_SCHEDULE_DELAY; 5000 is usual",
        ),
        false => Finding::good(
            cause,
            format!("a span waits {shown} at most before it is sent"),
        ),
    }
}

fn retention(telemetry: &TelemetryConfig) -> Finding {
    let cause = "retention";
    let is_kept = telemetry
        .exporters
        .iter()
        .any(|exporter| exporter.as_str() == "embedded");
    if !is_kept {
        return Finding::idle(cause, "`embedded` is not one of telemetry.exporters");
    }
    let age = humantime::format_duration(telemetry.retention_age).to_string();
    let age = age.replace("days", " days");
    let seen = format!(
        "the built-in store keeps {age} and {} of spans",
        telemetry.retention_size
    );
    match telemetry.retention_age < Duration::from_secs(3600) {
        true => Finding::doubtful(
            cause,
            seen,
            "raise telemetry.retention_age to look further back",
        ),
        false => Finding::good(cause, seen),
    }
}

fn port(endpoint: &Endpoint) -> Finding {
    let (cause, seen) = ("port", endpoint.to_string());
    let other = OTHER_PORTS.iter().find(|(port, _)| *port == endpoint.port);
    let key = endpoint.key;
    match (endpoint.port, endpoint.protocol, other) {
        (_, Some(_), Some((port, purpose))) => Finding::bad(
            cause,
            format!("{seen}: {port} is the port of {purpose}"),
            format!("set {key} to port 4317 for gRPC or 4318 for HTTP"),
        ),
        (4317, Some(OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson), _) => Finding::bad(
            cause,
            format!("{seen}: 4317 is the port of gRPC"),
            "set OTEL_EXPORTER_OTLP_PROTOCOL to grpc, or use port 4318",
        ),
        (4318, Some(OtlpProtocol::Grpc), _) => Finding::bad(
            cause,
            format!("{seen}: 4318 is the port of HTTP"),
            "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, or use port 4317",
        ),
        _ => Finding::good(cause, seen),
    }
}

/// OTLP over HTTP has a path for each signal, which is appended to the endpoint for all, and to no other.
fn path(telemetry: &TelemetryConfig, signal: &OtlpSignal) -> Finding {
    let cause = "path";
    let url = signal.url.expose();
    let is_http = signal.protocol != OtlpProtocol::Grpc;
    if is_http && url.matches("/v1/traces").count() > 1 {
        Finding::bad(
            cause,
            "telemetry.otlp.endpoint ends with /v1/traces, and that is appended to it",
            "take /v1/traces off OTEL_EXPORTER_OTLP_ENDPOINT, or set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT instead",
        )
    } else if is_http && telemetry.otlp.traces.endpoint.is_some() && !url.ends_with("/v1/traces") {
        Finding::doubtful(
            cause,
            "telemetry.otlp.traces.endpoint is used as it is, and does not end with /v1/traces",
            "append /v1/traces to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or set OTEL_EXPORTER_OTLP_ENDPOINT instead",
        )
    } else if is_http {
        Finding::good(cause, "spans are posted to …/v1/traces")
    } else {
        Finding::good(cause, "gRPC needs none")
    }
}

fn certificates(signal: &OtlpSignal) -> Finding {
    let cause = "certificates";
    let files = [
        ("certificate", &signal.certificate),
        ("client_key", &signal.client_key),
        ("client_certificate", &signal.client_certificate),
    ];
    let given: Vec<_> = files
        .into_iter()
        .filter_map(|(key, file)| Some((key, file.as_deref()?)))
        .collect();
    let broken = given.iter().find_map(|(key, file)| {
        let why = unreadable(file)?;
        Some(format!("telemetry.otlp.{key} is {}: {why}", file.display()))
    });
    let is_tls = signal.url.expose().starts_with("https:");
    match (broken, given.is_empty()) {
        (Some(seen), _) => Finding::bad(
            cause,
            seen,
            "name a file in PEM format that this user can read",
        ),
        (None, false) if !is_tls => Finding::doubtful(
            cause,
            "certificates are given, and the endpoint begins with http://: they are not used",
            "begin the endpoint with https:// if the backend speaks TLS",
        ),
        (None, true) if is_tls => Finding::good(cause, "TLS with the certificates of the system"),
        (None, true) => Finding::good(cause, "no TLS, and none is needed"),
        (None, false) => Finding::good(cause, "the files are there, in PEM format"),
    }
}

fn unreadable(file: &Path) -> Option<String> {
    match fs::read_to_string(file) {
        Ok(text) if text.contains("-----BEGIN") => None,
        Ok(_) => Some("it is not in PEM format".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn list<T: Display>(values: &[T]) -> String {
    let words: Vec<_> = values.iter().map(ToString::to_string).collect();
    match words.is_empty() {
        true => "(empty)".to_owned(),
        false => words.join(", "),
    }
}

#[cfg(test)]
mod tests;
