//! Reading traces, services and operations back.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, span::SpanKind};

use super::{
    Engine, ReadError, Store,
    key::{Batch, Kind, SpanKey, bound, minute_of, trace_id_of},
    record::{Record, records},
    tail::Snapshot,
};

impl Store {
    /// All spans of a trace, grouped by resource and scope. Empty if the trace is not known.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails. Broken records are skipped and counted in [`Store::health`].
    pub fn trace(&self, trace_id: TraceId) -> Result<Vec<ResourceSpans>, ReadError> {
        self.shared.engine.trace(trace_id)
    }

    /// The names of the services that have spans, sorted.
    ///
    /// # Errors
    /// [`ReadError`] if the disk fails.
    pub fn services(&self) -> Result<Vec<String>, ReadError> {
        let engine = &self.shared.engine;
        let snapshot = engine.tail.snapshot()?;
        let mut names = Vec::new();
        for service in engine.catalog.services() {
            let mut moved = engine.index.prefix(&bound(Kind::All, service.id, 0)[..5]);
            let has_spans = snapshot.has_service(service.id) || moved.next().is_some();
            if has_spans && !service.name.is_empty() {
                names.push(service.name.clone());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The operations (span names with their kind) seen of a service, sorted by name; empty if it is not known.
    pub fn operations(&self, service: &str) -> Vec<(String, SpanKind)> {
        let Some(service) = self.shared.engine.catalog.service(service) else {
            return Vec::new();
        };
        let named = |(kind, name)| (name, SpanKind::try_from(kind).unwrap_or_default());
        let mut operations: Vec<_> = service.operations().into_iter().map(named).collect();
        operations.sort_unstable();
        operations
    }
}

impl Engine {
    fn trace(&self, trace_id: TraceId) -> Result<Vec<ResourceSpans>, ReadError> {
        let spans = self.spans(trace_id)?;
        let mut by_origin: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for (origin, span) in spans.0.into_values() {
            by_origin.entry(origin).or_default().push(span);
        }
        let mut headers = HashMap::new();
        let mut resources = Vec::with_capacity(by_origin.len());
        for (origin, spans) in by_origin {
            let mut resource = match self.header(&mut headers, origin)? {
                Some(header) => header,
                None => continue,
            };
            if let Some(scope) = resource.scope_spans.first_mut() {
                scope.spans = spans;
            }
            resources.push(resource);
        }
        Ok(resources)
    }

    fn spans(&self, trace_id: TraceId) -> Result<Spans, ReadError> {
        let trace_id = trace_id.to_bytes();
        let snapshot = self.tail.snapshot()?;
        let mut spans = Spans::default();
        for guard in self.places.prefix(trace_id) {
            let batch = Batch::of_place(&guard.key()?);
            let Some(batch) = batch.filter(|batch| !snapshot.has(batch.segment)) else {
                continue;
            };
            for guard in self.chunks.prefix(batch.chunks_of(&trace_id)) {
                for (_, record) in records(&guard.value()?) {
                    self.take(&mut spans, record);
                }
            }
        }
        self.take_from_tail(&mut spans, &snapshot, trace_id);
        Ok(spans)
    }

    fn take_from_tail(&self, spans: &mut Spans, snapshot: &Snapshot, trace_id: [u8; 16]) {
        for segment in snapshot.segments() {
            for (_, record) in records(&segment.bytes) {
                if record.is_none_or(|record| trace_id_of(&record.span_key) == trace_id) {
                    self.take(spans, record);
                }
            }
        }
    }

    fn take(&self, spans: &mut Spans, record: Option<Record<'_>>) {
        let span = record.and_then(|record| Some((record, record.span()?)));
        match span {
            Some((record, span)) => {
                let key = (minute_of(record.start_ns), record.span_key);
                spans.0.insert(key, (record.origin, span));
            }
            None => self.monitor.broken(),
        }
    }

    fn header(
        &self,
        known: &mut HashMap<u32, ResourceSpans>,
        origin: u32,
    ) -> Result<Option<ResourceSpans>, fjall::Error> {
        if let Some(header) = known.get(&origin) {
            return Ok(Some(header.clone()));
        }
        let header = self.origins.header(origin)?;
        match &header {
            Some(header) => {
                known.insert(origin, header.clone());
            }
            None => self.monitor.broken(),
        }
        Ok(header)
    }
}

/// The spans of a trace with their origins, by the minute in which they began. Of those that are one span the last stays.
#[derive(Default)]
struct Spans(BTreeMap<(u32, SpanKey), (u32, Span)>);
