//! The agent that the README shows: that it does, and what it publishes on a platform, in one trace.

use std::time::Duration;

use chimera_bus::{BindingKey, Message, Queue, RoutingKey, Subscription};
use chimera_shared::{BaseAgent, Context, HandleError, Platform, config::Config};
use chimera_traces::{
    Store,
    store::Query,
    tree::{Kind, Span, Trace, spans_from_otlp},
};
use serde_json::{Value, json};

#[expect(
    dead_code,
    unreachable_pub,
    reason = "here it is a module, and not a program"
)]
#[path = "../examples/tick_agent.rs"]
mod tick_agent;

/// What never happens by then does not happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Publishes ticks one after the other, so that all of them belong to the trace of one message.
async fn on_market_open(cx: Context, prices: Vec<f64>) -> Result<(), HandleError> {
    for price in prices {
        cx.publish(
            "market.tick.zec",
            &json!({ "symbol": "ZEC", "price": price }),
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_jump_raises_an_alert_in_the_trace_of_its_tick() {
    let directory = tempfile::tempdir().unwrap();
    let platform = Platform::open(Config::for_test(directory.path()), "a test")
        .await
        .unwrap();
    let (bus, store) = (platform.bus(), platform.traces().cloned().unwrap());
    let everything = Queue::instance("test").bind(BindingKey::from_static("alert.*"));
    let mut alerts = bus.subscribe(everything).await.unwrap();
    let market = BaseAgent::new("market").on("market.open", on_market_open);
    // One at a time, so that the ticks are compared in the order in which they were published.
    let running = platform
        .start(vec![tick_agent::agent().concurrency(1), market])
        .await
        .unwrap();

    let prices = Message::event(RoutingKey::from_static("market.open"), "[56.4, 56.5, 60.1]");
    let _routed = bus.publish(prices).await.unwrap();
    assert_eq!(
        next(&mut alerts).await,
        json!({ "symbol": "ZEC", "price": 60.1 })
    );

    drop((alerts, bus));
    running.stop().await;
    let trace = only_trace(&store);
    assert_eq!(trace.problems(), []);
    let of_agent = |name: &str| {
        trace
            .spans()
            .iter()
            .filter(|span| span.service == "tick_agent" && span.name == name)
            .collect::<Vec<_>>()
    };
    let processed = of_agent("process chimera.events:market.tick.zec:tick_agent");
    check(&processed, 3, Kind::Consumer);
    check(&of_agent("GET"), 3, Kind::Client);
    check(&of_agent("SET"), 3, Kind::Client);
    check(
        &of_agent("publish chimera.events:alert.raised"),
        1,
        Kind::Producer,
    );
}

#[test]
fn the_readme_shows_this_program() {
    let readme = include_str!("../../README.md");
    let program = include_str!("../examples/tick_agent.rs");
    assert!(
        readme.contains(&format!("```rust\n{program}```\n")),
        "README.md, \"Write an agent\", is to be shared/examples/tick_agent.rs, whole"
    );
}

async fn next(alerts: &mut Subscription) -> Value {
    let delivery = tokio::time::timeout(PATIENCE, alerts.next()).await;
    let delivery = delivery.expect("an alert").expect("the bus is open");
    let body = serde_json::from_slice(&delivery.message().body).expect("an alert is JSON");
    delivery.ack().expect("the subscription is open");
    body
}

fn only_trace(store: &Store) -> Trace {
    let ids = store
        .search(&Query::default())
        .expect("the store can be read");
    assert_eq!(ids.len(), 1, "the ticks of one message are one trace");
    let spans = store.trace(ids[0]).expect("the store can be read");
    Trace::from_spans(spans_from_otlp(&spans))
}

fn check(spans: &[&Span], count: usize, kind: Kind) {
    assert_eq!(spans.len(), count, "{spans:?}");
    assert!(spans.iter().all(|span| span.kind == kind), "{spans:?}");
}
