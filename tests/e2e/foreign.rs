//! Messages whose sender named no span, or named one wrongly: all that comes of one is in one trace.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use chimera_bus::{Exchange, Message, Properties, Queue, QueueName, RoutingKey, headers::name};
use chimera_shared::{BaseAgent, Context, HandleError, config::Config};
use chimera_tests::{
    Backends, Stack,
    contract::{assert_one_trace, drawn},
    stack::{Application, Setup},
};
use chimera_traces::tree::Span;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::messages::{KEY, attempts, with_worker};

crate::on_each_backend! {
    a_foreign_message_that_fails_twice_is_one_trace,
    a_replay_of_a_foreign_message_continues_its_trace,
    without_telemetry_a_foreign_message_stays_as_it_came,
}

/// What a foreign program may write where a `traceparent` belongs.
const BROKEN: [Option<&str>; 3] = [
    None,
    Some("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"),
    Some("of no use"),
];

/// Sends what a foreign program does: no properties, and no header but perhaps a broken one.
async fn send(stack: &Stack, traceparent: Option<&str>) {
    let mut foreign = Message::event(RoutingKey::from_static(KEY), &b"{}"[..]);
    foreign.properties = Properties::default();
    if let Some(traceparent) = traceparent {
        foreign.headers.set(name::TRACEPARENT, traceparent);
    }
    let _routed = stack.bus().publish(foreign).await.unwrap();
}

fn away() -> HandleError {
    HandleError::transient(anyhow::anyhow!("the backend is away"))
}

fn links_to(span: &Span, other: &Span) -> bool {
    let mut links = span.links.iter();
    links.any(|link| link.span_id == other.span_id && link.trace_id == other.trace_id)
}

async fn a_foreign_message_that_fails_twice_is_one_trace(backends: Backends) {
    for traceparent in BROKEN {
        let (done, mut is_done) = mpsc::unbounded_channel();
        let calls = Arc::new(AtomicU32::new(0));
        let stack = with_worker(backends, move |_, input| {
            let (done, call) = (done.clone(), calls.fetch_add(1, Relaxed));
            async move {
                if call < 2 {
                    return Err(away());
                }
                done.send(()).unwrap();
                Ok(input)
            }
        })
        .await;
        send(&stack, traceparent).await;
        is_done.recv().await.unwrap();
        let stopped = stack.stop().await.unwrap();

        let trace = stopped.only_trace();
        assert_one_trace(trace);
        let (attempts, drawn) = (attempts(&stopped), drawn(trace));
        let [first, second, third] = attempts[..] else {
            panic!("three attempts expected\n{drawn}");
        };
        assert_eq!(first.parent_span_id, None, "{drawn}");
        for later in [second, third] {
            assert_eq!(later.parent_span_id.as_ref(), Some(&first.span_id));
        }
        assert!(
            links_to(second, first) && links_to(third, second),
            "{drawn}"
        );
    }
}

async fn a_replay_of_a_foreign_message_continues_its_trace(backends: Backends) {
    for traceparent in BROKEN {
        let (done, mut is_done) = mpsc::unbounded_channel();
        let stack = with_worker(backends, move |cx, input: Value| {
            let done = done.clone();
            async move {
                if cx.message().unwrap().headers.get(name::FAILED_AT).is_none() {
                    return Err(away());
                }
                done.send(()).unwrap();
                Ok(input)
            }
        })
        .await;
        let worker = QueueName::from_static("worker");
        let letters = Queue::dead_letters(&worker);
        let mut letters = stack.bus().subscribe(letters).await.unwrap();
        send(&stack, traceparent).await;
        let letter = letters.next().await.unwrap();
        // As an operator moves it back, but that it has all its attempts before it.
        let mut replayed = letter.message().clone();
        (replayed.exchange, replayed.routing_key) = (Exchange::DEFAULT, (&worker).into());
        replayed.headers.remove(name::ATTEMPT);
        letter.ack().unwrap();
        let _routed = stack.bus().publish(replayed).await.unwrap();
        is_done.recv().await.unwrap();
        let stopped = stack.stop().await.unwrap();

        let trace = stopped.only_trace();
        assert_one_trace(trace);
        let (attempts, drawn) = (attempts(&stopped), drawn(trace));
        let [first, _, failed, replay] = attempts[..] else {
            panic!("three attempts and a replay expected\n{drawn}");
        };
        assert_eq!(replay.parent_span_id.as_ref(), Some(&first.span_id));
        assert!(links_to(replay, failed), "{drawn}");
    }
}

async fn without_telemetry_a_foreign_message_stays_as_it_came(backends: Backends) {
    let fail = |_: Context, _: Value| async { Err::<Value, _>(away()) };
    let configure = |config: &mut Config| {
        config.telemetry.enabled = false;
        config.agent.max_attempts = 2.try_into().unwrap();
        config.agent.backoff_base = std::time::Duration::from_millis(1);
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents: vec![BaseAgent::new("worker").on(KEY, fail)],
        application: Application::Absent,
        ..Setup::default()
    };
    let stack = Stack::start_with(backends, setup).await.unwrap();
    let letters = Queue::dead_letters(&QueueName::from_static("worker"));
    let mut letters = stack.bus().subscribe(letters).await.unwrap();
    for traceparent in BROKEN {
        send(&stack, traceparent).await;
        let letter = letters.next().await.unwrap();
        let headers = &letter.message().headers;
        assert_eq!(headers.get_str(name::TRACEPARENT), traceparent);
        letter.ack().unwrap();
    }
    let stopped = stack.stop().await.unwrap();
    assert!(stopped.traces.is_empty());
}
