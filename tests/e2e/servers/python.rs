//! Programs in Python on our bus, in our traces.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use chimera_questions::messages::DATA_RETRIEVAL_CATALOG;
use chimera_shared::{BaseAgent, Context, HandleError};
use chimera_tests::{
    Backends, Stack,
    contract::{assert_whole, drawn},
    stack::Setup,
};
use chimera_traces::tree::{Kind, Problem, Span, Trace};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::spawn_blocking};

const KEY: &str = "work.requested";

/// A program of `tests/python`, whose spans go to the stack.
#[expect(
    clippy::disallowed_methods,
    reason = "it names a program of the test's, and is no setting of ours"
)]
fn python(stack: &Stack, program: &str, arguments: &[&str]) -> Command {
    let python = std::env::var_os("CHIMERA_TEST_PYTHON").expect(
        "set CHIMERA_TEST_PYTHON to a Python with tests/python/requirements.txt, or run scripts/test",
    );
    let mut command = Command::new(python);
    command
        .arg(format!("{}/python/{program}", env!("CARGO_MANIFEST_DIR")))
        .arg(&stack.servers().unwrap().bus)
        .args(arguments)
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
        assert_eq!(
            named(trace, "process chimera.events:work.requested").parent_span_id,
            None
        );
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

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_python_answers_in_the_trace_of_who_asks() {
    let stack = Stack::start(Backends::Servers).await.unwrap();
    let mut command = python(&stack, "reply.py", &["python_agent", "python.request"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut agent = Agent(child.unwrap());
    let mut said = BufReader::new(agent.0.stdout.take().unwrap()).lines();
    let said = spawn_blocking(move || said.next()).await.unwrap();
    assert_eq!(said.unwrap().unwrap(), "ready");

    let reply = stack
        .request("python.request", &json!({ "n": 21 }))
        .await
        .unwrap();
    assert_eq!(reply, json!({ "doubled": 42 }));
    drop(agent.0.stdin.take());
    let ended = spawn_blocking(move || agent.0.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(ended.success(), "{ended}");
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
    // Theirs are children of who sent the message, and nothing says that they must link to it too.
    let problems = trace.problems().into_iter();
    let problems: Vec<_> = problems
        .filter(|problem| !matches!(problem, Problem::NoLinkToSender { span } if span.starts_with("python_agent")))
        .collect();
    assert!(problems.is_empty(), "{problems:?}\n{}", drawn(trace));
}
