//! Asking a running process how it is, for container engines: an image needs no `curl` for it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::{
    http::{Http, HttpError, HttpSettings, Request},
    telemetry::Telemetry,
};

/// How long the process may take to answer. Its own checks are bounded below that.
const LIMIT: Duration = Duration::from_secs(5);

/// What is repeated of an answer at most.
const MAX_TOLD_CHARS: usize = 2_000;

/// A process is not well, or cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum HealthcheckError {
    /// It cannot be known where it listens.
    #[error(
        "{setting} is {listen}, whose port only the process itself knows: give it a fixed port"
    )]
    NoPort {
        /// The setting.
        setting: &'static str,
        /// What it says.
        listen: SocketAddr,
    },
    /// Nobody answered.
    #[error("asking {url}, which {setting} says")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// The setting.
        setting: &'static str,
        /// What happened.
        #[source]
        source: Box<HttpError>,
    },
    /// It answered that it is not well.
    #[error("{url} answered {status}: {body}")]
    NotWell {
        /// What was asked.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// Asks whoever listens on `listen`, which `setting` says, for `path`, and is content with a status of success.
///
/// # Errors
/// See [`HealthcheckError`].
pub async fn healthcheck(
    setting: &'static str,
    listen: SocketAddr,
    path: &str,
) -> Result<(), HealthcheckError> {
    if listen.port() == 0 {
        return Err(HealthcheckError::NoPort { setting, listen });
    }
    let url = format!("http://{}{path}", reachable(listen));
    let request = url.parse().expect("an address and a path make a URL");
    let http = Http::new(HttpSettings::default()).scoped(&Telemetry::off("healthcheck").root());
    match http.send(&Request::get(request).timeout(LIMIT)).await {
        Ok(_) => Ok(()),
        Err(HttpError::Status { status, body, .. }) => {
            let body = String::from_utf8_lossy(&body);
            Err(HealthcheckError::NotWell {
                url,
                status,
                body: body.trim().chars().take(MAX_TOLD_CHARS).collect(),
            })
        }
        Err(source) => Err(HealthcheckError::NoAnswer {
            url,
            setting,
            source: Box::new(source),
        }),
    }
}

/// Where a process that listens on `listen` is reached from the same machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};

    use super::*;
    use crate::edge;

    #[test]
    fn every_address_is_reached_by_loopback() {
        fn check(listen: &str, expected: &str) {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        }
        check("0.0.0.0:9090", "127.0.0.1:9090");
        check("[::]:9090", "[::1]:9090");
        check("10.1.2.3:9090", "10.1.2.3:9090");
    }

    #[tokio::test]
    async fn what_the_process_says_is_told() {
        let listener = edge::listen("127.0.0.1:0".parse().unwrap(), "a test")
            .await
            .unwrap();
        let listen = listener.local_addr().unwrap();
        let router = Router::new().route("/well", get(async || "ok")).route(
            "/ill",
            get(async || (StatusCode::SERVICE_UNAVAILABLE, "no bus\n")),
        );
        let stop = tokio_util::sync::CancellationToken::new();
        let serving = tokio::spawn(edge::serve(listener, router, stop.clone()));
        let ask = async |path| healthcheck("agent.health_listen", listen, path).await;
        ask("/well").await.unwrap();
        let ill = ask("/ill").await.unwrap_err().to_string();
        assert_eq!(ill, format!("http://{listen}/ill answered 503: no bus"));
        stop.cancel();
        serving.await.unwrap().unwrap();
        let nobody = ask("/well").await.unwrap_err();
        assert!(
            matches!(nobody, HealthcheckError::NoAnswer { .. }),
            "{nobody}"
        );
    }
}
