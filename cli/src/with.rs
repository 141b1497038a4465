//! `--with URL`: a server, whose part its scheme says.

use chimera_shared::config::Flag;

/// The port of OTLP over gRPC; the other one, 4318, is for HTTP.
///
/// Source: <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>.
const OTLP_GRPC_PORT: &str = ":4317";

/// A URL whose part is not known. It is not repeated, for it may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WithError {
    /// No part has URLs of this kind.
    #[error(
        "--with takes amqp(s):// for the bus, mongodb:// for documents, redis(s):// for the cache, influxdb(s):// for \
         time series and http(s):// for OTLP, {0}"
    )]
    Unknown(String),
    /// Two URLs are for one part.
    #[error("--with gives two URLs for {0}: leave one of them out")]
    Twice(&'static str),
}

/// What the URLs set, as flags of the configuration.
pub(crate) fn flags(urls: &[String]) -> Result<Vec<Flag>, WithError> {
    let mut flags: Vec<Flag> = Vec::new();
    for url in urls {
        let key = key(url)?;
        if flags.iter().any(|flag| flag.key == key) {
            return Err(WithError::Twice(key));
        }
        flags.push(flag(key, url));
        if key == OTLP {
            flags.push(flag("telemetry.exporters", "embedded,otlp"));
            flags.push(flag("telemetry.otlp.protocol", otlp_protocol(url)));
        }
    }
    Ok(flags)
}

const OTLP: &str = "telemetry.otlp.endpoint";

/// The setting that `url` is for.
fn key(url: &str) -> Result<&'static str, WithError> {
    let (scheme, _) = url
        .split_once("://")
        .ok_or_else(|| WithError::Unknown("and one of them begins otherwise".to_owned()))?;
    match scheme {
        "amqp" | "amqps" => Ok("bus.url"),
        "mongodb" => Ok("documents.url"),
        "redis" | "rediss" => Ok("cache.url"),
        "influxdb" | "influxdbs" => Ok("timeseries.url"),
        "http" | "https" => Ok(OTLP),
        other => {
            let shown: String = other.chars().take(20).collect();
            Err(WithError::Unknown(format!("not `{shown}://`")))
        }
    }
}

fn otlp_protocol(url: &str) -> &'static str {
    match url.trim_end_matches('/').ends_with(OTLP_GRPC_PORT) {
        true => "grpc",
        false => "http/protobuf",
    }
}

fn flag(key: &str, value: &str) -> Flag {
    Flag {
        key: key.to_owned(),
        value: value.to_owned(),
        name: "--with".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_says_the_part() {
        #[track_caller]
        fn check(urls: &[&str], expected: &[(&str, &str)]) {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            let flags = flags(&urls).unwrap();
            let flags: Vec<_> = flags
                .iter()
                .map(|flag| (flag.key.as_str(), flag.value.as_str()))
                .collect();
            assert_eq!(flags, expected);
        }
        check(&[], &[]);
        check(&["amqps://h"], &[("bus.url", "amqps://h")]);
        check(
            &["mongodb://h", "rediss://h", "influxdb://h"],
            &[
                ("documents.url", "mongodb://h"),
                ("cache.url", "rediss://h"),
                ("timeseries.url", "influxdb://h"),
            ],
        );
        for (url, protocol) in [
            ("http://h:4317", "grpc"),
            ("http://h:4317/", "grpc"),
            ("https://h:4318", "http/protobuf"),
        ] {
            check(
                &[url],
                &[
                    ("telemetry.otlp.endpoint", url),
                    ("telemetry.exporters", "embedded,otlp"),
                    ("telemetry.otlp.protocol", protocol),
                ],
            );
        }
    }

    #[test]
    fn what_is_no_server_of_ours_is_refused_without_its_password() {
        #[track_caller]
        fn check(urls: &[&str], expected: &str) {
            let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
            let error = flags(&urls).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
        check(&["kafka://u:hush@h"], "for OTLP, not `kafka://`");
        check(&["hush@h"], "and one of them begins otherwise");
        check(
            &["amqp://one", "amqps://two"],
            "two URLs for bus.url: leave one of them out",
        );
    }
}
