//! Agents on a real broker: waiting for it, losing it, and being refused.

use std::time::Duration;

use chimera_bus::{Message, Queue, QueueName, Routed, RoutingKey};
use chimera_servers::RabbitMq;
use chimera_shared::{
    BaseAgent, Context, HandleError, Platform,
    config::{BusUrl, Config, Exporter, RedactedUrl},
    control::{Direct, Outgoing},
    http::{Http, HttpError, HttpSettings, Request},
    platform::Running,
    telemetry::{SpanKind, Telemetry, keys},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::cache::blocking;

const PATIENCE: Duration = Duration::from_secs(60);

/// Replies with the trace that it was asked in.
async fn on_where(cx: Context, _: Value) -> Result<String, HandleError> {
    Ok(cx.trace_id())
}

fn agent() -> BaseAgent {
    BaseAgent::new("echo_agent").on("echo.request", on_where)
}

/// A configuration with the bus at `url`.
fn config(directory: &tempfile::TempDir, url: &str) -> Config {
    let mut config = Config::for_test(directory.path());
    let url = RedactedUrl::parse(url, &["amqp"]).unwrap();
    config.bus.url = BusUrl::Amqp(url);
    config.telemetry.exporters = vec![Exporter::Memory];
    config
}

/// The status of `url`, and its body.
async fn get(url: &str) -> (u16, String) {
    let http = Http::new(HttpSettings::default()).scoped(&Telemetry::off("a test").root());
    let body = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match http.send(&Request::get(url.parse().unwrap())).await {
        Ok(answer) => (answer.status(), body(answer.body())),
        Err(HttpError::Status {
            status, body: said, ..
        }) => (status, body(&said)),
        Err(error) => panic!("{error}"),
    }
}

/// What `/readyz` at `health` says once its status is `wanted`.
async fn readiness(health: &str, wanted: u16) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let (status, body) = get(&format!("{health}/readyz")).await;
        if status == wanted {
            return serde_json::from_str(&body).unwrap();
        }
        assert!(Instant::now() < until, "{status} {body}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_waits_for_its_broker_and_outlives_it() {
    let broker = blocking(RabbitMq::start).await;
    let place = broker.url().rsplit('@').next().unwrap().to_owned();
    let broker = blocking(move || {
        broker.stop();
        broker
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory, &broker.url());
    let prepared = Platform::prepare(config.clone(), "a test").unwrap();
    let launching = prepared.listen(vec![agent()]).await.unwrap();
    let health = format!("http://{}", launching.addresses()[0].address);
    let launched = tokio::spawn(launching.launch());

    let waiting = readiness(&health, 503).await;
    let bus = &waiting["dependencies"]["bus"];
    let server = bus["server"].as_str().unwrap();
    assert!(
        place.starts_with(server.strip_prefix("amqp://").unwrap()),
        "{bus}"
    );
    assert_eq!(get(&format!("{health}/healthz")).await.0, 200);

    let broker = start_again(broker).await;
    let running = launched.await.unwrap().unwrap();
    let ready = readiness(&health, 200).await;
    assert_eq!(ready["dependencies"]["bus.work"]["ready"], true);
    answers(&config).await;

    let broker = blocking(move || {
        broker.stop();
        broker
    })
    .await;
    let lost = readiness(&health, 503).await;
    let bus = &lost["dependencies"]["bus"];
    assert!(bus["reason"].is_string(), "{lost}");
    let _broker = start_again(broker).await;
    readiness(&health, 200).await;
    answers(&config).await;
    running.stop().await;
}

async fn start_again(broker: RabbitMq) -> RabbitMq {
    blocking(move || {
        broker.start_again();
        broker
    })
    .await
}

/// Asks the agent as `chimera request` does: command and agent are one trace.
async fn answers(config: &Config) {
    let direct = Direct::connect(config).await.unwrap().unwrap();
    let outgoing = outgoing();
    let replied = direct.request(&outgoing).await.unwrap();
    assert_eq!(replied.reply, json!(replied.trace_id));
    direct.close().await;
}

fn outgoing() -> Outgoing {
    serde_json::from_value(json!({ "routing_key": "echo.request", "body": {} })).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_joins_the_trace_that_it_names() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let url = blocking(|| RabbitMq::shared().new_vhost()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory, &url);
    let running = start(config.clone()).await;
    let direct = Direct::connect(&config).await.unwrap().unwrap();
    let mut outgoing = outgoing();
    outgoing.headers.insert(
        "traceparent".to_owned(),
        format!("00-{TRACE}-b7ad6b7169203331-01"),
    );
    let replied = direct.request(&outgoing).await.unwrap();
    assert_eq!(
        (replied.trace_id.as_str(), &replied.reply),
        (TRACE, &json!(TRACE))
    );
    let accepted = direct.publish(&outgoing).await.unwrap();
    assert!(accepted.routed);
    outgoing.routing_key = "nobody.request".to_owned();
    assert!(!direct.publish(&outgoing).await.unwrap().routed);
    direct.close().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_name_the_broker() {
    let url = blocking(|| RabbitMq::shared().new_vhost()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory, &url);
    let mut running = start(config.clone()).await;
    answers(&config).await;
    let telemetry = running.telemetry("echo_agent").unwrap();
    running.stop().await;
    let spans = telemetry.memory().unwrap().get_finished_spans().unwrap();
    let process = spans
        .iter()
        .find(|span| span.span_kind == SpanKind::Consumer)
        .unwrap();
    assert_eq!(
        process.name,
        "process chimera.events:echo.request:echo_agent"
    );
    let port: i64 = url
        .rsplit_once(':')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let has = |key, value: opentelemetry::Value| {
        let found = process
            .attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key);
        assert_eq!(
            found.map(|attribute| &attribute.value),
            Some(&value),
            "{key}"
        );
    };
    has(keys::MESSAGING_SYSTEM, "rabbitmq".into());
    has(keys::SERVER_ADDRESS, "127.0.0.1".into());
    has(keys::SERVER_PORT, port.into());
}

async fn start(config: Config) -> Running {
    let platform = Platform::open(config, "a test").await.unwrap();
    platform.start(vec![agent()]).await.unwrap()
}

/// Why agents cannot run on the broker at `url`, in one line.
async fn refused(url: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let prepared = Platform::prepare(config(&directory, url), "a test").unwrap();
    let launching = prepared.listen(vec![agent()]).await.unwrap();
    let error = launching.launch().await.unwrap_err();
    let line = format!("{:#}", anyhow::Error::from(error));
    assert!(!line.contains("hush") && !line.contains('\n'), "{line}");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_to_correct_is_said_in_a_line() {
    let (url, bare) = blocking(|| {
        let broker = RabbitMq::shared();
        let vhost = broker.new_vhost();
        let name = vhost.rsplit('/').next().unwrap().to_owned();
        let server = vhost.rsplit('@').next().unwrap().to_owned();
        // Who may come in, and may do nothing there. Other tests have the same broker.
        let user = format!("guest-{name}");
        broker.ctl(&["add_user", &user, "hush"]);
        broker.ctl(&["set_permissions", "-p", &name, &user, "", "", ""]);
        (format!("{user}:hush@{server}"), server)
    })
    .await;
    let line = refused(&format!("amqp://{url}")).await;
    assert!(line.contains("set_permissions"), "{line}");
    let line = refused(&format!("amqp://nobody:hush@{bare}")).await;
    assert!(
        line.contains("bus.url") && line.contains("refuses user `nobody`"),
        "{line}"
    );
    let line = refused(&format!("amqp://{url}-not")).await;
    assert!(line.contains("has no virtual host"), "{line}");
}

/// Somebody deletes the queue of dead letters: the message stays where it was until there is one again.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_no_queue_takes_is_kept() {
    let url = blocking(|| RabbitMq::shared().new_vhost()).await;
    let directory = tempfile::tempdir().unwrap();
    let (told, mut tries) = tokio::sync::mpsc::unbounded_channel();
    let refuse = move |_: Context, _: Value| {
        let told = told.clone();
        async move {
            // The test may have seen enough.
            let _ = told.send(());
            Err::<(), _>(HandleError::Permanent(anyhow::anyhow!("it is refused")))
        }
    };
    let agent = BaseAgent::new("refusing_agent").on("refuse.this", refuse);
    let platform = Platform::open(config(&directory, &url), "a test").await;
    let running = platform.unwrap().start(vec![agent]).await.unwrap();
    let vhost = url.rsplit('/').next().unwrap().to_owned();
    blocking(move || {
        let letters = "refusing_agent.dlq";
        RabbitMq::shared().ctl(&["delete_queue", "-p", &vhost, letters])
    })
    .await;

    let bus = running.platform().bus();
    let message = Message::event(RoutingKey::from_static("refuse.this"), "{}");
    let id = message.properties.message_id.clone();
    assert_eq!(bus.publish(message).await.unwrap(), Routed::ToQueue);
    for _ in 0..2 {
        let tried = tokio::time::timeout(PATIENCE, tries.recv()).await;
        tried.unwrap().unwrap();
    }
    let letters = Queue::dead_letters(&QueueName::from_static("refusing_agent"));
    let mut letters = bus.subscribe(letters).await.unwrap();
    let letter = tokio::time::timeout(PATIENCE, letters.next()).await;
    let letter = letter.unwrap().unwrap();
    assert_eq!(letter.message().properties.message_id, id);
    letter.ack().unwrap();
    drop((letters, bus));
    running.stop().await;
}
