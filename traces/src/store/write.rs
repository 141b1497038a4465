//! The write door.

use opentelemetry::trace::Status;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

use super::{
    Engine, Outcome,
    health::WriteError,
    key::{Entry, Kind, key_of, span_key},
    origin::Origin,
};
use crate::encode;

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
            let rows: Vec<_> = chunk
                .iter()
                .filter_map(|span| Row::of(origin, span))
                .collect();
            let rejected = count(chunk) - rows.len() as u64;
            self.monitor.rejected(rejected);
            outcome.rejected += rejected;
            outcome += self.write_rows(origin, rows.len() as u64, rows);
        }
        outcome
    }

    /// Writes a span as the SDK has it.
    pub(super) fn write_ended(&self, origin: &Origin, span: &SpanData) -> Outcome {
        match Row::ended(origin, span) {
            Some(row) => self.write_rows(origin, 1, [row]),
            None => {
                self.monitor.rejected(1);
                Outcome {
                    rejected: 1,
                    ..Outcome::default()
                }
            }
        }
    }

    fn write_rows<'a>(
        &self,
        origin: &Origin,
        count: u64,
        rows: impl IntoIterator<Item = Row<'a>>,
    ) -> Outcome {
        match self.commit(origin, rows) {
            Ok(()) => {
                self.monitor.written(count);
                Outcome {
                    written: count,
                    ..Outcome::default()
                }
            }
            Err(error) => {
                self.monitor.failed(count, &error);
                Outcome {
                    failed: count,
                    ..Outcome::default()
                }
            }
        }
    }

    /// Bodies and index entries in one batch, so that a kill leaves both or neither. The commit hands the journal to
    /// the operating system (`PersistMode::Buffer`, fjall's default for batches): that is what survives `kill -9`.
    fn commit<'a>(
        &self,
        origin: &Origin,
        rows: impl IntoIterator<Item = Row<'a>>,
    ) -> Result<(), WriteError> {
        if self.is_behind() {
            return Err(WriteError::Behind);
        }
        let service = &origin.service;
        let _kept = self.places.kept();
        let mut places = Vec::new();
        let mut batch = self.database.batch();
        for row in rows {
            self.catalog.note_operation(service, row.kind, row.name)?;
            let entry = row.entry;
            let value = entry.value(row.name);
            // Readers see a batch entry by entry, in this order: who finds a span by its index finds its body too.
            batch.insert(&self.bodies, entry.body_key(), row.body);
            places.extend(self.places.note(&mut batch, &entry));
            if entry.is_error {
                batch.insert(
                    &self.index,
                    entry.key(Kind::Errors, service.id),
                    value.as_slice(),
                );
            }
            batch.insert(&self.index, entry.key(Kind::All, service.id), value);
        }
        batch.commit()?;
        for place in places {
            self.places.remember(place);
        }
        Ok(())
    }

    /// Whether fjall would stop writers until it has caught up. They are not ours to stop: they end their spans in the
    /// middle of answering someone. Fjall stops them at four full memtables or thirty tables to compact.
    fn is_behind(&self) -> bool {
        [&self.bodies, &self.index].into_iter().any(|keyspace| {
            keyspace.sealed_memtable_count() >= 3 || keyspace.l0_table_count() >= 28
        })
    }
}

/// Bounds how long one commit keeps the journal from the other writers.
const BATCH_SPANS: usize = 512;

/// What is written of a span.
struct Row<'a> {
    name: &'a str,
    kind: i32,
    entry: Entry,
    body: Vec<u8>,
}

impl<'a> Row<'a> {
    /// `None` unless the span has ids.
    fn of(origin: &Origin, span: &'a Span) -> Option<Self> {
        let mut body = Vec::with_capacity(4 + span.encoded_len());
        body.extend_from_slice(&origin.id.to_be_bytes());
        span.encode(&mut body).expect("a Vec grows as needed");
        Some(Self {
            name: &span.name,
            kind: span.kind,
            entry: Entry::of(span, span_key(span)?),
            body,
        })
    }

    fn ended(origin: &Origin, span: &'a SpanData) -> Option<Self> {
        let context = &span.span_context;
        let (start_ns, end_ns) = (encode::nanos(span.start_time), encode::nanos(span.end_time));
        Some(Self {
            name: &span.name,
            kind: encode::kind(&span.span_kind),
            entry: Entry {
                start_ns,
                span_key: key_of(context.trace_id(), context.span_id())?,
                duration_ns: end_ns.saturating_sub(start_ns),
                is_error: matches!(span.status, Status::Error { .. }),
                name: Vec::new(),
            },
            body: encode::span(&origin.id.to_be_bytes(), span),
        })
    }
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
