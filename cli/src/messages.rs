//! `chimera publish` and `chimera request`: test messages through a running `chimera up`.

mod follow;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chimera_shared::{
    config::Config,
    control::{Accepted, Outgoing, Replied},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    arguments::{self, Publish, Request},
    door::{self, Door},
    program::EXIT_FAILED,
    terminal::{Terminal, print, remark},
};

/// Publishes one or several messages.
pub(crate) async fn publish(
    config: &Config,
    publish: Publish,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let door = Door::open(&config.data_dir).await?;
    let routing_key = publish.outgoing.routing_key.clone();
    let outgoing = outgoing(publish.outgoing, None);
    let mut pace = publish.rate.map(|rate| {
        let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pace
    });
    let mut failed = false;
    if publish.follow {
        follow::header(terminal)?;
    }
    let mut unrouted = 0;
    for _ in 0..publish.count {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let accepted: Accepted = door::json(
            door.post("/api/bus/messages")?
                .json(&outgoing)
                .send()
                .await?,
        )
        .await?;
        unrouted += u64::from(!accepted.routed);
        if publish.follow {
            failed |= !follow::follow(&door, &accepted, terminal).await?;
        } else {
            print(&format!(
                "message {}  trace {}",
                accepted.message_id, accepted.trace_id
            ))?;
        }
    }
    if unrouted > 0 {
        remark(&format!(
            "error: no agent takes `{routing_key}`, so that {unrouted} of {} went nowhere",
            publish.count
        ));
    }
    Ok(if failed || unrouted > 0 {
        ExitCode::from(EXIT_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Publishes a message and prints its reply.
pub(crate) async fn request(config: &Config, request: Request) -> anyhow::Result<ExitCode> {
    let door = Door::open(&config.data_dir).await?;
    let outgoing = outgoing(request.outgoing, Some(request.timeout));
    let response = door
        .post("/api/bus/requests")?
        .json(&outgoing)
        .send()
        .await
        .context("sending the request")?;
    let replied: Replied = door::json(response).await?;
    print(&serde_json::to_string_pretty(&replied.reply)?)?;
    remark(&format!("trace {}", replied.trace_id));
    Ok(ExitCode::SUCCESS)
}

fn outgoing(given: arguments::Outgoing, timeout: Option<Duration>) -> Outgoing {
    Outgoing {
        routing_key: given.routing_key,
        body: given.json,
        headers: given.headers.into_iter().collect(),
        timeout_ms: timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
    }
}
