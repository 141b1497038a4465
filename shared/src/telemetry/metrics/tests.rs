use super::*;
use crate::telemetry::Telemetry;

fn lines(metrics: &Metrics, prefix: &str) -> Vec<String> {
    let text = metrics.prometheus();
    let lines = text.lines().filter(|line| line.starts_with(prefix));
    lines.map(str::to_owned).collect()
}

fn processed(outcome: &'static str, error_type: Option<&'static str>) -> Processed<'static> {
    Processed {
        system: "chimera",
        server: None,
        queue: "query_agent",
        destination: "query_agent",
        outcome,
        error_type,
        duration: Duration::from_millis(20),
        span: None,
    }
}

#[test]
fn what_was_recorded_is_rendered_for_prometheus() {
    let (telemetry, _) = Telemetry::for_test("query_agent");
    let metrics = telemetry.metrics();
    metrics.processed(processed("ack", None));
    metrics.processed(processed("ack", None));
    metrics.processed(processed("retry", Some("timeout")));
    metrics.consumed("chimera", None, "query_agent");
    metrics.unrouted("nobody.cares");
    let check = |prefix: &str, expected: &[&str]| assert_eq!(lines(metrics, prefix), expected);
    check(
        "messaging_process_duration_seconds_bucket{chimera_outcome=\"ack\",messaging_destination_name=\"query_agent\",\
         messaging_operation_name=\"process\",messaging_system=\"chimera\",service_name=\"query_agent\",le=\"0.025\"",
        &[
            "messaging_process_duration_seconds_bucket{chimera_outcome=\"ack\",messaging_destination_name=\"query_agent\",\
           messaging_operation_name=\"process\",messaging_system=\"chimera\",service_name=\"query_agent\",le=\"0.025\"} 2",
        ],
    );
    check(
        "chimera_message_retries",
        &[
            "chimera_message_retries_total{messaging_destination_name=\"query_agent\",service_name=\"query_agent\"} 1",
        ],
    );
    assert_eq!(
        lines(metrics, "messaging_client_consumed_messages_total").len(),
        1
    );
    assert_eq!(lines(metrics, "chimera_message_unrouted_total").len(), 1);
}

#[test]
fn what_is_in_flight_goes_up_and_down() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let metrics = telemetry.metrics();
    let count = |metrics: &Metrics| lines(metrics, "chimera_message_in_flight{")[0].clone();
    let first = metrics.in_flight("q");
    let second = metrics.in_flight("q");
    assert!(count(metrics).ends_with(" 2"));
    drop((first, second));
    assert!(count(metrics).ends_with(" 0"));
}

#[test]
fn calls_of_others_are_timed() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let metrics = telemetry.metrics();
    let duration = Duration::from_millis(3);
    metrics.database(DbCall {
        system: "mongodb",
        operation: "find",
        collection: Some("queries"),
        namespace: Some("chimera"),
        server: Some(("db.example", 27017)),
        status_code: None,
        error_type: None,
        duration,
        span: None,
    });
    let (get, brew) = (telemetry.method_name("GET"), telemetry.method_name("BREW"));
    let exchange = |method, place| HttpExchange {
        method,
        protocol_version: Some("1.1"),
        place,
        status: Some(503),
        error_type: Some("503"),
        duration,
        span: None,
    };
    metrics.http(exchange(&get, Place::Server(Some("/api/queries/{id}"))));
    metrics.http(exchange(&brew, Place::Client("localhost", Some(80))));
    let text = metrics.prometheus();
    for part in [
        "db_client_operation_duration_seconds_count{db_collection_name=\"queries\",db_namespace=\"chimera\",\
         db_operation_name=\"find\",db_system_name=\"mongodb\",",
        "http_server_request_duration_seconds_count{error_type=\"503\",http_request_method=\"GET\",\
         http_response_status_code=\"503\",http_route=\"/api/queries/{id}\",network_protocol_version=\"1.1\",url_scheme=\"http\",",
        "http_client_request_duration_seconds_count{error_type=\"503\",http_request_method=\"_OTHER\",\
         http_response_status_code=\"503\",network_protocol_version=\"1.1\",server_address=\"localhost\",server_port=\"80\"",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn switched_off_nothing_is_recorded() {
    let telemetry = Telemetry::off("svc");
    let metrics = telemetry.metrics();
    metrics.processed(processed("ack", None));
    drop(metrics.in_flight("q"));
    assert_eq!(metrics.prometheus(), "");
}

#[test]
fn the_tracer_tells_how_it_fares() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let span = telemetry.root().start(crate::telemetry::SpanStart::new(
        opentelemetry::trace::SpanKind::Internal,
        "open",
    ));
    let open = lines(telemetry.metrics(), "chimera_telemetry_spans_open");
    assert!(open[0].ends_with(" 1"), "{open:?}");
    span.end();
    let ended = lines(telemetry.metrics(), "chimera_telemetry_spans_total");
    assert!(ended[0].ends_with(" 1"), "{ended:?}");
}

/// Routes, keys and hosts that somebody makes up by the thousand are folded into a few series.
#[test]
fn the_number_of_series_is_bounded() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let metrics = telemetry.metrics();
    for number in 0..10_000 {
        let name = format!("made.up.{number}");
        let span = telemetry.root().start(crate::telemetry::SpanStart::new(
            opentelemetry::trace::SpanKind::Client,
            "x",
        ));
        metrics.unrouted(&name);
        metrics.consumed("chimera", None, &name);
        metrics.sent(MessagingCall {
            system: "chimera",
            server: Some((&name, 1)),
            operation: "publish",
            destination: &name,
            error_type: None,
            duration: Duration::from_millis(number % 97),
            span: Some(&span),
        });
        for place in [Place::Server(Some(&name)), Place::Client(&name, Some(80))] {
            metrics.http(HttpExchange {
                method: &telemetry.method_name(&name),
                protocol_version: None,
                place,
                status: Some(200),
                error_type: Some(&name),
                duration: Duration::from_millis(3),
                span: Some(&span),
            });
        }
    }
    let series = |name: &str| lines(metrics, name).len();
    for name in [
        "chimera_message_unrouted_total{",
        "messaging_client_consumed_messages_total{",
        "messaging_client_sent_messages_total{",
        "http_server_request_duration_seconds_count{",
        "http_client_request_duration_seconds_count{",
    ] {
        let found = series(name);
        assert!((1..=513).contains(&found), "{name} {found}");
    }
    let folded = lines(metrics, "chimera_message_unrouted_total{");
    assert!(
        folded
            .iter()
            .any(|line| line.contains("_OTHER") && line.ends_with(" 9488")),
        "{folded:?}"
    );
}

/// Nothing that tells one message, query or trace from another is ever a label.
#[test]
fn no_id_is_a_label() {
    let (telemetry, _) = Telemetry::for_test("svc");
    record_everything(&telemetry);
    for format in [MetricsFormat::Prometheus, MetricsFormat::OpenMetrics] {
        let page = telemetry.metrics_page(format);
        // What a service is stands in a series of its own, of which there is one.
        let is_sample = |line: &&str| !line.starts_with('#') && !line.starts_with("target_info");
        for line in page.lines().filter(is_sample) {
            let labels = line.split(" # ").next().unwrap();
            for key in [
                "message_id",
                "conversation_id",
                "trace_id",
                "span_id",
                "delivery_tag",
                "instance_id",
            ] {
                assert!(!labels.contains(key), "{line}");
            }
        }
    }
}

/// One of each measurement, in a span.
fn record_everything(telemetry: &Telemetry) -> opentelemetry::trace::SpanContext {
    let start =
        crate::telemetry::SpanStart::new(opentelemetry::trace::SpanKind::Consumer, "process");
    let span = telemetry.root().start(start);
    let metrics = telemetry.metrics();
    let duration = Duration::from_millis(20);
    let (server, span_of) = (Some(("broker", 5672)), Some(&span));
    metrics.consumed("rabbitmq", server, "q");
    metrics.processed(Processed {
        system: "rabbitmq",
        server,
        queue: "q",
        destination: "q",
        outcome: "dead_letter",
        error_type: Some("timeout"),
        duration,
        span: span_of,
    });
    metrics.sent(MessagingCall {
        system: "rabbitmq",
        server,
        operation: "publish",
        destination: "e:k",
        error_type: None,
        duration,
        span: span_of,
    });
    metrics.database(DbCall {
        system: "redis",
        operation: "GET",
        collection: None,
        namespace: Some("0"),
        server,
        status_code: None,
        error_type: None,
        duration,
        span: span_of,
    });
    for place in [
        Place::Server(Some("/a \\ \"b\"")),
        Place::Client("h", Some(80)),
    ] {
        metrics.http(HttpExchange {
            method: &telemetry.method_name("GET"),
            protocol_version: Some("1.1"),
            place,
            status: Some(200),
            error_type: None,
            duration,
            span: span_of,
        });
    }
    span.context()
}

/// Names, units, bounds and required attributes, by semantic conventions 1.44:
/// <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/>,
/// <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/>,
/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.
#[test]
fn metrics_are_as_the_conventions_have_them() {
    let (telemetry, _) = Telemetry::for_test("svc");
    record_everything(&telemetry);
    let page = telemetry.metrics_page(MetricsFormat::OpenMetrics);
    let messaging = [
        "messaging_operation_name",
        "messaging_system",
        "messaging_destination_name",
        "server_address",
        "server_port",
    ];
    let seconds = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf";
    let db_seconds = "0.001 0.005 0.01 0.05 0.1 0.5 1.0 5.0 10.0 +Inf";
    let check_histogram = |name: &str, bounds: &str, labels: &[&str]| {
        assert!(
            page.contains(&format!("# TYPE {name} histogram\n# UNIT {name} seconds\n")),
            "{page}"
        );
        let buckets: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with(&format!("{name}_bucket{{")))
            .collect();
        let found: Vec<_> = buckets
            .iter()
            .map(|line| {
                line.split("le=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(found.join(" "), bounds, "{name}");
        for label in labels {
            assert!(
                buckets[0].contains(&format!("{label}=")),
                "{label} in {}",
                buckets[0]
            );
        }
    };
    check_histogram(
        "messaging_client_operation_duration_seconds",
        seconds,
        &messaging,
    );
    check_histogram(
        "messaging_client_operation_duration_seconds",
        seconds,
        &["messaging_operation_type"],
    );
    check_histogram("messaging_process_duration_seconds", seconds, &messaging);
    check_histogram(
        "messaging_process_duration_seconds",
        seconds,
        &["error_type"],
    );
    let db = [
        "db_system_name",
        "db_operation_name",
        "db_namespace",
        "server_address",
        "server_port",
    ];
    check_histogram("db_client_operation_duration_seconds", db_seconds, &db);
    let http = [
        "http_request_method",
        "http_response_status_code",
        "network_protocol_version",
    ];
    check_histogram("http_server_request_duration_seconds", seconds, &http);
    check_histogram(
        "http_server_request_duration_seconds",
        seconds,
        &["url_scheme", "http_route"],
    );
    check_histogram("http_client_request_duration_seconds", seconds, &http);
    check_histogram(
        "http_client_request_duration_seconds",
        seconds,
        &["server_address", "server_port"],
    );
    for name in [
        "messaging_client_sent_messages",
        "messaging_client_consumed_messages",
    ] {
        assert!(page.contains(&format!("# TYPE {name} counter\n")), "{page}");
        let sample = page
            .lines()
            .find(|line| line.starts_with(&format!("{name}_total{{")))
            .unwrap();
        for label in messaging {
            assert!(sample.contains(&format!("{label}=")), "{label} in {sample}");
        }
    }
}

/// The grammar of <https://prometheus.io/docs/specs/om/open_metrics_spec/>, as far as a page of ours goes.
#[test]
fn open_metrics_has_exemplars() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let span = record_everything(&telemetry);
    let page = telemetry.metrics_page(MetricsFormat::OpenMetrics);
    assert!(page.ends_with("\n# EOF\n") && page.matches("# EOF").count() == 1);
    let exemplar = format!(
        " # {{trace_id=\"{}\",span_id=\"{}\"}} 0.02 ",
        span.trace_id(),
        span.span_id()
    );
    for name in [
        "messaging_process_duration_seconds",
        "messaging_client_operation_duration_seconds",
        "db_client_operation_duration_seconds",
        "http_server_request_duration_seconds",
        "http_client_request_duration_seconds",
    ] {
        let with: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(&exemplar))
            .collect();
        assert_eq!(with.len(), 1, "{name} in {page}");
        assert!(
            with[0].contains("le=\"0.025\"") || with[0].contains("le=\"0.05\""),
            "{with:?}"
        );
    }
    assert!(page.contains(r#"http_route="/a \\ \"b\"""#), "{page}");
    let mut families = std::collections::HashSet::new();
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        assert!(families.insert(line), "twice: {line}");
    }
    // The older format has no place for them.
    assert!(!telemetry.prometheus().contains("trace_id"));
}

#[test]
fn the_client_chooses_the_format() {
    let check = |accept: &str, expected| assert_eq!(MetricsFormat::accepted(accept), expected);
    check("", MetricsFormat::Prometheus);
    check("*/*", MetricsFormat::Prometheus);
    check("text/plain;version=0.0.4", MetricsFormat::Prometheus);
    check(
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
        MetricsFormat::OpenMetrics,
    );
    check(
        "Application/OpenMetrics-Text; q=1.0",
        MetricsFormat::OpenMetrics,
    );
    check(
        "application/openmetrics-text;q=0",
        MetricsFormat::Prometheus,
    );
    check(
        "application/openmetrics-text; version=1.0.0; q=0.000, */*",
        MetricsFormat::Prometheus,
    );
    check(
        "application/openmetrics-text;q=0.2, text/plain",
        MetricsFormat::Prometheus,
    );
    check("application/openmetrics-text-2", MetricsFormat::Prometheus);
}

#[test]
fn a_page_without_metrics_is_whole() {
    let off = Telemetry::off("svc");
    assert_eq!(off.metrics_page(MetricsFormat::OpenMetrics), "# EOF\n");
    assert_eq!(off.metrics_page(MetricsFormat::Prometheus), "");
}

#[test]
fn a_queue_tells_its_depth_when_it_is_asked() {
    let (telemetry, _) = Telemetry::for_test("svc");
    let depth = Arc::new(std::sync::Mutex::new(None));
    let read = Arc::clone(&depth);
    telemetry
        .metrics()
        .watch_queue("q", move || *read.lock().unwrap());
    let found = || lines(telemetry.metrics(), "chimera_queue_messages{");
    assert!(found().is_empty());
    *depth.lock().unwrap() = Some(QueueDepth {
        ready: 4,
        unsettled: 3,
        delayed: 2,
        dead_letters: 1,
    });
    let numbers: Vec<_> = found()
        .iter()
        .map(|line| {
            let state = line
                .split("state=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            format!("{state} {}", line.rsplit(' ').next().unwrap())
        })
        .collect();
    assert_eq!(
        numbers,
        ["dead_letters 1", "delayed 2", "ready 4", "unsettled 3"]
    );
}
