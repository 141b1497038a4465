//! What became of a message, read from its trace: each agent that took it has left a span that says so.

use std::{collections::BTreeMap, time::Duration};

use chimera_shared::{control::Accepted, telemetry::keys};
use chimera_traces::tree::{Kind, Span};
use tokio::time::{Instant, sleep};

use crate::{door::Door, terminal::print, traces};

/// How long a message is followed.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The titles of what [`follow`] prints.
pub(super) const HEADER: &str =
    "message                               agent                  attempts  outcome      trace";

/// Waits until each agent that took the message is done with it, and prints what each did. Says whether all went well.
pub(super) async fn follow(door: &Door, message: &Accepted) -> anyhow::Result<bool> {
    if !message.routed {
        print(&line(message, "-", 0, "unroutable"))?;
        return Ok(false);
    }
    let path = format!("/api/v3/traces/{}", message.trace_id);
    let until = Instant::now() + PATIENCE;
    loop {
        let spans = traces::fetch(door, &path, &[]).await?.unwrap_or_default();
        let ends = ends(&spans, &message.message_id);
        let all_done = !ends.is_empty()
            && ends
                .values()
                .all(|(_, outcome)| outcome != "retry" && outcome != "requeue");
        if all_done {
            for (agent, (attempts, outcome)) in &ends {
                print(&line(message, agent, *attempts, outcome))?;
            }
            return Ok(ends.values().all(|(_, outcome)| outcome == "ack"));
        }
        if Instant::now() >= until {
            print(&line(message, "-", 0, "still open"))?;
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// For each agent its last attempt at the message, and how that ended.
fn ends(spans: &[Span], message_id: &str) -> BTreeMap<String, (u64, String)> {
    let mut ends = BTreeMap::<String, (u64, String)>::new();
    for span in spans {
        if span.kind != Kind::Consumer
            || span.attributes.text(keys::MESSAGING_MESSAGE_ID) != Some(message_id)
        {
            continue;
        }
        let attempt = span
            .attributes
            .get(keys::CHIMERA_ATTEMPT)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(1);
        let outcome = span
            .attributes
            .text(keys::CHIMERA_OUTCOME)
            .unwrap_or("unknown")
            .to_owned();
        let last = ends.entry(span.service.clone()).or_default();
        if attempt >= last.0 {
            *last = (attempt, outcome);
        }
    }
    ends
}

fn line(message: &Accepted, agent: &str, attempts: u64, outcome: &str) -> String {
    format!(
        "{:36}  {agent:21}  {attempts:>8}  {outcome:11}  {}",
        message.message_id, message.trace_id
    )
}
