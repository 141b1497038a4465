//! What became of a message, read from its trace: each agent that took it has left a span that says so.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use chimera_shared::{control::Accepted, telemetry::keys};
use chimera_traces::tree::{Kind, Span};
use opentelemetry::TraceId;
use tokio::time::{Instant, sleep};

use crate::{
    terminal::{Style, Terminal, print},
    traces::TraceSource,
};

/// How long a message is followed.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a trace id ends, and with it the column.
const TRACE: usize = 32;
/// The longest name of an agent of ours.
const AGENT: usize = 20;
const ATTEMPTS: usize = 8;

/// What a line begins with that says why, as below a waterfall.
const FAILED: &str = "✗";

/// What an agent made of a message in its last attempt.
#[derive(Debug, Default, PartialEq)]
struct End {
    attempts: u64,
    /// As `chimera.outcome` names it.
    outcome: String,
    /// Why, where it did not go well.
    error: String,
}

/// Prints the titles of what [`follow`] prints.
pub(super) fn header(terminal: Terminal) -> anyhow::Result<()> {
    let titles = format!(
        "{:TRACE$}  {:AGENT$}  {:>ATTEMPTS$}  outcome",
        "trace", "agent", "attempts"
    );
    print(&terminal.paint(Style::Dim, &titles))
}

/// Waits until each agent that took the message is done with it, and prints what each did. Says whether all went well.
pub(super) async fn follow(
    source: &TraceSource,
    message: &Accepted,
    terminal: Terminal,
) -> anyhow::Result<bool> {
    if !message.routed {
        print(&line(message, "-", &End::of("unroutable"), terminal))?;
        return Ok(false);
    }
    let id = TraceId::from_hex(&message.trace_id).context("reading the message's trace id")?;
    let until = Instant::now() + PATIENCE;
    let mut seen = BTreeMap::new();
    let mut unchanged_since = Instant::now();
    loop {
        let spans = source.trace(id).await?.unwrap_or_default();
        let ends = ends(&spans, &message.message_id);
        if ends != seen {
            unchanged_since = Instant::now();
        }
        // Nobody knows how many agents take an event: all that did are seen when no more come.
        let is_settled = unchanged_since.elapsed() >= source.pause();
        if !ends.is_empty() && ends.values().all(End::is_final) && is_settled {
            for (agent, end) in &ends {
                print(&line(message, agent, end, terminal))?;
            }
            return Ok(ends.values().all(|end| end.outcome == "ack"));
        }
        if Instant::now() >= until {
            print(&line(message, "-", &End::of("still open"), terminal))?;
            return Ok(false);
        }
        seen = ends;
        sleep(LOOK_EVERY).await;
    }
}

impl End {
    fn of(outcome: &str) -> Self {
        Self {
            outcome: outcome.to_owned(),
            ..Self::default()
        }
    }

    /// Nobody will try again.
    fn is_final(&self) -> bool {
        self.outcome != "retry" && self.outcome != "requeue"
    }

    /// The outcome in words.
    fn told(&self) -> (&str, Style) {
        match self.outcome.as_str() {
            "ack" => ("handled", Style::Good),
            "dead_letter" => ("dead-lettered", Style::Bad),
            "drop" => ("dropped", Style::Bad),
            other => (other, Style::Doubtful),
        }
    }
}

/// For each agent its last attempt at the message, and how that ended.
fn ends(spans: &[Span], message_id: &str) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::<String, End>::new();
    for span in spans {
        if span.kind != Kind::Consumer
            || span.attributes.text(keys::MESSAGING_MESSAGE_ID) != Some(message_id)
        {
            continue;
        }
        let attempts = span
            .attributes
            .get(keys::CHIMERA_ATTEMPT)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(1);
        let outcome = span.attributes.text(keys::CHIMERA_OUTCOME);
        let last = ends.entry(span.service.clone()).or_default();
        if attempts >= last.attempts {
            *last = End {
                attempts,
                outcome: outcome.unwrap_or("unknown").to_owned(),
                error: span.status_message.clone(),
            };
        }
    }
    ends
}

fn line(message: &Accepted, agent: &str, end: &End, terminal: Terminal) -> String {
    let (outcome, style) = end.told();
    let attempts = match end.attempts {
        0 => String::new(),
        attempts => attempts.to_string(),
    };
    let outcome = terminal.paint(style, outcome);
    let mut line = format!(
        "{:TRACE$}  {agent:AGENT$}  {attempts:>ATTEMPTS$}  {outcome}",
        message.trace_id
    );
    if !end.error.is_empty() {
        let reason = terminal.wrap(&format!("{FAILED} {}", end.error));
        line += &format!("\n{}", terminal.paint(Style::Dim, &reason));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_how_often_and_why() {
        let message = Accepted {
            message_id: "01a1".to_owned(),
            trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            routed: true,
        };
        let end = End {
            attempts: 5,
            outcome: "dead_letter".to_owned(),
            error: "no such coin".to_owned(),
        };
        assert_eq!(
            line(&message, "query_agent", &end, Terminal::plain(80)),
            "0af7651916cd43dd8448eb211c80319c  query_agent                  5  dead-lettered\n✗ no such coin"
        );
        assert_eq!(
            line(&message, "-", &End::of("unroutable"), Terminal::plain(80)),
            "0af7651916cd43dd8448eb211c80319c  -                               unroutable"
        );
    }
}
