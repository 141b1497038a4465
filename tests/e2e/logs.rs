//! Log lines of several services in one process: each knows whose it is, and which span it belongs to.

use std::collections::{HashMap, HashSet};

use chimera_shared::{
    BaseAgent, Context, HandleError,
    config::{Config, LogsExporter, RedactedUrl},
};
use chimera_tests::{
    Backends, Stack,
    receiver::Receiver,
    stack::{Application, Setup},
};
use chimera_traces::Store;
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value as Any},
    logs::v1::LogRecord,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const AGENTS: [&str; 4] = ["first", "second", "third", "fourth"];

/// Messages that go through all four at the same time.
const MESSAGES: i64 = 20;

const CONVERSATION: &str = "messaging.message.conversation_id";

/// Lines that a handler makes of one message.
const LINES: usize = 4;

/// Logs wherever a handler can, and hands the message on.
async fn handle(
    agent: &'static str,
    next: Option<&'static str>,
    context: Context,
    input: Value,
) -> Result<Value, HandleError> {
    let number = input["number"].as_i64().unwrap();
    tracing::info!(agent, number, "at the beginning");
    tokio::task::yield_now().await;
    tracing::warn!(agent, number, "after others had their turn");
    let work = async |_: Context| -> Result<(), HandleError> {
        tokio::task::yield_now().await;
        tracing::info!(agent, number, "in a span");
        Ok(())
    };
    context.in_span("step", work).await?;
    if let Some(next) = next {
        context
            .publish(&format!("{next}.go"), &input)
            .await
            .unwrap();
    }
    tracing::error!(agent, number, "at the end");
    Ok(input)
}

fn agents(done: &mpsc::UnboundedSender<i64>) -> Vec<BaseAgent> {
    let all = AGENTS.into_iter().enumerate().map(|(index, agent)| {
        let next = AGENTS.get(index + 1).copied();
        let done = next.is_none().then(|| done.clone());
        BaseAgent::new(agent).on(&format!("{agent}.go"), move |context, input: Value| {
            let done = done.clone();
            async move {
                let output = handle(agent, next, context, input).await?;
                if let Some(done) = done {
                    done.send(output["number"].as_i64().unwrap()).unwrap();
                }
                Ok(output)
            }
        })
    });
    all.collect()
}

fn get<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Any> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match get(attributes, key) {
        Some(Any::StringValue(text)) => text.clone(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Service and record of each line that a handler made.
fn of_handlers(receiver: &Receiver) -> Vec<(String, LogRecord)> {
    let mut records = Vec::new();
    for resource in receiver.logs() {
        let service = text(&resource.resource.unwrap().attributes, "service.name");
        for record in resource
            .scope_logs
            .into_iter()
            .flat_map(|scope| scope.log_records)
        {
            if get(&record.attributes, "agent").is_some() {
                records.push((service.clone(), record));
            }
        }
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_handler_has_the_ids_of_its_span() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Store::open(directory.path()).unwrap())
        .await
        .unwrap();
    let endpoint = RedactedUrl::parse(&receiver.endpoint(), &["http"]).unwrap();
    let configure = move |config: &mut Config| {
        config.telemetry.logs_exporters = vec![LogsExporter::Otlp];
        config.telemetry.otlp.endpoint = Some(endpoint);
    };
    let (done, mut is_done) = mpsc::unbounded_channel();
    let setup = Setup {
        configure: Some(Box::new(configure)),
        agents: agents(&done),
        application: Application::Absent,
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Embedded, setup).await.unwrap();
    for number in 0..MESSAGES {
        stack
            .publish("first.go", &json!({ "number": number }))
            .await
            .unwrap();
    }
    for _ in 0..MESSAGES {
        is_done.recv().await.unwrap();
    }
    let stopped = stack.stop().await.unwrap();

    let records = of_handlers(&receiver);
    assert_eq!(records.len(), AGENTS.len() * MESSAGES as usize * LINES);
    let mut traces = HashMap::new();
    for (service, record) in &records {
        assert_eq!(*service, text(&record.attributes, "agent"), "{record:?}");
        let Some(Any::IntValue(number)) = get(&record.attributes, "number") else {
            panic!("{record:?}");
        };
        let (trace_id, span_id) = (hex(&record.trace_id), hex(&record.span_id));
        let trace = stopped.trace(&trace_id);
        let span = trace.spans().iter().find(|span| span.span_id == span_id);
        let span = span.unwrap_or_else(|| panic!("no such span: {record:?}"));
        assert_eq!(span.service, *service, "{record:?}");
        let is_inside = format!("{:?}", record.body).contains("in a span");
        assert_eq!(span.name == "step", is_inside, "{} {record:?}", span.name);
        let other = traces.insert(*number, trace_id.clone());
        assert!(other.is_none_or(|other| other == trace_id), "{record:?}");
        let consumer = if is_inside {
            span.parent_span_id.as_ref()
        } else {
            Some(&span.span_id)
        };
        let consumer = trace
            .spans()
            .iter()
            .find(|span| Some(&span.span_id) == consumer);
        // A message that belongs to no conversation begins one.
        let attributes = &consumer.unwrap().attributes;
        let conversation = attributes
            .get(CONVERSATION)
            .or(attributes.get("messaging.message.id"));
        assert_eq!(
            *conversation.unwrap(),
            text(&record.attributes, CONVERSATION),
            "{record:?}"
        );
    }
    // Each message is a trace of its own.
    let different: HashSet<_> = traces.into_values().collect();
    assert_eq!(different.len(), MESSAGES as usize);
}
