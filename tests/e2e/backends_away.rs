//! Telemetry whose backends are not there: what is asked is answered all the same, and what is lost is counted.

use std::time::Duration;

use chimera_shared::config::{
    Config, Exporter, LogsExporter, MetricsExporter, OtlpProtocol, RedactedUrl,
};
use chimera_tests::{
    Backends, Stack,
    contract::assert_one_trace,
    stack::{PATIENCE, Setup},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

/// Everything goes to a place that accepts connections and never answers, by `protocol`.
async fn questions_are_answered(protocol: OtlpProtocol) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok(connection) = listener.accept().await {
            open.push(connection);
        }
    });
    let configure = move |config: &mut Config| {
        let url = RedactedUrl::parse(&format!("http://{address}"), &["http"]).unwrap();
        let telemetry = &mut config.telemetry;
        telemetry.exporters = vec![
            Exporter::Otlp,
            Exporter::Jaeger,
            Exporter::Zipkin,
            Exporter::Embedded,
        ];
        telemetry.metrics_exporters = vec![MetricsExporter::Prometheus, MetricsExporter::Otlp];
        telemetry.logs_exporters = vec![LogsExporter::Otlp];
        telemetry.otlp.protocol = protocol;
        telemetry.otlp.endpoint = Some(url.clone());
        telemetry.otlp.timeout = Duration::from_millis(300);
        telemetry.jaeger.endpoint = url.clone();
        telemetry.zipkin.endpoint = url;
        telemetry.zipkin.timeout = Duration::from_millis(300);
        telemetry.batch.schedule_delay = Duration::from_millis(50);
        telemetry.batch.max_queue_size = 16.try_into().unwrap();
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Embedded, setup).await.unwrap();
    let mut traces = Vec::new();
    for question in ["ZEC price", "BTC price", "ETH price last week"] {
        let answer = stack.ask(question).await.unwrap();
        assert_eq!(answer["status"], "completed", "{answer:#}");
        traces.push(answer["trace_id"].as_str().unwrap().to_owned());
    }
    until_it_is_shown(&stack).await;
    let stopped = stack.stop().await.unwrap();
    for trace in &traces {
        assert_one_trace(stopped.trace(trace));
    }
    silent.abort();
}

/// Waits until an agent says what it lost and why. It is ready all the same.
async fn until_it_is_shown(stack: &Stack) {
    let address = stack.address("query_agent", "health").unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let response = stack.client().get(format!("http://{address}/readyz"));
        let ready: Value = response.send().await.unwrap().json().await.unwrap();
        assert_eq!(ready["ready"], true, "{ready:#}");
        let exporters = ready["telemetry"].as_array().unwrap();
        let is_told = |exporter: &Value| {
            exporter["failing"] == true
                && exporter["dropped"].as_u64() > Some(0)
                && exporter["last_error"]
                    .as_str()
                    .is_some_and(|error| error.contains("no answer"))
        };
        let spans = exporters.iter().filter(|exporter| {
            exporter["signal"] == "traces" && exporter["exporter"] != "embedded"
        });
        if spans.clone().count() == 3 && spans.clone().all(is_told) {
            break;
        }
        assert!(Instant::now() < deadline, "{ready:#}");
        sleep(Duration::from_millis(20)).await;
    }
    let metrics = stack.client().get(format!("http://{address}/metrics"));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    for exporter in ["otlp", "jaeger", "zipkin"] {
        let labels = format!("{{exporter=\"{exporter}\",signal=\"traces\"");
        for name in ["dropped_total", "failing", "queued"] {
            let series = format!("chimera_telemetry_exporter_{name}{labels}");
            assert!(metrics.contains(&series), "{series} is not in\n{metrics}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_over_http_costs_no_question() {
    questions_are_answered(OtlpProtocol::HttpProtobuf).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_over_grpc_costs_no_question() {
    questions_are_answered(OtlpProtocol::Grpc).await;
}
