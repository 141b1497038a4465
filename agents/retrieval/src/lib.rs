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

impl Sources {
    fn new(config: &SourcesConfig) -> Self {
        let recording = format!("http://{}", config.listen);
        Self {
            coin_metrics: coin_metrics::CoinMetrics::new(&config.coinmetrics, &recording),
            coinbase: coinbase::Coinbase::new(&config.coinbase, &recording),
            zcash: zcash::Zcash::new(&config.zcash, &recording),
        }
    }
}
