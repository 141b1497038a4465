//! `kill -9` of `chimera up` in mid-question, and a restart.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use chimera_retrieval::recorded::{self, Recording};
use chimera_traces::tree::{Problem, Trace, spans_from_otlp};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::process::{Up, directory};

/// The recorded sources behind a gate: requests for series are told to the test, and wait while it is closed.
struct Gate {
    address: SocketAddr,
    asked: mpsc::UnboundedReceiver<()>,
    open: watch::Sender<bool>,
}

#[derive(Clone)]
struct Gated {
    asked: mpsc::UnboundedSender<()>,
    open: watch::Receiver<bool>,
}

impl Gate {
    async fn closed() -> Self {
        let (asked_sender, asked) = mpsc::unbounded_channel();
        let (open, is_open) = watch::channel(false);
        let gated = Gated {
            asked: asked_sender,
            open: is_open,
        };
        let router: Router = recorded::router(Recording::bundled())
            .layer(middleware::from_fn_with_state(gated, wait_at_gate));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the test's runtime.
        drop(tokio::spawn(
            async move { axum::serve(listener, router).await },
        ));
        Self {
            address,
            asked,
            open,
        }
    }
}

async fn wait_at_gate(State(mut gated): State<Gated>, request: Request, next: Next) -> Response {
    if request.uri().path().contains("timeseries") {
        gated.asked.send(()).unwrap();
        gated.open.wait_for(|open| *open).await.unwrap();
    }
    next.run(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_ends_in_the_same_trace() {
    let directory = directory();
    let mut gate = Gate::closed().await;
    let source = format!(
        "sources.coinmetrics.url=http://{}/coinmetrics",
        gate.address
    );
    let settings = ["--set", &source];
    chimera_shared::tls::install_crypto_provider();
    let client = reqwest::Client::new();

    let up = Up::start(directory.path(), &settings);
    let question = json!({ "query": "How did the ZEC price trend in January 2019?" });
    let posted = client
        .post(up.url("chimera-api", "api", "/api/queries"))
        .json(&question)
        .send()
        .await
        .unwrap();
    let accepted: Value = posted.json().await.unwrap();
    let trace_id = accepted["trace_id"].as_str().unwrap().to_owned();
    gate.asked.recv().await.unwrap();
    up.kill();

    gate.open.send(true).unwrap();
    let up = Up::start(directory.path(), &settings);
    // The stream of events ends when the question does.
    let events = format!(
        "/api/queries/{}/events",
        accepted["query_id"].as_str().unwrap()
    );
    let events = client
        .get(up.url("chimera-api", "api", &events))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(events.contains("completed"), "{events}");
    let read = format!("/api/queries/{}", accepted["query_id"].as_str().unwrap());
    let answer: Value = client
        .get(up.url("chimera-api", "api", &read))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["status"], "completed", "{answer:#}");
    assert_eq!(answer["trace_id"], *trace_id);
    assert_eq!(up.interrupt(), Some(0));

    let store = chimera_traces::Store::open(&directory.path().join("traces")).unwrap();
    let id = opentelemetry::TraceId::from_hex(&trace_id).unwrap();
    let spans = spans_from_otlp(&store.trace(id).unwrap());
    let trace = Trace::from_spans(spans);
    // What was open when the process was killed is missing, and so is a parent of what had ended below it.
    let problems: Vec<_> = trace
        .problems()
        .into_iter()
        .filter(|problem| !matches!(problem, Problem::Orphan { .. }))
        .collect();
    assert_eq!(problems, [], "{trace:?}");
    let again = trace
        .spans()
        .iter()
        .find(|span| span.name.ends_with(":query_agent"))
        .unwrap();
    assert_eq!(
        again.attributes.get("chimera.attempt"),
        Some(&json!(2)),
        "the crash counted as an attempt"
    );
    assert!(trace.spans().iter().any(|span| span.name == "analyze"));
}
