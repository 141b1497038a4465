#![doc = include_str!("../README.md")]

pub mod recorded;
pub mod wire;

mod agent;
mod coin_metrics;
mod coinbase;
mod fetch;
mod source;
mod zcash;

use chimera_shared::config::SourcesConfig;

pub use agent::agent;

/// The sources that there are.
#[derive(Debug)]
struct Sources {
    coin_metrics: coin_metrics::CoinMetrics,
    coinbase: coinbase::Coinbase,
    zcash: zcash::Zcash,
}

/// Where `recorded:` is served.
fn recording(config: &SourcesConfig) -> String {
    match &config.recorded_url {
        Some(url) => url.expose().trim_end_matches('/').to_owned(),
        None => format!("http://{}", config.listen),
    }
}

impl Sources {
    fn new(config: &SourcesConfig) -> Self {
        let recording = recording(config);
        Self {
            coin_metrics: coin_metrics::CoinMetrics::new(&config.coinmetrics, &recording),
            coinbase: coinbase::Coinbase::new(&config.coinbase, &recording),
            zcash: zcash::Zcash::new(&config.zcash, &recording),
        }
    }
}
