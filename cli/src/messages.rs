//! `chimera publish` and `chimera request`: test messages, to the configured broker, or through a running `chimera up`.

mod follow;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chimera_bus::headers::name;
use chimera_shared::{
    config::{Config, Exporter, TelemetryConfig},
    control::{Accepted, Direct, Outgoing, Replied},
};
use serde::de::DeserializeOwned;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    arguments::{self, Publish, Request},
    door::{self, Door},
    program::EXIT_FAILED,
    terminal::{Terminal, print, remark},
    traces::TraceSource,
};

/// Headers that say which trace a message belongs to.
const CONTEXT: [&str; 3] = [name::TRACEPARENT, name::TRACESTATE, name::BAGGAGE];

/// Publishes one or several messages.
pub(crate) async fn publish(
    config: &Config,
    publish: Publish,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let way = Way::open(config).await?;
    let done = publish_by(&way, config, publish, terminal).await;
    way.close().await;
    done
}

async fn publish_by(
    way: &Way,
    config: &Config,
    publish: Publish,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let command = Command::new(publish.outgoing, None);
    let mut pace = publish.rate.map(pace);
    let mut source = None;
    if publish.follow {
        source = Some(TraceSource::open(config).await?);
        follow::header(terminal)?;
    }
    let (mut unrouted, mut all_well) = (0, true);
    for _ in 0..publish.count {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let accepted: Accepted = way.publish(&command).await?;
        unrouted += u64::from(!accepted.routed);
        if let Some(source) = &source {
            all_well &= follow::follow(source, &accepted, terminal).await?;
        } else {
            print(&format!(
                "message {}  trace {}",
                accepted.message_id, accepted.trace_id
            ))?;
        }
    }
    if unrouted > 0 {
        remark(&format!(
            "error: no agent takes `{}`, so that {unrouted} of {} went nowhere",
            command.outgoing.routing_key, publish.count
        ));
    }
    Ok(if all_well && unrouted == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_FAILED)
    })
}

fn pace(rate: f64) -> Interval {
    let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Publishes a message and prints its reply.
pub(crate) async fn request(config: &Config, request: Request) -> anyhow::Result<ExitCode> {
    let way = Way::open(config).await?;
    let command = Command::new(request.outgoing, Some(request.timeout));
    let replied = way.request(&command).await;
    way.close().await;
    let replied = replied?;
    print(&serde_json::to_string_pretty(&replied.reply)?)?;
    remark(&format!("trace {}", replied.trace_id));
    Ok(ExitCode::SUCCESS)
}

/// Said once, where the trace will lack its root.
const OWN_SPAN_IS_LOST: &str = "note: the span of this command itself is kept nowhere, for the exporter `embedded` is the store of \
                                a process that stays; agents and commands have one place for spans with --with http://HOST:4318";

/// Whether spans are wanted, but only in a store that a command does not have.
fn goes_nowhere(telemetry: &TelemetryConfig) -> bool {
    let only_embedded = |exporters: &[Exporter]| {
        !exporters.is_empty()
            && exporters
                .iter()
                .all(|exporter| *exporter == Exporter::Embedded)
    };
    telemetry.enabled && only_embedded(&telemetry.exporters)
}

/// How messages get to the bus.
enum Way {
    /// To the configured broker.
    Broker(Box<Direct>),
    /// Through a running `chimera up`, whose bus nobody else reaches.
    Door(Door),
}

impl Way {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Some(direct) = Direct::connect(config).await? {
            if goes_nowhere(&config.telemetry) {
                remark(OWN_SPAN_IS_LOST);
            }
            return Ok(Self::Broker(Box::new(direct)));
        }
        let door = Door::find(&config.data_dir).await?;
        let door = door.with_context(|| {
            format!(
                "no `chimera up` is running on {}: start it in another terminal with `chimera up`, name its directory with \
                 --data-dir, or name the broker of your agents with --with amqp://…",
                config.data_dir.display()
            )
        })?;
        Ok(Self::Door(door))
    }

    async fn publish(&self, command: &Command) -> anyhow::Result<Accepted> {
        match self {
            Self::Broker(direct) => Ok(direct.publish(&command.whole()).await?),
            Self::Door(door) => command.send(door, "/api/bus/messages").await,
        }
    }

    async fn request(&self, command: &Command) -> anyhow::Result<Replied> {
        match self {
            Self::Broker(direct) => Ok(direct.request(&command.whole()).await?),
            Self::Door(door) => command.send(door, "/api/bus/requests").await,
        }
    }

    async fn close(self) {
        if let Self::Broker(direct) = self {
            direct.close().await;
        }
    }
}

/// A message, and the trace that it is to join.
struct Command {
    outgoing: Outgoing,
    /// For the HTTP request that publishes: so the spans of publishing stand in the trace, too.
    context: Vec<(String, String)>,
}

impl Command {
    fn new(given: arguments::Outgoing, timeout: Option<Duration>) -> Self {
        let (context, headers) = given
            .headers
            .into_iter()
            .partition::<Vec<_>, _>(|(name, _)| CONTEXT.contains(&name.as_str()));
        let timeout_ms =
            timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let outgoing = Outgoing {
            routing_key: given.routing_key,
            body: given.json,
            headers: headers.into_iter().collect(),
            timeout_ms,
        };
        Self { outgoing, context }
    }

    /// The message with the context in its own headers.
    fn whole(&self) -> Outgoing {
        let mut outgoing = self.outgoing.clone();
        outgoing.headers.extend(self.context.iter().cloned());
        outgoing
    }

    async fn send<T: DeserializeOwned>(&self, door: &Door, path: &str) -> anyhow::Result<T> {
        let post = self
            .context
            .iter()
            .fold(door.post(path), |post, (name, value)| {
                post.header(name, value)
            });
        let response = post.json(&self.outgoing).send().await;
        door::json(response.context("sending the message")?).await
    }
}
