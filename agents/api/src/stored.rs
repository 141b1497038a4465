//! The stored queries: the truth about each of them, seen together with the news about those that are open.

use chimera_questions::{
    Answer, Failure, Status, StoredQuery,
    query::{ANSWERS, QUERIES},
};
use chimera_shared::{
    Context,
    deadline::{Deadline, now_ms},
    documents::{Changes, Collection, DocumentError, Filter, Page},
};
use uuid::Uuid;

use crate::{
    gateway::{EXPIRY_GRACE, Gateway},
    open_queries::{News, OpenQueries},
    problem::Problem,
};

/// The stored queries as one request sees them.
#[derive(Debug)]
pub(crate) struct StoredQueries {
    queries: Collection,
    answers: Collection,
    open: OpenQueries,
}

/// What a query is when nobody has stored its end. `processing` is not stored by the agents of today.
const OPEN: [Status; 2] = [Status::Pending, Status::Processing];

impl StoredQueries {
    pub(crate) fn new(context: &Context, gateway: &Gateway) -> Self {
        let documents = context.documents();
        Self {
            queries: documents.collection(QUERIES),
            answers: documents.collection(ANSWERS),
            open: gateway.open.clone(),
        }
    }

    pub(crate) async fn insert(&self, query: &StoredQuery) -> Result<(), DocumentError> {
        self.queries.insert(&query.query_id, query).await
    }

    /// The query as it stands, with its answer.
    pub(crate) async fn get(&self, id: Uuid) -> Result<Option<StoredQuery>, DocumentError> {
        let Some(mut query) = self.status(id).await? else {
            return Ok(None);
        };
        if query.status == Status::Completed && query.answer.is_none() {
            query.answer = self.answers.get::<Answer>(&query.query_id).await?;
        }
        Ok(Some(query))
    }

    /// The query as it stands, without its answer.
    pub(crate) async fn status(&self, id: Uuid) -> Result<Option<StoredQuery>, DocumentError> {
        match self.queries.get::<StoredQuery>(&id.to_string()).await? {
            Some(query) => self.current(query).await.map(Some),
            None => Ok(None),
        }
    }

    /// Ends a query that has not ended, and returns it; `None` when there is none or it has.
    pub(crate) async fn end(
        &self,
        id: Uuid,
        status: Status,
        error: Option<Failure>,
    ) -> Result<Option<StoredQuery>, DocumentError> {
        let mut changes = Changes::set("status", status)
            .and_set("ended_at_ms", now_ms())
            .and_remove("stage");
        if let Some(error) = error {
            changes = changes.and_set("error", error);
        }
        let ended = self
            .queries
            .update(
                &id.to_string(),
                Filter::all().and_any_of("status", OPEN),
                changes,
            )
            .await?;
        if ended.is_some() {
            self.open.ended(id, status);
        }
        Ok(ended)
    }

    /// Up to `limit` queries as they stand, newest first, without their answers, and whether there are more.
    pub(crate) async fn page(
        &self,
        status: Option<Status>,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<StoredQuery>, bool), DocumentError> {
        let mut found = Vec::with_capacity(limit);
        loop {
            // One more than wanted tells whether there are more.
            let page = Page {
                after: after.take(),
                limit: limit + 1,
            };
            let batch: Vec<StoredQuery> = self.queries.find(stored_as(status), page).await?;
            let is_last = batch.len() <= limit;
            for stored in batch {
                after = Some(stored.query_id.clone());
                let mut query = self.current(stored).await?;
                if status.is_some_and(|status| status != query.status) {
                    continue;
                }
                if found.len() == limit {
                    return Ok((found, true));
                }
                query.answer = None;
                found.push(query);
            }
            if is_last {
                return Ok((found, false));
            }
        }
    }

    /// A stored query with what is known besides: its stage, or that its time is over and nobody ended it.
    async fn current(&self, mut query: StoredQuery) -> Result<StoredQuery, DocumentError> {
        // An id that is not a UUID was not stored by this gateway; nothing is known besides.
        let Ok(id) = Uuid::try_parse(&query.query_id) else {
            return Ok(query);
        };
        if query.status.is_final() {
            self.open.ended(id, query.status);
            return Ok(query);
        }
        if given_up_at(&query).has_passed() {
            return self.expire(id, query).await;
        }
        if let News::At(stage) = self.open.news(id) {
            query.status = Status::Processing;
            query.stage = Some(stage);
        }
        Ok(query)
    }

    async fn expire(&self, id: Uuid, query: StoredQuery) -> Result<StoredQuery, DocumentError> {
        if let Some(expired) = self.end(id, Status::Expired, None).await? {
            return Ok(expired);
        }
        // Somebody else has ended it in the meantime.
        Ok(self.queries.get(&query.query_id).await?.unwrap_or(query))
    }
}

/// When a query that has not ended is taken to be expired.
pub(crate) fn given_up_at(query: &StoredQuery) -> Deadline {
    let grace_ms = u64::try_from(EXPIRY_GRACE.as_millis()).expect("the grace is a second");
    Deadline::from_epoch_ms(query.expires_at_ms.saturating_add(grace_ms))
}

/// The stored queries that may turn out to have `status`.
fn stored_as(status: Option<Status>) -> Filter {
    let any_of = |statuses: &[Status]| Filter::all().and_any_of("status", statuses.iter().copied());
    match status {
        None => Filter::all(),
        Some(Status::Pending | Status::Processing) => any_of(&OPEN),
        Some(Status::Expired) => any_of(&[Status::Expired, Status::Pending, Status::Processing]),
        Some(ended) => any_of(&[ended]),
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        if error.is_transient() {
            Self::unavailable(
                "the store of queries cannot be used at the moment; try again",
                error,
            )
        } else {
            Self::internal(error)
        }
    }
}
