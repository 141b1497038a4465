use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::config::{BusUrl, LogFormat, SettleSpans, Signal, SourceUrl};

/// A directory with files, and an environment.
struct Place {
    directory: TempDir,
    options: LoadOptions,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = LoadOptions {
            working_dir: directory.path().to_owned(),
            platform_data_dir: Some(PathBuf::from("/home/ann/.local/share")),
            ..LoadOptions::default()
        };
        fs::create_dir(directory.path().join("config")).unwrap();
        Self { directory, options }
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn config_file(mut self, name: &str) -> Self {
        self.options.config_file = Some(PathBuf::from(name));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.options
            .environment
            .insert(name.to_owned(), value.to_owned());
        self
    }

    fn flag(mut self, name: &str, key: &str, value: &str) -> Self {
        let (key, value, name) = (key.to_owned(), value.to_owned(), name.to_owned());
        self.options.flags.push(Flag { key, value, name });
        self
    }

    fn load(&self) -> Loaded {
        load(&self.options).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn errors(&self) -> String {
        load(&self.options)
            .expect_err("it must be refused")
            .to_string()
    }
}

fn value(loaded: &Loaded, key: &str) -> String {
    let setting = loaded.explain().find(|setting| setting.key == key).unwrap();
    format!("{} from {}", setting.value, setting.source)
}

#[test]
fn each_layer_beats_the_one_before() {
    #[track_caller]
    fn check(place: &Place, expected: &str) {
        assert_eq!(value(&place.load(), "telemetry.exporters"), expected);
    }
    let place = Place::new();
    check(&place, "[\"embedded\"] from the default");
    let place = place.file(FILE, "# mine\n[telemetry]\nexporters = [\"memory\"]");
    check(&place, "[\"memory\"] from config/chimera.toml line 3");
    let place = place
        .file("mine.toml", "telemetry.exporters = []")
        .config_file("mine.toml");
    check(&place, "[] from mine.toml line 1");
    let place = place.variable("OTEL_TRACES_EXPORTER", "otlp");
    check(
        &place,
        "[\"otlp\"] from the environment variable OTEL_TRACES_EXPORTER",
    );
    let place = place.variable("CHIMERA__TELEMETRY__EXPORTERS", "embedded, otlp");
    check(
        &place,
        "[\"embedded\", \"otlp\"] from the environment variable CHIMERA__TELEMETRY__EXPORTERS",
    );
    let place = place.flag("--exporter", "telemetry.exporters", "none");
    check(&place, "[\"none\"] from the flag --exporter");
}

#[test]
fn the_data_directory_is_the_platforms_unless_given() {
    #[track_caller]
    fn check(place: &Place, expected: &Path) {
        assert_eq!(place.load().config.data_dir, expected);
    }
    check(&Place::new(), Path::new("/home/ann/.local/share/chimera"));
    let place = Place::new().flag("--data-dir", "data_dir", "here");
    check(&place, &place.directory.path().join("here"));
    let mut homeless = Place::new();
    homeless.options.platform_data_dir = None;
    assert_eq!(
        homeless.errors(),
        "data_dir (the default): this user has no home directory to keep data in, so it must be given"
    );
    check(
        &homeless.variable("CHIMERA__DATA_DIR", "/data"),
        Path::new("/data"),
    );
}

#[test]
fn values_have_types() {
    let loaded = Place::new()
        .file(
            FILE,
            "[api]\nmax_body = 1024\nquestion_timeout = \"1m 30s\"\n[sources.zcash]\nurl = \"http://node:8232\"\n\
             requests_per_second = 4\n[log]\nformat = \"json\"",
        )
        .variable("CHIMERA__BUS__URL", "\"embedded:\"")
        .variable("CHIMERA__CACHE__MAX_BYTES", "1 MiB")
        .variable("CHIMERA__BUS__PREFETCH", "7")
        .variable("CHIMERA__TELEMETRY__SERVICE_NAME", "42")
        .variable("CHIMERA__TELEMETRY__SETTLE_SPANS", "all")
        .variable("CHIMERA__TELEMETRY__PROPAGATE_TO", "[\"a.example\", \"b.example\"]")
        .variable("CHIMERA__TELEMETRY__RESOURCE_ATTRIBUTES", "team=a%2Cb, stage = test")
        .variable("CHIMERA__TELEMETRY__ENABLED", "false")
        .load();
    let config = loaded.config;
    assert_eq!(config.api.max_body.as_u64(), 1024);
    assert_eq!(config.api.question_timeout, Duration::from_secs(90));
    assert_eq!(config.sources.zcash.source.rate_limit(), Some(4.0));
    assert!(
        matches!(&config.sources.zcash.source.url, SourceUrl::Http(url) if url.expose() == "http://node:8232")
    );
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.bus.url, BusUrl::Embedded);
    assert_eq!(config.cache.max_bytes.as_u64(), 1 << 20);
    assert_eq!(config.bus.prefetch.get(), 7);
    assert_eq!(config.telemetry.service_name.as_deref(), Some("42"));
    assert_eq!(config.telemetry.settle_spans, SettleSpans::All);
    assert_eq!(config.telemetry.propagate_to, ["a.example", "b.example"]);
    assert_eq!(config.telemetry.resource_attributes["team"], "a,b");
    assert_eq!(config.telemetry.resource_attributes["stage"], "test");
    assert!(!config.telemetry.enabled);
}

#[test]
fn each_mistake_in_a_file_is_named() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Place::new().file(FILE, text).errors(), expected);
    }
    check(
        "[bus]\nulr = \"embedded:\"",
        "bus.ulr (config/chimera.toml line 2): there is no such key, the nearest is `bus.url`",
    );
    check(
        "\n\n[telemtry]\nexporters = []",
        "telemtry (config/chimera.toml line 3): there is no such key, the nearest is `telemetry`",
    );
    check(
        "bus = 1",
        "bus (config/chimera.toml line 1): expected a section [bus], found a single value",
    );
    check(
        "[telemetry]\nexporters = \"otlp\"",
        "telemetry.exporters (config/chimera.toml line 2): expected a list, each one of embedded, otlp, jaeger, \
         zipkin, console, file, memory, none, found a string",
    );
    check(
        "[telemetry]\nexporters = [\"kafka\"]",
        "telemetry.exporters (config/chimera.toml line 2): \"kafka\" is none of embedded, otlp, jaeger, zipkin, console, \
         file, memory, none",
    );
    check(
        "[telemetry]\nexporters = [\"otlp\", \"otpl\"]",
        "telemetry.exporters (config/chimera.toml line 2): \"otpl\" is none of embedded, otlp, jaeger, zipkin, console, \
         file, memory, none; the nearest is `otlp`",
    );
    check(
        "[api]\nlisten = \"localhost\"",
        "api.listen (config/chimera.toml line 2): expected an address and port such as \"127.0.0.1:8080\", found \"localhost\"",
    );
    check(
        "[agent]\ngrace = 10",
        "agent.grace (config/chimera.toml line 2): expected a duration such as \"30s\" or \"200ms\", found a whole number",
    );
    check(
        "[agent]\ngrace = \"2h\"",
        "agent.grace (config/chimera.toml line 2): \"2h\" is out of range, allowed is \"0s\" to \"1h\"",
    );
    check(
        "[bus]\nprefetch = 0",
        "bus.prefetch (config/chimera.toml line 2): 0 is out of range, allowed is 1 to 65535",
    );
    check(
        "[agent]\nmax_attempts = 0",
        "agent.max_attempts (config/chimera.toml line 2): 0 is out of range, allowed is 1 to 1000",
    );
    check(
        "[cache]\nmax_bytes = \"64 cats\"",
        "cache.max_bytes (config/chimera.toml line 2): expected a size such as \"64 KiB\", or a number of bytes, found \"64 cats\"",
    );
    check(
        "[cache]\nmax_bytes = -1",
        "cache.max_bytes (config/chimera.toml line 2): -1 is out of range, allowed is \"1 KiB\" to \"64 GiB\"",
    );
    check(
        "[bus]\nurl = \"kafka://host\"",
        "bus.url (config/chimera.toml line 2): expected \"embedded:\", amqp://… or amqps://…: the scheme `kafka` is not one of these",
    );
    check(
        "[log]\nfilter = \"info,x=loud\"",
        "log.filter (config/chimera.toml line 2): expected levels of log lines such as \"info\" or \
         \"info,chimera_bus=debug\", found \"info,x=loud\"",
    );
    check(
        "[telemetry]\nsampler_arg = 1.5",
        "telemetry.sampler_arg (config/chimera.toml line 2): 1.5 is out of range, allowed is 0.0 to 1.0",
    );
    check(
        "[agent]\nbackoff_base = \"1m\"",
        "agent.backoff_base (config/chimera.toml line 2): must not be over `agent.backoff_max` (`agent.backoff_max` is \"30s\", from the default)",
    );
    check(
        "[telemetry]\nexporters = [\"none\", \"otlp\"]",
        "telemetry.exporters (config/chimera.toml line 2): `none` cannot stand beside other exporters",
    );
    check(
        "[telemetry]\nmetrics_exporters = [\"otlp\", \"none\"]",
        "telemetry.metrics_exporters (config/chimera.toml line 2): `none` cannot stand beside other exporters",
    );
    check(
        "[telemetry]\nlogs_exporters = [\"none\", \"otlp\"]",
        "telemetry.logs_exporters (config/chimera.toml line 2): `none` cannot stand beside other exporters",
    );
    check(
        "[viewer]\nlisten = \"127.0.0.1:8080\"",
        "viewer.listen (config/chimera.toml line 2): must not be the address of the api (`api.listen` is \"127.0.0.1:8080\", from the default)",
    );
    check(
        "[telemetry.batch]\nmax_export_batch_size = 4096",
        "telemetry.batch.max_export_batch_size (config/chimera.toml line 2): must not be over the queue's size \
         (`telemetry.batch.max_queue_size` is 2048, from the default)",
    );
    check("a = 1\na = 2", "config/chimera.toml line 2: duplicate key");
}

#[test]
fn each_mistake_outside_of_files_is_named() {
    #[track_caller]
    fn check(place: &Place, expected: &str) {
        assert_eq!(place.errors(), expected);
    }
    check(
        &Place::new().variable("CHIMERA__BUS__PREFECH", "1"),
        "bus.prefech (the environment variable CHIMERA__BUS__PREFECH): there is no such key, the nearest is `bus.prefetch`",
    );
    check(
        &Place::new().variable("CHIMERA__BUS__PREFETCH", "many"),
        "bus.prefetch (the environment variable CHIMERA__BUS__PREFETCH): expected a whole number above 0, found \"many\"",
    );
    check(
        &Place::new().variable("CHIMERA__BUS__PREFETCH", "100000"),
        "bus.prefetch (the environment variable CHIMERA__BUS__PREFETCH): 100000 is out of range, allowed is 1 to 65535",
    );
    check(
        &Place::new().variable("CHIMERA__DATA_DIR", "/data/\u{FFFD}"),
        "data_dir (the environment variable CHIMERA__DATA_DIR): the text is not valid UTF-8",
    );
    check(
        &Place::new().flag("--wait", "api.max_wait", "soon"),
        "api.max_wait (the flag --wait): expected a duration such as \"30s\" or \"200ms\", found \"soon\"",
    );
    check(
        &Place::new().config_file("my.toml"),
        "my.toml: there is no such file",
    );
    check(
        &Place::new().file("my.toml", b"\xff").config_file("my.toml"),
        "my.toml: the text is not valid UTF-8",
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = Place::new()
        .file(FILE, "[bus]\nulr = 1\nprefetch = 0")
        .variable("CHIMERA__API__MAX_WAIT", "soon")
        .variable("OTEL_TRACES_SAMPLER", "sometimes")
        .flag("--listen", "api.listen", "8080")
        .errors();
    let keys: Vec<_> = errors
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        keys,
        ["bus.ulr", "bus.prefetch", "api.max_wait", "api.listen"]
    );
}

/// A value that a later layer replaces is still wrong, and will be in force once that layer is gone.
#[test]
fn a_replaced_value_is_checked_too() {
    let place = Place::new()
        .file(FILE, "bus.prefetch = 0")
        .flag("--prefetch", "bus.prefetch", "1");
    assert_eq!(
        place.errors(),
        "bus.prefetch (config/chimera.toml line 1): 0 is out of range, allowed is 1 to 65535"
    );
}

#[test]
fn an_empty_variable_is_unset_and_quotes_are_the_empty_text() {
    let place = Place::new().file(FILE, "[sources]\nrecorded_dir = \"/days\"");
    let unset = place.variable("CHIMERA__SOURCES__RECORDED_DIR", "");
    assert_eq!(
        unset.load().config.sources.recorded_dir.as_deref(),
        Some(Path::new("/days"))
    );
    let nothing = unset.variable("CHIMERA__SOURCES__RECORDED_DIR", "\"\"");
    assert_eq!(nothing.load().config.sources.recorded_dir, None);
}

#[test]
fn a_variable_that_lacks_an_underscore_gets_a_warning() {
    let loaded = Place::new()
        .variable("CHIMERA_BUS_URL", "amqp://host")
        .variable("CHIMERA_HOME", "/x")
        .load();
    assert_eq!(
        loaded.warnings,
        ["the environment variable CHIMERA_BUS_URL is not read; `CHIMERA__BUS__URL` is"]
    );
}

#[test]
fn a_small_queue_makes_the_batch_small() {
    let loaded = Place::new()
        .file(FILE, "telemetry.batch.max_queue_size = 10")
        .load();
    assert_eq!(
        loaded.config.telemetry.batch.max_export_batch_size.get(),
        10
    );
}

/// The more exact key wins, unless somebody with more to say gave the other.
#[test]
fn an_endpoint_of_a_later_layer_beats_the_exact_one() {
    #[track_caller]
    fn check(place: &Place, expected: &str) {
        assert_eq!(
            place
                .load()
                .config
                .telemetry
                .otlp
                .signal(Signal::Traces)
                .url
                .expose(),
            expected
        );
    }
    let place = Place::new().file(
        FILE,
        "telemetry.otlp.traces.endpoint = \"http://file/exact\"",
    );
    check(&place, "http://file/exact");
    let place = place.variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard");
    check(&place, "http://standard/v1/traces");
    let place = place.variable(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://standard/exact",
    );
    check(&place, "http://standard/exact");
    let place = place.variable("CHIMERA__TELEMETRY__OTLP__ENDPOINT", "http://ours");
    check(&place, "http://ours/v1/traces");
    let place = place.flag("--endpoint", "telemetry.otlp.endpoint", "http://flag");
    check(&place, "http://flag/v1/traces");
}

#[test]
fn a_configuration_for_tests_takes_free_ports() {
    let config = Config::for_test(Path::new("/tmp/x"));
    let ports = [
        config.api.listen,
        config.viewer.listen,
        config.sources.listen,
        config.agent.health_listen,
    ];
    assert!(
        ports
            .iter()
            .all(|listen| listen.port() == 0 && listen.ip().is_loopback())
    );
    assert_eq!(config.data_dir, Path::new("/tmp/x"));
}

#[test]
fn a_value_can_stand_in_a_file() {
    let place = Place::new()
        .file("url", "amqp://ann:hunter2@broker/\n")
        .variable("CHIMERA__BUS__URL_FILE", "url");
    let loaded = place.load();
    assert_eq!(
        value(&loaded, "bus.url"),
        "\"amqp://ann:***@broker/\" from the environment variable CHIMERA__BUS__URL_FILE"
    );
    let twice = place.variable("CHIMERA__BUS__URL", "embedded:");
    assert_eq!(
        twice.errors(),
        "bus.url (the environment variable CHIMERA__BUS__URL_FILE): \
         the variable without _FILE is set, too; leave one of them out"
    );
}

#[test]
fn a_password_can_stand_in_a_file_of_its_own() {
    let place = Place::new()
        .file("secret", "hunt@er2\n")
        .variable("CHIMERA__BUS__URL", "amqp://ann@broker")
        .variable("CHIMERA__BUS__PASSWORD_FILE", "secret")
        .variable(
            "CHIMERA__CACHE__PASSWORD_FILE",
            "not-needed-by-an-embedded-cache",
        );
    let BusUrl::Amqp(url) = place.load().config.bus.url else {
        panic!("the URL of a broker was given");
    };
    assert_eq!(url.expose(), "amqp://ann:hunt%40er2@broker");
    assert_eq!(url.to_string(), "amqp://ann:***@broker");
}

#[test]
fn a_file_that_holds_no_value_is_named() {
    #[track_caller]
    fn check(place: &Place, expected: &str) {
        let errors = place
            .errors()
            .replace(place.directory.path().to_str().unwrap(), "");
        assert_eq!(errors, expected);
    }
    let place = || Place::new().variable("CHIMERA__BUS__URL", "amqp://ann@broker");
    let file = |name| place().variable("CHIMERA__BUS__PASSWORD_FILE", name);
    let origin = "bus.password_file (the environment variable CHIMERA__BUS__PASSWORD_FILE)";
    check(
        &file("nowhere"),
        &format!("{origin}: `/nowhere`: there is no such file"),
    );
    check(
        &file("empty").file("empty", "\n"),
        &format!("{origin}: `/empty`: it is empty"),
    );
    check(
        &file("one")
            .file("one", "x")
            .flag("--set", "bus.url", "amqp://broker"),
        &format!("{origin}: the URL beside it names no user whose password this could be"),
    );
    check(
        &file("one")
            .file("one", "x")
            .flag("--set", "bus.url", "amqp://ann:q@broker"),
        &format!("{origin}: the URL beside it has a password already"),
    );
}
