//! Questions that are answered.

use chimera_tests::{Backends, Stack, contract::assert_one_trace, fact, outline};
use chimera_traces::tree::Kind;
use futures_util::future::try_join_all;

crate::on_each_backend! {
    a_question_is_answered_in_one_trace,
    the_documented_example_is_in_the_trace,
    the_second_ask_makes_no_http_call_and_says_so,
    questions_at_once_are_a_trace_each,
    a_caller_that_traces_is_joined,
}

const QUESTION: &str = "How did the ZEC price trend in January 2019?";

async fn a_question_is_answered_in_one_trace(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let answer = stack.ask(QUESTION).await.unwrap();
    let stopped = stack.stop().await.unwrap();

    assert_eq!(answer["status"], "completed", "{answer:#}");
    assert_eq!(fact(&answer, "change_pct"), -11.713_627_503_101_186);
    assert_eq!(fact(&answer, "block_height"), 505_720.0);
    assert_eq!(
        answer["answer"]["series"][0]["points"]
            .as_array()
            .unwrap()
            .len(),
        31
    );
    let trace = stopped.only_trace();
    assert_one_trace(trace);
    assert_eq!(answer["trace_id"], trace.trace_id());
    insta::assert_snapshot!("a_question_is_answered_in_one_trace", outline(trace));
}

async fn the_documented_example_is_in_the_trace(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    stack.ask(QUESTION).await.unwrap();
    let stopped = stack.stop().await.unwrap();

    let trace = stopped.only_trace();
    let check =
        |service: &str, name: &str, below: (&str, &str), attribute: Option<(&str, &str)>| {
            let is_it = |index: &usize| {
                let span = &trace.spans()[*index];
                let has = |(key, value)| span.attributes.text(key) == Some(value);
                span.service == service && span.name == name && attribute.is_none_or(has)
            };
            let is_below = |index: usize| {
                let ancestors =
                    std::iter::successors(trace.parent(index), |parent| trace.parent(*parent));
                ancestors
                    .map(|at| &trace.spans()[at])
                    .any(|span| (span.service.as_str(), span.name.as_str()) == below)
            };
            let found = (0..trace.spans().len()).filter(is_it).any(is_below);
            assert!(
                found,
                "{service}: {name} {attribute:?} is not below {below:?}\n{}",
                outline(trace)
            );
        };
    let (top, query, fetch) = (
        ("chimera-api", "POST /api/queries"),
        ("query_agent", "process_query"),
        ("data_retrieval_agent", "fetch_data"),
    );
    check(query.0, query.1, top, None);
    for phase in [
        "nlp_processing",
        "entity_extraction",
        "intent_classification",
    ] {
        check("query_agent", phase, query, None);
    }
    check(fetch.0, fetch.1, query, None);
    check(
        fetch.0,
        "get_block_height",
        fetch,
        Some(("service.peer.name", "zcash_node")),
    );
    check(
        fetch.0,
        "get_price",
        fetch,
        Some(("service.peer.name", "exchange_api")),
    );
    check(
        fetch.0,
        "cache_set",
        fetch,
        Some(("db.system.name", backends.cache_system())),
    );
    check("analysis_agent", "analyze", query, None);
}

async fn the_second_ask_makes_no_http_call_and_says_so(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let first = stack.ask(QUESTION).await.unwrap();
    let second = stack.ask(QUESTION).await.unwrap();
    let stopped = stack.stop().await.unwrap();

    assert_eq!(first["answer"]["facts"], second["answer"]["facts"]);
    let cached = |answer: &serde_json::Value| {
        let sources = answer["answer"]["sources"].as_array().unwrap();
        sources
            .iter()
            .map(|source| source["cached"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(cached(&first), [false; 3]);
    assert_eq!(cached(&second), [true; 3]);
    assert_eq!(stopped.traces.len(), 2);
    stopped.traces.iter().for_each(assert_one_trace);
    let http_calls = |trace: usize| {
        let spans = stopped.traces[trace].spans().iter();
        spans
            .filter(|span| {
                span.kind == Kind::Client && span.attributes.get("http.request.method").is_some()
            })
            .count()
    };
    assert!(http_calls(0) >= 3, "{}", outline(&stopped.traces[0]));
    assert_eq!(http_calls(1), 0, "{}", outline(&stopped.traces[1]));
}

async fn questions_at_once_are_a_trace_each(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let questions = [
        QUESTION,
        "What was the highest BTC price ever?",
        "average ETH transactions last month",
        "price of ZEC on 3 January 2018",
        "ZEC block height",
    ];
    let answers = try_join_all(questions.map(|question| stack.ask(question)))
        .await
        .unwrap();
    let stopped = stack.stop().await.unwrap();

    assert_eq!(stopped.traces.len(), questions.len());
    stopped.traces.iter().for_each(assert_one_trace);
    for (question, answer) in questions.iter().zip(&answers) {
        assert_eq!(answer["status"], "completed", "{question}: {answer:#}");
        assert_eq!(answer["query"], **question);
        let trace = stopped
            .traces
            .iter()
            .find(|trace| trace.trace_id() == answer["trace_id"]);
        assert!(trace.is_some(), "the trace of {question} is not there");
    }
}

async fn a_caller_that_traces_is_joined(backends: Backends) {
    let stack = Stack::start(backends).await.unwrap();
    let request = stack
        .client()
        .post(stack.url("/api/queries"))
        .header("prefer", "wait=30");
    let request = request.header(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    let response = request
        .json(&serde_json::json!({ "query": QUESTION }))
        .send()
        .await
        .unwrap();
    let returned = response.headers()["traceparent"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        returned.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{returned}"
    );
    let answer: serde_json::Value = response.json().await.unwrap();
    assert_eq!(answer["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let stopped = stack.stop().await.unwrap();

    let trace = stopped.only_trace();
    let top = trace
        .spans()
        .iter()
        .find(|span| span.name == "POST /api/queries")
        .unwrap();
    assert_eq!(top.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
}
