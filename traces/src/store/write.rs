//! The write door.

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use opentelemetry_sdk::trace::SpanData;

use super::{Engine, Outcome, health::WriteError, origin::Origin, record};
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
            let mut records = Vec::new();
            let has_ids = |span: &&Span| record::push(&mut records, origin, span).is_some();
            let taken: Vec<_> = chunk.iter().filter(has_ids).collect();
            let rejected = count(chunk) - taken.len() as u64;
            self.monitor.rejected(rejected);
            outcome.rejected += rejected;
            let operations = taken.iter().map(|span| (span.kind, span.name.as_str()));
            outcome += self.append(origin, taken.len() as u64, operations, records);
        }
        outcome
    }

    /// Writes a span as the SDK has it.
    pub(super) fn write_ended(&self, origin: &Origin, span: &SpanData) -> Outcome {
        match record::of_ended(origin, span) {
            Some(record) => {
                let operation = (encode::kind(&span.span_kind), &*span.name);
                self.append(origin, 1, [operation], record)
            }
            None => {
                self.monitor.rejected(1);
                Outcome {
                    rejected: 1,
                    ..Outcome::default()
                }
            }
        }
    }

    /// Writes `count` spans of these operations, whose records are encoded.
    fn append<'a>(
        &self,
        origin: &Origin,
        count: u64,
        operations: impl IntoIterator<Item = (i32, &'a str)>,
        records: Vec<u8>,
    ) -> Outcome {
        if count == 0 {
            return Outcome::default();
        }
        let noted = operations
            .into_iter()
            .try_for_each(|(kind, name)| self.catalog.note_operation(&origin.service, kind, name));
        let written = noted
            .map_err(WriteError::from)
            .and_then(|()| self.tail.append(records));
        match written {
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
}

/// Bounds how long one write keeps the tail from the other writers.
const BATCH_SPANS: usize = 512;

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
