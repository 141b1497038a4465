//! `DELETE /api/queries/{id}`

use axum::{Json, extract::State};
use chimera_questions::{
    Status, StoredQuery,
    messages::{QUERY_CANCELLED, QueryCancelled},
};
use chimera_shared::{Context, context::PublishOptions};

use super::id::QueryId;
use crate::{
    gateway::Gateway,
    problem::{Kind, Problem},
    stored::StoredQueries,
};

/// Ends the query as cancelled, unless it has ended.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    context: Context,
    id: QueryId,
) -> Result<Json<StoredQuery>, Problem> {
    let stored = StoredQueries::new(&context, &gateway);
    // Read first: one that is only cancelled after its time was over has expired.
    let query = stored.status(id.0).await?.ok_or_else(|| id.unknown())?;
    if query.status.is_final() {
        return Err(ended(&query));
    }
    let Some(cancelled) = stored.end(id.0, Status::Cancelled, None).await? else {
        let query = stored.status(id.0).await?.ok_or_else(|| id.unknown())?;
        return Err(ended(&query));
    };
    tell(&context, &cancelled.query_id).await;
    Ok(Json(cancelled))
}

fn ended(query: &StoredQuery) -> Problem {
    let how = match query.status {
        Status::Pending | Status::Processing => "has changed at this moment; try again",
        Status::Completed => "is completed; its answer is there",
        Status::Failed => "has failed",
        Status::NeedsClarification => "has ended with a question back",
        Status::Cancelled => "is cancelled already",
        Status::Expired => "has expired",
    };
    Problem::new(
        Kind::AlreadyEnded,
        format!("the query {how}, so there is nothing to cancel"),
    )
}

/// Lets the agents know, so that they may stop. The query is cancelled whether or not they hear of it.
async fn tell(context: &Context, id: &str) {
    let event = QueryCancelled {
        query_id: id.to_owned(),
    };
    let options = PublishOptions {
        correlation_id: Some(id.to_owned()),
        ..PublishOptions::default()
    };
    if let Err(error) = context.publish_with(QUERY_CANCELLED, &event, options).await {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(
            query_id = id,
            error,
            "nobody was told that the query is cancelled"
        );
    }
}
