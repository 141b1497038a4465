//! The agent: takes a question, has it answered, and stores how it ended.

mod catalog;
mod end;
mod open;
mod plan;

use std::time::Duration;

use chimera_bus::RequestError;
use chimera_questions::{
    Failure, FailureCode, Interpretation, Stage,
    messages::{
        ANALYSIS_REQUEST, Analyze, Analyzed, Catalog, DATA_RETRIEVAL_REQUEST, Fetched,
        QUERY_CANCELLED, QUERY_PROGRESS, QUERY_REQUEST, QueryCancelled, QueryProgress,
        QueryRequested,
    },
};
use chimera_shared::{
    BaseAgent, Context, HandleError,
    context::{AskError, PublishOptions},
};
use tokio::time::timeout;

use crate::understanding::{self, Understanding};
use catalog::CatalogCache;
use end::End;
use open::OpenQueries;

/// What is kept of a query's time for storing that it expired.
const EXPIRY_MARGIN: Duration = Duration::from_millis(250);

/// A question has a deadline of its own, which ends the work on it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `query_agent`.
pub fn agent() -> BaseAgent {
    let agent = QueryAgent::default();
    let open = agent.open.clone();
    BaseAgent::new("query_agent")
        .handler_timeout(LONGEST)
        .on(QUERY_REQUEST, move |cx, request| {
            agent.clone().on_request(cx, request)
        })
        .on_each_instance(QUERY_CANCELLED, move |_, cancelled: QueryCancelled| {
            open.cancel(&cancelled.query_id);
            std::future::ready(Ok(()))
        })
}

#[derive(Debug, Clone, Default)]
struct QueryAgent {
    catalog: CatalogCache,
    open: OpenQueries,
}

impl QueryAgent {
    async fn on_request(self, cx: Context, request: QueryRequested) -> Result<(), HandleError> {
        let open = self.open.begin(&request.query_id);
        let limit = cx.deadline().map_or(Duration::MAX, |deadline| {
            deadline.remaining().saturating_sub(EXPIRY_MARGIN)
        });
        let work = timeout(limit, self.process_query(&cx, &request));
        let end = tokio::select! {
            // The one who cancelled has stored it.
            () = open.cancelled() => return Ok(()),
            end = work => end,
        };
        match end {
            Ok(Ok(end)) => end.store(&cx, &request.query_id).await,
            Ok(Err(error @ HandleError::Transient(_))) if cx.attempts_left() > 0 => Err(error),
            Ok(Err(error)) => {
                End::Failed(None, internal(&error))
                    .store(&cx, &request.query_id)
                    .await
            }
            Err(_) => End::Expired.store(&cx, &request.query_id).await,
        }
    }

    async fn process_query(
        &self,
        cx: &Context,
        request: &QueryRequested,
    ) -> Result<End, HandleError> {
        let span = cx.span("process_query");
        let end = self.answer_query(&span, request).await;
        if let Err(error) = &end {
            span.fail(error.error_type(), error);
        }
        end
    }

    async fn answer_query(
        &self,
        cx: &Context,
        request: &QueryRequested,
    ) -> Result<End, HandleError> {
        let catalog = match self.catalog.get(cx, &request.query_id).await {
            Ok(catalog) => catalog,
            Err(error) => return unless_transient(error, None),
        };
        let interpretation = match understand(cx, &request.query, &catalog) {
            Understanding::Understood(interpretation) => interpretation,
            Understanding::NeedsClarification {
                interpretation,
                questions,
            } => {
                return Ok(End::NeedsClarification(interpretation, questions));
            }
            Understanding::Failed {
                interpretation,
                failure,
            } => return Ok(End::Failed(interpretation, failure)),
        };
        match answer(cx, &request.query_id, &interpretation).await {
            Ok(Analyzed::Answered) => Ok(End::Completed(interpretation)),
            Ok(Analyzed::Unanswerable(failure)) => Ok(End::Failed(Some(interpretation), failure)),
            Err(error) => unless_transient(error, Some(interpretation)),
        }
    }
}

/// The three phases of reading a question, a span each.
fn understand(cx: &Context, question: &str, catalog: &Catalog) -> Understanding {
    let words = {
        let _span = cx.span("nlp_processing");
        understanding::tokenize(question, catalog)
    };
    let entities = {
        let _span = cx.span("entity_extraction");
        understanding::extract(&words, catalog)
    };
    let reading = {
        let _span = cx.span("intent_classification");
        understanding::classify(&words, &entities)
    };
    understanding::interpret(&words, &entities, &reading, catalog, None)
}

/// Has the data fetched and analyzed.
async fn answer(
    cx: &Context,
    query_id: &str,
    interpretation: &Interpretation,
) -> Result<Analyzed, AskError> {
    progress(cx, query_id, Stage::Retrieval).await?;
    let data: Fetched = cx
        .request(DATA_RETRIEVAL_REQUEST, &plan::fetch(interpretation))
        .await?;
    progress(cx, query_id, Stage::Analysis).await?;
    let request = Analyze {
        query_id: query_id.to_owned(),
        interpretation: interpretation.clone(),
        data,
    };
    cx.request(ANALYSIS_REQUEST, &request).await
}

/// Tells every API instance which stage begins. Kept in memory only: a stage that is over is of no use to anyone.
async fn progress(cx: &Context, query_id: &str, stage: Stage) -> Result<(), AskError> {
    let options = PublishOptions {
        transient: true,
        ..PublishOptions::default()
    };
    let progress = QueryProgress {
        query_id: query_id.to_owned(),
        stage,
    };
    // Where no API instance is left to tell, the question is answered all the same.
    let _routed = cx.publish_with(QUERY_PROGRESS, &progress, options).await?;
    Ok(())
}

/// An agent that is away may come back, so that the query is tried again; one that failed has done what it could, and
/// what it says is written for people.
fn unless_transient(
    error: AskError,
    interpretation: Option<Interpretation>,
) -> Result<End, HandleError> {
    match error {
        AskError::Request(RequestError::Failed { message, .. }) => {
            let message = format!("The data could not be had: {message}.");
            Ok(End::Failed(
                interpretation,
                Failure {
                    code: FailureCode::SourceFailed,
                    message,
                },
            ))
        }
        error => match HandleError::from(error) {
            transient @ HandleError::Transient(_) => Err(transient),
            failed => Ok(End::Failed(interpretation, internal(&failed))),
        },
    }
}

fn internal(error: &HandleError) -> Failure {
    tracing::error!(%error, "the query could not be processed");
    let message = "The question could not be processed because a part of the system failed; its trace says which.";
    Failure {
        code: FailureCode::Internal,
        message: message.to_owned(),
    }
}
