//! A running agent, what it is asked, and the servers that it asks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chimera_bus::{Message, Requester, RoutingKey, headers::name};
use chimera_questions::{
    Day, Metric, Period, SeriesKey, Ticker,
    messages::{
        Catalog, DATA_RETRIEVAL_CATALOG, DATA_RETRIEVAL_REQUEST, DescribeData, FetchData, Fetched,
    },
};
use chimera_shared::{
    Platform,
    config::{Config, SourcesConfig},
    deadline::Deadline,
    platform::Running,
};
use chimera_traces::tree::{Span, spans_from_otlp};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::TempDir;

use crate::server::Server;

/// How long a test waits for a reply before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The agent, running.
pub(crate) struct Retrieval {
    running: Running,
    requester: Requester,
    asked: AtomicU64,
    directory: TempDir,
}

impl Retrieval {
    /// With sources that answer from the bundled recording, but for what `configure` changes.
    pub(crate) async fn start(server: &Server, configure: impl FnOnce(&mut SourcesConfig)) -> Self {
        Self::start_on(server, |config| configure(&mut config.sources)).await
    }

    /// The same, on parts of the platform that `configure` changes.
    pub(crate) async fn start_on(server: &Server, configure: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(directory.path());
        let sources = &mut config.sources;
        sources.coinmetrics.url = server.url("/coinmetrics");
        sources.coinbase.url = server.url("/coinbase");
        sources.zcash.source.url = server.url("/zcash");
        configure(&mut config);
        let agents = vec![chimera_retrieval::agent(&config.sources)];
        let platform = Platform::open(config, "a test").await.unwrap();
        let running = platform.start(agents).await.unwrap();
        Self {
            requester: Requester::new(running.platform().bus()),
            running,
            asked: AtomicU64::new(1),
            directory,
        }
    }

    /// Asks for data, and returns it with the spans that the work left.
    pub(crate) async fn fetch(&self, wanted: &FetchData) -> (Fetched, Spans) {
        self.fetch_within(wanted, PATIENCE).await
    }

    /// The same, with a deadline.
    pub(crate) async fn fetch_within(
        &self,
        wanted: &FetchData,
        time: Duration,
    ) -> (Fetched, Spans) {
        let (reply, spans) = self.ask(DATA_RETRIEVAL_REQUEST, wanted, time).await;
        (reply.unwrap(), spans)
    }

    /// Asks what there is.
    pub(crate) async fn describe(&self) -> (Result<Catalog, String>, Spans) {
        self.ask(DATA_RETRIEVAL_CATALOG, &DescribeData {}, PATIENCE)
            .await
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    /// Stops it, and returns the directory of what it has kept.
    pub(crate) async fn stop_and_keep(self) -> TempDir {
        self.running.stop().await;
        self.directory
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        routing_key: &str,
        body: &impl Serialize,
        time: Duration,
    ) -> (Result<T, String>, Spans) {
        let trace = u128::from(self.asked.fetch_add(1, Ordering::Relaxed));
        let body = serde_json::to_vec(body).unwrap();
        let mut message = Message::event(RoutingKey::new(routing_key).unwrap(), body).transient();
        message.headers.set(
            "traceparent",
            format!("00-{trace:032x}-00000000000000aa-01"),
        );
        message
            .headers
            .set(name::DEADLINE, Deadline::after(time).epoch_ms());
        let reply = self.requester.request(message, PATIENCE).await;
        let reply = reply.map(|reply| serde_json::from_slice(&reply.body).unwrap());
        let store = self.running.platform().traces().unwrap();
        let spans = spans_from_otlp(&store.trace(trace.into()).unwrap());
        (reply.map_err(|error| error.to_string()), Spans(spans))
    }
}

/// An address where nothing listens: a port that was just given back.
pub(crate) fn nobody() -> std::net::SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

/// The spans of one trace.
pub(crate) struct Spans(pub(crate) Vec<Span>);

impl Spans {
    /// The spans called `name`, in the order they started.
    pub(crate) fn named(&self, name: &str) -> Vec<&Span> {
        let mut named: Vec<_> = self.0.iter().filter(|span| span.name == name).collect();
        named.sort_by_key(|span| span.start_ns);
        named
    }

    /// The only span called `name`.
    pub(crate) fn one(&self, name: &str) -> &Span {
        let named = self.named(name);
        assert_eq!(named.len(), 1, "spans called `{name}`: {:#?}", self.tree());
        named[0]
    }

    /// The names of the spans below `parent`, in alphabetical order.
    pub(crate) fn below(&self, parent: &Span) -> Vec<&str> {
        let is_below = |span: &&Span| span.parent_span_id.as_ref() == Some(&parent.span_id);
        let mut names: Vec<_> = self
            .0
            .iter()
            .filter(is_below)
            .map(|span| span.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// Everything in them, as text to be searched.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.0)
    }

    fn tree(&self) -> Vec<&str> {
        self.0.iter().map(|span| span.name.as_str()).collect()
    }
}

/// The value of a span's attribute, as JSON.
pub(crate) fn attribute(span: &Span, key: &str) -> serde_json::Value {
    let json = serde_json::to_value(span).unwrap();
    json["attributes"][key].clone()
}

/// One series over some days, and nothing else.
pub(crate) fn series(asset: &str, metric: Metric, from: &str, to: &str) -> FetchData {
    FetchData {
        series: vec![key(asset, metric)],
        days: period(from, to),
        quotes: Vec::new(),
        heights: Vec::new(),
    }
}

/// What a question about ZEC's price in January 2019 asks for.
pub(crate) fn question() -> FetchData {
    FetchData {
        quotes: vec![Ticker::new("ZEC")],
        heights: vec![Ticker::new("ZEC")],
        ..series("ZEC", Metric::PriceUsd, "2019-01-01", "2019-01-31")
    }
}

pub(crate) fn key(asset: &str, metric: Metric) -> SeriesKey {
    SeriesKey {
        asset: Ticker::new(asset),
        metric,
    }
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn period(from: &str, to: &str) -> Period {
    Period {
        from: day(from),
        to: day(to),
    }
}
