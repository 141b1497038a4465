use std::{io, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;

use super::*;
use crate::telemetry::{Telemetry, keys};

fn start() -> SpanStart {
    SpanStart::new(SpanKind::Client, "call")
}

fn error_type(span: &SpanData) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == keys::ERROR_TYPE);
    found.map(|attribute| attribute.value.to_string())
}

/// The `error.type` of the one span that `work` leaves.
fn outcome(work: impl FnOnce(&Telemetry)) -> Option<String> {
    let (telemetry, spans) = Telemetry::for_test("svc");
    work(&telemetry);
    assert_eq!(telemetry.open_spans(), 0, "every way out ends the span");
    let spans = spans.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1);
    let span = &spans[0];
    assert_eq!(error_type(span).is_some(), span.status != Status::Unset);
    assert!(span.events.events.is_empty());
    error_type(span)
}

async fn read(fails: bool) -> io::Result<u32> {
    match fails {
        true => Err(io::Error::other("refused")),
        false => Ok(7),
    }
}

#[tokio::test]
async fn every_way_out_ends_the_span_and_says_how() {
    let ok = outcome(|telemetry| {
        let call = telemetry
            .root()
            .call(start(), async |_| read(false).await)
            .now_or_never();
        assert_eq!(call.unwrap().unwrap(), 7);
    });
    assert_eq!(ok, None);
    let error = outcome(|telemetry| {
        let scope = telemetry.root();
        let call = scope.call(start(), async |span| {
            read(true).await?;
            span.set(KeyValue::new("never", true));
            io::Result::Ok(())
        });
        assert!(call.now_or_never().unwrap().is_err());
    });
    assert_eq!(error.as_deref(), Some("std::io::error::Error"));
    let panic = outcome(|telemetry| {
        let scope = telemetry.root();
        let call = scope.call(start(), async |_| -> io::Result<()> { panic!("ouch") });
        let caught = AssertUnwindSafe(call).catch_unwind().now_or_never();
        assert!(caught.unwrap().is_err());
    });
    assert_eq!(panic.as_deref(), Some("panic"));
    let cancelled = outcome(|telemetry| {
        let scope = telemetry.root();
        let call = scope.call(start(), async |_| {
            std::future::pending::<()>().await;
            io::Result::Ok(())
        });
        assert!(call.now_or_never().is_none());
    });
    assert_eq!(cancelled.as_deref(), Some("cancelled"));
    let never = outcome(|telemetry| drop(telemetry.root().start(start())));
    assert_eq!(never, None);
}

#[test]
fn work_that_waits_for_nothing_ends_its_span_as_well() {
    let call = |fails: bool| {
        outcome(|telemetry| {
            let result = telemetry.root().call_sync(start(), |_| match fails {
                true => Err("no"),
                false => Ok(()),
            });
            assert_eq!(result.is_err(), fails);
        })
    };
    assert_eq!(call(false), None);
    assert_eq!(call(true).as_deref(), Some("&str"));
    let panic = outcome(|telemetry| {
        let scope = telemetry.root();
        let call = || scope.call_sync(start(), |_| -> Result<(), String> { panic!("ouch") });
        assert!(std::panic::catch_unwind(AssertUnwindSafe(call)).is_err());
    });
    assert_eq!(panic.as_deref(), Some("panic"));
}

#[tokio::test]
async fn what_a_call_does_is_below_it_also_in_a_task() {
    let (telemetry, spans) = Telemetry::for_test("svc");
    let scope = telemetry.root();
    // A task wants the future to be `Send`.
    let task = tokio::spawn(async move {
        scope
            .call(start(), async |span| {
                span.set(KeyValue::new("found", 1));
                span.scope()
                    .start(SpanStart::new(SpanKind::Internal, "own"))
                    .end();
                tracing::info_span!("by macro").in_scope(|| ());
                io::Result::Ok(())
            })
            .await
    });
    task.await.unwrap().unwrap();
    let spans = spans.get_finished_spans().unwrap();
    let [own, by_macro, call] = &spans[..] else {
        panic!("three spans expected, {} found", spans.len());
    };
    for below in [own, by_macro] {
        assert_eq!(below.parent_span_id, call.span_context.span_id());
    }
    assert!(call.attributes.contains(&KeyValue::new("found", 1)));
}
