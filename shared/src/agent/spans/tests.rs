use std::sync::{Arc, Mutex};

use chimera_bus::{QueueName, RoutingKey};
use opentelemetry::Context as OtelContext;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::*;
use crate::{
    cache::{Cache, Keys},
    documents::Documents,
    http::{Http, HttpSettings, Request},
    telemetry::Telemetry,
};

#[test]
fn a_destination_leaves_out_what_is_empty() {
    let check = |exchange: &Exchange, routing_key: &str, expected: &str| {
        assert_eq!(destination(exchange, routing_key), expected);
    };
    check(&Exchange::EVENTS, "a.b", "chimera.events:a.b");
    check(&Exchange::EVENTS, "", "chimera.events");
    check(&Exchange::DEFAULT, "queue", "queue");
    check(&Exchange::DEFAULT, "", "amq.default");
}

/// What samplers see: spans as they are when they start.
#[derive(Debug, Clone, Default)]
struct Starts(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Starts {
    fn on_start(&self, span: &mut Span, _context: &OtelContext) {
        self.0.lock().unwrap().extend(span.exported_data());
    }

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Starts {
    /// Each span that started was called so, and had these keys.
    fn check(&self, expected: &[(&str, &[&str])]) {
        let started = self.0.lock().unwrap();
        let names: Vec<_> = started.iter().map(|span| &*span.name).collect();
        let expected_names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, expected_names);
        for (span, (name, keys)) in started.iter().zip(expected) {
            for key in *keys {
                let mut attributes = span.attributes.iter();
                let has = attributes.any(|attribute| attribute.key.as_str() == *key);
                assert!(has, "`{name}` starts without `{key}`");
            }
        }
    }
}

/// What the conventions want at creation, for samplers.
const MESSAGING: [&str; 6] = [
    keys::MESSAGING_SYSTEM,
    keys::MESSAGING_DESTINATION_NAME,
    keys::MESSAGING_OPERATION_NAME,
    keys::MESSAGING_OPERATION_TYPE,
    keys::SERVER_ADDRESS,
    keys::SERVER_PORT,
];

#[tokio::test]
async fn what_samplers_look_at_is_there_when_a_span_starts() {
    let starts = Starts::default();
    let telemetry = Telemetry::new("svc", vec![Box::new(starts.clone())]);
    let scope = telemetry.root();
    let broker = Broker {
        system: "rabbitmq",
        server: Some(("broker.example".to_owned(), 5672)),
        connections: None,
    };
    let event = Message::event(RoutingKey::new("work.done").unwrap(), "{}");
    scope.start(publish(&broker, &event)).end();
    scope.start(request(&broker, &event)).end();
    let queue = QueueName::new("replies").unwrap();
    scope
        .start(reply(&broker, &Message::to_queue(&queue, "{}")))
        .end();

    let cache = Cache::embedded(1_024, Keys::default()).scoped(&scope);
    cache.get::<u8>("key").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let documents = Documents::open_embedded(directory.path()).await.unwrap();
    let found = documents.scoped(&scope).collection("orders");
    found.get::<serde_json::Value>("1").await.unwrap();
    // Nobody listens there.
    let url = "http://127.0.0.1:1/path".parse().unwrap();
    let http = Http::new(HttpSettings::default()).scoped(&scope);
    http.send(&Request::get(url)).await.unwrap_err();

    let database = [keys::DB_SYSTEM_NAME, keys::DB_OPERATION_NAME];
    let collection = [
        keys::DB_SYSTEM_NAME,
        keys::DB_OPERATION_NAME,
        keys::DB_COLLECTION_NAME,
        keys::DB_NAMESPACE,
    ];
    let http = [
        keys::HTTP_REQUEST_METHOD,
        keys::URL_FULL,
        keys::SERVER_ADDRESS,
        keys::SERVER_PORT,
    ];
    starts.check(&[
        ("publish chimera.events:work.done", &MESSAGING),
        ("request chimera.events:work.done", &MESSAGING),
        ("publish (temporary)", &MESSAGING),
        ("GET", &database),
        ("find orders", &collection),
        ("GET", &http),
    ]);
}
