use std::fs;

use super::*;
use crate::config::{LoadOptions, Signal, load};

#[test]
fn the_password_of_a_url_is_hidden() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let schemes = ["amqp", "mongodb+srv", "http", "redis"];
        let url = RedactedUrl::parse(text, &schemes).unwrap();
        assert_eq!(url.to_string(), expected);
        assert_eq!(format!("{url:?}"), format!("{expected:?}"));
        assert_eq!(url.expose(), text);
    }
    check("amqp://host", "amqp://host");
    check(
        "amqp://guest:hunter2@host:5672/vhost",
        "amqp://guest:***@host:5672/vhost",
    );
    check(
        "amqp://guest:hunter2@one:5672,two:5673/vhost",
        "amqp://guest:***@one:5672,two:5673/vhost",
    );
    check("amqp://guest:hunt,er@2@one,two", "amqp://guest:***@one,two");
    check(
        "mongodb+srv://u:hunter2@cluster.example/db?retryWrites=true",
        "mongodb+srv://u:***@cluster.example/db?retryWrites=true",
    );
    check("redis://:hunter2@[::1]:6379/0", "redis://:***@[::1]:6379/0");
    check(
        "http://host/api?api_key=hunter2&page=1",
        "http://host/api?api_key=***&page=1",
    );
}

#[test]
fn a_password_is_put_into_a_url() {
    #[track_caller]
    fn check(url: &str, password: &str, expected: &Result<&str, UrlProblem>) {
        let url = RedactedUrl::parse(url, &["amqp", "mongodb", "redis"]).unwrap();
        let with = url.with_password(&Secret::new(password));
        assert_eq!(
            with.as_ref().map(RedactedUrl::expose),
            expected.as_ref().copied()
        );
    }
    check("amqp://ann@one,two/v", "p", &Ok("amqp://ann:p@one,two/v"));
    check(
        "amqp://ann@h",
        "a@b:c/d?e#f%20 ü",
        &Ok("amqp://ann:a%40b%3Ac%2Fd%3Fe%23f%2520%20%C3%BC@h"),
    );
    check("redis://h:1/0", "p", &Ok("redis://:p@h:1/0"));
    check("mongodb://h", "p", &Err(UrlProblem::NoUser));
    check("amqp://ann:q@h", "p", &Err(UrlProblem::HasPassword));
}

#[test]
fn the_hosts_of_a_url_are_told_without_its_user() {
    #[track_caller]
    fn check(url: &str, expected: &[(&str, Option<u16>)]) {
        let url = RedactedUrl::parse(url, &["amqp", "redis"]).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|(host, port)| ((*host).to_owned(), *port))
            .collect();
        assert_eq!(url.hosts(), expected);
        assert!(!url.place().contains('@'), "{}", url.place());
    }
    check("amqp://u:p@one:1,two/v", &[("one", Some(1)), ("two", None)]);
    check("redis://[::1]:7/0", &[("::1", Some(7))]);
    check("redis://[::1]/0", &[("::1", None)]);
}

#[test]
fn a_url_is_checked() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let problem = RedactedUrl::parse(text, &["amqp", "amqps", "http"]).unwrap_err();
        assert_eq!(problem.to_string(), expected);
    }
    let unencoded = "`@`, `/`, `?`, `#` and `:` in a user name or password must be percent-encoded";
    check("", "it has no scheme");
    check("host", "it has no scheme");
    check("AMQP://host", "it has no scheme");
    check("https://host", "the scheme `https` is not one of these");
    check("hunter2:5672", "it has no scheme");
    check("amqp:", "it names no host");
    check("amqp://", "it names no host");
    check("amqp://user@", "it names no host");
    check("amqp://one,,two", "it names no host");
    check("amqp://one:99999", "invalid port number");
    check("amqp://one,two:x", "invalid port number");
    check("amqp://user:1/hunter2@host", unencoded);
    check("amqp://user:1?hunter2@host", unencoded);
    check("amqp://user:hun/ter2@host", unencoded);
    check("http://one,two", "it names several hosts");
    check("amqp://[::1", "invalid IPv6 address");
}

/// Options with `text` as the file and `password` in places where one can be, also wrong ones.
fn options(directory: &tempfile::TempDir, text: &str, variables: &[(&str, &str)]) -> LoadOptions {
    fs::write(directory.path().join("my.toml"), text).unwrap();
    LoadOptions {
        config_file: Some("my.toml".into()),
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        working_dir: directory.path().to_owned(),
        platform_data_dir: Some("/data".into()),
        ..LoadOptions::default()
    }
}

#[test]
fn no_error_and_no_warning_repeats_a_password() {
    #[track_caller]
    fn check(text: &str, variables: &[(&str, &str)]) {
        let directory = tempfile::tempdir().unwrap();
        let outcome = load(&options(&directory, text, variables));
        let told = match outcome {
            Ok(loaded) => loaded.warnings.join("\n"),
            Err(errors) => format!("{errors}\n{errors:?}"),
        };
        assert!(!told.is_empty(), "{text} {variables:?} must be refused");
        assert!(!told.contains("hunter2"), "{told}");
    }
    for url in [
        "amqp//u:hunter2@host",
        "u:hunter2@host",
        "hunter2:u@host",
        "amqp://u:hunter2@",
        "amqp://u:hunter2@host:port",
        "amqp://u:1/hunter2@host",
        "amqp://u:hunter2",
        "mongodb://u:hunter2@host",
        "hunter2://host",
    ] {
        check(&format!("bus.url = \"{url}\""), &[]);
        check("", &[("CHIMERA__BUS__URL", url)]);
        check(
            "",
            &[("CHIMERA__BUS__PREFETCH", &format!("amqp://u:hunter2@{url}"))],
        );
        check("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]);
    }
    check("[bus]\nurl = \"amqp://u:hunter2@host", &[]);
    check("[bus]\nurl = amqp://u:hunter2@host", &[]);
    check("[bus]\nurl = [\"amqp://u:hunter2@host\"]", &[]);
    check("[sources.zcash]\npassword = { value = \"hunter2\" }", &[]);
    check("[telemetry.otlp]\nheaders = \"authorization=hunter2\"", &[]);
    check(
        "[telemetry.otlp]\nheaders = { authorization = \"hunter2\\n\" }",
        &[],
    );
    check("[telemetry.otlp]\nheaders = { \"hunter2 \" = \"x\" }", &[]);
    check("", &[("CHIMERA__TELEMETRY__OTLP__HEADERS", "hunter2")]);
    check(
        "",
        &[("OTEL_EXPORTER_OTLP_HEADERS", "authorization hunter2")],
    );
    check("", &[("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b,=hunter2")]);
    check("", &[("OTEL_RESOURCE_ATTRIBUTES", "password:hunter2")]);
}

#[test]
fn no_explanation_shows_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let text = "bus.url = \"amqp://u:hunter2@host\"\nsources.zcash.password = \"hunter2\"\n\
                telemetry.otlp.endpoint = \"https://u:hunter2@host/?token=hunter2\"\n\
                telemetry.resource_attributes = { api_key = \"hunter2\", url = \"postgres://u:hunter2@h/d\" }\n\
                telemetry.service_name = \"shop?token=hunter2\"";
    let variables = [
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Authorization=Bearer%20hunter2",
        ),
        ("CHIMERA__SOURCES__ZCASH__PASSWORD", "\"hunter2"),
    ];
    let loaded = load(&options(&directory, text, &variables)).unwrap();
    let settings: Vec<_> = loaded
        .explain()
        .map(|setting| format!("{setting:?}"))
        .collect();
    let told = format!("{:?}\n{}", loaded.config.sources, settings.join("\n"));
    assert!(!told.contains("hunter2"), "{told}");
    assert!(
        told.contains("amqp://u:***@host") && told.contains("authorization = \\\"***\\\""),
        "{told}"
    );

    let config = &loaded.config;
    assert_eq!(
        config.telemetry.service_name.as_deref(),
        Some("shop?token=hunter2")
    );
    assert_eq!(
        config.sources.zcash.password.as_ref().map(Secret::expose),
        Some("\"hunter2")
    );
    let headers: Vec<_> = config
        .telemetry
        .otlp
        .headers
        .iter()
        .map(|(name, value)| (name, value.expose()))
        .collect();
    assert_eq!(headers, [("authorization", "Bearer hunter2")]);
    assert_eq!(
        config.telemetry.otlp.signal(Signal::Traces).url.expose(),
        "https://u:hunter2@host/v1/traces?token=hunter2"
    );
}
