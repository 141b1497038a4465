//! The trace context and baggage on message headers and HTTP headers, by one strict propagator.

use chimera_bus::{Headers, Message, headers::name};
use opentelemetry::{
    Context as OtelContext,
    propagation::{Extractor, Injector, TextMapPropagator as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// Writes the active span and baggage of `context` into the headers of `message`.
pub fn inject_message(context: &OtelContext, message: &mut Message) {
    TraceContextPropagator::new()
        .inject_context(context, &mut HeaderInjector(&mut message.headers));
}

/// The context that the headers of `message` carry; empty when there is none or it is broken.
pub fn extract_message(message: &Message) -> OtelContext {
    TraceContextPropagator::new()
        .extract_with_context(&OtelContext::new(), &HeaderExtractor(&message.headers))
}

/// Writes the active span and baggage of `context` into HTTP headers.
pub fn inject_http(context: &OtelContext, headers: &mut http::HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut HttpInjector(headers));
}

/// The context that HTTP headers carry; empty when there is none or it is broken.
pub fn extract_http(headers: &http::HeaderMap) -> OtelContext {
    TraceContextPropagator::new().extract_with_context(&OtelContext::new(), &HttpExtractor(headers))
}

struct HeaderInjector<'a>(&'a mut Headers);

impl Injector for HeaderInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.set(key, value);
        }
    }
}

struct HeaderExtractor<'a>(&'a Headers);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get_str(key)
    }

    fn keys(&self) -> Vec<&str> {
        vec![name::TRACEPARENT, name::TRACESTATE, name::BAGGAGE]
    }
}

struct HttpInjector<'a>(&'a mut http::HeaderMap);

impl Injector for HttpInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (
            http::HeaderName::try_from(key),
            http::HeaderValue::try_from(value),
        ) {
            self.0.insert(key, value);
        }
    }
}

struct HttpExtractor<'a>(&'a http::HeaderMap);

impl Extractor for HttpExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
