//! A context under a span of its own.

use std::{borrow::Cow, fmt, ops::Deref};

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
