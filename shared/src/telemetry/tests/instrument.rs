//! What `#[tracing::instrument]` records.

use std::path::Path;

use opentelemetry::{
    Value,
    trace::{SpanId, Status},
};
use opentelemetry_sdk::trace::SpanData;

use crate::{
    config::Config,
    telemetry::{Telemetry, keys},
};

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|one| one.key.as_str() == key);
    found.map(|one| &one.value)
}

fn text(span: &SpanData, key: &str) -> String {
    attribute(span, key).map_or_else(|| "missing".to_owned(), ToString::to_string)
}

struct Till {
    open: bool,
}

#[derive(Debug)]
#[expect(dead_code, reason = "its Debug form is what is recorded")]
struct Login {
    user: &'static str,
    password: &'static str,
}

#[derive(Debug, thiserror::Error)]
#[error("closed, password={0}")]
struct Closed(String);

impl Till {
    #[tracing::instrument(skip(self), err, ret, fields(total))]
    async fn pay(&self, cents: u64, password: &str, note: &str) -> Result<u64, Closed> {
        if !self.open {
            return Err(Closed(password.to_owned()));
        }
        tokio::task::yield_now().await;
        tracing::Span::current().record("total", cents * 2);
        Ok(twice(cents))
    }
}

#[tracing::instrument(ret)]
fn twice(cents: u64) -> u64 {
    2 * cents
}

#[tracing::instrument]
fn enter(login: &Login) {
    let _ = login;
}

/// The spans of a till that is paid at, in the order in which they end.
async fn pay(open: bool) -> Vec<SpanData> {
    let mut config = Config::for_test(Path::new("unused")).telemetry;
    config.limits.attribute_value_length = Some(40);
    let (telemetry, spans, logs) = Telemetry::with_config_for_test(&config);
    let scope = telemetry.root();
    let till = Till { open };
    let note = "a very long note ".repeat(100);
    let _ = scope.run(till.pay(7, "hunter2", &note)).await;
    assert_eq!(telemetry.open_spans(), 0);
    let spans = spans.get_finished_spans().unwrap();
    let message = if open { "pay returned" } else { "pay failed" };
    assert!(logs.text().contains(message), "{}", logs.text());
    for shown in [format!("{spans:?}"), logs.text()] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    spans
}

#[tokio::test]
async fn arguments_results_and_later_fields_are_attributes_and_events() {
    let spans = pay(true).await;
    let [inner, outer] = &spans[..] else {
        panic!("two spans expected, {} found", spans.len());
    };
    assert_eq!((&*inner.name, &*outer.name), ("twice", "pay"));
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    // The layer takes unsigned numbers for texts.
    assert_eq!(
        (text(outer, "cents"), text(outer, "total")),
        ("7".into(), "14".into())
    );
    assert_eq!(text(outer, "password"), "REDACTED");
    assert_eq!(text(outer, "note").len(), 40);
    assert_eq!(attribute(outer, "self"), None);
    assert_eq!(outer.status, Status::Unset);
    for span in [inner, outer] {
        let events = &span.events.events;
        let has = |value: &str| {
            let mut attributes = events.iter().flat_map(|event| &event.attributes);
            attributes.any(|one| one.key.as_str() == "return" && one.value.to_string() == value)
        };
        assert!(has("14"), "{events:?}");
    }
}

#[tokio::test]
async fn an_error_is_one_exception_and_the_status() {
    let spans = pay(false).await;
    let [span] = &spans[..] else {
        panic!("one span expected, {} found", spans.len());
    };
    assert_eq!(span.status, Status::error("closed, password=REDACTED"));
    assert_eq!(text(span, keys::ERROR_TYPE), "_OTHER");
    let [event] = &span.events.events[..] else {
        panic!("one event expected: {:?}", span.events.events);
    };
    assert_eq!(event.name, "exception");
    let message = event
        .attributes
        .iter()
        .find(|one| one.key.as_str() == keys::EXCEPTION_MESSAGE);
    assert_eq!(
        message.unwrap().value.to_string(),
        "closed, password=REDACTED"
    );
}

#[tracing::instrument(ret)]
fn echo(text: &str) -> String {
    text.to_owned()
}

#[test]
fn long_texts_are_cut_where_no_limit_is_set() {
    let (telemetry, spans, logs) = Telemetry::for_test_with_logs("svc");
    // The end of the first secret is behind the limit.
    let long = format!(
        "{} ghp_0123456789abcdef {}",
        "a".repeat(4_080),
        "b ".repeat(100_000)
    );
    telemetry.root().enter(|| echo(&long));
    let spans = spans.get_finished_spans().unwrap();
    let expected = format!("{} REDACTED bbb", "a".repeat(4_080));
    assert_eq!(text(&spans[0], "text").len(), 4_096);
    assert_eq!(text(&spans[0], "text")[..4_089], expected[..4_089]);
    let event = &spans[0].events.events[0];
    assert_eq!(event.name, "return");
    let returned = event
        .attributes
        .iter()
        .find(|one| one.key.as_str() == "return");
    assert_eq!(returned.unwrap().value.to_string().len(), 4_096);
    assert!(
        logs.text().contains("\"message\":\"echo returned\""),
        "{}",
        &logs.text()[..500]
    );
}

#[test]
fn a_secret_inside_of_an_argument_is_none_of_its_text() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    telemetry.root().enter(|| {
        enter(&Login {
            user: "ann",
            password: "hunter2",
        });
    });
    let spans = spans.get_finished_spans().unwrap();
    assert_eq!(
        text(&spans[0], "login"),
        "Login { user: \"ann\", password: \"REDACTED\" }"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_joins_when_it_is_given_the_scope() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    let parent = telemetry
        .root()
        .start(crate::telemetry::kinds::orchestrator("work"));
    let scope = parent.scope().clone();
    let task = tokio::spawn(parent.scope().run(async move {
        let till = Till { open: true };
        let _ = till.pay(1, "", "").await;
        // Tasks of tasks are given it on.
        tokio::spawn(scope.active().run(async { twice(1) }))
            .await
            .unwrap()
    }));
    task.await.unwrap();
    // Nobody's.
    tokio::spawn(async { twice(2) }).await.unwrap();
    let id = parent.context().span_id();
    parent.end();
    let spans = spans.get_finished_spans().unwrap();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["twice", "pay", "twice", "orchestrate work"]);
    let parents: Vec<SpanId> = spans.iter().map(|span| span.parent_span_id).collect();
    assert_eq!(
        parents,
        [spans[1].span_context.span_id(), id, id, SpanId::INVALID]
    );
}
