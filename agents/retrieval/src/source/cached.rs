//! Using an answer again.
//!
//! A cache that fails is like an empty one: the source is asked. The command's span says what happened, and the client has
//! said it once in the log when the server went; here only that is logged which somebody has to correct.

use std::time::Duration;

use chimera_shared::{
    Context,
    cache::CacheError,
    telemetry::{KeyValue, SpanKind, SpanStart, keys},
};
use futures_util::future::join_all;
use serde::{Serialize, de::DeserializeOwned};

use super::{Failure, Given, Source};

impl Source {
    /// What is cached under `key`, or else what `ask` gets, which is cached then. A span called `name` holds the look
    /// into the cache and the asking.
    pub(crate) async fn once<T, F>(
        &self,
        cx: &Context,
        name: &'static str,
        key: &str,
        ask: impl FnOnce(Context) -> F,
    ) -> Result<Given<T>, Failure>
    where
        T: Clone + Serialize + DeserializeOwned,
        F: Future<Output = Result<Given<T>, Failure>>,
    {
        let span = self.span(cx, name);
        if let Some(given) = self.cached(&span, key).await {
            return Ok(given);
        }
        let fail = |failure: &Failure| span.fail(failure.error_type(), failure.message());
        let flight = self.flight(&span, key).await.inspect_err(fail)?;
        if flight.waited()
            && let Some(given) = self.cached(&span, key).await
        {
            return Ok(given);
        }
        let given = ask(span.context().clone()).await.inspect_err(fail)?;
        drop(span);
        self.remember(cx, &[(key.to_owned(), given.clone())]).await;
        // Not before: those who wait for the same look into the cache next.
        drop(flight);
        Ok(given)
    }

    /// What is cached under `key`.
    pub(crate) async fn cached<T: DeserializeOwned>(
        &self,
        cx: &Context,
        key: &str,
    ) -> Option<Given<T>> {
        if !self.caches() {
            return None;
        }
        let found = cx.cache().get(key).await.unwrap_or_else(|error| {
            self.complain(&error, "the cache cannot be read");
            None
        });
        found.map(|given| Given {
            cached: true,
            ..given
        })
    }

    /// Caches each of `entries` under its key, in a span of its own below `cx`.
    pub(crate) async fn remember<T: Serialize>(
        &self,
        cx: &Context,
        entries: &[(String, Given<T>)],
    ) {
        if !self.caches() || entries.is_empty() {
            return;
        }
        let system = KeyValue::new(keys::DB_SYSTEM_NAME, cx.cache().system());
        let span = cx.start(SpanStart::new(SpanKind::Internal, "cache_set").with(system));
        let cache = span.cache();
        let sets = entries
            .iter()
            .map(|(key, given)| cache.set(key, given, self.cache_ttl));
        for error in join_all(sets).await.into_iter().filter_map(Result::err) {
            span.fail(error.error_type(), &error);
            self.complain(&error, "the cache cannot be written");
        }
    }

    fn complain(&self, error: &CacheError, what: &'static str) {
        let source = self.name();
        if error.is_transient() {
            tracing::debug!(source, %error, "{what}");
        } else {
            tracing::warn!(source, %error, "{what}");
        }
    }

    /// Whether any answer of it is used again.
    pub(crate) fn caches(&self) -> bool {
        self.cache_ttl >= Duration::from_millis(1)
    }
}
