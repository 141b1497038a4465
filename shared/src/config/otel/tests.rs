use std::path::PathBuf;

use super::*;
use crate::config::{LoadOptions, Loaded, load};

fn loaded(variables: &[(&str, &str)]) -> Loaded {
    load(&LoadOptions {
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        platform_data_dir: Some(PathBuf::from("/data")),
        ..LoadOptions::default()
    })
    .expect("a standard variable never stops the program")
}

/// What `key` below `telemetry` becomes by `variables`, and that there is no warning.
#[track_caller]
fn check(variables: &[(&str, &str)], key: &str, expected: &str) {
    let loaded = loaded(variables);
    let key = format!("telemetry.{key}");
    let setting = loaded.explain().find(|setting| setting.key == key).unwrap();
    assert_eq!(setting.value, expected);
    assert_eq!(loaded.warnings, [""; 0]);
}

/// The warning that `variables` lead to, and that every key is at its default.
#[track_caller]
fn check_ignored(variables: &[(&str, &str)], expected: &str) {
    let loaded = loaded(variables);
    assert_eq!(loaded.warnings, [expected]);
    assert!(
        loaded
            .explain()
            .all(|setting| setting.source == Origin::Default)
    );
}

#[test]
fn standard_variables_set_our_keys() {
    check(&[("OTEL_SERVICE_NAME", "shop")], "service_name", "\"shop\"");
    check(&[("OTEL_SERVICE_NAME", "  ")], "service_name", "\"\"");
    check(&[("OTEL_SDK_DISABLED", "True")], "enabled", "false");
    check(&[("OTEL_SDK_DISABLED", "false")], "enabled", "true");
    check(
        &[("OTEL_TRACES_EXPORTER", "otlp,console")],
        "exporters",
        "[\"otlp\", \"console\"]",
    );
    check(
        &[("OTEL_TRACES_EXPORTER", "none")],
        "exporters",
        "[\"none\"]",
    );
    check(
        &[("OTEL_TRACES_EXPORTER", "")],
        "exporters",
        "[\"embedded\"]",
    );
    check(
        &[("OTEL_TRACES_SAMPLER", "traceidratio")],
        "sampler",
        "\"traceidratio\"",
    );
    let ratio = [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", ".25"),
    ];
    check(&ratio, "sampler_arg", "0.25");
    check(
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC")],
        "otlp.protocol",
        "\"grpc\"",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")],
        "otlp.compression",
        "\"gzip\"",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")],
        "otlp.timeout",
        "\"1s 500ms\"",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=a%20b,x=1")],
        "otlp.headers",
        "{ api-key = \"***\", x = \"***\" }",
    );
    check(
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://u:p@host")],
        "otlp.endpoint",
        "\"https://u:***@host\"",
    );
    check(
        &[("OTEL_BSP_SCHEDULE_DELAY", "100")],
        "batch.schedule_delay",
        "\"100ms\"",
    );
    check(
        &[("OTEL_BSP_EXPORT_TIMEOUT", "100")],
        "batch.export_timeout",
        "\"100ms\"",
    );
    check(
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "100")],
        "batch.max_queue_size",
        "100",
    );
    check(
        &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100")],
        "batch.max_export_batch_size",
        "100",
    );
}

#[test]
fn a_timeout_of_zero_is_no_limit() {
    let loaded = loaded(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")]);
    assert_eq!(
        loaded.config.telemetry.otlp.timeout.as_millis(),
        u128::from(UNLIMITED_MS)
    );
}

#[test]
fn what_is_said_for_traces_beats_what_is_said_for_all() {
    let with = |name: &str| format!("OTEL_EXPORTER_OTLP_{name}");
    for (all, traces, key, expected) in [
        (
            ("PROTOCOL", "http/protobuf"),
            ("TRACES_PROTOCOL", "grpc"),
            "otlp.protocol",
            "\"grpc\"",
        ),
        (
            ("TIMEOUT", "1"),
            ("TRACES_TIMEOUT", "2"),
            "otlp.timeout",
            "\"2ms\"",
        ),
        (
            ("COMPRESSION", "gzip"),
            ("TRACES_COMPRESSION", "none"),
            "otlp.compression",
            "\"none\"",
        ),
        (
            ("HEADERS", "a=1"),
            ("TRACES_HEADERS", "b=2"),
            "otlp.headers",
            "{ b = \"***\" }",
        ),
    ] {
        check(
            &[(&with(all.0), all.1), (&with(traces.0), traces.1)],
            key,
            expected,
        );
    }
}

#[test]
fn the_endpoint_follows_the_specification() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        assert_eq!(
            loaded(variables)
                .config
                .telemetry
                .otlp
                .traces_url()
                .expose(),
            expected
        );
    }
    let (all, traces) = (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    );
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    check(&[], "http://localhost:4318/v1/traces");
    check(&[grpc], "http://localhost:4317");
    check(&[(all, "http://host:1")], "http://host:1/v1/traces");
    check(
        &[(all, "http://host:1/otlp/")],
        "http://host:1/otlp/v1/traces",
    );
    check(&[(all, "http://host:1"), grpc], "http://host:1");
    check(
        &[(all, "http://host:1"), (traces, "http://other:2/here")],
        "http://other:2/here",
    );
    check(&[(traces, "http://other:2")], "http://other:2");
}

#[test]
fn resource_attributes_are_pairs() {
    let pairs = (
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=shop,team=a%3Db,empty=",
    );
    check(
        &[pairs],
        "resource_attributes",
        "{ empty = \"\", team = \"a=b\" }",
    );
    check(&[pairs], "service_name", "\"shop\"");
    check(
        &[pairs, ("OTEL_SERVICE_NAME", "till")],
        "service_name",
        "\"till\"",
    );
}

#[test]
fn what_cannot_be_used_is_left_out_with_a_warning() {
    check_ignored(
        &[("OTEL_TRACES_EXPORTER", "otpl")],
        "the environment variable OTEL_TRACES_EXPORTER is ignored: \"otpl\" is none of embedded, otlp, console, memory, \
         none; the nearest is `otlp`",
    );
    check_ignored(
        &[("OTEL_TRACES_SAMPLER", "jaeger_remote")],
        "the environment variable OTEL_TRACES_SAMPLER is ignored: \"jaeger_remote\" is none of always_on, always_off, \
         traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio",
    );
    check_ignored(
        &[("OTEL_TRACES_SAMPLER_ARG", "0.5")],
        "the environment variable OTEL_TRACES_SAMPLER_ARG is ignored: it counts only when OTEL_TRACES_SAMPLER is set",
    );
    check_ignored(
        &[("OTEL_SDK_DISABLED", "yes")],
        "the environment variable OTEL_SDK_DISABLED is ignored: expected true or false, found \"yes\"",
    );
    check_ignored(
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")],
        "the environment variable OTEL_EXPORTER_OTLP_PROTOCOL is ignored: \"http/json\" is none of grpc, http/protobuf",
    );
    check_ignored(
        &[("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")],
        "the environment variable OTEL_EXPORTER_OTLP_TIMEOUT is ignored: expected a whole number, found \"10s\"",
    );
    check_ignored(
        &[("OTEL_EXPORTER_OTLP_TIMEOUT", "-1")],
        "the environment variable OTEL_EXPORTER_OTLP_TIMEOUT is ignored: expected a whole number, found \"-1\"",
    );
    check_ignored(
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "0")],
        "the environment variable OTEL_BSP_MAX_QUEUE_SIZE is ignored: 0 is out of range, allowed is 1 to 10_000_000",
    );
    check_ignored(
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")],
        "the environment variable OTEL_EXPORTER_OTLP_ENDPOINT is ignored: expected http://… or https://…: it has no scheme",
    );
    check_ignored(
        &[("OTEL_RESOURCE_ATTRIBUTES", "a=b,c")],
        "the environment variable OTEL_RESOURCE_ATTRIBUTES is ignored: expected key=value pairs, separated by commas, \
         found something else",
    );
}

#[test]
fn a_ratio_out_of_range_leaves_the_sampler() {
    let loaded = loaded(&[
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ]);
    assert_eq!(
        loaded.warnings,
        [
            "the environment variable OTEL_TRACES_SAMPLER_ARG is ignored: 2.0 is out of range, allowed is 0.0 to 1.0"
        ]
    );
    assert_eq!(loaded.config.telemetry.sampler_arg, 1.0);
    assert_eq!(loaded.config.telemetry.sampler.as_str(), "traceidratio");
}

#[test]
fn of_several_exporters_the_known_ones_count() {
    let loaded = loaded(&[("OTEL_TRACES_EXPORTER", "xray, OTLP, none")]);
    assert_eq!(loaded.config.telemetry.exporters, [Exporter::Otlp]);
    assert_eq!(loaded.warnings.len(), 2);
}

#[test]
fn a_batch_over_the_queue_is_lowered() {
    let loaded = loaded(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20"),
    ]);
    assert_eq!(
        loaded.config.telemetry.batch.max_export_batch_size.get(),
        10
    );
    assert_eq!(
        loaded.warnings,
        [
            "the environment variable OTEL_BSP_MAX_EXPORT_BATCH_SIZE is lowered to 10, the size of the queue"
        ]
    );
}
