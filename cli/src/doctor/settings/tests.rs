use std::path::PathBuf;

use chimera_shared::config::{LoadOptions, load};

use super::*;
use crate::doctor::finding::Verdict;

fn findings(variables: &[(&str, &str)]) -> Vec<Finding> {
    let loaded = load(&LoadOptions {
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        platform_data_dir: Some(PathBuf::from("/data")),
        ..LoadOptions::default()
    })
    .unwrap();
    look(&loaded, &Endpoint::all(&loaded.config.telemetry))
}

/// What is said of `cause`, and that nothing else is wrong.
#[track_caller]
fn check(variables: &[(&str, &str)], cause: &str, verdict: Verdict, seen: &str) {
    let findings = findings(variables);
    let finding = findings.iter().find(|finding| finding.cause == cause);
    let finding = finding.unwrap();
    assert_eq!(finding.verdict, verdict, "{finding:?}");
    assert!(finding.seen.contains(seen), "{finding:?}");
    let is_wrong = |finding: &&Finding| !matches!(finding.verdict, Verdict::Good | Verdict::Idle);
    for other in findings.iter().filter(is_wrong) {
        assert_eq!(other.cause, cause, "{other:?}");
        assert!(other.advice.is_some());
    }
}

const OTLP: (&str, &str) = ("OTEL_TRACES_EXPORTER", "otlp,embedded");
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

#[test]
fn the_defaults_are_well() {
    for finding in findings(&[]) {
        assert!(
            matches!(finding.verdict, Verdict::Good | Verdict::Idle),
            "{finding:?}"
        );
        assert_eq!(finding.advice, None);
    }
}

#[test]
fn each_wrong_setting_is_found() {
    check(
        &[("OTEL_SDK_DISABLED", "true")],
        "switched on",
        Verdict::Bad,
        "the environment variable OTEL_SDK_DISABLED",
    );
    check(
        &[("OTEL_TRACES_SAMPLER", "always_off")],
        "sampler",
        Verdict::Bad,
        "records no trace",
    );
    let ratio = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    check(
        &[ratio, ("OTEL_TRACES_SAMPLER_ARG", "0")],
        "sampler",
        Verdict::Bad,
        "records no trace",
    );
    check(
        &[ratio, ("OTEL_TRACES_SAMPLER_ARG", "0.25")],
        "sampler",
        Verdict::Doubtful,
        "records 25 %",
    );
    check(
        &[("OTEL_SERVICE_NAME", "shop")],
        "service names",
        Verdict::Doubtful,
        "`shop`",
    );
    check(
        &[("OTEL_PROPAGATORS", "none")],
        "propagators",
        Verdict::Bad,
        "a trace of their own",
    );
    check(
        &[("OTEL_PROPAGATORS", "b3")],
        "propagators",
        Verdict::Doubtful,
        "begins a new trace",
    );
    check(
        &[("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3")],
        "limits",
        Verdict::Doubtful,
        "3 attributes",
    );
    check(
        &[("OTEL_BSP_SCHEDULE_DELAY", "60000")],
        "batching",
        Verdict::Doubtful,
        "1m",
    );
    check(
        &[("CHIMERA__TELEMETRY__RETENTION_AGE", "1m")],
        "retention",
        Verdict::Doubtful,
        "keeps 1m",
    );
    check(
        &[("OTEL_TRACES_SAMPLER", "sometimes")],
        "variables",
        Verdict::Doubtful,
        "\"sometimes\"",
    );
    check(
        &[("CHIMERA__TRACES__URL", "http://jaeger:16686")],
        "same place",
        Verdict::Bad,
        "no exporter sends spans to a Jaeger",
    );
    check(
        &[("OTEL_TRACES_EXPORTER", "otlp")],
        "same place",
        Verdict::Doubtful,
        "no exporter sends spans",
    );
}

#[test]
fn without_exporters_spans_go_nowhere() {
    let findings = findings(&[("OTEL_TRACES_EXPORTER", "none")]);
    let finding = findings.iter().find(|finding| finding.cause == "exporters");
    assert_eq!(finding.unwrap().verdict, Verdict::Bad);
}

#[test]
fn ports_fit_their_protocol() {
    #[track_caller]
    fn check_port(endpoint: &str, protocol: &str, verdict: Verdict, seen: &str) {
        let variables = [OTLP, (ENDPOINT, endpoint), (PROTOCOL, protocol)];
        check(&variables, "port", verdict, seen);
    }
    check_port("http://host:4317", "grpc", Verdict::Good, "by grpc");
    check_port(
        "http://host:4318",
        "http/json",
        Verdict::Good,
        "by http/json",
    );
    check_port(
        "http://host:4317",
        "http/protobuf",
        Verdict::Bad,
        "the port of gRPC",
    );
    check_port("http://host:4318", "grpc", Verdict::Bad, "the port of HTTP");
    check_port(
        "http://host:14268",
        "http/protobuf",
        Verdict::Bad,
        "gone from Jaeger 2",
    );
    check_port(
        "http://host:16686",
        "http/protobuf",
        Verdict::Bad,
        "pages and queries",
    );
    check_port(
        "https://u:hush@host",
        "http/protobuf",
        Verdict::Good,
        "https://u:***@host",
    );
}

#[test]
fn paths_are_appended_once() {
    let whole = "http://host:4318/v1/traces";
    check(
        &[OTLP, (ENDPOINT, whole)],
        "path",
        Verdict::Bad,
        "that is appended to it",
    );
    let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    check(&[OTLP, (own, whole)], "path", Verdict::Good, "/v1/traces");
    check(
        &[OTLP, (own, "http://host:4318")],
        "path",
        Verdict::Doubtful,
        "used as it is",
    );
}

#[test]
fn certificates_are_files_in_pem_format() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "not a certificate").unwrap();
    let (variable, file) = ("OTEL_EXPORTER_OTLP_CERTIFICATE", file.to_str().unwrap());
    let https = (ENDPOINT, "https://host:4318");
    check(
        &[OTLP, https],
        "certificates",
        Verdict::Good,
        "of the system",
    );
    check(
        &[OTLP, https, (variable, file)],
        "certificates",
        Verdict::Bad,
        "not in PEM format",
    );
    check(
        &[OTLP, https, (variable, "/nowhere.pem")],
        "certificates",
        Verdict::Bad,
        "/nowhere.pem",
    );
    std::fs::write(file, "-----BEGIN CERTIFICATE-----").unwrap();
    check(
        &[OTLP, https, (variable, file)],
        "certificates",
        Verdict::Good,
        "are there",
    );
    check(
        &[OTLP, (ENDPOINT, "http://host:4318"), (variable, file)],
        "certificates",
        Verdict::Doubtful,
        "not used",
    );
}
