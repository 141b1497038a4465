//! `GET /api/queries/{id}`

use axum::{Json, extract::State};
use chimera_questions::StoredQuery;
use chimera_shared::Context;

use super::id::QueryId;
use crate::{gateway::Gateway, problem::Problem, stored::StoredQueries};

/// The query as it stands, with its answer when it is completed.
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    context: Context,
    id: QueryId,
) -> Result<Json<StoredQuery>, Problem> {
    let query = StoredQueries::new(&context, &gateway).get(id.0).await?;
    query.map(Json).ok_or_else(|| id.unknown())
}
