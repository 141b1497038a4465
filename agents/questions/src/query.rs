//! A query as it is stored and shown.

use serde::{Deserialize, Serialize};

use crate::{Answer, Interpretation};

/// The collection of the document store that queries are kept in, by query id.
pub const QUERIES: &str = "queries";

/// The collection of the document store that answers are kept in, by query id.
pub const ANSWERS: &str = "answers";

/// Where a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Stored, and not yet taken up.
    Pending,
    /// An agent works on it; the stage says which.
    Processing,
    /// Answered.
    Completed,
    /// Ended without an answer; the error says why.
    Failed,
    /// Ended with a question back.
    NeedsClarification,
    /// Ended by its asker.
    Cancelled,
    /// Ended because its deadline passed.
    Expired,
}

impl Status {
    /// Whether nothing more will happen to the query.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing)
    }
}

/// What is being done about a query that is processing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The question is read.
    Understanding,
    /// The data is fetched.
    Retrieval,
    /// The answer is computed.
    Analysis,
}

/// Why a query failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// Nothing about markets or chains is asked.
    OffTopic,
    /// The asset is not known here.
    UnknownAsset,
    /// The asset is known but has no value in the range.
    NoData,
    /// No source could give the data.
    SourceFailed,
    /// The deadline passed.
    Timeout,
    /// The intent is understood, and this version cannot answer it.
    NotYet,
    /// The query's message ended in a dead-letter queue.
    Internal,
}

/// Why a query failed, and what can be asked or had instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason.
    pub code: FailureCode,
    /// A sentence for the person who asked.
    pub message: String,
}

/// A question back to the asker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clarification {
    /// The question.
    pub question: String,
    /// What can be answered to it.
    pub choices: Vec<String>,
}

/// A query, from its question to its end; the body of `GET /api/queries/{id}`.
///
/// Which of the optional parts are there depends on the status: `answer` when completed, `error` when failed,
/// `questions` when it needs clarification, `stage` when processing, `interpretation` whenever something was understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredQuery {
    /// UUID v7.
    pub query_id: String,
    /// The trace that the question is, 32 lower-case hex digits.
    pub trace_id: String,
    /// Where it stands.
    pub status: Status,
    /// What is being done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The question as it was asked.
    pub query: String,
    /// When it was asked, milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// When nobody will wait for the answer any more, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// When it ended, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<u64>,
    /// What was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpretation: Option<Interpretation>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// What is asked back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Clarification>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}
