//! The id in the path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use uuid::Uuid;

use crate::problem::{Kind, Problem};

/// The id of a query, from the path. What is no id is one that no query has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryId(pub(crate) Uuid);

impl QueryId {
    /// There is no query with this id.
    pub(crate) fn unknown(self) -> Problem {
        Problem::new(
            Kind::NoSuchQuery,
            format!(
                "no query has the id {}; GET /api/queries lists those there are",
                self.0
            ),
        )
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = Path::<String>::from_request_parts(parts, state).await.ok();
        id.and_then(|Path(id)| Uuid::try_parse(&id).ok())
            .map(Self)
            .ok_or_else(|| {
                Problem::new(
                    Kind::NoSuchQuery,
                    "the id of a query is a UUID, and this is none",
                )
            })
    }
}
