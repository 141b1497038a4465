//! What a telemetry backend costs the work when it is well, away, silent, slow or refusing: requests a second between two
//! agents on the embedded bus, everything sampled and exported.
//!
//! `cargo bench -p chimera-shared --bench backends`. The states take turns in each round; the median counts.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use axum::{Router, http::StatusCode};
use chimera_bus::{Message, RoutingKey};
use chimera_shared::{
    BaseAgent, Context, HandleError, Platform,
    config::{Config, Exporter, RedactedUrl},
};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc};

const REQUESTS: usize = 4_000;
const CONCURRENT: usize = 32;
const ROUNDS: usize = 7;

/// How the backend is.
#[derive(Clone, Copy, PartialEq)]
enum Backend {
    /// There is none, and no exporter either.
    None,
    Takes,
    Away,
    /// It accepts connections, and answers nothing.
    Silent,
    Slow,
    Refuses(u16),
}

const STATES: [(&str, Backend); 8] = [
    ("takes everything", Backend::Takes),
    ("is away", Backend::Away),
    ("is a black hole", Backend::Silent),
    ("takes 300 ms", Backend::Slow),
    ("refuses with 400", Backend::Refuses(400)),
    ("refuses with 429", Backend::Refuses(429)),
    ("refuses with 503", Backend::Refuses(503)),
    ("(nothing exported)", Backend::None),
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut rates = vec![Vec::new(); STATES.len()];
    for round in 0..=ROUNDS {
        for (index, (_, backend)) in STATES.into_iter().enumerate() {
            let rate = rate(backend).await?;
            // The first round warms up.
            if round > 0 {
                rates[index].push(rate);
            }
        }
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    println!(
        "requests a second, median of {ROUNDS} rounds of {REQUESTS}; goal: 0.99 of a backend that takes everything"
    );
    for ((name, _), rate) in STATES.iter().zip(&medians) {
        println!("  {name:20} {rate:9.0}  {:.3}", rate / medians[0]);
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Requests a second with telemetry going to `backend`.
async fn rate(backend: Backend) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let (address, server) = listen(backend).await?;
    let mut config = Config::for_test(directory.path());
    config.telemetry.exporters = match backend {
        Backend::None => vec![Exporter::None],
        _ => vec![Exporter::Otlp],
    };
    config.telemetry.otlp.endpoint =
        Some(RedactedUrl::parse(&format!("http://{address}"), &["http"])?);
    config.log.filter = chimera_shared::config::LogFilter::warnings();
    let platform = Platform::open(config, "a bench").await?;
    let bus = platform.bus();
    let (done, mut is_done) = mpsc::unbounded_channel();
    let running = platform.start(vec![asker(done), echo()]).await?;
    let began = Instant::now();
    let go = Message::event(RoutingKey::from_static("asker.go"), "null");
    let _routed = bus.publish(go).await?;
    is_done.recv().await;
    let rate = REQUESTS as f64 / began.elapsed().as_secs_f64();
    drop(bus);
    server.abort();
    running.stop().await;
    Ok(rate)
}

fn echo() -> BaseAgent {
    BaseAgent::new("echo").on(
        "echo.say",
        async |_: Context, input: Value| -> Result<Value, HandleError> { Ok(input) },
    )
}

fn asker(done: mpsc::UnboundedSender<()>) -> BaseAgent {
    let done = Arc::new(done);
    BaseAgent::new("asker").on("asker.go", move |context: Context, _: Value| {
        let done = Arc::clone(&done);
        async move {
            let asking = stream::iter(0..REQUESTS)
                .map(async |number| context.request::<_, Value>("echo.say", &number).await);
            let answers: Vec<_> = asking.buffer_unordered(CONCURRENT).collect().await;
            assert!(answers.iter().all(Result::is_ok), "no request is lost");
            let _ = done.send(());
            Ok::<_, HandleError>(())
        }
    })
}

async fn listen(backend: Backend) -> Result<(SocketAddr, tokio::task::JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        match backend {
            Backend::None | Backend::Away => drop(listener),
            Backend::Silent => {
                let mut open = Vec::new();
                while let Ok(connection) = listener.accept().await {
                    open.push(connection);
                }
            }
            Backend::Takes | Backend::Slow | Backend::Refuses(_) => {
                let app = Router::new().fallback(move |_: axum::body::Bytes| answer(backend));
                let _ = axum::serve(listener, app).await;
            }
        }
    });
    Ok((address, server))
}

async fn answer(backend: Backend) -> StatusCode {
    match backend {
        Backend::Slow => tokio::time::sleep(Duration::from_millis(300)).await,
        Backend::Refuses(status) => {
            return StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        }
        _ => {}
    }
    StatusCode::OK
}
