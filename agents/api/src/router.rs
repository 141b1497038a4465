//! Every route.

use axum::{
    Router,
    http::{Method, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    gateway::Gateway,
    index,
    problem::{self, Kind, Problem},
    queries,
};

/// What there is, for those who ask for something else.
pub(crate) const ROUTES: [&str; 6] = [
    "GET /",
    "POST /api/queries",
    "GET /api/queries",
    "GET /api/queries/{id}",
    "DELETE /api/queries/{id}",
    "GET /api/queries/{id}/events",
];

/// The routes over `gateway`.
pub(crate) fn app(gateway: Gateway) -> Router {
    let router = Router::new()
        .route("/", get(index::index))
        .route("/api/queries", get(queries::list).post(queries::ask))
        .route(
            "/api/queries/{id}",
            get(queries::show).delete(queries::cancel),
        )
        .route("/api/queries/{id}/events", get(queries::events));
    guarded(router).with_state(gateway)
}

/// `router` with a problem for whatever goes wrong.
fn guarded<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(problem::render))
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(
        Kind::NoSuchPath,
        format!(
            "there is no `{}`; there are {}",
            uri.path(),
            ROUTES.join(", ")
        ),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!(
        "`{method}` is not allowed on `{}`; the header `Allow` names what is",
        uri.path()
    );
    Problem::new(Kind::MethodNotAllowed, detail)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the layer wants"
)]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(anyhow::anyhow!(
        "a handler panicked: {}",
        text.unwrap_or("without a message")
    ))
    .into_response()
}

#[cfg(test)]
mod tests {
    use chimera_shared::{BaseAgent, Platform, config::Config};
    use serde_json::Value;

    use super::*;

    async fn panics() {
        panic!("the secret is out");
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let config = Config::for_test(directory.path());
        let router = guarded(Router::new().route("/panic", get(panics)));
        let agent = BaseAgent::new("panicking").serve("api.listen", config.api.listen, router);
        let running = Platform::open(config, "a test")
            .await
            .unwrap()
            .start(vec![agent])
            .await
            .unwrap();
        let address = running.address("panicking", "api").unwrap();
        let response = reqwest::get(format!("http://{address}/panic"))
            .await
            .unwrap();
        assert_eq!(response.status(), 500);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (&problem["title"], &problem["instance"]),
            (&"The server failed".into(), &"/panic".into())
        );
        assert!(!problem.to_string().contains("secret"), "{problem}");
        running.stop().await;
    }
}
