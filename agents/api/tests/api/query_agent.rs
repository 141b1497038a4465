//! A query agent that does what the question says.

use std::sync::Arc;

use chimera_questions::{
    Answer, Stage, Status, StoredQuery,
    messages::{
        QUERY_COMPLETED, QUERY_PROGRESS, QUERY_REQUEST, QueryEnded, QueryProgress, QueryRequested,
    },
    query::{ANSWERS, QUERIES},
};
use chimera_shared::{
    BaseAgent, Context, HandleError,
    documents::{Changes, Filter},
};
use tokio::sync::Semaphore;

/// The id of the query that `plant` stores.
pub(crate) const PLANTED: &str = "01900000-0000-7000-8000-000000000001";

/// It takes one question at a time and completes it at once, with the question as its answer, but for these words at its beginning:
/// `step` takes a step before each stage and before the end; `ignore` is not ended; `silent` ends without an event;
/// `plant` also stores a query whose time was over long ago.
pub(crate) fn agent(steps: Arc<Semaphore>) -> BaseAgent {
    BaseAgent::new("query_agent")
        .concurrency(1)
        .on(QUERY_REQUEST, move |cx, request| {
            on_request(cx, request, Arc::clone(&steps))
        })
}

async fn on_request(
    cx: Context,
    request: QueryRequested,
    steps: Arc<Semaphore>,
) -> Result<(), HandleError> {
    let id = request.query_id.as_str();
    assert_eq!(
        cx.message()
            .and_then(|message| message.properties.correlation_id.as_deref()),
        Some(id)
    );
    assert!(cx.deadline().is_some());
    match request.query.split_whitespace().next() {
        Some("ignore") => Ok(()),
        Some("silent") => store_end(&cx, &request).await,
        Some("step") => step_by_step(&cx, &request, &steps).await,
        Some("plant") => {
            plant(&cx, id).await?;
            complete(&cx, &request).await
        }
        _ => complete(&cx, &request).await,
    }
}

async fn step_by_step(
    cx: &Context,
    request: &QueryRequested,
    steps: &Semaphore,
) -> Result<(), HandleError> {
    for stage in [Stage::Understanding, Stage::Retrieval, Stage::Analysis] {
        steps.acquire().await.expect("it is not closed").forget();
        let progress = QueryProgress {
            query_id: request.query_id.clone(),
            stage,
        };
        cx.publish(QUERY_PROGRESS, &progress).await?;
    }
    steps.acquire().await.expect("it is not closed").forget();
    complete(cx, request).await
}

async fn complete(cx: &Context, request: &QueryRequested) -> Result<(), HandleError> {
    store_end(cx, request).await?;
    let ended = QueryEnded {
        query_id: request.query_id.clone(),
        status: Status::Completed,
    };
    Ok(cx.publish(QUERY_COMPLETED, &ended).await?)
}

async fn store_end(cx: &Context, request: &QueryRequested) -> Result<(), HandleError> {
    let id = &request.query_id;
    let (facts, series, sources, warnings) = Default::default();
    let answer = Answer {
        text: request.query.clone(),
        facts,
        series,
        sources,
        warnings,
    };
    cx.documents()
        .collection(ANSWERS)
        .insert(id, &answer)
        .await
        .map_err(HandleError::permanent)?;
    let open = Filter::all().and_any_of("status", [Status::Pending]);
    let changes = Changes::set("status", Status::Completed).and_set("ended_at_ms", 1);
    let queries = cx.documents().collection(QUERIES);
    queries
        .update::<StoredQuery>(id, open, changes)
        .await
        .map_err(HandleError::permanent)?;
    Ok(())
}

async fn plant(cx: &Context, id: &str) -> Result<(), HandleError> {
    let queries = cx.documents().collection(QUERIES);
    let own = queries
        .get::<StoredQuery>(id)
        .await
        .map_err(HandleError::permanent)?;
    let mut planted = own.expect("it was stored before it was published");
    PLANTED.clone_into(&mut planted.query_id);
    planted.expires_at_ms = 1;
    queries
        .insert(PLANTED, &planted)
        .await
        .map_err(HandleError::permanent)
}
