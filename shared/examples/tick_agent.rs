//! Publishes an alert when a price has moved by more than 5 % within a minute.

use std::{process::ExitCode, time::Duration};

use chimera_shared::{BaseAgent, Context, HandleError};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Tick {
    symbol: String,
    price: f64,
}

async fn on_tick(cx: Context, tick: Tick) -> Result<(), HandleError> {
    let (key, minute) = (&tick.symbol, Duration::from_secs(60));
    let previous: Option<f64> = cx.cache().get(key).await?; // a CLIENT span in the sender's trace
    cx.cache().set(key, tick.price, minute).await?;
    if previous.is_some_and(|previous| (tick.price / previous - 1.0).abs() > 0.05) {
        cx.publish("alert.raised", &tick).await?; // a PRODUCER span, its context in the headers
    }
    Ok(()) // acked only now, after the alert is confirmed
}

/// The agent: its name, which is also its queue and its service, and a handler for each routing key.
pub fn agent() -> BaseAgent {
    BaseAgent::new("tick_agent").on("market.tick.*", on_tick)
}

fn main() -> ExitCode {
    agent().main()
}
