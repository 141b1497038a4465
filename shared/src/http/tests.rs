use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use ::http::{HeaderMap, Method, StatusCode, header};
use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Redirect, Response as Answer},
    routing::{any, get},
};
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};
use url::Url;

use super::{breaker::*, retry::Retry, *};
use crate::{backoff::Backoff, telemetry::Telemetry};

const LIMIT: usize = 64 * 1024;

#[derive(Debug, PartialEq, Deserialize)]
struct Ticker {
    price: f64,
}

/// What the server was asked, and how often.
#[derive(Clone, Default)]
struct Asked(Arc<(Mutex<Vec<HeaderMap>>, AtomicU32)>);

impl Asked {
    fn count(&self) -> u32 {
        self.0.1.load(Ordering::Relaxed)
    }

    fn last(&self) -> HeaderMap {
        self.0.0.lock().unwrap().last().unwrap().clone()
    }
}

/// A real server on a port of its own, gone with the test.
struct Server {
    base: Url,
    asked: Asked,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let asked = Asked::default();
        let app = Router::new()
            .route("/ticker", any(async || r#"{"price": 56.43}"#))
            .route("/nonsense", get(async || r#"{"price": "high"}"#))
            .route(
                "/missing",
                get(async || (StatusCode::NOT_FOUND, "no such product")),
            )
            .route("/flaky", get(flaky))
            .route("/limited", get(limited))
            .route("/slow", get(std::future::pending::<()>))
            .route("/large", get(async || vec![b' '; LIMIT + 1]))
            .route("/endless", get(endless))
            .route(
                "/moved",
                any(async || Redirect::permanent("/ticker?moved=yes")),
            )
            .route("/round", get(async || Redirect::temporary("/round")))
            .route("/away", get(away))
            .layer(axum::middleware::from_fn_with_state(asked.clone(), note))
            .with_state(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            base: Url::parse(&base).unwrap(),
            asked,
            _tasks: tasks,
        }
    }

    fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    fn get(&self, path: &str) -> Request {
        Request::get(self.url(path))
    }
}

async fn note(
    State(asked): State<Asked>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Answer {
    asked.0.0.lock().unwrap().push(request.headers().clone());
    asked.0.1.fetch_add(1, Ordering::Relaxed);
    next.run(request).await
}

async fn flaky(State(asked): State<Asked>) -> Result<&'static str, StatusCode> {
    match asked.count() {
        1 | 2 => Err(StatusCode::INTERNAL_SERVER_ERROR),
        _ => Ok(r#"{"price": 56.43}"#),
    }
}

async fn limited(State(asked): State<Asked>) -> Answer {
    match asked.count() {
        1 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")]).into_response(),
        _ => r#"{"price": 56.43}"#.into_response(),
    }
}

async fn endless() -> Body {
    let chunk = Ok::<_, std::io::Error>(vec![b'x'; 1024]);
    Body::from_stream(futures_util::stream::repeat_with(move || {
        chunk
            .as_ref()
            .cloned()
            .map_err(|_| std::io::Error::other("never"))
    }))
}

async fn away(uri: ::http::Uri) -> Redirect {
    Redirect::temporary(uri.query().unwrap_or_default())
}

struct Fixture {
    server: Server,
    http: ScopedHttp,
    telemetry: Telemetry,
    spans: InMemorySpanExporter,
}

impl Fixture {
    async fn new() -> Self {
        Self::telling(HttpSettings::default()).await
    }

    async fn telling(settings: HttpSettings) -> Self {
        let (telemetry, spans) = Telemetry::for_test("data_retrieval_agent");
        let http = Http::new(HttpSettings {
            max_body_bytes: LIMIT,
            ..settings
        });
        Self {
            server: Server::start().await,
            http: http.scoped(&telemetry.root()),
            telemetry,
            spans,
        }
    }

    fn spans(&self) -> Vec<SpanData> {
        assert_eq!(self.telemetry.open_spans(), 0);
        self.spans.get_finished_spans().unwrap()
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|found| found.key.as_str() == key);
    found.map(|found| found.value.to_string())
}

#[tokio::test]
async fn a_request_is_a_span_with_the_attributes_of_the_conventions() {
    let fixture = Fixture::new().await;
    let mut url = fixture
        .server
        .url("/ticker?api_key=s3cret&product=ZEC#part");
    url.set_username("me").unwrap();
    url.set_password(Some("s3cret")).unwrap();
    let request = Request::get(url).template("/ticker").peer("exchange_api");
    assert!(!format!("{request:?}").contains("s3cret"));
    let response = fixture.http.send(&request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.json::<Ticker>().unwrap(), Ticker { price: 56.43 });

    let spans = fixture.spans();
    let [span] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(span.name, "GET /ticker");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    let port = fixture.server.base.port().unwrap();
    let full =
        format!("http://REDACTED:REDACTED@127.0.0.1:{port}/ticker?api_key=REDACTED&product=ZEC");
    let expected = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("server.address", "127.0.0.1"),
        KeyValue::new("server.port", i64::from(port)),
        KeyValue::new("url.full", full),
        KeyValue::new("url.template", "/ticker"),
        KeyValue::new("service.peer.name", "exchange_api"),
        KeyValue::new("peer.service", "exchange_api"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("network.protocol.version", "1.1"),
        KeyValue::new("network.peer.address", "127.0.0.1"),
        KeyValue::new("network.peer.port", i64::from(port)),
    ];
    assert_eq!(span.attributes, expected);

    let sent = fixture.server.asked.last();
    let ids = span.span_context.clone();
    let parent = sent["traceparent"].to_str().unwrap();
    assert!(parent.starts_with(&format!("00-{}-{}-", ids.trace_id(), ids.span_id())));
    assert_eq!(
        sent["user-agent"],
        concat!("chimera/", env!("CARGO_PKG_VERSION"))
    );
    assert!(sent.contains_key(header::AUTHORIZATION));
}

#[tokio::test]
async fn a_method_that_nobody_knows_has_a_name_of_low_cardinality() {
    let fixture = Fixture::new().await;
    let method = Method::from_bytes(b"BREW").unwrap();
    fixture
        .http
        .send(&Request::new(method, fixture.server.url("/ticker")))
        .await
        .unwrap();
    let span = &fixture.spans()[0];
    assert_eq!(span.name, "HTTP");
    assert_eq!(attribute(span, "http.request.method").unwrap(), "_OTHER");
    assert_eq!(
        attribute(span, "http.request.method_original").unwrap(),
        "BREW"
    );
}

#[tokio::test]
async fn each_host_is_told_only_what_it_may_know() {
    const STATE: &str = "tracestate";
    let ours = || vec!["127.0.0.1".to_owned()];
    let others = || vec!["*.example.org".to_owned()];
    let all = || vec!["*".to_owned()];
    for (traceparent_to, propagate_to, expected) in [
        (all(), vec![], &["traceparent"][..]),
        (all(), others(), &["traceparent"]),
        (all(), ours(), &["traceparent", STATE, "baggage"]),
        (ours(), all(), &["traceparent", STATE, "baggage"]),
        (ours(), vec![], &["traceparent"]),
        (others(), ours(), &["baggage"]),
        (others(), others(), &[]),
        (vec![], vec![], &[]),
    ] {
        let fixture = Fixture::telling(HttpSettings {
            traceparent_to: traceparent_to.clone(),
            propagate_to: propagate_to.clone(),
            ..HttpSettings::default()
        })
        .await;
        let mut came = ::http::HeaderMap::new();
        for (name, value) in [
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            (STATE, "a=1"),
            ("baggage", "tenant=a"),
        ] {
            came.insert(name, ::http::HeaderValue::from_static(value));
        }
        let context = fixture.telemetry.propagator().extract_http(&came);
        let scope = Scope::new(fixture.telemetry.clone(), context);
        let http = ScopedHttp {
            scope,
            ..fixture.http.clone()
        };
        let forged = fixture.server.get("/ticker").header(
            ::http::HeaderName::from_static("baggage"),
            ::http::HeaderValue::from_static("forged=1"),
        );
        http.send(&forged).await.unwrap();
        let sent = fixture.server.asked.last();
        for (name, value) in &came {
            let expected = expected.contains(&name.as_str());
            let told = sent.get(name);
            assert_eq!(
                told.is_some(),
                expected,
                "{name}: {traceparent_to:?}, {propagate_to:?}"
            );
            if let Some(told) = told.filter(|_| name != "traceparent") {
                assert_eq!(told, value);
            }
        }
    }
}

#[tokio::test]
async fn what_comes_in_goes_out_where_telemetry_is_off() {
    let server = Server::start().await;
    let off = Telemetry::off("off");
    let http = Http::new(HttpSettings {
        propagate_to: vec!["127.0.0.1".to_owned()],
        ..HttpSettings::default()
    });
    let mut came = ::http::HeaderMap::new();
    for (name, value) in [
        (
            "traceparent",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-later",
        ),
        ("tracestate", "b=1 , a=2"),
        ("baggage", "b=%41,a=2"),
    ] {
        came.insert(name, ::http::HeaderValue::from_static(value));
    }
    let scope = Scope::new(off.clone(), off.propagator().extract_http(&came));
    http.scoped(&scope)
        .send(&server.get("/ticker"))
        .await
        .unwrap();
    let sent = server.asked.last();
    for (name, value) in &came {
        assert_eq!(sent.get(name), Some(value));
    }
}

#[tokio::test]
async fn each_failure_is_told_apart() {
    let fixture = Fixture::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Url::parse(&format!("http://{}/s3cret", closed.local_addr().unwrap())).unwrap();
    drop(closed);
    let soon = Duration::from_millis(50);
    for (request, error_type, transient, status) in [
        (fixture.server.get("/missing"), "404", false, Some("404")),
        (
            fixture.server.get("/slow").timeout(soon),
            "timeout",
            true,
            None,
        ),
        (
            fixture.server.get("/large"),
            "too_large",
            false,
            Some("200"),
        ),
        (
            fixture.server.get("/endless"),
            "too_large",
            false,
            Some("200"),
        ),
        (fixture.server.get("/round"), "redirect", false, Some("307")),
        (Request::get(nobody), "connect", true, None),
        (
            Request::get(broken_server().await),
            "interrupted",
            true,
            Some("200"),
        ),
    ] {
        fixture.spans.reset();
        let error = fixture.http.send(&request).await.unwrap_err();
        assert_eq!(error.error_type(), error_type, "{error:?}");
        assert_eq!(error.is_transient(), transient, "{error:?}");
        assert!(
            !format!("{error} {error:?}").contains("s3cret"),
            "{error:?}"
        );
        let spans = fixture.spans();
        let span = spans.last().unwrap();
        assert_eq!(
            attribute(span, "http.response.status_code").as_deref(),
            status
        );
        if error_type == "redirect" {
            assert_eq!(spans.len(), 6);
        } else {
            assert_eq!(attribute(span, "error.type").unwrap(), error_type);
            assert!(
                matches!(&span.status, Status::Error { description } if description.is_empty() == (error_type == "404"))
            );
        }
    }
    let file = Request::get(Url::parse("file:///etc/passwd").unwrap());
    assert_eq!(
        fixture.http.send(&file).await.unwrap_err().error_type(),
        "invalid_request"
    );
}

/// A server that promises more than it sends.
async fn broken_server() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Closing with something unread would take the answer back.
        let _request = stream.read(&mut [0; 4096]).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await
            .unwrap();
    });
    Url::parse(&url).unwrap()
}

#[tokio::test]
async fn an_error_keeps_what_the_server_said() {
    let fixture = Fixture::new().await;
    let error = fixture
        .http
        .send(&fixture.server.get("/missing"))
        .await
        .unwrap_err();
    assert!(matches!(&error, HttpError::Status { body, .. } if body == "no such product"));
    assert!(!error.to_string().contains("product"));
    let nonsense = fixture
        .http
        .send(&fixture.server.get("/nonsense"))
        .await
        .unwrap();
    let error = nonsense.json::<Ticker>().unwrap_err();
    assert!(
        matches!(&error, HttpError::Decode { path, .. } if path == "price"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_attempt_that_is_given_up_says_so() {
    let fixture = Fixture::new().await;
    let request = fixture.server.get("/slow");
    let mut sending = Box::pin(fixture.http.send(&request));
    assert!(futures_util::poll!(&mut sending).is_pending());
    drop(sending);
    assert_eq!(
        attribute(&fixture.spans()[0], "error.type").unwrap(),
        "cancelled"
    );
}

const RETRY: Retry = Retry {
    attempts: 3,
    backoff: Backoff {
        base: Duration::from_millis(1),
        max: Duration::from_secs(1),
    },
};

#[tokio::test]
async fn each_attempt_is_a_numbered_span() {
    for (path, statuses) in [
        ("/flaky", &["500", "500", "200"][..]),
        ("/limited", &["429", "200"]),
    ] {
        let fixture = Fixture::new().await;
        let request = fixture.server.get(path);
        let response = RETRY
            .run(None, |resend_count| {
                fixture.http.resend(&request, resend_count)
            })
            .await;
        assert_eq!(response.unwrap().json::<Ticker>().unwrap().price, 56.43);
        let spans = fixture.spans();
        let seen: Vec<_> = spans
            .iter()
            .map(|span| attribute(span, "http.response.status_code").unwrap())
            .collect();
        assert_eq!(seen, statuses);
        let counts: Vec<_> = spans
            .iter()
            .map(|span| attribute(span, "http.request.resend_count"))
            .collect();
        let expected = [None, Some("1".to_owned()), Some("2".to_owned())];
        assert_eq!(counts, expected[..statuses.len()]);
        let metrics = fixture.telemetry.metrics().prometheus();
        let failed = metrics.lines().any(|line| {
            line.starts_with("http_client_request_duration_seconds_count")
                && line.contains(&format!("error_type=\"{}\"", statuses[0]))
                && line.ends_with(&format!(" {}", statuses.len() - 1))
        });
        assert!(failed, "{metrics}");
    }
}

#[tokio::test]
async fn breaker_retry_and_send_are_composed() {
    let fixture = Fixture::new().await;
    let breaker = Breaker::new(
        "exchange_api",
        BreakerSettings {
            failures: 2,
            cool_down: Duration::from_secs(60),
        },
    );
    let (http, request) = (
        &fixture.http,
        fixture
            .server
            .get("/slow")
            .timeout(Duration::from_millis(5)),
    );
    // Connections are there before time counts.
    http.send(&fixture.server.get("/ticker")).await.unwrap();
    // As an agent does it, in a future that another thread may run.
    let call = async || {
        let attempts = RETRY.run(Some(Duration::from_secs(60)), |n| http.resend(&request, n));
        breaker.run(attempts).await
    };
    for expected in ["timeout", "timeout", "circuit_open"] {
        assert_eq!(call().await.unwrap_err().error_type(), expected);
    }
    assert_eq!(fixture.spans().len(), 1 + 2 * 3);
    fn is_send<T: Send>(_: &T) {}
    is_send(&call());
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_others() {
    let fixture = Fixture::new().await;
    let other = Server::start().await;
    let bearer = ::http::HeaderValue::from_static("Bearer s3cret");
    let request = fixture
        .server
        .get("/moved")
        .header(header::AUTHORIZATION, bearer.clone());
    let response = fixture.http.send(&request).await.unwrap();
    assert_eq!(response.json::<Ticker>().unwrap().price, 56.43);
    assert!(
        fixture
            .server
            .asked
            .last()
            .contains_key(header::AUTHORIZATION)
    );
    let spans = fixture.spans();
    assert_eq!(spans.len(), 2);
    assert_eq!(
        attribute(&spans[1], "http.request.resend_count").unwrap(),
        "1"
    );
    assert!(
        attribute(&spans[1], "url.full")
            .unwrap()
            .ends_with("/ticker?moved=yes")
    );

    let away = format!("/away?{}", other.url("/ticker"));
    let request = fixture
        .server
        .get(&away)
        .header(header::AUTHORIZATION, bearer);
    fixture.http.send(&request).await.unwrap();
    assert!(!other.asked.last().contains_key(header::AUTHORIZATION));

    // What may have effects is not repeated elsewhere.
    let post = Request::post_json(fixture.server.url("/moved"), &["getblockcount"]).unwrap();
    assert_eq!(fixture.http.send(&post).await.unwrap().status(), 308);
}
