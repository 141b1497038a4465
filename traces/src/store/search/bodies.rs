//! What the index does not know of spans.

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    time::Duration,
};

use fjall::UserValue;
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{ResourceSpans, Span},
};

use super::{
    super::{
        Engine,
        key::{Batch, ChunkKey, minute_of, trace_id_of},
        record::Frame,
        tail::Snapshot,
    },
    Query,
    newest::Found,
};
use crate::tree::attribute_text;

/// Looks into spans that the index found.
pub(super) struct Bodies<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    /// The spans of a chunk are asked for one after the other, those of a few traces in turn.
    chunks: HashMap<ChunkKey, Option<UserValue>>,
    headers: HashMap<u32, Option<ResourceSpans>>,
}

/// Chunks and headers that are kept at hand.
const AT_HAND: usize = 128;

impl<'a> Bodies<'a> {
    pub(super) fn of(engine: &'a Engine, snapshot: &'a Snapshot) -> Self {
        Self {
            engine,
            snapshot,
            chunks: HashMap::new(),
            headers: HashMap::new(),
        }
    }

    /// Whether a span that the index found meets all conditions.
    pub(super) fn meets(&mut self, span: &Found, query: &Query) -> Result<bool, fjall::Error> {
        let entry = span.entry();
        let duration = Duration::from_nanos(entry.duration_ns);
        let in_index = (query.duration_min..=query.duration_max).contains(&duration)
            && (entry.is_error || !query.errors_only)
            && query
                .operation
                .as_ref()
                .is_none_or(|operation| operation.as_bytes() == span.name());
        if !in_index || query.attributes.is_empty() {
            return Ok(in_index);
        }
        self.has_attributes(span, &query.attributes)
    }

    /// Whether the span, its events, its resource or its scope have these attributes: where Jaeger looks too.
    fn has_attributes(
        &mut self,
        found: &Found,
        wanted: &[(String, String)],
    ) -> Result<bool, fjall::Error> {
        let Some((origin, span)) = self.body(found)? else {
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
        let Some(header) = self.header(origin)? else {
            return Ok(false);
        };
        let resource = header.resource.as_ref();
        let resource = resource.map_or(&[][..], |resource| &resource.attributes);
        let mut scopes = header.scope_spans.iter();
        let scope = scopes.find_map(|scope| scope.scope.as_ref());
        let scope = scope.map_or(&[][..], |scope| &scope.attributes);
        Ok(missing
            .iter()
            .all(|wanted| has(resource, wanted) || has(scope, wanted)))
    }

    /// The origin of a span, and the span. `None` if it is not there any more, or broken.
    fn body(&mut self, found: &Found) -> Result<Option<(u32, Span)>, fjall::Error> {
        let snapshot = self.snapshot;
        let in_tail = snapshot.segment(found.segment());
        let chunk = match in_tail {
            Some(_) => None,
            None => self.chunk(found)?,
        };
        let bytes = in_tail.map(|segment| segment.bytes.as_slice());
        let Some(bytes) = bytes.or(chunk.as_deref()) else {
            return Ok(None);
        };
        let frame = Frame::at(bytes, found.entry().offset as usize);
        let record = frame.and_then(|frame| frame.record(bytes));
        let span = record.and_then(|record| Some((record.origin, record.span()?)));
        if span.is_none() {
            self.engine.monitor.broken();
        }
        Ok(span)
    }

    fn chunk(&mut self, found: &Found) -> Result<Option<UserValue>, fjall::Error> {
        let entry = found.entry();
        let key = ChunkKey {
            batch: Batch {
                minute: minute_of(entry.start_ns),
                segment: found.segment(),
            },
            trace_id: trace_id_of(&entry.span_key),
            part: entry.part,
        };
        if let Some(chunk) = self.chunks.get(&key) {
            return Ok(chunk.clone());
        }
        if self.chunks.len() >= AT_HAND {
            self.chunks.clear();
        }
        let chunk = self.engine.chunks.get(key.to_bytes())?;
        self.chunks.insert(key, chunk.clone());
        Ok(chunk)
    }

    fn header(&mut self, origin: u32) -> Result<Option<&ResourceSpans>, fjall::Error> {
        if self.headers.len() >= AT_HAND && !self.headers.contains_key(&origin) {
            self.headers.clear();
        }
        let header = match self.headers.entry(origin) {
            Occupied(known) => known.into_mut(),
            Vacant(unknown) => unknown.insert(self.engine.origins.header(origin)?),
        };
        Ok(header.as_ref())
    }
}

fn has(attributes: &[KeyValue], (key, value): &(String, String)) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.key == *key && attribute_text(attribute) == *value)
}
