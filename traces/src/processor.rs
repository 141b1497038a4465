//! The way of this process's own spans into the store.

use std::{
    fmt,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_proto::{
    tonic::{
        resource::v1::Resource as OtlpResource,
        trace::v1::{ResourceSpans, ScopeSpans},
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanProcessor},
};

use crate::store::{Origin, Store};

/// Writes each span into a [`Store`] as it ends, on the thread that ends it: a span whose `end` returned survives a kill.
///
/// There is no queue, hence nothing to flush; what the disk cannot take is dropped and counted. A write is one call of the
/// system, for the end of a file; spans are sorted into tables on a thread of the store's.
/// (The name is OpenTelemetry's: a `SpanProcessor`.)
pub struct StoreProcessor {
    store: Store,
    resource: ResourceSpans,
    /// Per scope, so that resource and scope are encoded once and not with every span. So few are compared more quickly than
    /// one is hashed.
    origins: RwLock<Vec<(InstrumentationScope, Origin)>>,
    is_shut_down: AtomicBool,
}

/// A program has a handful of scopes; someone who makes them up per span must not fill the memory.
const MAX_SCOPES: usize = 64;

impl StoreProcessor {
    /// A processor that writes into `store`. The provider hands it its resource.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            resource: ResourceSpans::default(),
            origins: RwLock::default(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    fn origin(&self, scope: &InstrumentationScope) -> Option<Origin> {
        let known = self
            .origins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|(known, _)| known == scope)
            .map(|(_, origin)| origin.clone());
        known.or_else(|| self.meet(scope))
    }

    fn meet(&self, scope: &InstrumentationScope) -> Option<Origin> {
        let mut header = self.resource.clone();
        header.scope_spans = vec![ScopeSpans {
            scope: Some((scope, None).into()),
            schema_url: scope.schema_url().unwrap_or_default().to_owned(),
            spans: Vec::new(),
        }];
        let origin = self.store.origin(&header)?;
        let mut origins = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        if origins.len() >= MAX_SCOPES {
            origins.clear();
        }
        origins.push((scope.clone(), origin.clone()));
        Some(origin)
    }
}

impl SpanProcessor for StoreProcessor {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.is_shut_down.load(Relaxed) {
            return;
        }
        match self.origin(&span.instrumentation_scope) {
            Some(origin) => {
                self.store.write_ended(&origin, &span);
            }
            None => self.store.count_dropped(1),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let health = self.store.health();
        match health.last_error {
            Some(error) if health.failing => Err(OTelSdkError::InternalFailure(error)),
            _ => Ok(()),
        }
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.is_shut_down.store(true, Relaxed);
        self.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        let resource = ResourceAttributesWithSchema::from(resource);
        self.resource = ResourceSpans {
            resource: Some(OtlpResource {
                attributes: resource.attributes.0,
                ..OtlpResource::default()
            }),
            schema_url: resource.schema_url.unwrap_or_default(),
            scope_spans: Vec::new(),
        };
        self.origins
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl fmt::Debug for StoreProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreProcessor")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        KeyValue, SpanId, TraceFlags, TraceId,
        trace::{Event, Link, SpanContext, SpanKind, Status, TraceState},
    };
    use opentelemetry_proto::tonic::trace::v1::{
        Span as OtlpSpan, Status as OtlpStatus,
        span::{Event as OtlpEvent, Link as OtlpLink},
    };
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    fn processor() -> (StoreProcessor, Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let retention = crate::store::Retention {
            age: Duration::MAX,
            ..Default::default()
        };
        let store = Store::open_with(dir.path(), retention).unwrap();
        let mut processor = StoreProcessor::new(store.clone());
        let resource = Resource::builder_empty()
            .with_schema_url(
                [KeyValue::new("service.name", "query_agent")],
                "https://example.com/resource",
            )
            .build();
        processor.set_resource(&resource);
        (processor, store, dir)
    }

    fn context(span: u64, remote: bool) -> SpanContext {
        let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
        SpanContext::new(
            TraceId::from(7),
            SpanId::from(span),
            TraceFlags::SAMPLED,
            remote,
            state,
        )
    }

    fn ended() -> SpanData {
        let at = |ns| std::time::UNIX_EPOCH + Duration::from_nanos(ns);
        let mut events = SpanEvents::default();
        events.events = vec![Event::new(
            "exception",
            at(150),
            vec![KeyValue::new("e", true)],
            3,
        )];
        events.dropped_count = 4;
        let mut links = SpanLinks::default();
        links.links = vec![Link::new(
            context(9, true),
            vec![KeyValue::new("l", 0.5)],
            5,
        )];
        links.dropped_count = 6;
        SpanData {
            span_context: context(1, false),
            parent_span_id: SpanId::from(9),
            parent_span_is_remote: true,
            span_kind: SpanKind::Consumer,
            name: "process".into(),
            start_time: at(100),
            end_time: at(200),
            attributes: vec![KeyValue::new("a", 1)],
            dropped_attributes_count: 2,
            events,
            links,
            status: Status::error("broke"),
            instrumentation_scope: InstrumentationScope::builder("scope")
                .with_version("2")
                .with_schema_url("https://example.com/scope")
                .with_attributes([KeyValue::new("s", "t")])
                .build(),
        }
    }

    #[test]
    fn nothing_of_a_span_is_lost() {
        let (processor, store, _dir) = processor();
        processor.on_end(ended());
        let resources = store.trace(TraceId::from(7)).unwrap();
        let attributes = |attribute| opentelemetry_proto::tonic::Attributes::from([attribute]).0;
        let trace_id = 7_u128.to_be_bytes().to_vec();
        let expected = OtlpSpan {
            trace_id: trace_id.clone(),
            span_id: 1_u64.to_be_bytes().to_vec(),
            trace_state: "vendor=1".to_owned(),
            parent_span_id: 9_u64.to_be_bytes().to_vec(),
            // Sampled, and "the parent is remote" is known and true.
            flags: 0x301,
            name: "process".to_owned(),
            kind: 5,
            start_time_unix_nano: 100,
            end_time_unix_nano: 200,
            attributes: attributes(KeyValue::new("a", 1)),
            dropped_attributes_count: 2,
            events: vec![OtlpEvent {
                time_unix_nano: 150,
                name: "exception".to_owned(),
                attributes: attributes(KeyValue::new("e", true)),
                dropped_attributes_count: 3,
            }],
            dropped_events_count: 4,
            links: vec![OtlpLink {
                trace_id,
                span_id: 9_u64.to_be_bytes().to_vec(),
                trace_state: "vendor=1".to_owned(),
                attributes: attributes(KeyValue::new("l", 0.5)),
                dropped_attributes_count: 5,
                flags: 0x301,
            }],
            dropped_links_count: 6,
            status: Some(OtlpStatus {
                message: "broke".to_owned(),
                code: 2,
            }),
        };
        assert_eq!(resources.len(), 1);
        assert_eq!(resources[0].schema_url, "https://example.com/resource");
        let scope = &resources[0].scope_spans[0];
        assert_eq!(scope.spans, [expected]);
        assert_eq!(scope.schema_url, "https://example.com/scope");
        let scope = scope.scope.as_ref().unwrap();
        assert_eq!(
            (scope.name.as_str(), scope.version.as_str()),
            ("scope", "2")
        );
        assert_eq!(scope.attributes, attributes(KeyValue::new("s", "t")));
        assert_eq!(store.services().unwrap(), ["query_agent"]);
    }

    #[test]
    fn after_the_shutdown_nothing_is_written() {
        let (processor, store, _dir) = processor();
        processor.force_flush().unwrap();
        processor.shutdown().unwrap();
        processor.shutdown().unwrap();
        processor.on_end(ended());
        assert_eq!(store.health().written, 0);
    }
}
