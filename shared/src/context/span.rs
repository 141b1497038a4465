//! A context under a span of its own.

use std::{borrow::Cow, error::Error, fmt, ops::Deref};

use opentelemetry::trace::SpanContext;

use super::Context;
use crate::telemetry::{KeyValue, Span};

/// A context under a span of its own, which ends when this is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct ContextSpan {
    pub(super) context: Context,
    pub(super) span: Span,
}

impl ContextSpan {
    /// Sets an attribute of the span.
    pub fn set(&self, attribute: KeyValue) {
        self.span.set(attribute);
    }

    /// Marks the span as failed; see [`Span::fail`].
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.span.fail(error_type, description);
    }

    /// Adds an event to the span.
    pub fn event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        self.span.event(name, attributes);
    }

    /// Links the span to another one, of this trace or of another; see [`Span::link`].
    pub fn link(&self, target: SpanContext, attributes: Vec<KeyValue>) {
        self.span.link(target, attributes);
    }

    /// Records an error with its causes, where it is handled; see [`Span::record_exception`].
    pub fn record_exception(&self, error_type: impl Into<Cow<'static, str>>, error: &dyn Error) {
        self.span.record_exception(error_type, error);
    }

    /// The context under the span.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Deref for ContextSpan {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}
