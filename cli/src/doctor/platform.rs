//! What runs: agents that a `chimera up` has, their queues, and the traces that are kept.

use std::{net::SocketAddr, time::Duration};

use chimera_bus::{AmqpBus, QueueName, amqp::Options};
use chimera_shared::config::{BusConfig, BusUrl, Config, RedactedUrl, TracesUrl};
use serde::Deserialize;
use tokio::time::timeout;

use super::finding::Finding;
use crate::{door::Door, server::Server, stack, traces::TraceSource};

/// How long an agent may take to say how it is.
const WITHIN: Duration = Duration::from_secs(5);

/// What `/readyz` says; the rest of it is not for here.
#[derive(Debug, Deserialize)]
struct Readiness {
    dependencies: std::collections::BTreeMap<String, Dependency>,
    telemetry: Vec<Exporter>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    ready: bool,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Exporter {
    exporter: String,
    signal: String,
    failing: bool,
    queued: u64,
    exported: u64,
    dropped: u64,
    last_error: Option<String>,
    advice: Option<String>,
}

/// Looks at what runs.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = running(config).await;
    findings.extend(broker(config).await);
    findings.push(kept(config).await);
    findings
}

async fn running(config: &Config) -> Vec<Finding> {
    let door = match Door::find(&config.data_dir).await {
        Ok(door) => door,
        Err(error) => {
            let advice = "start `chimera up` again: it writes the file anew";
            return vec![Finding::doubtful("agents", format!("{error:#}"), advice)];
        }
    };
    let mut places: Vec<(String, SocketAddr)> = match &door {
        Some(door) => door.health().collect(),
        None => Vec::new(),
    };
    let own = config.agent.health_listen;
    if places.is_empty() && own.port() != 0 {
        places.push(("the agent at agent.health_listen".to_owned(), own));
    }
    if places.is_empty() {
        let why = format!("no `chimera up` runs on {}", config.data_dir.display());
        return ["agents", "exporting"]
            .map(|cause| Finding::idle(cause, why.clone()))
            .into();
    }
    let mut findings = Vec::new();
    for (agent, address) in places {
        findings.extend(agent_at(&agent, address).await);
    }
    findings
}

async fn agent_at(agent: &str, address: SocketAddr) -> Vec<Finding> {
    let readiness = async {
        let server = Server::here("an agent", address)?;
        let answer = server.send(server.get("/readyz", &[]), WITHIN).await?;
        // One that is not ready says why with another status.
        serde_json::from_slice::<Readiness>(&answer.body).map_err(|_| server.not_that(&answer))
    };
    match readiness.await {
        Ok(readiness) => {
            let mut findings = vec![ready(agent, &readiness)];
            findings.extend(
                readiness
                    .telemetry
                    .iter()
                    .map(|exporter| exporting(agent, exporter)),
            );
            findings
        }
        Err(error) => vec![Finding::bad(
            "agents",
            format!("{agent}: {error:#}"),
            "see whether it runs, and what it logs",
        )],
    }
}

fn ready(agent: &str, readiness: &Readiness) -> Finding {
    let not_ready = readiness.dependencies.iter().find(|(_, it)| !it.ready);
    match not_ready {
        None => Finding::good("agents", format!("{agent} is ready")),
        Some((name, dependency)) => Finding::bad(
            "agents",
            format!(
                "{agent} is not ready: {name}: {}",
                dependency
                    .reason
                    .as_deref()
                    .unwrap_or("it does not say why")
            ),
            "an agent that waits handles no message, and makes no span: mend what it waits for",
        ),
    }
}

fn exporting(agent: &str, exporter: &Exporter) -> Finding {
    let cause = "exporting";
    let Exporter {
        exporter,
        signal,
        failing,
        queued,
        exported,
        dropped,
        last_error,
        advice,
    } = exporter;
    let counts = format!(
        "{agent}, {signal} by `{exporter}`: {exported} exported, {queued} in the queue, {dropped} dropped"
    );
    let last_error = last_error.as_deref().unwrap_or("it does not say why");
    match (failing, dropped) {
        (true, _) => Finding::bad(
            cause,
            format!("{counts}; it fails: {last_error}"),
            advice
                .as_deref()
                .unwrap_or("mend what it names; what it exports is dropped until then"),
        ),
        (false, 0) => Finding::good(cause, counts),
        (false, _) => Finding::doubtful(
            cause,
            format!("{counts}; the last failure was: {last_error}"),
            match signal.as_str() {
                "logs" => "where the backend was well, raise OTEL_BLRP_MAX_QUEUE_SIZE or log less",
                "metrics" => "where the backend was well, raise OTEL_METRIC_EXPORT_TIMEOUT",
                _ => "where the backend was well, raise OTEL_BSP_MAX_QUEUE_SIZE or sample less",
            },
        ),
    }
}

async fn broker(config: &Config) -> Vec<Finding> {
    let BusUrl::Amqp(url) = &config.bus.url else {
        let why = "the bus is embedded";
        return ["broker", "consumers"]
            .map(|cause| Finding::idle(cause, why))
            .into();
    };
    let bus = match timeout(WITHIN, connected(&config.bus, url)).await {
        Ok(Ok(bus)) => bus,
        Ok(Err(error)) => return unusable(format!("{:#}", anyhow::Error::from(error))),
        Err(_) => return unusable(format!("{url} does not answer within {WITHIN:?}")),
    };
    let mut findings = vec![Finding::good("broker", format!("{url} takes connections"))];
    for agent in stack::agents(config) {
        if let Some(queue) = agent.work_queue() {
            findings.push(consumers(&bus, &queue).await);
        }
    }
    bus.close().await;
    findings
}

fn unusable(seen: String) -> Vec<Finding> {
    vec![
        Finding::bad("broker", seen, "set bus.url to a RabbitMQ that runs"),
        Finding::idle("consumers", "the broker cannot be asked"),
    ]
}

async fn connected(
    config: &BusConfig,
    url: &RedactedUrl,
) -> Result<AmqpBus, chimera_bus::amqp::ConnectError> {
    AmqpBus::connect(Options {
        ca: config.ca_file.clone(),
        connect_timeout: config.connect_timeout,
        patience: WITHIN,
        ..Options::new(url.expose(), "chimera doctor")
    })
    .await
}

/// A message to a queue that nobody consumes is not lost, but its trace ends there.
async fn consumers(bus: &AmqpBus, queue: &QueueName) -> Finding {
    let cause = "consumers";
    let start = format!("start {queue}, with the same bus.url");
    match bus.queue_state(queue).await {
        Ok(Some(state)) if state.consumers > 0 => Finding::good(
            cause,
            format!(
                "queue `{queue}`: {} consumers, {} messages wait",
                state.consumers, state.ready
            ),
        ),
        Ok(Some(state)) => Finding::bad(
            cause,
            format!(
                "queue `{queue}` has no consumer; {} messages wait in it",
                state.ready
            ),
            start,
        ),
        Ok(None) => Finding::bad(cause, format!("there is no queue `{queue}`"), start),
        Err(error) => Finding::doubtful(
            cause,
            format!("queue `{queue}`: {:#}", anyhow::Error::from(error)),
            "let this user read the queue, or ask an administrator for its consumers",
        ),
    }
}

async fn kept(config: &Config) -> Finding {
    let cause = "kept traces";
    if config.traces.url != TracesUrl::Embedded {
        return Finding::idle(cause, "traces are kept by a server");
    }
    match TraceSource::find(config).await {
        Ok(Some(source)) => match source.knows_services().await {
            Ok(0) => Finding::doubtful(
                cause,
                "the running `chimera up` has no trace yet",
                "ask something: chimera ask \"ZEC price\"",
            ),
            Ok(services) => Finding::good(
                cause,
                format!("the running `chimera up` has traces of {services} services"),
            ),
            Err(error) => Finding::bad(
                cause,
                format!("{error:#}"),
                "add `embedded` to telemetry.exporters of that `chimera up`",
            ),
        },
        Ok(None) => Finding::idle(cause, "no `chimera up` runs that could be asked"),
        Err(error) => Finding::doubtful(cause, format!("{error:#}"), "start `chimera up` again"),
    }
}
