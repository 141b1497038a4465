use std::fs;
use std::path::PathBuf;

use super::*;
use crate::config::{LoadOptions, Loaded, Signal, load};

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
    let rate = [
        ("OTEL_TRACES_SAMPLER", "parentbased_RateLimited"),
        ("OTEL_TRACES_SAMPLER_ARG", "20"),
    ];
    check(&rate, "sampler_rate", "20.0");
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
fn what_is_said_for_one_signal_beats_what_is_said_for_all() {
    let set = |name: &str, value: &str| (format!("OTEL_EXPORTER_OTLP_{name}"), value.to_owned());
    let all = [
        set("PROTOCOL", "http/protobuf"),
        set("TIMEOUT", "1"),
        set("COMPRESSION", "gzip"),
        set("HEADERS", "a=1"),
        set("CERTIFICATE", "/all.pem"),
        set("CLIENT_KEY", "/all.key"),
        set("CLIENT_CERTIFICATE", "/all.crt"),
    ];
    for (signal, group) in Signal::ALL.into_iter().zip(["TRACES", "METRICS", "LOGS"]) {
        let set = |name: &str, value: &str| set(&format!("{group}_{name}"), value);
        let own = [
            set("PROTOCOL", "grpc"),
            set("TIMEOUT", "2"),
            set("COMPRESSION", "none"),
            set("HEADERS", "b=2"),
            set("CERTIFICATE", "/own.pem"),
            set("CLIENT_KEY", "/own.key"),
            set("CLIENT_CERTIFICATE", "/own.crt"),
        ];
        let variables: Vec<_> = all.iter().chain(&own).map(borrowed).collect();
        let otlp = loaded(&variables).config.telemetry.otlp;
        let sent = otlp.signal(signal);
        assert_eq!(sent.protocol.as_str(), "grpc");
        assert_eq!(sent.timeout.as_millis(), 2);
        assert_eq!(sent.compression.as_str(), "none");
        let names: Vec<_> = sent.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b"]);
        let files = [sent.certificate, sent.client_key, sent.client_certificate];
        let files = files.map(|file| file.unwrap().display().to_string());
        assert_eq!(files, ["/own.pem", "/own.key", "/own.crt"]);
        for other in Signal::ALL.into_iter().filter(|other| *other != signal) {
            let sent = otlp.signal(other);
            assert_eq!(sent.protocol.as_str(), "http/protobuf", "{other:?}");
            assert_eq!(sent.timeout.as_millis(), 1, "{other:?}");
        }
    }
}

fn borrowed((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

/// Each signal has a path of its own, and gRPC none.
#[test]
fn the_endpoints_of_the_signals() {
    let urls = |variables: &[(&str, &str)]| {
        let otlp = loaded(variables).config.telemetry.otlp;
        Signal::ALL.map(|signal| otlp.signal(signal).url.expose().to_owned())
    };
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:1/otlp");
    assert_eq!(
        urls(&[base]),
        [
            "http://host:1/otlp/v1/traces",
            "http://host:1/otlp/v1/metrics",
            "http://host:1/otlp/v1/logs"
        ]
    );
    let logs = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:2/here");
    let grpc = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc");
    assert_eq!(
        urls(&[base, logs, grpc]),
        [
            "http://host:1/otlp/v1/traces",
            "http://host:1/otlp",
            "http://logs:2/here"
        ]
    );
}

#[test]
fn an_endpoint_of_grpc_needs_no_scheme() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        let otlp = loaded(variables).config.telemetry.otlp;
        assert_eq!(otlp.signal(Signal::Traces).url.expose(), expected);
    }
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "host:4317");
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    check(&[endpoint, grpc], "https://host:4317");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE");
    check(&[endpoint, grpc, insecure], "http://host:4317");
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "traces:1");
    let secure = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "false");
    check(&[own, grpc, insecure, secure], "https://traces:1");
    // Whoever says that it is gRPC, and whoever says last how it is spoken.
    let ours = ("CHIMERA__TELEMETRY__OTLP__PROTOCOL", "grpc");
    check(&[endpoint, ours], "https://host:4317");
    let own_protocol = ("CHIMERA__TELEMETRY__OTLP__TRACES__PROTOCOL", "grpc");
    check(&[own, own_protocol, insecure], "http://traces:1");
    let http = ("CHIMERA__TELEMETRY__OTLP__PROTOCOL", "http/json");
    let warnings = loaded(&[endpoint, grpc, http]).warnings;
    assert!(
        warnings[0].contains("OTEL_EXPORTER_OTLP_ENDPOINT is ignored"),
        "{warnings:?}"
    );
}

#[test]
fn an_endpoint_without_a_scheme_is_grpc_where_a_file_says_so() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("grpc.toml"),
        "telemetry.otlp.traces.protocol = \"grpc\"",
    )
    .unwrap();
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "host:4317"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ];
    let loaded = load(&LoadOptions {
        config_file: Some("grpc.toml".into()),
        environment: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        working_dir: dir.path().to_owned(),
        platform_data_dir: Some(PathBuf::from("/data")),
        ..LoadOptions::default()
    })
    .unwrap();
    assert_eq!(loaded.warnings, [""; 0]);
    let traces = loaded.config.telemetry.otlp.signal(Signal::Traces);
    assert_eq!(traces.url.expose(), "http://host:4317");
}

#[test]
fn variables_of_older_systems_are_read_and_named() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], key: &str, expected: &str, warning: &str) {
        let loaded = loaded(variables);
        let key = format!("telemetry.{key}");
        let setting = loaded.explain().find(|setting| setting.key == key).unwrap();
        assert_eq!(setting.value, expected);
        assert_eq!(loaded.warnings, [warning]);
    }
    check(
        &[("TRACING_ENABLED", "false")],
        "enabled",
        "false",
        "the environment variable TRACING_ENABLED is of an older system; set OTEL_SDK_DISABLED instead",
    );
    check(
        &[("DAENA_TRACING_ENABLED", "0")],
        "enabled",
        "false",
        "the environment variable DAENA_TRACING_ENABLED is of an older system; set OTEL_SDK_DISABLED instead",
    );
    check(
        &[("TRACING_EXPORTER", "Console")],
        "exporters",
        "[\"console\"]",
        "the environment variable TRACING_EXPORTER is of an older system; set OTEL_TRACES_EXPORTER instead",
    );
    check(
        &[("TRACING_OTLP_ENDPOINT", "http://host:4318")],
        "otlp.endpoint",
        "\"http://host:4318\"",
        "the environment variable TRACING_OTLP_ENDPOINT is of an older system; set OTEL_EXPORTER_OTLP_ENDPOINT instead",
    );
    check(
        &[("TRACING_JAEGER_HOST", "tracer")],
        "jaeger.endpoint",
        "\"http://tracer:4317\"",
        "the environment variable TRACING_JAEGER_HOST is of an older system; set OTEL_TRACES_EXPORTER=otlp and \
         OTEL_EXPORTER_OTLP_ENDPOINT instead",
    );
}

#[test]
fn a_standard_variable_beats_one_of_an_older_system() {
    let loaded = loaded(&[
        ("TRACING_ENABLED", "true"),
        ("OTEL_SDK_DISABLED", "true"),
        ("TRACING_EXPORTER", "console"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ]);
    assert!(!loaded.config.telemetry.enabled);
    assert_eq!(loaded.config.telemetry.exporters, [Exporter::Otlp]);
}

#[test]
fn what_is_gone_says_what_took_its_place() {
    check_ignored(
        &[("TRACING_JAEGER_PORT", "6831")],
        "the environment variable TRACING_JAEGER_PORT is ignored: Jaeger takes spans as OTLP, at port 4317; for \
         another, set OTEL_TRACES_EXPORTER=otlp and OTEL_EXPORTER_OTLP_ENDPOINT instead",
    );
    check_ignored(
        &[("OTEL_EXPORTER_JAEGER_ENDPOINT", "http://host:14268")],
        "the environment variable OTEL_EXPORTER_JAEGER_ENDPOINT is ignored: it is gone from OpenTelemetry; set \
         OTEL_EXPORTER_OTLP_ENDPOINT",
    );
}

#[test]
fn prometheus_fetches_where_its_variables_say() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: &str) {
        let listen = loaded(variables).config.agent.health_listen;
        assert_eq!(listen.to_string(), expected);
    }
    check(
        &[("OTEL_EXPORTER_PROMETHEUS_PORT", "9000")],
        "127.0.0.1:9000",
    );
    check(
        &[("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0")],
        "0.0.0.0:9464",
    );
    check_ignored(
        &[("OTEL_EXPORTER_PROMETHEUS_PORT", "http")],
        "the environment variable OTEL_EXPORTER_PROMETHEUS_PORT is ignored: expected a port",
    );
}

#[test]
fn further_variables_set_our_keys() {
    for (name, value, (key, expected)) in [
        ("OTEL_LOG_LEVEL", "WARN", ("log_level", "\"warn\"")),
        (
            "OTEL_PROPAGATORS",
            "b3,baggage,b3",
            ("propagators", "[\"b3\", \"baggage\"]"),
        ),
        (
            "OTEL_METRICS_EXPORTER",
            "otlp,prometheus",
            ("metrics_exporters", "[\"otlp\", \"prometheus\"]"),
        ),
        (
            "OTEL_LOGS_EXPORTER",
            "otlp",
            ("logs_exporters", "[\"otlp\"]"),
        ),
        (
            "OTEL_BLRP_SCHEDULE_DELAY",
            "7",
            ("logs_batch.schedule_delay", "\"7ms\""),
        ),
        (
            "OTEL_BLRP_EXPORT_TIMEOUT",
            "7",
            ("logs_batch.export_timeout", "\"7ms\""),
        ),
        (
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "4096",
            ("logs_batch.max_queue_size", "4096"),
        ),
        (
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            "7",
            ("logs_batch.max_export_batch_size", "7"),
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "7",
            ("metrics.export_interval", "\"7ms\""),
        ),
        (
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "7",
            ("metrics.export_timeout", "\"7ms\""),
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET, brew",
            ("http_known_methods", "[\"GET\", \"brew\"]"),
        ),
        (
            "OTEL_METRICS_EXEMPLAR_FILTER",
            "always_off",
            ("metrics.exemplars", "\"always_off\""),
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "Delta",
            ("metrics.temporality", "\"delta\""),
        ),
        (
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "0",
            ("limits.attribute_count", "0"),
        ),
        (
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "7",
            ("limits.attribute_value_length", "7"),
        ),
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "7",
            ("limits.span_attribute_count", "7"),
        ),
        (
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "7",
            ("limits.span_attribute_value_length", "7"),
        ),
        (
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "7",
            ("limits.span_event_count", "7"),
        ),
        (
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "7",
            ("limits.span_link_count", "7"),
        ),
        (
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "7",
            ("limits.event_attribute_count", "7"),
        ),
        (
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "7",
            ("limits.link_attribute_count", "7"),
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "7",
            ("limits.log_attribute_count", "7"),
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "7",
            ("limits.log_attribute_value_length", "7"),
        ),
        (
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
            "http://z/api/v2/spans",
            ("zipkin.endpoint", "\"http://z/api/v2/spans\""),
        ),
        (
            "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
            "7",
            ("zipkin.timeout", "\"7ms\""),
        ),
    ] {
        check(&[(name, value)], key, expected);
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
                .signal(Signal::Traces)
                .url
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
fn a_broken_pair_discards_all_of_them() {
    for broken in ["x=%zz", "x=%4", "x=%", "%g1=x", "x=%ff", "x"] {
        let value = format!("team=a,{broken}");
        check_ignored(
            &[("OTEL_RESOURCE_ATTRIBUTES", &value)],
            "the environment variable OTEL_RESOURCE_ATTRIBUTES is ignored: expected key=value pairs, separated by commas, \
             found something else",
        );
    }
}

#[test]
fn a_warning_names_the_member_of_a_list_that_is_ignored() {
    fn check(variable: (&str, &str), expected: &str) {
        let warnings = loaded(&[variable]).warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
    }
    check(
        ("OTEL_TRACES_EXPORTER", "otlp,logging"),
        "\"logging\" in the environment variable OTEL_TRACES_EXPORTER is ignored: \"logging\" is none of ",
    );
    check(
        ("OTEL_PROPAGATORS", "nothing,b3"),
        "\"nothing\" in the environment variable OTEL_PROPAGATORS is ignored: ",
    );
    check(
        ("OTEL_LOGS_EXPORTER", "otlp,x"),
        "\"x\" in the environment variable OTEL_LOGS_EXPORTER is ignored: ",
    );
    check(
        ("OTEL_TRACES_EXPORTER", "otlp,none"),
        "\"none\" in the environment variable OTEL_TRACES_EXPORTER is ignored: others stand beside it",
    );
}

#[test]
fn what_cannot_be_used_is_left_out_with_a_warning() {
    check_ignored(
        &[("OTEL_TRACES_EXPORTER", "otpl")],
        "the environment variable OTEL_TRACES_EXPORTER is ignored: \"otpl\" is none of embedded, otlp, jaeger, zipkin, \
         console, file, memory, none; the nearest is `otlp`",
    );
    check_ignored(
        &[("OTEL_TRACES_SAMPLER", "jaeger_remote")],
        "the environment variable OTEL_TRACES_SAMPLER is ignored: \"jaeger_remote\" is none of always_on, always_off, \
         traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio, attribute, \
         parentbased_attribute, ratelimited, parentbased_ratelimited",
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
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift")],
        "the environment variable OTEL_EXPORTER_OTLP_PROTOCOL is ignored: \"thrift\" is none of grpc, http/protobuf, http/json",
    );
    check_ignored(
        &[("OTEL_PROPAGATORS", "xray")],
        "the environment variable OTEL_PROPAGATORS is ignored: \"xray\" is none of tracecontext, baggage, b3, b3multi, \
         jaeger, none",
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
    let logs = [
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "20"),
    ];
    let batch = self::loaded(&logs).config.telemetry.logs_batch;
    assert_eq!(batch.max_export_batch_size.get(), 10);
}

#[test]
fn a_standard_variable_that_switches_telemetry_on_beats_files_and_older_variables() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("off.toml"),
        "[telemetry]\nenabled = false\n",
    )
    .unwrap();
    let is_enabled = |variables: &[(&str, &str)]| {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let options = LoadOptions {
            config_file: Some("off.toml".into()),
            environment: variables.iter().map(pair).collect(),
            working_dir: dir.path().to_owned(),
            platform_data_dir: Some(PathBuf::from("/data")),
            ..LoadOptions::default()
        };
        load(&options).unwrap().config.telemetry.enabled
    };
    let on = ("OTEL_SDK_DISABLED", "false");
    assert!(!is_enabled(&[]));
    assert!(is_enabled(&[on]));
    assert!(is_enabled(&[on, ("TRACING_ENABLED", "false")]));
    assert!(!is_enabled(&[on, ("CHIMERA__TELEMETRY__ENABLED", "false")]));
}

#[test]
fn values_stand_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let headers = file("headers", "authorization=Bearer%20hush\n");
    let name = file("name", "shop\n");
    let attributes = file("attributes", "a=b");
    let loaded = loaded(&[
        ("OTEL_EXPORTER_OTLP_HEADERS_FILE", &headers),
        ("OTEL_SERVICE_NAME_FILE", &name),
        ("OTEL_RESOURCE_ATTRIBUTES_FILE", &attributes),
    ]);
    assert_eq!(loaded.warnings, [""; 0]);
    let telemetry = &loaded.config.telemetry;
    let sent = telemetry.otlp.signal(Signal::Logs).headers;
    let (name, value) = sent.iter().next().unwrap();
    assert_eq!((name, value.expose()), ("authorization", "Bearer hush"));
    assert_eq!(telemetry.service_name.as_deref(), Some("shop"));
    assert_eq!(telemetry.resource_attributes["a"], "b");
    assert_eq!(
        loaded.origin("telemetry.service_name"),
        Origin::Variable("OTEL_SERVICE_NAME_FILE".to_owned())
    );
}

#[test]
fn files_that_cannot_be_used_are_warnings() {
    check_ignored(
        &[("OTEL_SERVICE_NAME_FILE", "/nowhere/name")],
        "the environment variable OTEL_SERVICE_NAME_FILE is ignored: `/nowhere/name`: there is no such file",
    );
    let loaded = loaded(&[
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_SERVICE_NAME_FILE", "/nowhere/name"),
    ]);
    assert_eq!(
        loaded.config.telemetry.service_name.as_deref(),
        Some("shop")
    );
    assert_eq!(
        loaded.warnings,
        [
            "the environment variable OTEL_SERVICE_NAME_FILE is ignored: OTEL_SERVICE_NAME is set, too"
        ]
    );
}

#[test]
fn what_is_set_and_does_nothing_is_a_warning() {
    for name in [
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
    ] {
        let expected = format!(
            "the environment variable {name} is ignored: expected true or false, found \"yes\""
        );
        check_ignored(&[(name, "yes")], &expected);
    }
    for (name, instead) in variables::UNSUPPORTED {
        let expected =
            format!("the environment variable {name} is ignored: it is not supported; {instead}");
        check_ignored(&[(name, "x")], &expected);
    }
}

#[test]
fn a_slip_in_a_name_is_a_warning_and_a_name_of_others_is_none() {
    for (name, meant) in [
        ("OTEL_SERVICE_NAMES", "OTEL_SERVICE_NAME"),
        ("OTEL_TRACES_SAMPLR", "OTEL_TRACES_SAMPLER"),
        ("OTEL_TRACE_EXPORTER", "OTEL_TRACES_EXPORTER"),
        ("OTEL_EXPORTER_OTLP_ENDPIONT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] {
        let expected = format!(
            "the environment variable {name} is ignored: nobody reads it; the nearest that is read is {meant}"
        );
        check_ignored(&[(name, "x")], &expected);
    }
    for name in [
        "OTEL_PYTHON_LOG_LEVEL",
        "OTEL_JAVAAGENT_ENABLED",
        "OTEL_NODE_RESOURCE_DETECTORS",
        "OTEL_GO_X_EXEMPLAR",
        "OTEL_DOTNET_AUTO_HOME",
        "OTEL_SEMCONV_STABILITY_OPT_IN",
        "OTEL_SERVICE_VERSION",
    ] {
        assert_eq!(loaded(&[(name, "x")]).warnings, [""; 0], "{name}");
    }
}
