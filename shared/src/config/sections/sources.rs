//! Where market data comes from.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::secret::{RedactedUrl, Secret};
use crate::config::settings::settings;
use crate::config::urls::SourceUrl;

settings! {
    /// The sources: keys under `[sources]`, variables `CHIMERA__SOURCES__…`.
    pub struct SourcesConfig {
        /// Directory of `<ticker>.csv` files to serve as the recording. Empty: the recording inside the program.
        recorded_dir: Option<PathBuf> = "",
        /// Base URL of a `chimera sources` that runs elsewhere, for sources that are `recorded:`. Empty: `chimera up` serves the
        /// recording itself, and an agent in a process of its own asks at `sources.listen`.
        recorded_url: Option<RedactedUrl> = "",
        /// Address and port of `chimera sources`, the local server that answers from the recording; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8090",
    }
    sections {
        /// Coin Metrics community API v4: daily metrics of an asset. It allows ten requests in six seconds without a key.
        coinmetrics: SourceConfig { requests_per_second = 1.6 },
        /// Coinbase Exchange: the latest price. It allows ten public requests a second from one address.
        coinbase: SourceConfig { cache_ttl = "1m", requests_per_second = 10.0 },
        /// A Zcash node by JSON-RPC: the height of the chain.
        zcash: ZcashConfig,
    }
}

settings! {
    /// One source: keys under `[sources.<name>]`, variables `CHIMERA__SOURCES__<NAME>__…`.
    pub struct SourceConfig {
        /// Its base URL: `recorded:` for the recording, or `http(s)://…`.
        url: SourceUrl = "recorded:",
        /// How long an answer of it is used again.
        cache_ttl: Duration = "10m" in "0s"..="365d",
        /// Time that one request may take.
        timeout: Duration = "10s" in "1ms"..="10m",
        /// Attempts at a request that fails for a passing reason (429, 5xx, no connection), the first one counted.
        max_attempts: NonZeroU32 = 3 in 1..=100,
        /// Requests a second at most; 0 is no limit. It does not hold for the recording.
        requests_per_second: f64 = 0.0 in 0..=1_000_000,
        /// Failures in a row after which the source is not asked for a while.
        breaker_failures: NonZeroU32 = 5,
        /// How long it is then not asked.
        breaker_cooldown: Duration = "30s" in "1ms"..="1d",
    }
}

impl SourceConfig {
    /// Requests a second that it may be sent, if there is a limit: none for the recording, which is our own.
    pub fn rate_limit(&self) -> Option<f64> {
        let live = matches!(self.url, SourceUrl::Http(_));
        (live && self.requests_per_second > 0.0).then_some(self.requests_per_second)
    }
}

settings! {
    /// The Zcash node: keys under `[sources.zcash]`, variables `CHIMERA__SOURCES__ZCASH__…`.
    pub struct ZcashConfig {
        /// User of the node's RPC (`rpcuser`). Empty: the node asks for none.
        user: Option<String> = "",
        /// Password of the node's RPC (`rpcpassword`).
        password: Option<Secret> = "",
    }
    flattened {
        /// What it has in common with the other sources.
        source: SourceConfig { cache_ttl = "1m" },
    }
}
