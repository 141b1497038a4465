//! Where traces are read: in a running `chimera up`, or in Jaeger. Both answer Jaeger's API v3.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use anyhow::ensure;
use chimera_shared::config::{Config, RedactedUrl, TracesUrl};
use chimera_traces::tree::{Span, Trace, spans_from_otlp_json};
use opentelemetry::TraceId;
use serde_json::Value;

use crate::{
    door::Door,
    server::{Answer, Server},
};

/// How long a trace store may take for an answer.
const WITHIN: Duration = Duration::from_secs(15);

/// As many traces as either source gives at once.
const MOST: usize = 1_500;

/// How far back Jaeger is asked for traces, unless it is told: some of its storages have a table, or an index, a day.
const LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Clocks of other hosts may be ahead.
const AHEAD: Duration = Duration::from_secs(3600);

/// Where traces are read.
#[derive(Debug)]
pub(crate) enum TraceSource {
    /// A running `chimera up`, which has its spans as soon as they have ended.
    Running(Door),
    /// A Jaeger, which has them when their processes have sent them.
    Jaeger(Server),
}

/// What traces are looked for.
#[derive(Debug)]
pub(crate) struct Search {
    /// One of the trace's spans is of this service…
    pub(crate) service: Option<String>,
    /// …and took at least this long…
    pub(crate) min_duration: Option<Duration>,
    /// …and failed.
    pub(crate) errors: bool,
    /// It began within this time.
    pub(crate) since: Option<Duration>,
    /// How many at most.
    pub(crate) limit: usize,
}

/// What a search found, newest first.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) traces: Vec<Trace>,
    /// There are more traces than were looked at.
    pub(crate) more: bool,
}

impl TraceSource {
    /// The source that the configuration names.
    ///
    /// # Errors
    /// When that is a running `chimera up`, and none runs.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.traces.url {
            TracesUrl::Embedded => Ok(Self::Running(Door::open(&config.data_dir).await?)),
            TracesUrl::Jaeger(url) => Self::jaeger(url),
        }
    }

    /// The same; `None` when that is a running `chimera up`, and none runs.
    pub(crate) async fn find(config: &Config) -> anyhow::Result<Option<Self>> {
        match &config.traces.url {
            TracesUrl::Embedded => Ok(Door::find(&config.data_dir).await?.map(Self::Running)),
            TracesUrl::Jaeger(url) => Self::jaeger(url).map(Some),
        }
    }

    /// The Jaeger at `url`.
    pub(crate) fn jaeger(url: &RedactedUrl) -> anyhow::Result<Self> {
        let server = Server::configured("Jaeger", "traces.url", url)?;
        Ok(Self::Jaeger(server))
    }

    /// Where this is, for people.
    pub(crate) fn server(&self) -> &Server {
        match self {
            Self::Running(door) => door.server(),
            Self::Jaeger(server) => server,
        }
    }

    /// How much later than its end a span may get here.
    pub(crate) fn lag(&self) -> Duration {
        match self {
            Self::Running(_) => Duration::from_secs(1),
            // Exporters send what has gathered in five seconds, unless they are told otherwise; so may a collector.
            Self::Jaeger(_) => Duration::from_secs(12),
        }
    }

    /// After how long without news no more are to be expected.
    pub(crate) fn pause(&self) -> Duration {
        match self {
            Self::Running(_) => Duration::from_millis(100),
            Self::Jaeger(_) => Duration::from_secs(6),
        }
    }

    /// The spans of a trace; `None` where there is no such trace, or not yet.
    pub(crate) async fn trace(&self, id: TraceId) -> anyhow::Result<Option<Vec<Span>>> {
        // As they were sent: what is made of clocks that differ is decided here, for both sources alike. Besides, Jaeger would
        // write its doubts about a trace that is not whole yet into the very trace that it keeps in memory.
        let raw = [("raw_traces", "true".to_owned())];
        self.fetch(&format!("/api/v3/traces/{id}"), &raw).await
    }

    /// That [`TraceSource::trace`] found nothing, in words.
    pub(crate) fn has_no(&self, id: TraceId) -> String {
        match self {
            Self::Running(_) => {
                format!("there is no trace {id}; `chimera traces` lists those that are kept")
            }
            Self::Jaeger(server) => format!(
                "{server} has no trace {id}, or not yet: spans are sent every few seconds; `chimera traces` lists what it has"
            ),
        }
    }

    /// The newest traces with a span as `search` wants it.
    ///
    /// Jaeger's API v3 does not look at attributes, so that errors are looked for here, in more and more traces.
    pub(crate) async fn search(&self, search: &Search) -> anyhow::Result<Found> {
        let mut ask_for = search.limit;
        loop {
            let mut traces = self.newest(search, ask_for).await?;
            let more = traces.len() >= ask_for;
            traces.retain(|trace| search.fits(trace));
            if traces.len() >= search.limit || !more || ask_for == MOST {
                traces.truncate(search.limit);
                return Ok(Found { traces, more });
            }
            ask_for = (ask_for * 4).clamp(100, MOST);
        }
    }

    async fn newest(&self, search: &Search, count: usize) -> anyhow::Result<Vec<Trace>> {
        let mut query = self.times(search.since);
        query.push(("query.num_traces", count.to_string()));
        query.push(("query.raw_traces", "true".to_owned()));
        let service = search.service.clone();
        query.extend(service.map(|service| ("query.service_name", service)));
        if let Some(least) = search.min_duration {
            query.push(("query.duration_min", format!("{}ns", least.as_nanos())));
        }
        if search.errors {
            query.push(("query.attributes", r#"{"error":"true"}"#.to_owned()));
        }
        let spans = self.fetch("/api/v3/traces", &query).await?;
        Ok(Trace::each_of(spans.unwrap_or_default()))
    }

    /// How many services it knows spans of.
    pub(crate) async fn knows_services(&self) -> anyhow::Result<usize> {
        let server = self.server();
        let answer = server
            .send(server.get("/api/v3/services", &[]), WITHIN)
            .await?;
        if answer.is_missing() {
            self.nothing(&answer)?;
        }
        let services: Value = server.json(&answer)?;
        let services = services.get("services").and_then(Value::as_array);
        Ok(services.map_or(0, Vec::len))
    }

    fn times(&self, since: Option<Duration>) -> Vec<(&'static str, String)> {
        let now = SystemTime::now();
        let back = match self {
            Self::Running(_) => since,
            Self::Jaeger(_) => Some(since.unwrap_or(LOOK_BACK)),
        };
        let from = back.and_then(|back| now.checked_sub(back));
        let time = |time| humantime::format_rfc3339_seconds(time).to_string();
        vec![
            (
                "query.start_time_min",
                time(from.unwrap_or(SystemTime::UNIX_EPOCH)),
            ),
            ("query.start_time_max", time(now + AHEAD)),
        ]
    }

    /// The spans at `path`, or `None` where there is nothing.
    async fn fetch(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Option<Vec<Span>>> {
        let server = self.server();
        let answer = server.send(server.get(path, query), WITHIN).await?;
        match answer.status {
            _ if answer.is_missing() => self.nothing(&answer).map(|()| None),
            status if status.is_success() => spans_from_otlp_json(&answer.body)
                .map(Some)
                .map_err(|_| server.not_that(&answer)),
            _ => Err(server.problem(&answer)),
        }
    }

    /// Tells a trace that is not there from a store that is not there: a store says so in Jaeger's words.
    fn nothing(&self, answer: &Answer) -> anyhow::Result<()> {
        let body = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let said = body.pointer("/error/message").is_some();
        match self {
            Self::Running(_) => ensure!(said, NoStore),
            Self::Jaeger(server) => ensure!(said, server.not_that(answer)),
        }
        Ok(())
    }
}

impl Search {
    fn fits(&self, trace: &Trace) -> bool {
        let service = |span: &Span| {
            let wanted = self.service.as_ref();
            wanted.is_none_or(|service| *service == span.service)
        };
        let least_ns = self.min_duration.map_or(0, |least| least.as_nanos());
        trace.spans().iter().any(|span| {
            service(span)
                && u128::from(span.duration_ns) >= least_ns
                && (span.is_error() || !self.errors)
        })
    }

    /// Whether it leaves traces out.
    pub(crate) fn is_narrow(&self) -> bool {
        self.service.is_some() || self.min_duration.is_some() || self.errors || self.since.is_some()
    }
}

/// The `chimera up` keeps no traces.
#[derive(Debug)]
pub(crate) struct NoStore;

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the running `chimera up` keeps no traces: `embedded` is not one of telemetry.exporters; where they go to a \
             Jaeger, name it in traces.url",
        )
    }
}

impl std::error::Error for NoStore {}
