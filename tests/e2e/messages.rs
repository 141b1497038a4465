//! Messages that fail, expire, and come from elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use chimera_bus::{Message, Queue, QueueName, RoutingKey, headers::name};
use chimera_shared::{
    BaseAgent, Context, HandleError,
    config::{Config, SettleSpans},
    deadline::Deadline,
};
use chimera_tests::{
    Backends, Stack,
    contract::{assert_one_trace, drawn},
    stack::{Application, Setup},
    stopped::Stopped,
};
use chimera_traces::tree::{Kind, Span, Status};
use serde_json::{Value, json};
use tokio::sync::mpsc;

crate::on_each_backend! {
    a_handler_that_fails_twice_is_three_linked_attempts,
    what_fails_for_good_is_a_dead_letter_with_its_reason_and_trace,
    a_retry_that_would_come_after_the_deadline_is_a_dead_letter,
    a_panic_and_a_wrong_body_cost_their_message_only,
    work_whose_deadline_has_passed_is_not_begun,
    a_foreign_message_joins_its_trace_or_starts_one,
    an_event_that_nobody_takes_says_so,
    an_ack_has_a_span_where_that_is_wanted,
}

pub(super) const KEY: &str = "work.requested";

/// A stack with an agent `worker` whose handler is `handle`, and a channel that tells of each end of it.
pub(super) async fn with_worker<F, Fut>(backends: Backends, handle: F) -> Stack
where
    F: Fn(Context, Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, HandleError>> + Send,
{
    let configure = |config: &mut Config| {
        config.agent.backoff_base = Duration::from_millis(1);
        config.agent.max_attempts = 3.try_into().unwrap();
    };
    let agents = vec![BaseAgent::new("worker").on(KEY, handle)];
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents,
        ..Setup::default()
    };
    Stack::start_with(backends, setup).await.unwrap()
}

pub(super) fn attempts(stopped: &Stopped) -> Vec<&Span> {
    let mut attempts: Vec<&Span> = stopped
        .only_trace()
        .spans()
        .iter()
        .filter(|span| span.kind == Kind::Consumer)
        .collect();
    attempts.sort_by_key(|span| span.start_ns);
    attempts
}

async fn a_handler_that_fails_twice_is_three_linked_attempts(backends: Backends) {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let calls = Arc::new(AtomicU32::new(0));
    let stack = with_worker(backends, move |_, input| {
        let (done, call) = (done.clone(), calls.fetch_add(1, Relaxed));
        async move {
            if call < 2 {
                return Err(HandleError::transient(anyhow::anyhow!(
                    "the backend is away"
                )));
            }
            done.send(call).unwrap();
            Ok(input)
        }
    })
    .await;
    stack.publish(KEY, &json!({ "n": 1 })).await.unwrap();
    assert_eq!(is_done.recv().await, Some(2));
    let stopped = stack.stop().await.unwrap();

    assert_one_trace(stopped.only_trace());
    let attempts = attempts(&stopped);
    let drawn = drawn(stopped.only_trace());
    assert_eq!(attempts.len(), 3, "{drawn}");
    for (index, attempt) in attempts.iter().enumerate() {
        assert_eq!(
            attempt.attributes.get("chimera.attempt"),
            Some(&json!(index + 1)),
            "{drawn}"
        );
        assert_eq!(attempt.status == Status::Error, index < 2, "{drawn}");
        assert_eq!(
            attempt.parent_span_id, attempts[0].parent_span_id,
            "attempts stand side by side\n{drawn}"
        );
    }
    for pair in attempts.windows(2) {
        assert!(
            pair[1]
                .links
                .iter()
                .any(|link| link.span_id == pair[0].span_id),
            "{drawn}"
        );
    }
    let retries = stopped
        .only_trace()
        .spans()
        .iter()
        .filter(|span| span.name == "retry");
    assert_eq!(retries.count(), 2, "{drawn}");
}

async fn what_fails_for_good_is_a_dead_letter_with_its_reason_and_trace(backends: Backends) {
    let check = async |error: fn() -> HandleError, error_type: &str, attempts_made: usize| {
        let stack = with_worker(backends, move |_, _| async move { Err(error()) }).await;
        let mut letters = stack
            .bus()
            .subscribe(Queue::dead_letters(&QueueName::from_static("worker")))
            .await
            .unwrap();
        stack.publish(KEY, &json!({ "n": 1 })).await.unwrap();
        let letter = letters.next().await.unwrap();
        let headers = &letter.message().headers;
        assert_eq!(headers.get_str(name::ERROR_TYPE), Some(error_type));
        assert_eq!(
            headers.get_str(name::ERROR_MESSAGE),
            Some("broken: for a reason")
        );
        assert_eq!(headers.get_str(name::FAILED_AGENT), Some("worker"));
        assert_eq!(headers.get_str(name::ORIGINAL_ROUTING_KEY), Some(KEY));
        assert_eq!(headers.get_u64(name::ATTEMPT), Some(attempts_made as u64));
        assert!(headers.get_u64(name::FAILED_AT).is_some());
        assert_eq!(&letter.message().body[..], br#"{"n":1}"#);
        let traceparent = headers.get_str(name::TRACEPARENT).unwrap().to_owned();
        letter.ack().unwrap();
        let stopped = stack.stop().await.unwrap();
        assert_one_trace(stopped.only_trace());
        assert!(traceparent.contains(stopped.only_trace().trace_id()));
        assert_eq!(attempts(&stopped).len(), attempts_made);
        assert_eq!(
            stopped
                .only_trace()
                .spans()
                .iter()
                .filter(|span| span.name == "dead_letter")
                .count(),
            1
        );
    };
    check(
        || HandleError::permanent(anyhow::anyhow!("for a reason").context("broken")),
        "permanent",
        1,
    )
    .await;
    check(
        || HandleError::transient(anyhow::anyhow!("for a reason").context("broken")),
        "transient",
        3,
    )
    .await;
}

async fn a_retry_that_would_come_after_the_deadline_is_a_dead_letter(backends: Backends) {
    // So long that no jitter makes the wait shorter than what is left of the deadline.
    const AGE: Duration = Duration::from_secs(1 << 40);
    let configure = |config: &mut Config| {
        (config.agent.backoff_base, config.agent.backoff_max) = (AGE, AGE);
    };
    let away = |_: Context, _: Value| async {
        Err::<Value, _>(HandleError::transient(anyhow::anyhow!("away")))
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents: vec![BaseAgent::new("worker").on(KEY, away)],
        // Its own programs would refuse such a wait.
        application: Application::Absent,
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let mut letters = stack
        .bus()
        .subscribe(Queue::dead_letters(&QueueName::from_static("worker")))
        .await
        .unwrap();
    let mut urgent = Message::event(RoutingKey::from_static(KEY), &b"{}"[..]);
    let deadline = Deadline::after(Duration::from_secs(60));
    urgent.headers.set(name::DEADLINE, deadline.epoch_ms());
    let _routed = stack.bus().publish(urgent).await.unwrap();
    letters.next().await.unwrap().ack().unwrap();
    let stopped = stack.stop().await.unwrap();
    let span = attempts(&stopped)[0];
    assert_eq!(
        span.attributes.text("chimera.outcome"),
        Some("dead_letter"),
        "what is said of it is what became of it"
    );
}

async fn a_panic_and_a_wrong_body_cost_their_message_only(backends: Backends) {
    let stack = with_worker(backends, |_, input: Value| async move {
        assert_ne!(input["n"], 13, "unlucky");
        Ok(input)
    })
    .await;
    let mut letters = stack
        .bus()
        .subscribe(Queue::dead_letters(&QueueName::from_static("worker")))
        .await
        .unwrap();
    let broken = Message::event(RoutingKey::from_static(KEY), &b"{\"n\":"[..]);
    let _routed = stack.bus().publish(broken).await.unwrap();
    let letter = letters.next().await.unwrap();
    assert_eq!(
        letter.message().headers.get_str(name::ERROR_TYPE),
        Some("undecodable")
    );
    let why = letter
        .message()
        .headers
        .get_str(name::ERROR_MESSAGE)
        .unwrap()
        .to_owned();
    assert!(why.contains("decoding the body as JSON"), "{why}");
    letter.ack().unwrap();

    stack.publish(KEY, &json!({ "n": 13 })).await.unwrap();
    let letter = letters.next().await.unwrap();
    assert_eq!(
        letter.message().headers.get_str(name::ERROR_TYPE),
        Some("panic")
    );
    letter.ack().unwrap();

    let reply = stack.request(KEY, &json!({ "n": 14 })).await.unwrap();
    assert_eq!(reply, json!({ "n": 14 }));
    let stopped = stack.stop().await.unwrap();
    assert_eq!(stopped.traces.len(), 3);
    stopped.traces.iter().for_each(assert_one_trace);
}

async fn work_whose_deadline_has_passed_is_not_begun(backends: Backends) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let stack = with_worker(backends, move |_, input| {
        counted.fetch_add(1, Relaxed);
        async move { Ok(input) }
    })
    .await;
    let mut replies = stack.bus().subscribe(Queue::replies()).await.unwrap();
    let mut late = Message::event(RoutingKey::from_static(KEY), &b"{}"[..]);
    late.headers.set(name::DEADLINE, 1_u64);
    late.properties.reply_to = Some(replies.queue().to_string());
    let _routed = stack.bus().publish(late).await.unwrap();
    let reply = replies.next().await.unwrap();
    assert_eq!(
        reply.message().headers.get_str(name::ERROR_TYPE),
        Some("expired")
    );
    reply.ack().unwrap();
    let stopped = stack.stop().await.unwrap();
    assert_eq!(calls.load(Relaxed), 0);
    let span = attempts(&stopped)[0];
    assert_eq!(
        (
            span.attributes.text("chimera.outcome"),
            span.attributes.text("error.type")
        ),
        (Some("expired"), Some("expired"))
    );
}

async fn a_foreign_message_joins_its_trace_or_starts_one(backends: Backends) {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let check = async |traceparent: Option<&str>, joined: bool| {
        let (done, mut is_done) = mpsc::unbounded_channel();
        let stack = with_worker(backends, move |cx, _| {
            done.send(cx.trace_id()).unwrap();
            async { Ok(Value::Null) }
        })
        .await;
        let mut foreign = Message::event(RoutingKey::from_static(KEY), &b"{}"[..]);
        foreign.properties = chimera_bus::Properties::default();
        if let Some(traceparent) = traceparent {
            foreign.headers.set(name::TRACEPARENT, traceparent);
        }
        let _routed = stack.bus().publish(foreign).await.unwrap();
        let trace_id = is_done.recv().await.unwrap();
        let stopped = stack.stop().await.unwrap();
        assert_eq!(trace_id == TRACE, joined, "{traceparent:?}");
        assert_eq!(stopped.only_trace().trace_id(), trace_id);
        let span = attempts(&stopped)[0];
        assert_eq!(
            span.parent_span_id.as_deref(),
            joined.then_some("b7ad6b7169203331"),
            "{traceparent:?}"
        );
        assert_eq!(span.links.len(), usize::from(joined), "{traceparent:?}");
    };
    let valid = format!("00-{TRACE}-b7ad6b7169203331-01");
    check(None, false).await;
    check(Some(&valid), true).await;
    check(Some(&valid.to_uppercase()), false).await;
    check(Some(&valid[..54]), false).await;
    check(Some(&format!("ff{}", &valid[2..])), false).await;
    check(
        Some("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        false,
    )
    .await;
}

async fn an_event_that_nobody_takes_says_so(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let accepted = stack.publish("nobody.listens", &json!({})).await.unwrap();
    assert_eq!(accepted["routed"], false);
    let stopped = stack.stop().await.unwrap();
    assert_one_trace(stopped.only_trace());
}

async fn an_ack_has_a_span_where_that_is_wanted(backends: Backends) {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let handle = move |_: Context, input: Value| {
        done.send(()).unwrap();
        async move { Ok(input) }
    };
    let configure = |config: &mut Config| {
        config.telemetry.settle_spans = SettleSpans::All;
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents: vec![BaseAgent::new("worker").on(KEY, handle)],
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    stack.publish(KEY, &json!({})).await.unwrap();
    is_done.recv().await.unwrap();
    let stopped = stack.stop().await.unwrap();
    assert_one_trace(stopped.only_trace());
    let ack = stopped
        .only_trace()
        .spans()
        .iter()
        .find(|span| span.name == "ack")
        .unwrap();
    assert_eq!((ack.kind, ack.service.as_str()), (Kind::Client, "worker"));
    assert_eq!(
        ack.attributes.text("messaging.operation.type"),
        Some("settle")
    );
}
