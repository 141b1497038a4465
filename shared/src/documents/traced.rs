//! What an operation on documents leaves behind: a span and a measurement.

use std::{
    borrow::Cow,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{KeyValue, trace::SpanKind};

use super::{
    Collection, DocumentError, Engine,
    mongo::{Address, MongoDb},
    names,
};
use crate::telemetry::{DbCall, Span, SpanStart, keys};

/// What an operation is about.
struct Operation {
    name: &'static str,
    /// Unless it is not a name.
    collection: Option<String>,
    address: Option<Address>,
}

impl Collection {
    /// `work` in a span.
    pub(super) async fn traced<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, DocumentError>>,
    ) -> Result<T, DocumentError> {
        // A name that was refused may be anything, also a secret in the wrong place.
        let is_fine = names::check_collection(&self.name).is_ok();
        let operation = Operation {
            name,
            collection: is_fine.then(|| self.engine().name_of(&self.name)),
            address: self.engine().address(),
        };
        let span = self.documents.scope.start_with(|| self.span(&operation));
        let started = Instant::now();
        let result = work.await;
        self.ended(&operation, &span, started.elapsed(), result.as_ref().err());
        result
    }

    fn span(&self, operation: &Operation) -> SpanStart {
        let Operation {
            name,
            collection,
            address,
        } = operation;
        let shown = match collection {
            Some(collection) => Cow::Owned(format!("{name} {collection}")),
            None => Cow::Borrowed(*name),
        };
        let (engine, address) = (self.engine(), address.as_ref());
        SpanStart::new(SpanKind::Client, shown)
            .with(KeyValue::new(keys::DB_SYSTEM_NAME, engine.system()))
            .with(KeyValue::new(
                keys::DB_NAMESPACE,
                engine.namespace().to_owned(),
            ))
            .with(KeyValue::new(keys::DB_OPERATION_NAME, *name))
            .with_some(keys::DB_COLLECTION_NAME, collection.clone())
            .with_some(keys::SERVER_ADDRESS, address.map(|at| Arc::clone(&at.host)))
            .with_some(keys::SERVER_PORT, address.map(|at| i64::from(at.port)))
    }

    /// Records how it ended, on its span and in the metrics.
    fn ended(
        &self,
        operation: &Operation,
        span: &Span,
        duration: Duration,
        error: Option<&DocumentError>,
    ) {
        let engine = self.engine();
        let code = match engine {
            Engine::MongoDb(_) => error.and_then(MongoDb::status_code),
            Engine::Embedded(_) => None,
        };
        // What the server answered says best what happened, and the conventions want the same in both.
        let error_type = code.as_deref().or(error.map(DocumentError::error_type));
        if let (Some(error), Some(error_type)) = (error, error_type) {
            if let Some(code) = &code {
                span.set(KeyValue::new(keys::DB_RESPONSE_STATUS_CODE, code.clone()));
            }
            span.fail(error_type.to_owned(), error);
        }
        let address = operation.address.as_ref();
        self.documents.scope.telemetry().metrics().database(DbCall {
            system: engine.system(),
            operation: operation.name,
            collection: operation.collection.as_deref(),
            namespace: Some(engine.namespace()),
            server: address.map(|at| (&*at.host, at.port)),
            status_code: code.as_deref(),
            error_type,
            duration,
            span: Some(span),
        });
    }
}
