//! Handlers: plain async functions of a context and a typed input, made alike once.

use std::{fmt, future::Future, sync::Arc};

use bytes::Bytes;
use chimera_bus::BindingKey;
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, HandleError};

/// An async function that handles a message. Implemented for every `async fn(Context, Input) -> Result<Output,
/// HandleError>` and every closure of that shape.
pub trait Handler<I, O>: Send + Sync + 'static {
    /// Handles `input`. What it returns is the reply, if one is wanted.
    fn call(
        &self,
        context: Context,
        input: I,
    ) -> impl Future<Output = Result<O, HandleError>> + Send;
}

impl<F, Fut, I, O> Handler<I, O> for F
where
    F: Fn(Context, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, HandleError>> + Send,
{
    fn call(
        &self,
        context: Context,
        input: I,
    ) -> impl Future<Output = Result<O, HandleError>> + Send {
        self(context, input)
    }
}

/// A handler of bytes: decodes, handles, and encodes what the handler returns.
type Erased =
    dyn Fn(Context, Bytes) -> BoxFuture<'static, Result<Bytes, HandleError>> + Send + Sync;

/// A handler and the binding key it is registered under, with its types erased.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) key: BindingKey,
    call: Arc<Erased>,
}

impl Route {
    pub(crate) fn new<I, O>(key: BindingKey, handler: impl Handler<I, O>) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + 'static,
    {
        let handler = Arc::new(handler);
        let call = move |context: Context, body: Bytes| {
            let handler = Arc::clone(&handler);
            async move {
                let input = decode(&body)?;
                let output = handler.call(context, input).await?;
                serde_json::to_vec(&output)
                    .map(Bytes::from)
                    .map_err(HandleError::permanent)
            }
            .boxed()
        };
        Self {
            key,
            call: Arc::new(call),
        }
    }

    /// Decodes `body`, handles it, and encodes what the handler returns.
    pub(crate) fn call(
        &self,
        context: Context,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Bytes, HandleError>> {
        (self.call)(context, body)
    }
}

fn decode<I: DeserializeOwned>(body: &[u8]) -> Result<I, HandleError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        HandleError::Undecodable(anyhow::Error::new(error).context("decoding the body as JSON"))
    })
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
