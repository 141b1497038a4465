//! The commands of `chimera`, for a stack whose traces are in a Jaeger.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use chimera_shared::config::OtlpProtocol;
use chimera_tests::{Backends, Stack};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{jaeger::Jaeger, otlp::exporting_to};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_elsewhere_is_asked_and_its_trace_is_read_from_jaeger() {
    let jaeger = Jaeger::start().await.unwrap();
    let setup = exporting_to(&jaeger.otlp_grpc(), OtlpProtocol::Grpc).unwrap();
    let stack = Stack::start_with(Backends::default(), setup).await.unwrap();
    let ask = ["ask", "--json", "ZEC price", "--api", &stack.url("")];
    let answer = json(&jaeger, &ask).await.unwrap();
    assert_eq!(answer["status"], "completed", "{answer:#}");
    let stopped = stack.stop().await.unwrap();

    let ours = stopped.only_trace();
    let id = ours.trace_id();
    let asked = answer["trace"].as_array().unwrap().len();
    assert_eq!(asked, ours.spans().len(), "`ask` waited for all spans");
    let of_id = json(&jaeger, &["trace", "--json", id]).await.unwrap();
    let expected = serde_json::to_value(ours.spans()).unwrap();
    assert_eq!(sorted(of_id), sorted(expected));

    let check = async |arguments: &[&str], code: i32, expected: &str| {
        let output = chimera(&jaeger, arguments).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["traces"], 0, id).await;
    check(&["traces", "--service", "analysis_agent"], 0, id).await;
    check(
        &["traces", "--service", "nobody"],
        0,
        "No trace is like that",
    )
    .await;
    check(&["traces", "--errors"], 0, "No trace is like that").await;
    check(
        &["traces", "--min-duration", "1h"],
        0,
        "No trace is like that",
    )
    .await;
    check(&["trace", id], 0, "critical path: ").await;
    let unknown = "0af7651916cd43dd8448eb211c80319c";
    check(&["trace", unknown], 4, "or not yet").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_its_own_span_in_jaeger() {
    let jaeger = Jaeger::start().await.unwrap();
    let exported = ["doctor", "--set", "telemetry.exporters=otlp", "--set"];
    let check = async |protocol: &str, endpoint: String, code: i32, expected: &str| {
        let (protocol, endpoint) = (
            format!("telemetry.otlp.protocol={protocol}"),
            format!("telemetry.otlp.endpoint={endpoint}"),
        );
        let arguments = [&exported[..], &[&protocol, "--set", &endpoint]].concat();
        let output = chimera(&jaeger, &arguments).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{said}");
        let words: Vec<_> = said.split_whitespace().collect();
        assert!(words.join(" ").contains(expected), "{said}");
    };
    let shown = "shows the span that was sent";
    check("grpc", jaeger.otlp_grpc(), 0, shown).await;
    check("http/protobuf", jaeger.otlp_http(), 0, shown).await;
    let refused = "it did not take the span";
    check("http/protobuf", jaeger.otlp_grpc(), 4, refused).await;
    check("grpc", jaeger.otlp_http(), 4, refused).await;
}

/// Spans in an order of their own: those of one time have none.
fn sorted(mut spans: Value) -> Vec<Value> {
    let spans = spans.as_array_mut().expect("a list of spans");
    spans.sort_by_key(|span| span["span_id"].to_string());
    std::mem::take(spans)
}

async fn json(jaeger: &Jaeger, arguments: &[&str]) -> Result<Value> {
    let output = chimera(jaeger, arguments).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {said}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs `chimera`, which cargo puts beside the folder of the test's own program.
async fn chimera(jaeger: &Jaeger, arguments: &[&str]) -> Result<Output> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent);
    let program = folder.context("a test is in a folder")?.join("chimera");
    ensure!(
        program.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first",
        program.display()
    );
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(directory.path())
        .current_dir(directory.path())
        .env("CHIMERA__TRACES__URL", jaeger.url(""))
        .env("NO_COLOR", "1");
    Ok(spawn_blocking(move || command.output()).await??)
}
