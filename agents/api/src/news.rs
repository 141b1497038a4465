//! What is heard over the bus about queries, those of other instances too.

use anyhow::Context as _;
use chimera_questions::{
    Status,
    messages::{QueryCancelled, QueryEnded, QueryProgress},
};
use chimera_shared::{Context, HandleError};
use uuid::Uuid;

use crate::open_queries::OpenQueries;

/// A future that is ready, which is all that keeping news needs.
type Kept = std::future::Ready<Result<(), HandleError>>;

/// A query has reached a stage.
pub(crate) fn progress(
    open: &OpenQueries,
) -> impl Fn(Context, QueryProgress) -> Kept + Send + Sync + use<> {
    let open = open.clone();
    move |_, progress| keep(&progress.query_id, |id| open.reached(id, progress.stage))
}

/// A query has ended.
pub(crate) fn completed(
    open: &OpenQueries,
) -> impl Fn(Context, QueryEnded) -> Kept + Send + Sync + use<> {
    let open = open.clone();
    move |_, ended| keep(&ended.query_id, |id| open.ended(id, ended.status))
}

/// A query was cancelled, here or at another instance.
pub(crate) fn cancelled(
    open: &OpenQueries,
) -> impl Fn(Context, QueryCancelled) -> Kept + Send + Sync + use<> {
    let open = open.clone();
    move |_, cancelled| keep(&cancelled.query_id, |id| open.ended(id, Status::Cancelled))
}

fn keep(id: &str, keep: impl FnOnce(Uuid)) -> Kept {
    let id = Uuid::try_parse(id)
        .context("`query_id` is not a UUID")
        .map_err(HandleError::Undecodable);
    std::future::ready(id.map(keep))
}
