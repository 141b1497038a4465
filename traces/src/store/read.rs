//! Reading traces, services and operations back.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::TraceId;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, span::SpanKind};
use prost::Message as _;

use super::{
    Engine, ReadError, Store,
    key::{Kind, bound},
};

impl Store {
    /// All spans of a trace, grouped by resource and scope. Empty if the trace is not known.
    ///
    /// # Errors
    /// [`ReadError::Engine`] if the disk fails. Broken records are skipped and counted in [`Store::health`].
    pub fn trace(&self, trace_id: TraceId) -> Result<Vec<ResourceSpans>, ReadError> {
        Ok(self.shared.engine.trace(trace_id)?)
    }

    /// The names of the services that have spans, sorted.
    ///
    /// # Errors
    /// [`ReadError::Engine`] if the disk fails.
    pub fn services(&self) -> Result<Vec<String>, ReadError> {
        let engine = &self.shared.engine;
        let mut names = Vec::new();
        for service in engine.catalog.services() {
            let has_spans = engine
                .index
                .prefix(&bound(Kind::All, service.id, 0)[..5])
                .next()
                .is_some();
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
    pub(super) fn trace(&self, trace_id: TraceId) -> Result<Vec<ResourceSpans>, fjall::Error> {
        let mut by_origin: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        for place in self.places.of(trace_id) {
            for guard in self.bodies.prefix(place?) {
                match decode(&guard.value()?) {
                    Some((origin, span)) => by_origin.entry(origin).or_default().push(span),
                    None => self.monitor.broken(),
                }
            }
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

/// A body: the origin's number, then the span. `None` if it is broken.
pub(super) fn decode(body: &[u8]) -> Option<(u32, Span)> {
    let (origin, span) = body.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*origin), Span::decode(span).ok()?))
}
