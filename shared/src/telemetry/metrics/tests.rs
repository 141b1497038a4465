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
        queue: "query_agent",
        outcome,
        error_type,
        duration: Duration::from_millis(20),
    }
}

#[test]
fn what_was_recorded_is_rendered_for_prometheus() {
    let (telemetry, _) = Telemetry::for_test("query_agent");
    let metrics = telemetry.metrics();
    metrics.processed(processed("ack", None));
    metrics.processed(processed("ack", None));
    metrics.processed(processed("retry", Some("timeout")));
    metrics.consumed("chimera", "query_agent");
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
    });
    let exchange = |method, place| HttpExchange {
        method,
        place,
        status: Some(503),
        error_type: Some("503"),
        duration,
    };
    metrics.http(exchange("GET", Place::Server(Some("/api/queries/{id}"))));
    metrics.http(exchange("BREW", Place::Client("localhost")));
    let text = metrics.prometheus();
    for part in [
        "db_client_operation_duration_seconds_count{db_collection_name=\"queries\",db_namespace=\"chimera\",\
         db_operation_name=\"find\",db_system_name=\"mongodb\",",
        "http_server_request_duration_seconds_count{error_type=\"503\",http_request_method=\"GET\",\
         http_response_status_code=\"503\",http_route=\"/api/queries/{id}\"",
        "http_client_request_duration_seconds_count{error_type=\"503\",http_request_method=\"_OTHER\"",
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
