//! Finding traces: newest first, by what the index knows, then by what the bodies say.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    time::Duration,
};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::{
    Engine, ReadError, Store,
    key::{Entry, Kind, bound},
    read::decode,
};
use crate::tree::attribute_text;

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
    /// [`ReadError::Engine`] if the disk fails.
    pub fn search(&self, query: &Query) -> Result<Vec<TraceId>, ReadError> {
        Ok(self.shared.engine.search(query)?)
    }
}

impl Engine {
    fn search(&self, query: &Query) -> Result<Vec<TraceId>, fjall::Error> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut newest = self.newest_first(query)?;
        while found.len() < query.limit
            && let Some(entry) = newest.next(self)?
        {
            let trace_id = entry.trace_id();
            if !seen.contains(&trace_id) && self.meets(&entry, query)? {
                seen.insert(trace_id);
                found.push(trace_id);
            }
        }
        Ok(found)
    }

    fn meets(&self, entry: &Entry, query: &Query) -> Result<bool, fjall::Error> {
        let duration = Duration::from_nanos(entry.duration_ns);
        let in_index = (query.duration_min..=query.duration_max).contains(&duration)
            && (entry.is_error || !query.errors_only)
            && query
                .operation
                .as_ref()
                .is_none_or(|operation| operation.as_bytes() == entry.name);
        if !in_index || query.attributes.is_empty() {
            return Ok(in_index);
        }
        self.has_attributes(entry, &query.attributes)
    }

    /// Whether the span, its events, its resource or its scope have these attributes: where Jaeger looks too.
    fn has_attributes(
        &self,
        entry: &Entry,
        wanted: &[(String, String)],
    ) -> Result<bool, fjall::Error> {
        let Some(body) = self.bodies.get(entry.body_key())? else {
            return Ok(false);
        };
        let Some((origin, span)) = decode(&body) else {
            self.monitor.broken();
            return Ok(false);
        };
        let mut missing: Vec<_> = wanted.iter().collect();
        missing.retain(|wanted| {
            !has(&span.attributes, wanted)
                && !span
                    .events
                    .iter()
                    .any(|event| has(&event.attributes, wanted))
        });
        if missing.is_empty() {
            return Ok(true);
        }
        let Some(header) = self.origins.header(origin)? else {
            return Ok(false);
        };
        let resource = header.resource.unwrap_or_default().attributes;
        let scope = header
            .scope_spans
            .into_iter()
            .find_map(|scope| scope.scope)
            .unwrap_or_default()
            .attributes;
        Ok(missing
            .iter()
            .all(|wanted| has(&resource, wanted) || has(&scope, wanted)))
    }

    fn newest_first(&self, query: &Query) -> Result<NewestFirst, fjall::Error> {
        let services = match &query.service {
            Some(name) => self.catalog.service(name).into_iter().collect(),
            None => self.catalog.services(),
        };
        let kind = if query.errors_only {
            Kind::Errors
        } else {
            Kind::All
        };
        let mut merged = NewestFirst {
            services: Vec::new(),
            heads: BinaryHeap::new(),
        };
        for service in services {
            let first = bound(kind, service.id, query.start_min_ns);
            let mut last = bound(kind, service.id, query.start_max_ns).to_vec();
            // Above every span key, so that the spans that start in this very nanosecond are inside.
            last.extend_from_slice(&[0xff; super::key::SPAN_KEY_LEN]);
            merged
                .services
                .push(self.index.range(first.as_slice()..=last.as_slice()));
            merged.advance(self, merged.services.len() - 1)?;
        }
        Ok(merged)
    }
}

fn has(attributes: &[KeyValue], (key, value): &(String, String)) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.key == *key && attribute_text(attribute) == *value)
}

/// The index entries of several services merged, newest first. Services are few; each is one iterator.
struct NewestFirst {
    services: Vec<fjall::Iter>,
    heads: BinaryHeap<Head>,
}

struct Head {
    entry: Entry,
    service: usize,
}

impl NewestFirst {
    fn next(&mut self, engine: &Engine) -> Result<Option<Entry>, fjall::Error> {
        let Some(head) = self.heads.pop() else {
            return Ok(None);
        };
        self.advance(engine, head.service)?;
        Ok(Some(head.entry))
    }

    fn advance(&mut self, engine: &Engine, service: usize) -> Result<(), fjall::Error> {
        while let Some(guard) = self.services[service].next_back() {
            let (key, value) = guard.into_inner()?;
            if let Some(entry) = Entry::read(&key, &value) {
                self.heads.push(Head { entry, service });
                return Ok(());
            }
            engine.monitor.broken();
        }
        Ok(())
    }
}

impl Head {
    fn rank(&self) -> (u64, Reverse<usize>) {
        (self.entry.start_ns, Reverse(self.service))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}
