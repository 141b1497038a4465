//! Finding traces: newest first, by what the index knows, then by what the bodies say.

mod bodies;
mod newest;

use std::{collections::HashSet, time::Duration};

use opentelemetry::TraceId;

use self::{bodies::Bodies, newest::NewestFirst};
use super::{
    Engine, ReadError, Store,
    key::{Kind, trace_id_of},
};

/// What to look for. A trace is found when one of its spans meets all conditions; the default finds every trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The service of the span.
    pub service: Option<String>,
    /// The name of the span.
    pub operation: Option<String>,
    /// Earliest start of the span, in nanoseconds since the Unix epoch, inclusive.
    pub start_min_ns: u64,
    /// Latest start of the span, in nanoseconds since the Unix epoch, inclusive.
    pub start_max_ns: u64,
    /// Shortest duration of the span, inclusive.
    pub duration_min: Duration,
    /// Longest duration of the span, inclusive.
    pub duration_max: Duration,
    /// Only spans whose status is an error.
    pub errors_only: bool,
    /// Attributes of the span, its events, its scope or its resource, as text: all must be there with that value.
    pub attributes: Vec<(String, String)>,
    /// How many traces at most.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            service: None,
            operation: None,
            start_min_ns: 0,
            start_max_ns: u64::MAX,
            duration_min: Duration::ZERO,
            duration_max: Duration::MAX,
            errors_only: false,
            attributes: Vec::new(),
            limit: 20,
        }
    }
}

impl Store {
    /// The traces with a span that meets the query, the newest such span first.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails.
    pub fn search(&self, query: &Query) -> Result<Vec<TraceId>, ReadError> {
        self.shared.engine.search(query)
    }
}

impl Engine {
    fn search(&self, query: &Query) -> Result<Vec<TraceId>, ReadError> {
        let snapshot = self.tail.snapshot()?;
        let services: Vec<_> = match &query.service {
            Some(name) => self.catalog.service(name).into_iter().collect(),
            None => self.catalog.services(),
        };
        let kind = if query.errors_only {
            Kind::Errors
        } else {
            Kind::All
        };
        let time = (query.start_min_ns, query.start_max_ns);
        let mut newest = NewestFirst::of(self, &snapshot, &services, kind, time)?;
        let mut bodies = Bodies::of(self, &snapshot);
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        while found.len() < query.limit
            && let Some(span) = newest.next()?
        {
            let trace_id = trace_id_of(&span.entry().span_key);
            if !seen.contains(&trace_id) && bodies.meets(&span, query)? {
                seen.insert(trace_id);
                found.push(TraceId::from(u128::from_be_bytes(trace_id)));
            }
        }
        Ok(found)
    }
}
