//! `chimera doctor`: each usual cause, looked at and told.

use std::{collections::BTreeSet, net::TcpListener};

use axum::{Router, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener as TokioListener, runtime::Runtime};

use crate::process::{Up, chimera, directory, stderr, stdout};

/// What `chimera doctor` with `variables` says, and its exit code.
fn examined(data_dir: &std::path::Path, variables: &[(&str, &str)]) -> (Vec<Value>, Option<i32>) {
    let output = chimera(data_dir)
        .envs(variables.iter().copied())
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let findings = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", stdout(&output), stderr(&output)));
    (findings, output.status.code())
}

#[track_caller]
fn check(findings: &[Value], cause: &str, verdict: &str, seen: &str) {
    let of_cause = findings.iter().filter(|finding| finding["cause"] == cause);
    let found = of_cause.clone().any(|finding| {
        finding["verdict"] == verdict && finding["seen"].as_str().unwrap().contains(seen)
    });
    assert!(
        found,
        "{verdict} {seen}: {:#?}",
        of_cause.collect::<Vec<_>>()
    );
}

#[test]
fn where_nothing_is_wrong_at_least_fifteen_causes_were_looked_at() {
    let directory = directory();
    let up = Up::start(directory.path(), &[]);
    let (findings, code) = examined(directory.path(), &[]);
    assert_eq!(code, Some(0), "{findings:#?}");
    let causes: BTreeSet<_> = findings
        .iter()
        .map(|finding| finding["cause"].as_str().unwrap())
        .collect();
    assert!(causes.len() >= 15, "{causes:?}");
    for agent in [
        "chimera-api",
        "query_agent",
        "data_retrieval_agent",
        "analysis_agent",
    ] {
        check(&findings, "agents", "ok", &format!("{agent} is ready"));
    }
    check(&findings, "kept traces", "look", "no trace yet");
    drop(up);
}

#[test]
fn a_backend_that_nobody_runs_is_told_with_its_address() {
    let directory = directory();
    // Bound and let go: nobody listens there now.
    let nowhere = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = format!("http://me:hush@{nowhere}");
    let (findings, code) = examined(
        directory.path(),
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ],
    );
    assert_eq!(code, Some(4));
    check(&findings, "reachable", "bad", &nowhere.to_string());
    check(&findings, "backend", "bad", "`otlp`");
    let advice = "check that the backend runs";
    let backend = findings
        .iter()
        .find(|finding| finding["cause"] == "backend");
    assert!(
        backend.unwrap()["advice"]
            .as_str()
            .unwrap()
            .contains(advice)
    );
    check(&findings, "agents", "-", "no `chimera up` runs");
    let text = serde_json::to_string(&findings).unwrap();
    assert!(!text.contains("hush"), "{text}");
}

/// Spans, metrics and log records go to the same backend.
#[test]
fn a_backend_that_takes_everything_is_well() {
    let directory = directory();
    let rt = Runtime::new().unwrap();
    let listener = rt.block_on(TokioListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    rt.spawn(async move { axum::serve(listener, Router::new().fallback(async || "")).await });
    let (findings, code) = examined(
        directory.path(),
        &[
            ("OTEL_TRACES_EXPORTER", "otlp,embedded"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ],
    );
    assert_eq!(code, Some(0), "{findings:#?}");
    let backend: Vec<_> = findings
        .iter()
        .filter(|finding| finding["cause"] == "backend")
        .map(|finding| finding["seen"].as_str().unwrap())
        .collect();
    assert_eq!(
        backend,
        [
            "it took the span that `otlp` sent",
            "it took the metrics that `otlp` sent",
            "it took the log record that `otlp` sent"
        ]
    );
}

#[test]
fn metrics_and_log_records_that_are_refused_are_told() {
    let directory = directory();
    let rt = Runtime::new().unwrap();
    let listener = rt.block_on(TokioListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let takes_spans = Router::new()
        .route("/v1/traces", post(async || ""))
        .fallback(async || StatusCode::UNAUTHORIZED);
    rt.spawn(async move { axum::serve(listener, takes_spans).await });
    let (findings, code) = examined(
        directory.path(),
        &[
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ],
    );
    assert_eq!(code, Some(4));
    check(&findings, "backend", "ok", "it took the span");
    check(
        &findings,
        "backend",
        "bad",
        "did not take the metrics that `otlp` sent: it answered 401",
    );
    check(&findings, "backend", "bad", "did not take the log record");
}

#[test]
fn what_stops_all_spans_is_bad() {
    let directory = directory();
    let (findings, code) = examined(
        directory.path(),
        &[
            ("OTEL_TRACES_SAMPLER", "always_off"),
            ("OTEL_SDK_DISABLED", "true"),
        ],
    );
    assert_eq!(code, Some(4));
    check(&findings, "sampler", "bad", "always_off");
    check(&findings, "switched on", "bad", "OTEL_SDK_DISABLED");
}

#[test]
fn it_is_a_list_for_people() {
    let directory = directory();
    let output = chimera(directory.path()).arg("doctor").output().unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("ok    sampler"), "{text}");
    assert!(text.trim_end().ends_with("are well."), "{text}");
}
