//! Sixty secrets, each in every place where one can be, and every way out searched for them.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, routing::post};
use opentelemetry::{
    Context, KeyValue, Value,
    baggage::BaggageExt as _,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tokio::net::TcpListener;

use super::{receiver::Received, *};
use crate::{
    config::{LoadOptions, LogsExporter, MetricsExporter, load},
    telemetry::{
        Correlation, DbCall, HttpExchange, MessagingCall, Place, Processed, Scope, Telemetry,
        redact,
    },
};

/// What every secret has inside, in any case of letters.
const SECRET: &str = "hush";

/// Texts with a secret each, known by its shape.
const SHAPES: [&str; 54] = [
    "amqp://user:hush@host:5672/vhost",
    "redis://:hush@host",
    "mongodb://u:hush@h1,h2/db?authSource=admin",
    "https://hush@host/path",
    "https://host/path?access_token=hush&page=2",
    "https://host/path?page=2&X-Amz-Signature=hush#frag",
    "https://host/callback#id_token=hush",
    "dial tcp: ann:hush@db.example:3306",
    "Server=db;User Id=ann;Password=hush hush;Encrypt=true",
    "AccountName=a;AccountKey=hush==;EndpointSuffix=x",
    "password=hush",
    "token: hush",
    "{\"api_key\": \"hush\", \"n\": 1}",
    "Login { user: \"ann\", secret: Some(\"hush\") }",
    "said \"{\\\"password\\\":\\\"hush\\\"}\"",
    "Authorization: Bearer hushhushhush",
    "sent with bearer hush-0123 to",
    "proxy wants Basic dTpHUSH5 back",
    "Cookie: id=hush; theme=hush",
    "got eyJhbGciOiJIUzI1NiJ9.eyJodXNoIjoxfQ.hushhush there",
    "key AKIAHUSHHUSH0123456 is gone",
    "remote https rejected ghp_hushhushhush0123",
    "slack said no to xoxb-hush-0123456789",
    "model refused sk-proj-hush0123456789",
    "paid with sk_live_hush0123456789",
    "pushed with glpat-hush0123456789",
    "cloned with github_pat_hush0123456789",
    "mapped with AIzaSyhush0123456789abcdefghi",
    "X-Api-Key: hush",
    "--password=hush --user=ann",
    "apikey='hush hush'",
    "-----BEGIN RSA PRIVATE KEY-----\nhush\n-----END RSA PRIVATE KEY-----",
    "{\"password\":[\"hush1\",\"hush2\"]}",
    "{\"secret\":{\"value\":\"hush\"}}",
    "tokens: [\"hush\"]",
    "Password { inner: \"hush\" }",
    "{\"authorization\": [\"hush\"]}",
    "Authorization: Digest username=\"u\", response=\"hush\"",
    "password:\n  hush",
    "<password>hush</password>",
    "(\"password\", \"hush\")",
    "curl -u ann:hush https://host",
    "https://host/?next=http%3A%2F%2Fu%3Ahush%40h",
    "https://host/callback?code=hush0123456789&state=1",
    "Path: /a;JSESSIONID=hush",
    "https://hooks.slack.com/services/T0/B0/hush",
    "https://discord.com/api/webhooks/1/hush",
    "https://api.telegram.org/bot1:hush/sendMessage",
    "grafana refused glsa_hush0123456789",
    "vault refused hvs.hush0123456789abcdefgh",
    "pushed with dckr_pat_hush0123456789",
    "google refused ya29.hush0123456789abcdefgh",
    "signed with whsec_hush0123456789",
    "shop refused shpat_hush0123456789",
];

/// Keys whose value is a secret, whatever it looks like.
const KEYS: [&str; 8] = [
    "password",
    "db_pass",
    "x-api-key",
    "client.secret",
    "Set-Cookie",
    "private_key",
    "server.token",
    "AWS_SECRET_ACCESS_KEY",
];

/// Everything that was written somewhere.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Fails when `output` holds a secret, or nothing of what was made.
fn search(output: &str, place: &str, expected: &str) {
    let found = output.to_ascii_lowercase().find(SECRET).map(|at| {
        let (start, end) = (at.saturating_sub(60), (at + 60).min(output.len()));
        output
            .get(start..end)
            .unwrap_or("between characters")
            .to_owned()
    });
    assert_eq!(found, None, "a secret in {place}");
    assert!(
        output.contains(expected),
        "nothing came to {place}: {output}"
    );
}

/// A server that keeps what is posted to it.
async fn zipkin() -> (String, Written) {
    let written = Written::default();
    let kept = written.clone();
    let keep = move |body: Bytes| async move {
        kept.0.lock().unwrap().extend_from_slice(&body);
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // With a user and a password in its address, too.
    let url = format!("http://u:hush@{}/spans", listener.local_addr().unwrap());
    let app = Router::new().route("/spans", post(keep));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, written)
}

#[derive(Debug, thiserror::Error)]
#[error("asking {0}")]
struct Asked(&'static str, #[source] io::Error);

/// A span with a secret in every place that a span has.
fn plant(scope: &Scope, index: usize) {
    let secret = SHAPES[index % SHAPES.len()];
    let key = KEYS[index % KEYS.len()];
    let list = Value::Array(vec![opentelemetry::StringValue::from(secret)].into());
    let both = || vec![KeyValue::new("note", secret), KeyValue::new(key, "hush")];
    let target = SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::default(),
        false,
        TraceState::default(),
    );
    let start = SpanStart::new(SpanKind::Client, format!("work on {secret}"))
        .with(KeyValue::new("note", secret))
        .with(KeyValue::new("list", list))
        .with(KeyValue::new(key, "hush"))
        .linked(target.clone(), both());
    let span = scope.start(start);
    span.set(KeyValue::new("late", secret));
    span.event("planted", both());
    span.event(format!("saw {secret}"), Vec::new());
    span.link(target, both());
    let error = Asked(secret, io::Error::other(secret));
    span.record_exception("planted", &error);
    span.fail("planted", secret);
}

/// Measurements with a secret in every label that comes from outside.
fn measure(telemetry: &Telemetry, secret: &'static str) {
    let metrics = telemetry.metrics();
    let method = telemetry.method_name(secret);
    let (system, server) = ("rabbitmq", Some((secret, 1)));
    let duration = Duration::from_millis(1);
    metrics.consumed(system, server, secret);
    drop(metrics.in_flight(secret));
    metrics.unrouted(secret);
    metrics.processed(Processed {
        system,
        server,
        queue: secret,
        destination: secret,
        outcome: "dead_letter",
        error_type: None,
        duration,
        span: None,
    });
    metrics.sent(MessagingCall {
        system,
        server,
        operation: "publish",
        destination: secret,
        error_type: None,
        duration,
        span: None,
    });
    metrics.database(DbCall {
        system,
        operation: "find",
        collection: Some(secret),
        namespace: Some(secret),
        server,
        status_code: Some(secret),
        error_type: Some(secret),
        duration,
        span: None,
    });
    for place in [Place::Server(Some(secret)), Place::Client(secret, None)] {
        metrics.http(HttpExchange {
            method: &method,
            protocol_version: None,
            place,
            status: None,
            error_type: Some(secret),
            duration,
            span: None,
        });
    }
}

#[tracing::instrument(err, skip(shape))]
fn refuse(password: &str, shape: &str, note: String) -> Result<(), Asked> {
    tracing::info!(password, shape, "argument {note} of {shape}");
    tracing::warn!(error = %shape, api_key = "hush", "failed");
    Err(Asked("shop.example", io::Error::other(note)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_exporter_shows_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let receiver = receiver::start(OtlpProtocol::HttpProtobuf).await;
    let (zipkin_url, zipkin) = zipkin().await;
    let file = dir.path().join("traces.jsonl");
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.exporters = vec![
        Exporter::Embedded,
        Exporter::Otlp,
        Exporter::Zipkin,
        Exporter::File,
        Exporter::Memory,
    ];
    telemetry.logs_exporters = vec![LogsExporter::Otlp];
    telemetry.metrics_exporters = vec![MetricsExporter::Prometheus, MetricsExporter::Otlp];
    telemetry.otlp.endpoint = Some(url(&receiver.url));
    telemetry.zipkin.endpoint = url(&zipkin_url);
    telemetry.file.path = Some(file.clone());
    telemetry.slow_spans = [("*".to_owned(), Duration::ZERO)].into();
    let attributes = KEYS.iter().map(|key| (*key, "hush"));
    let shapes = SHAPES.iter().map(|shape| ("deployment.note", *shape));
    telemetry.resource_attributes = attributes
        .chain(shapes)
        .enumerate()
        .map(|(index, (key, value))| (format!("n{index}.{key}"), value.to_owned()))
        .chain(KEYS.map(|key| (key.to_owned(), "hush".to_owned())))
        .collect();
    let screen = Written::default();
    let mut exports = Exports::open(telemetry, Some(store.clone()), &Siblings::default()).unwrap();
    let console = Console::new(Arc::new(Board::to(Box::new(screen.clone()))));
    let about = About::spans("console", "a buffer", "telemetry.console");
    exports.start(console, console::LIMITS, about).unwrap();
    let (telemetry, logs) = Telemetry::configured_for_test(telemetry, exports);

    let baggage = [
        KeyValue::new("password", "hush"),
        KeyValue::new("note", SHAPES[0]),
    ];
    let state = "v=ghp_hushhushhush0123,password=hush,a=1";
    let caller = SpanContext::new(
        TraceId::from(7),
        SpanId::from(7),
        TraceFlags::SAMPLED,
        true,
        state.parse().unwrap(),
    );
    let caller = Scope::new(
        telemetry.clone(),
        Context::new().with_remote_span_context(caller),
    );
    let root = caller.start(SpanStart::new(SpanKind::Server, "root"));
    // It is not shown, but passed on.
    assert!(root.context().trace_state().header().contains("hush"));
    let trace = root.context().trace_id();
    let context = root.scope().context().with_baggage(baggage);
    let scope = Scope::new(telemetry.clone(), context);
    for (index, shape) in SHAPES.into_iter().enumerate() {
        plant(&scope, index);
        measure(&telemetry, shape);
        let correlated = scope.with_value(Correlation(shape.to_owned()));
        let _ = correlated.enter(|| refuse("hush", shape, format!("note {shape}")));
    }
    root.end();
    let memory = telemetry.memory().unwrap().get_finished_spans().unwrap();
    search(&format!("{memory:?}"), "memory", "work on ");
    shut_down(&telemetry).await;

    let stored = store.trace(trace).unwrap();
    search(&format!("{stored:?}"), "the embedded store", "work on ");
    let Received {
        traces,
        logs: records,
        metrics,
        ..
    } = receiver.received();
    search(&format!("{traces:?}"), "OTLP's spans", "work on ");
    search(&format!("{records:?}"), "OTLP's log records", "argument ");
    search(&zipkin.text(), "Zipkin's spans", "work on ");
    let text = std::fs::read_to_string(&file).unwrap();
    search(&text, "the file", "work on ");
    search(&screen.text(), "the console", "work on ");
    search(&logs.text(), "log lines", "argument ");
    search(&format!("{metrics:?}"), "OTLP's metrics", redact::REDACTED);
    let page = telemetry.prometheus();
    search(&page, "metrics", redact::REDACTED);
    search(
        &format!("{:?} {telemetry:?}", telemetry.exporters()),
        "health",
        "zipkin",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exporter_that_fails_tells_no_secret() {
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.exporters = vec![Exporter::Otlp, Exporter::Zipkin];
    // Nobody listens there.
    telemetry.otlp.endpoint = Some(url("http://ann:hush@127.0.0.1:1/a?token=hush"));
    telemetry.zipkin.endpoint = url("http://ann:hush@127.0.0.1:1/b?sig=hush");
    let debug = format!("{telemetry:?}");
    search(&debug, "the configuration", "127.0.0.1");
    let exports = Exports::open(telemetry, None, &Siblings::default()).unwrap();
    let (telemetry, logs) = Telemetry::configured_for_test(telemetry, exports);
    make_spans(&telemetry, 1);
    // What cannot be exported is tried again, and given up at the end.
    shut_down_within(&telemetry, Duration::from_millis(1)).await;
    search(&format!("{:?}", telemetry.exporters()), "health", "zipkin");
    search(&logs.text(), "log lines", "");
}

#[test]
fn what_exporters_are_made_of_shows_no_secret() {
    let mut config = config();
    let telemetry = &mut config.telemetry;
    telemetry.otlp.headers = Headers::for_test(&[("authorization", "Bearer hushhush")]);
    telemetry.zipkin.endpoint = url("http://ann:hush@127.0.0.1:1/b?sig=hush");
    for protocol in [OtlpProtocol::Grpc, OtlpProtocol::HttpJson] {
        telemetry.otlp.protocol = protocol;
        telemetry.otlp.endpoint = Some(url("http://ann:hush@127.0.0.1:1/a?token=hush"));
        let otlp = Otlp::new(Signal::Traces, &telemetry.otlp.signal(Signal::Traces));
        search(&format!("{otlp:?}"), "OTLP's exporter", "authorization");
    }
    let zipkin = Zipkin::new(&telemetry.zipkin);
    search(&format!("{zipkin:?}"), "Zipkin's exporter", "127.0.0.1");
}

#[test]
fn an_error_of_the_configuration_tells_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    for shape in SHAPES {
        for key in ["bus.url", "telemetry.sampler", "api.listen", "log.filter"] {
            let (section, name) = key.split_once('.').unwrap();
            let path = dir.path().join("my.toml");
            let value = toml::Value::from(shape).to_string();
            std::fs::write(&path, format!("[{section}]\n{name} = {value}\n")).unwrap();
            let variable = format!("CHIMERA__{}", key.replace('.', "__").to_uppercase());
            let variables = [(variable, shape.to_owned())];
            for environment in [[].into(), variables.into()] {
                let options = LoadOptions {
                    config_file: Some(path.clone()),
                    environment,
                    working_dir: dir.path().to_owned(),
                    ..LoadOptions::default()
                };
                let shown = match load(&options) {
                    Ok(loaded) => format!("{:?} {:?}", loaded.config, loaded.warnings),
                    Err(errors) => format!("{errors} {errors:?}"),
                };
                search(&shown, key, "");
            }
        }
    }
}

#[test]
fn each_shape_is_a_secret_and_stays_readable() {
    for shape in SHAPES {
        assert!(shape.to_ascii_lowercase().contains(SECRET), "{shape}");
        search(&redact::text(shape), shape, redact::REDACTED);
    }
}
