//! Local servers that remember what they were asked.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use chimera_retrieval::recorded::{self, Recording};
use chimera_shared::config::SourceUrl;
use tokio::{net::TcpListener, task::JoinHandle};

/// A server on a free port; it ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

/// What is remembered of a request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) uri: String,
    pub(crate) authorization: Option<String>,
}

/// A response that a test wants: its status, its body, and a header.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) retry_after: Option<&'static str>,
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let notes = Arc::clone(&seen);
        let router = router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let authorization = request.headers().get(header::AUTHORIZATION);
            notes.lock().unwrap().push(Seen {
                uri: request.uri().to_string(),
                authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
            });
            next.run(request)
        }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            seen,
            serving: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
        }
    }

    /// The three sources, from the bundled recording.
    pub(crate) async fn recorded() -> Self {
        Self::start(recorded::router(Recording::bundled())).await
    }

    /// Whatever it is asked, it gives these answers in turn, the last one over and over.
    pub(crate) async fn scripted(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        Self::start(Router::new().fallback(move || {
            let mut answers = answers.lock().unwrap();
            let answer = match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            };
            async move { answer }
        }))
        .await
    }

    /// It takes every request and never answers.
    pub(crate) async fn silent() -> Self {
        Self::start(Router::new().fallback(std::future::pending::<()>)).await
    }

    pub(crate) fn url(&self, path: &str) -> SourceUrl {
        SourceUrl::http(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// The same with a name and a password in it.
    pub(crate) fn url_with(&self, credentials: &str) -> SourceUrl {
        SourceUrl::http(&format!("http://{credentials}@{}/", self.address)).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Answer {
    pub(crate) fn ok(body: &'static str) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &'static str) -> Self {
        Self {
            status,
            body,
            retry_after: None,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        if let Some(retry_after) = self.retry_after {
            let retry_after = retry_after.parse().unwrap();
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after);
        }
        response
    }
}
