//! What becomes of a panic in a program. In a process of its own, for the hook is the process's.

#![cfg(feature = "telemetry")]

use std::panic::{self, AssertUnwindSafe};

use chimera_shared::telemetry::{SpanKind, SpanStart, Telemetry, log_panics};
use serde_json::Value;

fn caught(work: impl FnOnce()) {
    assert!(panic::catch_unwind(AssertUnwindSafe(work)).is_err());
}

#[test]
fn a_panic_is_a_line_of_the_service_that_panics_else_of_the_process() {
    let (agent, _, of_agent) = Telemetry::for_test_with_logs("agent");
    let (process, _, of_process) = Telemetry::for_test_with_logs("process");
    let usual = panic::take_hook();
    log_panics(Some(&process));
    let start = SpanStart::new(SpanKind::Internal, "work");
    let span = agent.root().start(start);
    span.scope()
        .enter(|| caught(|| panic!("boom\nsecret=hunter2")));
    caught(|| panic!("{}", "no service, token=hunter2"));
    panic::set_hook(usual);

    let (inside, outside) = (of_agent.text(), of_process.text());
    for text in [&inside, &outside] {
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let line: Value = serde_json::from_str(&inside).unwrap();
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with("panicked at "), "{message}");
    assert!(message.ends_with(": boom\nsecret=REDACTED"), "{message}");
    assert_eq!(line["level"], "ERROR");
    let context = span.context();
    assert_eq!(line["trace_id"], context.trace_id().to_string());
    assert_eq!(line["span_id"], context.span_id().to_string());
    let location = line["fields"]["location"].as_str().unwrap();
    assert!(location.contains("panics.rs:"), "{location}");
    assert!(line["fields"]["thread"].is_string());
    let line: Value = serde_json::from_str(&outside).unwrap();
    let message = line["message"].as_str().unwrap();
    assert!(
        message.ends_with(": no service, token=REDACTED"),
        "{message}"
    );
}
