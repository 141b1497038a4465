//! HTTP coming in: a SERVER span per request, and the context its handlers work with.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, thread};

use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    middleware::{self, Next},
    response::Response,
    serve::ListenerExt as _,
};
use http::{StatusCode, Version, header, request::Parts, uri::Authority};
use opentelemetry::{KeyValue, trace::SpanKind};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Context,
    agent::Services,
    telemetry::{
        HttpExchange, MethodName, Place, Scope, Span, SpanStart, Telemetry, keys, methods,
        propagation::Disclosure,
    },
};

/// A listener that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("listening on {address}: {}", advice(.source, setting))]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// The setting that says so.
    pub setting: String,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

fn advice(error: &std::io::Error, setting: &str) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("another program listens there; stop it, or set {setting} to another port")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("this user may not; set {setting} to a port above 1023")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no such address; set {setting} to one that it has")
        }
        _ => format!("the system refused what {setting} says"),
    }
}

/// Binds `address`, which `setting` asks for.
///
/// # Errors
/// [`ListenError`] when the address is taken or not this machine's.
pub async fn listen(address: SocketAddr, setting: &str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ListenError {
            address,
            setting: setting.to_owned(),
            source,
        })
}

/// Serves `router` until `stop`, then lets open requests end.
///
/// # Errors
/// Those of accepting connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    // Events of a stream are small and must not wait for one another.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps waiting for full packets");
        }
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// `router` with a span and a [`Context`] for each request.
pub(crate) fn traced(router: Router, services: Arc<Services>) -> Router {
    router.layer(middleware::from_fn_with_state(services, trace))
}

async fn trace(
    State(services): State<Arc<Services>>,
    mut request: Request,
    next: Next,
) -> Response {
    let exchange = Exchange::begin(&services.messaging.telemetry, &request);
    let scope = exchange.span.scope();
    let context = Context::new(Arc::clone(&services), scope.clone());
    request.extensions_mut().insert(context);
    let mut response = scope.run(next.run(request)).await;
    // Who asked is told which trace it is, and nothing of what others put beside it.
    let told = Disclosure::IDS;
    let propagator = services.messaging.telemetry.propagator();
    propagator.inject_http(scope.context(), told, response.headers_mut());
    exchange.answered(response.status());
    response
}

/// A request that is being answered. When nobody waits for the answer any more it is dropped, and is measured as failed.
struct Exchange {
    span: Span,
    method: MethodName,
    version: Version,
    route: Option<String>,
    started: Instant,
    is_answered: bool,
}

impl Exchange {
    fn begin(telemetry: &Telemetry, request: &Request) -> Self {
        let started = Instant::now();
        let parent = telemetry.propagator().extract_http(request.headers());
        let path = request.extensions().get::<MatchedPath>();
        let route = path.map(|path| path.as_str().to_owned());
        let method = telemetry.method_name(request.method().as_str());
        let span = Scope::new(telemetry.clone(), parent)
            .into_span(|_| server_span(request, &method, route.as_deref()));
        Self {
            span,
            method,
            version: request.version(),
            route,
            started,
            is_answered: false,
        }
    }

    fn answered(mut self, status: StatusCode) {
        self.is_answered = true;
        let code = status.as_u16();
        self.span.set(KeyValue::new(
            keys::HTTP_RESPONSE_STATUS_CODE,
            i64::from(code),
        ));
        let failed = status.is_server_error().then_some(status.as_str());
        if let Some(code) = failed {
            // The conventions want no description where the status code says it all.
            self.span.fail(code.to_owned(), "");
        }
        self.measure(Some(code), failed);
    }

    fn measure(&self, status: Option<u16>, error_type: Option<&str>) {
        let metrics = self.span.scope().telemetry().metrics();
        metrics.http(HttpExchange {
            method: &self.method,
            protocol_version: methods::protocol_version(self.version),
            place: Place::Server(self.route.as_deref()),
            status,
            error_type,
            duration: self.started.elapsed(),
            span: Some(&self.span),
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let (error_type, why) = match thread::panicking() {
            true => ("panic", "the work on it panicked"),
            false => ("cancelled", "it was given up before there was an answer"),
        };
        self.span.fail(error_type, why);
        self.measure(None, Some(error_type));
    }
}

fn server_span(request: &Request, method: &MethodName, route: Option<&str>) -> SpanStart {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (address, port) = header(header::HOST).and_then(|host| server(&host)).unzip();
    let shown = method.in_span_name();
    let name = route.map_or_else(|| shown.to_owned(), |route| format!("{shown} {route}"));
    let original = (!method.is_known()).then(|| request.method().to_string());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    let peer_address = peer.map(|peer| peer.ip().to_string());
    SpanStart::new(SpanKind::Server, name)
        .with(KeyValue::new(keys::HTTP_REQUEST_METHOD, method.value()))
        .with(KeyValue::new(
            keys::URL_PATH,
            request.uri().path().to_owned(),
        ))
        .with(KeyValue::new(keys::URL_SCHEME, "http"))
        .with_some(keys::URL_QUERY, request.uri().query().map(str::to_owned))
        .with_some(keys::HTTP_ROUTE, route.map(str::to_owned))
        .with_some(keys::HTTP_REQUEST_METHOD_ORIGINAL, original)
        .with_some(keys::SERVER_ADDRESS, address)
        .with_some(keys::SERVER_PORT, port.flatten())
        // Whoever a proxy says it asks for may be anyone; the address that was seen is true.
        .with_some(keys::CLIENT_ADDRESS, peer_address.clone())
        .with_some(keys::NETWORK_PEER_ADDRESS, peer_address)
        .with_some(
            keys::NETWORK_PEER_PORT,
            peer.map(|peer| i64::from(peer.port())),
        )
        .with_some(keys::USER_AGENT_ORIGINAL, header(header::USER_AGENT))
        .with_some(
            keys::NETWORK_PROTOCOL_VERSION,
            methods::protocol_version(request.version()),
        )
}

/// The address, without the brackets of an IPv6 one, and the port that a `Host` header names; `None` where it is none.
fn server(host: &str) -> Option<(String, Option<i64>)> {
    let host: Authority = host.parse().ok()?;
    let address = host.host().trim_matches(['[', ']']);
    Some((address.to_owned(), host.port_u16().map(i64::from)))
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .expect("routes of an agent are served through `edge::traced`")
            .clone())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::routing::get;
    use opentelemetry::trace::Status;
    use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::mpsc, time::timeout};

    use super::*;
    use crate::{Platform, config::Config};

    /// What does not happen by then does not happen.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

    #[tokio::test]
    async fn a_request_whose_client_goes_away_is_measured_and_failed() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::for_test(directory.path());
        let platform = Platform::open(config, "a test").await.unwrap();
        let (telemetry, spans) = Telemetry::for_test("svc");
        let services = platform.services(telemetry.clone(), "svc");
        let (began, mut begun) = mpsc::unbounded_channel();
        let (dropped, mut all_dropped) = mpsc::channel::<()>(1);
        let slow = move || {
            let (began, dropped) = (began.clone(), dropped.clone());
            async move {
                let _dropped = dropped;
                began.send(()).unwrap();
                pending::<()>().await;
            }
        };
        let router = traced(Router::new().route("/slow/{id}", get(slow)), services);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, stop.clone()));
        let request = b"GET /slow/7 HTTP/1.1\r\nhost: h\r\n\r\n";
        client.write_all(request).await.unwrap();
        begun.recv().await.unwrap();
        drop(client);
        stop.cancel();
        // It ends when the last connection has, and its router with it.
        timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
        assert_eq!(all_dropped.recv().await, None);
        let span = spans.get_finished_spans().unwrap().remove(0);
        assert!(matches!(span.status, Status::Error { .. }), "{span:?}");
        let error = KeyValue::new(keys::ERROR_TYPE, "cancelled");
        assert!(span.attributes.contains(&error), "{span:?}");
        let measured = "http_server_request_duration_seconds_count{error_type=\"cancelled\",\
            http_request_method=\"GET\",http_route=\"/slow/{id}\",network_protocol_version=\"1.1\"";
        let page = telemetry.prometheus();
        assert!(page.contains(measured), "{page}");
    }

    #[test]
    fn a_host_header_names_address_and_port() {
        fn check(host: &str, expected: Option<(&str, Option<i64>)>) {
            let expected = expected.map(|(address, port)| (address.to_owned(), port));
            assert_eq!(server(host), expected, "{host:?}");
        }
        check("localhost:8080", Some(("localhost", Some(8080))));
        check("example.org", Some(("example.org", None)));
        check("[::1]:8080", Some(("::1", Some(8080))));
        check("[::1]", Some(("::1", None)));
        check("localhost:99999", Some(("localhost", None)));
        check("", None);
        check("not a host", None);
    }
}
