//! The agent: takes what was understood and fetched, and stores the answer.

use chimera_questions::{
    messages::{ANALYSIS_REQUEST, Analyze, Analyzed},
    query::ANSWERS,
};
use chimera_shared::{BaseAgent, Context, HandleError, telemetry::KeyValue};

use crate::answer;

/// What kind of answer was computed, as the interpretation names it.
const ATTRIBUTE_INTENT: &str = "chimera.question.intent";
/// How many facts the answer has.
const ATTRIBUTE_FACTS: &str = "chimera.answer.facts";
/// Why there is no answer.
const ATTRIBUTE_FAILURE: &str = "chimera.answer.failure";

/// `analysis_agent`.
pub fn agent() -> BaseAgent {
    BaseAgent::new("analysis_agent").on(ANALYSIS_REQUEST, on_analyze)
}

/// Storing is idempotent: a redelivered request computes the same answer and replaces it.
async fn on_analyze(cx: Context, request: Analyze) -> Result<Analyzed, HandleError> {
    let span = cx.span("analyze");
    span.set(KeyValue::new(
        ATTRIBUTE_INTENT,
        format!("{:?}", request.interpretation.intent).to_lowercase(),
    ));
    match answer(&request.interpretation, &request.data) {
        Ok(answer) => {
            span.set(KeyValue::new(ATTRIBUTE_FACTS, answer.facts.len() as i64));
            let answers = span.documents().collection(ANSWERS);
            let stored = answers.replace(&request.query_id, &answer).await;
            stored.inspect_err(|error| span.fail(error.error_type(), error))?;
            Ok(Analyzed::Answered)
        }
        Err(unanswerable) => {
            span.set(KeyValue::new(ATTRIBUTE_FAILURE, unanswerable.to_string()));
            Ok(Analyzed::Unanswerable(unanswerable.failure()))
        }
    }
}
