//! The trace context on messages: every case of W3C's suite over the bus, through an agent, and out again.

#[path = "../../shared/src/telemetry/propagation/tests/suite.rs"]
mod suite;

use std::collections::BTreeMap;

use chimera_bus::{
    BindingKey, Delivery, FieldValue, Headers, Message, Queue, RoutingKey, Subscription,
};
use chimera_shared::{BaseAgent, Context, HandleError, config::Config};
use chimera_tests::{
    Backends, Stack,
    stack::{Application, Setup},
};
use serde_json::{Value, json};
use suite::{Case, Expected, SPAN, TRACE};

crate::on_each_backend! {
    every_case_of_the_suite_on_messages,
    a_header_table_of_thousands_of_entries_is_no_trouble,
    values_that_are_no_text_begin_a_trace,
    a_service_that_is_off_passes_on_what_came,
}

const KEY: &str = "work.requested";
const ONWARD: &str = "work.passed_on";
/// How many messages an agent sends for one.
const SENT: usize = 2;

/// An agent that sends two messages for one, and whoever gets them.
struct Chain {
    stack: Stack,
    passed_on: Subscription,
}

impl Chain {
    async fn start(backends: Backends, configure: fn(&mut Config)) -> Self {
        let pass_on = |cx: Context, body: Value| async move {
            for _ in 0..SENT {
                cx.publish(ONWARD, &body).await?;
            }
            Ok::<(), HandleError>(())
        };
        let setup = Setup {
            configure: Some(Box::new(configure)),
            agents: vec![BaseAgent::new("worker").on(KEY, pass_on)],
            application: Application::Absent,
            ..Setup::default()
        };
        let stack = Stack::start_with(backends, setup).await.unwrap();
        let queue = Queue::instance("witness").bind(BindingKey::new(ONWARD).unwrap());
        let passed_on = stack.bus().subscribe(queue).await.unwrap();
        Self { stack, passed_on }
    }

    /// Sends `headers` to the agent, as a foreign program does.
    async fn send(&self, number: usize, headers: Headers) {
        let body = json!({ "n": number }).to_string();
        let mut message = Message::event(RoutingKey::from_static(KEY), body);
        message.headers = headers;
        let _routed = self.stack.bus().publish(message).await.unwrap();
    }

    /// The headers of what the agent sends on for `count` messages, by their numbers.
    async fn receive(&mut self, count: usize) -> BTreeMap<u64, Vec<Headers>> {
        let mut received = BTreeMap::<u64, Vec<Headers>>::new();
        for _ in 0..count * SENT {
            let delivery: Delivery = self.passed_on.next().await.unwrap();
            let body: Value = serde_json::from_slice(&delivery.message().body).unwrap();
            let headers = delivery.message().headers.clone();
            let number = body["n"].as_u64().unwrap();
            received.entry(number).or_default().push(headers);
            delivery.ack().unwrap();
        }
        received
    }
}

type Typed = fn(&str) -> FieldValue;
const TYPES: [Typed; 3] = [
    |text| FieldValue::LongString(text.into()),
    |text| FieldValue::ShortString(text.to_owned()),
    |text| FieldValue::Bytes(text.into()),
];

/// The headers of a case. RabbitMQ's client keeps a name once, so that a repeated one comes in several cases, which sort
/// in the order in which they were written.
fn headers_of(case: &Case, typed: Typed) -> Headers {
    let mut headers = Headers::new();
    for (at, (name, value)) in case.incoming.iter().enumerate() {
        let before = &case.incoming[..at];
        let seen = before.iter().filter(|(other, _)| other == name).count();
        let is_repeated = case
            .incoming
            .iter()
            .filter(|(other, _)| other == name)
            .count()
            > 1;
        let name = if is_repeated {
            let (upper, lower) = name.split_at(name.len() - seen);
            upper.to_ascii_uppercase() + lower
        } else {
            name.clone()
        };
        headers.append(name, typed(value));
    }
    headers
}

/// What a message that was sent on says, checked by other means than the propagator's own.
fn said(headers: &Headers) -> (Expected, String) {
    let all = |wanted: &str| {
        let named = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named
            .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let [("traceparent", parent)] = &all("traceparent")[..] else {
        panic!("one traceparent expected in {headers:?}");
    };
    let parts: Vec<_> = parent.split('-').collect();
    let [version, trace_id, span_id, flags] = parts[..] else {
        panic!("{parent}");
    };
    let is_hex = |text: &str| text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    assert!(parts.iter().all(|part| is_hex(part)), "{parent}");
    assert_eq!(
        (version, trace_id.len(), span_id.len(), flags.len()),
        ("00", 32, 16, 2)
    );
    assert_ne!(span_id, SPAN, "a span of the agent's own is the parent");
    let found = match (trace_id == TRACE, &all("tracestate")[..]) {
        (false, []) => Expected::NewTrace,
        (true, []) if flags == "02" => Expected::Random,
        (true, []) => Expected::Joined,
        (true, [("tracestate", state)]) => Expected::With(state.clone()),
        other => panic!("{other:?}"),
    };
    (found, parent.clone())
}

async fn every_case_of_the_suite_on_messages(backends: Backends) {
    let mut chain = Chain::start(backends, |_| {}).await;
    let cases = suite::cases();
    for typed in TYPES {
        for (number, case) in cases.iter().enumerate() {
            chain.send(number, headers_of(case, typed)).await;
        }
        let received = chain.receive(cases.len()).await;
        for (case, received) in cases.iter().zip(received.values()) {
            let [(first, one), (second, other)] =
                &received.iter().map(said).collect::<Vec<_>>()[..]
            else {
                panic!("{}: {received:?}", case.test);
            };
            assert_eq!(
                (first, second),
                (&case.expected, &case.expected),
                "{}: {received:?}",
                case.test
            );
            assert_eq!(one[..35], other[..35], "one trace: {}", case.test);
            assert_ne!(
                one, other,
                "each message has a span of its own: {}",
                case.test
            );
        }
    }
    chain.stack.stop().await.unwrap();
}

async fn a_header_table_of_thousands_of_entries_is_no_trouble(backends: Backends) {
    let mut chain = Chain::start(backends, |_| {}).await;
    let mut headers = Headers::new();
    for n in 0..2_500 {
        if n == 1_500 {
            headers.append("TraceParent", format!("00-{TRACE}-{SPAN}-03"));
            headers.append("TRACESTATE", "a=1");
        }
        headers.append(format!("{n:x}"), FieldValue::Bool(true));
    }
    chain.send(0, headers).await;
    let received = chain.receive(1).await;
    for headers in &received[&0] {
        assert_eq!(said(headers).0, Expected::With("a=1".to_owned()));
        assert!(
            headers.len() < 20,
            "what a message carries is not the next one's"
        );
    }
    chain.stack.stop().await.unwrap();
}

async fn values_that_are_no_text_begin_a_trace(backends: Backends) {
    let mut chain = Chain::start(backends, |_| {}).await;
    let values = [
        FieldValue::Void,
        FieldValue::I64(1),
        FieldValue::F64(0.5),
        FieldValue::Timestamp(1),
        FieldValue::Bytes(vec![0xff; 55]),
        FieldValue::LongString(vec![0; 55]),
        FieldValue::Array(vec![format!("00-{TRACE}-{SPAN}-01").into()]),
        FieldValue::Table(Headers::new()),
    ];
    for (number, value) in values.iter().enumerate() {
        let names = ["traceparent", "tracestate", "baggage"].into_iter();
        let headers = names.map(|name| (name.to_owned(), value.clone()));
        chain.send(number, headers.collect()).await;
    }
    let received = chain.receive(values.len()).await;
    for headers in received.values().flatten() {
        assert_eq!(said(headers).0, Expected::NewTrace);
        assert_eq!(headers.get("baggage"), None);
    }
    chain.stack.stop().await.unwrap();
}

async fn a_service_that_is_off_passes_on_what_came(backends: Backends) {
    let mut chain = Chain::start(backends, |config| config.telemetry.enabled = false).await;
    let version_0 = format!("00-{TRACE}-{SPAN}-03");
    let later = format!("cc-{TRACE}-{SPAN}-09-what-the-future-will-be-like");
    let cases: [&[(&str, &str)]; 4] = [
        &[("traceparent", &version_0)],
        &[
            ("traceparent", &version_0),
            ("tracestate", "b=2 , a=1"),
            ("baggage", "b=%41,a=1"),
        ],
        &[("traceparent", &later)],
        &[("baggage", "b = 2;p,a=1")],
    ];
    let broken: [&[(&str, &str)]; 3] = [
        &[],
        &[("traceparent", "00-x"), ("tracestate", "a=1")],
        &[("tracestate", "a=1"), ("baggage", "a b=1")],
    ];
    for (number, case) in cases.iter().chain(&broken).enumerate() {
        let headers = case
            .iter()
            .map(|(name, value)| ((*name).to_owned(), FieldValue::from(*value)));
        chain.send(number, headers.collect()).await;
    }
    let received = chain.receive(cases.len() + broken.len()).await;
    for (number, received) in received.values().enumerate() {
        let expected = cases.get(number).copied().unwrap_or_default();
        for headers in received {
            for name in ["traceparent", "tracestate", "baggage"] {
                let expected = expected.iter().find(|(expected, _)| *expected == name);
                assert_eq!(
                    headers.get_str(name),
                    expected.map(|(_, value)| *value),
                    "{number}"
                );
            }
        }
    }
    let stopped = chain.stack.stop().await.unwrap();
    assert!(stopped.traces.is_empty(), "there are no spans");
}
