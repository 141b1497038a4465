//! `GET /api/queries/{id}/events`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use chimera_questions::{Stage, Status, StoredQuery};
use chimera_shared::Context;
use futures_util::{Stream, stream};
use serde::Serialize;

use super::id::QueryId;
use crate::{
    gateway::Gateway,
    open_queries::{Follower, News},
    problem::Problem,
    stored::{self, StoredQueries},
};

/// How often a comment is sent while nothing happens, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Streams the stages of a query as server-sent events, from where it stands to its end.
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    context: Context,
    id: QueryId,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let stored = StoredQueries::new(&context, &gateway);
    // Followed before it is read, so that nothing between the two is missed.
    let follower = gateway.open.follow(id.0);
    let Some(query) = stored.status(id.0).await? else {
        gateway.open.forget(id.0);
        return Err(id.unknown());
    };
    let telling = Telling {
        id,
        follower,
        stored,
        query,
        told: Told::Nothing,
    };
    // The stream outlives the request's own span, and its log lines still belong to the same trace.
    let events = stream::unfold(telling, move |telling| context.scope().run(telling.step()));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A query whose stages are being told.
struct Telling {
    id: QueryId,
    follower: Follower,
    stored: StoredQueries,
    query: StoredQuery,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    UpTo(Option<Stage>),
    End,
}

/// The data of `event: stage`.
#[derive(Debug, Serialize)]
struct StageEvent<'a> {
    query_id: &'a str,
    status: Status,
    stage: Option<Stage>,
}

/// The data of `event: end`.
#[derive(Debug, Serialize)]
struct EndEvent<'a> {
    query_id: &'a str,
    status: Status,
}

impl Telling {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let event = match self.told {
            Told::Nothing => self.as_it_stands(),
            Told::UpTo(stage) => self.after(stage).await?,
            Told::End => return None,
        };
        Some((Ok(event), self))
    }

    fn as_it_stands(&mut self) -> Event {
        if self.query.status.is_final() {
            return self.end(self.query.status);
        }
        self.stage(self.query.status, self.query.stage)
    }

    /// The event that follows `told`; `None` when the store cannot say how the query ended.
    async fn after(&mut self, told: Option<Stage>) -> Option<Event> {
        loop {
            let limit = stored::given_up_at(&self.query).remaining();
            match tokio::time::timeout(limit, self.follower.next()).await {
                // What was known when the query was read may be told as news again.
                Ok(News::At(stage)) if told != Some(stage) => {
                    return Some(self.stage(Status::Processing, Some(stage)));
                }
                Ok(News::At(_) | News::Nothing) => {}
                Ok(News::Ended(status)) => return Some(self.end(status)),
                Err(_) => return self.end_as_stored().await,
            }
        }
    }

    /// News of the end was missed, or nobody ended the query in its time.
    async fn end_as_stored(&mut self) -> Option<Event> {
        match self.stored.status(self.id.0).await {
            Ok(query) => query
                .filter(|query| query.status.is_final())
                .map(|query| self.end(query.status)),
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(
                    query_id = self.query.query_id,
                    error,
                    "a stream of stages is cut"
                );
                None
            }
        }
    }

    fn stage(&mut self, status: Status, stage: Option<Stage>) -> Event {
        self.told = Told::UpTo(stage);
        event(
            "stage",
            &StageEvent {
                query_id: &self.query.query_id,
                status,
                stage,
            },
        )
    }

    fn end(&mut self, status: Status) -> Event {
        self.told = Told::End;
        event(
            "end",
            &EndEvent {
                query_id: &self.query.query_id,
                status,
            },
        )
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default()
        .event(name)
        .json_data(data)
        .expect("ids and names are JSON without line breaks")
}
