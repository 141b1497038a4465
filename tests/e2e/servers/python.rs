//! Programs in Python on our bus, in our traces.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use axum::{Json, Router, routing::get};
use chimera_questions::messages::DATA_RETRIEVAL_CATALOG;
use chimera_shared::{
    BaseAgent, Context, HandleError,
    config::{Config, Exporter, RedactedUrl},
    http,
};
use chimera_tests::{
    Backends, Stack,
    contract::{assert_whole, drawn},
    stack::{Application, Setup},
};
use chimera_traces::tree::{Kind, Problem, Span, Trace};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::spawn_blocking};

const KEY: &str = "work.requested";

/// A program of `tests/python` on the bus of the stack, to which its spans go.
fn python(stack: &Stack, program: &str, arguments: &[&str]) -> Command {
    let mut command = python_alone(stack, program);
    command.arg(&stack.servers().unwrap().bus).args(arguments);
    command
}

/// A program of `tests/python`, whose spans go to the stack.
#[expect(
    clippy::disallowed_methods,
    reason = "it names a program of the test's, and is no setting of ours"
)]
fn python_alone(stack: &Stack, program: &str) -> Command {
    let python = std::env::var_os("CHIMERA_TEST_PYTHON").expect(
        "set CHIMERA_TEST_PYTHON to a Python with tests/python/requirements.txt, or run scripts/test",
    );
    let mut command = Command::new(python);
    command
        .arg(format!("{}/python/{program}", env!("CARGO_MANIFEST_DIR")))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", stack.endpoint().unwrap())
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "30")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end, and returns what it says.
async fn run(mut command: Command) -> Value {
    let output = spawn_blocking(move || command.stderr(Stdio::piped()).output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A stack with an agent of the test's that asks one of the application's, and tells of it.
async fn with_worker() -> (Stack, mpsc::UnboundedReceiver<String>) {
    let (done, is_done) = mpsc::unbounded_channel();
    let work = move |cx: Context, body: Value| {
        let done = done.clone();
        async move {
            assert_eq!(body, json!({ "from": "python" }));
            let _catalog: Value = cx.request(DATA_RETRIEVAL_CATALOG, &json!({})).await?;
            done.send(cx.trace_id()).unwrap();
            Ok::<(), HandleError>(())
        }
    };
    let setup = Setup {
        agents: vec![BaseAgent::new("worker").on(KEY, work)],
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    (stack, is_done)
}

fn named<'a>(trace: &'a Trace, start: &str) -> &'a Span {
    &trace.spans()[index(trace, start)]
}

fn index(trace: &Trace, start: &str) -> usize {
    let mut spans = trace.spans().iter();
    let found = spans.position(|span| span.name.starts_with(start));
    found.unwrap_or_else(|| panic!("there is no span {start}\n{}", drawn(trace)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_traced_program_joins_its_trace() {
    async fn check(program: &str, sends: &str) {
        let (stack, mut done) = with_worker().await;
        let said = run(python(&stack, program, &[KEY, "traced"])).await;
        let trace_id = done.recv().await.unwrap();
        let stopped = stack.stop().await.unwrap();
        let trace = stopped.only_trace();
        assert_eq!(said["trace_id"], *trace_id);
        assert_eq!(trace.trace_id(), trace_id);
        assert_whole(
            trace,
            &[("ask_from_python", Kind::Internal), (sends, Kind::Producer)],
        );
        // pika's instrumentation makes two spans of one publish, one in the other.
        let worked = index(trace, "process chimera.events:work.requested");
        let above: Vec<_> = std::iter::successors(trace.parent(worked), |at| trace.parent(*at))
            .map(|at| &trace.spans()[at])
            .collect();
        let (top, sent) = above.split_last().unwrap();
        assert_eq!(said["span_id"], *top.span_id, "{}", drawn(trace));
        assert!(
            sent.iter().all(|span| span.name == sends),
            "{}",
            drawn(trace)
        );
        assert!(!sent.is_empty(), "{}", drawn(trace));
        assert!(above.iter().all(|span| span.service == "python_producer"));
        assert_eq!(
            named(trace, "describe_data").service,
            "data_retrieval_agent"
        );
    }
    check("publish.py", "chimera.events send").await;
    check("publish_aio.py", "chimera.events,work.requested send").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_program_that_does_not_trace_starts_a_trace() {
    async fn check(program: &str) {
        let (stack, mut done) = with_worker().await;
        run(python(&stack, program, &[KEY, "plain"])).await;
        let trace_id = done.recv().await.unwrap();
        let stopped = stack.stop().await.unwrap();
        let trace = stopped.only_trace();
        assert_eq!(trace.trace_id(), trace_id);
        assert_whole(trace, &[]);
        let worked = named(trace, "process chimera.events:work.requested");
        assert_eq!(worked.parent_span_id, None);
        let wait = worked.attributes.get("chimera.queue.wait_ms");
        assert_eq!(wait, None, "nobody says since when it waited");
    }
    check("publish.py").await;
    check("publish_aio.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_in_bytes_is_read() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (stack, mut done) = with_worker().await;
    let headers = json!({ "traceparent": format!("00-{TRACE}-b7ad6b7169203331-01") });
    run(python(&stack, "publish.py", &[KEY, &headers.to_string()])).await;
    assert_eq!(done.recv().await.unwrap(), TRACE);
    let stopped = stack.stop().await.unwrap();
    let worked = named(
        stopped.only_trace(),
        "process chimera.events:work.requested",
    );
    assert_eq!(worked.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
}

/// Ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Agent {
    /// Starts it, and returns it with the first line that it says.
    async fn start(mut command: Command) -> (Self, String) {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut agent = Self(child.unwrap());
        let mut said = BufReader::new(agent.0.stdout.take().unwrap()).lines();
        let said = spawn_blocking(move || said.next()).await.unwrap();
        (agent, said.unwrap().unwrap())
    }

    /// Closes its standard input, upon which it is to end well.
    async fn stop(mut self) {
        drop(self.0.stdin.take());
        let ended = spawn_blocking(move || self.0.wait()).await.unwrap();
        let ended = ended.unwrap();
        assert!(ended.success(), "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_python_answers_in_the_trace_of_who_asks() {
    let stack = Stack::start(Backends::Servers).await.unwrap();
    let command = python(&stack, "reply.py", &["python_agent", "python.request"]);
    let (agent, said) = Agent::start(command).await;
    assert_eq!(said, "ready");

    let reply = stack
        .request("python.request", &json!({ "n": 21 }))
        .await
        .unwrap();
    assert_eq!(reply, json!({ "doubled": 42 }));
    agent.stop().await;
    let stopped = stack.stop().await.unwrap();
    let trace = stopped.only_trace();
    let asked = named(trace, "request chimera.events:python.request");
    let received = named(trace, "chimera.events receive");
    assert_eq!(
        received.parent_span_id.as_ref(),
        Some(&asked.span_id),
        "{}",
        drawn(trace)
    );
    assert_eq!(received.service, "python_agent");
    assert_eq!(
        named(trace, "double").parent_span_id.as_ref(),
        Some(&received.span_id)
    );
    assert_no_gap(trace, "python_agent");
}

/// Fails unless `trace` is one trace without gaps. The consumer spans of `service` are children of who sent the message,
/// and nothing says that they must link to it too.
fn assert_no_gap(trace: &Trace, service: &str) {
    let mut problems = trace.problems();
    problems.retain(
        |problem| !matches!(problem, Problem::NoLinkToSender { span } if span.starts_with(service)),
    );
    assert!(problems.is_empty(), "{problems:?}\n{}", drawn(trace));
}

/// Fails unless the span that begins with `child` is below the one that begins with `parent`.
fn assert_below(trace: &Trace, child: &str, parent: &str) {
    let (child, parent) = (named(trace, child), named(trace, parent));
    let is_below = child.parent_span_id.as_ref() == Some(&parent.span_id);
    assert!(
        is_below,
        "{} is not below {}\n{}",
        child.name,
        parent.name,
        drawn(trace)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_faststream_joins_its_trace() {
    let (stack, mut done) = with_worker().await;
    let said = run(python(&stack, "publish_faststream.py", &[KEY])).await;
    let trace_id = done.recv().await.unwrap();
    let stopped = stack.stop().await.unwrap();
    let trace = stopped.only_trace();
    assert_eq!(said["trace_id"], *trace_id);
    // Its middleware makes a span for the message, which it sends, and below that one for the sending.
    let created = "chimera.events.work.requested create";
    let sent = "chimera.events.work.requested publish";
    // Their attributes are of older conventions, which is not for us to mend.
    assert_no_gap(trace, "faststream_producer");
    assert_eq!(named(trace, created).kind, Kind::Producer);
    assert_eq!(said["span_id"], *named(trace, "ask_from_python").span_id);
    assert_below(trace, created, "ask_from_python");
    assert_below(trace, sent, created);
    assert_below(trace, "process chimera.events:work.requested", created);
    assert_eq!(named(trace, created).service, "faststream_producer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faststream_agent_in_the_middle_of_a_chain_is_in_its_trace() {
    let (stack, mut done) = with_worker().await;
    let arguments = ["faststream_relay", "python.event", KEY];
    let (relay, said) = Agent::start(python(&stack, "relay_faststream.py", &arguments)).await;
    assert_eq!(said, "ready");
    stack
        .publish("python.event", &json!({ "from": "python" }))
        .await
        .unwrap();
    let trace_id = done.recv().await.unwrap();
    let reply = stack
        .request("python.event", &json!({ "from": "python" }))
        .await
        .unwrap();
    assert_eq!(reply, json!({ "relayed": true }));
    let replied_in = done.recv().await.unwrap();
    relay.stop().await;
    let stopped = stack.stop().await.unwrap();
    assert_eq!(stopped.traces.len(), 2);

    let trace = stopped.trace(&trace_id);
    let processed = "chimera.events.python.event process";
    let created = "chimera.events.work.requested create";
    let relayed = "chimera.events.work.requested publish";
    assert_below(trace, processed, "publish chimera.events:python.event");
    assert_below(trace, "relay", processed);
    assert_below(trace, created, "relay");
    assert_below(trace, relayed, created);
    assert_eq!(named(trace, processed).service, "faststream_relay");
    assert_below(trace, "process chimera.events:work.requested", created);
    assert_no_gap(trace, "faststream_relay");

    let trace = stopped.trace(&replied_in);
    assert_below(trace, processed, "request chimera.events:python.event");
    assert_no_gap(trace, "faststream_relay");
}

/// Routes that ask `server`, and answer with what it says.
fn forwarding(server: Url) -> Router {
    let forward = async move |cx: Context| {
        let request = http::Request::get(server.clone()).template("/answer");
        let answer = cx.http().send(&request).await.unwrap();
        Json(answer.json::<Value>().unwrap())
    };
    Router::new().route("/forward", get(forward))
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_before_our_edge_and_behind_our_client_are_in_one_trace() {
    // The server has to be there before the agent that asks it, and the stack that takes its spans before both.
    let nobody = Setup {
        application: Application::Absent,
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, nobody).await.unwrap();
    let (server, port) = Agent::start(python_alone(&stack, "http_server.py")).await;
    let server_url = Url::parse(&format!("http://127.0.0.1:{port}/answer")).unwrap();
    let gateway = BaseAgent::new("gateway").serve(
        "gateway.listen",
        ([127, 0, 0, 1], 0).into(),
        forwarding(server_url),
    );
    let endpoint = stack.endpoint().unwrap();
    let configure = move |config: &mut Config| {
        config.telemetry.propagate_to = vec!["127.0.0.1".to_owned()];
        config.telemetry.exporters = vec![Exporter::Otlp];
        config.telemetry.otlp.endpoint = Some(RedactedUrl::parse(&endpoint, &["http"]).unwrap());
    };
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents: vec![gateway],
        application: Application::Absent,
        ..Setup::default()
    };
    let ours = Stack::start_with(Backends::Embedded, setup).await.unwrap();
    let address = ours.address("gateway", "api").unwrap();
    let mut client = python_alone(&stack, "http_client.py");
    client.arg(format!("http://{address}/forward"));
    let said = run(client).await;
    // Python writes a space as forms do. What was in between left it alone.
    assert_eq!(said["answer"], json!({ "baggage": "tenant=a+b" }));
    ours.stop().await.unwrap();
    server.stop().await;
    let stopped = stack.stop().await.unwrap();

    let trace = stopped.trace(said["trace_id"].as_str().unwrap());
    let problems = trace.problems();
    assert!(problems.is_empty(), "{problems:?}\n{}", drawn(trace));
    // One below the other: theirs, their client's, ours, our client's, their server's, theirs.
    let last = index(trace, "answer");
    let above = std::iter::successors(Some(last), |at| trace.parent(*at));
    let above: Vec<_> = above
        .map(|at| (trace.spans()[at].service.as_str(), trace.spans()[at].kind))
        .collect();
    assert_eq!(
        above,
        [
            ("python_server", Kind::Internal),
            ("python_server", Kind::Server),
            ("gateway", Kind::Client),
            ("gateway", Kind::Server),
            ("python_client", Kind::Client),
            ("python_client", Kind::Internal),
        ],
        "{}",
        drawn(trace)
    );
}
