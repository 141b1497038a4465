//! How a query ends, and storing that.

use chimera_questions::{
    Failure, Interpretation, Status,
    messages::{QUERY_COMPLETED, QueryEnded},
    query::{Clarification, QUERIES},
};
use chimera_shared::{
    Context, HandleError,
    deadline::now_ms,
    documents::{Changes, Filter},
};
use serde::{Deserialize, de::IgnoredAny};

/// What is read of a query that has ended already.
#[derive(Debug, Deserialize)]
struct Ended {
    status: Status,
}

/// How a query ended, with what was understood of it.
#[derive(Debug)]
pub(super) enum End {
    Completed(Interpretation),
    NeedsClarification(Option<Interpretation>, Vec<Clarification>),
    Failed(Option<Interpretation>, Failure),
    Expired,
}

impl End {
    /// Stores the end, unless the query has ended already, and tells every API instance how it ended.
    ///
    /// A redelivered query may have been ended by the delivery before, which could not tell anyone any more.
    pub(super) async fn store(self, cx: &Context, query_id: &str) -> Result<(), HandleError> {
        let (status, changes) = self.changes();
        let queries = cx.documents().collection(QUERIES);
        let still_open = Filter::all().and_any_of("status", [Status::Pending, Status::Processing]);
        let stored: Option<IgnoredAny> = queries.update(query_id, still_open, changes).await?;
        let status = match stored {
            Some(_) => status,
            None => match queries.get::<Ended>(query_id).await? {
                Some(ended) => ended.status,
                None => {
                    return Err(HandleError::permanent(anyhow::anyhow!(
                        "there is no query {query_id}"
                    )));
                }
            },
        };
        let ended = QueryEnded {
            query_id: query_id.to_owned(),
            status,
        };
        Ok(cx.publish(QUERY_COMPLETED, &ended).await?)
    }

    fn changes(self) -> (Status, Changes) {
        let ended = |status| Changes::set("status", status).and_set("ended_at_ms", now_ms());
        let (status, interpretation, changes) = match self {
            Self::Completed(interpretation) => (
                Status::Completed,
                Some(interpretation),
                ended(Status::Completed),
            ),
            Self::NeedsClarification(interpretation, questions) => {
                let changes = ended(Status::NeedsClarification).and_set("questions", questions);
                (Status::NeedsClarification, interpretation, changes)
            }
            Self::Failed(interpretation, failure) => (
                Status::Failed,
                interpretation,
                ended(Status::Failed).and_set("error", failure),
            ),
            Self::Expired => (Status::Expired, None, ended(Status::Expired)),
        };
        match interpretation {
            Some(interpretation) => (status, changes.and_set("interpretation", interpretation)),
            None => (status, changes),
        }
    }
}
