//! Questions that clients ask over and over.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use chimera_shared::config::Config;
use tokio::task::JoinSet;

use crate::{
    client::{self, Client},
    measure::Latencies,
};

/// Answered from a month of one asset.
pub(crate) const QUESTION: &str = "How did the ZEC price trend in January 2019?";

/// When a client has asked enough, by the number of what it has asked: when `time` is over.
pub(crate) fn lasting(time: Duration) -> impl Fn(u64) -> bool + Copy + Send + 'static {
    let until = Instant::now() + time;
    move |_| Instant::now() >= until
}

/// Has `clients` ask `question`, each one after the other, of the APIs at `addresses` in turn.
pub(crate) async fn ask(
    addresses: &[SocketAddr],
    question: &str,
    clients: usize,
    enough: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Latencies {
    let request = client::request(question);
    let mut tasks = JoinSet::new();
    for address in addresses.iter().cycle().take(clients) {
        let client = Client::connect(*address).await.expect("it accepts");
        tasks.spawn(ask_until(client, request.clone(), enough));
    }
    let mut all = Latencies::new();
    while let Some(asked) = tasks.join_next().await {
        all.add(&asked.expect("asking does not panic"));
    }
    all
}

/// Fills caches and connections, and sees that the answer is one.
pub(crate) async fn warm(addresses: &[SocketAddr], question: &str) {
    for address in addresses {
        let mut client = Client::connect(*address).await.expect("it accepts");
        let answer = client.ask(&client::request(question)).await;
        client::check(answer.expect("the stack answers"));
    }
    ask(addresses, question, 8, lasting(Duration::from_millis(300))).await;
}

async fn ask_until(
    mut client: Client,
    request: Vec<u8>,
    enough: impl Fn(u64) -> bool,
) -> Latencies {
    let mut latencies = Latencies::new();
    while !enough(latencies.count()) {
        let at = Instant::now();
        client.ask(&request).await.expect("the stack answers");
        latencies.record(at);
    }
    latencies
}

/// Has nothing kept in the cache.
pub(crate) fn uncached(config: &mut Config) {
    let sources = &mut config.sources;
    for source in [
        &mut sources.coinmetrics,
        &mut sources.coinbase,
        &mut sources.zcash.source,
    ] {
        source.cache_ttl = Duration::ZERO;
    }
}
