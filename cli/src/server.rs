//! The servers that commands ask over HTTP: on this machine, or where a URL of the configuration says.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, anyhow, bail};
use chimera_shared::config::RedactedUrl;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url, header::DATE};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a server may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A server, and how it is called in what is said of it.
pub(crate) struct Server {
    client: Client,
    /// With the password, if there is one.
    base: Url,
    what: &'static str,
    /// Without the password.
    shown: String,
    /// The key of the configuration that says where it is; one on this machine is found without.
    key: Option<&'static str>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    /// When the server said that it answered, to the second.
    pub(crate) date: Option<SystemTime>,
}

impl Answer {
    /// Whether the server says that there is nothing.
    pub(crate) fn is_missing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }
}

impl Server {
    /// One on this machine. `what` says in an error what it is, as in `chimera-api`.
    pub(crate) fn here(what: &'static str, address: SocketAddr) -> anyhow::Result<Self> {
        let shown = format!("http://{address}");
        let base = Url::parse(&shown)?;
        Ok(Self {
            client: local_client()?,
            base,
            what,
            shown,
            key: None,
        })
    }

    /// The one whose address is the value of `key`.
    pub(crate) fn configured(
        what: &'static str,
        key: &'static str,
        url: &RedactedUrl,
    ) -> anyhow::Result<Self> {
        let base = Url::parse(url.expose()).with_context(|| format!("reading {key}"))?;
        let client = match is_here(&base) {
            true => local_client(),
            false => made(builder()),
        };
        Ok(Self {
            client: client?,
            base,
            what,
            shown: url.to_string(),
            key: Some(key),
        })
    }

    /// A GET of `path`, which begins with a slash and stands below the path of the server's own URL.
    pub(crate) fn get(&self, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client.get(url)
    }

    /// A POST to `path`, as in [`Server::get`].
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// Sends a request and reads its answer, whatever that is.
    ///
    /// # Errors
    /// One line that says which server it was, and what to look at.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        within: Duration,
    ) -> anyhow::Result<Answer> {
        let answer = async {
            let response = request.timeout(within).send().await?;
            let status = response.status();
            let date = response
                .headers()
                .get(DATE)
                .and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let body = response.bytes().await?.to_vec();
            Ok(Answer { status, body, date })
        };
        answer.await.map_err(|error| self.failed(&error, within))
    }

    /// The JSON of a successful answer; of another one the problem it tells as an error.
    pub(crate) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> anyhow::Result<T> {
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|_| self.not_that(answer));
        }
        bail!(self.problem(answer))
    }

    /// Why the server did not do what it was asked to.
    pub(crate) fn problem(&self, answer: &Answer) -> anyhow::Error {
        let status = answer.status;
        match (status, self.key, told(&answer.body)) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(key), _) => anyhow!(
                "{self} answered {status}: give {key} a user and a password that it takes, as http://user:password@host"
            ),
            (_, None, Some(told)) => anyhow!(told),
            (_, Some(_), Some(told)) => anyhow!("{self} answered {status}: {told}"),
            (_, _, None) if status.is_server_error() => anyhow!("{self} answered {status}"),
            (_, _, None) => self.not_that(answer),
        }
    }

    /// It is another server than it was taken for.
    pub(crate) fn not_that(&self, answer: &Answer) -> anyhow::Error {
        let hint = match self.key {
            Some(key) => format!("; see whether {key} is right"),
            None => String::new(),
        };
        anyhow!(
            "what answers at {} is not {}: it said {} and nothing that can be read{hint}",
            self.shown,
            self.what,
            answer.status
        )
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    fn failed(&self, error: &reqwest::Error, within: Duration) -> anyhow::Error {
        let cause = match error.is_timeout() {
            true if error.is_connect() => format!("no connection within {CONNECT_WITHIN:?}"),
            true => return anyhow!("{self} does not answer within {within:?}"),
            false => root(error),
        };
        match self.key {
            _ if !error.is_connect() => anyhow!("the answer of {self} was cut off: {cause}"),
            Some(key) => anyhow!(
                "{self} cannot be reached: {cause}; see whether it runs there and whether {key} is right"
            ),
            None => anyhow!("{self} cannot be reached: {cause}"),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.what, self.shown)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.to_string()).finish()
    }
}

/// The host and the port that `url` leads to.
pub(crate) fn place_of(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?))
}

/// What an error body tells: a problem by RFC 9457, or an error in Jaeger's shape.
pub(crate) fn told(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = body
        .get("detail")
        .or_else(|| body.pointer("/error/message"))
        .or_else(|| body.get("title"))?;
    text.as_str().map(str::to_owned)
}

/// The cause beneath all others: those above it say that something failed, and the lowest says what.
fn root(error: &reqwest::Error) -> String {
    let mut root: &dyn Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// A client for this machine: it goes without a proxy, which could not reach it, and without reading the system's
/// certificates, which would take longer than a question.
fn local_client() -> anyhow::Result<Client> {
    made(builder().no_proxy().tls_certs_only([]))
}

fn builder() -> ClientBuilder {
    chimera_shared::tls::install_crypto_provider();
    Client::builder().connect_timeout(CONNECT_WITHIN)
}

fn made(builder: ClientBuilder) -> anyhow::Result<Client> {
    builder.build().context("making an HTTP client")
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    url.scheme() == "http"
        && (host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        let url = RedactedUrl::parse(url, &["http", "https"]).unwrap();
        Server::configured("Jaeger", "traces.url", &url).unwrap()
    }

    #[test]
    fn paths_stand_below_the_servers_own() {
        fn check(base: &str, expected: &str) {
            let query = [("a b", "ü".to_owned())];
            let request = server(base).get("/api/v3/traces", &query).build().unwrap();
            assert_eq!(request.url().as_str(), expected);
        }
        check(
            "http://127.0.0.1:16686",
            "http://127.0.0.1:16686/api/v3/traces?a+b=%C3%BC",
        );
        check(
            "https://example.org/jaeger/",
            "https://example.org/jaeger/api/v3/traces?a+b=%C3%BC",
        );
    }

    #[test]
    fn a_password_is_sent_and_never_shown() {
        let server = server("http://me:wonderland@127.0.0.1:1");
        let request = server.get("/x", &[]).build().unwrap();
        assert!(request.headers().contains_key("authorization"));
        assert_eq!(request.url().as_str(), "http://127.0.0.1:1/x");
        for shown in [format!("{server}"), format!("{server:?}")] {
            assert!(!shown.contains("wonderland"), "{shown}");
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = server(&format!("http://{}", silent.local_addr().unwrap()));
        let answer = server.send(server.get("/", &[]), Duration::from_millis(20));
        let error = format!("{:#}", answer.await.unwrap_err());
        assert!(error.ends_with(" does not answer within 20ms"), "{error}");
    }

    #[test]
    fn what_went_wrong_is_one_line_that_says_where() {
        fn check(status: u16, body: &str, expected: &str) {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                body: body.into(),
                date: None,
            };
            let problem = server("http://me:wonderland@localhost:7").problem(&answer);
            assert_eq!(format!("{problem:#}"), expected);
        }
        check(
            401,
            "no",
            "Jaeger at http://me:***@localhost:7 answered 401 Unauthorized: give traces.url a user and a password \
             that it takes, as http://user:password@host",
        );
        check(
            500,
            r#"{"error":{"httpCode":500,"message":"no storage"}}"#,
            "Jaeger at http://me:***@localhost:7 answered 500 Internal Server Error: no storage",
        );
        check(
            502,
            "<html>",
            "Jaeger at http://me:***@localhost:7 answered 502 Bad Gateway",
        );
        check(
            404,
            "404 page not found",
            "what answers at http://me:***@localhost:7 is not Jaeger: it said 404 Not Found and nothing that can be \
             read; see whether traces.url is right",
        );
    }
}
