//! Work in a span that ends, and says how, on every way out: for whatever else a program calls.

use std::{any::type_name, fmt, future::Future};

use super::{Scope, Span, SpanStart};

/// What a call failed of whose future was dropped before it was done.
const CANCELLED: &str = "cancelled";

impl Scope {
    /// Runs `work` in the span that `start` describes. However it ends, the span ends with it, and says how:
    ///
    /// - an error that it returns, also by `?`, is its `error.type` (the name of the error's type) and its status;
    /// - a panic is `error.type = panic`;
    /// - a future that is dropped before it is done, by a time limit or a `select!`, is `error.type = cancelled`.
    ///
    /// Spans and log lines that the `tracing` macros make in `work` belong to the span. Errors are not recorded as
    /// exception events, for whoever called handles them: see [`Span::record_exception`].
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancel safety
    /// That of `work`.
    pub async fn call<T, E: fmt::Display>(
        &self,
        start: SpanStart,
        work: impl AsyncFnOnce(&Span) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = self.start(start);
        span.finish(work(&span)).await
    }

    /// The same for work that waits for nothing.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn call_sync<T, E: fmt::Display>(
        &self,
        start: SpanStart,
        work: impl FnOnce(&Span) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = self.start(start);
        let result = span.scope().enter(|| work(&span));
        span.record(&result);
        result
    }
}

impl Span {
    /// Runs `work` under this span and records how it ended.
    pub(crate) async fn finish<T, E: fmt::Display>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let unfinished = Unfinished { span: Some(self) };
        let result = self.scope().run(work).await;
        unfinished.finished();
        self.record(&result);
        result
    }

    fn record<T, E: fmt::Display>(&self, result: &Result<T, E>) {
        if let Err(error) = result {
            // With its causes, where the error is one that shows them so.
            self.fail(type_name::<E>(), format_args!("{error:#}"));
        }
    }
}

/// Marks the span of a call that is dropped before it ends.
struct Unfinished<'a> {
    span: Option<&'a Span>,
}

impl Unfinished<'_> {
    fn finished(mut self) {
        self.span = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span {
            span.fail(CANCELLED, "given up before it was done");
        }
    }
}

#[cfg(test)]
mod tests;
