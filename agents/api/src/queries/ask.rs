//! `POST /api/queries`

use std::time::Duration;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use chimera_bus::Routed;
use chimera_questions::{
    Failure, FailureCode, Status, StoredQuery,
    messages::{QUERY_REQUEST, QueryRequested},
};
use chimera_shared::{
    Context,
    context::PublishOptions,
    deadline::{Deadline, now_ms},
};
use serde::Serialize;
use uuid::Uuid;

use super::links::{self, Links};
use crate::{
    gateway::Gateway,
    open_queries::{Follower, Full, OpenQueries},
    prefer,
    problem::{Kind, Problem},
    question,
    stored::{self, StoredQueries},
};

/// Stores the question and hands it to the query agent; waits for the answer when the client prefers that.
pub(crate) async fn ask(
    State(gateway): State<Gateway>,
    context: Context,
    request: Request,
) -> Result<Response, Problem> {
    let wait = prefer::wait(request.headers(), gateway.max_wait);
    let question = question::read(request, gateway.limits).await?;
    let stored = StoredQueries::new(&context, &gateway);
    let (query, follower) = begin(&gateway, &stored, &context, question).await?;
    let Some(wait) = wait else {
        return Ok(accepted(&query));
    };
    let query = answer_within(wait, follower, &stored, query).await?;
    let response = if query.status.is_final() {
        answered(query)
    } else {
        accepted(&query)
    };
    Ok((
        [(
            prefer::PREFERENCE_APPLIED,
            format!("wait={}", wait.as_secs()),
        )],
        response,
    )
        .into_response())
}

/// Takes a place for the query, stores it, and publishes it.
async fn begin(
    gateway: &Gateway,
    stored: &StoredQueries,
    context: &Context,
    question: String,
) -> Result<(StoredQuery, Follower), Problem> {
    let id = Uuid::now_v7();
    // Followed before it is published, so that its end is not missed.
    let follower = gateway.open.begin(id)?;
    let place = Place {
        open: &gateway.open,
        id,
    };
    let query = pending(id, question, context.trace_id(), gateway.question_timeout);
    stored.insert(&query).await?;
    if let Err(cause) = publish(context, &query).await {
        return Err(not_published(stored, id, cause).await);
    }
    place.keep();
    Ok((query, follower))
}

fn pending(id: Uuid, query: String, trace_id: String, timeout: Duration) -> StoredQuery {
    let created_at_ms = now_ms();
    StoredQuery {
        query_id: id.to_string(),
        trace_id,
        status: Status::Pending,
        stage: None,
        query,
        created_at_ms,
        expires_at_ms: Deadline::after(timeout).epoch_ms(),
        ended_at_ms: None,
        interpretation: None,
        answer: None,
        questions: Vec::new(),
        error: None,
    }
}

async fn publish(context: &Context, query: &StoredQuery) -> anyhow::Result<()> {
    let request = QueryRequested {
        query_id: query.query_id.clone(),
        query: query.query.clone(),
    };
    let options = PublishOptions {
        deadline: Some(Deadline::from_epoch_ms(query.expires_at_ms)),
        correlation_id: Some(query.query_id.clone()),
        ..PublishOptions::default()
    };
    match context
        .publish_with(QUERY_REQUEST, &request, options)
        .await?
    {
        Routed::Nowhere => {
            anyhow::bail!("no queue takes `{QUERY_REQUEST}`: query_agent has never run on this bus")
        }
        Routed::ToQueue => Ok(()),
    }
}

/// Ends a query that no agent will ever see.
async fn not_published(stored: &StoredQueries, id: Uuid, cause: anyhow::Error) -> Problem {
    let message = "the question could not be handed to the query agent; ask it again".to_owned();
    let failure = Failure {
        code: FailureCode::Internal,
        message: message.clone(),
    };
    if let Err(error) = stored.end(id, Status::Failed, Some(failure)).await {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::error!(query_id = %id, error, "the end of the query could not be stored, it will expire");
    }
    Problem::unavailable(message, cause)
}

/// Waits for the end of `query`, at most for `wait`, and returns it as it stands then.
async fn answer_within(
    wait: Duration,
    mut follower: Follower,
    stored: &StoredQueries,
    query: StoredQuery,
) -> Result<StoredQuery, Problem> {
    // News of the end may be lost; then reading the query when its time is over ends the wait.
    let wait = wait.min(stored::given_up_at(&query).remaining());
    let timed_out = tokio::time::timeout(wait, follower.end()).await.is_err();
    tracing::debug!(
        query_id = query.query_id,
        timed_out,
        "the wait for the answer is over"
    );
    let id = Uuid::try_parse(&query.query_id).map_err(Problem::internal)?;
    Ok(stored.get(id).await?.unwrap_or(query))
}

/// The body of a question that was taken and is not answered yet.
#[derive(Debug, Serialize)]
struct Accepted<'a> {
    query_id: &'a str,
    status: Status,
    trace_id: &'a str,
    #[serde(rename = "_links")]
    links: Links,
}

fn accepted(query: &StoredQuery) -> Response {
    let body = Accepted {
        query_id: &query.query_id,
        status: query.status,
        trace_id: &query.trace_id,
        links: Links::of(&query.query_id),
    };
    (
        StatusCode::ACCEPTED,
        at(header::LOCATION, &query.query_id),
        Json(body),
    )
        .into_response()
}

fn answered(query: StoredQuery) -> Response {
    (
        StatusCode::OK,
        at(header::CONTENT_LOCATION, &query.query_id),
        Json(query),
    )
        .into_response()
}

fn at(name: HeaderName, id: &str) -> [(HeaderName, String); 1] {
    [(name, links::path(id))]
}

/// The place of a query that is not published yet. It is given back when anything fails, and when the client goes.
struct Place<'a> {
    open: &'a OpenQueries,
    id: Uuid,
}

impl Place<'_> {
    /// Keeps the place until the query ends.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.open.forget(self.id);
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::new(
            Kind::TooManyQuestions,
            format!("{full}; ask again when one has ended"),
        )
    }
}
