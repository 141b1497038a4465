//! `GET /api/queries`

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use chimera_questions::{Status, StoredQuery};
use chimera_shared::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::links::Link;
use crate::{
    gateway::Gateway,
    problem::{Kind, Problem},
    stored::StoredQueries,
};

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

/// Which queries are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Those that stand so; all without it.
    status: Option<Status>,
    /// How many.
    limit: Option<usize>,
    /// Those older than the query with this id.
    after: Option<String>,
}

/// A page of queries.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    queries: Vec<StoredQuery>,
    #[serde(rename = "_links")]
    links: PageLinks,
}

#[derive(Debug, Serialize)]
struct PageLinks {
    #[serde(rename = "self")]
    this: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Link>,
}

/// Queries as they stand, newest first, without their answers.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    context: Context,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| unreadable(&rejection))?;
    let (limit, after) = wanted.checked()?;
    let stored = StoredQueries::new(&context, &gateway);
    let (queries, has_more) = stored.page(wanted.status, after.clone(), limit).await?;
    let last = queries
        .last()
        .filter(|_| has_more)
        .map(|last| last.query_id.as_str());
    let links = PageLinks {
        this: Link::to(href(wanted.status, limit, after.as_deref())),
        next: last.map(|last| Link::to(href(wanted.status, limit, Some(last)))),
    };
    Ok(Json(Page { queries, links }))
}

fn unreadable(rejection: &QueryRejection) -> Problem {
    // The rejection's own text says what failed; its cause, which parameter and why.
    let cause = std::error::Error::source(rejection)
        .map_or_else(|| rejection.body_text(), ToString::to_string);
    Problem::new(
        Kind::Malformed,
        format!("the parameters cannot be read: {cause}"),
    )
}

impl Wanted {
    fn checked(&self) -> Result<(usize, Option<String>), Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::new(
                Kind::Malformed,
                format!("`limit` is {limit}; it must be 1 to {MAX_LIMIT}"),
            ));
        }
        let after = self.after.as_deref().map(Uuid::try_parse).transpose();
        let after = after.map_err(|_| {
            Problem::new(Kind::Malformed, "`after` must be the id of a query, a UUID")
        })?;
        Ok((limit, after.map(|id| id.to_string())))
    }
}

fn href(status: Option<Status>, limit: usize, after: Option<&str>) -> String {
    let status = status.map_or_else(String::new, |status| {
        format!("&status={}", status_name(status))
    });
    let after = after.map_or_else(String::new, |after| format!("&after={after}"));
    format!("/api/queries?limit={limit}{status}{after}")
}

fn status_name(status: Status) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a status is a string in JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_within_limits() {
        let check = |limit: Option<usize>,
                     after: Option<&str>,
                     expected: Result<(usize, Option<&str>), &str>| {
            let wanted = Wanted {
                status: None,
                limit,
                after: after.map(str::to_owned),
            };
            match (wanted.checked(), expected) {
                (Ok((limit, after)), Ok(expected)) => {
                    assert_eq!((limit, after.as_deref()), expected);
                }
                (Err(problem), Err(expected)) => {
                    assert!(problem.to_string().contains(expected), "{problem}");
                }
                (other, _) => panic!("{other:?}"),
            }
        };
        let id = "0192f1d2-7c2e-7000-8000-000000000001";
        check(None, None, Ok((20, None)));
        check(Some(100), Some(id), Ok((100, Some(id))));
        check(Some(1), Some(&id.to_uppercase()), Ok((1, Some(id))));
        check(Some(0), None, Err("1 to 100"));
        check(Some(101), None, Err("1 to 100"));
        check(None, Some("yesterday"), Err("`after` must be"));
    }

    #[test]
    fn a_link_asks_for_the_same_again() {
        assert_eq!(href(None, 20, None), "/api/queries?limit=20");
        let status = Some(Status::NeedsClarification);
        assert_eq!(
            href(status, 5, Some("x")),
            "/api/queries?limit=5&status=needs_clarification&after=x"
        );
    }
}
