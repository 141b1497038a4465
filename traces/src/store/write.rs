//! The write door.

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::{
    Engine, Outcome,
    health::WriteError,
    key::{Entry, Kind, SPAN_KEY_LEN, span_key},
    origin::Origin,
};

impl Engine {
    pub(super) fn write(&self, batch: &[ResourceSpans]) -> Outcome {
        let mut outcome = Outcome::default();
        for resource in batch {
            for scope in &resource.scope_spans {
                let of_scope = match self.origin_or_report(resource, Some(scope)) {
                    Some(origin) => self.write_spans(&origin, &scope.spans),
                    None => Outcome {
                        failed: count(&scope.spans),
                        ..Outcome::default()
                    },
                };
                outcome += of_scope;
            }
        }
        outcome
    }

    pub(super) fn origin_or_report(
        &self,
        resource: &ResourceSpans,
        scope: Option<&ScopeSpans>,
    ) -> Option<Origin> {
        self.origins
            .intern(&self.catalog, resource, scope)
            .map_err(WriteError::from)
            .inspect_err(|error| {
                self.monitor
                    .failed(scope.map_or(0, |scope| count(&scope.spans)), error);
            })
            .ok()
    }

    pub(super) fn write_spans(&self, origin: &Origin, spans: &[Span]) -> Outcome {
        let mut outcome = Outcome::default();
        for chunk in spans.chunks(BATCH_SPANS) {
            let keyed: Vec<_> = chunk
                .iter()
                .filter_map(|span| Some((span_key(span)?, span)))
                .collect();
            let written = keyed.len() as u64;
            let rejected = count(chunk) - written;
            self.monitor.rejected(rejected);
            outcome.rejected += rejected;
            match self.commit(origin, &keyed) {
                Ok(()) => {
                    self.monitor.written(written);
                    outcome.written += written;
                }
                Err(error) => {
                    self.monitor.failed(written, &error);
                    outcome.failed += written;
                }
            }
        }
        outcome
    }

    /// Bodies and index entries in one batch, so that a kill leaves both or neither. The commit hands the journal to
    /// the operating system (`PersistMode::Buffer`, fjall's default for batches): that is what survives `kill -9`.
    fn commit(
        &self,
        origin: &Origin,
        spans: &[([u8; SPAN_KEY_LEN], &Span)],
    ) -> Result<(), WriteError> {
        if self.is_behind() {
            return Err(WriteError::Behind);
        }
        let mut batch = self.database.batch();
        for (key, span) in spans {
            self.catalog
                .note_operation(&origin.service, span.kind, &span.name)?;
            // Readers see a batch entry by entry, in this order: who finds a span by its index finds its body too.
            batch.insert(&self.spans, *key, body(origin, span));
            let entry = Entry::of(span, *key);
            let value = entry.value(&span.name);
            if entry.is_error {
                batch.insert(
                    &self.index,
                    entry.key(Kind::Errors, origin.service.id),
                    value.as_slice(),
                );
            }
            batch.insert(&self.index, entry.key(Kind::All, origin.service.id), value);
        }
        Ok(batch.commit()?)
    }

    /// Whether fjall would stop writers until it has caught up. They are not ours to stop: they end their spans in the
    /// middle of answering someone. Fjall stops them at four full memtables or thirty tables to compact.
    fn is_behind(&self) -> bool {
        [&self.spans, &self.index].into_iter().any(|keyspace| {
            keyspace.sealed_memtable_count() >= 3 || keyspace.l0_table_count() >= 28
        })
    }
}

/// Bounds how long one commit keeps the journal from the other writers.
const BATCH_SPANS: usize = 512;

fn body(origin: &Origin, span: &Span) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + span.encoded_len());
    body.extend_from_slice(&origin.id.to_be_bytes());
    span.encode(&mut body).expect("a Vec grows as needed");
    body
}

fn count(spans: &[Span]) -> u64 {
    spans.len() as u64
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.rejected += other.rejected;
        self.failed += other.failed;
    }
}
