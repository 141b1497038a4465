use opentelemetry::{KeyValue, trace::SpanKind};

use super::*;
use crate::telemetry::{SpanStart, Telemetry, export::retry::Patience, resource};

fn spans(count: usize) -> Vec<SpanData> {
    let (telemetry, spans) = Telemetry::for_test("svc");
    for number in 0..count {
        let start = SpanStart::new(SpanKind::Client, "GET")
            .with(KeyValue::new("number", number as i64))
            .with(KeyValue::new(
                "list",
                opentelemetry::Value::Array(vec![1_i64, 2].into()),
            ));
        let span = telemetry.root().start(start);
        span.event("retry", vec![KeyValue::new("n", 2.5)]);
        span.fail("timeout", "no \"answer\"\n");
    }
    spans.get_finished_spans().unwrap()
}

fn patience() -> Patience {
    Patience {
        limit: std::time::Duration::from_secs(5),
        is_ending: tokio_util::sync::CancellationToken::new(),
    }
}

fn exporter(path: PathBuf, max_bytes: u64, max_files: usize) -> SpanFile {
    let mut file = SpanFile::new(Rotation {
        path,
        max_bytes,
        max_files,
    });
    file.describe(&resource::describe(
        "svc",
        None,
        &std::collections::BTreeMap::new(),
    ));
    file
}

/// The lines of a file, decoded by the definitions of OTLP.
fn read(path: &std::path::Path) -> Vec<ExportTraceServiceRequest> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[tokio::test]
async fn each_export_is_a_line_of_otlp_json() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("below/traces.jsonl");
    let mut file = exporter(path.clone(), 1 << 20, 3);
    let spans = spans(3);
    file.export(spans[..2].to_vec(), &patience()).await.unwrap();
    file.export(spans[2..].to_vec(), &patience()).await.unwrap();

    let lines = read(&path);
    assert_eq!(lines.len(), 2);
    let resource = ResourceAttributesWithSchema::from(&resource::describe(
        "svc",
        None,
        &std::collections::BTreeMap::new(),
    ));
    let expected = group_spans_by_resource_and_scope(spans[..2].to_vec(), &resource);
    assert_eq!(
        lines[0].resource_spans[0].scope_spans,
        expected[0].scope_spans
    );
    let attributes = &lines[0].resource_spans[0]
        .resource
        .as_ref()
        .unwrap()
        .attributes;
    assert!(
        attributes
            .iter()
            .any(|attribute| attribute.key == "service.name")
    );
    // Ids are hexadecimal, as OTLP has it, and not base64, as protobuf has it.
    let text = fs::read_to_string(&path).unwrap();
    let id = spans[0].span_context.trace_id().to_string();
    assert!(text.contains(&format!("\"traceId\":\"{id}\"")), "{text}");
}

#[tokio::test]
async fn a_large_file_is_put_aside_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.jsonl");
    // Two services of one process: each its own exporter, one file.
    let mut files = [
        exporter(path.clone(), 6_000, 3),
        exporter(path.clone(), 6_000, 3),
    ];
    let spans = spans(1);
    for number in 0..40 {
        files[number % 2]
            .export(spans.clone(), &patience())
            .await
            .unwrap();
    }
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["t.jsonl", "t.jsonl.1", "t.jsonl.2"]);
    for name in names {
        let path = dir.path().join(name);
        assert!(fs::metadata(&path).unwrap().len() <= 6_000);
        assert!(!read(&path).is_empty());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_costs_the_batch_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let blocker = dir.path().join("blocker");
    fs::write(&blocker, "").unwrap();
    let path = blocker.join("t.jsonl");
    let mut file = exporter(path.clone(), 1 << 20, 3);
    let failure = file.export(spans(1), &patience()).await.unwrap_err();
    assert_eq!(failure.kind, crate::telemetry::export::failure::Kind::File);
    fs::remove_file(&blocker).unwrap();
    file.export(spans(1), &patience()).await.unwrap();
    assert_eq!(read(&path).len(), 1);
}

/// `/dev/full` takes nothing, as a full disk does.
#[tokio::test]
async fn a_full_disk_is_an_error_and_not_the_end() {
    let mut file = exporter("/dev/full".into(), 1 << 20, 3);
    let failure = file.export(spans(1), &patience()).await.unwrap_err();
    assert!(
        failure.cause.to_lowercase().contains("space"),
        "{}",
        failure.cause
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_somebody_else_holds_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("traces.jsonl");
    let other = File::create(&path).unwrap();
    other.lock().unwrap();
    let mut file = exporter(path.clone(), 1 << 20, 3);
    let began = Instant::now();
    let failure = file.export(spans(1), &patience()).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), LOCKED_AT_MOST.as_secs());
    let expected = format!("the lock of {} for 5s", path.display());
    assert!(failure.cause.contains(&expected), "{failure:?}");
    let patience = patience();
    let (written, ()) = tokio::join!(file.export(spans(1), &patience), async {
        sleep(BETWEEN_TRIES * 3).await;
        other.unlock().unwrap();
    });
    written.unwrap();
    assert_eq!(read(&path).len(), 1);
}
